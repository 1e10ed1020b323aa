/** Waits that somebody can cut short. For one waiter. */
export interface Waker {
  /** Ends the wait, or the next one where nobody waits now. */
  wake(): void;
  /** Resolves when woken, or after `ms`. */
  wait(ms: number): Promise<void>;
}

export function createWaker(): Waker {
  let woken = false;
  let end: (() => void) | undefined;
  return {
    wake() {
      woken = true;
      end?.();
    },
    async wait(ms) {
      if (!woken) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          end = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        end = undefined;
      }
      woken = false;
    },
  };
}
