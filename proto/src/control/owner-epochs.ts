import type { ControlConnection } from "./control-connection.ts";

/**
 * The next owner epoch of a partition: greater than every one given before, whoever asked (law 5). First 1.
 * One statement, so two processes that ask at once get two different ones.
 */
export async function nextOwnerEpoch({ db }: ControlConnection, topic: string, partition: number): Promise<number> {
  const { epoch } = await db
    .insertInto("owner_epochs")
    .values({ topic, partition, epoch: 1 })
    .onConflict((conflict) =>
      conflict.columns(["topic", "partition"]).doUpdateSet((set) => ({ epoch: set("owner_epochs.epoch", "+", 1) })),
    )
    .returning("epoch")
    .executeTakeFirstOrThrow();
  return epoch;
}
