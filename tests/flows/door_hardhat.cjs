// A Hardhat script's work through the door: accounts, a transaction, a declined one. Prints a word a step.
const { network } = require('hardhat')

const BOB = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'

async function main() {
  const [from] = await network.provider.send('eth_requestAccounts', [])
  const accounts = await network.provider.send('eth_accounts', [])
  if (accounts[0] !== from) throw new Error('accounts')
  console.log('connected')
  const hash = await network.provider.send('eth_sendTransaction', [{ from, to: BOB, value: '0x1' }])
  const receipt = await network.provider.send('eth_getTransactionReceipt', [hash])
  if (receipt !== null && receipt.status !== '0x1') throw new Error('receipt')
  console.log('sent')
  try {
    await network.provider.send('eth_sendTransaction', [{ from, to: BOB, value: '0x1' }])
  } catch (error) {
    if (error.code !== 4001) throw error
    console.log('declined')
  }
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
