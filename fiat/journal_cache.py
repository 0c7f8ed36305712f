"""What the committer knows of the database: accounts and holders as of one version of the head.

Accounts and holders stay from batch to batch; beyond a bound those go that were not used for longest. What a batch
alone asks for (transfers by id, burnt ids, orders, sources) is loaded for it and forgotten after it. When another
writer has moved the head, everything is.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TypeVar

from fiat.holder import Holder
from fiat.journal_values import AccountRow, KnownOrder
from fiat.limit import NO_POLICY, Policy
from fiat.officer import Counters, Entry, Officers
from fiat.officer_book import EntryBook
from fiat.officer_rules import Undone
from fiat.reserves import Totals
from fiat.transfer import Account, Resolution, Transfer
from fiat.uses import Uses

ACCOUNTS_MAX = 200_000
"""Accounts, and as many holders, that stay in memory between batches."""

Id = TypeVar("Id", int, bytes)
Known = TypeVar("Known", AccountRow, Holder)


class Wanted:
    """What a batch needs to know before it can be decided."""

    def __init__(self) -> None:
        self.accounts: set[int] = set()
        self.transfers: set[int] = set()
        self.holders: set[bytes] = set()
        self.orders: set[tuple[bytes, bytes]] = set()
        self.sources: set[tuple[int, bytes]] = set()
        self.ordered: set[bytes] = set()
        self.seen: set[tuple[bytes, bytes]] = set()
        """Holders, and heads that they say they have seen."""
        self.entries: list[Entry] = []
        self.officers = False
        self.uses: set[tuple[bytes, bytes]] = set()
        self.use_sources: set[bytes] = set()


class Cache:
    """The machine's state (see `fiat.book.State`), answered from memory. Imported events are refused before it."""

    account_last = 0
    transfer_last = 0

    def __init__(self, policy: Policy = NO_POLICY) -> None:
        self.policy = policy
        """The operator's limits."""
        self.version = -1
        self.accounts: dict[int, AccountRow] = {}
        self.holders: dict[bytes, Holder] = {}
        self.totals: dict[int, Totals] | None = None  # not loaded yet, like the counters
        self.counters: Counters = {}
        self.forget_batch()

    def clear(self, version: int) -> None:
        """Start again at another version of the head."""
        self.version = version
        self.accounts.clear()
        self.holders.clear()
        self.totals = None
        self.forget_batch()

    def forget_batch(self) -> None:
        """Drop what only one batch asked for, and the accounts and holders beyond the bound."""
        self.transfers: dict[int, Transfer] = {}
        self.resolutions: dict[int, Resolution] = {}
        self.burnt_ids: set[int] = set()
        self.orders: dict[tuple[bytes, bytes], KnownOrder] = {}
        self.sources: dict[tuple[int, bytes], int] = {}
        self.ordered: set[bytes] = set()
        """Of the holders of whom it was asked, those who ever gave an order that was accepted."""
        self.seen: set[tuple[bytes, bytes]] = set()
        """Of the heads that were asked for, those that their holders had."""
        self.officers = Officers()
        self.entries = EntryBook()
        self.undone: dict[int, Undone] = {}
        self.last_orders: dict[bytes, int] = {}
        self.uses: dict[tuple[bytes, bytes], Uses] = {}
        self.used: dict[bytes, tuple[int, Transfer]] = {}
        _shorten(self.accounts)
        _shorten(self.holders)

    def use(self, account_ids: Iterable[int], holder_ids: Iterable[bytes]) -> None:
        """Those of these that are known become the ones used last."""
        for account_id in account_ids:
            if (row := self.accounts.pop(account_id, None)) is not None:
                self.accounts[account_id] = row
        for holder_id in holder_ids:
            if (holder := self.holders.pop(holder_id, None)) is not None:
                self.holders[holder_id] = holder

    def account(self, account_id: int) -> Account | None:
        row = self.accounts.get(account_id)
        return row.account if row is not None else None

    def transfer(self, transfer_id: int) -> Transfer | None:
        return self.transfers.get(transfer_id)

    def resolution(self, transfer_id: int) -> Resolution:
        return self.resolutions[transfer_id]

    def burnt(self, transfer_id: int) -> bool:
        return transfer_id in self.burnt_ids

    def taken(self, timestamp: int) -> bool:
        raise NotImplementedError("the journal takes no imported events")


def _shorten(known: dict[Id, Known]) -> None:
    """A dict keeps the order of insertion, so the first are those that were not used for longest."""
    for oldest in list(islice(known, max(0, len(known) - ACCOUNTS_MAX))):
        del known[oldest]
