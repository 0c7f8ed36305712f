import { ponder } from "ponder:registry";
import { transfers } from "ponder:schema";

ponder.on("Token:Transfer", async ({ event, context }) => {
  await context.db.insert(transfers).values({
    generation: 0n,
    blockNumber: event.block.number,
    transactionIndex: BigInt(event.transaction.transactionIndex),
    logIndex: BigInt(event.log.logIndex),
    part: 0n,
    timestamp: event.block.timestamp,
    transactionHash: event.transaction.hash,
    kind: 1n,
    token: event.log.address,
    tokenId: null,
    sender: event.args.from,
    receiver: event.args.to,
    units: event.args.value,
    succeeded: 1n,
  });
});
