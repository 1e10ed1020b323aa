/** Listen addresses as operators write them: `host:port`, `[::1]:4317`, several separated by commas. */
import { z } from "zod";
import { PipelineError } from "./errors.ts";

export interface ListenAddress {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
}

const addressText = z.string().transform((text, context): ListenAddress => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    context.addIssue({ code: "custom", message: `'${text}' is not host:port` });
    return z.NEVER;
  }
  return { host: match[1] ?? match[2] ?? "", port };
});

export const listenAddress = z.string().pipe(addressText);

export const listenAddresses = z
  .string()
  .transform((text) => text.split(",").map((each) => each.trim()))
  .pipe(z.array(addressText).min(1));

export function formatAddress({ host, port }: ListenAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Loopback is where authentication may be off. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

/** A failed listen as an error that names the setting to change. */
export function listenError(
  cause: NodeJS.ErrnoException,
  address: { host: string; port: number; setting: string },
): PipelineError {
  const where = `${address.host}:${address.port}`;
  const message =
    cause.code === "EADDRINUSE"
      ? `${where} is already in use; stop what listens there or set ${address.setting}`
      : `cannot listen on ${where} (${cause.code ?? cause.message}); set ${address.setting}`;
  return new PipelineError("ADDRESS_IN_USE", message, { cause });
}
