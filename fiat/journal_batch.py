"""A batch on its way into the journal: decided in memory, turned into records, links and rows. Does no I/O.

`Batch` lies over the committer's cache. Each request is decided over what the requests before it changed; a request
that raises leaves no trace. Nothing here is true before the batch is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from fiat.authority import DEAD_AFTER_SECONDS
from fiat.book import Changes, Posting
from fiat.holder import OPERATOR
from fiat.journal_cache import Cache
from fiat.journal_values import AccountRow, Holder, JournalHead, KnownOrder, Source, null_if_operator
from fiat.limit import spend
from fiat.machine import AMOUNT_MAX, create_accounts, create_transfers, expire
from fiat.order import ZERO_32, SignedOrder
from fiat.record import AccountRecord, ExpiryRecord, Kind, Record, TransferRecord, leaf_hash
from fiat.transfer import Account, AccountStatus, Outcome, Resolution, Transfer, TransferFlags

_BALANCES = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")
_RESOLVING = int(TransferFlags.POST_PENDING_TRANSFER | TransferFlags.VOID_PENDING_TRANSFER)
_PENDING = int(TransferFlags.PENDING)
_KEYS = ("root", "contract", "epoch", "frozen", "keyring", "limits")


class Cause(NamedTuple):
    """Why transfers stand in the journal: an order with its digest, or an outside event, or neither."""

    signed: SignedOrder | None = None
    source: Source | None = None


NO_CAUSE = Cause()


class Batch:
    """Records in the making, and the rows that go with them, by table. Row values are what the columns take."""

    def __init__(self, cache: Cache, head: JournalHead, now: int) -> None:
        self.cache = cache
        self.head = head
        self.now = now
        self.changes = Changes(cache)
        self.cursor = max(head.timestamp, now - 1)
        """The last timestamp given out (ns)."""
        self.sequence = head.sequence
        self.bodies: list[bytes] = []
        self.leaves: list[bytes] = []
        self.new_accounts: dict[int, AccountRow] = {}
        self.versions: dict[int, int] = {}
        self.holders: dict[bytes, Holder] = {}
        self.changed_keys: set[bytes] = set()
        """Holders of whom more changed than their chain and counters."""
        self.orders: dict[tuple[bytes, bytes], KnownOrder] = {}
        self.sources: dict[tuple[int, bytes], int] = {}
        self.due_next: int | None = None
        self.rows: dict[str, list[dict[str, Any]]] = {
            name: []
            for name in ("records", "transfers", "pendings", "resolved", "heads", "keys", "orders", "burnt", "texts")
        }
        self.rows["new_holders"] = []
        self.rows["new_accounts"] = []

    @property
    def empty(self) -> bool:
        return not any(self.rows.values())

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

    def source(self, source: Source) -> int | None:
        """The transfer id that answered to this outside event."""
        key = (int(source.kind), source.id)
        return self.sources.get(key) or self.cache.sources.get(key)

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

    def release(self, due: Sequence[Transfer]) -> None:
        """Write an expiry for each pending transfer that is due."""
        self.cursor += len(due)
        self._take(expire(self.changes, due, self.cursor), NO_CAUSE)

    def judge(self, transfers: Sequence[Transfer]) -> tuple[list[Outcome], Changes]:
        """What the machine says; nothing is taken over yet."""
        self.cursor += len(transfers)
        return create_transfers(self.changes, transfers, self.cursor, AMOUNT_MAX)

    def take(self, outcomes: Sequence[Outcome], changes: Changes, transfers: Sequence[Transfer], cause: Cause) -> None:
        """Take over what `judge` decided: records for what moved, rows for ids that were burnt."""
        dead_at = None if cause.signed is None else dead_at_of(cause.signed)
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
        self._take(changes, cause)

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
        links = self._links(row.holder)
        record = AccountRecord(
            sequence=self.sequence + 1,
            timestamp=self.cursor,
            id=account.id,
            holder=row.holder,
            link=links.get(row.holder, ZERO_32),
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

    def account_rows(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Rows to insert and rows to update: every account that the batch opened or moved, as it is at its end."""
        inserts, sequences = [], {row["id"]: row["sequence"] for row in self.rows["new_accounts"]}
        updates = []
        for account_id, account in self.changes.accounts.items():
            state = {name: getattr(account, name) for name in (*_BALANCES, "flags")}
            state["version"] = self.versions.get(account_id, 0)
            if account_id in sequences:
                inserts.append(_account_row(account, self.new_accounts[account_id], sequences[account_id]) | state)
            else:
                updates.append({"b_id": account_id} | state)
        return inserts, updates

    def holder_rows(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
        """Every holder whose chain the batch moved: rows to insert, to update, and to update with their keys."""
        new = {row["id"]: row for row in self.rows["new_holders"]}
        inserts, updates, changed = [], [], []
        for holder in self.holders.values():
            moved = {"count": holder.count, "head": holder.head, "spent": holder.spent}
            if holder.id not in self.changed_keys:
                updates.append({"b_id": holder.id} | moved)
                continue
            keys = {name: getattr(holder, name) for name in _KEYS} | {"frozen": int(holder.frozen)}
            if holder.id in new:
                born = {"recovery": int(holder.recovery), "blind": holder.blind}
                inserts.append(new[holder.id] | born | moved | keys)
            else:
                changed.append({"b_id": holder.id} | moved | keys)
        return inserts, updates, changed

    def keep(self) -> None:
        """Once written: let the cache know what the batch made of accounts and holders."""
        for account_id, account in self.changes.accounts.items():
            row = self.row(account_id)
            assert row is not None, "an account that moved was loaded"
            version = self.versions.get(account_id, row.version)
            self.cache.accounts[account_id] = row._replace(account=account, version=version)
        self.cache.holders.update(self.holders)
        self.cache.version = self.head.version + 1

    def _take(self, changes: Changes, cause: Cause) -> None:
        for index, posting in enumerate(changes.postings):
            self._movement(posting, Cause(cause.signed, cause.source if index == 0 else None))
        self.changes.absorb(changes)

    def _movement(self, posting: Posting, cause: Cause) -> None:
        """The record of one movement, its wide row, and what became of pending transfers."""
        transfer, sequence = posting.transfer, self.sequence + 1
        debit, credit = self.row(posting.debit.id), self.row(posting.credit.id)
        assert debit is not None and credit is not None, "the machine moved accounts that were loaded"
        links = self._links(debit.holder, credit.holder)
        parties = {
            "debit_holder": debit.holder,
            "credit_holder": credit.holder,
            "debit_link": links.get(debit.holder, ZERO_32),
            "credit_link": links.get(credit.holder, ZERO_32),
        }
        if posting.expired_at:
            record: Record = _expiry_record(posting, sequence, parties)
        else:
            record = _transfer_record(posting, sequence, parties, cause)
        self.append(record, links)
        row = _transfer_row(posting, record, debit.holder, credit.holder, cause)
        for side, account in (("debit", posting.debit), ("credit", posting.credit)):
            row[f"{side}_version"] = self.versions[account.id] = self._version(account.id) + 1
            for balance in _BALANCES:
                row[f"{side}_{balance}"] = getattr(account, balance)
        self.rows["transfers"].append(row)
        self._note_pending(posting, sequence)
        if row["source_kind"] is not None:
            self.sources[row["source_kind"], row["source_id"]] = transfer.id

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
                self.rows["pendings"].append({"id": transfer.id, "sequence": sequence, "expires_at": expires_at})
                if expires_at is not None:
                    self.due_next = min(self.due_next or expires_at, expires_at)
            return
        self.rows["resolved"].append({"b_id": resolved, "resolution": int(resolution), "resolved_by": sequence})

    def _version(self, account_id: int) -> int:
        known = self.versions.get(account_id)
        if known is not None:
            return known
        row = self.cache.accounts.get(account_id)
        return row.version if row is not None else 0

    def _links(self, *holder_ids: bytes) -> dict[bytes, bytes]:
        """The next link of each of these holders' chains; the operator has none."""
        links = {}
        for holder_id in holder_ids:
            if holder_id != OPERATOR and holder_id not in links:
                holder = self.holder(holder_id)
                assert holder is not None, "a person's account has a holder"
                links[holder_id] = holder.link()
        return links

    def append(self, record: Record, links: dict[bytes, bytes]) -> None:
        """Add a record at the end, and move the chains of the holders it concerns."""
        body = record.encode()
        leaf = leaf_hash(body)
        self.sequence = record.sequence
        self.bodies.append(body)
        self.leaves.append(leaf)
        self.rows["records"].append(
            {"sequence": record.sequence, "kind": int(record.KIND), "timestamp": record.timestamp, "body": body}
        )
        for holder_id, link in links.items():
            before = self.holder(holder_id)
            assert before is not None, "linked holders are loaded"
            after = self.holders[holder_id] = before.after(link, leaf)
            self.rows["heads"].append(
                {"holder": holder_id, "count": after.count, "head": after.head, "sequence": record.sequence}
            )


def dead_at_of(signed: SignedOrder) -> int:
    """Unix seconds from which the order can never be accepted, so that a recorded refusal may be forgotten."""
    return signed.order.valid_before + DEAD_AFTER_SECONDS


def _account_row(account: Account, row: AccountRow, sequence: int) -> dict[str, Any]:
    return {
        "id": account.id,
        "holder": null_if_operator(row.holder),
        "currency": row.currency,
        "exponent": row.exponent,
        "purpose": row.purpose,
        "ledger": account.ledger,
        "code": account.code,
        "user_data_128": account.user_data_128,
        "user_data_64": account.user_data_64,
        "user_data_32": account.user_data_32,
        "timestamp": account.timestamp,
        "sequence": sequence,
    }


def _expiry_record(posting: Posting, sequence: int, parties: dict[str, bytes]) -> ExpiryRecord:
    pending = posting.transfer
    return ExpiryRecord(
        sequence=sequence,
        timestamp=posting.expired_at,
        pending_id=pending.id,
        debit_account_id=pending.debit_account_id,
        credit_account_id=pending.credit_account_id,
        amount=pending.amount,
        ledger=pending.ledger,
        **parties,
    )


def _transfer_record(posting: Posting, sequence: int, parties: dict[str, bytes], cause: Cause) -> TransferRecord:
    transfer = posting.transfer
    leg = transfer.user_data_32 if cause.signed is not None else 0
    source = cause.source
    return TransferRecord(
        sequence=sequence,
        timestamp=transfer.timestamp,
        id=transfer.id,
        debit_account_id=transfer.debit_account_id,
        credit_account_id=transfer.credit_account_id,
        amount=transfer.amount,
        pending_id=transfer.pending_id,
        user_data_128=transfer.user_data_128,
        user_data_64=transfer.user_data_64,
        user_data_32=transfer.user_data_32,
        timeout=transfer.timeout,
        ledger=transfer.ledger,
        code=transfer.code,
        flags=transfer.flags,
        source_kind=int(source.kind) if source is not None else 0,
        source_id=source.id if source is not None else ZERO_32,
        leg=leg,
        order=cause.signed if leg == 0 else None,
        **parties,
    )


def _transfer_row(
    posting: Posting, record: Record, debit_holder: bytes, credit_holder: bytes, cause: Cause
) -> dict[str, Any]:
    transfer, expiry = posting.transfer, record.KIND is Kind.EXPIRY
    order = cause.signed.order if cause.signed is not None else None
    source = cause.source
    return {
        "sequence": record.sequence,
        "kind": int(record.KIND),
        "id": None if expiry else transfer.id,
        "debit_account_id": transfer.debit_account_id,
        "credit_account_id": transfer.credit_account_id,
        "amount": transfer.amount,
        "pending_id": transfer.id if expiry else transfer.pending_id or None,
        "user_data_128": transfer.user_data_128,
        "user_data_64": transfer.user_data_64,
        "user_data_32": transfer.user_data_32,
        "timeout": transfer.timeout,
        "ledger": transfer.ledger,
        "code": transfer.code,
        "flags": 0 if expiry else transfer.flags,
        "timestamp": record.timestamp,
        "debit_holder": null_if_operator(debit_holder),
        "credit_holder": null_if_operator(credit_holder),
        "order_holder": order.holder if order is not None else None,
        "order_nonce": order.nonce if order is not None else None,
        "leg": transfer.user_data_32 if order is not None else 0,
        "source_kind": int(source.kind) if source is not None else None,
        "source_id": source.id if source is not None else None,
    }
