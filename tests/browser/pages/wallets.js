// How a page of ours comes to the wallet: by the extension's announcement (EIP-6963), or directly by HTTP on loopback.
// What the page learns is put on `window.dapp` for the test to call. Every library checks signatures with its own verifier.

export const RDNS = 'local.tandem.wallet';
export const settings = new URL(location.href).searchParams;
export const direct = settings.get('wallet'); // the client's URL, where the page goes to it directly

/** The announced provider: asked for until it answers, as EIP-6963 says. */
export function announced() {
  return new Promise((resolve) => {
    window.addEventListener('eip6963:announceProvider', ({ detail }) => {
      if (detail.info.rdns === RDNS) resolve(detail.provider);
    });
    window.dispatchEvent(new Event('eip6963:requestProvider'));
  });
}

export const typed = (chainId) => ({
  domain: { name: 'Ether Mail', version: '1', chainId, verifyingContract: '0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC' },
  types: {
    Person: [
      { name: 'name', type: 'string' },
      { name: 'wallet', type: 'address' },
    ],
    Mail: [
      { name: 'from', type: 'Person' },
      { name: 'to', type: 'Person' },
      { name: 'contents', type: 'string' },
    ],
  },
  primaryType: 'Mail',
  message: {
    from: { name: 'Cow', wallet: '0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826' },
    to: { name: 'Bob', wallet: '0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB' },
    contents: 'Hello, Bob!',
  },
});

export const DOMAIN_TYPE = [
  { name: 'name', type: 'string' },
  { name: 'version', type: 'string' },
  { name: 'chainId', type: 'uint256' },
  { name: 'verifyingContract', type: 'address' },
];

/** What the test calls. Failures come back as values: a test asserts on them, it does not parse an exception's text. */
export function publish(dapp) {
  const told = (error) => ({
    failed: {
      name: error.name ?? null,
      code: error.code ?? null,
      cause: [error.cause, error.info?.error, error.error].find((one) => one?.code !== undefined)?.code ?? null,
      message: String(error.message ?? error),
    },
  });
  window.dapp = Object.fromEntries(
    Object.entries(dapp).map(([name, act]) => [name, (...values) => act(...values).catch(told)]),
  );
}
