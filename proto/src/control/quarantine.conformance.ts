import { describe, expect, it } from "vitest";
import { type ControlDatabase, openControlDatabase } from "./control-database.ts";
import type { NewQuarantined, QuarantineLimits } from "./quarantine.ts";

/** Secrets, positions and the quarantine, on SQLite and on PostgreSQL. @param freshUrl as for `describeControlDatabase`. */
export function describeQuarantine(name: string, freshUrl: () => Promise<string>): void {
  const startMs = Date.UTC(2026, 4, 4);
  const limits: QuarantineLimits = { entriesMax: 100, bytesMax: 1_000_000, ageMsMax: 86_400_000 };
  const entry = (change: Partial<NewQuarantined> = {}): NewQuarantined => ({
    projectId: "default",
    kind: "rejected_span",
    reason: "invalid_trace_id",
    detail: "5 bytes",
    traceId: "0011223344",
    spanId: "0011223344556677",
    form: "otlp_request",
    bytes: Buffer.from([0, 1, 2, 255]),
    size: 4,
    key: Buffer.alloc(0),
    source: undefined,
    receiptId: "aa",
    atMs: startMs,
    ...change,
  });
  const details = async (db: ControlDatabase, projectId = "default") =>
    (await db.quarantine.list(projectId, {}, 1_000)).map((each) => each.detail);

  async function openFresh(now: () => number = () => startMs): Promise<ControlDatabase> {
    const db = openControlDatabase({ url: await freshUrl(), now });
    await db.migrate();
    return db;
  }

  describe(`quarantine on ${name}`, () => {
    it("gives back what was put in, to its own project only", async () => {
      await using db = await openFresh();
      await db.quarantine.add([entry({ detail: "zero \0 and half \ud800 a pair" })], limits);
      const [listed] = await db.quarantine.list("default", {}, 10);
      expect(listed).toMatchObject({
        detail: "zero  and half \ufffd a pair",
        state: "held",
        truncated: false,
        outcome: "",
      });
      const { id = "" } = listed ?? {};
      expect(await db.quarantine.get("default", id)).toMatchObject({ bytes: Buffer.from([0, 1, 2, 255]), size: 4 });
      expect(await db.quarantine.get("other", id)).toBeUndefined();
      expect(await db.quarantine.list("other", {}, 10)).toEqual([]);
      expect(await db.quarantine.get("default", "' or 1=1 --")).toBeUndefined();
    });

    it("lists newest first, by reason, state, kind and request, in pages", async () => {
      await using db = await openFresh();
      const entries = ["a", "b", "c", "d"].map((detail, n) =>
        entry({ detail, reason: n % 2 === 0 ? "no_ids" : "invalid_span_id", receiptId: n < 3 ? "r1" : "r2" }),
      );
      await db.quarantine.add(entries, limits);
      expect(await details(db)).toEqual(["d", "c", "b", "a"]);
      const find = async (filter: object) =>
        (await db.quarantine.list("default", filter, 10)).map((each) => each.detail);
      expect(await find({ reason: "no_ids" })).toEqual(["c", "a"]);
      expect(await find({ receiptId: "r1", reason: "invalid_span_id" })).toEqual(["b"]);
      expect(await find({ kind: "dead_letter" })).toEqual([]);
      expect(await find({ state: "held" })).toHaveLength(4);
      const [, second] = await db.quarantine.list("default", {}, 2);
      expect(await find({ beforeId: second?.id })).toEqual(["b", "a"]);
      expect(await db.quarantine.countByReason("default")).toEqual([
        { reason: "invalid_span_id", count: 2 },
        { reason: "no_ids", count: 2 },
      ]);
    });

    it("keeps a dead letter once, however often its batch comes again", async () => {
      await using db = await openFresh();
      const letter = entry({ kind: "dead_letter", form: "agent_record", source: "agent-events/3/17" });
      await db.quarantine.add([letter, letter], limits);
      await db.quarantine.add([letter], limits);
      expect(await db.quarantine.list("default", {}, 10)).toHaveLength(1);
    });

    it("lets the oldest go by number, by bytes and by age, per project, and says how many", async () => {
      let nowMs = startMs;
      await using db = await openFresh(() => nowMs);
      await db.quarantine.add([entry({ projectId: "other", detail: "theirs" })], limits);
      const many = Array.from({ length: 10 }, (_, n) => entry({ detail: String(n) }));
      expect(await db.quarantine.add(many, { ...limits, entriesMax: 6 })).toBe(4);
      expect(await details(db)).toEqual(["9", "8", "7", "6", "5", "4"]);
      expect(
        await db.quarantine.add([entry({ detail: "big", bytes: Buffer.alloc(20), size: 20 })], {
          ...limits,
          bytesMax: 28,
        }),
      ).toBe(4);
      expect(await details(db)).toEqual(["big", "9", "8"]);
      nowMs += 86_400_001;
      expect(await db.quarantine.add([entry({ detail: "new", atMs: nowMs })], limits)).toBe(3);
      expect(await details(db)).toEqual(["new"]);
      expect(await details(db, "other")).toEqual(["theirs"]);
    });

    it("hands out each replay once a minute, until it is finished", async () => {
      let nowMs = startMs;
      await using db = await openFresh(() => nowMs);
      await db.quarantine.add(
        [
          entry({ detail: "a" }),
          entry({ detail: "b" }),
          entry({ detail: "cut", size: 9 }),
          entry({ reason: "no_ids" }),
        ],
        limits,
      );
      const selection = { reason: "invalid_trace_id" };
      expect(await db.quarantine.requestReplay("other", selection)).toEqual({ requested: 0, notReplayable: 0 });
      expect(await db.quarantine.requestReplay("default", selection)).toEqual({ requested: 2, notReplayable: 1 });
      expect(await db.quarantine.requestReplay("default", selection)).toEqual({ requested: 0, notReplayable: 1 });
      const claims = await Promise.all([db.quarantine.claimReplays(10), db.quarantine.claimReplays(10)]);
      const claimed = claims.flat();
      expect(claimed.map((each) => each.detail).sort()).toEqual(["a", "b"]);
      const [first, second] = claimed;
      await db.quarantine.finishReplay(first?.id ?? "", "");
      nowMs += 60_001;
      expect((await db.quarantine.claimReplays(10)).map((each) => each.id)).toEqual([second?.id]);
      await db.quarantine.finishReplay(second?.id ?? "", "still refused");
      expect(await db.quarantine.list("default", { state: "replayed" }, 10)).toMatchObject([
        { id: first?.id, replayedAtMs: startMs },
      ]);
      expect(await db.quarantine.get("default", second?.id ?? "")).toMatchObject({
        state: "held",
        outcome: "still refused",
      });
      const ids = [first?.id ?? "", second?.id ?? "", "no id"];
      expect(await db.quarantine.requestReplay("default", { ids })).toEqual({ requested: 1, notReplayable: 0 });
      expect(await db.quarantine.claimReplays(10)).toHaveLength(1);
    });
  });

  describe(`secrets and positions on ${name}`, () => {
    it("makes a secret once, whoever asks at the same time, and another for another name", async () => {
      const url = await freshUrl();
      const databases = Array.from({ length: 3 }, () => openControlDatabase({ url }));
      await databases[0]?.migrate();
      const secrets = await Promise.all(databases.map((db) => db.ensureSecret("receipt")));
      expect(new Set(secrets.map((secret) => secret.toString("hex"))).size).toBe(1);
      expect(secrets[0]).toHaveLength(32);
      expect(await databases[0]?.ensureSecret("other")).not.toEqual(secrets[0]);
      await Promise.all(databases.map((db) => db.close()));
    });

    it("believes the newest owner of a partition, also when the log began again", async () => {
      await using db = await openFresh();
      const save = (partition: number, epoch: bigint, stored: bigint) =>
        db.saveProcessedPositions("t", [{ partition, epoch, stored, queryable: stored }]);
      await save(0, 1n, 10n);
      await save(1, 1n, 5n);
      await save(0, 2n, 20n);
      await save(0, 1n, 30n);
      expect(await db.loadProcessedPositions("t")).toEqual(
        new Map([
          [0, { stored: 20n, queryable: 20n }],
          [1, { stored: 5n, queryable: 5n }],
        ]),
      );
      await save(0, 3n, 1n);
      expect((await db.loadProcessedPositions("t")).get(0)).toEqual({ stored: 1n, queryable: 1n });
      expect(await db.loadProcessedPositions("another")).toEqual(new Map());
    });
  });
}
