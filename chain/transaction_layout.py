"""The members of each type of transaction, in the order of its standard: EIP-155, 2930, 1559, 4844 and 7702. Pure.

Strict: a byte string that is not the one canonical encoding of what it says raises TransactionMalformed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from coincurve import PublicKey

from chain import rlp
from chain.address import Address
from chain.errors import TransactionMalformed
from chain.keccak import keccak256

RAW_BYTES_MAX = 320 * 1024
AUTHORIZATIONS_MAX = 100
BLOBS_MAX = 64
BLOB_VERSION = 1
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_AUTHORIZATION_MAGIC = b"\x05"
_LIST_FROM = 0xC0


class TransactionType(IntEnum):
    """The byte that stands before the members (EIP-2718); a legacy transaction has none."""

    LEGACY = 0
    ACCESS_LIST = 1
    DYNAMIC_FEE = 2
    BLOB = 3
    SET_CODE = 4

    @property
    def has_one_price(self) -> bool:
        """Is what is paid for gas one price, and not a base fee and a tip?"""
        return self in (TransactionType.LEGACY, TransactionType.ACCESS_LIST)


AccessList = tuple[tuple[Address, tuple[bytes, ...]], ...]


@dataclass(frozen=True, slots=True)
class Authorization:
    """An account's word that it runs `delegate`'s code from now on (EIP-7702); chain id 0 is good on every chain.

    Raises TransactionMalformed for a field out of bounds, a high s too.
    """

    chain_id: int
    delegate: Address
    nonce: int
    y_parity: int
    r: int
    s: int

    def __post_init__(self) -> None:
        if not 0 <= self.chain_id < 2**256 or not 0 <= self.nonce < 2**64:
            raise TransactionMalformed("authorization out of bounds")
        check_signature(self.y_parity, self.r, self.s)

    @property
    def digest(self) -> bytes:
        """What the account signed."""
        return authorization_digest(self.chain_id, self.delegate, self.nonce)

    @property
    def authority(self) -> Address:
        """Whose account it is. Raises TransactionMalformed where the signature fits none."""
        return signer_of(self.digest, self.y_parity, self.r, self.s)


def authorization_digest(chain_id: int, delegate: Address, nonce: int) -> bytes:
    """EIP-7702: keccak256 of 0x05 and the three, as RLP."""
    members = [rlp.encode_integer(chain_id), delegate.raw, rlp.encode_integer(nonce)]
    return keccak256(_AUTHORIZATION_MAGIC + rlp.encode(members))


def check_signature(y_parity: int, r: int, s: int) -> None:
    """Raises TransactionMalformed; of the two s that fit, only the low one is taken (EIP-2)."""
    if y_parity not in (0, 1) or not 0 < r < _ORDER or not 0 < s <= _ORDER // 2:
        raise TransactionMalformed("signature out of bounds")


def signer_of(digest: bytes, y_parity: int, r: int, s: int) -> Address:
    """Whose low-s signature it is. Raises TransactionMalformed."""
    check_signature(y_parity, r, s)
    compact = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([y_parity])
    try:
        public_key = PublicKey.from_signature_and_message(compact, digest, hasher=None)
    except Exception as error:  # coincurve raises plain Exception for a signature that fits no key
        raise TransactionMalformed("signature fits no account") from error
    return Address.from_public_key(public_key.format(compressed=False))


def split(signature: bytes) -> tuple[int, int, int]:
    """Parity, r and s of the 65 bytes r, s, v (v 0 or 1, 27 or 28). Raises TransactionMalformed."""
    if len(signature) != 65:
        raise TransactionMalformed("signature of 65 bytes expected")
    parity = signature[64] - 27 if signature[64] >= 27 else signature[64]
    return parity, int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")


def written(kind: TransactionType, fields: Mapping[str, Any]) -> list[rlp.Item]:
    """As they are signed. Raises TransactionMalformed where one is not filled in."""
    return [_written(name, fields[name]) for name in LAYOUTS[kind]]


def fields_of(kind: TransactionType, members: Sequence[rlp.Item]) -> dict[str, Any]:
    """By name. Raises TransactionMalformed."""
    if len(members) != len(LAYOUTS[kind]):
        raise TransactionMalformed(f"{len(LAYOUTS[kind])} members expected")
    return {name: _read(name, member) for name, member in zip(LAYOUTS[kind], members, strict=True)}


def unwrap(raw: bytes) -> tuple[TransactionType, tuple[rlp.Item, ...]]:
    """Type and members. Raises TransactionMalformed, for a type that no standard here names too."""
    if len(raw) > RAW_BYTES_MAX:
        raise TransactionMalformed("too long")
    if not raw:
        raise TransactionMalformed("no bytes")
    if raw[0] >= _LIST_FROM:
        return TransactionType.LEGACY, members_of(rlp.decode(raw))
    if not TransactionType.ACCESS_LIST <= raw[0] <= TransactionType.SET_CODE:
        raise TransactionMalformed("of an unknown type")
    return TransactionType(raw[0]), members_of(rlp.decode(raw[1:]))


def wrap(kind: TransactionType, members: Sequence[rlp.Item]) -> bytes:
    return (b"" if kind is TransactionType.LEGACY else bytes([kind])) + rlp.encode(members)


def members_of(item: rlp.Item, length: int | None = None) -> tuple[rlp.Item, ...]:
    """Of a list, of that length where one is given. Raises TransactionMalformed."""
    if isinstance(item, bytes) or (length is not None and len(item) != length):
        raise TransactionMalformed("list expected" if length is None else f"{length} members expected")
    return tuple(item)


# Members, each with how it is written and read


def _number(bits: int) -> tuple[Callable[[Any], rlp.Item], Callable[[rlp.Item], Any]]:
    return rlp.encode_integer, lambda item: rlp.decode_integer(item, bits)


def _bytes(item: rlp.Item, length: int | None = None) -> bytes:
    if not isinstance(item, bytes) or (length is not None and len(item) != length):
        raise TransactionMalformed("bytes expected")
    return item


def _write_receiver(to: Address | None) -> rlp.Item:
    return to.raw if to else b""


def _read_receiver(item: rlp.Item) -> Address | None:
    return None if item == b"" else Address.from_bytes(_bytes(item, 20))


def _write_access(entries: AccessList) -> rlp.Item:
    return [[address.raw, list(keys)] for address, keys in entries]


def _read_access(item: rlp.Item) -> AccessList:
    entries = [members_of(entry, 2) for entry in members_of(item)]
    return tuple(
        (Address.from_bytes(_bytes(address, 20)), tuple(_bytes(key, 32) for key in members_of(keys)))
        for address, keys in entries
    )


def _write_hashes(hashes: Sequence[bytes]) -> rlp.Item:
    return list(hashes)


def _read_hashes(item: rlp.Item) -> tuple[bytes, ...]:
    return tuple(_bytes(one, 32) for one in members_of(item))


def _write_authorizations(authorizations: Sequence[Authorization]) -> rlp.Item:
    return [
        [
            rlp.encode_integer(one.chain_id),
            one.delegate.raw,
            *(rlp.encode_integer(number) for number in (one.nonce, one.y_parity, one.r, one.s)),
        ]
        for one in authorizations
    ]


def _read_authorizations(item: rlp.Item) -> tuple[Authorization, ...]:
    entries = members_of(item)
    if len(entries) > AUTHORIZATIONS_MAX:
        raise TransactionMalformed("too many authorizations")
    return tuple(_authorization(members_of(entry, 6)) for entry in entries)


def _authorization(entry: tuple[rlp.Item, ...]) -> Authorization:
    chain_id, delegate, *rest = entry
    bits = (64, 8, 256, 256)
    numbers = [rlp.decode_integer(item, size) for item, size in zip(rest, bits, strict=True)]
    return Authorization(rlp.decode_integer(chain_id, 256), Address.from_bytes(_bytes(delegate, 20)), *numbers)


_MEMBERS: dict[str, tuple[Callable[[Any], rlp.Item], Callable[[rlp.Item], Any]]] = {
    "chain_id": _number(63),
    "nonce": _number(64),
    "gas_price": _number(256),
    "max_priority_fee_per_gas": _number(256),
    "max_fee_per_gas": _number(256),
    "gas": _number(64),
    "to": (_write_receiver, _read_receiver),
    "value": _number(256),
    "data": (_bytes, _bytes),
    "access_list": (_write_access, _read_access),
    "max_fee_per_blob_gas": _number(256),
    "blob_hashes": (_write_hashes, _read_hashes),
    "authorizations": (_write_authorizations, _read_authorizations),
}
_CALLED = ("gas", "to", "value", "data")
_PRICED = ("chain_id", "nonce", "max_priority_fee_per_gas", "max_fee_per_gas", *_CALLED, "access_list")
LAYOUTS: dict[TransactionType, tuple[str, ...]] = {
    TransactionType.LEGACY: ("nonce", "gas_price", *_CALLED),
    TransactionType.ACCESS_LIST: ("chain_id", "nonce", "gas_price", *_CALLED, "access_list"),
    TransactionType.DYNAMIC_FEE: _PRICED,
    TransactionType.BLOB: (*_PRICED, "max_fee_per_blob_gas", "blob_hashes"),
    TransactionType.SET_CODE: (*_PRICED, "authorizations"),
}
_MAY_BE_NONE = ("to",)


def _written(name: str, value: Any) -> rlp.Item:
    if value is None and name not in _MAY_BE_NONE:
        raise TransactionMalformed(f"{name} is not filled in")
    return _MEMBERS[name][0](value)


def _read(name: str, item: rlp.Item) -> Any:
    return _MEMBERS[name][1](item)
