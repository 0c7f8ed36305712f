"""A large table: what an order costs when millions of transfers stand before it, and what a reader then reads.

The rows are made by SQL in the form that the journal writes them in (payments of one minor unit around all people, with
versions, balances, chains and seals that continue), with hashes that no key signed: enough for speed and plans, not for
an auditor. The figure's name says how many there are.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks._figures import Figure, interleave_async
from benchmarks._load import EUR, FUNDS_MINOR, check_conserved, open_journal, payments, people, rate
from benchmarks._postgres import database
from fiat import history
from fiat.history_statement import as_of
from fiat.holder import account_id

PEOPLE = 10_000
# Their indexes are made after the rows, by sorting: ten million rows put into them one by one take an hour.
_FILLED = "('records', 'transfers', 'orders', 'holder_heads')"
_FILL = """
SET session_replication_role = replica;
CREATE TEMPORARY TABLE start AS SELECT sequence AS s, timestamp AS t, seal_number AS k FROM journal_head;
CREATE TEMPORARY TABLE who AS SELECT row_number() OVER (ORDER BY accounts.id) - 1 AS i, accounts.id, accounts.holder,
    accounts.version, holders.count FROM accounts JOIN holders ON holders.id = accounts.holder;
CREATE UNIQUE INDEX ON who (i);
CREATE TEMPORARY TABLE made AS SELECT g, g / {people} AS r, g % {people} AS i,
    (g % {people} + 1 + g / {people} % ({people} - 1)) % {people} AS p, 1 + g / {people} % ({people} - 1) AS d,
    sha256(int8send(g)) AS h FROM generate_series(0, {rows} - 1::bigint) AS g;
ANALYZE who; ANALYZE made;
SET maintenance_work_mem = '1GB';
CREATE TEMPORARY TABLE keyed AS SELECT conrelid::regclass::text AS over, conname AS name,
    'ALTER TABLE ' || conrelid::regclass || ' ADD CONSTRAINT ' || conname || ' ' || pg_get_constraintdef(oid) AS made
    FROM pg_constraint WHERE contype IN ('p', 'u') AND conrelid::regclass::text IN {filled}
    AND oid NOT IN (SELECT con.oid FROM pg_constraint con JOIN pg_constraint fk ON fk.conindid = con.conindid
        WHERE fk.contype = 'f');
CREATE TEMPORARY TABLE indexed AS SELECT indexname AS name, indexdef AS made FROM pg_indexes
    WHERE schemaname = 'public' AND tablename IN {filled}
    AND indexname NOT IN (SELECT conname FROM pg_constraint WHERE contype IN ('p', 'u'));
DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT * FROM keyed LOOP EXECUTE 'ALTER TABLE ' || one.over || ' DROP CONSTRAINT ' || one.name; END LOOP;
    FOR one IN SELECT * FROM indexed LOOP EXECUTE 'DROP INDEX ' || one.name; END LOOP;
END $$;
INSERT INTO seals SELECT k + 1 + n, sha256(int8send(n)), s + 1 + n * 1000, 1000, sha256(int8send(n)),
    sha256(int8send(n)),
    t + (n + 1) * 1000, sha256(int8send(n)) || sha256(int8send(n)) || '\\x1b'
    FROM start, generate_series(0, {rows} / 1000 - 1::bigint) AS n;
INSERT INTO records (sequence, kind, timestamp, seal_number, body)
    SELECT s + 1 + g, 3, t + 1 + g, k + 1 + g / 1000, decode(repeat(encode(h, 'hex'), 22), 'hex') FROM start, made;
INSERT INTO transfers (sequence, kind, id, debit_account_id, credit_account_id, amount, user_data_128, user_data_64,
    user_data_32, timeout, ledger, code, flags, timestamp, debit_holder, credit_holder, order_holder, order_nonce, leg,
    debit_version, credit_version, debit_debits_pending, debit_debits_posted, debit_credits_pending,
    debit_credits_posted, credit_debits_pending, credit_debits_posted, credit_credits_pending, credit_credits_posted)
    SELECT s + 1 + g, 3, substr(h, 1, 16), payer.id, payee.id, 1, substr(h, 17, 16), 0, 0, 0, {ledger}, 1, 0, t + 1 + g,
    payer.holder, payee.holder, payer.holder, sha256(h), 0,
    payer.version + 2 * r + 1 + (made.i >= d)::int, payee.version + 2 * r + 1 + (p < d)::int,
    0, r + 1, 0, {funds} + r + (made.i >= d)::int, 0, r + (p < d)::int, 0, {funds} + r + 1
    FROM start, made JOIN who payer ON payer.i = made.i JOIN who payee ON payee.i = p;
INSERT INTO orders SELECT payer.holder, sha256(h), sha256(sha256(h)), 1, s + 1 + g, NULL, NULL
    FROM start, made JOIN who payer ON payer.i = made.i;
INSERT INTO holder_heads (holder, count, head, sequence) SELECT payer.holder,
    payer.count + 2 * r + 1 + (made.i >= d)::int, sha256(h || '\\x01'), s + 1 + g
    FROM start, made JOIN who payer ON payer.i = made.i;
INSERT INTO holder_heads (holder, count, head, sequence) SELECT payee.holder,
    payee.count + 2 * r + 1 + (p < d)::int, sha256(h || '\\x02'), s + 1 + g
    FROM start, made JOIN who payee ON payee.i = p;
DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT made FROM keyed UNION ALL SELECT made FROM indexed LOOP EXECUTE one.made; END LOOP;
END $$;
UPDATE accounts SET version = accounts.version + 2 * {rounds}, debits_posted = debits_posted + {rounds},
    credits_posted = credits_posted + {rounds} WHERE holder IS NOT NULL;
UPDATE holders SET count = count + 2 * {rounds};
UPDATE journal_head SET version = version + 1, sequence = sequence + {rows}, timestamp = timestamp + {rows},
    seal_number = seal_number + {rows} / 1000;
DROP TABLE start; DROP TABLE who; DROP TABLE made; DROP TABLE keyed; DROP TABLE indexed;
SET session_replication_role = DEFAULT;
"""


async def size(server: Any, asked: argparse.Namespace) -> list[Figure]:
    rounds = max(1, asked.rows // PEOPLE)
    rows = rounds * PEOPLE
    figure = Figure(f"an order with {rows:,} before it", "s", "an order in an empty table", "at most", 2, 1.3)
    async with (
        open_journal(database(server, "large")) as (large, engine),
        open_journal(database(server, "small")) as (
            small,
            other,
        ),
    ):
        some, few = await people(large, PEOPLE), await people(small, PEOPLE)
        await asyncio.to_thread(_fill, server, rows, rounds)
        await interleave_async(
            figure,
            asked.rounds,
            lambda: _cost(rate(large, payments(large, some, asked.orders))),
            lambda: _cost(rate(small, payments(small, few, asked.orders))),
        )
        await check_conserved(engine)
        await check_conserved(other)
        await _read(engine, some[1].id)
    return [figure]


def _fill(server: Any, rows: int, rounds: int) -> None:
    """Make the rows. The database is the benchmark's own, so that it may write past the triggers."""
    fill = _FILL.format(filled=_FILLED, people=PEOPLE, rows=rows, rounds=rounds, ledger=EUR.ledger, funds=FUNDS_MINOR)
    server.psql(f"\\set ON_ERROR_STOP on\n\\connect large\n{fill}\nVACUUM ANALYZE;\nCHECKPOINT;")


async def _cost(found: Awaitable[float]) -> float:
    return 1 / await found


async def _read(engine: AsyncEngine, holder: bytes) -> None:
    """A statement page and a balance as of half-way read a few pages through indexes. Ends the program otherwise."""
    asked: list[tuple[str, Any]] = []

    def remember(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    async with engine.connect() as conn:
        middle = (await conn.execute(text("SELECT avg(timestamp)::bigint FROM transfers"))).scalar_one()
        event.listen(engine.sync_engine, "before_cursor_execute", remember)
        for name, ask in (
            ("statement page of 50", history.entries(conn, holder, 50)),
            ("balance as of half-way", as_of(conn, account_id(holder, EUR), middle)),
        ):
            asked.clear()
            await ask
            blocks, scans = 0, set[str]()
            for statement, parameters in [pair for pair in asked if pair[0].startswith("SELECT")]:
                explained = await conn.exec_driver_sql(
                    f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters
                )
                found = explained.scalar_one()
                plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
                blocks += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
                scans |= _tables_scanned(plan)
            print(f"   {name}: {blocks} blocks, whole tables read: {sorted(scans) or 'none'}", file=sys.stderr)
            if scans & {"transfers", "records", "holder_heads", "orders"}:
                raise SystemExit(f"{name} reads a whole table: {scans}")
        event.remove(engine.sync_engine, "before_cursor_execute", remember)


def _tables_scanned(plan: dict[str, Any]) -> set[str]:
    found = {plan["Relation Name"]} if plan["Node Type"] == "Seq Scan" else set()
    return found.union(*(_tables_scanned(child) for child in plan.get("Plans", [])))
