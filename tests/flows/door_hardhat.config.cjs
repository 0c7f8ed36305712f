// A Hardhat project whose network is the door; its accounts are the wallet's.
module.exports = {
  solidity: '0.8.28',
  defaultNetwork: 'door',
  networks: { door: { url: process.env.DOOR_URL, accounts: 'remote', chainId: 31337, timeout: 60_000 } },
}
