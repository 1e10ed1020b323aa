import { gunzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { compressionsAlgorithms } from "@platformatic/kafka";
import kafkajs from "kafkajs";

/** Decompressed bytes of one batch of records; a Collector's are a few MiB. */
const batchBytesMax = 268_435_456;

/**
 * kafkajs knows the numbers of the codecs, and has only gzip. The producers we read from choose freely among the five.
 *
 * @throws Error on a batch that is damaged or too large; the consumer cannot read past it.
 */
export function registerKafkaCodecs(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  CompressionCodecs[CompressionTypes.GZIP] = () => ({
    compress: async () => {
      throw new Error("this consumer compresses nothing");
    },
    decompress: async (buffer: Buffer) => gunzipSync(buffer, { maxOutputLength: batchBytesMax }),
  });
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: async (encoder: { readonly buffer: Buffer }) => zstdCompressSync(encoder.buffer),
    decompress: async (buffer: Buffer) => zstdDecompressSync(buffer, { maxOutputLength: batchBytesMax }),
  });
  for (const [type, { decompressSync }] of [
    [CompressionTypes.Snappy, compressionsAlgorithms.snappy],
    [CompressionTypes.LZ4, compressionsAlgorithms.lz4],
  ] as const) {
    CompressionCodecs[type] = () => ({
      compress: async () => {
        throw new Error("this consumer compresses nothing");
      },
      decompress: async (buffer: Buffer) => decompressSync(buffer),
    });
  }
}
