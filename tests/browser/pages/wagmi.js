import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createElement, useEffect } from 'react';
import { createRoot } from 'react-dom/client';
import { http, recoverTypedDataAddress, verifyMessage } from 'viem';
import { foundry } from 'viem/chains';
import { createConfig, injected, unstable_connector as through, useConfig, useConnect, useConnection, useConnectors } from 'wagmi';
import { useDisconnect, useSendTransaction, useSignMessage, useSignTypedData, WagmiProvider } from 'wagmi';
import { waitForTransactionReceipt } from 'wagmi/actions';
import { announced, direct, publish, RDNS, typed } from './wallets.js';

/** A provider out of viem's HTTP transport, for a page that goes to the client directly. */
function provider() {
  const { request } = http(direct)({ chain: foundry });
  return { request, on() {}, removeListener() {} };
}

const straight = injected({ target: () => ({ id: RDNS, name: 'Tandem', provider: provider() }) });
if (!direct) await announced(); // wagmi asks by itself; here only so that its list is complete when the test looks

const config = createConfig({
  chains: [foundry],
  connectors: direct ? [straight] : [],
  pollingInterval: 100,
  transports: { [foundry.id]: through({ type: 'injected' }) },
});

function Page() {
  const connectors = useConnectors();
  const { address } = useConnection();
  const { mutateAsync: connect } = useConnect();
  const { mutateAsync: disconnect } = useDisconnect();
  const { mutateAsync: signMessage } = useSignMessage();
  const { mutateAsync: signTypedData } = useSignTypedData();
  const { mutateAsync: sendTransaction } = useSendTransaction();
  const settings = useConfig();

  useEffect(() => {
    const connector = connectors.find(({ id }) => id === RDNS);
    if (!connector) return;
    publish({
      async connect() {
        const { accounts } = await connect({ connector, chainId: foundry.id });
        return accounts[0].toLowerCase();
      },
      async signMessage(message) {
        const signature = await signMessage({ message });
        return { signature, verified: await verifyMessage({ address, message, signature }) };
      },
      async signTyped() {
        const data = typed(foundry.id);
        const signature = await signTypedData(data);
        return { signature, verified: (await recoverTypedDataAddress({ ...data, signature })) === address };
      },
      async send(to, value) {
        const hash = await sendTransaction({ to, value: BigInt(value) });
        const { status } = await waitForTransactionReceipt(settings, { hash });
        return { hash, status };
      },
      async disconnect() {
        await disconnect();
        return null;
      },
    });
    document.body.dataset.account = address?.toLowerCase() ?? '';
  });
  return null;
}

createRoot(document.getElementById('root')).render(
  createElement(
    WagmiProvider,
    { config, reconnectOnMount: false },
    createElement(QueryClientProvider, { client: new QueryClient() }, createElement(Page)),
  ),
);
