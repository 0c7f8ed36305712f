"""What the machine reads and what it changes: a state, and the changes of a batch laid over it.

`Changes` reads as the state after the batch, so batches and linked chains stack: a chain that fails is dropped, one
that holds is absorbed by what lies below it. Pure: nothing here stores anything.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from fiat.transfer import Account, Resolution, Transfer


class State(Protocol):
    """All that the machine asks; small enough to be answered from a cache."""

    account_last: int
    """Timestamp (ns) of the youngest account, 0 without one. Only imported events ask."""
    transfer_last: int
    """Timestamp (ns) of the youngest transfer or expiry, 0 without one. Only imported events ask."""

    def account(self, account_id: int) -> Account | None: ...

    def transfer(self, transfer_id: int) -> Transfer | None: ...

    def resolution(self, transfer_id: int) -> Resolution:
        """What became of a pending transfer that exists."""
        ...

    def burnt(self, transfer_id: int) -> bool:
        """Did a transient failure use this id up?"""
        ...

    def taken(self, timestamp: int) -> bool:
        """Does an account or transfer carry this timestamp? Only imported events ask."""
        ...


class Posting(NamedTuple):
    """A transfer, or the expiry of a pending one, with both accounts as they are after it."""

    transfer: Transfer
    debit: Account
    credit: Account
    expired_at: int = 0
    """0, or the timestamp (ns) of the expiry, of which `transfer` is the pending transfer."""


class Changes:
    """What a batch changed over `state`; reads as the state after it. `postings` and `opened` are in order."""

    __slots__ = (
        "account_last",
        "accounts",
        "burnt_ids",
        "opened",
        "postings",
        "resolutions",
        "state",
        "transfer_last",
        "transfers",
    )

    def __init__(self, state: State) -> None:
        self.state = state
        self.accounts: dict[int, Account] = {}
        self.transfers: dict[int, Transfer] = {}
        self.resolutions: dict[int, Resolution] = {}
        self.burnt_ids: set[int] = set()
        self.opened: list[Account] = []
        self.postings: list[Posting] = []
        self.account_last = state.account_last
        self.transfer_last = state.transfer_last

    def account(self, account_id: int) -> Account | None:
        found = self.accounts.get(account_id)
        return found if found is not None else self.state.account(account_id)

    def transfer(self, transfer_id: int) -> Transfer | None:
        found = self.transfers.get(transfer_id)
        return found if found is not None else self.state.transfer(transfer_id)

    def resolution(self, transfer_id: int) -> Resolution:
        return self.resolutions.get(transfer_id) or self.state.resolution(transfer_id)

    def burnt(self, transfer_id: int) -> bool:
        return transfer_id in self.burnt_ids or self.state.burnt(transfer_id)

    def taken(self, timestamp: int) -> bool:
        own = any(account.timestamp == timestamp for account in self.opened)
        own = own or any((p.expired_at or p.transfer.timestamp) == timestamp for p in self.postings)
        return own or self.state.taken(timestamp)

    def open(self, account: Account) -> None:
        """Add a new account."""
        self.accounts[account.id] = account
        self.opened.append(account)
        self.account_last = account.timestamp

    def post(self, posting: Posting) -> None:
        """Add a transfer or an expiry, and both accounts as it left them."""
        transfer, debit, credit, expired_at = posting
        self.accounts[debit.id] = debit
        self.accounts[credit.id] = credit
        self.postings.append(posting)
        if not expired_at:
            self.transfers[transfer.id] = transfer
        self.transfer_last = expired_at or transfer.timestamp

    def absorb(self, above: Changes) -> None:
        """Take over the changes of a batch that was decided over this one."""
        self.accounts.update(above.accounts)
        self.transfers.update(above.transfers)
        self.resolutions.update(above.resolutions)
        self.burnt_ids |= above.burnt_ids
        self.opened += above.opened
        self.postings += above.postings
        self.account_last = above.account_last
        self.transfer_last = above.transfer_last


class Book:
    """A whole state in memory: for replays and tests."""

    def __init__(self) -> None:
        self.accounts: dict[int, Account] = {}
        self.transfers: dict[int, Transfer] = {}
        self.resolutions: dict[int, Resolution] = {}
        self.burnt_ids: set[int] = set()
        self.timestamps: set[int] = set()
        self.account_last = 0
        self.transfer_last = 0

    def account(self, account_id: int) -> Account | None:
        return self.accounts.get(account_id)

    def transfer(self, transfer_id: int) -> Transfer | None:
        return self.transfers.get(transfer_id)

    def resolution(self, transfer_id: int) -> Resolution:
        return self.resolutions[transfer_id]

    def burnt(self, transfer_id: int) -> bool:
        return transfer_id in self.burnt_ids

    def taken(self, timestamp: int) -> bool:
        return timestamp in self.timestamps

    def apply(self, changes: Changes) -> None:
        """Become the state after the batch."""
        self.accounts.update(changes.accounts)
        self.transfers.update(changes.transfers)
        self.resolutions.update(changes.resolutions)
        self.burnt_ids |= changes.burnt_ids
        self.timestamps.update(account.timestamp for account in changes.opened)
        self.timestamps.update(p.expired_at or p.transfer.timestamp for p in changes.postings)
        self.account_last = changes.account_last
        self.transfer_last = changes.transfer_last

    def due(self, timestamp: int) -> list[Transfer]:
        """Pending transfers that are expired at `timestamp` (ns) and not yet released."""
        pending = (self.transfers[i] for i, status in self.resolutions.items() if status is Resolution.PENDING)
        return [transfer for transfer in pending if 0 < transfer.expires_at <= timestamp]
