"""keccak, EIP-712 hashing of fixed types, and signer recovery: all that a reader of signatures needs.

`fiat` stands alone here on purpose (an auditor reads it without the chain library): keccak-256 and libsecp256k1 only.
It never signs; the operator's key is handed in as an object that can.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from coincurve import PublicKey
from Crypto.Hash import keccak as _keccak
from Crypto.Util import _raw_api as _raw

from fiat.errors import OrderSignatureWrong

DOMAIN_NAME = "Tandem Ledger"
DOMAIN_VERSION = "1"
SIGNATURE_LENGTH = 65
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def keccak256(data: bytes) -> bytes:
    """Keccak-256 as Ethereum uses it (not NIST SHA3-256). 32 bytes."""
    try:
        sponge = _SPONGES.pop()
    except IndexError:
        sponge = _Sponge()
    digest = sponge.digest_of(data)
    _SPONGES.append(sponge)
    return digest


class _Sponge:
    """A state that is used again: pycryptodome's object a call costs thrice the hashing. One caller at a time."""

    def __init__(self) -> None:
        self._pointer = _raw.VoidPointer()
        if _LIBRARY.keccak_init(self._pointer.address_of(), 64, 24):  # capacity in bytes, rounds
            raise ValueError("keccak cannot begin")
        self._state = self._pointer.get()
        self._digest = _raw.create_string_buffer(32)  # type: ignore[call-arg]  # the stub has another module's arguments

    def digest_of(self, data: bytes) -> bytes:
        if _LIBRARY.keccak_reset(self._state) or _LIBRARY.keccak_absorb(self._state, data, len(data)):
            raise ValueError("keccak takes bytes")
        if _LIBRARY.keccak_digest(self._state, self._digest, 32, 1):  # 1: Keccak's own padding
            raise ValueError("keccak gave nothing")
        return bytes(_raw.get_raw_buffer(self._digest))


_LIBRARY = _keccak._raw_keccak_lib  # type: ignore[attr-defined]  # the C functions below its object
_SPONGES: list[_Sponge] = []
"""Those that nobody uses now: taking and putting back are single steps of the interpreter, so threads may."""


class OperatorKey(Protocol):
    """The operator's secp256k1 signing key, whose address the genesis record pins."""

    @property
    def address(self) -> bytes:
        """20 bytes."""
        ...

    def sign_digest(self, digest: bytes) -> bytes:
        """65 bytes r, s, v (27 or 28), s in the lower half."""
        ...


_DOMAIN_TYPE = keccak256(b"EIP712Domain(string name,string version,bytes32 salt)")
_DOMAIN_HEAD = _DOMAIN_TYPE + keccak256(DOMAIN_NAME.encode()) + keccak256(DOMAIN_VERSION.encode())


@lru_cache(maxsize=64)
def domain_separator(ledger_id: bytes) -> bytes:
    """EIP-712 domain `{name, version, salt: ledgerId}`: without chain and contract it is never an on-chain permit."""
    if len(ledger_id) != 32:
        raise ValueError("ledgerId has 32 bytes")
    return keccak256(_DOMAIN_HEAD + ledger_id)


@dataclass(frozen=True, slots=True)
class StructType:
    """A flat EIP-712 struct: `fields` are (name, Solidity type) in order. Encodes values given by name.

    Types known: bytes32 and address (bytes), uintN (int), string (str), and `X[]` of a struct in `nested`.
    """

    name: str
    fields: tuple[tuple[str, str], ...]
    nested: tuple[StructType, ...] = ()
    type_hash: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "type_hash", keccak256(self.type_string.encode()))

    @property
    def type_string(self) -> str:
        """EIP-712 encodeType: own type first, referenced structs after it in alphabetical order."""
        own = f"{self.name}({','.join(f'{kind} {name}' for name, kind in self.fields)})"
        return own + "".join(t.type_string for t in sorted(self.nested, key=lambda t: t.name))

    def hash(self, values: Mapping[str, object]) -> bytes:
        """EIP-712 hashStruct."""
        return self.hash_in_order(values[name] for name, _ in self.fields)

    def hash_in_order(self, values: Iterable[object]) -> bytes:
        """EIP-712 hashStruct of the fields' values in their order."""
        words = [self.type_hash]
        words += [self._word(kind, value) for (_, kind), value in zip(self.fields, values, strict=True)]
        return keccak256(b"".join(words))

    def _word(self, kind: str, value: object) -> bytes:
        if isinstance(value, bytes):
            return value if len(value) == 32 else value.rjust(32, b"\0")
        if isinstance(value, int):
            return value.to_bytes(32, "big")
        if isinstance(value, str):
            return _text_word(value)
        if kind.endswith("[]") and isinstance(value, (list, tuple)):
            element = next(t for t in self.nested if t.name == kind[:-2])
            return keccak256(b"".join(element.hash(item) for item in value))
        raise TypeError(f"{self.name}: a value of {kind} is {type(value).__name__}")


@lru_cache(maxsize=1024)
def _text_word(text: str) -> bytes:
    """Few texts stand in signed values: currencies, assets, actions."""
    return keccak256(text.encode())


def typed_digest(ledger_id: bytes, struct_hash: bytes) -> bytes:
    """What is signed: keccak256(0x1901, domain, struct)."""
    return keccak256(b"\x19\x01" + domain_separator(ledger_id) + struct_hash)


def address_of(public_key: PublicKey) -> bytes:
    """The 20-byte Ethereum address of a public key."""
    return keccak256(public_key.format(compressed=False)[1:])[12:]


def recover(digest: bytes, signature: bytes) -> bytes:
    """The 20-byte address that signed `digest`. 65 bytes r, s, v with v 27 or 28 and low s; anything else is refused.

    Raises OrderSignatureWrong. It proves nothing by itself: compare with the address that was expected.
    """
    if len(signature) != SIGNATURE_LENGTH:
        raise OrderSignatureWrong("a signature has 65 bytes")
    if signature[64] not in (27, 28):
        raise OrderSignatureWrong("the last byte of a signature is 27 or 28")
    if not 0 < int.from_bytes(signature[32:64], "big") <= _HALF_ORDER:
        raise OrderSignatureWrong("s is not in the lower half of the curve's order")
    recoverable = signature[:64] + bytes([signature[64] - 27])
    try:
        return address_of(PublicKey.from_signature_and_message(recoverable, digest, hasher=None))
    except Exception:  # coincurve raises bare ValueError and Exception
        raise OrderSignatureWrong("no public key gives this signature") from None
