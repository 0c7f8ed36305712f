// A wallet in another language: an unsigned transfer from the server, checked and signed by viem, sent through the server.
// Arguments: the server's URL, an asset, an amount, a receiver. Prints the hash.
import { createPublicClient, decodeFunctionData, erc20Abi, http, keccak256, parseTransaction } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { foundry } from 'viem/chains'

const [server, asset, amount, to] = process.argv.slice(2)
const account = privateKeyToAccount('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80')

async function post(path, body) {
  const headers = { 'Content-Type': 'application/json' }
  const response = await fetch(server + path, { method: 'POST', headers, body: JSON.stringify(body) })
  const answer = await response.json()
  if (!response.ok) throw new Error(JSON.stringify(answer))
  return answer
}

function check(holds, what) {
  if (!holds) throw new Error(`not what was asked for: ${what}`)
}

const built = await post('/v1/chains/31337/transfers', { from: account.address, to, asset, amount, speed: 'fast' })
const said = Object.fromEntries(built.checks.map((one) => [one.fact, one.value]))
const transaction = parseTransaction(built.payload)
check(keccak256(built.payload) === built.digest, 'digest')
check(transaction.chainId === 31337 && said.chain === '31337', 'chain')
check(transaction.nonce === Number(said.nonce), 'nonce')
check(transaction.gas * transaction.maxFeePerGas === BigInt(said.fee_max_wei), 'fee')
if (asset === 'ETH') {
  check(transaction.to.toLowerCase() === to.toLowerCase(), 'receiver')
  check(transaction.value === BigInt(said.amount_units), 'amount')
} else {
  const { functionName, args } = decodeFunctionData({ abi: erc20Abi, data: transaction.data })
  check(functionName === 'transfer' && args[0].toLowerCase() === to.toLowerCase(), 'receiver')
  check(args[1] === BigInt(said.amount_units) && !transaction.value, 'amount')
  check(transaction.to.toLowerCase() === said.contract.toLowerCase(), 'contract')
}
const raw = await account.signTransaction(transaction)
const sent = await post('/v1/chains/31337/transactions', { raw })
check(sent.transaction === keccak256(raw), 'hash')
check(JSON.stringify(await post('/v1/chains/31337/transactions', { raw })) === JSON.stringify(sent), 'once means once')
const node = createPublicClient({ chain: foundry, transport: http(`${server}/v1/rpc/31337`), pollingInterval: 100 })
const receipt = await node.waitForTransactionReceipt({ hash: sent.transaction })
check(receipt.status === 'success', 'receipt')
console.log(sent.transaction)
