import type { ProcessedPosition } from "@nonet/proto/control/processed-positions.ts";

type Positions = ReadonlyMap<number, ProcessedPosition>;

/** Asks for the positions of a topic at most once every `freshMs`; those who ask meanwhile share the answer. A failure is not kept. */
export function createPositionCache(
  freshMs: number,
  deps: { load(topic: string): Promise<Positions>; now(): number },
): (topic: string) => Promise<Positions> {
  let kept: { readonly topic: string; readonly atMs: number; readonly positions: Promise<Positions> } | undefined;
  return (topic) => {
    if (kept?.topic === topic && deps.now() - kept.atMs < freshMs) return kept.positions;
    const positions = deps.load(topic);
    const asked = { topic, atMs: deps.now(), positions };
    kept = asked;
    positions.catch(() => {
      if (kept === asked) kept = undefined;
    });
    return positions;
  };
}
