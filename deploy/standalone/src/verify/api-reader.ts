/** The installation's own API, as its users see it. */
import { PipelineError } from "@nonet/proto/errors.ts";

export interface ApiReader {
  /** @returns undefined for what the key may not see. @throws PipelineError when it does not answer. */
  get(path: string): Promise<unknown>;
}

const attempts = 30;
const timeoutMs = 60_000;

export function createApiReader(
  api: { readonly url: string; readonly key: string },
  pause: (ms: number) => Promise<void>,
): ApiReader {
  return {
    async get(path) {
      let last = "";
      for (let attempt = 0; attempt < attempts; attempt += 1) {
        const response = await fetch(api.url + path, {
          headers: { authorization: `Bearer ${api.key}` },
          signal: AbortSignal.timeout(timeoutMs),
        }).catch((caught) => {
          throw new PipelineError("STORE_UNAVAILABLE", `no API answers at ${api.url}: ${String(caught)}`, {
            cause: caught,
          });
        });
        if (response.ok) return await response.json();
        last = `${response.status} ${(await response.text()).slice(0, 300)}`;
        if (response.status === 403 || response.status === 404) return undefined;
        // Full or over the rate of the key.
        if (response.status !== 429 && response.status !== 503) break;
        await pause(2_000);
      }
      throw new PipelineError("STORE_UNAVAILABLE", `${path} answers ${last}`);
    },
  };
}
