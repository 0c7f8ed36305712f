"""The sandbox gateway: a pretend bank. Top-ups settle after a moment; withdrawals are paid, or come back.

State machines kept as rows. Money moves first, under an id that follows from the row, and the row follows: whatever
is interrupted is done again at the next step and moves nothing twice. Withdrawals are found by reading the journal,
so an accepted order cannot be overlooked. A row that the ledger refuses waits by itself: it holds up nobody else's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy import RowMapping, Table, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.currencies import CURRENCIES
from api.database import recording
from api.gateways.destination import is_returned_by_sandbox
from api.gateways.settlement import Settlements
from api.tables import cursors, topups, withdrawals
from fiat import history
from fiat.authority import source_id
from fiat.chart import SourceKind, TransferCode
from fiat.currency import Currency
from fiat.errors import AmountTooLarge, FeeExceedsAmount, JournalBroken, NonceConflict, ReservesExceeded, SourceMissing
from fiat.fee import FREE, Charge, charge
from fiat.holder import MAIN, OPERATOR, account_id
from fiat.journal import Journal
from fiat.journal_values import Source
from fiat.order import LedgerWithdrawal
from fiat.record import Record, TransferRecord
from fiat.tariff import Tariff
from fiat.transfer import Transfer, TransferStatus

NAME = "sandbox"
TOPUPS, FEES = "suspense:topup", "fees"
CLEARING, PAYOUT, BANK = "clearing:sandbox", "payout:sandbox", "bank"
ROWS_MAX = 100
RECORDS_MAX = 500
TOPUP_MINOR_MAX = 10**12
"""One top-up. The clearing account's sums are below 2^63, and everybody's top-ups are in them."""
CLEARING_CAP = "clearing_cap"
"""Why a top-up waits: as much unsettled money lies at the gateway as the operator allows."""
REFUSED_PAUSE_NS = 60 * 10**9
log = logging.getLogger(__name__)
_DONE = (TransferStatus.CREATED, TransferStatus.EXISTS)


class Sandbox:
    """Drives the rows. One at a time is enough; several do no harm."""

    def __init__(
        self,
        engine: AsyncEngine,
        journal: Journal,
        delay_ms: int,
        clock: Callable[[], int],
        *,
        clearing_cap_minor: int | None = None,
        settle_ms: int = 60_000,
        tariff: Tariff | None = None,
    ) -> None:
        self._engine = engine
        self._tariff = tariff or Tariff({})
        self._journal = journal
        self._delay_ns = delay_ms * 10**6
        self._clock = clock
        self._settlements = Settlements(engine, journal, NAME, clock, cap_minor=clearing_cap_minor, pause_ms=settle_ms)

    async def open_accounts(self) -> None:
        """The operator's accounts that the gateway moves money between; one batch for all. Idempotent."""
        purposes = (CLEARING, PAYOUT, BANK, TOPUPS, FEES)
        await asyncio.gather(
            *(self._journal.open_account(OPERATOR, c, purpose) for c in CURRENCIES.values() for purpose in purposes)
        )

    async def step(self) -> int:
        """Do what is due now; how many things were done."""
        done = await self._follow_journal() + await self._settlements.step()
        return done + await self._settle_topups() + await self._settle_withdrawals()

    async def _follow_journal(self) -> int:
        """Make a row for each withdrawal that the journal has accepted since the last look."""
        async with self._engine.connect() as conn:
            after = await _cursor(conn)
            records = await history.tail(conn, after, RECORDS_MAX)
        if not records:
            return 0
        now = self._clock()
        rows = [row for record in records if (row := _withdrawal_row(record, now, self._delay_ns))]
        async with recording(self._engine).begin() as conn:
            if await _cursor(conn) == after:
                if rows:
                    await conn.execute(insert(withdrawals), rows)
                await _set_cursor(conn, after, records[-1].sequence)
        return len(rows) + (len(records) == RECORDS_MAX)

    async def _settle_topups(self) -> int:
        query = select(topups).where(topups.c.state == "pending", topups.c.due_at <= self._clock())
        rows = await self._rows(query.order_by(topups.c.due_at).limit(ROWS_MAX))
        for row in rows:
            mine = (topups.c.holder == row["holder"], topups.c.id == row["id"], topups.c.state == "pending")
            await self._or_later(topups, mine, self._settle_topup(row, mine))
        return len(rows)

    async def _settle_topup(self, row: RowMapping, mine: Sequence[Any]) -> None:
        currency = CURRENCIES[row["currency"]]
        room = await self._settlements.room(currency)
        if room is not None and row["amount_minor"] > room:
            await self._wait_for_room(mine)
            return
        await self._journal.open_account(row["holder"], currency, MAIN)
        event = source_id(f"sandbox-topup:{row['holder'].hex()}:{row['id'].hex()}")
        sequence = await self._credit(row, currency, event)
        changed = {"state": "settled", "settled_at": self._clock(), "sequence": sequence, "waiting": None}
        async with recording(self._engine).begin() as conn:
            await conn.execute(update(topups).where(*mine).values(**changed))

    async def _credit(self, row: RowMapping, currency: Currency, event: bytes) -> int:
        """The record of the person's credit. Where a fee is kept back, the whole comes to `suspense:topup` first.

        What was posted stands, whatever the tariff says by now: the event's transfer is looked for before it is posted.
        """
        first = int.from_bytes(event[:16], "big")
        source = Source(SourceKind.SANDBOX_TOPUP, event)
        clearing, person = account_id(OPERATOR, currency, CLEARING), account_id(row["holder"], currency)
        if (posted := await self._posted(first)) is not None:
            sequence, whole = posted
            return sequence if whole.credit_account_id == person else sequence + 1
        charged = topup_charge(self._tariff, currency, row["amount_minor"])
        if not charged.fee_minor:
            return await self._move(row, (clearing, person), TransferCode.TOPUP, source)
        between, fees = (account_id(OPERATOR, currency, purpose) for purpose in (TOPUPS, FEES))
        moves = (
            (clearing, between, charged.amount_minor, TransferCode.TOPUP),
            (between, person, charged.arrives_minor, TransferCode.TOPUP),
            (between, fees, charged.fee_minor, TransferCode.FEE),
        )
        chain = [
            Transfer(
                id=first if leg == 0 else int.from_bytes(source_id(f"{event.hex()}:{leg}")[:16], "big"),
                debit_account_id=debit,
                credit_account_id=credit,
                amount=amount,
                user_data_128=first,
                ledger=currency.ledger,
                code=code,
            )
            for leg, (debit, credit, amount, code) in enumerate(moves)
        ]
        outcomes = await self._journal.post(chain, source)
        if any(outcome.status is not TransferStatus.CREATED for outcome in outcomes):
            raise JournalBroken(self._journal.sequence, f"the sandbox's posting: {outcomes[0].status.name.lower()}")
        posted = await self._posted(first)
        assert posted is not None, "a posted transfer can be read"
        return posted[0] + 1

    async def _posted(self, transfer_id: int) -> tuple[int, Transfer] | None:
        """Sequence and transfer, where it stands already."""
        async with self._engine.connect() as conn:
            found = await history.transfer(conn, transfer_id)
        return found[:2] if found is not None else None

    async def _wait_for_room(self, mine: Sequence[Any]) -> None:
        """The gateway holds as much unsettled money as it may: due again once that is paid out."""
        later = {"waiting": CLEARING_CAP, "due_at": max(self._settlements.due_at, self._clock() + 1)}
        async with recording(self._engine).begin() as conn:
            await conn.execute(update(topups).where(*mine).values(**later))

    async def _settle_withdrawals(self) -> int:
        query = select(withdrawals).where(withdrawals.c.state == "accepted", withdrawals.c.due_at <= self._clock())
        rows = await self._rows(query.order_by(withdrawals.c.due_at).limit(ROWS_MAX))
        for row in rows:
            mine = (withdrawals.c.sequence == row["sequence"], withdrawals.c.state == "accepted")
            await self._or_later(withdrawals, mine, self._settle_withdrawal(row, mine))
        return len(rows)

    async def _settle_withdrawal(self, row: RowMapping, mine: Sequence[Any]) -> None:
        async with self._engine.connect() as conn:
            texts = await history.texts_by_hash(conn, [row["destination"]])
        # An erased destination can no longer be paid to: the money goes back to its owner.
        destination = texts.get(row["destination"])
        returned = destination is None or is_returned_by_sandbox(destination.text)
        sequence = await (self._give_back(row) if returned else self._pay(row))
        changed = {"updated_at": self._clock(), "settled_sequence": sequence}
        async with recording(self._engine).begin() as conn:
            state = "returned" if returned else "paid"
            await conn.execute(update(withdrawals).where(*mine).values(state=state, **changed))

    async def _or_later(self, table: Table, mine: Sequence[Any], settling: Awaitable[None]) -> None:
        """What the ledger refuses stays as it is and is due again later, behind everything else that is."""
        try:
            await settling
        except (AmountTooLarge, JournalBroken, NonceConflict, ReservesExceeded, SourceMissing) as refused:
            log.error("sandbox, %s: %s", table.name, refused)
            later = {"due_at": self._clock() + REFUSED_PAUSE_NS}
            async with recording(self._engine).begin() as conn:
                await conn.execute(update(table).where(*mine).values(**later))

    async def _pay(self, row: RowMapping) -> int:
        currency = CURRENCIES[row["currency"]]
        accounts = (account_id(OPERATOR, currency, PAYOUT), account_id(OPERATOR, currency, BANK))
        source = Source(SourceKind.SANDBOX_PAID, withdrawal_event(row))
        return await self._move(row, accounts, TransferCode.WITHDRAWAL_PAID, source)

    async def _give_back(self, row: RowMapping) -> int:
        currency = CURRENCIES[row["currency"]]
        accounts = (account_id(OPERATOR, currency, PAYOUT), account_id(row["holder"], currency))
        source = Source(SourceKind.SANDBOX_RETURN, withdrawal_event(row))
        return await self._move(row, accounts, TransferCode.WITHDRAWAL_RETURNED, source)

    async def _move(self, row: RowMapping, accounts: tuple[int, int], code: TransferCode, source: Source) -> int:
        """Post one transfer for an outside event, once; its sequence, now or from an earlier step.

        The id follows from kind and event: paying and giving back have one id between them, so that the same
        withdrawal cannot be both.
        """
        transfer_id = int.from_bytes(source.id[:16], "big")
        transfer = Transfer(
            id=transfer_id,
            debit_account_id=accounts[0],
            credit_account_id=accounts[1],
            amount=row["amount_minor"],
            user_data_128=transfer_id,
            ledger=CURRENCIES[row["currency"]].ledger,
            code=code,
        )
        (outcome,) = await self._journal.post([transfer], source)
        if outcome.status not in _DONE:
            raise JournalBroken(self._journal.sequence, f"the sandbox's posting: {outcome.status.name.lower()}")
        async with self._engine.connect() as conn:
            found = await history.transfer(conn, transfer_id)
        assert found is not None, "a posted transfer can be read"
        return found[0]

    async def _rows(self, query: Any) -> Sequence[RowMapping]:
        async with self._engine.connect() as conn:
            return (await conn.execute(query)).mappings().all()


def _withdrawal_row(record: Record, now: int, delay_ns: int) -> dict[str, object] | None:
    if not isinstance(record, TransferRecord) or record.order is None:
        return None
    order = record.order.order
    if not isinstance(order, LedgerWithdrawal):
        return None
    return {
        "sequence": record.sequence,
        "holder": order.holder,
        "nonce": order.nonce,
        "gateway": NAME,
        "currency": order.currency,
        "exponent": order.exponent,
        "amount_minor": record.amount,
        "destination": order.destination,
        "state": "accepted",
        "due_at": now + delay_ns,
        "updated_at": record.timestamp,
    }


def topup_charge(tariff: Tariff, currency: Currency, amount_minor: int) -> Charge:
    """What is kept back of a top-up. One that the fee would use up was refused when it was asked for: it is free."""
    try:
        return charge(tariff.schedule("topup", currency.code), amount_minor)
    except FeeExceedsAmount:
        return charge(FREE, amount_minor)


def withdrawal_event(row: RowMapping) -> bytes:
    """The event that ends a withdrawal, 32 bytes; its first 16 are the id of the transfer that does, whoever posts."""
    return source_id(f"sandbox-withdrawal:{row['holder'].hex()}:{row['nonce'].hex()}")


async def unseen(conn: AsyncConnection, holder: bytes) -> set[bytes]:
    """Destinations of the holder's withdrawals that the journal has accepted and the gateway not looked at yet."""
    after, found = await _cursor(conn), set()
    while records := await history.tail(conn, after, RECORDS_MAX):
        orders = (r.order.order for r in records if isinstance(r, TransferRecord) and r.order is not None)
        found |= {o.destination for o in orders if isinstance(o, LedgerWithdrawal) and o.holder == holder}
        after = records[-1].sequence
    return found


async def _cursor(conn: AsyncConnection) -> int:
    found = await conn.scalar(select(cursors.c.sequence).where(cursors.c.reader == NAME))
    return found if found is not None else -1


async def _set_cursor(conn: AsyncConnection, before: int, sequence: int) -> None:
    if before < 0:
        await conn.execute(insert(cursors).values(reader=NAME, sequence=sequence))
    else:
        await conn.execute(update(cursors).where(cursors.c.reader == NAME).values(sequence=sequence))
