import type { ControlConnection } from "./control-connection.ts";

/** How far a partition was processed; both are the next offset, so everything before them is done. */
export interface ProcessedPosition {
  /** Rows are in the store. */
  readonly stored: bigint;
  /** Projected as well: every answer shows it. */
  readonly queryable: bigint;
}

export interface OwnedPosition extends ProcessedPosition {
  readonly partition: number;
  /** Of the owner that says so; what an earlier owner says is ignored. */
  readonly epoch: bigint;
}

/** Writes where the owners of partitions are. An owner's later word replaces its earlier one. */
export async function saveProcessedPositions(
  { db }: ControlConnection,
  topic: string,
  positions: readonly OwnedPosition[],
): Promise<void> {
  if (positions.length === 0) return;
  await db
    .insertInto("processed_positions")
    .values(
      positions.map(({ partition, epoch, stored, queryable }) => ({
        topic,
        partition,
        epoch: Number(epoch),
        stored: Number(stored),
        queryable: Number(queryable),
      })),
    )
    .onConflict((conflict) =>
      conflict
        .columns(["topic", "partition"])
        .doUpdateSet((set) => ({
          epoch: set.ref("excluded.epoch"),
          stored: set.ref("excluded.stored"),
          queryable: set.ref("excluded.queryable"),
        }))
        .whereRef("processed_positions.epoch", "<=", (set) => set.ref("excluded.epoch")),
    )
    .execute();
}

export async function loadProcessedPositions(
  { db }: ControlConnection,
  topic: string,
): Promise<Map<number, ProcessedPosition>> {
  const rows = await db.selectFrom("processed_positions").selectAll().where("topic", "=", topic).execute();
  return new Map(
    rows.map((row) => [row.partition, { stored: BigInt(row.stored), queryable: BigInt(row.queryable) }] as const),
  );
}
