/** The settings of a project: read, and replaced whole. Ours; in the style of the session traces API. Source: contracts/README.md section 3. */
import { compileMaskingRules } from "@nonet/ingest/map/masking-rules.ts";
import type { ControlDatabase } from "@nonet/proto/control/control-database.ts";
import { type ProjectSettings, projectSettingsSchema } from "@nonet/proto/control/project-settings.ts";
import type { StoredSettings } from "@nonet/proto/control/settings-store.ts";
import { isPipelineError } from "@nonet/proto/errors.ts";
import { z } from "zod";
import { jsonAnswer, problemAnswer } from "../http/answer.ts";
import { type Operation, operation } from "../http/operation.ts";
import { conflict, invalidBody, notFound } from "../http/problem.ts";

export const projectSettingsBasePath = "/api/projects/:projectId/settings";

export interface ProjectSettingsDeps {
  readonly control: Pick<ControlDatabase, "getProjectSettings" | "setProjectSettings">;
  /** They are in force from now on; whoever keeps them asks again. */
  onChanged(projectId: string): void;
}

export function projectSettingsOperations({ settings }: { readonly settings: ProjectSettingsDeps }): Operation[] {
  return [getOperation(settings), putOperation(settings)];
}

const { shape } = projectSettingsSchema;

const settingsSchema = z
  .strictObject({
    version: z.int().min(0).describe("Grows by one with each change; 0 before the first. Spans are stamped with it."),
    ignoredScopes: shape.ignoredScopes,
    maskingRules: shape.maskingRules,
    priceOverrides: shape.priceOverrides,
    changedAt: z.string().nullable(),
    changedBy: z.string().nullable().describe("`cli`, or the id of an API key."),
  })
  .meta({ id: "ProjectSettings" });

const changeSchema = z
  .strictObject({
    ...shape,
    version: z
      .int()
      .min(0)
      .optional()
      .describe("The version that this replaces. Given, a change that came in between is not overwritten: 409."),
    changedAt: z.unknown().optional().describe("Not read, so that what was read can be sent back."),
    changedBy: z.unknown().optional(),
  })
  .meta({ id: "ProjectSettingsChange" });

function getOperation({ control }: ProjectSettingsDeps): Operation {
  return operation({
    operationId: "getProjectSettings",
    path: "/",
    summary: "The settings of the project",
    description:
      "Scopes that are ignored, masking rules, prices of its own. What was received before a change keeps the settings it was received with.",
    pathParameters: {},
    parameters: {},
    scopeOf: () => "admin",
    conflicts: () => [],
    mediaTypes: () => ["application/json"],
    responses: { "application/json": settingsSchema },
    problemStatuses: [],
    async handle({ projectId, mayReadContent }) {
      const stored = await control.getProjectSettings(projectId);
      if (stored === undefined) return problemAnswer(notFound);
      return jsonAnswer(JSON.stringify(toBody(stored)), { mayReadContent });
    },
  });
}

/** Attempts when no version is given and others change the settings at the same time. */
const attemptsMax = 5;

function putOperation({ control, onChanged }: ProjectSettingsDeps): Operation {
  return operation({
    operationId: "putProjectSettings",
    path: "/",
    summary: "Replace the settings of the project",
    description:
      "A member that is left out becomes empty. Running services take the change within 5 seconds, and spans received from then on are masked, hidden and priced by it; what is stored stays. `nonet remap --settings` hides stored spans by the new settings, `nonet reprice` prices stored calls by them.",
    pathParameters: {},
    parameters: {},
    body: changeSchema,
    method: "PUT",
    scopeOf: () => "admin",
    conflicts: () => [],
    mediaTypes: () => ["application/json"],
    responses: { "application/json": settingsSchema },
    problemStatuses: [400, 409],
    async handle({ projectId, credentialId, body }) {
      // `as`: `answerOperation` hands over what came out of `body` of this description.
      const { version, changedAt: _at, changedBy: _by, ...settings } = body as z.infer<typeof changeSchema>;
      const rules = compileMaskingRules(settings.maskingRules);
      if ("problems" in rules) return problemAnswer(invalidBody(rules.problems));
      for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
        const before = await control.getProjectSettings(projectId);
        if (before === undefined) return problemAnswer(notFound);
        if (version !== undefined && version !== before.version) break;
        const saved = await save(projectId, { expectedVersion: before.version, settings, actor: credentialId });
        if (typeof saved === "string") return problemAnswer(invalidBody([saved]));
        if (saved === undefined) continue;
        onChanged(projectId);
        const after = await control.getProjectSettings(projectId);
        return after === undefined ? problemAnswer(notFound) : { kind: "changed", text: JSON.stringify(toBody(after)) };
      }
      return problemAnswer(conflict("The settings were changed since they were read; read them again."));
    },
  });

  /** @returns the new version; undefined when another change came first; what is wrong with them. */
  async function save(
    projectId: string,
    change: { readonly expectedVersion: number; readonly settings: ProjectSettings; readonly actor: string },
  ): Promise<number | undefined | string> {
    try {
      return await control.setProjectSettings(projectId, change);
    } catch (caught) {
      if (isPipelineError(caught) && caught.code === "TOO_LARGE") return "The settings exceed 64 KiB.";
      throw caught;
    }
  }
}

function toBody({ version, settings, changedAtMs, changedBy }: StoredSettings): z.infer<typeof settingsSchema> {
  return {
    version,
    ...settings,
    changedAt: changedAtMs === undefined ? null : new Date(changedAtMs).toISOString(),
    changedBy: changedBy ?? null,
  };
}
