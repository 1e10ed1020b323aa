/** Conditions of a query that depend on which filters a request has, with their parameters. */
import { unixNanoParameter } from "./unix-nano.ts";

export interface SqlConditions {
  readonly texts: readonly string[];
  readonly parameters: Readonly<Record<string, unknown>>;
  /** @param value  of `{name:Type}` in `text`; undefined: the condition is not asked for. A bigint is a time. */
  add(text: string, name: string, value: unknown): void;
  /** A condition with parameters of any number. */
  always(text: string, parameters?: Readonly<Record<string, unknown>>): void;
}

export function createSqlConditions(): SqlConditions {
  const texts: string[] = [];
  const parameters: Record<string, unknown> = {};
  return {
    texts,
    parameters,
    add(text, name, value) {
      if (value === undefined) return;
      texts.push(text);
      parameters[name] = typeof value === "bigint" ? unixNanoParameter(value) : value;
    },
    always(text, added = {}) {
      texts.push(text);
      Object.assign(parameters, added);
    },
  };
}
