/**
 * Receipts: signed statements of where an accepted request lies in the log. Nobody keeps them; whoever holds the secret can judge one.
 *
 *     base64url( mac (16) | version (1) | id (12) | logged at, ms (6) | accepted | rejected | project | topic | count | { partition step, offset } )
 *
 * The mac is the first half of HMAC-SHA-256 over the rest. Numbers without a width are varints (7 bits a byte, lowest first); texts have their
 * length before them; partitions ascend and each is written as the step from the one before. Source: contracts/README.md ruling 15.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { ProtobufReader } from "./protobuf-reader.ts";

export interface Receipt {
  /** 24 lower-case hex digits; names the request in the quarantine. */
  readonly id: string;
  readonly projectId: string;
  readonly loggedAtMs: number;
  readonly acceptedSpans: number;
  readonly rejectedSpans: number;
  readonly topic: string;
  /** Empty when nothing of the request was accepted. */
  readonly partitions: readonly { readonly partition: number; readonly lastOffset: bigint }[];
}

export interface ReceiptSigner {
  /** @returns text for a header or a path; undefined for more than 256 partitions, which would not fit the headers that clients read. */
  sign(receipt: Receipt): string | undefined;
  /** @returns undefined for every text that `sign` with this secret did not make. */
  read(text: string): Receipt | undefined;
}

const macBytes = 16;
const version = 1;
const idBytes = 12;
const fixedBytes = macBytes + 1 + idBytes + 6;
const partitionsMax = 256;
/** 256 partitions with the largest offsets take about 4,500: a path of the API may have 8,192 bytes. */
const receiptCharactersMax = 8_192;

export function createReceiptId(): string {
  return randomBytes(idBytes).toString("hex");
}

/** @param secret at least 16 bytes; the same in every service of an installation. */
export function createReceiptSigner(secret: Uint8Array): ReceiptSigner {
  const macOf = (statement: Uint8Array): Buffer =>
    createHmac("sha256", secret).update("nonet-receipt").update(statement).digest().subarray(0, macBytes);

  return {
    sign(receipt) {
      if (receipt.partitions.length > partitionsMax) return undefined;
      const statement = encodeStatement(receipt);
      return Buffer.concat([macOf(statement), statement]).toString("base64url");
    },
    read(text) {
      if (text.length > receiptCharactersMax || !/^[A-Za-z0-9_-]+$/.test(text)) return undefined;
      const bytes = Buffer.from(text, "base64url");
      // Base64 has spare bits at its end: only the one spelling that we write is a receipt.
      if (bytes.length <= fixedBytes || bytes.toString("base64url") !== text) return undefined;
      const statement = bytes.subarray(macBytes);
      if (!timingSafeEqual(bytes.subarray(0, macBytes), macOf(statement))) return undefined;
      return statement[0] === version ? decodeStatement(statement) : undefined;
    },
  };
}

function encodeStatement(receipt: Receipt): Buffer {
  const head = Buffer.alloc(1 + idBytes + 6);
  head[0] = version;
  head.write(receipt.id, 1, idBytes, "hex");
  head.writeUIntBE(receipt.loggedAtMs, 1 + idBytes, 6);
  const partitions = receipt.partitions.toSorted((a, b) => a.partition - b.partition);
  let before = 0;
  const places = partitions.flatMap(({ partition, lastOffset }) => {
    const step = partition - before;
    before = partition;
    return [...varint(BigInt(step)), ...varint(lastOffset)];
  });
  const { projectId, topic } = receipt;
  return Buffer.concat([
    head,
    Buffer.from([...varint(BigInt(receipt.acceptedSpans)), ...varint(BigInt(receipt.rejectedSpans))]),
    lengthPrefixed(projectId),
    lengthPrefixed(topic),
    Buffer.from([...varint(BigInt(partitions.length)), ...places]),
  ]);
}

/** @param statement one that was signed, so it is whole. */
function decodeStatement(statement: Buffer): Receipt {
  const reader = new ProtobufReader(statement, 1 + idBytes + 6);
  const end = statement.length;
  const number = (): number => Number(readVarint(statement, reader));
  const text = (): string => {
    const textEnd = reader.readLength(end);
    const value = statement.toString("utf8", reader.position, textEnd);
    reader.position = textEnd;
    return value;
  };
  const acceptedSpans = number();
  const rejectedSpans = number();
  const projectId = text();
  const topic = text();
  const count = number();
  let partition = 0;
  const partitions = Array.from({ length: count }, () => {
    partition += number();
    return { partition, lastOffset: readVarint(statement, reader) };
  });
  return {
    id: statement.toString("hex", 1, 1 + idBytes),
    projectId,
    loggedAtMs: statement.readUIntBE(1 + idBytes, 6),
    acceptedSpans,
    rejectedSpans,
    topic,
    partitions,
  };
}

function readVarint(bytes: Uint8Array, reader: ProtobufReader): bigint {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    const byte = bytes[reader.position++] ?? 0;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return bytes;
}

function lengthPrefixed(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from(varint(BigInt(bytes.length))), bytes]);
}
