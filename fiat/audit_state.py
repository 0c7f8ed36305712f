"""What the auditor remembers of the records that it read: the verdict, accounts, holders with their limits, orders.

Part of fiat.audit; imports nothing of the ledger.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from fiat.audit_values import NO_LIMIT, OPERATOR, SECOND, ZERO_20, ZERO_32, Code, Type, Values

FAILURES_MAX = 100
LINKED, PENDING, POST, VOID, CLOSING = 1, 2, 4, 8, 64 | 128
_DAY = 86400 * SECOND


class Failure(NamedTuple):
    """What does not hold, by its code, and at which record (-1: before the first)."""

    code: str
    sequence: int


class Own(NamedTuple):
    """A record of the holder that was watched, and their head and accounts' four balances after it (by account id)."""

    sequence: int
    leaf: bytes
    head: bytes
    balances: dict[int, tuple[int, int, int, int]]


@dataclass(slots=True)
class Report:
    """The verdict. `ledger_id` is for the reader to compare; `seals` are EIP-712 digests by number.

    Of the watched holder: `own` records in order, and the key that a contract put in their root's place.
    """

    ledger_id: bytes = ZERO_32
    operator: bytes = ZERO_20
    records: int = 0
    sequence: int = -1
    timestamp: int = 0
    seals: list[bytes] = field(default_factory=list)
    own: list[Own] = field(default_factory=list)
    contract_key: bytes = b""
    failures: list[Failure] = field(default_factory=list)

    def fail(self, code: str) -> None:
        if len(self.failures) < FAILURES_MAX:
            self.failures.append(Failure(code, self.sequence))

    @property
    def last_seal(self) -> bytes:
        return self.seals[-1] if self.seals else ZERO_32

    @property
    def honest(self) -> bool:
        return not self.failures

    @property
    def codes(self) -> set[str]:
        return {failure.code for failure in self.failures}


@lru_cache(2)
def month(day: int) -> int:
    """The UTC month that a day since 1970 lies in, months counted from year 0."""
    there = date.fromordinal(719_163 + day)
    return there.year * 12 + there.month


def due_at(pending: Values) -> int:
    """The instant (ns) from which it is expired; 0 for never."""
    return int(pending.timestamp + pending.timeout * SECOND) if pending.timeout else 0


def ends_in_time(pending: Values, until: int) -> bool:
    """Its timeout is the whole seconds that are left until then."""
    return bool(pending.timeout and 0 <= until * SECOND - due_at(pending) < SECOND)


def flags_hold(flags: int) -> bool:
    """May a movement's flags stand together?"""
    resolving = flags & (POST | VOID)
    allowed = resolving | LINKED if resolving else 0xFF
    closing_alone = flags & CLOSING and not flags & PENDING
    return not flags & ~allowed and resolving != POST | VOID and not closing_alone


def counters_hash(counters: dict[tuple[int, int], list[int]]) -> bytes:
    """What seals say of the operator's records: count and amount by reason and ledger, in order; zero for none."""
    wire = [
        struct.pack(">BIQ", *of, count) + (amount & (1 << 128) - 1).to_bytes(16, "big")
        for of, (count, amount) in sorted(counters.items())
    ]
    return sha256(b"".join(wire)).digest() if wire else ZERO_32


def limit_subject(subject: bytes) -> tuple[str, str, str]:
    """Kind, currency and period of a limit; empty ones where it is not spelled so."""
    parts = subject.rstrip(b"\0").decode("ascii", "replace").split(":")
    spelled = len(parts) == 3 and ":".join(parts).encode().ljust(32, b"\0") == subject
    return (parts[0], parts[1], parts[2]) if spelled else ("", "", "")


@dataclass(slots=True)
class Account:
    id: int
    holder: bytes
    ledger: int
    currency: str
    exponent: int
    purpose: str
    code: int
    flags: int
    closed: bool = False
    debits_pending: int = 0
    debits_posted: int = 0
    credits_pending: int = 0
    credits_posted: int = 0

    @property
    def weight(self) -> bool:
        """Does a credit here have to be met by recorded reserves (people), or is it taken from them (reserves)?"""
        return self.code in (Code.PEOPLE, Code.CLEARING, Code.BANK)

    @property
    def free(self) -> int:
        return self.credits_posted - self.debits_posted - self.debits_pending

    def is_main_of(self, holder: bytes) -> bool:
        return self.holder == holder != OPERATOR and self.purpose == "main"


class Limit(NamedTuple):
    value: int
    effective_at: int
    nonce: bytes


@dataclass(slots=True)
class Holder:
    id: bytes
    root: bytes
    blind: bytes
    recovery: int
    head: bytes
    heads: set[bytes]
    epoch: int = 1
    count: int = 0
    frozen: bool = False
    contract: bool = False
    last_order: int = -1
    """The sequence of the last order that was accepted."""
    keys: dict[bytes, tuple[int, bytes]] = field(default_factory=dict)
    """Keys beside the root: from when, and the nonce of the order that added them."""
    limits: dict[bytes, list[Limit]] = field(default_factory=dict)
    used: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    """By kind and currency: day, used in it, month, used in it."""

    def limit(self, subject: bytes, at: int) -> int:
        """In force at that time (ns); NO_LIMIT where none was set."""
        return next((e.value for e in reversed(self.limits.get(subject, ())) if e.effective_at <= at), NO_LIMIT)

    def set_limit(self, subject: bytes, limit: Limit, at: int, *, raises: bool) -> bool:
        """A raise waits behind what is in force, and no second one beside it; anything else replaces all there is."""
        waiting = [e for e in self.limits.get(subject, ()) if e.effective_at > at]
        self.limits[subject] = [Limit(self.limit(subject, at), 0, b""), limit] if raises else [limit]
        return not raises or not waiting

    def cancel(self, nonce: bytes, at: int) -> bool:
        """Drop what that order would have changed in the future; False where there is nothing."""
        keys = [key for key, (since, added_by) in self.keys.items() if added_by == nonce and since > at]
        raised = [all_ for all_ in self.limits.values() if all_[-1].nonce == nonce and all_[-1].effective_at > at]
        for key in keys:
            del self.keys[key]
        for all_ in raised:
            all_.pop()
        return bool(keys or raised)

    def spend(self, kind: str, currency: str, amount: int, at: int) -> bool:
        """Count what leaves under an order, by UTC day and month; is it within the limits of its kind and of all?"""
        holds, day = True, at // _DAY
        for name in (kind, "all"):
            used = self.used.setdefault((name, currency), [0, 0, 0, 0])
            for period, place, window in (("day", 0, day), ("month", 2, month(day))):
                before = used[place + 1] if used[place] == window else 0
                used[place], used[place + 1] = window, before + amount
                if self.limits and amount:
                    subject = f"{name}:{currency}:{period}".encode().ljust(32, b"\0")
                    holds = holds and before + amount <= self.limit(subject, at)
        return holds


@dataclass(slots=True)
class Order:
    """An order whose legs are being read; holds and mandates go on to have legs after that."""

    order: Values
    reference: int
    holder: Holder | None
    started: int
    accounts: tuple[int, int]
    next_leg: int = 0
    debited: int = 0
    accepted: bool = False
    pending: int = 0
    """What a hold has reserved now: the pending transfer's id."""
    rest: int | None = None
    """In a capture: what its second leg must reserve again."""
    periods: dict[int, int] = field(default_factory=dict)
    revoked: bool = False
    held: list[Values] = field(default_factory=list)
    """What a conversion to a token reserved and has not resolved."""
    way: int = 0
    """By which flag those that were resolved are: all of them the same way."""

    def purpose_of(self, leg: int) -> str:
        """Of the account that the leg of its acceptance debits."""
        gives = self.order.type == Type.CONVERT and leg == 1
        return "main" if not gives else "inventory" if self.to_token else "liquidity"

    def settle(self, record: Values) -> Iterator[str]:
        """What is wrong with a record by which tokens were sent or never will be: it posts or frees, all one way."""
        held, way = self.held.pop(0) if self.held else None, record.flags & ~LINKED
        self.way = self.way or way
        if held is None or record.pending_id != held.id:
            yield "settlement_pending_wrong"
        if held is None or record.amount != held.amount:
            yield "settlement_amount_wrong"
        if way != self.way or way not in (POST, VOID):
            yield "settlement_way_wrong"
        if bool(record.flags & LINKED) != bool(self.held):
            yield "settlement_partial"

    @property
    def to_token(self) -> bool:
        return bool(self.order.type == Type.CONVERT and self.order.receiveTo != ZERO_20)

    @property
    def own_legs(self) -> int:
        return 2 if self.order.type == Type.CONVERT else 1
