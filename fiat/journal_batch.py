"""A batch on its way into the journal: decided in memory, turned into records, links and rows. Does no I/O.

`Batch` lies over the committer's cache. Each request is decided over what the requests before it changed; a request
that raises leaves no trace. Nothing here is true before the batch is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from fiat.authority import DEAD_AFTER_SECONDS
from fiat.book import Changes, Posting
from fiat.holder import OPERATOR, Holder
from fiat.journal_cache import Cache, Wanted
from fiat.journal_rows import (
    ACCOUNT_COLUMNS,
    NO_CAUSE,
    POSTED_COLUMNS,
    Cause,
    Parties,
    Row,
    account_row,
    account_state,
    entry_row,
    expiry_record,
    operator_record,
    order_row,
    posted_state,
    transfer_body,
    transfer_row,
)
from fiat.journal_values import AccountRow, JournalHead, KnownOrder, Source
from fiat.limit import spend
from fiat.machine import AMOUNT_MAX, create_accounts, create_transfers, expire
from fiat.officer import Counters, SignedEntry, counters_hash
from fiat.officer_book import counted
from fiat.order import ZERO_32, SignedOrder
from fiat.record import AccountRecord, Kind, OperatorRecord, Record, leaf_hash
from fiat.reserves import Totals, after
from fiat.transfer import AccountStatus, Outcome, Resolution, Transfer, TransferFlags
from fiat.uses import HoldUses, Uses

_RESOLVING = int(TransferFlags.POST_PENDING_TRANSFER | TransferFlags.VOID_PENDING_TRANSFER)
_PENDING = int(TransferFlags.PENDING)
_TRANSFER, _EXPIRY, _OPERATOR = int(Kind.TRANSFER), int(Kind.EXPIRY), int(Kind.OPERATOR)
_KEYS = ("root", "contract", "epoch", "frozen", "keyring", "limits")


class Linking(NamedTuple):
    """A holder, and the link by which a record joins their chain."""

    holder: Holder
    link: bytes


class Batch:
    """Records in the making, and the rows that go with them.

    Those that most batches have are tuples (journal_rows), the others lie in `rows` by table and column.
    """

    def __init__(self, cache: Cache, head: JournalHead, now: int) -> None:
        self.cache = cache
        self.head = head
        self.now = now
        self.changes = Changes(cache)
        self.cursor = max(head.timestamp, now - 1)
        """The last timestamp given out (ns)."""
        self.sequence = head.sequence
        self._seal_number = head.seal_number + 1
        self.bodies: list[bytes] = []
        self.leaves: list[bytes] = []
        self.records: list[Row] = []
        self.transfers: list[Row] = []
        self.heads: list[Row] = []
        self.order_rows: list[Row] = []
        self.new_accounts: dict[int, AccountRow] = {}
        self.versions: dict[int, int] = {}
        self.holders: dict[bytes, Holder] = {}
        self.changed_keys: set[bytes] = set()
        """Holders of whom more changed than their chain and counters."""
        self.orders: dict[tuple[bytes, bytes], KnownOrder] = {}
        self.sources: dict[tuple[int, bytes], int] = {}
        self.totals: dict[int, Totals] = {}
        self.counters: Counters | None = None
        """After this batch, where it has operator records."""
        self.uses: dict[tuple[bytes, bytes], Uses] = {}
        self.used: dict[bytes, tuple[int, Transfer]] = {}
        self.revoked: set[tuple[bytes, bytes]] = set()
        """Mandates (holder, nonce) that this batch revokes."""
        self.due_next: int | None = None
        self.rows: dict[str, list[dict[str, Any]]] = {
            name: []
            for name in ("pendings", "resolved", "keys", "burnt", "texts", "operator_records", "officer_changes")
        }
        self.rows["new_holders"] = []
        self.rows["new_accounts"] = []

    @property
    def empty(self) -> bool:
        return not (self.records or self.order_rows or any(self.rows.values()))

    def row(self, account_id: int) -> AccountRow | None:
        """The account's facts (its balances are in `changes`)."""
        return self.new_accounts.get(account_id) or self.cache.accounts.get(account_id)

    def currency(self, leg: Transfer) -> str:
        """The code of the currency that the leg's debit account is in; empty for an account that is not there."""
        row = self.row(leg.debit_account_id)
        return row.currency if row is not None else ""

    def holder(self, holder_id: bytes) -> Holder | None:
        return self.holders.get(holder_id) or self.cache.holders.get(holder_id)

    def order(self, key: tuple[bytes, bytes]) -> KnownOrder | None:
        return self.orders.get(key) or self.cache.orders.get(key)

    def answer(self, key: tuple[bytes, bytes], known: KnownOrder, code: int, dead_at: int = 0) -> None:
        """Keep what an order of that type is answered from now on; a refusal until `dead_at` (Unix s)."""
        self.orders[key] = known
        self.order_rows.append(order_row(key, known, code, dead_at))

    def source(self, source: Source) -> int | None:
        """The transfer id that answered to this outside event."""
        key = (int(source.kind), source.id)
        return self.sources.get(key) or self.cache.sources.get(key)

    def total(self, ledger: int) -> Totals:
        """People's and reserves' sums of a currency."""
        return self.totals.get(ledger) or (self.cache.totals or {}).get(ledger) or Totals()

    @property
    def counters_hash(self) -> bytes:
        """What the batch's seal says of operator records."""
        return counters_hash(self.cache.counters if self.counters is None else self.counters)

    def spend(self, holder: Holder, kind: int, currency: str, legs: Sequence[Transfer]) -> bytes:
        """The holder's counters once these legs, not judged yet, have left their account. Raises LimitExceeded.

        `kind` is LimitKind's number (an order's CODE). Legs that debit another account than the first are not counted.
        """
        spent, timestamp, policy = holder.spent, self.cursor, self.cache.policy
        for leg in legs:
            timestamp += 1
            if leg.debit_account_id == legs[0].debit_account_id:
                spent = spend(holder.id, holder.limits, spent, policy, kind, currency, leg.amount, timestamp)
        return spent

    def count(self, holder_id: bytes, spent: bytes) -> None:
        """Take over the counters that `spend` gave, once the legs were taken."""
        self.holders[holder_id] = self.holders[holder_id].counted(spent)

    def used_so_far(self, key: tuple[bytes, bytes]) -> Uses | None:
        """The hold or mandate of that holder and nonce, and how far it was used."""
        uses = self.uses.get(key) or self.cache.uses.get(key)
        if isinstance(uses, HoldUses):
            return replace(uses, state=self.changes.resolution(uses.current.id))
        return replace(uses, revoked=True) if uses is not None and key in self.revoked else uses

    def use(self, source: bytes) -> tuple[int, Transfer] | None:
        """Sequence and first leg of the use with that source id."""
        return self.used.get(source) or self.cache.used.get(source)

    def release(self, due: Sequence[Transfer]) -> None:
        """Write an expiry for each pending transfer that is due."""
        self.cursor += len(due)
        self._take(expire(self.changes, due, self.cursor), NO_CAUSE)

    def judge(self, transfers: Sequence[Transfer]) -> tuple[list[Outcome], Changes]:
        """What the machine says; nothing is taken over yet."""
        self.cursor += len(transfers)
        return create_transfers(self.changes, transfers, self.cursor, AMOUNT_MAX)

    def take(self, outcomes: Sequence[Outcome], changes: Changes, transfers: Sequence[Transfer], cause: Cause) -> None:
        """Take over what `judge` decided: records for what moved, rows for ids that were burnt.

        Raises SourceMissing and ReservesExceeded before anything is changed.
        """
        source = cause.source
        totals = after(changes.postings, int(source.kind) if source is not None else 0, self.total)
        if changes.burnt_ids:
            self._burn(outcomes, changes, transfers, None if cause.signed is None else dead_at_of(cause.signed))
        self.totals.update(totals)
        self._take(changes, cause)

    def _burn(
        self, outcomes: Sequence[Outcome], changes: Changes, transfers: Sequence[Transfer], dead_at: int | None
    ) -> None:
        for transfer, outcome in zip(transfers, outcomes, strict=True):
            if transfer.id in changes.burnt_ids and not self.changes.burnt(transfer.id):
                self.rows["burnt"].append(
                    {
                        "id": transfer.id,
                        "status": int(outcome.status),
                        "timestamp": outcome.timestamp,
                        "dead_at": dead_at,
                    }
                )
                self.changes.burnt_ids.add(transfer.id)

    def open_account(self, row: AccountRow) -> AccountRow:
        """The account of that id, opened by an `account` record unless it exists."""
        known = self.row(row.account.id)
        if known is not None:
            return known
        self.cursor += 1
        (outcome,), changes = create_accounts(self.changes, [row.account], self.cursor)
        assert outcome.status is AccountStatus.CREATED, outcome
        self.changes.absorb(changes)
        account = changes.opened[0]
        links = [] if row.is_operators else [self._link(row.holder)]
        record = AccountRecord(
            sequence=self.sequence + 1,
            timestamp=self.cursor,
            id=account.id,
            holder=row.holder,
            link=links[0].link if links else ZERO_32,
            currency=row.currency,
            exponent=row.exponent,
            purpose=row.purpose,
            ledger=account.ledger,
            code=account.code,
            flags=account.flags,
        )
        self.append(record, links)
        opened = row._replace(account=account)
        self.new_accounts[account.id] = opened
        self.rows["new_accounts"].append({"id": account.id, "sequence": record.sequence})
        return opened

    def account_rows(self) -> tuple[list[dict[str, Any]], tuple[str, ...], list[Row]]:
        """Rows to insert; columns and rows to update: every account that the batch opened or moved, as at its end."""
        inserts, sequences = [], {row["id"]: row["sequence"] for row in self.rows["new_accounts"]}
        reserves = self.rows["pendings"] or self.rows["resolved"]
        names, state_of = (ACCOUNT_COLUMNS, account_state) if reserves else (POSTED_COLUMNS, posted_state)
        updates = []
        for account_id, account in self.changes.accounts.items():
            version = self.versions.get(account_id, 0)
            if account_id in sequences:
                fixed = account_row(account, self.new_accounts[account_id], sequences[account_id])
                inserts.append(fixed | dict(zip(ACCOUNT_COLUMNS[:-1], account_state(account, version), strict=False)))
            else:
                updates.append(state_of(account, version))
        return inserts, names, updates

    def holder_rows(self) -> tuple[list[dict[str, Any]], list[Row], list[dict[str, Any]]]:
        """Every holder whose chain the batch moved: rows to insert, to update, and to update with their keys."""
        new = {row["id"]: row for row in self.rows["new_holders"]}
        inserts, updates, changed = [], [], []
        for holder in self.holders.values():
            if holder.id not in self.changed_keys:
                updates.append((holder.count, holder.head, holder.spent, holder.id))
                continue
            moved = {"count": holder.count, "head": holder.head, "spent": holder.spent}
            keys = {name: getattr(holder, name) for name in _KEYS} | {"frozen": int(holder.frozen)}
            if holder.id in new:
                born = {"recovery": int(holder.recovery), "blind": holder.blind}
                inserts.append(new[holder.id] | born | moved | keys)
            else:
                changed.append({"id": holder.id} | moved | keys)
        return inserts, updates, changed

    def leaves_alone(self, wanted: Wanted) -> bool:
        """Can what is wanted be looked up as if this batch were written, while it is not? See Committer._decide_ahead.

        What it moved of accounts and holders the cache knows; the rest of it must not be asked for.
        """
        if wanted.officers or wanted.entries or wanted.uses or wanted.use_sources or wanted.ordered:
            return False
        known = self.cache.accounts.keys() >= self.changes.accounts.keys() and self.cache.holders.keys() >= (
            self.holders.keys()
        )
        return known and not (
            wanted.transfers & self.changes.transfers.keys()
            or wanted.transfers & self.changes.burnt_ids
            or wanted.orders & self.orders.keys()
            or wanted.sources & self.sources.keys()
        )

    def keep(self) -> None:
        """Let the cache know what the batch makes of accounts and holders."""
        for account_id, account in self.changes.accounts.items():
            row = self.row(account_id)
            assert row is not None, "an account that moved was loaded"
            version = self.versions.get(account_id, row.version)
            self.cache.accounts[account_id] = AccountRow._make((account, version, *row[2:]))
        self.cache.holders.update(self.holders)
        self.cache.totals = {**(self.cache.totals or {}), **self.totals}
        self.cache.counters = self.cache.counters if self.counters is None else self.counters
        self.cache.version = self.head.version + 1

    def _take(self, changes: Changes, cause: Cause) -> None:
        for index, posting in enumerate(changes.postings):
            self._movement(posting, cause if index == 0 else cause._replace(source=None))
        self.changes.absorb(changes)

    def _movement(self, posting: Posting, cause: Cause) -> None:
        """The record of one movement, its wide row, and what became of pending transfers."""
        transfer, sequence = posting.transfer, self.sequence + 1
        debit, credit = self.row(posting.debit.id), self.row(posting.credit.id)
        assert debit is not None and credit is not None, "the machine moved accounts that were loaded"
        links = [self._link(debit.holder)] if debit.holder != OPERATOR else []
        debit_link = links[0].link if links else ZERO_32
        if credit.holder == debit.holder:
            credit_link = debit_link
        elif credit.holder == OPERATOR:
            credit_link = ZERO_32
        else:
            links.append(self._link(credit.holder))
            credit_link = links[-1].link
        parties = Parties(debit.holder, credit.holder, debit_link, credit_link)
        if posting.expired_at:
            kind, body = _EXPIRY, expiry_record(posting, sequence, parties).encode()
        elif cause.entry is not None:
            kind, body = _OPERATOR, self._operator_record(posting, sequence, parties, cause.entry).encode()
        else:
            kind, body = _TRANSFER, transfer_body(transfer, sequence, parties, cause)
        self._append(kind, posting.expired_at or transfer.timestamp, body, links)
        versions = (self.next_version(debit.account.id), self.next_version(credit.account.id))
        self.transfers.append(transfer_row(posting, sequence, kind, parties, cause, versions))
        self._note_pending(posting, sequence)
        if cause.source is not None:
            self.sources[int(cause.source.kind), cause.source.id] = transfer.id

    def _operator_record(
        self, posting: Posting, sequence: int, parties: Parties, signed: SignedEntry
    ) -> OperatorRecord:
        record = operator_record(posting, sequence, parties, signed)
        self.rows["operator_records"].append(entry_row(record))
        self.counters = counted(self.cache.counters if self.counters is None else self.counters, record)
        self.cache.entries.add(record)
        return record

    def _note_pending(self, posting: Posting, sequence: int) -> None:
        transfer = posting.transfer
        if posting.expired_at:
            resolved, resolution = transfer.id, Resolution.EXPIRED
        elif transfer.flags & _RESOLVING:
            voided = transfer.flags & TransferFlags.VOID_PENDING_TRANSFER
            resolved, resolution = transfer.pending_id, Resolution.VOIDED if voided else Resolution.POSTED
        else:
            if transfer.flags & _PENDING:
                expires_at = transfer.expires_at or None
                state = {"resolution": int(Resolution.PENDING), "resolved_by": None}
                self.rows["pendings"].append(
                    {"id": transfer.id, "sequence": sequence, "expires_at": expires_at} | state
                )
                if expires_at is not None:
                    self.due_next = min(self.due_next or expires_at, expires_at)
            return
        self.rows["resolved"].append({"id": resolved, "resolution": int(resolution), "resolved_by": sequence})

    def next_version(self, account_id: int) -> int:
        """The account's version after one movement more."""
        known = self.versions.get(account_id)
        if known is None:
            row = self.cache.accounts.get(account_id)
            known = row.version if row is not None else 0
        self.versions[account_id] = known + 1
        return known + 1

    def _link(self, holder_id: bytes) -> Linking:
        holder = self.holder(holder_id)
        assert holder is not None, "a person's account has a holder"
        return Linking(holder, holder.link())

    def append(self, record: Record, links: Sequence[Linking]) -> None:
        """Add a record at the end, and move the chains of the holders it concerns."""
        assert record.sequence == self.sequence + 1, "records have no gaps"
        self._append(int(record.KIND), record.timestamp, record.encode(), links)

    def record(self, kind: int, timestamp: int, body: bytes) -> bytes:
        """Put a record's bytes at the end; gives its leaf, which the holders' chains have yet to take up."""
        sequence = self.sequence = self.sequence + 1
        leaf = leaf_hash(body)
        self.bodies.append(body)
        self.leaves.append(leaf)
        self.records.append((sequence, kind, timestamp, self._seal_number, body))
        return leaf

    def _append(self, kind: int, timestamp: int, body: bytes, links: Sequence[Linking]) -> None:
        leaf = self.record(kind, timestamp, body)
        sequence = self.sequence
        for holder, link in links:
            after = self.holders[holder.id] = holder.after(link, leaf)
            self.heads.append((holder.id, after.count, after.head, sequence))


def dead_at_of(signed: SignedOrder) -> int:
    """Unix seconds from which the order can never be accepted, so that a recorded refusal may be forgotten."""
    return signed.order.valid_before + DEAD_AFTER_SECONDS
