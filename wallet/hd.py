"""Keys from a seed (BIP-32): chain accounts where every wallet has them, and the ledger's root key where none looks.

Accounts: m/44'/60'/0'/0/i (BIP-44). Root: m/44'/60'/7265'/0', hardened all the way, so that no account key together
with an extended public key can ever lead to it, and below 44'/60', which is all that hardware wallets' Ethereum apps
derive. It signs for the ledger alone and is never offered to a dApp.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field

from coincurve import PrivateKey as CurveKey
from coincurve import PublicKey
from coincurve._libsecp256k1 import ffi, lib
from coincurve.context import GLOBAL_CONTEXT

from chain.address import Address
from wallet.mnemonic import Seed

ROOT_PATH = "m/44'/60'/7265'/0'"
RESERVED_PATH = "m/44'/60'/7265'"
"""Nothing below it is ever a chain account."""
BACKUP_PATH = "m/44'/60'/7265'/1'"
"""Of the key that encrypts what the phrase does not hold (docs/backup.md)."""
ACCOUNTS_MAX = 1000
_HARDENED = 2**31
_FORM = re.compile(r"m(/[0-9]+'?){0,10}", re.ASCII)


def _number(level: str) -> int:
    """Of a level that has the form."""
    number = int(level.removesuffix("'"))
    if number >= _HARDENED:
        raise ValueError("no derivation path: a level is below 2^31")
    return number + (_HARDENED if level.endswith("'") else 0)


_RESERVED = tuple([_number(level) for level in RESERVED_PATH.split("/")[1:]])


class PrivateKey:
    """A secp256k1 key. Shows itself as ***; `raw` is its 32 bytes, named so that it can be searched for.

    `public` is the uncompressed point, 65 bytes. Raises ValueError for bytes that are no key.
    """

    __slots__ = ("_curve", "address", "public", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.public = PublicKey.from_secret(raw).format(compressed=False)
        self.address = Address.from_public_key(self.public)
        self._curve: CurveKey | None = None

    def sign(self, digest: bytes) -> bytes:
        """65 bytes r, s, v (27 or 28) over 32 bytes: ECDSA with RFC 6979's nonce and low s, by libsecp256k1.

        What is signed was decoded and reviewed by whoever calls; the signer alone does.
        """
        if self._curve is None:
            self._curve = CurveKey(self.raw)
        signature = self._curve.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([27 + signature[64]])

    def __repr__(self) -> str:
        return "PrivateKey(***)"


@dataclass(frozen=True, slots=True)
class DerivationPath:
    """A BIP-32 path as people write it, each level below 2^31, hardened levels marked '."""

    text: str
    numbers: tuple[int, ...] = field(init=False, repr=False, compare=False)
    """The levels as the standard counts them: 2^31 and more are hardened."""

    def __post_init__(self) -> None:
        if not _FORM.fullmatch(self.text):
            raise ValueError(f"no derivation path: {self.text[:80]}")
        object.__setattr__(self, "numbers", tuple([_number(level) for level in self.text.split("/")[1:]]))

    @property
    def is_reserved(self) -> bool:
        """Does it lead to a key of our own, which is never offered as an account?"""
        return self.numbers[:3] == _RESERVED

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
    _nodes: dict[tuple[int, ...], _Node] = field(default_factory=dict, repr=False)

    def key(self, path: DerivationPath) -> PrivateKey:
        """The private key at `path` (BIP-32, leading zeros kept)."""
        if path.text not in self._known:
            self._known[path.text] = self.derived(path)
        return self._known[path.text]

    def key_at(self, text: str) -> PrivateKey:
        """Like `key`, of a path's text, which is read the first time only."""
        return self._known.get(text) or self.key(DerivationPath(text))

    def derived(self, path: DerivationPath) -> PrivateKey:
        """Like `key`, for one that is looked at and let go."""
        numbers = path.numbers
        return PrivateKey(self._node(numbers[:-1]).child(numbers[-1])[0] if numbers else self._node(()).key)

    def root(self) -> PrivateKey:
        """The ledger's root key."""
        return self.key(DerivationPath(ROOT_PATH))

    def account(self, index: int) -> PrivateKey:
        """A chain account's key."""
        return self.key(DerivationPath.account(index))

    def _node(self, numbers: tuple[int, ...]) -> _Node:
        """Nodes above accounts are few and are kept."""
        if numbers not in self._nodes:
            above = self._node(numbers[:-1]).child(numbers[-1]) if numbers else _master(self.seed)
            self._nodes[numbers] = _Node(*above)
        return self._nodes[numbers]


@dataclass(slots=True, repr=False)
class _Node:
    """A key that has others below it. Its public key is worked out once, for all of them."""

    key: bytes
    chain_code: bytes
    _public: bytes = b""

    def child(self, number: int) -> tuple[bytes, bytes]:
        """Key and chain code: CKDpriv of BIP-32. Raises ValueError where the standard says the number has none."""
        if number >= _HARDENED:
            own = b"\0" + self.key
        else:
            self._public = self._public or PublicKey.from_secret(self.key).format()
            own = self._public
        digest = hmac.digest(self.chain_code, own + number.to_bytes(4, "big"), hashlib.sha512)
        return _sum(self.key, digest[:32]), digest[32:]


def derive(seed: Seed, path: DerivationPath) -> bytes:
    """32 bytes of private key."""
    return KeyTree(seed).derived(path).raw


def _master(seed: Seed) -> tuple[bytes, bytes]:
    digest = hmac.digest(b"Bitcoin seed", seed.raw, hashlib.sha512)
    PublicKey.from_secret(digest[:32])  # BIP-32: out of range with probability 2^-127, and then no wallet's seed
    return digest[:32], digest[32:]


def _sum(key: bytes, tweak: bytes) -> bytes:
    """Of two numbers modulo the curve's order, by libsecp256k1, which takes the same time for every key.

    coincurve's `PrivateKey.add` does the same and then works out two public keys that nobody here asks for.
    """
    secret = ffi.new("unsigned char [32]", key)
    if not lib.secp256k1_ec_seckey_tweak_add(GLOBAL_CONTEXT.ctx, secret, tweak):
        raise ValueError("no key has this number")
    return bytes(ffi.buffer(secret, 32))
