"""Records: the lines of the journal. Fixed-width, big-endian, one version byte; one table in docs/records.md.

A record's bytes are what is hashed, sealed and exported; there is exactly one spelling of each, and `decode` refuses
any other. Widths are fixed by (kind, order type). No personal text is ever inside: only salted hashes.
The holder chains that records link into are in head.py.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from enum import IntEnum
from hashlib import sha256
from operator import attrgetter
from typing import Any, ClassVar

from fiat.errors import FiatError, RecordMalformed
from fiat.layout import (
    ACCOUNT,
    EXPIRY,
    GENESIS,
    HEADER,
    KEY,
    LEG,
    MOVEMENT,
    OPERATOR,
    ORDER_TYPE,
    Codec,
    Layout,
    order_layout,
)
from fiat.order import ORDER_TYPES_BY_CODE, ZERO_32, SignedOrder
from fiat.signature import keccak256

FORMAT_VERSION = 1
_ZERO_16 = bytes(16)


class Kind(IntEnum):
    GENESIS = 0
    ACCOUNT = 1
    KEY = 2
    TRANSFER = 3
    EXPIRY = 4
    OPERATOR = 5


class KeyAction(IntEnum):
    OPEN = 1
    KEY_ADD = 2
    KEY_REVOKE = 3
    FREEZE = 4
    UNFREEZE = 5
    LIMIT = 6
    MANDATE_REVOKE = 7
    CANCEL = 8
    CONTRACT = 9


class Reason(IntEnum):
    """Why an operator record stands without the person's order."""

    UNDOING = 1
    COMPELLED = 2
    RECOVERY = 3
    HOLD = 4
    RELEASE = 5
    CREDIT = 6


_HEADER_CODEC = Codec(HEADER)
_ORDER_TYPE_CODEC = Codec(ORDER_TYPE)
_ORDER_CODECS = {code: Codec(order_layout(t)) for code, t in ORDER_TYPES_BY_CODE.items()}
_TRANSFER = HEADER + MOVEMENT + LEG + ORDER_TYPE
_TRANSFER_CODECS = {code: Codec(_TRANSFER + order_layout(t)) for code, t in ORDER_TYPES_BY_CODE.items()}
_TRANSFER_CODECS[0] = Codec(_TRANSFER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A line of the journal: `sequence` without gaps from 0, `timestamp` in nanoseconds, strictly increasing."""

    KIND: ClassVar[Kind]
    LAYOUT: ClassVar[Layout]
    BODY: ClassVar[Codec]
    CARRIES_ORDER: ClassVar[bool] = False

    sequence: int
    timestamp: int

    def encode(self) -> bytes:
        """The canonical bytes. Raises RecordMalformed where a value does not fit."""
        try:
            body = _HEADER_CODEC.pack([FORMAT_VERSION, self.KIND, self.sequence, self.timestamp])
            body += self.BODY.pack([*_IN_ORDER[self.KIND](self)])
        except (struct.error, OverflowError, UnicodeEncodeError) as error:
            raise RecordMalformed(str(error)) from None
        return body + _encode_order(getattr(self, "order", None)) if self.CARRIES_ORDER else body


@dataclass(frozen=True, slots=True, kw_only=True)
class GenesisRecord(Record):
    """Sequence 0. Its hash is the ledgerId; it pins the operator's signing key."""

    KIND = Kind.GENESIS
    LAYOUT = GENESIS
    BODY = Codec(GENESIS)
    operator: bytes
    random: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRecord(Record):
    """A machine account was opened."""

    KIND = Kind.ACCOUNT
    LAYOUT = ACCOUNT
    BODY = Codec(ACCOUNT)
    id: int
    holder: bytes
    link: bytes
    currency: str
    exponent: int
    purpose: str
    ledger: int
    code: int
    flags: int
    user_data_128: int = 0
    user_data_64: int = 0
    user_data_32: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord(Record):
    """A holder was opened (the genesis document's fields and the chain's blinding), or its keys or limits changed."""

    KIND = Kind.KEY
    LAYOUT = KEY
    BODY = Codec(KEY)
    CARRIES_ORDER = True
    holder: bytes
    link: bytes
    action: int
    epoch: int
    key: bytes
    salt: bytes = ZERO_32
    recovery: int = 0
    blind: bytes = ZERO_32
    subject: bytes = ZERO_32
    value: int = 0
    effective_at: int = 0
    order: SignedOrder | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement(Record):
    """What every record that moves money says: the machine's transfer, both holders and their links, the source."""

    id: int
    debit_account_id: int
    credit_account_id: int
    amount: int
    pending_id: int = 0
    user_data_128: int = 0
    user_data_64: int = 0
    user_data_32: int = 0
    timeout: int = 0
    ledger: int
    code: int
    flags: int = 0
    debit_holder: bytes = ZERO_32
    credit_holder: bytes = ZERO_32
    debit_link: bytes = ZERO_32
    credit_link: bytes = ZERO_32
    source_kind: int = 0
    source_id: bytes = ZERO_32


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRecord(Movement):
    """A transfer. Leg 0 of an order carries the order and its signature; later legs name it by user_data_128."""

    KIND = Kind.TRANSFER
    LAYOUT = MOVEMENT + LEG
    BODY = Codec(MOVEMENT + LEG)
    CARRIES_ORDER = True
    leg: int = 0
    order: SignedOrder | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryRecord(Record):
    """A pending transfer's time was up: `amount` was released on both sides."""

    KIND = Kind.EXPIRY
    LAYOUT = EXPIRY
    BODY = Codec(EXPIRY)
    pending_id: int
    debit_account_id: int
    credit_account_id: int
    amount: int
    ledger: int
    debit_holder: bytes = ZERO_32
    credit_holder: bytes = ZERO_32
    debit_link: bytes = ZERO_32
    credit_link: bytes = ZERO_32


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorRecord(Movement):
    """A movement without the person's order: typed, counted in every seal, signed by two officers."""

    KIND = Kind.OPERATOR
    LAYOUT = MOVEMENT + OPERATOR
    BODY = Codec(MOVEMENT + OPERATOR)
    reason: int
    reason_code: int = 0
    undoes: int = 0
    document: bytes = ZERO_32
    cap: int = 0
    until: int = 0
    successor: bytes = ZERO_32
    nonce: bytes
    officer_1: bytes
    signature_1: bytes
    officer_2: bytes
    signature_2: bytes


_TRANSFER_KIND = int(Kind.TRANSFER)
RECORD_TYPES: dict[int, type[Record]] = {
    t.KIND: t for t in (GenesisRecord, AccountRecord, KeyRecord, TransferRecord, ExpiryRecord, OperatorRecord)
}
_IN_ORDER: dict[int, Callable[[Record], tuple[Any, ...]]] = {
    kind: attrgetter(*t.BODY.names) for kind, t in RECORD_TYPES.items()
}


def decode(body: bytes) -> Record:
    """Read canonical bytes. Raises RecordMalformed for anything that `encode` would not have written."""
    if len(body) < _HEADER_CODEC.struct.size:
        raise RecordMalformed("shorter than a header")
    header = _HEADER_CODEC.unpack(body, 0)
    record_type = RECORD_TYPES.get(header.pop("kind"))
    if header.pop("version") != FORMAT_VERSION or record_type is None:
        raise RecordMalformed("unknown version or kind")
    try:
        offset = _HEADER_CODEC.struct.size
        values = header | record_type.BODY.unpack(body, offset)
        if record_type.CARRIES_ORDER:
            values["order"] = _decode_order(body, offset + record_type.BODY.struct.size)
        record = record_type(**values)
        canonical = record.encode()
    except (struct.error, UnicodeDecodeError, FiatError) as error:
        raise RecordMalformed(str(error)) from None
    if canonical != body:
        raise RecordMalformed("not canonical")
    return record


def encode_transfer(sequence: int, timestamp: int, fields: Iterable[Any], signed: SignedOrder | None) -> bytes:
    """The bytes of a TransferRecord in one pass; `fields` are those of the layouts MOVEMENT and LEG, in order.

    Raises RecordMalformed where a value does not fit.
    """
    code = 0 if signed is None else signed.order.CODE
    values = [FORMAT_VERSION, _TRANSFER_KIND, sequence, timestamp, *fields, code]
    if signed is not None:
        values += (*signed.order.in_order(), signed.signature)
    try:
        return _TRANSFER_CODECS[code].pack(values)
    except (struct.error, OverflowError, UnicodeEncodeError) as error:
        raise RecordMalformed(str(error)) from None


def encode_payment(
    sequence: int,
    timestamp: int,
    wide: tuple[bytes, bytes, bytes, bytes, bytes],
    narrow: tuple[int, int, int],
    parties: tuple[bytes, bytes, bytes, bytes],
    signed: SignedOrder,
) -> bytes:
    """The bytes of the TransferRecord of an order's only leg, from values that are known to fit.

    `wide`: its id, debit account, credit account, amount and reference, 16 bytes each; `narrow`: its user_data_64,
    ledger and code; `parties`: both holders and both links. The other fields are zero.
    """
    *ids, amount, reference = wide
    data_64, ledger, code = narrow
    *head, currency, exponent, amount_minor, total, ordered = signed.order.in_order()
    return _TRANSFER_CODECS[signed.order.CODE].struct.pack(
        *(FORMAT_VERSION, _TRANSFER_KIND, sequence, timestamp),
        *(*ids, amount, _ZERO_16, reference, data_64, 0, 0, ledger, code, 0),
        *(*parties, 0, ZERO_32, 0, signed.order.CODE),
        *(*head, currency.encode(), exponent, amount_minor, total, ordered, signed.signature),
    )


def _encode_order(signed: SignedOrder | None) -> bytes:
    if signed is None:
        return _ORDER_TYPE_CODEC.pack([0])
    order = signed.order
    return _ORDER_TYPE_CODEC.pack([order.CODE]) + _ORDER_CODECS[order.CODE].pack([*order.in_order(), signed.signature])


def _decode_order(body: bytes, offset: int) -> SignedOrder | None:
    code = body[offset] if offset < len(body) else -1
    if code == 0:
        return None
    if code not in _ORDER_CODECS:
        raise RecordMalformed("unknown order type")
    values = _ORDER_CODECS[code].unpack(body, offset + 1)
    signature = values.pop("signature")
    order_type = ORDER_TYPES_BY_CODE[code]
    # The dataclass's fields stand in the signed order (order.py asserts it), so values pair up by position.
    order = order_type(**dict(zip((f.name for f in fields(order_type)), values.values(), strict=True)))
    return SignedOrder(order, signature)


def ledger_id(genesis: bytes) -> bytes:
    """keccak-256 of the genesis record's bytes: names the ledger, and is the salt of every signature's domain."""
    return keccak256(genesis)


def leaf_hash(body: bytes) -> bytes:
    """RFC 9162 leaf: SHA-256(0x00, record)."""
    return sha256(b"\0" + body).digest()
