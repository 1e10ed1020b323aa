/**
 * What a project may set, by version. A version never changes: every change makes the next one, and each span is stamped with the one in force
 * when it was received, so that what is derived from it stays the same (law 3).
 *
 *     ignoredScopes    spans of these instrumentation scopes are stored, counted and hidden: class `drop` (contracts/README.md ruling 8)
 *     maskingRules     what must not be kept, besides the secrets of event mapping 6.2; carried out by ingest before anything is written
 *     priceOverrides   prices of this project's own, before those of the price table (tenant-traces.md 6.4)
 *
 * Regular expressions are checked where they are compiled (ingest/src/map/masking-rules.ts).
 */
import { z } from "zod";
import { PipelineError } from "../errors.ts";

/** `*` stands for any characters. */
const glob = z.string().min(1).max(256);
const maskingRuleSchema = z.strictObject({
  name: z.string().min(1).max(64).describe("Names the rule in errors."),
  pattern: z
    .string()
    .min(1)
    .max(1_000)
    .optional()
    .describe(
      "Regular expression of RE2: without look-around and back references, in exchange linear in the text. Left out, whole values of `attributes` are masked.",
    ),
  attributes: z
    .array(glob)
    .min(1)
    .max(100)
    .optional()
    .describe("Names of attributes, `*` for any characters. With them the rule looks at these attributes only."),
  replacement: z
    .string()
    .max(256)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a JSON text cannot hold as they are.
    .regex(/^[^"\\\u0000-\u001f]*$/, "may not hold quotes, backslashes or control characters: it may stand inside JSON")
    .default("[masked]")
    .describe("Written in place of what the pattern matches; `$1` is its first group, `$$` a dollar."),
});

export type MaskingRule = z.infer<typeof maskingRuleSchema>;

const usd = z.number().min(0).max(1e6);
const rateSchema = z.union([
  usd,
  z.strictObject({
    base: usd,
    tiers: z
      .array(z.strictObject({ above: z.int().min(0), price: usd }))
      .min(1)
      .max(10),
  }),
]);

const priceOverrideSchema = z.strictObject({
  provider: z.string().min(1).max(256).optional().describe("As events state it; any provider when left out."),
  model: glob.describe("Model that answered, else that was asked; case does not matter, `*` is any characters."),
  from: z.iso
    .datetime({ offset: true })
    .refine((text) => !Number.isNaN(Date.parse(text)), "not a time")
    .optional()
    .describe("Calls that start from then on; of several entries that match equally well the latest is in effect."),
  input: rateSchema.describe("USD per million tokens, as are the other rates of tokens."),
  output: rateSchema,
  cacheRead: rateSchema.optional().describe("The rate of `input` when left out."),
  cacheWrite: rateSchema.optional().describe("The rate of `input` when left out."),
  perRequest: usd.optional().describe("USD a call."),
});

export type PriceOverride = z.infer<typeof priceOverrideSchema>;

export const projectSettingsSchema = z.strictObject({
  ignoredScopes: z
    .array(
      z
        .string()
        .min(1)
        .max(256)
        .regex(/^[^*]*\*?$/, "a `*` can only stand at the end"),
    )
    .max(200)
    .default([])
    .describe("Names of instrumentation scopes; a `*` at the end stands for any ending."),
  maskingRules: z.array(maskingRuleSchema).max(50).default([]),
  priceOverrides: z.array(priceOverrideSchema).max(500).default([]),
});

export type ProjectSettings = z.infer<typeof projectSettingsSchema>;

export interface VersionedSettings {
  /** 0 before the first change. */
  readonly version: number;
  readonly settings: ProjectSettings;
}

export const noSettings: VersionedSettings = {
  version: 0,
  settings: { ignoredScopes: [], maskingRules: [], priceOverrides: [] },
};

/**
 * What was once accepted by `projectSettingsSchema`; members that a later version of the program wrote are left out.
 *
 * @throws PipelineError `CONTROL_UNAVAILABLE`: without knowing what to mask nothing can be written.
 */
export function parseStoredSettings(text: string, where: string): ProjectSettings {
  const result = z.object(projectSettingsSchema.shape).safeParse(JSON.parse(text));
  if (result.success) return result.data;
  throw new PipelineError("CONTROL_UNAVAILABLE", `the settings of ${where} cannot be read: ${result.error.message}`);
}
