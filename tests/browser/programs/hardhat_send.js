// A developer's script: connects, signs, sends, and prints what it got as one JSON document.
const { network } = require('hardhat');

async function main() {
  const ask = (method, ...params) => network.provider.request({ method, params });
  const [account] = await ask('eth_requestAccounts');
  const signature = await ask('personal_sign', '0x48692066726f6d2048617264686174', account);
  const hash = await ask('eth_sendTransaction', { from: account, to: process.env.PAYEE, value: '0x3039' });
  const declined = await ask('eth_sendTransaction', { from: account, to: process.env.PAYEE, value: '0x1' }).catch((error) => error.code);
  console.log(JSON.stringify({ account, signature, hash, declined }));
}

main();
