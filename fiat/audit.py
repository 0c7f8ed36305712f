"""The auditor: reads an exported journal (docs/export.md) and says whether it can be what it claims to be.

It stands alone on purpose and imports nothing of the ledger: formats (audit_values.py) and rules are written a second
time, with keccak-256, SHA-256 and secp256k1 only. What it trusts is the ledgerId that its reader compares: the genesis
record pins the operator's key, the key signs the seals, and everything else follows from the records.

A prefix of a journal is a journal: whoever holds a later seal, receipt or head compares it with `Report`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Container
from hashlib import sha256
from typing import BinaryIO

from fiat.audit_state import (
    Account,
    Holder,
    Limit,
    Order,
    Own,
    Report,
    counters_hash,
    due_at,
    ends_in_time,
    flags_hold,
    limit_subject,
)
from fiat.audit_values import (
    DOMAIN_TYPE,
    ENTRY_TYPE,
    MAGIC,
    NO_LIMIT,
    OPERATOR,
    SEAL,
    SECOND,
    ZERO_20,
    ZERO_32,
    Code,
    Kind,
    Type,
    Unreadable,
    Values,
    code_of,
    first16,
    keccak256,
    ledger_number,
    leg_id,
    merkle_root,
    parse_record,
    recover,
)

RECORD_LENGTH_MAX, BATCH_SIZE_MAX = 4096, 1_000_000
_U128_MAX, _AMOUNT_MAX, _TIME_MAX, _MINOR_MAX = (1 << 128) - 1, (1 << 63) - 1, (1 << 63) - 1, 10**17
_HOUR, _DAY = 3600 * SECOND, 86400 * SECOND
_WINDOW_SECONDS_MAX, _DEAD_AFTER_SECONDS = 16 * 60, 3600
_DELAY, _NOTICE, _NOTICE_OF_RECOVERY, _NOTICE_MAX = 48 * _HOUR, 72 * _HOUR, 14 * _DAY, 90 * _DAY
_HOLD_MAX, _HOLD_LEGS_MAX, _KEYS_MAX = 366 * _DAY, 100, 16
_DUE_AT_ONCE = 1000
"""Expiries before one batch; what is due beyond them comes before the next."""
_DUE_SLACK = 1_000_000
"""Nanoseconds that a batch's refused events may have used up after its expiries were decided."""

_LINKED, _PENDING, _POST, _VOID = 1, 2, 4, 8
_BALANCING_DEBIT, _BALANCING_CREDIT, _CLOSING_DEBIT, _CLOSING_CREDIT = 16, 32, 64, 128
_DEBITS_BOUND, _CREDITS_BOUND, _HISTORY = 2, 4, 8
_OPEN, _KEY_ADD, _KEY_REVOKE, _FREEZE, _UNFREEZE, _LIMIT, _MANDATE_REVOKE, _CANCEL, _CONTRACT = range(1, 10)
_ACTIONS = ("key-add", "key-revoke", "freeze", "unfreeze", "limit", "mandate-revoke", "cancel")
"""Of control orders, in the order of their actions' numbers from 2 on."""
_UNDOING, _COMPELLED, _RECOVERY, _HELD, _RELEASE, _CREDIT = range(1, 7)
_KINDS = dict(zip(Type, ("transfer", "withdrawal", "conversion", "hold", "mandate"), strict=False))
_CODES = dict(zip(Type, (1, 2, 7, 8, 11), strict=False))
_FEE, _COLLECTION, _ENTRY = 6, 12, 14
_SIGNED_BY_OFFICERS = (
    "reason reason_code undoes document cap until successor nonce officer_1 signature_1 officer_2 signature_2"
    " user_data_128 user_data_64"
)
_USE, _QUOTE, _EVIDENCE = 7, 8, {1, 4, 5, 6}


def audit(file: BinaryIO, holder: bytes = b"", progress: Callable[[int], None] = lambda records: None) -> Report:
    """Read a whole export, watching one holder; `progress` is told the records read, batch by batch.

    Takes memory for every account, holder, transfer id, credit and seal.
    """
    auditor = _Auditor(holder, progress)
    try:
        auditor.read(file)
    except Unreadable as stopped:
        auditor.fail(stopped.code)
    return auditor.report


class _Auditor:
    """The state after the records read so far, and what was wrong with them."""

    def __init__(self, watched: bytes, progress: Callable[[int], None]) -> None:
        self.report = Report()
        self.fail = self.report.fail
        self.watched, self.progress = watched, progress
        self.domain, self.named, self.expired_now, self.seal_time = b"", 0, 0, 0
        self.accounts: dict[int, Account] = {}
        self.holders: dict[bytes, Holder] = {}
        self.officers: dict[bytes, tuple[int, bytes]] = {}
        self.exponents: dict[str, int] = {}
        self.ids: set[int] = set()
        self.pendings: dict[int, Values] = {}
        self.due: list[tuple[int, int, int]] = []
        self.nonces: set[tuple[bytes, bytes]] = set()
        self.sources: set[tuple[int, bytes]] = set()
        self.orders: dict[int, Order] = {}
        self.mandates: dict[tuple[bytes, bytes], Order] = {}
        self.credited: dict[int, tuple[int, int, int]] = {}
        self.undone: dict[int, int] = {}
        self.caps: dict[bytes, list[int]] = {}
        self.counters: dict[tuple[int, int], list[int]] = {}
        self.excess: dict[int, int] = {}
        self.running: Order | None = None
        self.entry: Values | None = None
        self.chained = 0

    def require(self, holds: object, code: str) -> None:
        if not holds:
            self.fail(code)

    def _same(self, one: Values, other: Values, names: str, code: str) -> None:
        self.require(all(getattr(one, name) == getattr(other, name) for name in names.split()), code)

    # The file and its seals.

    def read(self, file: BinaryIO) -> None:
        if file.read(len(MAGIC)) != MAGIC:
            raise Unreadable("magic_wrong")
        while wire := file.read(SEAL.struct.size):
            if len(wire) != SEAL.struct.size:
                raise Unreadable("export_truncated")
            self._batch(SEAL.read(wire, 0), file)
            self.progress(self.report.records)
        self.require(self.report.seals, "genesis_missing")

    def _batch(self, seal: Values, file: BinaryIO) -> None:
        report = self.report
        if not 0 < seal.size <= BATCH_SIZE_MAX:
            raise Unreadable("seal_size_wrong")
        self.require(seal.number == len(report.seals), "seal_number_wrong")
        self.require(seal.previous == report.last_seal, "seal_previous_wrong")
        self.require(seal.firstSequence == report.sequence + 1, "seal_sequence_wrong")
        self.expired_now, first, leaves = 0, True, []
        for _ in range(seal.size):
            body = self._body(file)
            leaves.append(sha256(b"\0" + body).digest())
            record = parse_record(body)
            if first and record.kind != Kind.EXPIRY:
                self._nothing_due(record.timestamp)
                first = False
            self._record(record, body, leaves[-1])
        self._close_chain()
        self.require(merkle_root(leaves) == seal.root, "seal_root_wrong")
        self.require(report.timestamp <= seal.timestamp <= _TIME_MAX, "seal_time_wrong")
        self.require(seal.counters == counters_hash(self.counters), "seal_counters_wrong")
        self.require(max(self.excess.values(), default=0) <= 0, "reserves_exceeded")
        digest = self._digest(seal.struct_hash)
        self.require(recover(digest, seal.signature) == report.operator, "seal_signature_wrong")
        self.seal_time = seal.timestamp
        report.seals.append(digest)

    def _body(self, file: BinaryIO) -> bytes:
        prefix = file.read(4)
        length = int.from_bytes(prefix, "big")
        if length > RECORD_LENGTH_MAX:
            raise Unreadable("record_length_wrong")
        body = file.read(length)
        if len(prefix) != 4 or len(body) != length:
            raise Unreadable("export_truncated")
        return body

    def _digest(self, struct_hash: bytes) -> bytes:
        return keccak256(b"\x19\x01" + self.domain + struct_hash)

    # Records.

    def _record(self, record: Values, body: bytes, leaf: bytes) -> None:
        report, kind = self.report, record.kind
        self.require(record.sequence == report.sequence + 1, "sequence_gap")
        self.require(max(report.timestamp, self.seal_time) < record.timestamp <= _TIME_MAX, "time_not_increasing")
        report.sequence, report.timestamp = record.sequence, record.timestamp
        report.records += 1
        if kind == Kind.GENESIS:
            self._genesis(record, body)
            return
        if not self.domain:
            raise Unreadable("genesis_missing")
        if kind != self.chained:
            self._close_chain()
        if kind in (Kind.KEY, Kind.ACCOUNT):
            (self._key if kind == Kind.KEY else self._account)(record)
            self._link({record.holder: record.link}, leaf)
        else:
            (self._expiry if kind == Kind.EXPIRY else self._movement)(record)
            self._sides(record, leaf)

    def _genesis(self, record: Values, body: bytes) -> None:
        if self.domain:
            raise Unreadable("genesis_repeated")
        self.require(record.sequence == 0, "genesis_missing")
        self.report.ledger_id, self.report.operator = keccak256(body), record.operator
        words = (keccak256(DOMAIN_TYPE), keccak256(b"Tandem Ledger"), keccak256(b"1"), self.report.ledger_id)
        self.domain = keccak256(b"".join(words))

    def _account(self, record: Values) -> None:
        currency, holder_id, flags = record.currency, record.holder, record.flags
        named = holder_id + currency.encode().ljust(8, b"\0") + record.purpose.encode()
        self.require(record.id == first16(keccak256(named)), "account_id_wrong")
        self.require(record.ledger == ledger_number(currency) > 0, "account_ledger_wrong")
        self.require(record.purpose and record.code, "account_malformed")
        code = code_of(record.purpose) if holder_id == OPERATOR else Code.PEOPLE
        self.require(record.code == code, "account_code_wrong")
        self.require(self.exponents.setdefault(currency, record.exponent) == record.exponent, "exponent_changed")
        allowed = not flags & ~(_DEBITS_BOUND | _CREDITS_BOUND | _HISTORY)
        self.require(allowed and flags & 6 != _DEBITS_BOUND | _CREDITS_BOUND, "account_flags_wrong")
        self.require(code not in (Code.PEOPLE, Code.LIQUIDITY) or flags & _DEBITS_BOUND, "account_floor_missing")
        self.require(record.id not in self.accounts, "account_reopened")
        names = ["id", "holder", "ledger", "currency", "exponent", "purpose", "code", "flags"]
        self.accounts.setdefault(record.id, Account(*(getattr(record, name) for name in names)))

    # Holders' chains.

    def _sides(self, record: Values, leaf: bytes) -> None:
        owners = [self.accounts.get(n) for n in (record.debit_account_id, record.credit_account_id)]
        holders = [record.debit_holder, record.credit_holder]
        self.require([a.holder if a else None for a in owners] == holders, "holder_wrong")
        links = {record.debit_holder: record.debit_link, record.credit_holder: record.credit_link}
        self.require(links[record.debit_holder] == record.debit_link, "link_wrong")
        self._link(links, leaf)

    def _link(self, links: dict[bytes, bytes], leaf: bytes) -> None:
        for holder_id, link in links.items():
            if holder_id == OPERATOR:
                self.require(link == ZERO_32, "link_unexpected")
                continue
            holder = self.holders.get(holder_id)
            if holder is None:
                self.fail("holder_unknown")
                continue
            holder.count += 1
            expected = sha256(b"\2" + holder.blind + holder.count.to_bytes(8, "big") + holder.head).digest()
            self.require(link == expected, "link_wrong")
            holder.head = sha256(b"\3" + holder_id + link + leaf).digest()
            holder.heads.add(holder.head)
            if holder_id == self.watched:
                own = [a for a in self.accounts.values() if a.holder == holder_id]
                said = {a.id: (a.debits_pending, a.debits_posted, a.credits_pending, a.credits_posted) for a in own}
                self.report.own.append(Own(self.report.sequence, leaf, holder.head, said))

    # Keys, control orders, officers.

    def _key(self, record: Values) -> None:
        opening = (record.salt, record.recovery, record.blind) == (ZERO_32, 0, ZERO_32)
        self.require(opening or record.action == _OPEN, "key_malformed")
        self.require(_OPEN <= record.action <= _CONTRACT, "key_action_unknown")
        holder, delayed = self.holders.get(record.holder), False
        if record.holder == OPERATOR:
            delayed = self._officer(record)
        elif record.action == _OPEN:
            self._open(record)
            return
        elif holder is None:
            return  # told with its chain
        elif record.action == _CONTRACT:
            first = holder.recovery & 2 and not holder.contract and holder.last_order < 0
            named = record.key != ZERO_20 and record.subject != ZERO_32 and record.value and record.order is None
            self.require(first and named, "key_contract_wrong")
            holder.contract, holder.root = True, record.key
            if record.holder == self.watched:
                self.report.contract_key = record.key
        elif record.order is None or record.order.type != Type.CONTROL:
            self.fail("key_order_missing")
        else:
            delayed = self._control(record, record.order, holder)
        self.require(record.epoch == (holder.epoch if holder else 0), "key_epoch_wrong")
        self.require(record.effective_at == record.timestamp + (_DELAY if delayed else 0), "key_time_wrong")

    def _open(self, record: Values) -> None:
        self.require(record.order is None, "key_order_unexpected")
        self.require(record.epoch == 1, "key_epoch_wrong")
        unused = (record.subject, record.value, record.effective_at)
        self.require(unused == (ZERO_32, 0, 0) and record.recovery < 4, "key_malformed")
        document = b"\1" + record.key + record.salt + bytes([record.recovery])
        self.require(keccak256(document) == record.holder, "holder_id_wrong")
        self.require(record.holder not in self.holders, "holder_reopened")
        opened = Holder(record.holder, record.key, record.blind, record.recovery, record.holder, {record.holder})
        self.holders.setdefault(record.holder, opened)

    def _control(self, record: Values, order: Values, holder: Holder) -> bool:
        """Does it hold from 48 hours later on?"""
        keys, now, subject = holder.keys, record.timestamp, order.subject
        signer = self._signer(record, order, holder)
        self._says_as_signed(record, order)
        asked = subject[12:]
        raises = record.action == _LIMIT and order.value > holder.limit(subject, now)
        frees = record.action in (_KEY_REVOKE, _UNFREEZE, _MANDATE_REVOKE, _CANCEL)
        self.require(not holder.frozen or frees or (record.action == _LIMIT and not raises), "control_while_frozen")
        by_root = record.action in (_KEY_ADD, _UNFREEZE) or raises or (record.action == _KEY_REVOKE and signer != asked)
        self.require(not by_root or signer == holder.root, "control_signer_wrong")
        if record.action == _KEY_ADD:
            self.require(subject[:12] == bytes(12) and asked not in (ZERO_20, holder.root, *keys), "key_add_wrong")
            self.require(len(keys) + 1 < _KEYS_MAX, "keys_too_many")
            keys[asked] = (now + _DELAY, order.nonce)
        elif record.action == _KEY_REVOKE:
            self.require(subject[:12] == bytes(12) and keys.pop(asked, None), "key_revoke_wrong")
        elif record.action in (_FREEZE, _UNFREEZE):
            self.require(subject == ZERO_32, "control_malformed")
            self.require(holder.frozen or record.action == _FREEZE, "unfreeze_wrong")
            holder.frozen = record.action == _FREEZE
        elif record.action == _LIMIT:
            self._limit(holder, order, now, raises)
        elif record.action == _MANDATE_REVOKE:
            mandate = self.mandates.pop((holder.id, subject), None)
            self.require(mandate, "mandate_revoke_wrong")
            if mandate:
                mandate.revoked = True
        elif record.action == _CANCEL:
            self.require(holder.cancel(subject, now), "cancel_wrong")
        holder.epoch += record.action in (_KEY_REVOKE, _UNFREEZE)
        return bool(raises or record.action == _KEY_ADD)

    def _says_as_signed(self, record: Values, order: Values) -> None:
        self.require(order.action in _ACTIONS and _ACTIONS.index(order.action) + 2 == record.action, "key_action_wrong")
        key = order.subject[12:] if record.action in (_KEY_ADD, _KEY_REVOKE) else ZERO_20
        said = (record.holder, record.key, record.subject, record.value)
        self.require(said == (order.holder, key, order.subject, order.value), "control_differs")
        self.require(not order.value or record.action == _LIMIT, "control_malformed")

    def _limit(self, holder: Holder, order: Values, now: int, raises: bool) -> None:
        kind, currency, period = limit_subject(order.subject)
        known = kind in (*_KINDS.values(), "all") and currency in self.exponents and period in ("day", "month")
        valued = order.value <= _MINOR_MAX or order.value == NO_LIMIT
        self.require(known and valued, "limit_malformed")
        limit = Limit(order.value, now + (_DELAY if raises else 0), order.nonce)
        self.require(holder.set_limit(order.subject, limit, now, raises=raises), "limit_raise_pending")

    def _officer(self, record: Values) -> bool:
        order, now, key, officers = record.order, record.timestamp, record.key, self.officers
        in_force = {address for address, (effective_at, _) in officers.items() if effective_at <= now}
        if order is None:
            self.require(self.named < 2 and record.action == _KEY_ADD, "officer_unsigned")
            plain = record.subject == ZERO_32 and not record.value
            self.require(plain and key not in (ZERO_20, *officers), "officer_add_wrong")
            self.named += 1
            officers[key] = (now, b"")
            return False
        signer = self._signer(record, order, None, in_force)
        self.require(order.type == Type.CONTROL and order.holder == OPERATOR, "officer_unsigned")
        if order.type != Type.CONTROL:
            return False
        self._says_as_signed(record, order)
        if record.action == _KEY_ADD:
            self.require(order.subject[:12] == bytes(12) and key not in (ZERO_20, *officers), "officer_add_wrong")
            officers[key] = (now + _DELAY, order.nonce)
        elif record.action == _KEY_REVOKE:
            self.require(order.subject[:12] == bytes(12) and officers.pop(key, None), "officer_revoke_wrong")
            self.require(signer != key and len(in_force - {key}) >= 2, "officer_revoke_wrong")
        else:
            pending = [k for k, (at, nonce) in officers.items() if nonce == order.subject and at > now]
            self.require(record.action == _CANCEL and pending, "officer_cancel_wrong")
            for address in pending:
                del officers[address]
        return bool(record.action == _KEY_ADD)

    # Expiries and pending transfers.

    def _next_due(self) -> tuple[int, int, int] | None:
        while self.due and self.due[0][2] not in self.pendings:
            heapq.heappop(self.due)
        return self.due[0] if self.due else None

    def _nothing_due(self, timestamp: int) -> None:
        """Whatever was due before the batch was released at its beginning."""
        due = self._next_due()
        late = due is not None and due[0] <= timestamp - _DUE_SLACK
        self.require(not late or self.expired_now >= _DUE_AT_ONCE, "expiry_missing")

    def _expiry(self, record: Values) -> None:
        self.expired_now += 1
        pending = self.pendings.get(record.pending_id)
        if pending is None:
            self.fail("expiry_of_nothing")
            return
        due, time_up = self._next_due(), due_at(pending)
        self.require(time_up and time_up <= record.timestamp, "expiry_too_early")
        self.require(not time_up or (due and due[2] == record.pending_id), "expiry_out_of_turn")
        self._same(record, pending, "debit_account_id credit_account_id amount ledger", "expiry_differs")
        self._release(record, pending, 0, reopen=True)

    def _release(self, record: Values, pending: Values, posted: int, *, reopen: bool) -> None:
        debit, credit = self.accounts[pending.debit_account_id], self.accounts[pending.credit_account_id]
        debit.debits_pending -= pending.amount
        credit.credits_pending -= pending.amount
        if record.kind != Kind.EXPIRY and not record.flags & _VOID:
            self._posted(record, debit, credit, posted)
        elif pending.kind == Kind.OPERATOR and pending.reason_code == 1 and pending.undoes in self.undone:
            self.undone[pending.undoes] -= pending.user_data_64
        if reopen and pending.flags & _CLOSING_DEBIT:
            debit.closed = False
        if reopen and pending.flags & _CLOSING_CREDIT:
            credit.closed = False
        if pending.owner is not None:
            pending.owner.pending = 0
        del self.pendings[pending.id]

    def _posted(self, record: Values, debit: Account, credit: Account, amount: int) -> None:
        debit.debits_posted += amount
        credit.credits_posted += amount
        reserve = debit.weight and debit.code != Code.PEOPLE and (credit.code == Code.PEOPLE or not credit.weight)
        self.require(not reserve or record.source_kind in _EVIDENCE, "reserve_source_missing")
        self.excess[debit.ledger] = self.excess.get(debit.ledger, 0) + amount * (credit.weight - debit.weight)
        if credit.code == Code.PEOPLE:
            self.credited[record.sequence] = (debit.id, credit.id, amount)

    # Movements.

    def _movement(self, record: Values) -> None:
        self.require(0 < record.id < _U128_MAX, "id_malformed")
        self.require(record.id not in self.ids, "id_reused")
        self.ids.add(record.id)
        holds = flags_hold(record.flags)
        self.require(holds, "flags_wrong")
        if record.source_kind:
            self.require((record.source_kind, record.source_id) not in self.sources, "source_reused")
            self.sources.add((record.source_kind, record.source_id))
        else:
            self.require(record.source_id == ZERO_32, "source_malformed")
        if record.kind == Kind.OPERATOR:
            self._entry(record)
        else:
            self._authority(record)
        self.chained = record.kind if record.flags & _LINKED else 0
        if holds:
            (self._resolve if record.flags & (_POST | _VOID) else self._move)(record)
        if not self.chained:
            self._close_chain()

    def _move(self, record: Values) -> None:
        debit, credit = self.accounts.get(record.debit_account_id), self.accounts.get(record.credit_account_id)
        if debit is None or credit is None or debit is credit:
            self.fail("account_unknown" if debit is not credit else "accounts_same")
            return
        self.require(record.ledger == debit.ledger == credit.ledger, "ledger_wrong")
        self.require(record.code, "code_missing")
        self.require(not record.pending_id or record.kind == Kind.OPERATOR, "pending_id_unexpected")
        pending = record.flags & _PENDING
        self.require(pending or not record.timeout, "timeout_unexpected")
        self.require(not debit.closed and not credit.closed, "account_closed")
        self._bounds(record, debit, credit)
        if not pending:
            self._posted(record, debit, credit, record.amount)
            return
        debit.debits_pending += record.amount
        credit.credits_pending += record.amount
        debit.closed = debit.closed or bool(record.flags & _CLOSING_DEBIT)
        credit.closed = credit.closed or bool(record.flags & _CLOSING_CREDIT)
        record.owner = self.running if record.kind == Kind.TRANSFER else None
        self.pendings[record.id] = record
        if record.timeout:
            heapq.heappush(self.due, (due_at(record), record.timestamp, record.id))

    def _bounds(self, record: Values, debit: Account, credit: Account) -> None:
        amount, flags, free = record.amount, record.flags, debit.free
        credits_ = credit.credits_pending + credit.credits_posted
        wanting = credit.debits_posted - credits_
        most = max(debit.debits_pending + debit.debits_posted, credits_)
        self.require(most + amount <= _AMOUNT_MAX, "balance_overflows")
        self.require(amount <= free or not debit.flags & _DEBITS_BOUND, "balance_below_floor")
        self.require(amount <= wanting or not credit.flags & _CREDITS_BOUND, "balance_above_ceiling")
        self.require(not flags & _BALANCING_DEBIT or amount <= max(0, free), "balancing_too_much")
        self.require(not flags & _BALANCING_CREDIT or amount <= max(0, wanting), "balancing_too_much")

    def _resolve(self, record: Values) -> None:
        pending = self.pendings.get(record.pending_id)
        if pending is None:
            self.fail("pending_resolved" if record.pending_id in self.ids else "pending_unknown")
            return
        time_up = due_at(pending)
        self.require(not time_up or record.timestamp < time_up, "pending_expired")
        self._same(record, pending, "debit_account_id credit_account_id ledger code", "pending_differs")
        self.require(record.kind == pending.kind and pending.owner is self.running, "pending_of_another")
        self.require(not record.timeout, "timeout_unexpected")
        self.require(record.amount <= pending.amount, "pending_exceeded")
        voids = bool(record.flags & _VOID)
        self.require(not voids or record.amount == pending.amount, "void_partial")
        closed = any(self.accounts[n].closed for n in (pending.debit_account_id, pending.credit_account_id))
        self.require(voids or not closed, "account_closed")
        self._release(record, pending, record.amount, reopen=voids)

    # Orders: who allowed it.

    def _close_chain(self) -> None:
        """Behind a chain, and before whatever cannot be part of it."""
        self.require(not self.chained, "chain_open")
        running, entry = self.running, self.entry
        if running is not None:
            self.require(running.accepted or running.next_leg >= running.own_legs, "order_legs_wrong")
            self.require(running.rest is None, "capture_rest_wrong")
            running.accepted, running.rest = True, None
        if entry is not None:
            whole = entry.next_leg == 1 + bool(entry.missing)
            self.require(whole, "recovery_not_whole" if entry.reason == _RECOVERY else "entry_legs_wrong")
        self.running, self.entry, self.chained = None, None, 0

    def _authority(self, record: Values) -> None:
        """Leg 0 brings its order; other legs follow it at once or later as a use; the rest is the operator's own."""
        if record.order is not None:
            self.require(not self.chained, "order_inside_another")
            self.running = self._accept(record, record.order)
        elif self.running is None and record.leg:
            self.running = self.orders.get(record.user_data_128)
            self.require(self.running and not self.chained, "leg_without_order")
            self.require(record.source_kind == _USE, "use_source_wrong")
        running, debit = self.running, self.accounts.get(record.debit_account_id)
        used = running is not None and running.accepted and running.rest is None
        quoted = record.order is not None and record.order.type == Type.CONVERT
        self.require(record.source_kind != _USE or used, "source_misplaced")
        self.require(record.source_kind != _QUOTE or quoted, "source_misplaced")
        if running is None:
            plain = debit is None or debit.holder == OPERATOR or record.flags & (_POST | _VOID)
            self.require(plain or record.leg, "debit_unauthorised")
            return
        self.require(record.leg == running.next_leg == record.user_data_32, "leg_number_wrong")
        named = leg_id(running.order.holder, running.order.nonce, record.leg)
        self.require(record.id == named, "leg_id_wrong")
        self.require(record.user_data_128 == running.reference, "leg_reference_wrong")
        running.next_leg += 1
        credit = self.accounts.get(record.credit_account_id)
        if debit is None or credit is None:
            return  # told elsewhere
        if not running.accepted:
            self._leg(record, running, debit, credit)
        elif running.order.type == Type.HOLD:
            self._capture(record, running)
        elif running.to_token:
            list(map(self.fail, running.settle(record)))
        else:
            self._collection(record, running, debit)

    def _signer(
        self, record: Values, order: Values, holder: Holder | None, keys: Container[bytes] = ()
    ) -> bytes | None:
        """Who signed it, once it is theirs to sign, in time, for the first time, and they had seen what they say."""
        order.digest = self._digest(order.struct_hash)
        now, signer = record.timestamp, recover(order.digest, order.signature)
        epoch, heads = (holder.epoch, holder.heads) if holder else (0, {ZERO_32})
        entitled = signer in keys
        if holder is not None:
            entitled = signer == holder.root or holder.keys.get(signer or b"", (_TIME_MAX, b""))[0] <= now
            holder.last_order = record.sequence
        self.require(entitled, "order_signature_wrong")
        self.require(order.keyEpoch == epoch, "order_epoch_wrong")
        self.require(order.seenHead in heads, "order_head_unknown")
        self.require((order.holder, order.nonce) not in self.nonces, "nonce_reused")
        self.nonces.add((order.holder, order.nonce))
        after, before = order.validAfter, order.validBefore
        self.require(after < before <= after + _WINDOW_SECONDS_MAX, "order_window_wrong")
        self.require(after * SECOND <= now, "order_too_early")
        self.require(now < (before + _DEAD_AFTER_SECONDS) * SECOND, "order_too_late")
        return signer

    def _accept(self, record: Values, order: Values) -> Order | None:
        holder, now = self.holders.get(order.holder), record.timestamp
        if order.type == Type.CONTROL:
            self.fail("order_misplaced")
            return None
        self.require(holder, "order_holder_unknown")
        self._signer(record, order, holder)
        self.require(not holder or not holder.frozen, "order_while_frozen")
        reference = first16(order.digest)
        running = Order(order, reference, holder, now, (record.debit_account_id, record.credit_account_id))
        if order.type == Type.HOLD:
            self.require(now < order.until * SECOND <= now + _HOLD_MAX, "hold_until_wrong")
            self.require(ends_in_time(record, order.until), "hold_timeout_wrong")
            running.pending = record.id
        elif order.type == Type.MANDATE:
            terms = order.perPeriodMinor and order.periodSeconds >= 60 and order.count
            self.require(terms and now < order.until * SECOND, "mandate_terms_wrong")
            self.mandates[order.holder, order.nonce] = running
        elif order.type == Type.CONVERT:
            quote = (record.source_kind, record.source_id)
            self.require(quote == (_QUOTE, order.reference) and order.reference != ZERO_32, "conversion_quote_wrong")
            other = order.receiveAsset != order.currency
            self.require(
                other and order.receiveAsset.startswith("eip155:") == running.to_token, "conversion_asset_wrong"
            )
        if order.type in (Type.HOLD, Type.MANDATE) or running.to_token:
            self.orders[reference] = running
        return running

    def _leg(self, record: Values, running: Order, debit: Account, credit: Account) -> None:
        """A leg of the chain that carries out an order: leg 0, a conversion's second, the fee."""
        order, holder, leg = running.order, running.holder, record.leg
        receives, fee = order.type == Type.CONVERT and leg == 1, leg >= running.own_legs
        token = receives and running.to_token
        running.held += [record] * running.to_token
        self.require(debit.holder == (OPERATOR if receives else order.holder), "order_debits_another")
        self.require(debit.purpose == running.purpose_of(leg), "order_account_wrong")
        asked = debit.currency if token else order.receiveAsset if receives else order.currency
        self.require(debit.currency == asked, "order_currency_wrong")
        self.require(receives or debit.exponent == order.exponent, "order_exponent_wrong")
        self.require(record.code == (_FEE if fee else _CODES[order.type]), "leg_code_wrong")
        wanted = _PENDING if running.to_token or (order.type == Type.HOLD and not leg) else 0
        self.require(record.flags & ~_LINKED == wanted, "leg_flags_wrong")
        if fee:
            self.require(leg == running.own_legs and order.type != Type.MANDATE, "order_legs_wrong")
            self.require(credit.holder == OPERATOR and credit.code == Code.FEES, "order_fee_wrong")
        elif receives:
            treasury = credit.holder == OPERATOR and credit.purpose == "treasury"
            self.require(treasury if token else credit.is_main_of(order.holder), "conversion_account_wrong")
            self.require(record.amount and (token or record.amount >= order.receiveMinMinor), "conversion_amount_wrong")
        elif order.type == Type.MANDATE:
            self.require(record.amount == 0, "order_amount_wrong")
        else:
            self.require(record.amount == order.amountMinor > 0, "order_amount_wrong")
        if leg == 0:
            self._target(order, credit)
        if not receives and order.type != Type.MANDATE:
            running.debited += record.amount
            self.require(running.debited <= order.totalMaxMinor, "order_total_exceeded")
            within = not holder or holder.spend(_KINDS[order.type], debit.currency, record.amount, record.timestamp)
            self.require(within, "limit_exceeded")

    def _target(self, order: Values, credit: Account) -> None:
        if order.type in (Type.PAY, Type.MANDATE):
            self.require(credit.is_main_of(order.payee), "order_payee_wrong")
        elif order.type == Type.WITHDRAW:
            self.require(credit.holder == OPERATOR and credit.code == Code.PAYOUT, "order_destination_wrong")
        elif order.type == Type.CONVERT:
            self.require(credit.holder == OPERATOR and credit.purpose == "liquidity", "conversion_account_wrong")
        else:
            self.require(credit.is_main_of(order.captor) and order.captor != order.holder, "hold_captor_wrong")

    def _capture(self, record: Values, running: Order) -> None:
        """A hold's use: part of it is posted and the rest reserved again, or all of it freed."""
        flags, linked = record.flags & ~_LINKED, record.flags & _LINKED
        self.require(record.leg < _HOLD_LEGS_MAX, "use_legs_too_many")
        if running.rest is not None:
            again = flags == _PENDING and not linked and record.amount == running.rest > 0
            same = (record.debit_account_id, record.credit_account_id) == running.accounts
            self.require(again and same and record.code == _CODES[Type.HOLD], "capture_rest_wrong")
            self.require(ends_in_time(record, running.order.until), "hold_timeout_wrong")
            running.pending, running.rest = record.id, None
            return
        pending = self.pendings.get(running.pending)
        found = pending is not None and record.pending_id == running.pending and flags in (_POST, _VOID)
        self.require(found, "capture_pending_wrong")
        self.require(flags == _VOID or record.amount, "capture_amount_wrong")
        if linked:
            self.require(flags == _POST, "capture_rest_wrong")
            running.rest = pending.amount - record.amount if pending else 0

    def _collection(self, record: Values, running: Order, debit: Account) -> None:
        order, holder, now = running.order, running.holder, record.timestamp
        accounts = record.debit_account_id, record.credit_account_id
        self.require(accounts == running.accounts and not record.flags, "collection_accounts_wrong")
        self.require(record.code == _COLLECTION, "leg_code_wrong")
        period = (now - running.started) // max(1, order.periodSeconds * SECOND)
        self.require(record.user_data_64 == period < order.count, "collection_period_wrong")
        self.require(now < order.until * SECOND, "collection_too_late")
        running.periods[period] = running.periods.get(period, 0) + record.amount
        self.require(record.amount > 0, "collection_amount_wrong")
        self.require(running.periods[period] <= order.perPeriodMinor, "collection_exceeded")
        self.require(not running.revoked, "collection_revoked")
        self.require(not holder or not holder.frozen, "collection_while_frozen")
        within = not holder or holder.spend(_KINDS[Type.MANDATE], debit.currency, record.amount, now)
        self.require(within, "limit_exceeded")

    # Operator's entries: two officers, one or two records.

    def _entry(self, record: Values) -> None:
        entry = self.entry
        count = self.counters.setdefault((record.reason, record.ledger), [0, 0])
        count[0], count[1] = count[0] + 1, count[1] + record.amount
        debit, credit = self.accounts.get(record.debit_account_id), self.accounts.get(record.credit_account_id)
        if debit is None or credit is None:
            self.fail("account_unknown")
            return
        if entry is None:
            self.entry = entry = record
            entry.next_leg, entry.missing = 0, 0
            self._officers(record, debit)
        self._same(record, entry, _SIGNED_BY_OFFICERS, "entry_differs")
        leg = entry.next_leg
        entry.next_leg += 1
        said = (record.user_data_32, record.id, record.code, record.source_kind)
        self.require(said == (leg, leg_id(OPERATOR, record.nonce, leg), _ENTRY, 0), "entry_malformed")
        self.require(record.flags & (_POST | _VOID) or not record.pending_id, "pending_id_unexpected")
        topic = record.reason_code if record.reason == _HELD else record.reason
        papers = topic == _COMPELLED or (record.document == ZERO_32 and not record.cap)
        named = (topic == _UNDOING or not record.undoes) and (topic == _RECOVERY or record.successor == ZERO_32)
        self.require(papers and named and (record.reason == _HELD or not record.until), "entry_malformed")
        if leg:
            recovers = record.reason == _RECOVERY
            source = debit.id == entry.debit_account_id if recovers else debit.code == Code.RECEIVABLE
            whole = not record.flags and credit.id == entry.credit_account_id and record.amount == entry.missing
            self.require(source and whole, "recovery_not_whole" if recovers else "entry_receivable_wrong")
        elif record.reason == _HELD:
            self._hold(record, debit, credit)
        elif record.reason == _CREDIT:
            people = debit.holder == OPERATOR and not debit.weight and credit.is_main_of(credit.holder)
            self.require(people, "entry_accounts_wrong")
            self.require(not record.flags, "entry_flags_wrong")
            self.require(record.amount == record.user_data_64, "entry_amount_wrong")
            self.require(record.reason_code in (1, 2, 3), "entry_reason_unknown")
        elif record.reason == _COMPELLED and record.reason_code > 100:
            self.require(record.flags == _BALANCING_DEBIT, "entry_flags_wrong")
            self._takes(record, debit)
            self._compelled(record, credit, record.amount)
        elif record.reason in (_RELEASE, _UNDOING, _COMPELLED, _RECOVERY):
            self._after_hold(record, self.pendings.get(record.pending_id), credit)
        else:
            self.fail("entry_reason_unknown")

    def _officers(self, record: Values, debit: Account) -> None:
        """Two of them, in force, in order, have signed just this, once."""
        words = [record.reason, record.reason_code, record.undoes, record.document, record.cap, record.until]
        words += [record.successor, record.nonce, record.debit_account_id, record.credit_account_id]
        words += [record.user_data_64, record.pending_id, keccak256(debit.currency.encode()), debit.exponent]
        wire = b"".join(w if isinstance(w, bytes) else w.to_bytes(32, "big") for w in words)
        digest = self._digest(keccak256(keccak256(ENTRY_TYPE) + wire))
        both = (record.officer_1, record.officer_2)
        in_force = all(self.officers.get(o, (_TIME_MAX, b""))[0] <= record.timestamp for o in both)
        self.require(in_force and both[0] < both[1], "entry_officers_wrong")
        signers = recover(digest, record.signature_1), recover(digest, record.signature_2)
        self.require(signers == both, "entry_signature_wrong")
        self.require(record.user_data_128 == first16(digest), "entry_malformed")
        self.require((OPERATOR, record.nonce) not in self.nonces, "nonce_reused")
        self.nonces.add((OPERATOR, record.nonce))

    def _takes(self, record: Values, debit: Account) -> None:
        """From a person's main account, as much of the sum as is free there."""
        self.require(debit.is_main_of(debit.holder), "entry_accounts_wrong")
        self.require(record.amount == min(record.user_data_64, max(0, debit.free)), "entry_amount_wrong")

    def _hold(self, record: Values, debit: Account, credit: Account) -> None:
        now, code, signed = record.timestamp, record.reason_code, record.user_data_64
        self.require(record.flags == _PENDING | _BALANCING_DEBIT, "entry_flags_wrong")
        self._takes(record, debit)
        notice = _NOTICE_OF_RECOVERY if code == 3 else _NOTICE
        self.require(now + notice <= record.until * SECOND <= now + _NOTICE_MAX, "entry_until_wrong")
        self.require(ends_in_time(record, record.until), "entry_until_wrong")
        if code == 1:
            source, to, amount = self.credited.get(record.undoes, (0, 0, 0))
            self.require((source, to) == (credit.id, debit.id), "undoing_of_nothing")
            self.undone[record.undoes] = self.undone.get(record.undoes, 0) + signed
            self.require(self.undone[record.undoes] <= amount, "undoing_exceeds_rest")
        elif code == 2:
            self._compelled(record, credit, 0)
        elif code == 3:
            holder = self.holders.get(debit.holder)
            self.require(holder and holder.recovery & 1 and signed == _MINOR_MAX, "recovery_refused")
            to_successor = record.successor in self.holders and credit.is_main_of(record.successor)
            self.require(to_successor, "entry_accounts_wrong")
        else:
            self.require(code == 4, "entry_reason_unknown")
            self.require(credit.holder == OPERATOR and credit.purpose == "inquiry", "entry_accounts_wrong")

    def _compelled(self, record: Values, credit: Account, moved: int) -> None:
        self.require(credit.holder == OPERATOR and credit.purpose == "compelled", "entry_accounts_wrong")
        self.require(record.document != ZERO_32 and record.cap, "compelled_without_document")
        known = self.caps.setdefault(record.document, [record.cap, 0])
        known[1] += moved
        self.require(known[0] == record.cap, "compelled_cap_changed")
        self.require(known[1] <= record.cap, "compelled_cap_exceeded")

    def _after_hold(self, record: Values, held: Values | None, credit: Account) -> None:
        """What became of a hold of the operator's: freed, or carried out once its notice is over."""
        if held is None or held.kind != Kind.OPERATOR:
            self.fail("entry_hold_unknown")
            return
        reason, signed = record.reason, record.user_data_64
        self.require(record.flags & ~_LINKED == (_VOID if reason == _RELEASE else _POST), "entry_flags_wrong")
        if reason == _RELEASE:
            self.require(signed == held.amount, "entry_amount_wrong")
            return
        self.require(held.reason_code == reason, "entry_hold_unknown")
        notice = _NOTICE_OF_RECOVERY if reason == _RECOVERY else _NOTICE
        self.require(record.timestamp >= held.timestamp + notice, "entry_too_early")
        if reason == _COMPELLED:
            self.require(record.reason_code in (1, 2), "entry_reason_unknown")
            self.require(record.document == held.document and record.amount <= signed, "entry_differs_from_hold")
            self._compelled(record, credit, record.amount)
            return
        same = (record.undoes, record.successor, signed) == (held.undoes, held.successor, held.user_data_64)
        self.require(same and record.amount == held.amount, "entry_differs_from_hold")
        if reason == _UNDOING:
            self.require(record.reason_code in (1, 2), "entry_reason_unknown")
            record.missing = signed - record.amount
        else:
            holder = self.holders.get(record.debit_holder)
            self.require(holder and holder.last_order < held.sequence, "recovery_refused")
            record.missing = max(0, self.accounts[record.debit_account_id].free)
