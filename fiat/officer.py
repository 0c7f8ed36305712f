"""Officers and the entries that two of them sign: movements without the person's order, each typed and counted. Pure.

An entry is what officers see and sign (EIP-712, under the ledger's own domain); the journal turns it into one or two
operator records. What each reason may do stands in officer_rules.py. Officers are keys of the operator's people: the
first two are named, every later change is signed by an officer in force and an addition waits 48 hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from hashlib import sha256
from typing import NamedTuple

from fiat.currency import Currency
from fiat.errors import CurrencyUnknown, EntryRefused
from fiat.holder import OPERATOR, leg_id
from fiat.order import ZERO_32, LedgerControl
from fiat.record import KeyAction, Reason
from fiat.signature import StructType, recover, typed_digest
from fiat.transfer import NANOSECONDS

NOTICE_NS = 72 * 3600 * NANOSECONDS
"""From the hold that tells a person to the entry that takes."""
RECOVERY_NOTICE_NS = 14 * 24 * 3600 * NANOSECONDS
HOLD_NS_MAX = 90 * 24 * 3600 * NANOSECONDS
OFFICER_DELAY_NS = 48 * 3600 * NANOSECONDS
OFFICERS_MIN, OFFICERS_MAX = 2, 16
EVERYTHING_MINOR = 10**17
"""What the hold of a recovery asks for: as much as is there."""
ZERO_ADDRESS = bytes(20)

_STRUCT = StructType(
    "LedgerEntry",
    (
        ("reason", "uint8"),
        ("reasonCode", "uint16"),
        ("undoes", "uint64"),
        ("document", "bytes32"),
        ("cap", "uint64"),
        ("until", "uint64"),
        ("successor", "bytes32"),
        ("nonce", "bytes32"),
        ("debitAccount", "uint128"),
        ("creditAccount", "uint128"),
        ("amountMinor", "uint64"),
        ("pendingId", "uint128"),
        ("currency", "string"),
        ("exponent", "uint8"),
    ),
)


class HoldFor(IntEnum):
    """A hold's reason code: what it gives notice of."""

    UNDOING = 1
    COMPELLED = 2
    RECOVERY = 3
    INQUIRY = 4


REASON_CODES: dict[Reason, dict[int, str]] = {
    Reason.HOLD: {1: "undoing", 2: "compelled", 3: "recovery", 4: "inquiry"},
    Reason.RELEASE: {0: "release"},
    Reason.UNDOING: {1: "chargeback", 2: "error"},
    Reason.COMPELLED: {1: "tax", 2: "court", 101: "tax_without_notice", 102: "court_without_notice"},
    Reason.RECOVERY: {0: "recovery"},
    Reason.CREDIT: {1: "goodwill", 2: "interest", 3: "correction"},
}
"""Reason codes by reason, with their words."""
WITHOUT_NOTICE = 101
"""Compelled entries from this reason code on: the law forbids notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What two officers sign. Amounts in minor units, `until` in Unix seconds, accounts and ids of the machine.

    `undoes` is the sequence of the record that is undone, `document` the hash of the paper that compels, `pending_id`
    the hold that this entry resolves. What a reason does not use is zero. Raises EntryRefused for a value that does
    not fit.
    """

    reason: int
    reason_code: int = 0
    undoes: int = 0
    document: bytes = ZERO_32
    cap: int = 0
    until: int = 0
    successor: bytes = ZERO_32
    nonce: bytes
    debit_account: int
    credit_account: int
    amount_minor: int
    pending_id: int = 0
    currency: str
    exponent: int

    def __post_init__(self) -> None:
        for (name, kind), value in zip(_STRUCT.fields, self.in_order(), strict=True):
            if kind.startswith("uint"):
                fits = isinstance(value, int) and 0 <= value < 1 << int(kind[4:])
            elif kind == "string":
                fits = isinstance(value, str) and value.isascii() and value.isprintable() and 0 < len(value) <= 8
            else:
                fits = isinstance(value, bytes) and len(value) == 32
            if not fits:
                raise EntryRefused(f"{name}_malformed")
        try:
            Currency(self.currency, self.exponent)
        except (CurrencyUnknown, ValueError):
            raise EntryRefused("currency_malformed") from None

    def in_order(self) -> tuple[object, ...]:
        """The values in the order in which they are signed."""
        return tuple(getattr(self, field.name) for field in fields(self))

    def values(self) -> dict[str, object]:
        """The fields by their signed names."""
        return {name: value for (name, _), value in zip(_STRUCT.fields, self.in_order(), strict=True)}

    def digest(self, ledger_id: bytes) -> bytes:
        """The 32 bytes that officers sign (EIP-712)."""
        return typed_digest(ledger_id, _STRUCT.hash(self.values()))

    def to_json(self) -> dict[str, str]:
        """Integers as digit strings, bytes as 0x lower-case hex."""
        return {n: "0x" + v.hex() if isinstance(v, bytes) else str(v) for n, v in self.values().items()}

    @classmethod
    def from_json(cls, document: Mapping[str, object]) -> Entry:
        """Read an entry in its one spelling. Raises EntryRefused naming the field."""
        if unknown := set(document) - {name for name, _ in _STRUCT.fields}:
            raise EntryRefused(f"{min(unknown)[:32]}_unknown")
        read = {}
        for (name, kind), field in zip(_STRUCT.fields, fields(cls), strict=True):
            value = document.get(name)
            if not isinstance(value, str):
                raise EntryRefused(f"{name}_malformed")
            try:
                read[field.name] = value if kind == "string" else _read(kind, value)
            except ValueError:
                raise EntryRefused(f"{name}_malformed") from None
        entry = cls(**read)  # type: ignore[arg-type]  # __post_init__ checks each value
        if entry.to_json() != dict(document):
            raise EntryRefused("not_canonical")
        return entry

    @property
    def leg_0(self) -> int:
        """The machine's id of the first record."""
        return leg_id(OPERATOR, self.nonce, 0)

    @property
    def is_silent(self) -> bool:
        """A compelled entry of which the law forbids notice."""
        return self.reason == Reason.COMPELLED and self.reason_code >= WITHOUT_NOTICE


def _read(kind: str, value: str) -> int | bytes:
    if kind.startswith("uint"):
        if not value.isascii() or not value.isdigit() or len(value) > 40:
            raise ValueError
        return int(value)
    if not value.startswith("0x"):
        raise ValueError
    return bytes.fromhex(value[2:])


def notice_ns(hold_for: int) -> int:
    """How long before it may be taken a hold of this reason code tells the person."""
    return RECOVERY_NOTICE_NS if hold_for == HoldFor.RECOVERY else NOTICE_NS


class Signature(NamedTuple):
    """One officer's signature (65 bytes) under their address (20 bytes)."""

    officer: bytes
    signature: bytes


def signed_by(digest: bytes, signatures: Sequence[bytes], in_force: frozenset[bytes]) -> tuple[Signature, Signature]:
    """The two officers who signed, in the order of their addresses.

    Raises EntryRefused unless there are exactly two, of two officers in force, and OrderSignatureWrong.
    """
    if len(signatures) != 2:
        raise EntryRefused("two_signatures_needed")
    one, two = sorted(Signature(recover(digest, signature), signature) for signature in signatures)
    if one.officer == two.officer:
        raise EntryRefused("same_officer_twice")
    if not {one.officer, two.officer} <= in_force:
        raise EntryRefused("officer_not_in_force")
    return one, two


class SignedEntry(NamedTuple):
    """An entry with its two officers' signatures, in the order of their addresses."""

    entry: Entry
    first: Signature
    second: Signature


class OfficerChange(NamedTuple):
    """A record that names, adds, revokes or cancels. `nonce`: of its order; None for the first two, who were named."""

    sequence: int
    action: int
    officer: bytes
    nonce: bytes | None
    subject: bytes
    effective_at: int


class Officers:
    """Who the officers are, after the changes so far."""

    def __init__(self, changes: Iterable[OfficerChange] = ()) -> None:
        self.named = 0
        self.standing: dict[bytes, OfficerChange] = {}
        """Each officer's addition, in force or not yet."""
        for change in changes:
            self.take(change)

    def take(self, change: OfficerChange) -> None:
        """Take over a change that was accepted."""
        if change.action == KeyAction.KEY_ADD:
            self.standing[change.officer] = change
            self.named += change.nonce is None
        elif change.action == KeyAction.KEY_REVOKE:
            self.standing.pop(change.officer, None)
        else:
            self.standing = {who: added for who, added in self.standing.items() if added.nonce != change.subject}

    def in_force(self, at: int) -> frozenset[bytes]:
        """Their addresses at `at` (ns), which is not before the last change."""
        return frozenset(who for who, added in self.standing.items() if added.effective_at <= at)

    def name(self, officer: bytes, sequence: int, at: int) -> OfficerChange:
        """The operator names one of the first two. Raises EntryRefused."""
        if self.named >= OFFICERS_MIN:
            raise EntryRefused("officers_named_already")
        if officer == ZERO_ADDRESS or len(officer) != 20 or officer in self.standing:
            raise EntryRefused("officer_malformed_or_known")
        return OfficerChange(sequence, KeyAction.KEY_ADD, officer, None, ZERO_32, at)

    def change(self, order: LedgerControl, signer: bytes, sequence: int, at: int) -> OfficerChange:
        """What a control order of the holder 32 zero bytes does, decided at `at` (ns). Raises EntryRefused."""
        if (order.holder, order.key_epoch, order.seen_head, order.value) != (OPERATOR, 0, ZERO_32, 0):
            raise EntryRefused("order_malformed")
        if signer not in self.in_force(at):
            raise EntryRefused("officer_not_in_force")
        if order.action == "cancel":
            waiting = [a for a in self.standing.values() if a.nonce == order.subject and a.effective_at > at]
            if not waiting:
                raise EntryRefused("nothing_to_cancel")
            return OfficerChange(sequence, KeyAction.CANCEL, ZERO_ADDRESS, order.nonce, order.subject, at)
        officer = order.subject[12:]
        if order.subject[:12] != bytes(12) or officer == ZERO_ADDRESS:
            raise EntryRefused("subject_malformed")
        if order.action == "key-add":
            if officer in self.standing or len(self.standing) >= OFFICERS_MAX:
                raise EntryRefused("officer_known_or_too_many")
            return OfficerChange(
                sequence, KeyAction.KEY_ADD, officer, order.nonce, order.subject, at + OFFICER_DELAY_NS
            )
        if order.action != "key-revoke":
            raise EntryRefused("action_unknown")
        if officer == signer or officer not in self.in_force(at):
            raise EntryRefused("revoked_by_another_officer_only")
        if len(self.in_force(at)) <= OFFICERS_MIN:
            raise EntryRefused("fewer_than_two_officers")
        return OfficerChange(sequence, KeyAction.KEY_REVOKE, officer, order.nonce, order.subject, at)


Counters = Mapping[tuple[int, int], tuple[int, int]]
"""(reason, ledger) to (records, sum of their amounts in minor units)."""


def counters_hash(counters: Counters) -> bytes:
    """What a seal says of the operator's records so far: SHA-256 over reason 1, ledger 4, count 8, amount 16 bytes."""
    if not counters:
        return ZERO_32
    packed = [
        reason.to_bytes(1, "big") + ledger.to_bytes(4, "big") + count.to_bytes(8, "big") + amount.to_bytes(16, "big")
        for (reason, ledger), (count, amount) in sorted(counters.items())
    ]
    return sha256(b"".join(packed)).digest()
