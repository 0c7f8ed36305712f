"""The ledger's rules, which are TigerBeetle's: `(state, batch, timestamp) -> (outcomes, changes)`. Pure.

Each event, or linked chain of events, is judged alone and in order: a refusal moves nothing and never disturbs its
neighbours. Of the statuses that apply the first in the order of `TransferStatus` is the answer; the code below keeps
that order, so read it top to bottom. `timestamp` is the last event's; event i of n has `timestamp - n + 1 + i`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from fiat.book import Book, Changes, Posting, State
from fiat.rules import create_account, create_transfer, released
from fiat.transfer import (
    TIMESTAMP_MAX,
    TRANSIENT,
    U128_MAX,
    Account,
    AccountFlags,
    AccountOutcome,
    AccountStatus,
    Outcome,
    Resolution,
    Transfer,
    TransferFlags,
    TransferStatus,
)

__all__ = [
    "AMOUNT_MAX",
    "TRANSIENT",
    "U128_MAX",
    "Account",
    "AccountFlags",
    "AccountOutcome",
    "AccountStatus",
    "Book",
    "Changes",
    "Outcome",
    "Posting",
    "Resolution",
    "State",
    "Transfer",
    "TransferFlags",
    "TransferStatus",
    "create_accounts",
    "create_transfers",
    "expire",
]

AMOUNT_MAX = (1 << 63) - 1
"""The bound that the journal's database sets (`amount_max` below); the machine by itself allows 2^128 - 1."""

_LINKED = int(TransferFlags.LINKED)
_IMPORTED = int(TransferFlags.IMPORTED)
_ACCOUNT_IMPORTED = int(AccountFlags.IMPORTED)

Event = TypeVar("Event", Account, Transfer)
Status = TypeVar("Status", AccountStatus, TransferStatus)


def create_accounts(state: State, batch: Sequence[Account], timestamp: int) -> tuple[list[AccountOutcome], Changes]:
    """Judge a batch of accounts. Nothing is applied to `state`; the changes read as the state after."""
    changes = Changes(state)
    results = _run(changes, batch, timestamp, create_account, Changes.account, AccountStatus, _ACCOUNT_IMPORTED)
    return [AccountOutcome(status, at) for status, at in results], changes


def create_transfers(
    state: State, batch: Sequence[Transfer], timestamp: int, amount_max: int = U128_MAX
) -> tuple[list[Outcome], Changes]:
    """Judge a batch of transfers under `amount_max` (every `overflows_*` check uses it).

    Nothing is applied to `state`; the changes read as the state after. The last event's timestamp must leave room:
    `timestamp >= len(batch)`, and the whole batch must be younger than everything before it.
    """
    changes = Changes(state)

    def judge(scope: Changes, event: Transfer, at: int) -> TransferStatus:
        return create_transfer(scope, event, at, amount_max)

    results = _run(changes, batch, timestamp, judge, Changes.transfer, TransferStatus, _IMPORTED)
    return [Outcome(status, at) for status, at in results], changes


def expire(state: State, due: Iterable[Transfer], timestamp: int) -> Changes:
    """Release the pending transfers in `due`, in order of expiry, then creation; the last at `timestamp`.

    Each is an expiry of its own with a timestamp of its own. An account that one of them closed opens again.
    """
    changes = Changes(state)
    ordered = sorted(due, key=lambda transfer: (transfer.expires_at, transfer.timestamp))
    for at, pending in enumerate(ordered, timestamp - len(ordered) + 1):
        if not 0 < pending.expires_at <= at or changes.resolution(pending.id) is not Resolution.PENDING:
            raise ValueError("only a pending transfer past its instant expires")
        debit, credit = released(changes, pending, 0, reopen=True)
        changes.resolutions[pending.id] = Resolution.EXPIRED
        changes.post(Posting(pending, debit, credit, at))
    return changes


def _run(
    changes: Changes,
    batch: Sequence[Event],
    timestamp: int,
    judge: Callable[[Changes, Event, int], Status],
    find: Callable[[Changes, int], Event | None],
    kinds: type[Status],
    imported: int,
) -> list[tuple[Status, int]]:
    """Statuses and timestamps of the batch; chains of linked events hold or fail as one."""
    results: list[tuple[Status, int]] = []
    start, last = timestamp - len(batch) + 1, len(batch) - 1
    batch_imported = bool(batch) and batch[0].flags & imported
    chain, broken = -1, False
    scope = changes
    for index, event in enumerate(batch):
        flags = event.flags
        if flags & _LINKED and chain < 0:
            chain, broken, scope = index, False, Changes(changes)
        if flags & _LINKED and index == last:
            status = kinds.LINKED_EVENT_CHAIN_OPEN
        elif broken:
            status = kinds.LINKED_EVENT_FAILED
        elif flags & imported != batch_imported:
            status = kinds.IMPORTED_EVENT_EXPECTED if batch_imported else kinds.IMPORTED_EVENT_NOT_EXPECTED
        elif batch_imported or event.timestamp:
            status = _stamp(event, batch_imported, timestamp, kinds) or judge(scope, event, event.timestamp)
        else:
            status = judge(scope, event, start + index)
        at = start + index
        if status is kinds.EXISTS:
            original = find(scope, event.id)
            at = original.timestamp if original is not None else at
        elif batch_imported and not status:
            at = event.timestamp
        results.append((status, at))
        if kinds is TransferStatus and status in TRANSIENT:
            changes.burnt_ids.add(event.id)  # in the chain's outer scope: the id stays burnt when the chain is undone
        if chain >= 0:
            if status and not broken:
                broken = True
                for earlier in range(chain, index):
                    results[earlier] = (kinds.LINKED_EVENT_FAILED, start + earlier)
            if not flags & _LINKED:
                if not broken:
                    changes.absorb(scope)
                chain, broken, scope = -1, False, changes
    return results


def _stamp(event: Event, imported: int, timestamp: int, kinds: type[Status]) -> Status:
    """The checks of a given timestamp: imported events bring one of the past, others none."""
    if not imported:
        return kinds.TIMESTAMP_MUST_BE_ZERO
    if not 0 < event.timestamp <= TIMESTAMP_MAX:
        return kinds.IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE
    if event.timestamp >= timestamp:
        return kinds.IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE
    return kinds.CREATED
