"""Transactions of every type: what is asked for, the bytes that are signed, the bytes that are sent.

Legacy (with EIP-155's chain id), access-list, EIP-1559 and EIP-7702 ones are signed and sent; EIP-4844 ones are read.
Pure and small on purpose: the signer shows and signs what this module reads from the bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chain import rlp
from chain.address import Address
from chain.errors import TransactionMalformed
from chain.keccak import keccak256
from chain.transaction_layout import (
    BLOB_VERSION,
    BLOBS_MAX,
    LAYOUTS,
    AccessList,
    Authorization,
    TransactionType,
    fields_of,
    members_of,
    signer_of,
    split,
    unwrap,
    wrap,
    written,
)

__all__ = [
    "AccessList",
    "Authorization",
    "SignedTransaction",
    "TransactionRequest",
    "TransactionType",
    "members_of",
    "request_of",
    "signer_of",
    "split",
]

DATA_BYTES_MAX = 256 * 1024
TRANSFER_GAS = 21_000
_BITS = {"chain_id": 63, "nonce": 64, "max_priority_fee_per_gas": 256, "max_fee_per_gas": 256, "gas": 64, "value": 256}
_BITS |= {"max_fee_per_blob_gas": 256}
_EIP155 = 35
SENT_TYPES = frozenset(TransactionType) - {TransactionType.BLOB}


@dataclass(frozen=True, slots=True)
class TransactionRequest:
    """What one account asks the chain to do. Values are wei, fees wei per gas; `to` None creates a contract.

    A field that is None is filled in by `Node.prepare`; `sender` is no part of the bytes (the signature tells it).
    Where the type knows one price for gas (legacy, access list), both fees are that price.
    Raises TransactionMalformed for a field out of bounds, or one that the type does not have.
    """

    chain_id: int
    to: Address | None
    value: int = 0
    data: bytes = b""
    sender: Address | None = None
    nonce: int | None = None
    max_priority_fee_per_gas: int | None = None
    max_fee_per_gas: int | None = None
    gas: int | None = None
    access_list: AccessList = ()
    type: TransactionType = TransactionType.DYNAMIC_FEE
    authorizations: tuple[Authorization, ...] = ()
    max_fee_per_blob_gas: int | None = None
    blob_hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        for name, bits in _BITS.items():
            number = getattr(self, name)
            if number is not None and not 0 <= number < 2**bits:
                raise TransactionMalformed(f"{name} out of bounds")
        if self.chain_id == 0:
            raise TransactionMalformed("chain_id zero would be valid on every chain")
        if len(self.data) > DATA_BYTES_MAX:
            raise TransactionMalformed("data too long")
        self._check_fees()
        self._check_type()

    def _check_fees(self) -> None:
        priority, fee = self.max_priority_fee_per_gas, self.max_fee_per_gas
        if priority is None or fee is None:
            return
        if priority > fee:
            raise TransactionMalformed("max_priority_fee_per_gas above max_fee_per_gas")
        if self.type.has_one_price and priority != fee:
            raise TransactionMalformed("this type has one price for gas")

    def _check_type(self) -> None:
        layout = LAYOUTS[self.type]
        for name in ("access_list", "authorizations", "blob_hashes", "max_fee_per_blob_gas"):
            if name not in layout and getattr(self, name):
                raise TransactionMalformed(f"this type has no {name}")
        if self.type in (TransactionType.SET_CODE, TransactionType.BLOB) and self.to is None:
            raise TransactionMalformed("this type creates no contract")
        if self.type is TransactionType.SET_CODE and not self.authorizations:
            raise TransactionMalformed("authorizations expected")
        if self.type is TransactionType.BLOB:
            hashes = self.blob_hashes
            if not 0 < len(hashes) <= BLOBS_MAX or any(one[:1] != bytes([BLOB_VERSION]) for one in hashes):
                raise TransactionMalformed("blob hashes expected")

    @property
    def is_prepared(self) -> bool:
        return None not in (self.nonce, self.max_priority_fee_per_gas, self.max_fee_per_gas, self.gas)

    @property
    def fee_max(self) -> int:
        """The most that the fee can be, in wei; what blobs cost comes on top."""
        return _filled(self.gas, "gas") * _filled(self.max_fee_per_gas, "max_fee_per_gas")

    @property
    def unsigned_payload(self) -> bytes:
        """The bytes whose keccak256 is signed. Raises TransactionMalformed where a field is still open."""
        return wrap(self.type, [*self.members, *self._replay_protection()])

    @property
    def signing_hash(self) -> bytes:
        return keccak256(self.unsigned_payload)

    @classmethod
    def decode(cls, payload: bytes) -> TransactionRequest:
        """Reads an unsigned payload; anything but the canonical encoding raises TransactionMalformed."""
        kind, members = unwrap(payload)
        if kind is not TransactionType.LEGACY:
            return _request(kind, members)
        if len(members) != 9 or members[7:] != (b"", b""):
            raise TransactionMalformed("9 members expected, the last ones a chain id and two empty (EIP-155)")
        return _request(kind, members[:6], rlp.decode_integer(members[6], 63))

    def with_sender(self, sender: Address) -> TransactionRequest:
        return replace(self, sender=sender)

    def to_rpc(self) -> dict[str, object]:
        """The object that eth_call, eth_estimateGas and eth_sendTransaction take."""
        one_price = self.type.has_one_price
        numbers = {
            "value": self.value,
            "nonce": self.nonce,
            "gas": self.gas,
            "gasPrice": self.max_fee_per_gas if one_price else None,
            "maxFeePerGas": None if one_price else self.max_fee_per_gas,
            "maxPriorityFeePerGas": None if one_price else self.max_priority_fee_per_gas,
        }
        call: dict[str, object] = {name: hex(n) for name, n in numbers.items() if n is not None}
        call |= {"from": self.sender} if self.sender else {}
        call |= {"to": self.to} if self.to else {}
        call |= {"data": "0x" + self.data.hex()} if self.data else {}
        if self.access_list:
            call["accessList"] = [
                {"address": address, "storageKeys": ["0x" + key.hex() for key in keys]}
                for address, keys in self.access_list
            ]
        return call

    @property
    def members(self) -> list[rlp.Item]:
        """As RLP takes them, in the order of the type's standard."""
        fields = {name: getattr(self, name) for name in LAYOUTS[self.type] if name != "gas_price"}
        return written(self.type, {**fields, "gas_price": self.max_fee_per_gas})

    def _replay_protection(self) -> list[rlp.Item]:
        """EIP-155, where the members do not name the chain."""
        return [rlp.encode_integer(self.chain_id), b"", b""] if self.type is TransactionType.LEGACY else []


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """A request with its signature. `raw` is what eth_sendRawTransaction takes; `request.sender` is recovered."""

    request: TransactionRequest
    y_parity: int
    r: int
    s: int
    raw: bytes
    hash: bytes

    @classmethod
    def join(cls, request: TransactionRequest, signature: bytes) -> SignedTransaction:
        """Of a prepared request and the 65 bytes r, s, v (v 0 or 1, 27 or 28).

        Raises TransactionMalformed where they recover to another account than `request.sender`.
        """
        signed = cls.of(request, *split(signature))
        if request.sender not in (None, signed.request.sender):
            raise TransactionMalformed("signed by another account")
        return signed

    @classmethod
    def of(cls, request: TransactionRequest, y_parity: int, r: int, s: int) -> SignedTransaction:
        """Of a prepared request; the sender is who signed. Raises TransactionMalformed."""
        sender = signer_of(request.signing_hash, y_parity, r, s)
        numbers = [rlp.encode_integer(_v(request, y_parity)), rlp.encode_integer(r), rlp.encode_integer(s)]
        raw = wrap(request.type, [*request.members, *numbers])
        return cls(request.with_sender(sender), y_parity, r, s, raw, keccak256(raw))

    @classmethod
    def decode(cls, raw: bytes) -> SignedTransaction:
        """Raises TransactionMalformed for anything but a canonical signed transaction with low s.

        One of type 3 is read as blocks have it, without the blobs themselves.
        """
        kind, members = unwrap(raw)
        if len(members) < 3:
            raise TransactionMalformed("members missing")
        v, r, s = (rlp.decode_integer(item, bits) for item, bits in zip(members[-3:], (72, 256, 256), strict=True))
        if kind is not TransactionType.LEGACY:
            return cls.of(_request(kind, members[:-3]), v, r, s)
        chain_id, parity = read_v(v)
        return cls.of(_request(kind, members[:-3], chain_id), parity, r, s)

    @property
    def v(self) -> int:
        """As the bytes have it: the parity, or EIP-155's number in a legacy transaction."""
        return _v(self.request, self.y_parity)

    @property
    def hash_hex(self) -> str:
        return "0x" + self.hash.hex()

    @property
    def sender(self) -> Address:
        if self.request.sender is None:
            raise TransactionMalformed("no sender")
        return self.request.sender


def _v(request: TransactionRequest, y_parity: int) -> int:
    return 2 * request.chain_id + _EIP155 + y_parity if request.type is TransactionType.LEGACY else y_parity


def read_v(v: int) -> tuple[int, int]:
    """Chain id and parity of a legacy signature's v (EIP-155).

    Raises TransactionMalformed, for 27 and 28 too: such a transaction is valid on every chain.
    """
    if v < _EIP155 + 2:
        raise TransactionMalformed("no chain id: it would be valid on every chain (EIP-155)")
    return (v - _EIP155) // 2, (v - _EIP155) % 2


def _request(kind: TransactionType, members: Sequence[rlp.Item], chain_id: int | None = None) -> TransactionRequest:
    fields: Mapping[str, Any] = fields_of(kind, members)
    given = {name: value for name, value in fields.items() if name != "gas_price"}
    if "gas_price" in fields:
        given |= {"max_fee_per_gas": fields["gas_price"], "max_priority_fee_per_gas": fields["gas_price"]}
    if chain_id is not None:
        given["chain_id"] = chain_id
    return TransactionRequest(type=kind, **given)


def request_of(members: Sequence[rlp.Item], kind: TransactionType = TransactionType.DYNAMIC_FEE) -> TransactionRequest:
    """Of the members that are signed, of any type that names its chain in them. Raises TransactionMalformed."""
    return _request(kind, members)


def _filled(number: int | None, name: str) -> int:
    if number is None:
        raise TransactionMalformed(f"{name} is not filled in")
    return number
