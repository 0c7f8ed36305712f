// A page's work with viem, at the door whose URL is the first argument. Prints a word a step.
import { createPublicClient, createWalletClient, custom, http, verifyMessage, verifyTypedData } from 'viem'
import { foundry } from 'viem/chains'

const BOB = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
const transport = http(process.argv[2], { timeout: 60_000, retryCount: 0 })
const wallet = createWalletClient({ chain: foundry, transport })
const node = createPublicClient({ chain: foundry, transport })
const typed = {
  domain: { name: 'Example', chainId: 31337 },
  types: { Mail: [{ name: 'to', type: 'address' }, { name: 'text', type: 'string' }] },
  primaryType: 'Mail',
  message: { to: BOB, text: 'hello' },
}

const [account] = await wallet.requestAddresses()
console.log('connected')
const signature = await wallet.signMessage({ account, message: 'hello viem' })
if (!(await verifyMessage({ address: account, message: 'hello viem', signature }))) throw new Error('message')
console.log('signed')
const typedSignature = await wallet.signTypedData({ account, ...typed })
if (!(await verifyTypedData({ address: account, ...typed, signature: typedSignature }))) throw new Error('typed')
console.log('typed')
const hash = await wallet.sendTransaction({ account, to: BOB, value: 1n })
const receipt = await node.waitForTransactionReceipt({ hash })
if (receipt.status !== 'success') throw new Error('receipt')
console.log('sent')
try {
  await wallet.sendTransaction({ account, to: BOB, value: 1n })
} catch (error) {
  if (error.walk((e) => e.code === 4001) === null) throw error
  console.log('declined')
}
