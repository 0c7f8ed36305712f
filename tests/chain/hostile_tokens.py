"""Twenty and more tokens that are not as they should be (hostile/HostileTokens.sol), on a test chain.

For tests of whoever reads tokens and of whoever takes them in. `await hostile_tokens(node)` gives addresses by name;
each has `mint(address,uint256)` for everybody.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from chain.address import Address
from chain.calldata import encode, encode_call
from chain.devnet import transact
from chain.devnet_contracts import CHAIN_ID, PROXY, DemoContract
from chain.keccak import keccak256
from chain.node import Node
from chain.transaction import TransactionRequest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "chain" / "hostile"
_NAMED = "(string,string,uint8)"

PLAIN = {
    "honest": ("Honest", "HONEST", 6),
    "usdc": ("USD Coin", "USDC", 6),
    "usdc-again": ("USD Coin", "USDC", 6),
    "listed-symbol": ("Demo Dollar", "DUSD", 6),
    "listed-look-alike": ("Dеmo Dоllar", "DUЅD", 6),  # with Cyrillic letters
    "control-characters": ("\x1b[31mRed\x07\r\n", "A\x00B", 6),
    "bidirectional": ("\u202eralloD omeD", "DS\u2066UD", 6),
    "zero-decimals": ("None", "ZERO", 0),
    "255-decimals": ("Many", "MANY", 255),
    "zero-value": ("Zero", "SPOOF", 6),
    "empty-name": ("", "", 6),
    "link-in-name": ("Claim at https://evil.example", "$ 1,000 USDC", 6),
}
"""Tokens whose code is plain, and what they call themselves: name, symbol, decimals."""
WITH_CODE = {
    "no-return": "NoReturn",
    "returns-false": "ReturnsFalse",
    "returns-two": "ReturnsTwo",
    "reverts-megabyte": "RevertsMegabyte",
    "reentrant": "Reentrant",
    "fee-on-transfer": "FeeOnTransfer",
    "rebasing": "Rebasing",
    "decimals-changing": "DecimalsChanging",
    "megabyte-name": "MegabyteName",
    "long-name": "LongName",
    "invalid-utf8": "InvalidUtf8",
    "bytes32-name": "Bytes32Name",
    "logs-without-balance": "LogsWithoutBalance",
    "pausable": "Pausable",
    "blacklisting": "Blacklisting",
    "erc777-hook": "Erc777Hook",
    "endless-balance": "EndlessBalance",
    "self-destructed": "SelfDestructed",
}


def source_hash() -> str:
    """What the artifacts were compiled from; a test holds that it is what is there."""
    return "0x" + keccak256((FOLDER / "HostileTokens.sol").read_bytes()).hex()


@cache
def artifacts() -> Mapping[str, str]:
    """Bytecode by contract, and the hash of the `source`."""
    found: dict[str, str] = json.loads((FOLDER / "artifacts.json").read_text())
    return found


def _code(contract: str) -> bytes:
    return bytes.fromhex(artifacts()[contract][2:])


async def hostile_tokens(node: Node) -> dict[str, Address]:
    """All of them, deployed (the demo contracts' proxy has to be there), by the names above and `upgradable`."""
    salts = {name: place.to_bytes(32, "big") for place, name in enumerate(PLAIN)}
    contracts = {name: DemoContract(name, _code("Plain") + encode(_NAMED, words)) for name, words in PLAIN.items()}
    contracts |= {name: DemoContract(name, _code(contract)) for name, contract in WITH_CODE.items()}
    contracts["plain"] = DemoContract("plain", _code("Plain") + encode(_NAMED, ("Plain", "PLAIN", 18)))
    contracts["upgradable"] = DemoContract(
        "upgradable", _code("Upgradable") + encode("(address)", (contracts["plain"].address,))
    )
    contracts["generous"] = DemoContract("generous", _code("Generous"))
    sent = {name: salts.get(name, bytes(32)) + one.code for name, one in contracts.items()}
    found = {name: _address(deployment[:32], deployment[32:]) for name, deployment in sent.items()}
    present = await node.batch([("eth_getCode", (address, "latest")) for address in found.values()])
    missing = [deployment for deployment, code in zip(sent.values(), present, strict=True) if code == "0x"]
    await transact(node, [TransactionRequest(CHAIN_ID, PROXY, data=deployment) for deployment in missing])
    return found


def _address(salt: bytes, code: bytes) -> Address:
    """EIP-1014; two contracts of the same code have different salts."""
    return Address.from_bytes(keccak256(b"\xff" + PROXY.raw + salt + keccak256(code))[12:])


async def mint_all(node: Node, tokens: Mapping[str, Address], to: Address, units: int) -> None:
    """Of every token that counts what people have."""
    call = encode_call("mint(address,uint256)", to, units)
    counting = [token for name, token in tokens.items() if name not in ("generous", "plain")]
    await transact(node, [TransactionRequest(CHAIN_ID, token, data=call) for token in counting])


async def tell(node: Node, token: Address, signature: str, *arguments: object) -> None:
    """A transaction of the developers' account that calls a function of the token's."""
    call = encode_call(signature, *arguments)  # type: ignore[arg-type]  # tests give what fits
    await transact(node, [TransactionRequest(CHAIN_ID, token, data=call)])


async def upgrade(node: Node, tokens: Mapping[str, Address]) -> None:
    """The upgradable one says from now on that everybody has 10^30 units."""
    await tell(node, tokens["upgradable"], "upgrade(address)", tokens["generous"])


async def destroy(node: Node, tokens: Mapping[str, Address]) -> None:
    """The self-destructed one has no code any more."""
    for method in ("anvil_setCode", "hardhat_setCode"):
        outcome = (await node.outcomes([(method, (tokens["self-destructed"], "0x"))]))[0]
        if not isinstance(outcome, Exception):
            return
    raise AssertionError("the node cannot take code away")


def compile_anew() -> None:
    """Writes the artifacts (make artifacts)."""
    program = ["node", str(ROOT / "chain/contracts/compile.js"), "--stdout", str(FOLDER)]
    done = subprocess.run(program, check=True, capture_output=True, timeout=300)
    compiled = {name: artifact["bytecode"] for name, artifact in json.loads(done.stdout).items()}
    (FOLDER / "artifacts.json").write_text(json.dumps({"source": source_hash(), **compiled}, indent=1) + "\n")


if __name__ == "__main__":
    compile_anew()
