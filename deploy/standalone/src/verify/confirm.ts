/** Ingest may run while the verifier looks, and the store has no snapshot over tables: only what is found again, unchanged, is told. */
import type { Difference } from "./verify-lines.ts";

const looks = 3;
const lookPauseMs = 2_000;

export async function confirm(
  find: () => Promise<readonly Difference[]>,
  pause: (ms: number) => Promise<void>,
): Promise<readonly Difference[]> {
  let found = await find();
  for (let again = 1; again < looks && found.length > 0; again += 1) {
    await pause(lookPauseMs);
    const now = new Set((await find()).map(textOf));
    found = found.filter((each) => now.has(textOf(each)));
  }
  return found;
}

function textOf({ where, what }: Difference): string {
  return `${where}\n${what}`;
}
