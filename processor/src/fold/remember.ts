/**
 * Rules that complete one span from others make new drafts. For the same spans in the same state those of the last fold are taken again, so that
 * a late span elsewhere costs nothing here, and the events made from them still stand.
 */
import type { EventDraft } from "@nonet/ingest/map/mapped-span.ts";
import { note, setDrafts, type TraceNode } from "./trace-node.ts";

export type RememberedRule = "LLM-NEST" | "TOOL-NEST" | "copy";

/** What a rule reads and changes of a span. */
interface NodeNotes {
  readonly node: TraceNode;
  readonly drafts: readonly EventDraft[];
  readonly outputText: string | undefined;
  readonly pendingToolCalls: boolean;
  readonly toolFailed: boolean;
  readonly stageB: readonly string[];
}

export interface Remembered {
  readonly rule: RememberedRule;
  readonly circumstances: readonly unknown[];
  readonly before: readonly NodeNotes[];
  readonly after: readonly NodeNotes[];
}

/**
 * Applies a rule to a group of spans, or what it came to before.
 *
 * @param group  all spans that the rule reads and changes; the first remembers.
 * @param reads  what the rule reads of each span besides its notes, compared by identity.
 */
export function applyRemembered(
  rule: RememberedRule,
  group: readonly [TraceNode, ...TraceNode[]],
  reads: readonly ((node: TraceNode) => unknown)[],
  apply: () => void,
): void {
  const [first] = group;
  const known = first.remembered.find((each) => each.rule === rule);
  if (known !== undefined && isUnchanged(known, group, reads)) {
    for (const notes of known.after) restore(notes);
    return;
  }
  const circumstances = group.flatMap((node) => reads.map((read) => read(node)));
  const before = group.map(notesOf);
  apply();
  const others = first.remembered.filter((each) => each !== known);
  first.remembered = [...others, { rule, circumstances, before, after: group.map(notesOf) }];
}

function isUnchanged(
  { before, circumstances }: Remembered,
  group: readonly TraceNode[],
  reads: readonly ((node: TraceNode) => unknown)[],
): boolean {
  if (before.length !== group.length) return false;
  let position = 0;
  for (const [index, node] of group.entries()) {
    const notes = before[index];
    if (notes === undefined || !isSameNotes(notes, node)) return false;
    for (const read of reads) if (circumstances[position++] !== read(node)) return false;
  }
  return true;
}

function notesOf(node: TraceNode): NodeNotes {
  const { drafts, outputText, pendingToolCalls, toolFailed, stageB } = node;
  return { node, drafts, outputText, pendingToolCalls, toolFailed, stageB };
}

function restore({ node, drafts, outputText, pendingToolCalls, toolFailed, stageB }: NodeNotes): void {
  setDrafts(note(node), drafts);
  node.outputText = outputText;
  node.pendingToolCalls = pendingToolCalls;
  node.toolFailed = toolFailed;
  node.stageB = stageB;
}

function isSameNotes(notes: NodeNotes, node: TraceNode): boolean {
  return (
    notes.node === node &&
    notes.drafts === node.drafts &&
    notes.outputText === node.outputText &&
    notes.pendingToolCalls === node.pendingToolCalls &&
    notes.toolFailed === node.toolFailed &&
    isSameList(notes.stageB, node.stageB)
  );
}

function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
