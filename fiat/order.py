"""Orders: what a person signs to move their fiat, and the two statements a root key makes about addresses.

EIP-712 under the ledger's own domain. One family: every order begins with the same six fields. In JSON all integers
are digit strings and all bytes are 0x lower-case hex; anything else is refused, so one order has one spelling.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, ClassVar

from fiat.errors import OrderMalformed, OrderTypeUnbuilt
from fiat.holder import leg_id
from fiat.signature import StructType, keccak256, recover, typed_digest

ZERO_32 = bytes(32)
WINDOW_SECONDS_MAX = 16 * 60
"""15 minutes ahead and 60 seconds back."""

_HEX = re.compile(r"0x(?:[0-9a-f]{2})*", re.ASCII)
_DIGITS = re.compile(r"0|[1-9][0-9]{0,77}", re.ASCII)
_STRING_LENGTH_MAX = {"currency": 8, "receiveAsset": 80, "action": 16}
_HEAD = (
    ("holder", "bytes32"),
    ("keyEpoch", "uint32"),
    ("nonce", "bytes32"),
    ("validAfter", "uint64"),
    ("validBefore", "uint64"),
    ("seenHead", "bytes32"),
)
_MONEY = (
    ("currency", "string"),
    ("exponent", "uint8"),
    ("amountMinor", "uint64"),
    ("totalMaxMinor", "uint64"),
)


def _struct(name: str, *own: tuple[str, str]) -> StructType:
    return StructType(name, _HEAD + own)


def _snake(name: str) -> str:
    return re.sub("([A-Z])", r"_\1", name).lower()


class _Derived:
    """Room for what follows from an order and is asked for several times while it is checked and carried out."""

    __slots__ = ("_known", "_legs")
    _known: tuple[bytes, bytes]
    """The ledger's id and the digest there; absent until it is first asked for."""
    _legs: dict[int, int]
    """The ids of the legs that were asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(_Derived):
    """The fields that every order begins with. Bytes are 32 long; times are Unix seconds; a nonce is used once."""

    STRUCT: ClassVar[StructType]
    CODE: ClassVar[int]
    """The order's number inside records (record.py)."""

    holder: bytes
    key_epoch: int
    nonce: bytes
    valid_after: int
    valid_before: int
    seen_head: bytes

    def __post_init__(self) -> None:
        for (name, kind), value in zip(self.STRUCT.fields, self.in_order(), strict=True):
            _check(name, kind, value)

    def in_order(self) -> tuple[Any, ...]:
        """The fields' values in the order in which they are signed."""
        return _IN_ORDER[self.CODE](self)

    def values(self) -> dict[str, object]:
        """The fields by their signed names."""
        return {name: value for (name, _), value in zip(self.STRUCT.fields, self.in_order(), strict=True)}

    def digest(self, ledger_id: bytes) -> bytes:
        """The 32 bytes that are signed (EIP-712)."""
        known = getattr(self, "_known", None)
        if known is None or known[0] != ledger_id:
            known = ledger_id, typed_digest(ledger_id, self.STRUCT.hash_in_order(self.in_order()))
            object.__setattr__(self, "_known", known)
        return known[1]

    def leg_id(self, leg: int) -> int:
        """The machine's id of leg n of this order."""
        known: dict[int, int] | None = getattr(self, "_legs", None)
        if known is None:
            object.__setattr__(self, "_legs", known := {})
        if leg not in known:
            known[leg] = leg_id(self.holder, self.nonce, leg)
        return known[leg]

    def to_json(self) -> dict[str, str]:
        """Integers as digit strings, bytes as 0x lower-case hex."""
        return {name: _spell(value) for name, value in self.values().items()}

    @property
    def type_name(self) -> str:
        return self.STRUCT.name


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerTransfer(Order):
    """Pay another holder. `shown` is the salted hash of the text the person saw."""

    STRUCT = _struct("LedgerTransfer", ("payee", "bytes32"), ("shown", "bytes32"), *_MONEY, ("reference", "bytes32"))
    CODE = 1
    payee: bytes
    shown: bytes
    currency: str
    exponent: int
    amount_minor: int
    total_max_minor: int
    reference: bytes = ZERO_32


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerWithdrawal(Order):
    """Pay out. `destination` is the salted hash of its canonical form (`iban:...`, `card:...`, `account:...`)."""

    STRUCT = _struct(
        "LedgerWithdrawal",
        ("destination", "bytes32"),
        ("shown", "bytes32"),
        *_MONEY,
        ("reference", "bytes32"),
    )
    CODE = 2
    destination: bytes
    shown: bytes
    currency: str
    exponent: int
    amount_minor: int
    total_max_minor: int
    reference: bytes = ZERO_32


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerConversion(Order):
    """Give one asset for at least `receiveMinMinor` of another. `reference` is the accepted quote's hash."""

    STRUCT = _struct(
        "LedgerConversion",
        ("shown", "bytes32"),
        *_MONEY,
        ("receiveAsset", "string"),
        ("receiveMinMinor", "uint256"),
        ("receiveTo", "address"),
        ("reference", "bytes32"),
    )
    CODE = 3
    shown: bytes
    currency: str
    exponent: int
    amount_minor: int
    total_max_minor: int
    receive_asset: str
    receive_min_minor: int
    receive_to: bytes
    reference: bytes = ZERO_32


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerHold(Order):
    """Reserve up to `amountMinor` that `captor` may take in parts until `until`."""

    STRUCT = _struct(
        "LedgerHold",
        ("captor", "bytes32"),
        ("shown", "bytes32"),
        *_MONEY,
        ("until", "uint64"),
        ("reference", "bytes32"),
    )
    CODE = 4
    captor: bytes
    shown: bytes
    currency: str
    exponent: int
    amount_minor: int
    total_max_minor: int
    until: int
    reference: bytes = ZERO_32


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerMandate(Order):
    """Let `payee` collect at most `perPeriodMinor` in each of `count` periods of `periodSeconds`."""

    STRUCT = _struct(
        "LedgerMandate",
        ("payee", "bytes32"),
        ("shown", "bytes32"),
        ("currency", "string"),
        ("exponent", "uint8"),
        ("perPeriodMinor", "uint64"),
        ("periodSeconds", "uint32"),
        ("count", "uint32"),
        ("until", "uint64"),
        ("reference", "bytes32"),
    )
    CODE = 5
    payee: bytes
    shown: bytes
    currency: str
    exponent: int
    per_period_minor: int
    period_seconds: int
    count: int
    until: int
    reference: bytes = ZERO_32


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerControl(Order):
    """Change what may authorise: key-add, key-revoke, freeze, unfreeze, limit, mandate-revoke, cancel (control.py)."""

    STRUCT = _struct("LedgerControl", ("action", "string"), ("subject", "bytes32"), ("value", "uint64"))
    CODE = 6
    action: str
    subject: bytes = ZERO_32
    value: int = 0


ORDER_TYPES: dict[str, type[Order]] = {
    t.STRUCT.name: t
    for t in (LedgerTransfer, LedgerWithdrawal, LedgerConversion, LedgerHold, LedgerMandate, LedgerControl)
}
ORDER_TYPES_BY_CODE: dict[int, type[Order]] = {t.CODE: t for t in ORDER_TYPES.values()}
_IN_ORDER: dict[int, Callable[[Order], tuple[Any, ...]]] = {
    code: attrgetter(*(_snake(name) for name, _ in t.STRUCT.fields)) for code, t in ORDER_TYPES_BY_CODE.items()
}


@dataclass(frozen=True, slots=True)
class SignedOrder:
    """An order with its 65-byte signature. Says nothing about whose key it is."""

    order: Order
    signature: bytes

    def signer(self, ledger_id: bytes) -> bytes:
        """The 20-byte address that signed. Raises OrderSignatureWrong."""
        return recover(self.order.digest(ledger_id), self.signature)


def order_from_json(type_name: str, document: Mapping[str, object]) -> Order:
    """Read an order in its one spelling. Raises OrderMalformed naming the field, or OrderTypeUnbuilt."""
    order_type = ORDER_TYPES.get(type_name)
    if order_type is None:
        raise OrderTypeUnbuilt(type_name[:32])
    kinds = dict(order_type.STRUCT.fields)
    for name in document:
        if name not in kinds:
            raise OrderMalformed(str(name)[:32], "is no field of this order")
    arguments: dict[str, Any] = {}
    for name, kind in kinds.items():
        if name not in document:
            raise OrderMalformed(name, "is missing")
        arguments[_snake(name)] = _read(name, kind, document[name])
    return order_type(**arguments)


_REGISTRATION = StructType(
    "LedgerRegistration",
    (
        ("holder", "bytes32"),
        ("handle", "string"),
        ("chainId", "uint64"),
        ("account", "address"),
        ("validBefore", "uint64"),
    ),
)
_ADDRESS = StructType(
    "LedgerAddress",
    (("holder", "bytes32"), ("chainId", "uint64"), ("account", "address"), ("validBefore", "uint64")),
)

_CONTRACT_KEY = StructType(
    "LedgerKey",
    (
        ("holder", "bytes32"),
        ("chainId", "uint64"),
        ("account", "address"),
        ("key", "address"),
        ("validBefore", "uint64"),
    ),
)


def registration_digest(
    ledger_id: bytes, *, holder: bytes, handle: str, chain_id: int, account: bytes, valid_before: int
) -> bytes:
    """Proof of possession at registration: signed by the root key (chainId 0, account = root) and each account."""
    values = {
        "holder": holder,
        "handle": handle,
        "chainId": chain_id,
        "account": account,
        "validBefore": valid_before,
    }
    return typed_digest(ledger_id, _REGISTRATION.hash(values))


def address_digest(ledger_id: bytes, *, holder: bytes, chain_id: int, account: bytes, valid_before: int) -> bytes:
    """The root key's word that `account` on `chain_id` receives for this holder."""
    values = {"holder": holder, "chainId": chain_id, "account": account, "validBefore": valid_before}
    return typed_digest(ledger_id, _ADDRESS.hash(values))


def contract_key_digest(
    ledger_id: bytes, *, holder: bytes, chain_id: int, account: bytes, key: bytes, valid_before: int
) -> bytes:
    """A contract account's word that `key` is its one key here: what it answers to by isValidSignature (ERC-1271)."""
    values = {"holder": holder, "chainId": chain_id, "account": account, "key": key, "validBefore": valid_before}
    return typed_digest(ledger_id, _CONTRACT_KEY.hash(values))


def text_hash(salt: bytes, text: str) -> bytes:
    """keccak256(16-byte salt, UTF-8 text): what an order carries in place of a personal text."""
    if len(salt) != 16:
        raise OrderMalformed("salt", "has 16 bytes")
    return keccak256(salt + text.encode())


def _check(name: str, kind: str, value: object) -> None:
    """The value fits its Solidity type and, for strings, its place in the record. Raises OrderMalformed."""
    if kind.startswith("uint"):
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << int(kind[4:]):
            raise OrderMalformed(name, f"is a {kind}")
    elif kind == "string":
        if not isinstance(value, str) or not value.isascii() or not value.isprintable():
            raise OrderMalformed(name, "is printable ASCII text")
        if not 0 < len(value) <= _STRING_LENGTH_MAX[name]:
            raise OrderMalformed(name, f"has 1 to {_STRING_LENGTH_MAX[name]} characters")
    else:
        length = 20 if kind == "address" else 32
        if not isinstance(value, bytes) or len(value) != length:
            raise OrderMalformed(name, f"has {length} bytes")


def _read(name: str, kind: str, value: object) -> int | str | bytes:
    if not isinstance(value, str):
        raise OrderMalformed(name, "is a JSON string")
    if kind.startswith("uint"):
        if not _DIGITS.fullmatch(value):
            raise OrderMalformed(name, "is a string of decimal digits, without sign or leading zero")
        return int(value)
    if kind == "string":
        return value
    if not _HEX.fullmatch(value):
        raise OrderMalformed(name, "is 0x and lower-case hex")
    return bytes.fromhex(value[2:])


def _spell(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


assert all({_snake(n) for n, _ in t.STRUCT.fields} == {f.name for f in fields(t)} for t in ORDER_TYPES.values())
