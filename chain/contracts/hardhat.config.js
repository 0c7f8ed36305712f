// The local Hardhat node that `chain.devnet` starts. Nothing is compiled by Hardhat; the demo contracts come as artifacts.
const { TANDEM_HARDFORK: hardfork, TANDEM_AUTOMINE: automine, TANDEM_BLOCK_SECONDS: seconds } = process.env;
const mining = { auto: automine !== "off", interval: Number(seconds || 0) * 1000 };

module.exports = {
  solidity: "0.8.28",
  networks: { hardhat: { chainId: 31337, mining, ...(hardfork ? { hardfork } : {}) } },
};
