import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import kafkajs from "kafkajs";

/** No batch of ours is near it: a request holds at most the largest record, or a few MiB of smaller ones. */
const batchBytesMax = 268_435_456;

/**
 * kafkajs knows the number of zstd and has no codec for it. Ours is synchronous: for batches of some hundred KB a thread's round trip costs
 * more than the work.
 *
 * @throws Error on a batch that is damaged or expands to more than 256 MiB; the consumer cannot read past it.
 */
export function registerKafkaZstd(): void {
  kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD] = () => ({
    compress: async (encoder: { readonly buffer: Buffer }) => zstdCompressSync(encoder.buffer),
    decompress: async (buffer: Buffer) => zstdDecompressSync(buffer, { maxOutputLength: batchBytesMax }),
  });
}
