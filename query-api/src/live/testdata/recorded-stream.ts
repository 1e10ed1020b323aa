/** An event stream that keeps what it is sent. For tests. */
import { vi } from "vitest";
import type { EventStream } from "../event-stream.ts";

export interface RecordedEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: Record<string, unknown>;
}

export interface RecordedStream extends EventStream {
  readonly events: readonly RecordedEvent[];
  /** Waits until so many were sent. */
  count(count: number): Promise<void>;
  names(): string[];
  close(): void;
}

export function recordStream(): RecordedStream {
  const gone = new AbortController();
  const events: RecordedEvent[] = [];
  return {
    signal: gone.signal,
    events,
    async send({ event, id, data }) {
      events.push({ event, id, data: JSON.parse(data) });
    },
    end: () => gone.abort(),
    count: (count) =>
      vi.waitFor(
        () => {
          if (events.length < count) throw new Error(`${events.length} of ${count} events`);
        },
        { timeout: 10_000, interval: 5 },
      ),
    names: () => events.map(({ event }) => event),
    close: () => gone.abort(),
  };
}
