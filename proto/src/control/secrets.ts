import { randomBytes } from "node:crypto";
import { type ControlConnection, changeExclusively } from "./control-connection.ts";

/**
 * A secret that all processes of the installation share, 32 random bytes. Of many that ask at once for one that is not there yet, one makes
 * it.
 *
 * @param name what it is for: `receipt`.
 */
export async function ensureSecret(connection: ControlConnection, name: string): Promise<Buffer> {
  const find = (db: Pick<ControlConnection["db"], "selectFrom">) =>
    db.selectFrom("secrets").select("value").where("name", "=", name).executeTakeFirst();
  const known = await find(connection.db);
  if (known !== undefined) return Buffer.from(known.value, "hex");
  return changeExclusively(connection, async (transaction) => {
    const made = await find(transaction);
    if (made !== undefined) return Buffer.from(made.value, "hex");
    const value = randomBytes(32);
    await transaction
      .insertInto("secrets")
      .values({ name, value: value.toString("hex"), created_at_ms: connection.now() })
      .execute();
    return value;
  });
}
