// A page's work with ethers v6, over an EIP-1193 provider that posts to the door whose URL is the first argument.
import { BrowserProvider, verifyMessage, verifyTypedData } from 'ethers'

const BOB = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
let id = 0
const door = {
  async request({ method, params }) {
    const body = JSON.stringify({ jsonrpc: '2.0', id: ++id, method, params: params ?? [] })
    const response = await fetch(process.argv[2], {
      method: 'POST', headers: { 'content-type': 'application/json' }, body,
    })
    const answer = await response.json()
    if (answer.error) throw Object.assign(new Error(answer.error.message), answer.error)
    return answer.result
  },
}
const types = { Mail: [{ name: 'to', type: 'address' }, { name: 'text', type: 'string' }] }
const domain = { name: 'Example', chainId: 31337 }
const message = { to: BOB, text: 'hello' }

const provider = new BrowserProvider(door)
const signer = await provider.getSigner()
console.log('connected')
const signature = await signer.signMessage('hello ethers')
if (verifyMessage('hello ethers', signature) !== signer.address) throw new Error('message')
console.log('signed')
const typed = await signer.signTypedData(domain, types, message)
if (verifyTypedData(domain, types, message, typed) !== signer.address) throw new Error('typed')
console.log('typed')
const sent = await signer.sendTransaction({ to: BOB, value: 1n })
const receipt = await sent.wait()
if (receipt.status !== 1) throw new Error('receipt')
console.log('sent')
try {
  await signer.sendTransaction({ to: BOB, value: 1n })
} catch (error) {
  if (error.code !== 'ACTION_REJECTED') throw error
  console.log('declined')
}
