"""The sandbox's liquidity: the operator's own money that conversions are paid from, paid in once from a pretend bank.

A real operator pays in by a line of a bank statement; the sandbox makes the event itself, and keeps it as evidence
like any gateway's.
"""

from __future__ import annotations

import asyncio

from sqlalchemy.ext.asyncio import AsyncEngine

from api.currencies import CURRENCIES
from api.evidence import answered, keep
from api.gateways.sandbox import BANK, NAME
from api.prices import BASE, PAIRS
from fiat import history
from fiat.chart import TransferCode
from fiat.conversion import LIQUIDITY
from fiat.currency import Currency
from fiat.errors import JournalBroken
from fiat.holder import OPERATOR, account_id
from fiat.journal import Journal
from fiat.transfer import Transfer, TransferStatus

FEES = "fees"
_DONE = (TransferStatus.CREATED, TransferStatus.EXISTS)


async def fund_liquidity(engine: AsyncEngine, journal: Journal, amount_minor: int, now: int) -> None:
    """Open liquidity and fee accounts; pay `amount_minor` into each currency that has a price and was never funded."""
    purposes = (LIQUIDITY, FEES)
    await asyncio.gather(*(journal.open_account(OPERATOR, c, p) for c in CURRENCIES.values() for p in purposes))
    for currency in (c for c in CURRENCIES.values() if c.code in PAIRS or c.code == BASE):
        async with engine.connect() as conn:
            row = await history.account(conn, account_id(OPERATOR, currency, LIQUIDITY))
        assert row is not None, "it was opened just now"
        if amount_minor and row.account.credits_posted == 0:
            await _fund(engine, journal, currency, amount_minor, now)


async def _fund(engine: AsyncEngine, journal: Journal, currency: Currency, amount_minor: int, now: int) -> None:
    facts = {"what": "the operator's own capital"}
    source = await keep(
        engine,
        gateway=NAME,
        event=f"capital:{currency.code}",
        currency=currency.code,
        amount_minor=amount_minor,
        facts=facts,
        now=now,
    )
    transfer_id = int.from_bytes(source.id[:16], "big")
    transfer = Transfer(
        id=transfer_id,
        debit_account_id=account_id(OPERATOR, currency, BANK),
        credit_account_id=account_id(OPERATOR, currency, LIQUIDITY),
        amount=amount_minor,
        user_data_128=transfer_id,
        ledger=currency.ledger,
        code=TransferCode.TRANSFER,
    )
    (outcome,) = await journal.post([transfer], source)
    if outcome.status not in _DONE:
        raise JournalBroken(journal.sequence, f"funding liquidity: {outcome.status.name.lower()}")
    async with engine.connect() as conn:
        found = await history.transfer(conn, transfer_id)
    assert found is not None, "a posted transfer can be read"
    await answered(engine, source, found[0])
