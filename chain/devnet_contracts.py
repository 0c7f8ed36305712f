"""The demo contracts: their code, and the addresses at which every test chain has them.

They are created with CREATE2 through the deterministic deployment proxy, so an address follows from code and
constructor arguments alone, and the client can ship it in its token list. The artifacts are written by
`make artifacts`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from chain.address import Address
from chain.calldata import encode
from chain.keccak import keccak256
from chain.token import Token

CHAIN_ID = 31337
FEED_DECIMALS = 8
# The first account of the developers' phrase ("test test ... junk") that Anvil and Hardhat unlock: owns the contracts.
OWNER = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")

# https://github.com/Arachnid/deterministic-deployment-proxy: the proxy, and the transaction that anyone may send to
# create it, whose key nobody has (its signature was made up).
PROXY = Address("0x4e59b44847b379578588920cA78FbF26c0B4956C")
PROXY_DEPLOYER = Address("0x3fAB184622Dc19b6109349B94811493BF2a45362")
PROXY_DEPLOYMENT_COST = 10**16
PROXY_DEPLOYMENT = bytes.fromhex(
    "f8a58085174876e800830186a08080b853604580600e600039806000f350fe7f"
    + 62 * "f"
    + "e03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf31ba0"
    + 64 * "2"
    + "a0"
    + 64 * "2"
)
_SALT = bytes(32)
_FOLDER = Path(__file__).parent / "contracts"


@dataclass(frozen=True, slots=True)
class DemoContract:
    """`code` is what runs once, at creation: bytecode and constructor arguments."""

    name: str
    code: bytes

    @property
    def address(self) -> Address:
        """EIP-1014."""
        return Address.from_bytes(keccak256(b"\xff" + PROXY.raw + _SALT + keccak256(self.code))[12:])

    @property
    def deployment(self) -> bytes:
        """The calldata that makes the proxy create it."""
        return _SALT + self.code


@cache
def demo_tokens() -> dict[str, DemoContract]:
    """By symbol."""
    return {symbol: _token(symbol, name, decimals) for symbol, name, decimals in _TOKENS}


@cache
def demo_feeds() -> dict[str, DemoContract]:
    """Chainlink's AggregatorV3Interface, by pair; the prices of DEUR and DWETH are those of EUR and ETH."""
    return {pair: _feed(pair) for pair in DEFAULT_PRICES}


def demo_token(symbol: str) -> Token:
    name, decimals = next((name, decimals) for known, name, decimals in _TOKENS if known == symbol)
    return Token(CHAIN_ID, demo_tokens()[symbol].address, symbol, name, decimals)


def demo_price_feeds() -> dict[str, Address]:
    """The feed that prices an asset in USD, by the asset's symbol."""
    pairs = {"ETH": "ETH/USD", "DWETH": "ETH/USD", "DUSD": "DUSD/USD", "EUR": "EUR/USD", "DEUR": "EUR/USD"}
    pairs |= {"GBP": "GBP/USD", "CNY": "CNY/USD", "JPY": "JPY/USD"}
    return {asset: demo_feeds()[pair].address for asset, pair in pairs.items()}


DEFAULT_PRICES = {
    "ETH/USD": "3000",
    "DUSD/USD": "1",
    "EUR/USD": "1.08",
    "GBP/USD": "1.26",
    "CNY/USD": "0.14",
    "JPY/USD": "0.0066",
}
_TOKENS = (("DUSD", "Demo Dollar", 6), ("DEUR", "Demo Euro", 6), ("DWETH", "Demo Wrapped Ether", 18))


def _token(symbol: str, name: str, decimals: int) -> DemoContract:
    arguments = encode("(string,string,uint8,address)", (name, symbol, decimals, OWNER))
    return DemoContract(symbol, _bytecode("DemoToken") + arguments)


def _feed(pair: str) -> DemoContract:
    return DemoContract(pair, _bytecode("DemoFeed") + encode("(string,address)", (pair, OWNER)))


def _bytecode(artifact: str) -> bytes:
    content = json.loads((_FOLDER / f"{artifact}.json").read_text())
    return bytes.fromhex(content["bytecode"][2:])
