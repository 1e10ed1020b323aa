/**
 * A body of any size, written piece by piece: small pieces go out together, none waits longer than `flushMs`, and a slow reader is waited
 * for. With an encoding the pieces pass an encoder, which is flushed at the same times, so that what was written can be read.
 */
import type { Writable } from "node:stream";
import { constants, createBrotliCompress, createGzip } from "node:zlib";
import type { Response } from "express";
import { brotliParams, gzipLevel } from "./content-encoding.ts";

export interface StreamBody {
  /** The client has gone: nothing more is sent. */
  readonly gone: boolean;
  /** @returns undefined when more may follow at once. */
  write(text: string): Promise<void> | undefined;
  end(trailers: Readonly<Record<string, string>>): void;
}

const pieceCharacters = 32_768;
const flushMs = 100;

/** The headers are set, `Content-Encoding` with them. The first piece sends them. */
export function createStreamBody(response: Response): StreamBody {
  const encoder = createEncoder(response.getHeader("Content-Encoding"));
  const sink: Writable = encoder ?? response;
  encoder?.pipe(response);
  let pending = "";
  let timer: NodeJS.Timeout | undefined;
  response.once("close", () => {
    clearTimeout(timer);
    encoder?.destroy();
  });

  function send(): boolean {
    clearTimeout(timer);
    timer = undefined;
    if (pending === "" || response.destroyed) return true;
    const text = pending;
    pending = "";
    return sink.write(text);
  }

  function flush(): void {
    send();
    encoder?.flush();
  }

  return {
    get gone() {
      return response.destroyed;
    },
    write(text) {
      pending += text;
      if (pending.length < pieceCharacters) {
        timer ??= setTimeout(flush, flushMs);
        return undefined;
      }
      return send() ? undefined : drained(sink, response);
    },
    end(trailers) {
      send();
      response.addTrailers({ ...trailers });
      sink.end();
    },
  };
}

function createEncoder(encoding: unknown): ReturnType<typeof createGzip | typeof createBrotliCompress> | undefined {
  if (encoding === "gzip") return createGzip({ level: gzipLevel });
  if (encoding === "br")
    return createBrotliCompress({ params: brotliParams, flush: constants.BROTLI_OPERATION_PROCESS });
  return undefined;
}

function drained(sink: Writable, response: Response): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      sink.off("drain", done);
      response.off("close", done);
      resolve();
    };
    sink.on("drain", done);
    response.on("close", done);
  });
}
