/**
 * Who may use the thread: a few requests at a time, so that those that run get done instead of all being half done, and connections in turn, so
 * that one with many requests does not hold up one with a single request.
 */
export interface Turns {
  /** Resolves when it is this connection's turn. What it resolves with ends the turn; safe to call twice. */
  take(connection: object): Promise<() => void>;
}

export function createTurns(runningMax: number): Turns {
  /** In the order in which connections have their turns. */
  const waiting = new Map<object, (() => void)[]>();
  let running = 0;

  function startNext(): void {
    if (running >= runningMax) return;
    for (const [connection, starts] of waiting) {
      waiting.delete(connection);
      const start = starts.shift();
      if (starts.length > 0) waiting.set(connection, starts);
      running += 1;
      start?.();
      return;
    }
  }

  return {
    take(connection) {
      return new Promise((resolve) => {
        const start = (): void => {
          let ended = false;
          resolve(() => {
            if (ended) return;
            ended = true;
            running -= 1;
            startNext();
          });
        };
        const starts = waiting.get(connection);
        if (starts === undefined) waiting.set(connection, [start]);
        else starts.push(start);
        startNext();
      });
    },
  };
}
