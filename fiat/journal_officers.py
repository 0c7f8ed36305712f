"""The journal's statements about officers, operator entries, counters and reserves: what is loaded, what is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Table, bindparam, func, insert, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from fiat.journal_cache import Cache
from fiat.officer import Counters, Entry, OfficerChange, Officers
from fiat.officer_rules import Undone
from fiat.order import ZERO_32
from fiat.record import Kind, OperatorRecord, Reason, decode
from fiat.reserves import Totals
from fiat.tables import (
    officer_changes,
    operator_counters,
    operator_records,
    orders,
    pendings,
    records,
    reserves,
    transfers,
)
from fiat.tables_types import U128
from fiat.transfer import Resolution, TransferFlags

_POSTS_NOTHING = int(TransferFlags.PENDING | TransferFlags.VOID_PENDING_TRANSFER)


async def load_totals(conn: AsyncConnection, cache: Cache) -> None:
    """The sums of every currency and the counters, once a version of the head."""
    cache.totals = await read_totals(conn)
    cache.counters = await read_counters(conn)


async def read_totals(conn: AsyncConnection) -> dict[int, Totals]:
    """People's and reserves' sums by ledger."""
    return {ledger: Totals(people, held) for ledger, people, held in await conn.execute(select(reserves))}


async def read_counters(conn: AsyncConnection) -> dict[tuple[int, int], tuple[int, int]]:
    """Operator records by (reason, ledger): how many, and the sum of their amounts."""
    rows = await conn.execute(select(operator_counters))
    return {(reason, ledger): (count, amount) for reason, ledger, count, amount in rows}


async def read_officer_changes(conn: AsyncConnection) -> list[OfficerChange]:
    """Every change of officers, in order."""
    query = select(*(officer_changes.c[name] for name in OfficerChange._fields)).order_by(officer_changes.c.sequence)
    return [OfficerChange(*row) for row in await conn.execute(query)]


async def load_officers(conn: AsyncConnection, cache: Cache) -> None:
    cache.officers = Officers(await read_officer_changes(conn))


async def load_entries(conn: AsyncConnection, cache: Cache, entries: Sequence[Entry]) -> None:
    """What the rules of these entries look at: the entries they name or compete with, what they undo, later orders."""
    c = operator_records.c
    wanted = [c.nonce.in_([e.nonce for e in entries])]
    for column, values in (
        (c.id, [e.pending_id for e in entries if e.pending_id]),
        (c.undoes, [e.undoes for e in entries if e.undoes]),
        (c.document, [e.document for e in entries if e.document != ZERO_32]),
    ):
        if values:
            wanted.append(column.in_(values))
    query = select(records.c.body).join(operator_records, c.sequence == records.c.sequence)
    found = [decode(body) for body in (await conn.execute(query.where(c.leg == 0, or_(*wanted)))).scalars()]
    for record in found:
        assert isinstance(record, OperatorRecord), "the table names operator records only"
        cache.entries.add(record)
    holds = [record for record in cache.entries.by_id.values() if record.reason == Reason.HOLD]
    if holds:
        fates = select(pendings.c.id, pendings.c.resolution).where(pendings.c.id.in_([hold.id for hold in holds]))
        cache.resolutions.update({i: Resolution(fate) for i, fate in await conn.execute(fates)})
        await _load_last_orders(conn, cache, {hold.debit_holder for hold in holds})
    await _load_undone(conn, cache, [e.undoes for e in entries if e.undoes])


async def _load_last_orders(conn: AsyncConnection, cache: Cache, holder_ids: Iterable[bytes]) -> None:
    query = select(orders.c.holder, func.max(orders.c.sequence)).where(orders.c.holder.in_(list(holder_ids)))
    rows = await conn.execute(query.where(orders.c.sequence.is_not(None)).group_by(orders.c.holder))
    for holder, sequence in rows:
        cache.last_orders[holder] = sequence


async def _load_undone(conn: AsyncConnection, cache: Cache, sequences: Sequence[int]) -> None:
    if not sequences:
        return
    c = transfers.c
    query = select(c.sequence, c.kind, c.flags, c.debit_account_id, c.credit_account_id, c.amount)
    for sequence, kind, flags, debit, credit, amount in await conn.execute(query.where(c.sequence.in_(sequences))):
        if kind != Kind.EXPIRY and not flags & _POSTS_NOTHING:
            cache.undone[sequence] = Undone(debit, credit, amount)


async def write_totals(conn: AsyncConnection, changed: dict[int, Totals], counters: Counters | None) -> None:
    """Move the sums that the batch changed, and the counters where it has operator records."""
    if changed:
        await conn.execute(
            text(
                "INSERT INTO reserves (ledger, people_minor, reserves_minor) VALUES (:ledger, :people, :held)"
                " ON CONFLICT (ledger) DO UPDATE SET people_minor = :people, reserves_minor = :held"
            ),
            [{"ledger": ledger, "people": t.people_minor, "held": t.reserves_minor} for ledger, t in changed.items()],
        )
    if counters:
        statement = text(
            "INSERT INTO operator_counters (reason, ledger, count, amount) VALUES (:reason, :ledger, :n, :sum)"
            " ON CONFLICT (reason, ledger) DO UPDATE SET count = :n, amount = :sum"
            " WHERE operator_counters.count <> :n"
        ).bindparams(bindparam("sum", type_=U128()))
        rows = [
            {"reason": reason, "ledger": ledger, "n": count, "sum": amount}
            for (reason, ledger), (count, amount) in counters.items()
        ]
        await conn.execute(statement, rows)


async def write_officers(
    conn: AsyncConnection, entry_rows: Sequence[dict[str, Any]], changes: Sequence[dict[str, Any]]
) -> None:
    """The rows of a batch's operator records and changes of officers."""
    pairs: list[tuple[Table, Sequence[dict[str, Any]]]] = [(operator_records, entry_rows), (officer_changes, changes)]
    for table, rows in pairs:
        if rows:
            await conn.execute(insert(table), list(rows))
