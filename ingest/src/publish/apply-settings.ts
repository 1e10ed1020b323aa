/**
 * What the settings of its project mean for a request: masked before anything of it is written, and stamped, so that what is derived from it later
 * is derived by the settings of its receipt (law 3).
 */
import type { ProjectSettings } from "@nonet/proto/control/project-settings.ts";
import type { SettingsCache } from "@nonet/proto/control/settings-cache.ts";
import { PipelineError } from "@nonet/proto/errors.ts";
import { priceVersionOf } from "@nonet/proto/versions.ts";
import { createScopeFilter } from "../map/ignored-scope.ts";
import { type CompiledMaskingRules, compileMaskingRules, type MaskingCounts } from "../map/masking-rules.ts";
import type { AcceptedRequest } from "../receive/receive-export.ts";
import { maskGroups } from "./mask-request.ts";

export interface SettledRequest extends AcceptedRequest {
  readonly settingsVersion: number;
  readonly priceVersion: string;
  /** Undefined where nothing is ignored. */
  readonly isIgnoredScope: ((scopeName: string) => boolean) | undefined;
}

export interface ApplySettingsDeps {
  readonly settings: Pick<SettingsCache, "current">;
  /** Once a request of which anything was masked by rules of the project. */
  onMasked(counts: MaskingCounts): void;
}

export interface ApplySettings {
  /** @throws PipelineError `CONTROL_UNAVAILABLE` (retryable) while it is not known what the project wants. */
  settle(projectId: string, request: AcceptedRequest): Promise<SettledRequest>;
  /** Of bytes that hold no request. @returns undefined without rules. */
  rulesOf(projectId: string): Promise<CompiledMaskingRules | undefined>;
}

interface Compiled {
  readonly rules: CompiledMaskingRules | undefined;
  readonly isIgnoredScope: SettledRequest["isIgnoredScope"];
}

export function createApplySettings(deps: ApplySettingsDeps): ApplySettings {
  // The cache gives the same object until the settings change: what is made of it lives as long.
  const compiled = new WeakMap<ProjectSettings, Compiled>();

  function compiledOf(projectId: string, settings: ProjectSettings): Compiled {
    let made = compiled.get(settings);
    if (made === undefined) {
      const isIgnoredScope = createScopeFilter(settings.ignoredScopes);
      made = { rules: rulesOf(projectId, settings), isIgnoredScope };
      compiled.set(settings, made);
    }
    return made;
  }

  return {
    async settle(projectId, request) {
      const { version, settings } = await deps.settings.current(projectId);
      const { rules, isIgnoredScope } = compiledOf(projectId, settings);
      const stamps = {
        settingsVersion: version,
        priceVersion: priceVersionOf(version, settings.priceOverrides.length > 0),
        isIgnoredScope,
      };
      if (rules === undefined) return { ...request, ...stamps };
      const counts = { masked: 0, unsearched: 0 };
      const groups = await maskGroups(request.groups, rules, counts);
      if (counts.masked > 0) deps.onMasked(counts);
      return { ...request, groups, ...stamps };
    },
    async rulesOf(projectId) {
      const { settings } = await deps.settings.current(projectId);
      return compiledOf(projectId, settings).rules;
    },
  };
}

/** Rules were compiled when they were set: that they cannot be now is no reason to let through what they hold back. */
function rulesOf(projectId: string, { maskingRules }: ProjectSettings): CompiledMaskingRules | undefined {
  if (maskingRules.length === 0) return undefined;
  const rules = compileMaskingRules(maskingRules);
  if (!("problems" in rules)) return rules;
  throw new PipelineError(
    "CONTROL_UNAVAILABLE",
    `the masking rules of project ${projectId} cannot be used: ${rules.problems.join(" ")}`,
  );
}
