// Compiles the contracts of this folder to artifacts (abi and bytecode alone), the same bytes on every machine.
// `node chain/contracts/compile.js` writes them; with `--stdout [FOLDER]` it prints those of this or another folder as
// one JSON object instead.
const fs = require("fs");
const path = require("path");
const solc = require("solc");

const toStdout = process.argv[2] === "--stdout";
const folder = toStdout && process.argv[3] ? path.resolve(process.argv[3]) : __dirname;
const modules = path.join(__dirname, "..", "..", "node_modules");
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
  for (const [contract, { abi, evm }] of Object.entries(output.contracts[name])) {
    if (evm.bytecode.object === "") continue; // an interface
    artifacts[contract] = { contractName: contract, abi, bytecode: "0x" + evm.bytecode.object };
  }
}

if (toStdout) {
  process.stdout.write(JSON.stringify(artifacts));
} else {
  for (const [contract, artifact] of Object.entries(artifacts)) {
    fs.writeFileSync(path.join(folder, `${contract}.json`), JSON.stringify(artifact, null, 1) + "\n");
  }
}
