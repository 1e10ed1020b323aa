import { describe, expect, it } from "vitest";
import { PipelineError } from "../errors.ts";
import { hashApiKey } from "./api-key-format.ts";
import { type Credential, type CredentialCacheOptions, createCredentialCache } from "./credentials.ts";
import { hasScope } from "./scopes.ts";

const token = "sk_live_0123456789abcdefghij";
const away = () => Promise.reject(new PipelineError("CONTROL_UNAVAILABLE", "away"));

function credential(changes: Partial<Credential> = {}): Credential {
  return {
    keyId: "k",
    tenantId: "acme",
    projectId: "shop",
    projectNumber: 1,
    scopes: new Set(["traces:read"]),
    ...changes,
  };
}

/** A cache over a database that a test can switch, with a clock that it moves. */
function createSubject(options: CredentialCacheOptions = {}) {
  const state = {
    nowMs: 1_000_000,
    asked: 0,
    answer: async (_hash: string): Promise<Credential | undefined> => undefined,
  };
  const db = {
    findCredential: (hash: string) => {
      state.asked++;
      return state.answer(hash);
    },
  };
  const cache = createCredentialCache(db, { now: () => state.nowMs, ...options });
  return { state, lookup: (text: string) => cache.lookup(text) };
}

describe("createCredentialCache", () => {
  it("asks once a minute for a known key, by its hash", async () => {
    const { state, lookup } = createSubject();
    state.answer = async (hash) => (hash === hashApiKey(token) ? credential() : undefined);
    expect(await lookup(token)).toEqual(credential());
    state.nowMs += 59_999;
    expect(await lookup(token)).toEqual(credential());
    expect(state.asked).toBe(1);
    state.nowMs += 1;
    state.answer = async () => undefined;
    expect(await lookup(token), "revoked meanwhile").toBeUndefined();
    expect(state.asked).toBe(2);
  });

  it("asks every 10 s for an unknown key, so a new one is soon known", async () => {
    const { state, lookup } = createSubject();
    expect(await lookup(token)).toBeUndefined();
    state.answer = async () => credential();
    state.nowMs += 9_999;
    expect(await lookup(token)).toBeUndefined();
    state.nowMs += 1;
    expect(await lookup(token)).toEqual(credential());
  });

  it("ends a key at its expiry, cached or not, and also while the database is away", async () => {
    const { state, lookup } = createSubject();
    state.answer = async () => credential({ expiresAtMs: state.nowMs + 5_000 });
    expect(await lookup(token)).toBeDefined();
    state.nowMs += 5_000;
    state.answer = away;
    expect(await lookup(token)).toBeUndefined();
  });

  it("goes on with known keys for 10 minutes while the database is away, and with no unknown one", async () => {
    const { state, lookup } = createSubject();
    state.answer = async () => credential();
    await lookup(token);
    state.answer = away;
    for (let ms = 60_000; ms < 600_000; ms += 60_000) {
      state.nowMs += 60_000;
      expect(await lookup(token)).toEqual(credential());
    }
    await expect(lookup(`${token}x`)).rejects.toMatchObject({ code: "CONTROL_UNAVAILABLE", retryable: true });
    state.nowMs += 60_000;
    await expect(lookup(token)).rejects.toMatchObject({ code: "CONTROL_UNAVAILABLE" });
    state.nowMs += 1_000;
    state.answer = async () => credential();
    expect(await lookup(token)).toEqual(credential());
  });

  it("lets known keys wait once for a database that says nothing, and asks on in the background", async () => {
    const { state, lookup } = createSubject({ lookupMsMax: 20 });
    state.answer = async () => credential();
    await lookup(token);
    state.nowMs += 60_000;
    state.answer = () => new Promise(() => {});
    expect(await lookup(token)).toEqual(credential());
    state.nowMs += 1_000;
    const revoked = Promise.withResolvers<undefined>();
    state.answer = () => revoked.promise;
    expect(await lookup(token), "without waiting").toEqual(credential());
    expect(state.asked).toBe(3);
    revoked.resolve(undefined);
    await expect.poll(() => lookup(token)).toBeUndefined();
  });

  it("leaves a dead database alone for a second", async () => {
    const { state, lookup } = createSubject();
    state.answer = away;
    for (let i = 0; i < 50; i++)
      await expect(lookup(`${token}${i}`)).rejects.toMatchObject({ code: "CONTROL_UNAVAILABLE" });
    expect(state.asked).toBe(1);
    state.nowMs += 1_000;
    await expect(lookup(token)).rejects.toMatchObject({ code: "CONTROL_UNAVAILABLE" });
    expect(state.asked).toBe(2);
  });

  it("waits for a database that says nothing only so long", async () => {
    const { state, lookup } = createSubject({ lookupMsMax: 20 });
    state.answer = async () => credential();
    await lookup(token);
    state.nowMs += 60_000;
    state.answer = () => new Promise(() => {});
    expect(await lookup(token)).toEqual(credential());
    state.nowMs += 1_000;
    await expect(lookup(`${token}x`)).rejects.toMatchObject({ code: "CONTROL_UNAVAILABLE" });
  });

  it.each([
    "",
    "short",
    "fifteen-letters",
    "a token with spaces in it",
    "x".repeat(4_097),
    "ключ-ключ-ключ-ключ",
    `${token}\n`,
  ])("answers %j as unknown and asks nobody", async (text) => {
    const { state, lookup } = createSubject();
    state.answer = async () => credential();
    expect(await lookup(text)).toBeUndefined();
    expect(state.asked).toBe(0);
  });

  it("asks once for many requests with one key", async () => {
    const { state, lookup } = createSubject();
    state.answer = async () => credential();
    const answers = await Promise.all(Array.from({ length: 100 }, () => lookup(token)));
    expect(answers.every((answer) => answer?.keyId === "k")).toBe(true);
    expect(state.asked).toBe(1);
  });

  it("keeps known keys working through a flood of guessed ones", async () => {
    const { state, lookup } = createSubject({ entriesMax: 10, lookupsMax: 4 });
    state.answer = async (hash) => (hash === hashApiKey(token) ? credential() : undefined);
    await lookup(token);
    for (let i = 0; i < 50; i++) expect(await lookup(`guessed-token-no-${i}`)).toBeUndefined();
    expect(await lookup(token)).toEqual(credential());
    expect(state.asked).toBe(51);

    const flood = await Promise.allSettled(Array.from({ length: 10 }, (_, i) => lookup(`guessed-token-at-once-${i}`)));
    expect(flood.filter((result) => result.status === "rejected")).toHaveLength(6);
    state.nowMs += 60_000;
    const hanging = Array.from({ length: 4 }, (_, i) => lookup(`guessed-token-then-${i}`));
    expect(await lookup(token), "stale, but known").toEqual(credential());
    await Promise.all(hanging);
  });

  it("forgets the key not used for longest", async () => {
    const { state, lookup } = createSubject({ entriesMax: 2 });
    state.answer = async () => credential();
    for (const text of [`${token}1`, `${token}2`, `${token}1`, `${token}3`, `${token}1`]) await lookup(text);
    expect(state.asked).toBe(3);
    await lookup(`${token}2`);
    expect(state.asked).toBe(4);
  });
});

describe("hasScope", () => {
  it("lets a write scope read of its own API, and admin nothing but admin", () => {
    expect(hasScope(new Set(["llm_analytics:write"]), "llm_analytics:read")).toBe(true);
    expect(hasScope(new Set(["llm_analytics:read"]), "llm_analytics:write")).toBe(false);
    expect(hasScope(new Set(["ingest:write"]), "traces:read")).toBe(false);
    expect(hasScope(new Set(["admin"]), "traces:read")).toBe(false);
  });
});
