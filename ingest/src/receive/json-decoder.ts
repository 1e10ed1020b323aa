/**
 * JSON bodies to protobuf. Parsing 64 MiB takes seconds, and cannot be done in slices: large bodies are decoded on a thread of their own, one
 * after the other, so that all other requests go on meanwhile. The thread is started when it is needed and ended when it has been idle, since
 * it keeps some hundred MB after a large body.
 */
import { Worker } from "node:worker_threads";
import { PipelineError } from "@nonet/proto/errors.ts";
import { exportRequestFromJson } from "@nonet/proto/otlp-json-request.ts";

export type DecodedJson = ReturnType<typeof exportRequestFromJson>;

export interface JsonDecoder {
  /**
   * @param body is not to be used any more: a large one is handed over.
   * @throws PipelineError `TOO_LARGE` when the thread's memory does not suffice, `OVERLOADED` when it ended in another way.
   */
  decode(body: Uint8Array): Promise<DecodedJson>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

/** Takes some ten milliseconds at most; what is smaller is not worth the way to a thread and back. */
const inlineBytesMax = 524_288;
const idleMs = 10_000;
/** Text, objects and the result of the largest body, with some left. */
const heapMegabytesMax = 1_536;

interface Thread {
  readonly worker: Worker;
  /** In the order of their bodies. */
  readonly waiting: PromiseWithResolvers<DecodedJson>[];
  idle: NodeJS.Timeout | undefined;
}

export function createJsonDecoder(): JsonDecoder {
  let thread: Thread | undefined;

  function startThread(): Thread {
    const worker = new Worker(new URL("./json-thread.ts", import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytesMax },
    });
    worker.unref();
    const started: Thread = { worker, waiting: [], idle: undefined };
    worker.on("message", (decoded: DecodedJson) => {
      started.waiting.shift()?.resolve(decoded);
      if (started.waiting.length === 0) started.idle = setTimeout(() => void end(started), idleMs).unref();
    });
    worker.on("error", (error: NodeJS.ErrnoException) => {
      const outOfMemory = error.code === "ERR_WORKER_OUT_OF_MEMORY";
      // Only the first was being decoded: the others can be tried again.
      started.waiting
        .shift()
        ?.reject(
          outOfMemory
            ? new PipelineError("TOO_LARGE", "decoding the JSON takes too much memory; export smaller batches")
            : PipelineError.from(error),
        );
      void end(started);
    });
    return started;
  }

  async function end(ended: Thread): Promise<void> {
    if (thread === ended) thread = undefined;
    clearTimeout(ended.idle);
    for (const { reject } of ended.waiting.splice(0)) {
      reject(new PipelineError("OVERLOADED", "the thread that decodes JSON has ended"));
    }
    await ended.worker.terminate();
  }

  return {
    async decode(body) {
      if (body.length <= inlineBytesMax) return exportRequestFromJson(body);
      thread ??= startThread();
      clearTimeout(thread.idle);
      const answer = Promise.withResolvers<DecodedJson>();
      thread.waiting.push(answer);
      // `as`: bodies of this size have a buffer of their own, which no pool shares.
      thread.worker.postMessage(body, [body.buffer as ArrayBuffer]);
      return answer.promise;
    },
    async close() {
      if (thread !== undefined) await end(thread);
    },
  };
}
