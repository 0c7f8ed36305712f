"""What the auditor reads: layouts, EIP-712 hashes, signatures, Merkle roots.

It belongs to fiat.audit and stands as alone as that: nothing of the ledger is imported, every layout is written here a
second time, from docs/records.md, with keccak-256, SHA-256 and secp256k1 only.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from functools import lru_cache
from hashlib import sha256
from itertools import accumulate
from types import SimpleNamespace

from coincurve import PublicKey
from Crypto.Hash import keccak as _keccak

MAGIC = b"tandem-journal-1"
ZERO_20, ZERO_32, OPERATOR = bytes(20), bytes(32), bytes(32)
SECOND, NO_LIMIT = 1_000_000_000, (1 << 63) - 1
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


class Kind(IntEnum):
    """Of records."""

    GENESIS, ACCOUNT, KEY, TRANSFER, EXPIRY, OPERATOR = range(6)


class Type(IntEnum):
    """Of orders."""

    PAY, WITHDRAW, CONVERT, HOLD, MANDATE, CONTROL = range(1, 7)


class Code(IntEnum):
    """Of accounts."""

    PEOPLE, CLEARING, PAYOUT, BANK, FEES, ROUNDING, LIQUIDITY, RECEIVABLE, SUSPENSE, LOSS = range(1, 11)


_NAMED = {"treasury": Code.BANK, "inventory": Code.LIQUIDITY, "reorg_loss": Code.LOSS}
_NAMED |= {code.name.lower(): code for code in Code if code not in (Code.PEOPLE, Code.SUSPENSE, Code.LOSS)}


def code_of(purpose: str) -> Code:
    """The code of the operator's account of that purpose (`clearing:sandbox`)."""
    return _NAMED.get(purpose.partition(":")[0], Code.SUSPENSE)


_ENTRY_FIELDS = (
    "reason:1 reason_code:2 undoes:8 document:b32 cap:16 until:8 successor:b32 nonce:b32 officer_1:b20 signature_1:b65"
    " officer_2:b20 signature_2:b65"
)
_MOVEMENT = (
    "id:16 debit_account_id:16 credit_account_id:16 amount:16 pending_id:16 user_data_128:16 user_data_64:8"
    " user_data_32:4 timeout:4 ledger:4 code:2 flags:2 debit_holder:b32 credit_holder:b32 debit_link:b32"
    " credit_link:b32 source_kind:2 source_id:b32 "
)
_LAYOUTS = {
    Kind.GENESIS: "operator:b20 random:b32",
    Kind.ACCOUNT: "id:16 holder:b32 link:b32 currency:t8 exponent:1 purpose:t64 ledger:4 code:2 flags:2"
    " user_data_128:16 user_data_64:8 user_data_32:4",
    Kind.KEY: "holder:b32 link:b32 action:1 epoch:4 key:b20 salt:b32 recovery:1 blind:b32 subject:b32 value:8"
    " effective_at:8",
    Kind.TRANSFER: _MOVEMENT + "leg:2",
    Kind.EXPIRY: "pending_id:16 debit_account_id:16 credit_account_id:16 amount:16 ledger:4 debit_holder:b32"
    " credit_holder:b32 debit_link:b32 credit_link:b32",
    Kind.OPERATOR: _MOVEMENT + _ENTRY_FIELDS,
}
_HEAD = "bytes32 holder,uint32 keyEpoch,bytes32 nonce,uint64 validAfter,uint64 validBefore,bytes32 seenHead,"
_COIN = "bytes32 shown,string currency,uint8 exponent,"
_MONEY = _COIN + "uint64 amountMinor,uint64 totalMaxMinor,"
_PERIODS = "uint64 perPeriodMinor,uint32 periodSeconds,uint32 count,uint64 until,"
_ORDER_TYPES = {
    Type.PAY: f"LedgerTransfer({_HEAD}bytes32 payee,{_MONEY}bytes32 reference)",
    Type.WITHDRAW: f"LedgerWithdrawal({_HEAD}bytes32 destination,{_MONEY}bytes32 reference)",
    Type.CONVERT: f"LedgerConversion({_HEAD}{_MONEY}string receiveAsset,uint256 receiveMinMinor,address receiveTo,"
    "bytes32 reference)",
    Type.HOLD: f"LedgerHold({_HEAD}bytes32 captor,{_MONEY}uint64 until,bytes32 reference)",
    Type.MANDATE: f"LedgerMandate({_HEAD}bytes32 payee,{_COIN}{_PERIODS}bytes32 reference)",
    Type.CONTROL: f"LedgerControl({_HEAD}string action,bytes32 subject,uint64 value)",
}
_SEAL_TYPE = (
    "LedgerSeal(uint64 number,bytes32 previous,uint64 firstSequence,uint64 size,bytes32 root,bytes32 counters,"
    "uint64 timestamp)"
)
ENTRY_TYPE = (
    b"LedgerEntry(uint8 reason,uint16 reasonCode,uint64 undoes,bytes32 document,uint64 cap,uint64 until,"
    b"bytes32 successor,bytes32 nonce,uint128 debitAccount,uint128 creditAccount,uint64 amountMinor,uint128 pendingId,"
    b"string currency,uint8 exponent)"
)
DOMAIN_TYPE = b"EIP712Domain(string name,string version,bytes32 salt)"

Values = SimpleNamespace
"""Fields by name."""


class Unreadable(Exception):
    """The bytes cannot be read further; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def keccak256(data: bytes) -> bytes:
    return _keccak.new(digest_bits=256, data=data).digest()


_CODES = {"1": "B", "2": "H", "4": "I", "8": "Q"}
_WIDTHS = {"bytes32": "b32", "address": "b20", "currency": "t8", "receiveAsset": "t80", "action": "t16"}


class _Codec:
    """A layout (name:width in bytes; b bytes, t text padded with NUL, else an integer), compiled."""

    def __init__(self, layout: str) -> None:
        items = [item.split(":") for item in layout.split()]
        self.names = [name for name, _ in items]
        self.struct = struct.Struct(">" + "".join(_CODES.get(w) or w.lstrip("bt") + "s" for _, w in items))
        self.wide = [i for i, (_, w) in enumerate(items) if w.isdigit() and w not in _CODES]
        self.texts = [i for i, (_, w) in enumerate(items) if w[0] == "t"]

    def read(self, body: bytes, at: int) -> Values:
        values = list(self.struct.unpack_from(body, at))
        for i in self.wide:
            values[i] = int.from_bytes(values[i], "big")
        for i in self.texts:
            values[i] = _text(values[i])
        return SimpleNamespace(**dict(zip(self.names, values, strict=True)))


class _Signed(_Codec):
    """An EIP-712 type whose fields travel at their Solidity widths, and the signature behind them."""

    def __init__(self, type_string: str) -> None:
        fields = [item.split(" ") for item in type_string[type_string.index("(") + 1 : -1].split(",")]
        widths = [_WIDTHS.get(n if k == "string" else k) or str(int(k[4:]) // 8) for k, n in fields]
        super().__init__(" ".join(f"{n}:{w}" for (_, n), w in zip(fields, widths, strict=True)) + " signature:b65")
        sizes = [int(w.lstrip("bt")) for w in widths]
        ends = list(accumulate(sizes))
        self.spans = [(e - s, e, w[0] == "t") for s, e, w in zip(sizes, ends, widths, strict=True)]
        self.type_hash = keccak256(type_string.encode())

    def read(self, body: bytes, at: int) -> Values:
        """With the EIP-712 struct hash beside the fields."""
        values, words = super().read(body, at), [self.type_hash]
        for begin, end, is_text in self.spans:
            wire = body[at + begin : at + end]
            words.append(_text_hash(wire) if is_text else wire.rjust(32, b"\0"))
        values.struct_hash = keccak256(b"".join(words))
        return values


@lru_cache(1024)
def _text_hash(wire: bytes) -> bytes:
    return keccak256(wire.rstrip(b"\0"))


@lru_cache(1024)
def _text(wire: bytes) -> str:
    text = wire.rstrip(b"\0")
    if not all(32 <= byte < 127 for byte in text):
        raise Unreadable("record_text_wrong")
    return text.decode("ascii")


_HEADER = "version:1 kind:1 sequence:8 timestamp:8 "
_RECORDS: dict[int, _Codec] = {kind: _Codec(_HEADER + layout) for kind, layout in _LAYOUTS.items()}
_ORDERS: dict[int, _Signed] = {code: _Signed(type_string) for code, type_string in _ORDER_TYPES.items()}
SEAL = _Signed(_SEAL_TYPE)


def parse_record(body: bytes) -> Values:
    """A record's fields by name; an order's under `order`. Raises Unreadable for what is no canonical record."""
    if len(body) < 18:
        raise Unreadable("record_length_wrong")
    if body[0] != 1:
        raise Unreadable("record_version_unknown")
    codec = _RECORDS.get(body[1])
    if codec is None:
        raise Unreadable("record_kind_unknown")
    end = codec.struct.size
    if len(body) < end:
        raise Unreadable("record_length_wrong")
    record = codec.read(body, 0)
    record.order = None
    if record.kind in (Kind.KEY, Kind.TRANSFER):
        code = body[end] if len(body) > end else -1
        end += 1
        if code:
            order_codec = _ORDERS.get(code)
            if order_codec is None:
                raise Unreadable("order_type_unknown")
            if len(body) == end + order_codec.struct.size:
                record.order = order_codec.read(body, end)
                record.order.type = code
            end += order_codec.struct.size
    if len(body) != end:
        raise Unreadable("record_length_wrong")
    return record


def recover(digest: bytes, signature: bytes) -> bytes | None:
    """The 20-byte address that signed; None for anything but 65 bytes r, s, v with v 27 or 28 and low s."""
    if len(signature) != 65 or signature[64] not in (27, 28):
        return None
    if not 0 < int.from_bytes(signature[32:64], "big") <= _HALF_ORDER:
        return None
    recoverable = signature[:64] + bytes([signature[64] - 27])
    try:
        key = PublicKey.from_signature_and_message(recoverable, digest, hasher=None)
    except Exception:  # coincurve raises bare ValueError and Exception
        return None
    return keccak256(key.format(compressed=False)[1:])[12:]


def merkle_root(leaves: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, by its recursive definition turned over: pairs upwards, an odd one rises."""
    while len(leaves) > 1:
        paired = [sha256(b"\1" + leaves[i] + leaves[i + 1]).digest() for i in range(0, len(leaves) - 1, 2)]
        leaves = paired + leaves[len(paired) * 2 :]
    return leaves[0]


def ledger_number(currency: str) -> int:
    """The currency's code read as a bijective base-37 number."""
    number = 0
    for letter in currency:
        number = number * 37 + "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ".find(letter) + 1
    return number


def first16(digest: bytes) -> int:
    return int.from_bytes(digest[:16], "big")


def leg_id(holder: bytes, nonce: bytes, leg: int) -> int:
    return first16(keccak256(holder + nonce + leg.to_bytes(4, "big")))
