// The local Hardhat node that `chain.devnet` starts. Nothing is compiled by Hardhat; the demo contracts come as artifacts.
module.exports = { solidity: "0.8.28", networks: { hardhat: { chainId: 31337 } } };
