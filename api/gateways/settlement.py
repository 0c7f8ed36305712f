"""The sandbox's settlements: what it took in lies in `clearing` until its pretend bank pays it out to `bank`.

An operator holds unsettled money of a gateway only up to a cap; a top-up above it waits. The event is kept as evidence
first and posted then, under an id that follows from it: what was interrupted goes on at the next step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncEngine

from api.currencies import CURRENCIES
from api.evidence import answered, keep, unanswered
from fiat import history
from fiat.chart import SourceKind, TransferCode
from fiat.currency import Currency
from fiat.errors import JournalBroken
from fiat.holder import OPERATOR, account_id
from fiat.journal import Journal
from fiat.journal_values import AccountRow, Source
from fiat.transfer import Transfer, TransferFlags, TransferStatus

EVENT = "settlement"
BANK = "bank"
_DONE = (TransferStatus.CREATED, TransferStatus.EXISTS)


class Settlements:
    """Pays one gateway's clearing accounts out, every `pause_ms`. `cap_minor`: of each currency; None for no cap."""

    def __init__(
        self,
        engine: AsyncEngine,
        journal: Journal,
        gateway: str,
        clock: Callable[[], int],
        *,
        cap_minor: int | None,
        pause_ms: int,
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._gateway = gateway
        self._clock = clock
        self._cap_minor = cap_minor
        self._pause_ns = pause_ms * 10**6
        self._due_at = clock() + self._pause_ns

    @property
    def due_at(self) -> int:
        """When the next one is (ns)."""
        return self._due_at

    async def room(self, currency: Currency) -> int | None:
        """Minor units that may still be taken in; None: any."""
        if self._cap_minor is None:
            return None
        (row,) = await self._rows([currency])
        return self._cap_minor - max(0, -row.account.booked)

    async def step(self) -> int:
        """Settle what is due, and what was interrupted; how many settlements were posted."""
        if self._clock() >= self._due_at:
            self._due_at = self._clock() + self._pause_ns
            for row in await self._rows(CURRENCIES.values()):
                if row.account.booked < 0:
                    await self._keep(row)
        done = await unanswered(self._engine, self._gateway, EVENT)
        for event in done:
            await self._post(event)
        return len(done)

    async def _keep(self, row: AccountRow) -> None:
        await keep(
            self._engine,
            gateway=self._gateway,
            event=EVENT,
            currency=row.currency,
            amount_minor=-row.account.booked,
            facts={"number": str(row.version)},
            now=self._clock(),
        )

    async def _post(self, event: RowMapping) -> None:
        """Bank rises, clearing falls; never below nothing, should two processes have seen the same money."""
        currency, source = CURRENCIES[event["currency"]], Source(SourceKind.GATEWAY_EVENT, event["id"])
        transfer_id = int.from_bytes(source.id[:16], "big")
        transfer = Transfer(
            id=transfer_id,
            debit_account_id=account_id(OPERATOR, currency, BANK),
            credit_account_id=account_id(OPERATOR, currency, f"clearing:{self._gateway}"),
            amount=event["amount_minor"],
            user_data_128=transfer_id,
            ledger=currency.ledger,
            code=TransferCode.SETTLEMENT,
            flags=TransferFlags.BALANCING_CREDIT,
        )
        (outcome,) = await self._journal.post([transfer], source)
        if outcome.status not in _DONE:
            raise JournalBroken(self._journal.sequence, f"a settlement's posting: {outcome.status.name.lower()}")
        async with self._engine.connect() as conn:
            found = await history.transfer(conn, transfer_id)
        assert found is not None, "a posted transfer can be read"
        await answered(self._engine, source, found[0])

    async def _rows(self, currencies: Iterable[Currency]) -> list[AccountRow]:
        clearing = f"clearing:{self._gateway}"
        async with self._engine.connect() as conn:
            found = [await history.account(conn, account_id(OPERATOR, c, clearing)) for c in currencies]
        return [row for row in found if row is not None]
