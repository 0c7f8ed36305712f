import { BrowserProvider, JsonRpcProvider, verifyMessage, verifyTypedData } from 'ethers';
import { announced, direct, publish, typed } from './wallets.js';

const provider = direct ? new JsonRpcProvider(direct) : new BrowserProvider(await announced());
provider.pollingInterval = 100;
let signer;

publish({
  async connect() {
    // A JsonRpcProvider knows nothing of asking: a page that uses one asks itself.
    if (direct) await provider.send('eth_requestAccounts', []);
    signer = await provider.getSigner();
    return signer.address.toLowerCase();
  },
  async signMessage(message) {
    const signature = await signer.signMessage(message);
    return { signature, verified: verifyMessage(message, signature) === signer.address };
  },
  async signTyped() {
    const { domain, types, message } = typed(31337);
    const signature = await signer.signTypedData(domain, types, message);
    return { signature, verified: verifyTypedData(domain, types, message, signature) === signer.address };
  },
  async send(to, value) {
    const { hash, ...sent } = await signer.sendTransaction({ to, value: BigInt(value) });
    const { status } = await provider.waitForTransaction(hash);
    return { hash, status: status === 1 ? 'success' : 'reverted', nonce: sent.nonce };
  },
});
