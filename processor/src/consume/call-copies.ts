/**
 * Copies of model calls in other traces, for the traces of one batch: looks them up, and has their owners look as well.
 *
 * Two owners that work at the same time must not miss each other. Each writes its rows before it looks for the last time, so at least one finds
 * the other; that one publishes a command (`mark`) for the other's trace, whose owner then looks again. It publishes before the batch is
 * committed, so a crash repeats it. What a trace no longer tells of cannot be found afterwards: the owner publishes a command to itself
 * (`unmark`) before it writes, and tells the others when that comes. A `mark` is never answered by another, so this ends.
 *
 * Source: design.md laws 2 and 4; fold/trace-copies.ts says which report is the copy.
 */
import type { Refold } from "@nonet/proto/record-codec.ts";
import { isSameValue } from "../fold/same-value.ts";
import {
  type CallKey,
  type CallReport,
  type CopyMark,
  callKeysOf,
  findCopyMarks,
  nearKeysOf,
  parseKeyText,
  toKeyText,
} from "../fold/trace-copies.ts";
import type { CallReports } from "../store/clickhouse/call-reports.ts";
import type { CallScopes } from "./call-scopes.ts";
import type { HotTrace } from "./hot-traces.ts";

export interface CallCopiesDeps {
  readonly reports: Pick<CallReports, "find">;
  readonly scopes: CallScopes;
  /** Resolves once the commands are durable. Throws PipelineError `LOG_UNAVAILABLE`, `OVERLOADED`: the batch must come again. */
  publish(commands: readonly Refold[]): Promise<void>;
  now(): number;
}

/** A trace of the batch. */
export interface CopySubject {
  readonly trace: HotTrace;
  readonly reports: readonly CallReport[];
  /** Its spans or its mapping may have changed: others are told of what is new. */
  readonly isTold: boolean;
  /** Keys that a command names. */
  readonly asked: readonly CallKey[];
}

export interface CopyRound {
  /** To be called before anything is written. */
  withdraw(): Promise<void>;
  /**
   * Brings `trace.marks` up to date as far as the store has it now; to be called after the last write. Before the write it is only asked
   * where there are marks already or a command names calls: most often a trace is then written once.
   */
  look(when: "before the write" | "after the write"): Promise<ReadonlySet<HotTrace>>;
  /** After the last look; then the batch may be committed. */
  tell(): Promise<void>;
}

/** Keys of one command. */
const keysPerCommand = 200;

/** @param withdrawn  commands `unmark` of the batch. */
export function startCopyRound(
  subjects: readonly CopySubject[],
  withdrawn: readonly Refold[],
  deps: CallCopiesDeps,
): CopyRound {
  const projects = [
    ...Map.groupBy<string, CopySubject | Refold>([...subjects, ...withdrawn], (each) =>
      "trace" in each ? each.trace.projectId : each.projectId,
    ),
  ].map(([projectId, all]) =>
    startProject(
      projectId,
      all.filter((each): each is CopySubject => "trace" in each),
      all.filter((each): each is Refold => !("trace" in each)),
      deps,
    ),
  );
  return {
    async withdraw() {
      for (const project of projects) await project.withdraw();
    },
    async look(when) {
      const changed = new Set<HotTrace>();
      for (const project of projects) for (const trace of await project.look(when)) changed.add(trace);
      return changed;
    },
    async tell() {
      for (const project of projects) await project.tell();
    },
  };
}

function startProject(
  projectId: string,
  subjects: readonly CopySubject[],
  withdrawn: readonly Refold[],
  deps: CallCopiesDeps,
): CopyRound {
  const news = new Map(subjects.map((subject) => [subject, newsOf(subject)]));
  const hasNews = (subject: CopySubject) => (news.get(subject)?.length ?? 0) > 0;
  const isAsked = withdrawn.length > 0 || subjects.some((subject) => subject.asked.length > 0 || hasNews(subject));
  const scopes = new Set(subjects.flatMap(({ reports }) => reports.map((report) => report.scopeName)));
  const ownTraces = new Set(subjects.map((subject) => subject.trace.traceId));
  /** Made when they are needed: in a project with one scope they never are. */
  let question: Question | undefined;
  const tenantId = subjects[0]?.trace.tenantId ?? withdrawn[0]?.tenantId ?? "";
  const shrunk: CopySubject[] = [];
  /** Traces of others to tell, with the keys they share with what changed here. */
  let rivals = new Map<string, CallKey[]>();

  function toCommand(reason: "mark" | "unmark", traceId: string, callKeys: readonly CallKey[]): Refold {
    return {
      kind: "refold",
      tenantId,
      projectId,
      traceId,
      reason,
      mappingVersion: 0,
      priceVersion: "",
      settingsVersion: 0,
      issuedUnixNano: BigInt(deps.now()) * 1_000_000n,
      callKeys: callKeys.map(toKeyText),
    };
  }

  return {
    async withdraw() {
      const commands = subjects.flatMap((subject) => {
        const { trace, reports } = subject;
        const isUnchanged = !hasNews(subject) && trace.toldReports.size === reports.length;
        if (isUnchanged || trace.saidKeys.size === 0) return [];
        const current = new Set(reports.flatMap(callKeysOf).map(toKeyText));
        const gone = [...trace.saidKeys.values()].filter((key) => !current.has(toKeyText(key)));
        if (gone.length > 0) shrunk.push(subject);
        return inParts(gone).map((part) => toCommand("unmark", trace.traceId, part));
      });
      if (commands.length > 0) await deps.publish(commands);
      for (const [{ trace }, reports] of news) say(trace, reports);
    },

    async look(when) {
      rivals = new Map();
      const changed = new Set<HotTrace>();
      if (!isAsked) return changed;
      if (when === "before the write" && subjects.every(({ trace, asked }) => trace.marks.size + asked.length === 0)) {
        return changed;
      }
      if (!(await deps.scopes.haveSeveral(projectId, scopes))) return changed;
      question ??= questionOf(subjects, [...news.values()].flat(), withdrawn);
      const { evaluated, keys } = question;
      if (when === "after the write") await deps.scopes.settled(projectId);
      const found = await deps.reports.find(projectId, keys, ownTraces);
      const foreign = found.reports;
      const own = subjects.flatMap(({ reports }) => reports);
      const crowded = new Set(found.crowded.map(toKeyText));
      const marks = findCopyMarks([...own, ...foreign], tenantId, (key) => crowded.has(toKeyText(key)));
      for (const { trace, reports } of subjects) {
        for (const report of reports) {
          if (!evaluated.has(report)) continue;
          if (setMark(trace, report.key, marks.get(report.key))) changed.add(trace);
        }
        for (const eventId of trace.marks.keys()) {
          if (reports.some((report) => report.key === eventId)) continue;
          if (setMark(trace, eventId, undefined)) changed.add(trace);
        }
      }
      rivals = rivalsOf(foreign, question.told);
      for (const traceId of found.markedTraceIds) rivals.set(traceId, [...found.crowded]);
      return changed;
    },

    async tell() {
      const commands = [...rivals].flatMap(([traceId, shared]) =>
        inParts(shared).map((part) => toCommand("mark", traceId, part)),
      );
      if (commands.length > 0) await deps.publish(commands);
      for (const { trace, reports } of shrunk) {
        trace.saidKeys.clear();
        say(trace, reports);
      }
      for (const { trace, reports, isTold } of subjects) {
        // What a command finds in the store has been told, or its records would have come first.
        if (!isTold && trace.toldReports.size > 0) continue;
        trace.toldReports.clear();
        for (const report of reports) trace.toldReports.set(report.key, report);
      }
    },
  };
}

/** What the others have not been told of. */
function newsOf({ trace, reports, isTold }: CopySubject): CallReport[] {
  if (!isTold) return [];
  return reports.filter((report) => !isSameValue(trace.toldReports.get(report.key), report));
}

/** The reports of the batch that are named, and those that may be of the same call as one of these. */
function evaluatedOf(subjects: readonly CopySubject[], named: readonly CallKey[]): Set<CallReport> {
  const evaluated = new Set<CallReport>();
  const byValue = new Map<string, CallReport[]>();
  for (const report of subjects.flatMap(({ reports }) => reports)) {
    for (const key of callKeysOf(report)) {
      const value = `${key.by} ${key.value}`;
      const known = byValue.get(value);
      if (known === undefined) byValue.set(value, [report]);
      else known.push(report);
    }
  }
  const open = named.map((key) => `${key.by} ${key.value}`);
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    const reports = byValue.get(value) ?? [];
    byValue.delete(value);
    for (const report of reports) {
      if (evaluated.has(report)) continue;
      evaluated.add(report);
      open.push(...callKeysOf(report).map((key) => `${key.by} ${key.value}`));
    }
  }
  return evaluated;
}

interface Question {
  /** Reports whose marks are decided. */
  readonly evaluated: ReadonlySet<CallReport>;
  readonly keys: readonly CallKey[];
  /** Keys of what others are to hear of. */
  readonly told: readonly CallKey[];
}

function questionOf(
  subjects: readonly CopySubject[],
  news: readonly CallReport[],
  withdrawn: readonly Refold[],
): Question {
  const told = [...news.flatMap(callKeysOf), ...withdrawn.flatMap(keysOf)];
  const named = [...told, ...subjects.flatMap((subject) => subject.asked)];
  const evaluated = evaluatedOf(subjects, named);
  return { evaluated, keys: dedupe([...named, ...[...evaluated].flatMap(callKeysOf)]), told };
}

/** To be noted before it is written. */
function say(trace: HotTrace, reports: readonly CallReport[]): void {
  for (const report of reports) for (const key of callKeysOf(report)) trace.saidKeys.set(toKeyText(key), key);
}

/** @returns whether it is another than before. */
function setMark(trace: HotTrace, eventId: string, mark: CopyMark | undefined): boolean {
  if (isSameValue(trace.marks.get(eventId), mark)) return false;
  if (mark === undefined) trace.marks.delete(eventId);
  else trace.marks.set(eventId, mark);
  trace.hasUnstoredMarks = true;
  return true;
}

function rivalsOf(foreign: readonly CallReport[], told: readonly CallKey[]): Map<string, CallKey[]> {
  const toldTexts = new Set(told.map(toKeyText));
  const rivals = new Map<string, CallKey[]>();
  for (const report of foreign) {
    const shared = callKeysOf(report).filter((key) => nearKeysOf(key).some((near) => toldTexts.has(toKeyText(near))));
    if (shared.length > 0) rivals.set(report.traceId, [...(rivals.get(report.traceId) ?? []), ...shared]);
  }
  return rivals;
}

export function keysOf({ callKeys }: Refold): CallKey[] {
  return callKeys.flatMap((text) => parseKeyText(text) ?? []);
}

function dedupe(keys: readonly CallKey[]): CallKey[] {
  return [...new Map(keys.map((key) => [toKeyText(key), key])).values()];
}

function inParts(keys: readonly CallKey[]): CallKey[][] {
  const parts: CallKey[][] = [];
  for (let first = 0; first < keys.length; first += keysPerCommand)
    parts.push(keys.slice(first, first + keysPerCommand));
  return parts;
}
