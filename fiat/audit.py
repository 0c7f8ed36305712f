"""The auditor: reads an exported journal (docs/export.md) and says whether it can be what it claims to be.

It stands alone on purpose and imports nothing of the ledger: formats and rules are written here a second time, from
docs/records.md, with keccak-256, SHA-256 and secp256k1 only. What it trusts is the ledgerId that its reader compares:
the genesis record pins the operator's key, the key signs the seals, and everything else follows from the records.

A prefix of a journal is a journal: whoever holds a later seal, receipt or head compares it with `Report.last_seal`.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

from coincurve import PublicKey
from Crypto.Hash import keccak as _keccak

MAGIC = b"tandem-journal-1"
RECORD_LENGTH_MAX = 4096
BATCH_SIZE_MAX = 1_000_000
FAILURES_MAX = 100

ZERO_32, OPERATOR = bytes(32), bytes(32)
_U128_MAX, _AMOUNT_MAX, _TIME_MAX = (1 << 128) - 1, (1 << 63) - 1, (1 << 63) - 1
_SECOND = 1_000_000_000
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_WINDOW_SECONDS_MAX = 16 * 60
_DEAD_AFTER_SECONDS = 3600
_DUE_AT_ONCE = 1000
"""Expiries before one batch; what is due beyond them comes before the next."""
_DUE_SLACK = 1_000_000
"""Nanoseconds that a batch's refused events may have used up after its expiries were decided."""

_GENESIS, _ACCOUNT, _KEY, _TRANSFER, _EXPIRY, _OPERATOR = range(6)
_LINKED, _PENDING, _POST, _VOID = 1, 2, 4, 8
_BALANCING_DEBIT, _BALANCING_CREDIT, _CLOSING_DEBIT, _CLOSING_CREDIT = 16, 32, 64, 128
_DEBITS_BOUND, _CREDITS_BOUND, _HISTORY = 2, 4, 8

_MOVEMENT = (
    "id:16 debit_account_id:16 credit_account_id:16 amount:16 pending_id:16 user_data_128:16 user_data_64:8"
    " user_data_32:4 timeout:4 ledger:4 code:2 flags:2 debit_holder:b32 credit_holder:b32 debit_link:b32"
    " credit_link:b32 source_kind:2 source_id:b32"
)
_LAYOUTS = {
    _GENESIS: "operator:b20 random:b32",
    _ACCOUNT: "id:16 holder:b32 link:b32 currency:t8 exponent:1 purpose:t64 ledger:4 code:2 flags:2 user_data_128:16"
    " user_data_64:8 user_data_32:4",
    _KEY: "holder:b32 link:b32 action:1 epoch:4 key:b20 salt:b32 recovery:1 blind:b32 subject:b32 value:8"
    " effective_at:8",
    _TRANSFER: _MOVEMENT + " leg:2",
    _EXPIRY: "pending_id:16 debit_account_id:16 credit_account_id:16 amount:16 ledger:4 debit_holder:b32"
    " credit_holder:b32 debit_link:b32 credit_link:b32",
}
_ORDER_HEAD = (
    "bytes32 holder,uint32 keyEpoch,bytes32 nonce,uint64 validAfter,uint64 validBefore,bytes32 seenHead,{}"
    "bytes32 shown,string currency,uint8 exponent,uint64 amountMinor,uint64 totalMaxMinor,bytes32 reference"
)
_ORDERS = {
    1: "LedgerTransfer(" + _ORDER_HEAD.format("bytes32 payee,") + ")",
    2: "LedgerWithdrawal(" + _ORDER_HEAD.format("bytes32 destination,") + ")",
}
"""The types that a journal can hold today, by their number in records."""
_SEAL_LAYOUT = "number:8 previous:b32 first_sequence:8 size:8 root:b32 counters:b32 timestamp:8 signature:b65"
_SEAL_TYPE = (
    b"LedgerSeal(uint64 number,bytes32 previous,uint64 firstSequence,uint64 size,bytes32 root,bytes32 counters,"
    b"uint64 timestamp)"
)
_DOMAIN_TYPE = b"EIP712Domain(string name,string version,bytes32 salt)"

Values = dict[str, Any]


class Readable(Protocol):
    """An open binary file."""

    def read(self, size: int, /) -> bytes: ...


class Failure(NamedTuple):
    """What does not hold, by its code, and at which record (-1: before the first)."""

    code: str
    sequence: int


@dataclass(slots=True)
class Report:
    """The verdict. `ledger_id` is for the reader to compare; `last_seal` is the last seal's EIP-712 digest."""

    ledger_id: bytes = ZERO_32
    operator: bytes = bytes(20)
    records: int = 0
    seals: int = 0
    sequence: int = -1
    timestamp: int = 0
    last_seal: bytes = ZERO_32
    failures: list[Failure] = field(default_factory=list)

    @property
    def honest(self) -> bool:
        return not self.failures

    @property
    def codes(self) -> set[str]:
        return {failure.code for failure in self.failures}


class Unreadable(Exception):
    """The bytes cannot be read further; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def audit(file: Readable) -> Report:
    """Read a whole export. Takes memory for every account, holder and transfer id."""
    auditor = _Auditor()
    try:
        auditor.read(file)
    except Unreadable as stopped:
        auditor.fail(stopped.code)
    return auditor.report


def keccak256(data: bytes) -> bytes:
    return _keccak.new(digest_bits=256, data=data).digest()


def _fields(layout: str) -> tuple[list[tuple[str, int, int, str]], int]:
    """(name, begin, end, kind) of each field, and the whole width."""
    parsed, offset = [], 0
    for item in layout.split():
        name, _, width = item.partition(":")
        kind = width[0] if width[0] in "bt" else "u"
        end = offset + int(width.lstrip("bt"))
        parsed.append((name, offset, end, kind))
        offset = end
    return parsed, offset


def _order_fields(type_string: str) -> tuple[list[tuple[str, int, int, str]], int]:
    """The same for an order's fields at their Solidity widths."""
    layout = []
    for item in type_string[type_string.index("(") + 1 : -1].split(","):
        kind, name = item.split(" ")
        width = "t8" if kind == "string" else "b32" if kind == "bytes32" else str(int(kind[4:]) // 8)
        layout.append(f"{name}:{width}")
    return _fields(" ".join(layout))


_PARSED = {kind: _fields(layout) for kind, layout in _LAYOUTS.items()}
_PARSED_SEAL = _fields(_SEAL_LAYOUT)
_PARSED_ORDERS = {
    code: (*_order_fields(type_string), keccak256(type_string.encode())) for code, type_string in _ORDERS.items()
}


def _text(wire: bytes) -> str:
    text = wire.rstrip(b"\0")
    if not all(32 <= byte < 127 for byte in text):
        raise Unreadable("record_text_wrong")
    return text.decode("ascii")


def _values(fields: list[tuple[str, int, int, str]], body: bytes, at: int) -> Values:
    found: Values = {}
    for name, begin, end, kind in fields:
        wire = body[at + begin : at + end]
        found[name] = int.from_bytes(wire, "big") if kind == "u" else wire if kind == "b" else _text(wire)
    return found


def parse_record(body: bytes) -> Values:
    """A record's fields by name; an order's under `order`. Raises Unreadable for what is no canonical record."""
    if len(body) < 18:
        raise Unreadable("record_length_wrong")
    version, kind = body[0], body[1]
    if version != 1:
        raise Unreadable("record_version_unknown")
    if kind == _OPERATOR:
        raise Unreadable("operator_record_unknown")  # no officer can exist yet, so none can have signed one
    if kind not in _PARSED:
        raise Unreadable("record_kind_unknown")
    fields, width = _PARSED[kind]
    end = 18 + width
    if len(body) < end:
        raise Unreadable("record_length_wrong")
    record: Values = {
        "kind": kind,
        "sequence": int.from_bytes(body[2:10], "big"),
        "timestamp": int.from_bytes(body[10:18], "big"),
        "order": None,
    } | _values(fields, body, 18)
    if kind in (_KEY, _TRANSFER):
        code = body[end] if len(body) > end else -1
        end += 1
        if code:
            record["order"], end = _parse_order(code, body, end)
    if len(body) != end:
        raise Unreadable("record_length_wrong")
    return record


def _parse_order(code: int, body: bytes, at: int) -> tuple[Values, int]:
    if code not in _PARSED_ORDERS:
        raise Unreadable("order_type_unknown")
    fields, width, type_hash = _PARSED_ORDERS[code]
    if len(body) != at + width + 65:
        raise Unreadable("record_length_wrong")
    words = [type_hash]
    for _, begin, end, kind in fields:
        wire = body[at + begin : at + end]
        words.append(keccak256(wire.rstrip(b"\0")) if kind == "t" else wire.rjust(32, b"\0"))
    order = _values(fields, body, at) | {"type": code, "struct_hash": keccak256(b"".join(words))}
    order["signature"] = body[at + width :]
    return order, at + width + 65


def recover(digest: bytes, signature: bytes) -> bytes | None:
    """The 20-byte address that signed; None for anything but 65 bytes r, s, v with v 27 or 28 and low s."""
    if len(signature) != 65 or signature[64] not in (27, 28):
        return None
    if not 0 < int.from_bytes(signature[32:64], "big") <= _HALF_ORDER:
        return None
    recoverable = signature[:64] + bytes([signature[64] - 27])
    try:
        key = PublicKey.from_signature_and_message(recoverable, digest, hasher=None)
    except Exception:  # coincurve raises bare ValueError and Exception
        return None
    return keccak256(key.format(compressed=False)[1:])[12:]


def merkle_root(leaves: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, by its recursive definition turned over: pairs upwards, an odd one rises."""
    while len(leaves) > 1:
        paired = [sha256(b"\1" + leaves[i] + leaves[i + 1]).digest() for i in range(0, len(leaves) - 1, 2)]
        leaves = paired + leaves[len(paired) * 2 :]
    return leaves[0]


def ledger_number(currency: str) -> int:
    """The currency's code read as a bijective base-37 number."""
    number = 0
    for letter in currency:
        number = number * 37 + "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ".find(letter) + 1
    return number


@dataclass(slots=True)
class _Account:
    holder: bytes
    ledger: int
    currency: str
    exponent: int
    purpose: str
    flags: int
    closed: bool = False
    debits_pending: int = 0
    debits_posted: int = 0
    credits_pending: int = 0
    credits_posted: int = 0


@dataclass(slots=True)
class _Holder:
    id: bytes
    key: bytes
    epoch: int
    blind: bytes
    count: int
    head: bytes
    heads: set[bytes]


@dataclass(slots=True)
class _Running:
    """The order whose legs are being read."""

    order: Values
    digest: bytes
    next_leg: int
    debited: int


class _Auditor:
    """The state after the records read so far, and what was wrong with them."""

    def __init__(self) -> None:
        self.report = Report()
        self.domain = b""
        self.accounts: dict[int, _Account] = {}
        self.holders: dict[bytes, _Holder] = {}
        self.exponents: dict[str, int] = {}
        self.ids: set[int] = set()
        self.pendings: dict[int, Values] = {}
        self.due: list[tuple[int, int, int]] = []
        self.nonces: set[tuple[bytes, bytes]] = set()
        self.sources: set[tuple[int, bytes]] = set()
        self.running: _Running | None = None
        self.chained = False
        self.expired_now = 0
        self.seal_time = 0

    def fail(self, code: str) -> None:
        if len(self.report.failures) < FAILURES_MAX:
            self.report.failures.append(Failure(code, self.report.sequence))

    def require(self, holds: object, code: str) -> None:
        if not holds:
            self.fail(code)

    # The file and its seals.

    def read(self, file: Readable) -> None:
        if file.read(len(MAGIC)) != MAGIC:
            raise Unreadable("magic_wrong")
        fields, width = _PARSED_SEAL
        while wire := file.read(width):
            if len(wire) != width:
                raise Unreadable("export_truncated")
            self._batch(_values(fields, wire, 0), file)
        self.require(self.report.seals, "genesis_missing")

    def _batch(self, seal: Values, file: Readable) -> None:
        report = self.report
        if not 0 < seal["size"] <= BATCH_SIZE_MAX:
            raise Unreadable("seal_size_wrong")
        self.require(seal["number"] == report.seals, "seal_number_wrong")
        self.require(seal["previous"] == report.last_seal, "seal_previous_wrong")
        self.require(seal["first_sequence"] == report.sequence + 1, "seal_sequence_wrong")
        self.require(seal["counters"] == ZERO_32, "seal_counters_wrong")
        self.expired_now, first = 0, True
        leaves = []
        for _ in range(seal["size"]):
            body = self._body(file)
            leaves.append(sha256(b"\0" + body).digest())
            record = parse_record(body)
            if first and record["kind"] != _EXPIRY:
                self._nothing_due(record["timestamp"])
                first = False
            self._record(record, body, leaves[-1])
        self._close_chain()
        self.require(merkle_root(leaves) == seal["root"], "seal_root_wrong")
        self.require(report.timestamp <= seal["timestamp"] <= _TIME_MAX, "seal_time_wrong")
        words = [keccak256(_SEAL_TYPE), seal["number"], seal["previous"], seal["first_sequence"], seal["size"]]
        words += [seal["root"], seal["counters"], seal["timestamp"]]
        digest = self._digest(keccak256(b"".join(w.to_bytes(32, "big") if isinstance(w, int) else w for w in words)))
        self.require(recover(digest, seal["signature"]) == report.operator, "seal_signature_wrong")
        self.seal_time, report.last_seal = seal["timestamp"], digest
        report.seals += 1

    def _body(self, file: Readable) -> bytes:
        prefix = file.read(4)
        length = int.from_bytes(prefix, "big")
        if len(prefix) != 4:
            raise Unreadable("export_truncated")
        if length > RECORD_LENGTH_MAX:
            raise Unreadable("record_length_wrong")
        body = file.read(length)
        if len(body) != length:
            raise Unreadable("export_truncated")
        return body

    def _digest(self, struct_hash: bytes) -> bytes:
        return keccak256(b"\x19\x01" + self.domain + struct_hash)

    # Records.

    def _record(self, record: Values, body: bytes, leaf: bytes) -> None:
        report = self.report
        self.require(record["sequence"] == report.sequence + 1, "sequence_gap")
        self.require(max(report.timestamp, self.seal_time) < record["timestamp"] <= _TIME_MAX, "time_not_increasing")
        report.sequence, report.timestamp = record["sequence"], record["timestamp"]
        report.records += 1
        kind = record["kind"]
        if kind == _GENESIS:
            self._genesis(record, body)
            return
        if not self.domain:
            raise Unreadable("genesis_missing")
        if kind != _TRANSFER:
            self._close_chain()
        if kind == _KEY:
            self._key(record)
            self._link({record["holder"]: record["link"]}, leaf)
        elif kind == _ACCOUNT:
            self._account(record)
            self._link({record["holder"]: record["link"]}, leaf)
        else:
            (self._expiry if kind == _EXPIRY else self._transfer)(record)
            self._sides(record, leaf)

    def _genesis(self, record: Values, body: bytes) -> None:
        if self.domain:
            raise Unreadable("genesis_repeated")
        self.require(record["sequence"] == 0, "genesis_missing")
        self.report.ledger_id, self.report.operator = keccak256(body), record["operator"]
        words = (keccak256(_DOMAIN_TYPE), keccak256(b"Tandem Ledger"), keccak256(b"1"), self.report.ledger_id)
        self.domain = keccak256(b"".join(words))

    def _key(self, record: Values) -> None:
        holder_id = record["holder"]
        self.require(record["action"] == 1, "key_action_unknown")
        self.require(record["order"] is None, "key_order_unexpected")
        self.require(record["epoch"] == 1, "key_epoch_wrong")
        unused = (record["subject"], record["value"], record["effective_at"])
        self.require(unused == (ZERO_32, 0, 0) and record["recovery"] < 2, "key_malformed")
        document = b"\1" + record["key"] + record["salt"] + bytes([record["recovery"]])
        self.require(keccak256(document) == holder_id, "holder_id_wrong")
        if holder_id in self.holders:
            self.fail("holder_reopened")
            return
        fresh = _Holder(holder_id, record["key"], record["epoch"], record["blind"], 0, holder_id, {holder_id})
        self.holders[holder_id] = fresh

    def _account(self, record: Values) -> None:
        currency, holder_id, flags = record["currency"], record["holder"], record["flags"]
        named = holder_id + currency.encode().ljust(8, b"\0") + record["purpose"].encode()
        self.require(record["id"] == int.from_bytes(keccak256(named)[:16], "big"), "account_id_wrong")
        self.require(record["ledger"] == ledger_number(currency) > 0, "account_ledger_wrong")
        self.require(record["purpose"] and record["code"], "account_malformed")
        self.require(self.exponents.setdefault(currency, record["exponent"]) == record["exponent"], "exponent_changed")
        bounds = flags & (_DEBITS_BOUND | _CREDITS_BOUND)
        self.require(not flags & ~(_DEBITS_BOUND | _CREDITS_BOUND | _HISTORY) and bounds != 6, "account_flags_wrong")
        self.require(holder_id == OPERATOR or flags & _DEBITS_BOUND, "account_floor_missing")
        if record["id"] in self.accounts:
            self.fail("account_reopened")
            return
        self.accounts[record["id"]] = _Account(
            holder_id, record["ledger"], currency, record["exponent"], record["purpose"], flags
        )

    # Holders' chains.

    def _sides(self, record: Values, leaf: bytes) -> None:
        debit, credit = record["debit_holder"], record["credit_holder"]
        owners = [self.accounts.get(record[f"{side}_account_id"]) for side in ("debit", "credit")]
        self.require([a.holder if a else None for a in owners] == [debit, credit], "holder_wrong")
        links = {debit: record["debit_link"], credit: record["credit_link"]}
        self.require(links[debit] == record["debit_link"], "link_wrong")
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

    # Expiries.

    def _nothing_due(self, timestamp: int) -> None:
        """Whatever was due before the batch was released at its beginning."""
        while self.due and self.due[0][2] not in self.pendings:
            heapq.heappop(self.due)
        late = bool(self.due) and self.due[0][0] <= timestamp - _DUE_SLACK
        self.require(not late or self.expired_now >= _DUE_AT_ONCE, "expiry_missing")

    def _expiry(self, record: Values) -> None:
        self.expired_now += 1
        pending = self.pendings.get(record["pending_id"])
        if pending is None:
            self.fail("expiry_of_nothing")
            return
        due_at = _due_at(pending)
        self.require(due_at and due_at <= record["timestamp"], "expiry_too_early")
        while self.due and self.due[0][2] not in self.pendings:
            heapq.heappop(self.due)
        in_turn = not due_at or (self.due and self.due[0][2] == record["pending_id"])
        self.require(in_turn, "expiry_out_of_turn")
        same = all(record[n] == pending[n] for n in ("debit_account_id", "credit_account_id", "amount", "ledger"))
        self.require(same, "expiry_differs")
        self._release(pending, 0, reopen=True)

    def _release(self, pending: Values, posted: int, *, reopen: bool) -> None:
        debit, credit = self.accounts[pending["debit_account_id"]], self.accounts[pending["credit_account_id"]]
        debit.debits_pending -= pending["amount"]
        credit.credits_pending -= pending["amount"]
        debit.debits_posted += posted
        credit.credits_posted += posted
        if reopen and pending["flags"] & _CLOSING_DEBIT:
            debit.closed = False
        if reopen and pending["flags"] & _CLOSING_CREDIT:
            credit.closed = False
        del self.pendings[pending["id"]]

    # Transfers.

    def _transfer(self, record: Values) -> None:
        self.require(0 < record["id"] < _U128_MAX, "id_malformed")
        self.require(record["id"] not in self.ids, "id_reused")
        self.ids.add(record["id"])
        self._chain_and_order(record)
        self._source(record)
        if self._flags_hold(record["flags"]):
            if record["flags"] & (_POST | _VOID):
                self._resolve(record)
            else:
                self._move(record)

    def _flags_hold(self, flags: int) -> bool:
        resolving = flags & (_POST | _VOID)
        allowed = resolving | _LINKED if resolving else 0xFF
        closing_alone = flags & (_CLOSING_DEBIT | _CLOSING_CREDIT) and not flags & _PENDING
        holds = not flags & ~allowed and resolving != _POST | _VOID and not closing_alone
        self.require(holds, "flags_wrong")
        return holds

    def _source(self, record: Values) -> None:
        kind, source = record["source_kind"], record["source_id"]
        if not kind:
            self.require(source == ZERO_32, "source_malformed")
            return
        self.require((kind, source) not in self.sources, "source_reused")
        self.sources.add((kind, source))

    def _move(self, record: Values) -> None:
        debit = self.accounts.get(record["debit_account_id"])
        credit = self.accounts.get(record["credit_account_id"])
        if debit is None or credit is None or debit is credit:
            self.fail("account_unknown" if debit is not credit else "accounts_same")
            return
        self.require(record["ledger"] == debit.ledger == credit.ledger, "ledger_wrong")
        self.require(record["code"], "code_missing")
        self.require(not record["pending_id"], "pending_id_unexpected")
        pending = record["flags"] & _PENDING
        self.require(pending or not record["timeout"], "timeout_unexpected")
        self.require(not debit.closed and not credit.closed, "account_closed")
        self._bounds(record, debit, credit)
        amount = record["amount"]
        if pending:
            debit.debits_pending += amount
            credit.credits_pending += amount
            debit.closed = debit.closed or bool(record["flags"] & _CLOSING_DEBIT)
            credit.closed = credit.closed or bool(record["flags"] & _CLOSING_CREDIT)
            self.pendings[record["id"]] = record
            if record["timeout"]:
                heapq.heappush(self.due, (_due_at(record), record["timestamp"], record["id"]))
        else:
            debit.debits_posted += amount
            credit.credits_posted += amount

    def _bounds(self, record: Values, debit: _Account, credit: _Account) -> None:
        amount, flags = record["amount"], record["flags"]
        debits, credits_ = debit.debits_pending + debit.debits_posted, credit.credits_pending + credit.credits_posted
        self.require(max(debits, credits_) + amount <= _AMOUNT_MAX, "balance_overflows")
        free = debit.credits_posted - debits
        self.require(amount <= free or not debit.flags & _DEBITS_BOUND, "balance_below_floor")
        wanting = credit.debits_posted - credits_
        self.require(amount <= wanting or not credit.flags & _CREDITS_BOUND, "balance_above_ceiling")
        if flags & _BALANCING_DEBIT and amount > max(0, free):
            self.fail("balancing_too_much")
        if flags & _BALANCING_CREDIT and amount > max(0, wanting):
            self.fail("balancing_too_much")

    def _resolve(self, record: Values) -> None:
        pending = self.pendings.get(record["pending_id"])
        if pending is None:
            self.fail("pending_resolved" if record["pending_id"] in self.ids else "pending_unknown")
            return
        due_at = _due_at(pending)
        self.require(not due_at or record["timestamp"] < due_at, "pending_expired")
        names = ("debit_account_id", "credit_account_id", "ledger", "code")
        self.require(all(record[n] == pending[n] for n in names), "pending_differs")
        self.require(not record["timeout"], "timeout_unexpected")
        self.require(record["amount"] <= pending["amount"], "pending_exceeded")
        voids = record["flags"] & _VOID
        self.require(not voids or record["amount"] == pending["amount"], "void_partial")
        closed = any(self.accounts[pending[f"{side}_account_id"]].closed for side in ("debit", "credit"))
        self.require(voids or not closed, "account_closed")
        self._release(pending, 0 if voids else record["amount"], reopen=bool(voids))

    # Orders: who allowed it.

    def _close_chain(self) -> None:
        """At a batch's end, or before a record that is no transfer: a linked chain must have ended."""
        self.require(not self.chained, "chain_open")
        self.chained, self.running = False, None

    def _chain_and_order(self, record: Values) -> None:
        if not self.chained:
            self.running = None
        if record["order"] is not None:
            self.require(self.running is None, "order_inside_another")
            self._order(record, record["order"])
        running = self.running
        if running is not None:
            self._leg(record, running)
        else:
            self.require(not record["leg"], "leg_without_order")
            debit = self.accounts.get(record["debit_account_id"])
            allowed = debit is None or debit.holder == OPERATOR or record["flags"] & (_POST | _VOID)
            self.require(allowed, "debit_unauthorised")
        self.chained = bool(record["flags"] & _LINKED)

    def _order(self, record: Values, order: Values) -> None:
        """The order that leg 0 carries: its signature, time, nonce and what the holder had seen."""
        digest = self._digest(order["struct_hash"])
        self.running = _Running(order, digest, 0, 0)
        holder = self.holders.get(order["holder"])
        if holder is None:
            self.fail("order_holder_unknown")
        else:
            self.require(recover(digest, order["signature"]) == holder.key, "order_signature_wrong")
            self.require(order["keyEpoch"] == holder.epoch, "order_epoch_wrong")
            self.require(order["seenHead"] in holder.heads, "order_head_unknown")
        key = order["holder"], order["nonce"]
        self.require(key not in self.nonces, "nonce_reused")
        self.nonces.add(key)
        after, before = order["validAfter"], order["validBefore"]
        self.require(after < before <= after + _WINDOW_SECONDS_MAX, "order_window_wrong")
        self.require(after * _SECOND <= record["timestamp"], "order_too_early")
        self.require(record["timestamp"] < (before + _DEAD_AFTER_SECONDS) * _SECOND, "order_too_late")
        self.require(record["amount"] == order["amountMinor"] > 0, "order_amount_wrong")
        self._target(record, order)

    def _target(self, record: Values, order: Values) -> None:
        credit = self.accounts.get(record["credit_account_id"])
        if credit is None:
            return  # told elsewhere
        if order["type"] == 1:
            self.require(credit.holder == order["payee"], "order_payee_wrong")
        else:
            payout = credit.holder == OPERATOR and credit.purpose.startswith("payout:")
            self.require(payout, "order_destination_wrong")

    def _leg(self, record: Values, running: _Running) -> None:
        order, leg = running.order, record["leg"]
        self.require(leg == running.next_leg == record["user_data_32"], "leg_number_wrong")
        named = order["holder"] + order["nonce"] + leg.to_bytes(4, "big")
        self.require(record["id"] == int.from_bytes(keccak256(named)[:16], "big"), "leg_id_wrong")
        reference = int.from_bytes(running.digest[:16], "big")
        self.require(record["user_data_128"] == reference, "leg_reference_wrong")
        running.next_leg += 1
        debit = self.accounts.get(record["debit_account_id"])
        if debit is None:
            return  # told elsewhere
        own = debit.holder == order["holder"]
        self.require(own or (leg and debit.holder == OPERATOR), "order_debits_another")
        if own:
            running.debited += record["amount"]
            self.require(running.debited <= order["totalMaxMinor"], "order_total_exceeded")
            self.require(debit.currency == order["currency"], "order_currency_wrong")
            self.require(debit.exponent == order["exponent"], "order_exponent_wrong")


def _due_at(pending: Values) -> int:
    """The instant (ns) from which it is expired; 0 for never."""
    return int(pending["timestamp"] + pending["timeout"] * _SECOND) if pending["timeout"] else 0
