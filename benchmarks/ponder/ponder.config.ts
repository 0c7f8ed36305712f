// The same work as benchmarks/indexer.py gives our indexer: one token's Transfer events, from the first block on.
import { writeFileSync } from "node:fs";
import { createConfig } from "ponder";
import { parseAbi, type Hex } from "viem";

// ponder asks a URL at most 20 times a second at first; a list of URLs is its documented way to more.
const rpc = Array<string>(50).fill(process.env.BENCH_RPC!);

// Says when the first request leaves, and then gets out of the way: ponder's start-up is told apart.
const ask = globalThis.fetch;
globalThis.fetch = (...request) => {
  writeFileSync(process.env.BENCH_BEGAN!, String(Date.now() / 1000));
  globalThis.fetch = ask;
  return ask(...request);
};

export default createConfig({
  database: { kind: "postgres", connectionString: process.env.DATABASE_URL! },
  chains: {
    anvil: { id: 31337, rpc, disableCache: true, pollingInterval: 100, ethGetLogsBlockRange: 1000 },
  },
  contracts: {
    Token: {
      chain: "anvil",
      abi: parseAbi(["event Transfer(address indexed from, address indexed to, uint256 value)"]),
      address: process.env.BENCH_TOKEN as Hex,
      startBlock: 0,
    },
  },
});
