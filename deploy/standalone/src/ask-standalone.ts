/** Commands that a running standalone carries out when asked on its admin port, as it owns the log and the store. */
import { adminCommandHeader } from "@nonet/proto/admin-server.ts";
import { PipelineError } from "@nonet/proto/errors.ts";
import { formatAddress } from "@nonet/proto/listen-address.ts";
import { parseConfig } from "@nonet/proto/parse-config.ts";
import { standaloneConfigSchema } from "./config.ts";

export interface StandaloneCommand<T> {
  readonly path: string;
  readonly query: URLSearchParams;
  /** Without such a line the command has not ended. */
  isLast(line: T): boolean;
}

/**
 * @returns the lines of the command, as they come.
 * @throws PipelineError `STORE_UNAVAILABLE` when nobody answers at NONET_ADMIN_ADDRESS, or the command failed.
 */
export async function* askStandalone<T extends object>(
  command: StandaloneCommand<T>,
  environment: Readonly<Record<string, string | undefined>>,
): AsyncGenerator<T> {
  const schema = standaloneConfigSchema.pick({ NONET_ADMIN_ADDRESS: true });
  const address = formatAddress(parseConfig(schema, environment, () => undefined).NONET_ADMIN_ADDRESS);
  const url = `http://${address}${command.path}?${command.query}`;
  const response = await fetch(url, { method: "POST", headers: { [adminCommandHeader]: "cli" } }).catch((caught) => {
    throw new PipelineError(
      "STORE_UNAVAILABLE",
      `no standalone answers at ${address}: start it, or set NONET_ADMIN_ADDRESS`,
      { cause: caught },
    );
  });
  if (!response.ok || response.body === null) {
    throw new PipelineError("STORE_UNAVAILABLE", `${address} answered ${response.status}: ${await response.text()}`);
  }
  let rest = "";
  let ended = false;
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      // `as`: a line of the command, or an error of the admin server.
      const said = JSON.parse(line) as T | { error: string };
      if ("error" in said) throw new PipelineError("STORE_UNAVAILABLE", said.error);
      ended = command.isLast(said);
      yield said;
    }
  }
  if (!ended) throw new PipelineError("STORE_UNAVAILABLE", "standalone ended before the command did");
}
