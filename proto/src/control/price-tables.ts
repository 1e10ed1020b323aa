/**
 * Price tables by name and version, each as it was when it was first used: a call is priced by the table of its receipt for ever, also when the
 * call changes after the table was replaced by a newer one (tenant-traces.md 6.1, law 10).
 */
import { promisify } from "node:util";
import { constants, gunzip, gzip } from "node:zlib";
import type { ControlConnection } from "./control-connection.ts";

/** What a table may take unpacked; the installed one has half a megabyte. */
const tableBytesMax = 33_554_432;

/** Keeps the table of that name, if it is not kept yet. */
export async function savePriceTable(connection: ControlConnection, name: string, text: string): Promise<void> {
  const { db } = connection;
  const known = await db.selectFrom("price_tables").select("name").where("name", "=", name).executeTakeFirst();
  if (known !== undefined) return;
  const packed = await promisify(gzip)(text, { level: constants.Z_BEST_COMPRESSION });
  await db
    .insertInto("price_tables")
    .values({ name, data: packed.toString("base64"), created_at_ms: connection.now() })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** @returns undefined for a table that was never kept. */
export async function loadPriceTable({ db }: ControlConnection, name: string): Promise<string | undefined> {
  const row = await db.selectFrom("price_tables").select("data").where("name", "=", name).executeTakeFirst();
  if (row === undefined) return undefined;
  const text = await promisify(gunzip)(Buffer.from(row.data, "base64"), { maxOutputLength: tableBytesMax });
  return text.toString("utf8");
}
