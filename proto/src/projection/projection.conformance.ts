import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type FeedItem, feedQueueMax, type LiveNotice, type Projection, valueBytesMax } from "./projection.ts";

/**
 * What every projection does. All tests share one projection, each with a project of its own.
 *
 * @param open ready to be used: healthy.
 */
export function describeProjection(name: string, open: () => Promise<Projection>): void {
  describe(`projection in ${name}`, () => {
    let projection: Projection;
    beforeAll(async () => {
      projection = await open();
    });
    afterAll(() => projection.close());

    const freshProject = () => `p-${randomBytes(8).toString("hex")}`;
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    const writeTrace = (projectId: string, version: bigint, tree: string) =>
      projection.writeTraces([{ projectId, traceId, version, tree }]);
    const writeWindow = (projectId: string, queryStartedAt: bigint, body: string, windowStartSeconds = 60) =>
      projection.writeWindows([{ projectId, windowSeconds: 60, windowStartSeconds, queryStartedAt, body }]);

    /** Listens in the background from the moment it resolves; `items` grows. */
    async function listen(projectId: string, fromId?: string) {
      const stop = new AbortController();
      const items: FeedItem[] = [];
      const listening = (async () => {
        for await (const item of projection.subscribe(projectId, fromId, stop.signal)) items.push(item);
      })();
      if (fromId === undefined)
        await vi.waitFor(() => expect(items).toMatchObject([{ reset: true }]), { timeout: 5_000 });
      return {
        items,
        versions: () => items.map((item) => ("reset" in item ? "reset" : item.notice.version)),
        stop: async () => {
          stop.abort();
          await listening;
        },
      };
    }

    const notice = (projectId: string, version: bigint, sessionIds: string[] = []): LiveNotice => ({
      projectId,
      traceId,
      version,
      sessionIds,
    });

    describe("traces", () => {
      it("gives back what was written, whole", async () => {
        const projectId = freshProject();
        expect(await projection.readTrace(projectId, traceId)).toBeUndefined();
        const tree = JSON.stringify({ text: "東京 🗼 \0 \u2028", list: [1, null] });
        expect(await writeTrace(projectId, 7n, tree)).toEqual({
          written: 1,
          stale: 0,
          oversize: 0,
          failed: 0,
          skipped: 0,
        });
        expect(await projection.readTrace(projectId, traceId)).toEqual({ version: 7n, tree });
      });

      it("never replaces a version by an older one, up to the last bit of 64", async () => {
        const projectId = freshProject();
        const newest = 0xffff_ffff_ffff_ffffn;
        await writeTrace(projectId, newest, '"new"');
        for (const older of [newest - 1n, 1n << 53n, 9n, 0n]) {
          expect(await writeTrace(projectId, older, '"old"')).toMatchObject({ written: 0, stale: 1 });
        }
        expect(await projection.readTrace(projectId, traceId)).toEqual({ version: newest, tree: '"new"' });
      });

      it("takes the same version again, as after a crash", async () => {
        const projectId = freshProject();
        await writeTrace(projectId, 3n, '"a"');
        expect(await writeTrace(projectId, 3n, '"a"')).toMatchObject({ written: 1, stale: 0 });
      });

      it("ends with the newest version, in whatever order and batches the writes come", async () => {
        const version = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
        await fc.assert(
          fc.asyncProperty(
            fc.array(fc.array(version, { maxLength: 5 }), { minLength: 1, maxLength: 5 }),
            async (batches) => {
              const projectId = freshProject();
              for (const batch of batches) {
                await projection.writeTraces(
                  batch.map((each) => ({ projectId, traceId, version: each, tree: `"${each}"` })),
                );
              }
              const newest = batches.flat().reduce((max, each) => (each > max ? each : max), -1n);
              const expected = newest < 0n ? undefined : { version: newest, tree: `"${newest}"` };
              expect(await projection.readTrace(projectId, traceId)).toEqual(expected);
            },
          ),
          { numRuns: 30 },
        );
      });

      it("keeps an older value from a reader that knows of a newer one", async () => {
        const projectId = freshProject();
        await writeTrace(projectId, 5n, '"five"');
        expect(await projection.readTrace(projectId, traceId, 5n)).toMatchObject({ tree: '"five"' });
        expect(await projection.readTrace(projectId, traceId, 6n)).toBeUndefined();
      });

      it("keeps the traces of projects apart", async () => {
        const [mine, theirs] = [freshProject(), freshProject()];
        await writeTrace(theirs, 1n, '"theirs"');
        expect(await projection.readTrace(mine, traceId)).toBeUndefined();
      });

      it("gives up the older tree for one that is too large to keep", async () => {
        const projectId = freshProject();
        await writeTrace(projectId, 1n, '"small"');
        const large = `"${"x".repeat(valueBytesMax)}"`;
        expect(await writeTrace(projectId, 2n, large)).toMatchObject({ written: 1, oversize: 1 });
        expect(await projection.readTrace(projectId, traceId)).toBeUndefined();
        expect(await writeTrace(projectId, 1n, '"small"')).toMatchObject({ stale: 1 });
        await writeTrace(projectId, 3n, '"small again"');
        expect(await projection.readTrace(projectId, traceId)).toMatchObject({ version: 3n });
      });

      it("writes many rows and large ones in one call", async () => {
        const projectId = freshProject();
        const id = (i: number) => i.toString(16).padStart(32, "0");
        const rows = Array.from({ length: 1_000 }, (_, i) => ({
          projectId,
          traceId: id(i),
          version: BigInt(i),
          tree: `"${"x".repeat(i < 10 ? 1_000_000 : i)}"`,
        }));
        expect(await projection.writeTraces(rows)).toMatchObject({ written: 1_000, failed: 0, skipped: 0 });
        for (const i of [0, 9, 10, 999])
          expect(await projection.readTrace(projectId, id(i))).toMatchObject({ version: BigInt(i) });
      });

      it.each(["", "*", "0AF7651916CD43DD8448EB211C80319C", `${traceId}:x`, "../x"])("has no trace %j", async (id) => {
        expect(await projection.readTrace(freshProject(), id)).toBeUndefined();
      });

      it("stops at a version that is none: its writer has lost count", async () => {
        const writing = async () => writeTrace(freshProject(), -1n, "{}");
        await expect(writing()).rejects.toMatchObject({ code: "INTERNAL" });
      });

      it("takes nothing for nothing", async () => {
        const nothing = { written: 0, stale: 0, oversize: 0, failed: 0, skipped: 0 };
        expect(await projection.writeTraces([])).toEqual(nothing);
        expect(await projection.writeWindows([])).toEqual(nothing);
        expect(await projection.notify([])).toEqual(nothing);
        expect(await projection.readWindows(freshProject(), 60, [])).toEqual(new Map());
      });
    });

    describe("windows", () => {
      it("keeps the newest query's answer for each window", async () => {
        const projectId = freshProject();
        await writeWindow(projectId, 20n, '"b"');
        expect(await writeWindow(projectId, 10n, '"a"')).toMatchObject({ stale: 1 });
        await writeWindow(projectId, 25n, '"next minute"', 120);
        await writeWindow(projectId, 21n, '"c"');
        const found = await projection.readWindows(projectId, 60, [0, 60, 120, 60]);
        expect(found).toEqual(new Map([[60, '"c"'], [120, '"next minute"']])); // biome-ignore format: pairs
        expect(await projection.readWindows(projectId, 300, [60])).toEqual(new Map());
      });

      it("forgets windows whose query began before a moment", async () => {
        const projectId = freshProject();
        await writeWindow(projectId, 10n, '"old"', 0);
        await writeWindow(projectId, 30n, '"new"', 60);
        expect(await projection.forgetWindows(projectId, 20n)).toMatchObject({ written: 1 });
        expect(await projection.readWindows(projectId, 60, [0, 60])).toEqual(new Map([[60, '"new"']]));
        await projection.forgetWindows(projectId, 15n);
        await writeWindow(projectId, 19n, '"late"', 0);
        expect(await projection.readWindows(projectId, 60, [0, 60])).toEqual(new Map([[60, '"new"']]));
        await writeWindow(projectId, 20n, '"again"', 0);
        expect((await projection.readWindows(projectId, 60, [0])).get(0)).toBe('"again"');
      });

      it("reads a day of minutes at once", async () => {
        const projectId = freshProject();
        const starts = Array.from({ length: 1_440 }, (_, i) => i * 60);
        const rows = starts.map((start) => ({
          projectId,
          windowSeconds: 60,
          windowStartSeconds: start,
          queryStartedAt: 1n,
          body: String(start),
        }));
        await projection.writeWindows(rows);
        expect(await projection.readWindows(projectId, 60, starts)).toEqual(new Map(starts.map((s) => [s, String(s)])));
      });
    });

    describe("live feed", () => {
      it("tells a listener to read everything once, and then of each change of its project", async () => {
        const [projectId, other] = [freshProject(), freshProject()];
        await projection.notify([notice(projectId, 1n)]);
        const listener = await listen(projectId);
        await projection.notify([notice(projectId, 2n, ["sess_42", "ü"]), notice(other, 9n), notice(projectId, 3n)]);
        await vi.waitFor(() => expect(listener.versions()).toEqual(["reset", 2n, 3n]), { timeout: 5_000 });
        expect(listener.items[1]).toMatchObject({ notice: notice(projectId, 2n, ["sess_42", "ü"]) });
        await listener.stop();
      });

      it("goes on after the id that was seen last, without a gap or a repeat", async () => {
        const projectId = freshProject();
        const first = await listen(projectId);
        await projection.notify([1n, 2n, 3n].map((version) => notice(projectId, version)));
        await vi.waitFor(() => expect(first.versions()).toEqual(["reset", 1n, 2n, 3n]), { timeout: 5_000 });
        await first.stop();
        await projection.notify([notice(projectId, 4n)]);
        const seen = first.items[2];
        const second = await listen(projectId, seen !== undefined && "id" in seen ? seen.id : "");
        await vi.waitFor(() => expect(second.versions()).toEqual([3n, 4n]), { timeout: 5_000 });
        await projection.notify([notice(projectId, 5n)]);
        await vi.waitFor(() => expect(second.versions()).toEqual([3n, 4n, 5n]), { timeout: 5_000 });
        await second.stop();
      });

      it.each([
        "",
        "x",
        "0-0",
        "0-1",
        "1-1",
        "99999999999999-0",
        "18446744073709551616-0",
        "-",
        "+",
        "$",
        "1-1 2",
        "1\r\n",
      ])("resets one that resumes from %j, which was never given out", async (fromId) => {
        const projectId = freshProject();
        await projection.notify([notice(projectId, 1n)]);
        const listener = await listen(projectId, fromId);
        await vi.waitFor(() => expect(listener.versions()).toEqual(["reset"]), { timeout: 5_000 });
        await projection.notify([notice(projectId, 2n)]);
        await vi.waitFor(() => expect(listener.versions()).toEqual(["reset", 2n]), { timeout: 5_000 });
        await listener.stop();
      });

      it("says with a reset where to resume from, also in a feed that never had a notice", async () => {
        const projectId = freshProject();
        const first = await listen(projectId);
        const place = first.items[0];
        expect(place).toEqual({ reset: true, id: expect.any(String) });
        await first.stop();
        const id = place !== undefined ? place.id : undefined;
        const second = await listen(projectId, id);
        await projection.notify([notice(projectId, 1n)]);
        await vi.waitFor(() => expect(second.versions()).toEqual([1n]), { timeout: 5_000 });
        await second.stop();
        const third = await listen(projectId);
        await vi.waitFor(() => expect(third.items).toHaveLength(1), { timeout: 5_000 });
        expect(third.items[0]).toEqual({ reset: true, id: second.items[0]?.id });
        await third.stop();
      });

      it("resets one that resumes from another project's id", async () => {
        const [projectId, other] = [freshProject(), freshProject()];
        const listener = await listen(other);
        await projection.notify([notice(other, 1n)]);
        await vi.waitFor(() => expect(listener.items).toHaveLength(2), { timeout: 5_000 });
        await listener.stop();
        const seen = listener.items[1];
        const foreign = await listen(projectId, seen !== undefined && "id" in seen ? seen.id : "");
        await vi.waitFor(() => expect(foreign.versions()).toEqual(["reset"]), { timeout: 5_000 });
        await foreign.stop();
      });

      it("resets one that resumes from further back than the feed is long", async () => {
        const projectId = freshProject();
        const first = await listen(projectId);
        await projection.notify([notice(projectId, 0n)]);
        await vi.waitFor(() => expect(first.items).toHaveLength(2), { timeout: 5_000 });
        await first.stop();
        for (let i = 0; i < 12; i++) {
          await projection.notify(Array.from({ length: 1_000 }, (_, j) => notice(projectId, BigInt(i * 1_000 + j))));
        }
        const seen = first.items[1];
        const second = await listen(projectId, seen !== undefined && "id" in seen ? seen.id : "");
        await vi.waitFor(() => expect(second.versions()).toEqual(["reset"]), { timeout: 5_000 });
        await second.stop();
      });

      it("resets a listener that does not keep up, and holds no more for it than its queue", async () => {
        const projectId = freshProject();
        const stop = new AbortController();
        const items = projection.subscribe(projectId, undefined, stop.signal)[Symbol.asyncIterator]();
        expect(await items.next()).toMatchObject({ value: { reset: true } });
        const watcher = await listen(projectId);
        const count = feedQueueMax + 500;
        await projection.notify(Array.from({ length: count }, (_, i) => notice(projectId, BigInt(i))));
        await vi.waitFor(() => expect(watcher.versions()).toContain(BigInt(count - 1)), { timeout: 5_000 });
        const received: FeedItem[] = [];
        while (received.length < count) {
          const { value } = await items.next();
          if (value === undefined) break;
          received.push(value);
          if ("notice" in value && value.notice.version === BigInt(count - 1)) break;
        }
        expect(received.length).toBeLessThanOrEqual(feedQueueMax);
        expect(received[0]).toMatchObject({ reset: true });
        stop.abort();
        expect(await items.next()).toMatchObject({ done: true });
        await watcher.stop();
      });

      it("splits a notice that names thousands of sessions", async () => {
        const projectId = freshProject();
        const listener = await listen(projectId);
        const sessionIds = Array.from({ length: 1_000 }, (_, i) => `session-${i}`);
        expect(await projection.notify([notice(projectId, 1n, sessionIds)])).toMatchObject({ written: 1 });
        const told = () => listener.items.flatMap((item) => ("notice" in item ? item.notice.sessionIds : []));
        await vi.waitFor(() => expect(told()).toEqual(sessionIds), { timeout: 5_000 });
        await listener.stop();
      });

      it("ends for a listener that has gone, however it went", async () => {
        const projectId = freshProject();
        for await (const item of projection.subscribe(projectId, undefined, new AbortController().signal)) {
          expect(item).toMatchObject({ reset: true });
          break;
        }
        const items: FeedItem[] = [];
        for await (const item of projection.subscribe(projectId, undefined, AbortSignal.abort())) items.push(item);
        expect(items).toEqual([]);
      });
    });

    it("is healthy until it is closed, ends its listeners then, and closes twice", async () => {
      const other = await open();
      expect(other.isHealthy()).toBe(true);
      const ended = (async () => {
        for await (const _ of other.subscribe(freshProject(), undefined, new AbortController().signal));
      })();
      await other.close();
      await other.close();
      await ended;
      expect(other.isHealthy()).toBe(false);
    });
  });
}
