"""Lines of a bank's statement brought into the ledger, each once, and what the ledger says beside them.

A line is kept as evidence first (its source is the bank's account and reference), then posted: what names a withdrawal
or a top-up by its end-to-end id goes where that belongs, everything else to `suspense:bank`, for people to look at. A
line that the gateway has booked itself is not booked again. Interrupted, the same file is simply imported again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.database import recording
from api.evidence import answered
from api.gateways.sandbox import withdrawal_event
from api.tables import gateway_events, withdrawals
from fiat import history
from fiat.authority import source_id
from fiat.bank_line import BankLine, line_id
from fiat.chart import AccountCode, SourceKind, TransferCode
from fiat.currency import Currency
from fiat.errors import FiatError, NonceConflict, ReservesExceeded
from fiat.history_statement import movements, movements_of_lines
from fiat.holder import OPERATOR, account_id, leg_id
from fiat.journal import Journal
from fiat.journal_values import Source
from fiat.reconciliation import DAY, BookEntry
from fiat.statement import By
from fiat.transfer import NANOSECONDS, Transfer, TransferStatus

SUSPENSE = "suspense:bank"
ENTRIES_MAX = 200_000
_END_TO_END = re.compile(r"[0-9a-f]{32}", re.ASCII)
_DONE = (TransferStatus.CREATED, TransferStatus.EXISTS)


class State(StrEnum):
    """What became of a line."""

    POSTED = "posted"
    KNOWN = "known"  # it was posted before
    BOOKED = "booked"  # the gateway booked it itself
    WAITING = "waiting"  # its withdrawal is not ready to be paid; import it again later
    DIFFERS = "differs"  # a line of this reference was kept before with other content
    REFUSED = "refused"  # the ledger refuses it, by `why`


@dataclass(frozen=True, slots=True)
class Imported:
    """A line, what became of it, the record that it stands in, and the account at the other side."""

    line: BankLine
    state: State
    sequence: int | None = None
    to: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a line belongs: the other account and why; `withdrawal` is the row that follows the money, to `ends`."""

    other: int
    to: str
    code: TransferCode
    transfer_id: int
    withdrawal: RowMapping | None = None
    ends: str = ""


class Bank:
    """The operator's account `purpose` (`bank`, `bank:main`) at a bank, in one currency."""

    def __init__(self, engine: AsyncEngine, journal: Journal, purpose: str, currency: Currency) -> None:
        self._engine, self._journal = engine, journal
        self._purpose, self._currency = purpose, currency
        self.account = account_id(OPERATOR, currency, purpose)

    async def bring_in(self, lines: Sequence[BankLine], now: int) -> list[Imported]:
        """Post each line once, in order; what became of each. `now` in Unix ns. Raises JournalBusy."""
        for purpose in (self._purpose, SUSPENSE):
            await self._journal.open_account(OPERATOR, self._currency, purpose)
        return [await self._bring_in(line, now) for line in lines if line.amount_minor]

    async def _bring_in(self, line: BankLine, now: int) -> Imported:
        source = Source(SourceKind.BANK_STATEMENT, line_id(self.account, line.reference))
        if not await self._keep(line, source, now):
            return Imported(line, State.DIFFERS)
        async with self._engine.connect() as conn:
            before = await movements_of_lines(conn, self.account, [source.id])
            plan = await self._plan(conn, line, source)
        if before:
            (moved,) = before
            if isinstance(plan, Plan) and plan.transfer_id == moved.id:
                await self._follow(plan, moved.sequence, now)
            await answered(self._engine, source, moved.sequence)
            return Imported(line, State.KNOWN, moved.sequence)
        return plan if isinstance(plan, Imported) else await self._post(line, plan, source, now)

    async def _keep(self, line: BankLine, source: Source, now: int) -> bool:
        """The line as evidence. False where another content was kept under its reference."""
        facts = {name: value for name, value in asdict(line).items() if name != "place"}
        body = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        row = {"gateway": self._purpose, "event": "line", "currency": line.currency, "amount_minor": line.amount_minor}
        try:
            async with recording(self._engine).begin() as conn:
                await conn.execute(insert(gateway_events).values(id=source.id, body=body, created_at=now, **row))
        except IntegrityError:
            async with self._engine.connect() as conn:
                kept = await conn.scalar(select(gateway_events.c.body).where(gateway_events.c.id == source.id))
            return bool(kept == body)
        return True

    async def _plan(self, conn: AsyncConnection, line: BankLine, source: Source) -> Plan | Imported:
        suspense = self._suspense(source)
        found = await _named(conn, line.end_to_end)
        if found is None or found[1].amount != abs(line.amount_minor) or found[1].ledger != self._currency.ledger:
            return suspense
        sequence, named = found
        if named.code == TransferCode.WITHDRAWAL:
            return await self._withdrawal(conn, line, sequence, named, suspense)
        if named.code == TransferCode.TOPUP and line.amount_minor > 0:
            return await self._clearing(conn, line, named, suspense)
        return suspense

    def _suspense(self, source: Source) -> Plan:
        """Where people look at it."""
        other = account_id(OPERATOR, self._currency, SUSPENSE)
        return Plan(other, SUSPENSE, TransferCode.TRANSFER, int.from_bytes(source.id[:16], "big"))

    async def _withdrawal(
        self, conn: AsyncConnection, line: BankLine, sequence: int, named: Transfer, suspense: Plan
    ) -> Plan | Imported:
        """Paid out: from the payout account. Come back after it was paid: to its person. Else to be looked at."""
        query = select(withdrawals).where(withdrawals.c.sequence == sequence)
        row = (await conn.execute(query)).mappings().one_or_none()
        if line.amount_minor < 0:
            if row is None:
                return Imported(line, State.WAITING)
            if row["state"] == "paid":
                return Imported(line, State.BOOKED, row["settled_sequence"])
            if row["state"] == "accepted":
                paying = int.from_bytes(withdrawal_event(row)[:16], "big")
                to = await _purpose_of(conn, named.credit_account_id)
                return Plan(named.credit_account_id, to, TransferCode.WITHDRAWAL_PAID, paying, row, "paid")
        elif row is not None and row["state"] == "paid":
            back = TransferCode.WITHDRAWAL_RETURNED
            # One id for all lines that say so: a withdrawal comes back once.
            returning = int.from_bytes(source_id(f"bank-return:{withdrawal_event(row).hex()}")[:16], "big")
            return Plan(named.debit_account_id, "person", back, returning, row, "returned")
        return suspense

    async def _clearing(self, conn: AsyncConnection, line: BankLine, named: Transfer, suspense: Plan) -> Plan:
        """What a gateway collected for a top-up, while it still owes that much."""
        row = await history.account(conn, named.debit_account_id)
        if row is None or row.account.code != AccountCode.CLEARING or -row.account.booked < line.amount_minor:
            return suspense
        return Plan(named.debit_account_id, row.purpose, TransferCode.TRANSFER, suspense.transfer_id)

    async def _post(self, line: BankLine, plan: Plan, source: Source, now: int) -> Imported:
        came = line.amount_minor > 0
        transfer = Transfer(
            id=plan.transfer_id,
            debit_account_id=self.account if came else plan.other,
            credit_account_id=plan.other if came else self.account,
            amount=abs(line.amount_minor),
            user_data_128=plan.transfer_id,
            user_data_64=line.value_on,
            ledger=self._currency.ledger,
            code=plan.code,
        )
        try:
            (outcome,) = await self._journal.post([transfer], source)
        except (NonceConflict, ReservesExceeded) as refused:
            return Imported(line, State.REFUSED, to=plan.to, why=_word(refused))
        if plan.ends == "returned" and outcome.status.name.startswith("EXISTS"):
            return await self._post(line, self._suspense(source), source, now)  # another line brought it back
        if outcome.status.name.startswith("EXISTS_WITH"):
            return Imported(line, State.BOOKED, to=plan.to)  # the gateway was first, just now
        if outcome.status not in _DONE:
            return Imported(line, State.REFUSED, to=plan.to, why=outcome.status.name.lower())
        async with self._engine.connect() as conn:
            found = await history.transfer(conn, transfer.id)
        assert found is not None, "a posted transfer can be read"
        await self._follow(plan, found[0], now)
        await answered(self._engine, source, found[0])
        return Imported(line, State.POSTED, found[0], plan.to)

    async def _follow(self, plan: Plan, sequence: int, now: int) -> None:
        """The withdrawal's row follows the money."""
        if plan.withdrawal is None:
            return
        mine = (
            withdrawals.c.sequence == plan.withdrawal["sequence"],
            withdrawals.c.state == plan.withdrawal["state"],
        )
        changed: dict[str, Any] = {"state": plan.ends, "updated_at": now, "settled_sequence": sequence}
        async with recording(self._engine).begin() as conn:
            await conn.execute(update(withdrawals).where(*mine).values(**changed))


async def book_entries(
    conn: AsyncConnection, account: int, lines: Sequence[BankLine], days_near: int
) -> list[BookEntry]:
    """The entries of a bank's account that the lines may belong to: of their days and some around, and their own.

    Raises StatementTooLong beyond 200,000.
    """
    if not lines:
        return []
    days = [day for line in lines for day in (line.booked_on, line.value_on)]
    start, end = max(0, min(days) - days_near * DAY), max(days) + (days_near + 1) * DAY
    found = await movements(conn, account, start * NANOSECONDS, end * NANOSECONDS, By.EFFECTIVE, ENTRIES_MAX)
    found += await movements_of_lines(conn, account, [line_id(account, line.reference) for line in lines])
    names = await _settled(conn, {line.end_to_end for line in lines})
    return [
        BookEntry(
            sequence=moved.sequence,
            at=moved.effective_at // NANOSECONDS,
            amount_minor=-moved.signed_minor,  # a debit of the operator's account is money that came in
            line_id=moved.line_id,
            references=(f"{moved.id:032x}", *names.get(moved.sequence, ())),
        )
        for moved in {moved.sequence: moved for moved in found}.values()
    ]


def end_to_end_id(holder: bytes, nonce: bytes) -> str:
    """By which a bank names a withdrawal: its first leg's transfer id, 32 hex digits."""
    return f"{leg_id(holder, nonce, 0):032x}"


async def _settled(conn: AsyncConnection, end_to_ends: set[str]) -> dict[int, list[str]]:
    """End-to-end ids of withdrawals, by the record in which the gateway paid them."""
    found: dict[int, list[str]] = {}
    for name in end_to_ends:
        named = await history.transfer(conn, int(name, 16)) if _END_TO_END.fullmatch(name) else None
        if named is not None and named[1].code == TransferCode.WITHDRAWAL:
            query = select(withdrawals.c.settled_sequence).where(withdrawals.c.sequence == named[0])
            if (sequence := await conn.scalar(query)) is not None:
                found.setdefault(sequence, []).append(name)
    return found


async def _named(conn: AsyncConnection, end_to_end: str) -> tuple[int, Transfer] | None:
    """The transfer that an end-to-end id names; of a top-up whose fee was kept back, the whole of it."""
    found = await history.transfer(conn, int(end_to_end, 16)) if _END_TO_END.fullmatch(end_to_end) else None
    if found is not None and found[1].code == TransferCode.TOPUP and found[1].user_data_128 != found[1].id:
        found = await history.transfer(conn, found[1].user_data_128)
    return found[:2] if found is not None else None


async def _purpose_of(conn: AsyncConnection, account: int) -> str:
    row = await history.account(conn, account)
    return row.purpose if row is not None else ""


def _word(refused: FiatError) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(refused).__name__).lower()
