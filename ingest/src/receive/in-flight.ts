/** What is in flight: bytes and requests, between the first body byte and the answer (otlp-receiver.md rules 77, 78). */

export interface InFlightRequest {
  /** Would `take` succeed now? */
  hasRoom(bytes: number): boolean;
  /** Counts bytes of this request; false when they would exceed the limit, and then they are not counted. */
  take(bytes: number): boolean;
  /** Gives some of them back. */
  give(bytes: number): void;
  /** Gives back whatever it holds and ends; safe to call twice. */
  end(): void;
}

export interface InFlight {
  begin(): InFlightRequest;
  bytes(): number;
  requests(): number;
  /** Resolves once no request is in flight. */
  idle(): Promise<void>;
}

export function createInFlight(bytesMax: number): InFlight {
  let bytes = 0;
  let requests = 0;
  let waiting: (() => void)[] = [];
  return {
    begin() {
      let held = 0;
      let ended = false;
      requests++;
      return {
        hasRoom: (count) => bytes + count <= bytesMax,
        take(count) {
          if (ended || bytes + count > bytesMax) return false;
          held += count;
          bytes += count;
          return true;
        },
        give(count) {
          const given = Math.min(count, held);
          held -= given;
          bytes -= given;
        },
        end() {
          if (ended) return;
          ended = true;
          bytes -= held;
          held = 0;
          requests--;
          if (requests > 0) return;
          const resolveAll = waiting;
          waiting = [];
          for (const resolve of resolveAll) resolve();
        },
      };
    },
    bytes: () => bytes,
    requests: () => requests,
    idle() {
      if (requests === 0) return Promise.resolve();
      return new Promise((resolve) => waiting.push(resolve));
    },
  };
}
