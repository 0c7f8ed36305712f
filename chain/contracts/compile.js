// Compiles the contracts of this folder to artifacts (abi and bytecode alone), the same bytes on every machine.
// `node chain/contracts/compile.js` writes them; with `--stdout` it prints all of them as one JSON object instead.
const fs = require("fs");
const path = require("path");
const solc = require("solc");

const folder = __dirname;
const modules = path.join(folder, "..", "..", "node_modules");
const names = fs.readdirSync(folder).filter((name) => name.endsWith(".sol")).sort();

const input = {
  language: "Solidity",
  sources: Object.fromEntries(names.map((name) => [name, { content: fs.readFileSync(path.join(folder, name), "utf8") }])),
  settings: {
    optimizer: { enabled: true, runs: 200 },
    evmVersion: "cancun",
    metadata: { bytecodeHash: "none", appendCBOR: false },
    outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
  },
};

const findImport = (name) => ({ contents: fs.readFileSync(path.join(modules, name), "utf8") });
const output = JSON.parse(solc.compile(JSON.stringify(input), { import: findImport }));
for (const problem of output.errors || []) console.error(problem.formattedMessage);
if ((output.errors || []).length > 0) process.exit(1);

const artifacts = {};
for (const name of names) {
  const contract = path.basename(name, ".sol");
  const { abi, evm } = output.contracts[name][contract];
  artifacts[contract] = { contractName: contract, abi, bytecode: "0x" + evm.bytecode.object };
}

if (process.argv.includes("--stdout")) {
  process.stdout.write(JSON.stringify(artifacts));
} else {
  for (const [contract, artifact] of Object.entries(artifacts)) {
    fs.writeFileSync(path.join(folder, `${contract}.json`), JSON.stringify(artifact, null, 1) + "\n");
  }
}
