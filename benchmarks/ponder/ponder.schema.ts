// The columns of chain_transfers (chain/tables.py), with its primary key, and one more for its other unique key.
import { index, onchainTable, primaryKey } from "ponder";

export const transfers = onchainTable(
  "transfers",
  (t) => ({
    generation: t.bigint().notNull(),
    blockNumber: t.bigint().notNull(),
    transactionIndex: t.bigint().notNull(),
    logIndex: t.bigint().notNull(),
    part: t.bigint().notNull(),
    timestamp: t.bigint().notNull(),
    transactionHash: t.hex().notNull(),
    kind: t.bigint().notNull(),
    token: t.hex(),
    tokenId: t.bigint(),
    sender: t.hex().notNull(),
    receiver: t.hex().notNull(),
    units: t.bigint().notNull(),
    succeeded: t.bigint().notNull(),
  }),
  (table) => ({
    pk: primaryKey({
      columns: [table.generation, table.blockNumber, table.transactionIndex, table.logIndex, table.part],
    }),
    once: index().on(table.generation, table.transactionHash, table.logIndex, table.part),
    bySender: index().on(table.sender, table.timestamp),
    byReceiver: index().on(table.receiver, table.timestamp),
  }),
);
