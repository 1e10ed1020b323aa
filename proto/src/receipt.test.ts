import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createReceiptId, createReceiptSigner, type Receipt } from "./receipt.ts";

const signer = createReceiptSigner(Buffer.from("a secret of the installation"));

const anyReceipt: fc.Arbitrary<Receipt> = fc.record({
  id: fc.uint8Array({ minLength: 12, maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString("hex")),
  projectId: fc.stringMatching(/^[A-Za-z_-]{1,64}$/),
  loggedAtMs: fc.integer({ min: 0, max: 4_102_444_800_000 }),
  acceptedSpans: fc.nat(),
  rejectedSpans: fc.nat(),
  topic: fc.string({ minLength: 1, maxLength: 249 }),
  partitions: fc
    .uniqueArray(fc.nat(100_000), { maxLength: 256 })
    .chain((partitions) =>
      fc.tuple(
        ...partitions.map((partition) =>
          fc.record({ partition: fc.constant(partition), lastOffset: fc.bigInt(0n, 2n ** 63n - 1n) }),
        ),
      ),
    )
    .map((each) => each.toSorted((a, b) => a.partition - b.partition)),
});

describe("receipts", () => {
  test("are read as they were signed, and fit a header", () => {
    fc.assert(
      fc.property(anyReceipt, (receipt) => {
        const text = signer.sign(receipt) ?? "";
        expect(text).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(text.length).toBeLessThan(5_500);
        expect(signer.read(text)).toEqual(receipt);
      }),
      { numRuns: 50 },
    );
  });

  const receipt: Receipt = {
    id: createReceiptId(),
    projectId: "default",
    loggedAtMs: 1_777_885_200_000,
    acceptedSpans: 512,
    rejectedSpans: 1,
    topic: "agent-events",
    partitions: [
      { partition: 0, lastOffset: 41n },
      { partition: 11, lastOffset: 1_000_000n },
    ],
  };
  const text = signer.sign(receipt) ?? "";

  test("are small for an ordinary request", () => {
    expect(text.length).toBeLessThan(120);
  });

  test("of another secret, changed in any bit, cut or lengthened are none", () => {
    expect(createReceiptSigner(Buffer.from("another secret, as long")).read(text)).toBeUndefined();
    const bytes = Buffer.from(text, "base64url");
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(signer.read(changed.toString("base64url"))).toBeUndefined();
    }
    for (let length = 0; length < text.length; length++) expect(signer.read(text.slice(0, length))).toBeUndefined();
    expect(signer.read(`${text}A`)).toBeUndefined();
    expect(signer.read(`${text}=`)).toBeUndefined();
  });

  test("are never read from noise", () => {
    fc.assert(fc.property(fc.string({ maxLength: 300 }), (noise) => signer.read(noise) === undefined));
    expect(signer.read("A".repeat(1_000_000))).toBeUndefined();
  });

  test("of more partitions than fit a header are not made", () => {
    const partitions = Array.from({ length: 257 }, (_, partition) => ({ partition, lastOffset: 1n }));
    expect(signer.sign({ ...receipt, partitions })).toBeUndefined();
  });
});
