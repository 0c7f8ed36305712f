// The same work as benchmarks/indexer.py gives our indexer: one token's Transfer events, from the first block on.
import { writeFileSync } from "node:fs";
import { createConfig } from "ponder";
import { http, parseAbi, type Hex } from "viem";

// Says when the first request leaves, and then gets out of the way: ponder's start-up is told apart.
const ask = globalThis.fetch;
globalThis.fetch = (...request) => {
  writeFileSync(process.env.BENCH_BEGAN!, String(Date.now() / 1000));
  globalThis.fetch = ask;
  return ask(...request);
};

// As its guide has it for a node of one's own: no cache beside it, and no throttle (the default is 50 requests a second).
export default createConfig({
  database: { kind: "postgres", connectionString: process.env.DATABASE_URL! },
  networks: {
    anvil: {
      chainId: 31337,
      transport: http(process.env.BENCH_RPC!),
      disableCache: true,
      maxRequestsPerSecond: 5000,
      pollingInterval: 100,
    },
  },
  contracts: {
    Token: {
      network: "anvil",
      abi: parseAbi(["event Transfer(address indexed from, address indexed to, uint256 value)"]),
      address: process.env.BENCH_TOKEN as Hex,
      startBlock: 0,
    },
  },
});
