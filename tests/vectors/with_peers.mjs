// What viem and ethers make of the same things, side by side. One JSON object on stdin, one on stdout; numbers are digits.
// transactions: [{type, chainId, nonce, gas, to, value, data, gasPrice | maxFeePerGas, ..., accessList, authorizationList}];
// messages: [hex]; typed: [{domain, types, primaryType, message}]; phrases: [{entropy, language, passphrase}].
import { Mnemonic, Signature, Transaction, Wallet, getBytes, wordlists } from "ethers";
import { privateKeyToAccount } from "viem/accounts";

let input = "";
for await (const part of process.stdin) input += part;
const { key, transactions = [], messages = [], typed = [], phrases = [] } = JSON.parse(input);
const account = privateKeyToAccount(key);
const wallet = new Wallet(key);
const viemTypes = ["legacy", "eip2930", "eip1559", undefined, "eip7702"];
const numbers = ["value", "gas", "gasPrice", "maxFeePerGas", "maxPriorityFeePerGas"];

const forViem = (fields) => ({
  ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, numbers.includes(name) ? BigInt(value) : value])),
  type: viemTypes[fields.type],
});

const forEthers = ({ gas, authorizationList, ...fields }) => ({
  ...fields,
  gasLimit: gas,
  ...(authorizationList && {
    authorizationList: authorizationList.map(({ r, s, yParity, ...one }) => ({
      ...one,
      signature: Signature.from({ r, s, v: 27 + yParity }),
    })),
  }),
});

const attempt = async (make) => {
  try {
    return await make();
  } catch {
    return null; // a peer that refuses says nothing about the bytes
  }
};

const each = (list, make) => Promise.all(list.map((one) => attempt(() => make(one))));
const withoutDomain = ({ EIP712Domain, ...types }) => types;

process.stdout.write(
  JSON.stringify({
    transactions: {
      viem: await each(transactions, (one) => account.signTransaction(forViem(one))),
      ethers: await each(transactions, (one) => wallet.signTransaction(Transaction.from(forEthers(one)))),
    },
    messages: {
      viem: await each(messages, (raw) => account.signMessage({ message: { raw } })),
      ethers: await each(messages, (raw) => wallet.signMessage(getBytes(raw))),
    },
    typed: {
      viem: await each(typed, (data) => account.signTypedData(data)),
      ethers: await each(typed, ({ domain, types, message }) => wallet.signTypedData(domain, withoutDomain(types), message)),
    },
    phrases: phrases.map(({ entropy, language, passphrase }) => {
      const mnemonic = Mnemonic.fromEntropy(`0x${entropy}`, passphrase, wordlists[language]);
      return { phrase: mnemonic.phrase, seed: mnemonic.computeSeed().slice(2) };
    }),
  }),
);
