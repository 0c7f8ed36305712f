import { createPublicClient, createWalletClient, custom, http, recoverTypedDataAddress, verifyMessage } from 'viem';
import { foundry } from 'viem/chains';
import { announced, direct, publish, typed } from './wallets.js';

const transport = direct ? http(direct) : custom(await announced());
const wallet = createWalletClient({ chain: foundry, transport });
const reader = createPublicClient({ chain: foundry, transport, pollingInterval: 100 });
let account;

publish({
  async connect() {
    [account] = await wallet.requestAddresses();
    return account.toLowerCase();
  },
  async signMessage(message) {
    const signature = await wallet.signMessage({ account, message });
    return { signature, verified: await verifyMessage({ address: account, message, signature }) };
  },
  async signTyped() {
    const data = typed(foundry.id);
    const signature = await wallet.signTypedData({ account, ...data });
    return { signature, verified: (await recoverTypedDataAddress({ ...data, signature })) === account };
  },
  async send(to, value) {
    const hash = await wallet.sendTransaction({ account, to, value: BigInt(value) });
    const { status } = await reader.waitForTransactionReceipt({ hash });
    return { hash, status };
  },
});
