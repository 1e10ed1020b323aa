import type { ControlDatabase } from "@nonet/proto/control/control-database.ts";
import { noSettings } from "@nonet/proto/control/project-settings.ts";
import { priceVersionOf } from "@nonet/proto/versions.ts";
import type { VersionsInForce } from "./remap-traces.ts";

/** What a span of the project would be stamped with now. @throws PipelineError `CONTROL_UNAVAILABLE`. */
export async function loadVersionsInForce(
  control: Pick<ControlDatabase, "getProjectSettings">,
  projectId: string,
): Promise<VersionsInForce> {
  const { version, settings } = (await control.getProjectSettings(projectId)) ?? noSettings;
  return { settingsVersion: version, priceVersion: priceVersionOf(version, settings.priceOverrides.length > 0) };
}
