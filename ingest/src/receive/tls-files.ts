/** Certificates from files, read again when they change (otlp-receiver.md rule 88). */
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { PipelineError } from "@nonet/proto/errors.ts";
import type { Logger } from "pino";
import type { TlsFiles } from "./receiver-config.ts";

export interface TlsOptions {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
  readonly minVersion: "TLSv1.2";
}

/** @throws PipelineError `CONFIG_INVALID` naming the setting whose file is missing or not valid. */
export function loadTls(files: TlsFiles): TlsOptions {
  const cert = readSetting("NONET_OTLP_TLS_CERT_FILE", files.certFile);
  const key = readSetting("NONET_OTLP_TLS_KEY_FILE", files.keyFile);
  const ca =
    files.clientCaFile === undefined ? undefined : readSetting("NONET_OTLP_TLS_CLIENT_CA_FILE", files.clientCaFile);
  try {
    createSecureContext({ cert, key, ...(ca === undefined ? {} : { ca }) });
  } catch (cause) {
    throw new PipelineError(
      "CONFIG_INVALID",
      "NONET_OTLP_TLS_CERT_FILE and NONET_OTLP_TLS_KEY_FILE are not a certificate and its key in PEM",
      { cause },
    );
  }
  return {
    cert,
    key,
    ...(ca === undefined ? {} : { ca }),
    requestCert: ca !== undefined,
    rejectUnauthorized: ca !== undefined,
    minVersion: "TLSv1.2",
  };
}

/**
 * Looks at the files every `intervalMs` and hands over what changed. New connections use it; a file that cannot be used leaves the old certificate.
 *
 * @returns how to stop.
 */
export function watchTls(
  files: TlsFiles,
  options: { readonly intervalMs: number; readonly first: TlsOptions; readonly log: Logger },
  apply: (tls: TlsOptions) => void,
): () => void {
  let current = options.first;
  let failedBefore = false;
  const timer = setInterval(() => {
    try {
      const next = loadTls(files);
      failedBefore = false;
      if (next.cert === current.cert && next.key === current.key && next.ca === current.ca) return;
      apply(next);
      current = next;
      options.log.info("TLS certificate reloaded");
    } catch (error) {
      // Files are often replaced one after the other: said once, tried again.
      if (!failedBefore) options.log.warn({ err: error }, "TLS files cannot be used; the old certificate stays");
      failedBefore = true;
    }
  }, options.intervalMs).unref();
  return () => clearInterval(timer);
}

function readSetting(setting: string, path: string): string {
  if (path === "") throw new PipelineError("CONFIG_INVALID", `${setting} is needed for TLS`);
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new PipelineError("CONFIG_INVALID", `cannot read ${path}; set ${setting}`, { cause });
  }
}
