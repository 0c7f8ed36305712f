"""Is the journal intact? Walks every record from the genesis on and works everything else out from them again.

Checks: canonical records without gaps, times that only grow, leaves and Merkle roots, seals and their signatures, the
order signatures, the holders' chains, and each balance by the machine itself; then that the tables tell the same. It
trusts the records' bytes and nothing beside them, so whatever was changed by hand is named with its sequence.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from sqlalchemy import RowMapping, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from fiat.errors import FiatError
from fiat.history_officers import differences
from fiat.history_replay import Replay
from fiat.journal_store import holder_of, read_head
from fiat.order import ZERO_32
from fiat.record import GenesisRecord, Record, decode, leaf_hash, ledger_id
from fiat.seal import Seal, merkle_root
from fiat.tables import accounts, holder_heads, holders, orders, pendings, records, seals, transfers

PAGE = 1000
PROBLEMS_MAX = 100
_BALANCES = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")


@dataclass(frozen=True, slots=True)
class Problem:
    """What does not add up, and at which record (the last sequence where it is about the state at the end)."""

    sequence: int
    reason: str


@dataclass(slots=True)
class Check:
    """The verdict: how much was read and what is wrong with it, at most the first hundred things."""

    records: int = 0
    seals: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        return not self.problems

    def problem(self, sequence: int, reason: str) -> None:
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(Problem(sequence, reason))


async def verify(engine: AsyncEngine) -> Check:
    """Walk the whole journal in one snapshot. Takes memory for every account, transfer id and holder."""
    async with engine.connect() as conn:
        return await verify_on(conn)


async def verify_on(conn: AsyncConnection) -> Check:
    """The same in the caller's transaction."""
    check = Check()
    walk = _Walk(check)
    await walk.records(conn)
    if walk.replay is not None:
        await _compare_transfers(conn, walk.replay, check)
        await _compare_state(conn, walk.replay, check)
        await _compare_head(conn, walk, check)
    return check


class _Walk:
    """The records in order, under their seals."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.ledger_id = ZERO_32
        self.operator = b""
        self.replay: Replay | None = None
        self.sequence = -1
        self.timestamp = 0
        self.seal: Seal | None = None
        self.leaves: list[bytes] = []

    async def records(self, conn: AsyncConnection) -> None:
        every_seal = {row["number"]: Seal(**row) async for row in _rows(conn, seals, "number")}
        async for row in _rows(conn, records, "sequence"):
            self._row(row, every_seal)
        self._close_seal()
        if self.replay is None:
            self.check.problem(0, "there is no genesis record")
        if len(every_seal) != self.check.seals:
            self.check.problem(self.sequence, "a seal seals no record")

    def _row(self, row: RowMapping, every_seal: dict[int, Seal]) -> None:
        sequence, body = row["sequence"], row["body"]
        if sequence != self.sequence + 1:
            self.check.problem(sequence, f"does not follow record {self.sequence}")
        self.sequence = sequence
        self.check.records += 1
        if self.seal is None or row["seal_number"] != self.seal.number:
            self._close_seal()
            self._open_seal(every_seal.get(row["seal_number"]), sequence)
        self.leaves.append(leaf_hash(body))
        try:
            record = decode(body)
        except FiatError as error:
            self.check.problem(sequence, f"is not canonical: {error}")
            return
        if (record.sequence, int(record.KIND), record.timestamp) != (sequence, row["kind"], row["timestamp"]):
            self.check.problem(sequence, "says another sequence, kind or time than its row")
        if record.timestamp <= self.timestamp:
            self.check.problem(sequence, "is not younger than the record before it")
        self.timestamp = record.timestamp
        self._replay(record, body)

    def _replay(self, record: Record, body: bytes) -> None:
        if self.replay is None:
            if not isinstance(record, GenesisRecord):
                self.check.problem(record.sequence, "stands before the genesis record")
                return
            self.ledger_id, self.operator = ledger_id(body), record.operator
            self.replay = Replay(self.ledger_id)
            if self.seal is not None:
                self._check_signature(self.seal)
            return
        for reason in self.replay.record(record, self.leaves[-1]):
            self.check.problem(record.sequence, reason)

    def _open_seal(self, seal: Seal | None, sequence: int) -> None:
        before, self.seal, self.leaves = self.seal, seal, []
        if seal is None:
            self.check.problem(sequence, "has no seal")
            return
        self.check.seals += 1
        previous = before.digest(self.ledger_id) if before is not None else ZERO_32
        number = before.number + 1 if before is not None else 0
        if (seal.number, seal.previous) != (number, previous):
            self.check.problem(sequence, "its seal does not follow the seal before it")
        if seal.first_sequence != sequence:
            self.check.problem(sequence, "its seal begins at another record")
        if self.operator:
            self._check_signature(seal)

    def _check_signature(self, seal: Seal) -> None:
        try:
            seal.check(self.ledger_id, self.operator)
        except FiatError:
            self.check.problem(seal.first_sequence, "its seal is not signed by the operator's key")

    def _close_seal(self) -> None:
        seal = self.seal
        if seal is None:
            return
        if len(self.leaves) != seal.size:
            self.check.problem(self.sequence, f"its seal is over {seal.size} records, not {len(self.leaves)}")
        elif merkle_root(self.leaves) != seal.root:
            self.check.problem(seal.first_sequence, f"the root of seal {seal.number} is not that of its records")
        for reason in self.replay.officers.at_seal(seal.counters) if self.replay is not None else ():
            self.check.problem(self.sequence, reason)


async def _rows(conn: AsyncConnection, table: Table, key: str) -> AsyncIterator[RowMapping]:
    """Every row in order of its key, a page at a time."""
    after = -1
    while True:
        query = select(table).where(table.c[key] > after).order_by(table.c[key]).limit(PAGE)
        page = (await conn.execute(query)).mappings().all()
        for row in page:
            yield row
        if len(page) < PAGE:
            return
        after = page[-1][key]


async def _compare_transfers(conn: AsyncConnection, replay: Replay, check: Check) -> None:
    """The wide rows against the replayed movements."""
    seen = 0
    async for row in _rows(conn, transfers, "sequence"):
        seen += 1
        expected = replay.rows.get(row["sequence"])
        if expected is None:
            check.problem(row["sequence"], "a transfer's row stands for no record")
            continue
        wrong = [name for name, value in expected.items() if row[name] != value]
        if wrong:
            check.problem(row["sequence"], f"its row differs from the replay in {', '.join(sorted(wrong))}")
    if seen != len(replay.rows):
        check.problem(max(replay.rows), "a transfer's row is missing")


async def _compare_state(conn: AsyncConnection, replay: Replay, check: Check) -> None:
    """Balances, versions, pending transfers, holders, their heads and accepted orders, as they are at the end."""
    last = replay.sequence
    stored = {row["id"]: row for row in (await conn.execute(select(accounts))).mappings()}
    for account_id in stored.keys() ^ replay.book.accounts.keys():
        check.problem(last, f"account {account_id:#034x} stands on one side only")
    for account_id in stored.keys() & replay.book.accounts.keys():
        account, row = replay.book.accounts[account_id], stored[account_id]
        wrong = [name for name in (*_BALANCES, "flags", "ledger", "code") if row[name] != getattr(account, name)]
        if row["version"] != replay.versions.get(account_id, 0):
            wrong.append("version")
        if wrong:
            check.problem(last, f"account {account_id:#034x} differs from the replay in {', '.join(wrong)}")
    found = {row["id"]: row["resolution"] for row in (await conn.execute(select(pendings))).mappings()}
    if found != {i: int(resolution) for i, resolution in replay.book.resolutions.items()}:
        check.problem(last, "the pending transfers differ from the replay")
    people = {row["id"]: holder_of(row) for row in (await conn.execute(select(holders))).mappings()}
    for holder_id in people.keys() | replay.holders.keys():
        if people.get(holder_id) != replay.holders.get(holder_id):
            check.problem(last, f"holder 0x{holder_id.hex()} differs from the replay")
    heads = {(row["holder"], row["count"]): (row["head"], row["sequence"]) for row in await _all(conn, holder_heads)}
    if heads != replay.heads:
        check.problem(last, "the holders' heads differ from the replay")
    accepted = {
        (r["holder"], r["nonce"]): (r["digest"], r["sequence"]) for r in await _all(conn, orders) if r["sequence"]
    }
    if accepted != replay.orders:
        check.problem(last, "the accepted orders differ from the replay")
    for reason in await differences(conn, replay.officers):
        check.problem(last, reason)


async def _compare_head(conn: AsyncConnection, walk: _Walk, check: Check) -> None:
    head = await read_head(conn)
    if head is None or walk.seal is None:
        check.problem(walk.sequence, "the head is gone")
        return
    digest = replace(walk.seal, signature=b"").digest(walk.ledger_id)
    if (head.sequence, head.seal_number, head.seal_digest) != (walk.sequence, walk.seal.number, digest):
        check.problem(walk.sequence, "the head names another record or seal than the last")


async def _all(conn: AsyncConnection, table: Table) -> list[RowMapping]:
    return list((await conn.execute(select(table))).mappings())
