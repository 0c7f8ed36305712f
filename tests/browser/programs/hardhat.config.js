// Tandem as a Hardhat network: its URL is the one that `tandem pair` printed.
module.exports = {
  solidity: '0.8.37',
  defaultNetwork: 'tandem',
  networks: { tandem: { url: process.env.TANDEM_URL } },
};
