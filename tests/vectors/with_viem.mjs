// What viem makes of the same things. Reads one JSON object from stdin, writes one to stdout.
// typed: [{domain, types, primaryType, message}] -> digests; transactions: [{key, fields}] -> raw;
// messages: [{key, text | raw}] -> signatures; signed: [{key, domain, ...}] -> signatures of typed data;
// siwe: [fields] -> texts; calls: [{fragment, args}], digits as strings -> calldata.
import { encodeFunctionData, hashTypedData, parseAbi } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { createSiweMessage } from "viem/siwe";

let input = "";
for await (const part of process.stdin) input += part;
const { typed = [], transactions = [], messages = [], signed = [], siwe = [], calls = [] } = JSON.parse(input);

const big = (fields, names) =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, names.includes(name) ? BigInt(value) : value]));
const times = (fields) =>
  big(Object.fromEntries(Object.entries(fields).map(([n, v]) => [n, /(issuedAt|Time|notBefore)$/.test(n) ? new Date(v) : v])), []);

const numbers = (value) =>
  Array.isArray(value) ? value.map(numbers)
  : typeof value === "string" && /^\d+$/.test(value) ? BigInt(value)
  : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, numbers(v)]))
  : value;

const output = {
  typed: typed.map((data) => hashTypedData(data)),
  transactions: await Promise.all(
    transactions.map(({ key, fields }) =>
      privateKeyToAccount(key).signTransaction({
        ...big(fields, ["value", "gas", "maxFeePerGas", "maxPriorityFeePerGas"]),
        type: "eip1559",
      }),
    ),
  ),
  messages: await Promise.all(
    messages.map(({ key, text, raw }) => privateKeyToAccount(key).signMessage({ message: raw ? { raw } : text })),
  ),
  signed: await Promise.all(signed.map(({ key, ...data }) => privateKeyToAccount(key).signTypedData(data))),
  calls: calls.map(({ fragment, args }) => encodeFunctionData({ abi: parseAbi([`function ${fragment}`]), args: numbers(args) })),
  siwe: siwe.map((fields) => createSiweMessage(times(fields))),
};
process.stdout.write(JSON.stringify(output));
