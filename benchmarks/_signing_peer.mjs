// What viem makes of the same work, for benchmarks/signing.py. One line in, one line out: {job, seconds, outputs}.
// `seconds` is CPU time of this process (all of its threads); `outputs` is a SHA-256 over the results, to compare.
// The peer's fastest way is measured: one parent node for all accounts, one account object for all signatures.
import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { HDKey } from "@scure/bip32";
import { recoverTypedDataAddress } from "viem";
import { privateKeyToAddress, privateKeyToAccount } from "viem/accounts";

const hex = (bytes) => `0x${Buffer.from(bytes).toString("hex")}`;

const jobs = {
  derive({ seed, count }) {
    const parent = HDKey.fromMasterSeed(Buffer.from(seed, "hex")).derive("m/44'/60'/0'/0");
    return Array.from({ length: count }, (_, index) => privateKeyToAddress(hex(parent.deriveChild(index).privateKey)));
  },
  async transactions({ key, transactions }) {
    const account = privateKeyToAccount(key);
    const signed = [];
    for (const one of transactions) {
      const fields = { ...one, value: BigInt(one.value), gas: BigInt(one.gas), type: "eip1559" };
      fields.maxFeePerGas = BigInt(one.maxFeePerGas);
      fields.maxPriorityFeePerGas = BigInt(one.maxPriorityFeePerGas);
      signed.push(await account.signTransaction(fields));
    }
    return signed;
  },
  async typed({ key, documents }) {
    const account = privateKeyToAccount(key);
    const signed = [];
    for (const text of documents) signed.push(await account.signTypedData(JSON.parse(text)));
    return signed;
  },
  async checked({ key, documents }) {
    const account = privateKeyToAccount(key);
    const signed = [];
    for (const text of documents) {
      const data = JSON.parse(text);
      const signature = await account.signTypedData(data);
      if ((await recoverTypedDataAddress({ ...data, signature })) !== account.address) throw new Error("another signer");
      signed.push(signature);
    }
    return signed;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { job, ...given } = JSON.parse(line);
  const before = process.cpuUsage();
  const results = await jobs[job](given);
  const { user, system } = process.cpuUsage(before);
  const outputs = createHash("sha256").update(results.join("\n")).digest("hex");
  console.log(JSON.stringify({ job, seconds: (user + system) / 1e6, outputs }));
}
