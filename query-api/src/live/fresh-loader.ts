/**
 * Loads by key that many wait for together, none of which shows what was before it was asked for: who asks while a load runs gets the next
 * one. So the work does not grow with the number of those who ask, and a load follows another only after a rest in proportion to its cost.
 */
import { setTimeout as delay } from "node:timers/promises";

export interface FreshLoaderConfig {
  readonly restMsMin: number;
  /** The rest after a load, as a multiple of the time that it took. */
  readonly restFactor: number;
}

export interface FreshLoader<T> {
  /** @throws what the load throws. */
  load(key: string): Promise<T>;
}

interface Slot<T> {
  /** Not begun yet. */
  next: Promise<T> | undefined;
  running: Promise<unknown>;
  notBeforeMs: number;
}

export function createFreshLoader<T>(config: FreshLoaderConfig, load: (key: string) => Promise<T>): FreshLoader<T> {
  const slots = new Map<string, Slot<T>>();

  async function runNext(key: string, slot: Slot<T>): Promise<T> {
    await slot.running;
    const restMs = slot.notBeforeMs - performance.now();
    if (restMs > 0) await delay(restMs);
    slot.next = undefined;
    const startMs = performance.now();
    const loading = load(key);
    slot.running = loading
      .catch(() => undefined) // Who asked is told of it.
      .then(() => {
        const nowMs = performance.now();
        slot.notBeforeMs = nowMs + Math.max(config.restMsMin, config.restFactor * (nowMs - startMs));
        setTimeout(() => {
          if (slot.next === undefined && performance.now() >= slot.notBeforeMs && slots.get(key) === slot)
            slots.delete(key);
        }, slot.notBeforeMs - nowMs).unref();
      });
    return loading;
  }

  return {
    load(key) {
      let slot = slots.get(key);
      if (slot === undefined) {
        slot = { next: undefined, running: Promise.resolve(), notBeforeMs: 0 };
        slots.set(key, slot);
      }
      slot.next ??= runNext(key, slot);
      return slot.next;
    },
  };
}
