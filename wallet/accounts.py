"""The accounts that a vault's public part tells of, and how people name one of them. Pure; imports no key code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chain.address import Address
from wallet.errors import AccountUnknown
from wallet.names import is_same

PATTERNS = {
    "m/44'/60'/0'/0/{}": "BIP-44 (MetaMask, Trezor, Rabby, Tandem)",
    "m/44'/60'/{}'/0/0": "Ledger Live",
    "m/44'/60'/0'/{}": "Ledger (legacy), MyEtherWallet",
    "m/44'/60'/{}'": "",
    "m/44'/60'/{}'/0": "",
    "m/44'/60'/0/{}": "",
    "m/44'/1'/0'/0/{}": "test networks",
    "m/44'/61'/0'/0/{}": "Ethereum Classic",
    "m/0'/0'/{}'": "",
    "m/0/{}": "",
    "m/{}": "",
}
"""Where wallets are known to keep accounts, likeliest first, and whose it is."""


@dataclass(frozen=True, slots=True)
class Account:
    """`phrase` counts from 0; without one the key was imported, and there is no path."""

    address: Address
    path: str
    phrase: int | None
    name: str = ""

    @property
    def is_imported(self) -> bool:
        return self.phrase is None

    def to_json(self) -> dict[str, Any]:
        return {"address": self.address, "name": self.name, "path": self.path, "phrase": self.phrase}


def read_account(entry: Mapping[str, Any]) -> Account:
    """Of a vault's public part of either version."""
    return Account(Address(entry["address"]), entry["path"], entry.get("phrase", 0), entry.get("name", ""))


def pick(text: str, accounts: Sequence[Account]) -> Account:
    """The account of that name, address or number (from 0, as they are listed). Raises AccountUnknown."""
    if text.isascii() and text.isdecimal():
        found = accounts[int(text)] if int(text) < len(accounts) else None
    elif text.lower().startswith("0x"):
        found = next((one for one in accounts if one.address == Address(text)), None)
    else:
        found = next((one for one in accounts if one.name and is_same(one.name, text)), None)
    if found is None:
        raise AccountUnknown(text[:42])
    return found
