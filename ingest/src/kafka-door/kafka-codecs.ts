import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { compressionsAlgorithms } from "@platformatic/kafka";
import kafkajs from "kafkajs";

/** Decompressed bytes of one batch of records; a Collector's are a few MiB. */
const batchBytesMax = 268_435_456;

/**
 * kafkajs knows the numbers of the codecs, and has only gzip. The producers we read from choose freely among the four. Synchronous: for a batch
 * of some hundred KB a thread's round trip costs more than the work.
 *
 * @throws Error on a batch that is damaged or too large; the consumer cannot read past it.
 */
export function registerKafkaCodecs(): void {
  const { GZIP, Snappy, LZ4, ZSTD } = kafkajs.CompressionTypes;
  const { snappy, lz4 } = compressionsAlgorithms;
  const limit = { maxOutputLength: batchBytesMax };
  register(GZIP, gzipSync, (bytes) => gunzipSync(bytes, limit));
  register(ZSTD, zstdCompressSync, (bytes) => zstdDecompressSync(bytes, limit));
  register(Snappy, snappy.compressSync, snappy.decompressSync);
  register(LZ4, lz4.compressSync, lz4.decompressSync);
}

function register(
  type: keyof typeof kafkajs.CompressionCodecs,
  compress: (bytes: Buffer) => Buffer,
  decompress: (bytes: Buffer) => Buffer,
): void {
  kafkajs.CompressionCodecs[type] = () => ({
    compress: async (encoder: { readonly buffer: Buffer }) => compress(encoder.buffer),
    decompress: async (bytes: Buffer) => decompress(bytes),
  });
}
