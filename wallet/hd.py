"""Keys from a seed (BIP-32): chain accounts where every wallet has them, and the ledger's root key where none looks.

Accounts: m/44'/60'/0'/0/i (BIP-44). Root: m/44'/60'/7265'/0', hardened all the way, so that no account key together
with an extended public key can ever lead to it, and below 44'/60', which is all that hardware wallets' Ethereum apps
derive. It signs for the ledger alone and is never offered to a dApp.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bip_utils import Bip32Slip10Secp256k1
from bip_utils.ecc.conf import EccConf
from coincurve import PrivateKey as CurveKey

from chain.address import Address
from wallet.mnemonic import Seed

ROOT_PATH = "m/44'/60'/7265'/0'"
ACCOUNTS_MAX = 1000


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

    def key(self, path: DerivationPath) -> PrivateKey:
        """The private key at `path` (BIP-32, leading zeros kept)."""
        if path.text not in self._known:
            self._known[path.text] = PrivateKey(derive(self.seed, path))
        return self._known[path.text]

    def root(self) -> PrivateKey:
        """The ledger's root key."""
        return self.key(DerivationPath(ROOT_PATH))

    def account(self, index: int) -> PrivateKey:
        """A chain account's key."""
        return self.key(DerivationPath.account(index))


def derive(seed: Seed, path: DerivationPath) -> bytes:
    """32 bytes of private key. Raises RuntimeError unless libsecp256k1 does the arithmetic (THREATS I-23)."""
    if not EccConf.USE_COINCURVE:
        raise RuntimeError("bip-utils fell back to a slow, leaking curve library")
    master = Bip32Slip10Secp256k1.FromSeed(seed.raw)
    child = master.DerivePath(path.text) if path.text != "m" else master
    return bytes(child.PrivateKey().Raw().ToBytes())


def _is_level(level: str) -> bool:
    number = level.removesuffix("'")
    return number.isascii() and number.isdigit() and int(number) < 2**31
