/** What a client has been told of a session, small enough to be remembered, and what it must be told to be where the session now is. */
import { hash } from "node:crypto";
import type { LiveSession } from "./live-session.ts";

export interface ToldSession {
  /** Digests by node id. */
  readonly nodes: ReadonlyMap<string, string>;
  readonly turns: string;
  /** Of all of it: two sessions with one key look the same. */
  readonly key: string;
}

export interface SessionChanges {
  /** Nodes as JSON, new or other than they were; parents before their children. */
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  readonly turnsChanged: boolean;
}

export function toldOf(live: LiveSession): ToldSession {
  const nodes = new Map<string, string>();
  for (const { nodeId, digest } of live.nodes.values()) nodes.set(nodeId, digest);
  const turns = hash("sha1", JSON.stringify(live.turns), "base64url");
  const all = [...nodes].map(([nodeId, digest]) => `${nodeId} ${digest}`).sort();
  return { nodes, turns, key: hash("sha1", `${all.join("\n")}\n${turns}`, "base64url") };
}

export function changesSince(told: ToldSession, live: LiveSession, now: ToldSession): SessionChanges {
  const changed: string[] = [];
  for (const { nodeId, text, digest } of live.nodes.values()) if (told.nodes.get(nodeId) !== digest) changed.push(text);
  return {
    changed,
    removed: [...told.nodes.keys()].filter((nodeId) => !live.nodes.has(nodeId)),
    turnsChanged: told.turns !== now.turns,
  };
}

/** A measure of the memory that it takes, as a share of it is text. */
export function weightOf(told: ToldSession): number {
  return 200 + 160 * told.nodes.size;
}
