"""A second working-out of the state, from records alone: balances by the machine, chains, keys, orders, rows. Pure."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

from fiat.book import Book, Changes, Posting
from fiat.chart import TransferCode
from fiat.control import keys_at
from fiat.errors import FiatError, LimitExceeded
from fiat.history_legs import OrderLegs
from fiat.history_replay_keys import contracted, controlled
from fiat.history_replay_officers import OfficerReplay
from fiat.holder import OPERATOR, Holder, HolderGenesis
from fiat.limit import NO_POLICY, count, spend
from fiat.machine import AMOUNT_MAX, create_accounts, create_transfers, expire
from fiat.order import ZERO_32, LedgerMandate, SignedOrder
from fiat.record import (
    AccountRecord,
    ExpiryRecord,
    KeyAction,
    KeyRecord,
    Movement,
    OperatorRecord,
    Record,
    TransferRecord,
)
from fiat.transfer import Account, Resolution, Transfer, TransferFlags

_RESOLVING = int(TransferFlags.POST_PENDING_TRANSFER | TransferFlags.VOID_PENDING_TRANSFER)
_TRANSFER_FIELDS = Transfer._fields


class Replay:
    """The state after the records given so far. Each `record` yields what is wrong with it."""

    def __init__(self, ledger_id: bytes) -> None:
        self.ledger_id = ledger_id
        self.sequence = 0
        self.book = Book()
        self.versions: dict[int, int] = {}
        self.owners: dict[int, bytes] = {}
        self.holders: dict[bytes, Holder] = {}
        self.heads: dict[tuple[bytes, int], tuple[bytes, int]] = {}
        self.orders: dict[tuple[bytes, bytes], tuple[bytes, int]] = {}
        self.references: dict[int, tuple[bytes, bytes]] = {}
        """First 16 bytes of an order's digest, which its later legs name, to (holder, nonce)."""
        self.seen: set[tuple[bytes, bytes]] = set()
        """Holders with each head that they had: what an order's `seenHead` may name."""
        self.revoked: set[tuple[bytes, bytes]] = set()
        """Mandates (holder, nonce) that are revoked."""
        self.legs = OrderLegs(self.holders, self.revoked)
        self.order_types: dict[tuple[bytes, bytes], int] = {}
        self.currencies: dict[int, str] = {}
        """The machine's `ledger` numbers to codes."""
        self.sources: set[tuple[int, bytes]] = set()
        self.rows: dict[int, dict[str, Any]] = {}
        """What each wide row must say, by sequence."""
        self.officers = OfficerReplay(self)

    def record(self, record: Record, leaf: bytes) -> Iterator[str]:
        """Take one record over. Yields the reasons why it cannot stand there."""
        self.sequence = record.sequence
        yield from self.officers.before(record)
        if isinstance(record, KeyRecord):
            yield from self._key(record)
            yield from self._chain(record, leaf, {record.holder: record.link})
        elif isinstance(record, AccountRecord):
            yield from self._account(record)
            yield from self._chain(record, leaf, {record.holder: record.link})
        elif isinstance(record, (Movement, ExpiryRecord)):
            if isinstance(record, ExpiryRecord):
                yield from self._expiry(record)
            else:
                yield from self._movement(record)
            sides = ((record.debit_holder, record.debit_link), (record.credit_holder, record.credit_link))
            if sides[0][0] == sides[1][0] and sides[0][1] != sides[1][1]:
                yield "links one holder twice"
            for holder, link in sides:
                if holder == OPERATOR and link != ZERO_32:
                    yield "links the operator, who has no chain"
            yield from self._chain(record, leaf, dict(sides))
        else:
            yield "is a second genesis"

    def _chain(self, record: Record, leaf: bytes, links: dict[bytes, bytes]) -> Iterator[str]:
        for holder_id, link in links.items():
            if holder_id == OPERATOR:
                continue
            holder = self.holders.get(holder_id)
            if holder is None:
                yield "concerns a holder who was not opened"
                continue
            if link != holder.link():
                yield "its link does not continue the holder's chain"
            after = self.holders[holder_id] = holder.after(link, leaf)
            self.heads[holder_id, after.count] = (after.head, record.sequence)
            self.seen.add((holder_id, after.head))

    def _key(self, record: KeyRecord) -> Iterator[str]:
        if record.holder == OPERATOR:
            yield from self.officers.key(record)
            return
        if record.action != KeyAction.OPEN:
            yield from self._change_keys(record)
            return
        if record.order is not None:
            yield "opens a holder by an order"
        if record.holder in self.holders:
            yield "opens a holder twice"
            return
        try:
            document = HolderGenesis.parse(b"\x01" + record.key + record.salt + bytes([record.recovery]))
        except (FiatError, ValueError):
            document = None
        if document is None or document.holder_id != record.holder:
            yield "the holder's id is not the hash of their document"
        self.holders[record.holder] = Holder(
            record.holder, record.key, record.recovery, record.blind, record.epoch, False, 0, record.holder
        )
        self.seen.add((record.holder, record.holder))

    def _change_keys(self, record: KeyRecord) -> Iterator[str]:
        holder = self.holders.get(record.holder)
        if holder is None:
            return  # told with the chain
        if record.action == KeyAction.CONTRACT:
            ordered = any(of == holder.id for of, _ in self.orders)
            self.holders[holder.id] = yield from contracted(record, holder, ordered)
            return
        mandate = record.holder, record.subject
        stands = mandate not in self.revoked if self.order_types.get(mandate) == LedgerMandate.CODE else None
        self.holders[holder.id] = yield from controlled(record, holder, self.ledger_id, stands)
        if record.action == KeyAction.MANDATE_REVOKE:
            self.revoked.add(mandate)
        if record.order is not None:
            yield from self._once(record.order, record)

    def _account(self, record: AccountRecord) -> Iterator[str]:
        account = Account(
            record.id,
            record.ledger,
            record.code,
            record.flags,
            user_data_128=record.user_data_128,
            user_data_64=record.user_data_64,
            user_data_32=record.user_data_32,
        )
        (outcome,), changes = create_accounts(self.book, [account], record.timestamp)
        if outcome.status:
            yield f"the machine says {outcome.status.name.lower()}"
        yield from self.officers.account(record)
        self.owners[record.id] = record.holder
        self.currencies[record.ledger] = record.currency
        self.book.apply(changes)

    def _expiry(self, record: ExpiryRecord) -> Iterator[str]:
        pending = self.book.transfer(record.pending_id)
        due = pending is not None and 0 < pending.expires_at <= record.timestamp
        if pending is None or not due or self.book.resolution(pending.id) is not Resolution.PENDING:
            yield "expires what is not due"
            return
        said = (record.debit_account_id, record.credit_account_id, record.amount, record.ledger)
        if said != (pending.debit_account_id, pending.credit_account_id, pending.amount, pending.ledger):
            yield "differs from its pending transfer"
        yield from self._holders(record)
        yield from self.legs.expiry(record)
        changes = expire(self.book, [pending], record.timestamp)
        self._post(changes, record, {"id": None, "pending_id": pending.id, "flags": 0})

    def _movement(self, record: Movement) -> Iterator[str]:
        said = {name: getattr(record, name) for name in _TRANSFER_FIELDS}
        # A chain that holds is judged event by event the same; alone, an open link would be refused.
        unlinked = record.flags & ~int(TransferFlags.LINKED)
        transfer = Transfer(**said)._replace(flags=unlinked, timestamp=0)
        (outcome,), changes = create_transfers(self.book, [transfer], record.timestamp, AMOUNT_MAX)
        if outcome.status:
            yield f"the machine says {outcome.status.name.lower()}"
            return
        if changes.postings[0].transfer.amount != record.amount:
            yield "moved another amount than the machine would"
        yield from self._holders(record)
        yield from self.officers.movement(record)
        if record.source_kind:
            source = (record.source_kind, record.source_id)
            if source in self.sources:
                yield "answers to an outside event for the second time"
            self.sources.add(source)
        order = yield from self._authority(record)
        yield from self.legs.movement(record)
        if order is not None:
            yield from self._limits(record, order)
        leg = record.leg if isinstance(record, TransferRecord) else 0
        row = {
            "id": record.id,
            "pending_id": record.pending_id or None,
            "flags": record.flags,
            "user_data_64": record.user_data_64,
            "user_data_32": record.user_data_32,
            "timeout": record.timeout,
            "leg": leg,
            "order_holder": order[0] if order is not None else None,
            "order_nonce": order[1] if order is not None else None,
            "source_kind": record.source_kind or None,
            "source_id": record.source_id if record.source_kind else None,
        }
        self._post(changes, record, row)

    def _holders(self, record: Movement | ExpiryRecord) -> Iterator[str]:
        owners = (self.owners.get(record.debit_account_id), self.owners.get(record.credit_account_id))
        if owners != (record.debit_holder, record.credit_holder):
            yield "names other holders than its accounts'"

    def _authority(self, record: Movement) -> Generator[str, None, tuple[bytes, bytes] | None]:
        """Yields what is wrong; its value is the order (holder, nonce) that caused the movement, if one did."""
        order = None
        if isinstance(record, TransferRecord):
            if record.order is not None:
                yield from self._order(record.order, record)
                order = record.order.order.holder, record.order.order.nonce
                if self.references.get(record.user_data_128) != order:
                    yield "does not name the order that it carries"
            elif record.leg:
                order = self.references.get(record.user_data_128)
                if order is None:
                    yield "is a leg of an order that is not there"
        authorised = isinstance(record, OperatorRecord) or record.flags & _RESOLVING
        if record.debit_holder != OPERATOR and not authorised and (order is None or order[0] != record.debit_holder):
            yield "debits a person without their order"
        return order

    def _limits(self, record: Movement, order: tuple[bytes, bytes]) -> Iterator[str]:
        """Count what leaves the holder's account under their order: no capture, and no rest that stays reserved."""
        holder, rest = self.holders.get(order[0]), record.code == TransferCode.HOLD and record.user_data_32 > 0
        if holder is None or record.debit_holder != holder.id or record.flags & _RESOLVING or rest:
            return
        what = self.order_types[order], self.currencies[record.ledger], record.amount, record.timestamp
        try:
            spent = spend(holder.id, holder.limits, holder.spent, NO_POLICY, *what)
        except LimitExceeded as error:
            yield f"exceeds the holder's limit: {error}"
            spent = count(holder.spent, *what)
        self.holders[holder.id] = holder.counted(spent)

    def _order(self, signed: SignedOrder, record: Record) -> Iterator[str]:
        """The order that a movement carries: who signed it, and whether they might then."""
        order = signed.order
        try:
            signer = signed.signer(self.ledger_id)
        except FiatError:
            signer = b""
        holder = self.holders.get(order.holder)
        if holder is None or signer not in keys_at(holder, record.timestamp).signers:
            yield "its order is not signed by a key of the holder"
        elif order.key_epoch != holder.epoch:
            yield "its order was signed for other keys"
        elif holder.frozen:
            yield "carries out an order of a frozen holder"
        yield from self._once(signed, record)

    def _once(self, signed: SignedOrder, record: Record) -> Iterator[str]:
        order, digest = signed.order, signed.order.digest(self.ledger_id)
        if (order.holder, order.seen_head) not in self.seen:
            yield "its order was made on a history that the holder never had"
        if (order.holder, order.nonce) in self.orders:
            yield "its order's nonce was used before"
        self.orders[order.holder, order.nonce] = (digest, record.sequence)
        self.order_types[order.holder, order.nonce] = order.CODE
        self.references[int.from_bytes(digest[:16], "big")] = (order.holder, order.nonce)

    def _post(self, changes: Changes, record: Movement | ExpiryRecord, row: dict[str, Any]) -> None:
        posting: Posting = changes.postings[0]
        self.book.apply(changes)
        if not posting.expired_at:
            self.book.transfers[posting.transfer.id] = posting.transfer._replace(flags=row["flags"])
        for side, account in (("debit", posting.debit), ("credit", posting.credit)):
            row[f"{side}_account_id"] = account.id
            row[f"{side}_version"] = self.versions[account.id] = self.versions.get(account.id, 0) + 1
            row[f"{side}_holder"] = (
                getattr(record, f"{side}_holder") if self.owners.get(account.id) != OPERATOR else None
            )
            for balance in ("debits_pending", "debits_posted", "credits_pending", "credits_posted"):
                row[f"{side}_{balance}"] = getattr(account, balance)
        row |= {
            "kind": int(record.KIND),
            "amount": record.amount,
            "ledger": record.ledger,
            "timestamp": record.timestamp,
        }
        self.rows[record.sequence] = row
