"""Keys from a seed (BIP-32): chain accounts where every wallet has them, and the ledger's root key where none looks.

Accounts: m/44'/60'/0'/0/i (BIP-44). Root: m/44'/60'/7265'/0', hardened all the way, so that no account key together
with an extended public key can ever lead to it, and below 44'/60', which is all that hardware wallets' Ethereum apps
derive. It signs for the ledger alone and is never offered to a dApp.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from coincurve import PrivateKey as CurveKey

from chain.address import Address
from wallet.mnemonic import Seed

ROOT_PATH = "m/44'/60'/7265'/0'"
RESERVED_PATH = "m/44'/60'/7265'"
"""Nothing below it is ever a chain account."""
BACKUP_PATH = "m/44'/60'/7265'/1'"
"""Of the key that encrypts what the phrase does not hold (docs/backup.md)."""
ACCOUNTS_MAX = 1000
_HARDENED = 2**31


class PrivateKey:
    """A secp256k1 key. Shows itself as ***; `raw` is its 32 bytes, named so that it can be searched for."""

    __slots__ = ("address", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.address = Address.from_public_key(CurveKey(raw).public_key.format(compressed=False))

    def __repr__(self) -> str:
        return "PrivateKey(***)"


@dataclass(frozen=True, slots=True)
class DerivationPath:
    """A BIP-32 path as people write it, each level below 2^31, hardened levels marked '."""

    text: str

    def __post_init__(self) -> None:
        head, *levels = self.text.split("/")
        if head != "m" or not all(_is_level(level) for level in levels) or len(levels) > 10:
            raise ValueError(f"no derivation path: {self.text[:80]}")

    @property
    def is_reserved(self) -> bool:
        """Does it lead to a key of our own, which is never offered as an account?"""
        levels = [_number(level) for level in self.text.split("/")[1:4]]
        return levels == [_number(level) for level in RESERVED_PATH.split("/")[1:]]

    @classmethod
    def account(cls, index: int) -> DerivationPath:
        """BIP-44's path of a chain account, counted from 0."""
        if not 0 <= index < ACCOUNTS_MAX:
            raise ValueError(f"an account's index is 0 to {ACCOUNTS_MAX - 1}")
        return cls(f"m/44'/60'/0'/0/{index}")


@dataclass(slots=True)
class KeyTree:
    """The keys of one seed. Keeps what it derived, for as long as the process lives."""

    seed: Seed
    _known: dict[str, PrivateKey] = field(default_factory=dict, repr=False)
    _nodes: dict[tuple[int, ...], tuple[bytes, bytes]] = field(default_factory=dict, repr=False)

    def key(self, path: DerivationPath) -> PrivateKey:
        """The private key at `path` (BIP-32, leading zeros kept)."""
        if path.text not in self._known:
            self._known[path.text] = self.derived(path)
        return self._known[path.text]

    def derived(self, path: DerivationPath) -> PrivateKey:
        """Like `key`, for one that is looked at and let go."""
        levels = tuple(_number(level) for level in path.text.split("/")[1:])
        return PrivateKey(_child(*self._node(levels[:-1]), levels[-1])[0] if levels else self._node(())[0])

    def root(self) -> PrivateKey:
        """The ledger's root key."""
        return self.key(DerivationPath(ROOT_PATH))

    def account(self, index: int) -> PrivateKey:
        """A chain account's key."""
        return self.key(DerivationPath.account(index))

    def _node(self, levels: tuple[int, ...]) -> tuple[bytes, bytes]:
        """Key and chain code; nodes above accounts are few and are kept."""
        if levels not in self._nodes:
            self._nodes[levels] = _child(*self._node(levels[:-1]), levels[-1]) if levels else _master(self.seed)
        return self._nodes[levels]


def derive(seed: Seed, path: DerivationPath) -> bytes:
    """32 bytes of private key."""
    return KeyTree(seed).derived(path).raw


def _master(seed: Seed) -> tuple[bytes, bytes]:
    digest = hmac.digest(b"Bitcoin seed", seed.raw, hashlib.sha512)
    CurveKey(digest[:32])  # BIP-32: out of range with probability 2^-127, and then no wallet's seed
    return digest[:32], digest[32:]


def _child(key: bytes, chain_code: bytes, number: int) -> tuple[bytes, bytes]:
    """CKDpriv of BIP-32, on libsecp256k1. Raises ValueError where the standard says the number has no key."""
    curve = CurveKey(key)
    own = b"\0" + key if number >= _HARDENED else curve.public_key.format()
    digest = hmac.digest(chain_code, own + number.to_bytes(4, "big"), hashlib.sha512)
    return curve.add(digest[:32]).secret, digest[32:]


def _number(level: str) -> int:
    return int(level.removesuffix("'")) + (_HARDENED if level.endswith("'") else 0)


def _is_level(level: str) -> bool:
    number = level.removesuffix("'")
    return number.isascii() and number.isdigit() and int(number) < _HARDENED
