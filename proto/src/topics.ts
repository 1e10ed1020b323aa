/** Topic names and the key of a record. Source: design.md section 4. */

export const agentEventsTopic = "agent-events";
export const deadLetterTopic = "agent-events-dead-letter";

/**
 * The key of every record that concerns a trace: project id, zero byte, 16 bytes of trace id. Equal keys share a partition, so the owner of
 * the partition is the one writer of the trace (law 4). A project id never holds a zero byte.
 *
 * @param traceId 32 lower-case hex digits.
 */
export function partitionKey(projectId: string, traceId: string): Buffer {
  const project = Buffer.byteLength(projectId);
  const key = Buffer.allocUnsafe(project + 17);
  key.write(projectId, 0);
  key[project] = 0;
  key.write(traceId, project + 1, 16, "hex");
  return key;
}

/** Murmur2 as Kafka's Java client computes it, so that the SQLite log and every Kafka client agree on the partition of a key. */
export function partitionOf(key: Uint8Array, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount;
}

function murmur2(data: Uint8Array): number {
  const m = 0x5bd1e995;
  const length = data.length;
  let hash = 0x9747b28c ^ length;
  const view = new DataView(data.buffer, data.byteOffset, length);
  const whole = length & ~3;
  for (let i = 0; i < whole; i += 4) {
    let k = Math.imul(view.getInt32(i, true), m);
    k ^= k >>> 24;
    k = Math.imul(k, m);
    hash = Math.imul(hash, m) ^ k;
  }
  const rest = length & 3;
  if (rest === 3) hash ^= (data[whole + 2] ?? 0) << 16;
  if (rest >= 2) hash ^= (data[whole + 1] ?? 0) << 8;
  if (rest >= 1) {
    hash ^= data[whole] ?? 0;
    hash = Math.imul(hash, m);
  }
  hash ^= hash >>> 13;
  hash = Math.imul(hash, m);
  hash ^= hash >>> 15;
  return hash;
}
