/** Hands a fixed number of sessions to those who wait for one, in the order they came. */
import { exception } from "./exception.ts";

export interface Lane<T> {
  /**
   * Runs `work` with a session of its own.
   *
   * @param signal  aborted while waiting: the place in the line is given up, `work` never runs.
   * @throws an exception TOO_MANY_SIMULTANEOUS_QUERIES (retryable) when the line is full, or when the turn does not come in time.
   */
  run<R>(signal: AbortSignal, work: (session: T) => Promise<R>): Promise<R>;
  /** Resolves when nothing runs. Who still waits is refused from now on. */
  drain(): Promise<void>;
}

interface Waiter<T> {
  readonly take: (session: T) => void;
  readonly refuse: (reason: Error) => void;
}

export function createLane<T>(
  sessions: readonly T[],
  options: { name: string; waitersMax: number; waitMs: number },
): Lane<T> {
  const free = [...sessions];
  const waiters = new Set<Waiter<T>>();
  let draining = false;
  let whenIdle: (() => void)[] = [];

  const full = (reason: string) => exception("TOO_MANY_SIMULTANEOUS_QUERIES", `${reason}; try again later`);

  function take(signal: AbortSignal): Promise<T> {
    if (draining) return Promise.reject(full("The store is shutting down"));
    if (signal.aborted) return Promise.reject(exception("QUERY_WAS_CANCELLED", "The client closed the connection"));
    const session = free.pop();
    if (session !== undefined) return Promise.resolve(session);
    if (waiters.size >= options.waitersMax) {
      return Promise.reject(full(`${waiters.size} ${options.name} already wait, the most allowed`));
    }
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
        waiters.delete(waiter);
      };
      const waiter: Waiter<T> = {
        take(taken) {
          leave();
          resolve(taken);
        },
        refuse(reason) {
          leave();
          reject(reason);
        },
      };
      const onAbort = () => waiter.refuse(exception("QUERY_WAS_CANCELLED", "The client closed the connection"));
      const timer = setTimeout(
        () => waiter.refuse(full(`The turn did not come within ${options.waitMs} ms (${options.name})`)),
        options.waitMs,
      );
      signal.addEventListener("abort", onAbort);
      waiters.add(waiter);
    });
  }

  function giveBack(session: T): void {
    const [next] = waiters;
    if (next !== undefined) {
      next.take(session);
      return;
    }
    free.push(session);
    if (free.length < sessions.length) return;
    for (const resolve of whenIdle) resolve();
    whenIdle = [];
  }

  return {
    async run(signal, work) {
      const session = await take(signal);
      try {
        return await work(session);
      } finally {
        giveBack(session);
      }
    },
    async drain() {
      draining = true;
      for (const waiter of waiters) waiter.refuse(full("The store is shutting down"));
      if (free.length < sessions.length) await new Promise<void>((resolve) => whenIdle.push(resolve));
    },
  };
}
