import { Web3 } from 'web3';
import { getEncodedEip712Data } from 'web3-eth-abi';
import { announced, direct, DOMAIN_TYPE, publish, typed } from './wallets.js';

const web3 = new Web3(direct ?? (await announced()));
web3.eth.transactionPollingInterval = 100;
let account;
const isAccount = (address) => address.toLowerCase() === account;

publish({
  async connect() {
    [account] = (await web3.eth.requestAccounts()).map((one) => one.toLowerCase());
    return account;
  },
  async signMessage(message) {
    const signature = await web3.eth.personal.sign(message, account, '');
    return { signature, verified: isAccount(web3.eth.accounts.recover(message, signature)) };
  },
  async signTyped() {
    const data = typed(31337);
    data.types.EIP712Domain = DOMAIN_TYPE;
    const signature = await web3.eth.signTypedData(account, data);
    const digest = getEncodedEip712Data(data, true);
    return { signature, verified: isAccount(web3.eth.accounts.recover(digest, signature, true)) };
  },
  async send(to, value) {
    const { transactionHash, status } = await web3.eth.sendTransaction({ from: account, to, value });
    return { hash: transactionHash, status: status === 1n ? 'success' : 'reverted' };
  },
});
