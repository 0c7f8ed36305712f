"""People with money at a journal, and what they send each other: the load of the ledger's benchmarks.

Orders are built and signed before the clock starts, as a client does it; what is measured begins where the server
hands a checked order to the journal and ends with its receipt after the commit.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from coincurve import PrivateKey
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from api.commands.serve import COLLECTED_AFTER
from fiat.authority import legs
from fiat.chart import SourceKind, TransferCode
from fiat.currency import ISO_4217, currency
from fiat.holder import MAIN, OPERATOR, HolderGenesis, account_id
from fiat.journal import Journal
from fiat.journal_engine import open_engine
from fiat.journal_values import OrderResult, Source
from fiat.order import LedgerTransfer, SignedOrder
from fiat.signature import address_of
from fiat.tables import accounts, metadata
from fiat.transfer import Transfer, TransferStatus

EUR = currency("EUR")
CALLERS = 1024
FUNDS_MINOR = 1_000_000_00
TOO_MUCH_MINOR = 10**15
PAYOUT = "payout:sandbox"
Item = TypeVar("Item")
Payment = tuple[SignedOrder, list[Transfer]]


class Key:
    """A secp256k1 key: the operator's or a person's."""

    def __init__(self, number: int) -> None:
        self.private = PrivateKey(number.to_bytes(32, "big"))
        self.address = address_of(self.private.public_key)

    def sign_digest(self, digest: bytes) -> bytes:
        signature = self.private.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([27 + signature[64]])


@dataclass(frozen=True, slots=True)
class Someone:
    """A holder with their key."""

    key: Key
    genesis: HolderGenesis

    @property
    def id(self) -> bytes:
        return self.genesis.holder_id


@asynccontextmanager
async def open_journal(url: str) -> AsyncIterator[tuple[Journal, AsyncEngine]]:
    """A new journal in the empty database at `url`."""
    engine = open_engine(url)
    async with engine.begin() as conn:
        await conn.run_sync(metadata.create_all)
    journal = await Journal.open(engine, Key(0xBEEF))
    try:
        yield journal, engine
    finally:
        await journal.close()
        await engine.dispose()


async def people(journal: Journal, count: int) -> list[Someone]:
    """Open this many holders with one EUR account and the same funds each."""
    bank = await _capital(journal, count * FUNDS_MINOR)
    keys = [Key(0x1000 + number) for number in range(count)]
    made = [Someone(key, HolderGenesis(key.address, bytes(32))) for key in keys]
    for some in _chunks(made, CALLERS):
        await asyncio.gather(*(journal.open_holder(one.genesis, [(EUR, MAIN)]) for one in some))
        gifts = [
            Transfer(_id(), bank, account_id(one.id, EUR), FUNDS_MINOR, ledger=EUR.ledger, code=TransferCode.TOPUP)
            for one in some
        ]
        for gift in _chunks(gifts, 500):
            assert all(outcome.status is TransferStatus.CREATED for outcome in await journal.post(gift))
    return made


async def _capital(journal: Journal, amount_minor: int) -> int:
    """The operator's account with this much, for which a reserve rose by an outside event."""
    reserve = await journal.open_account(OPERATOR, EUR, "clearing:sandbox")
    own = await journal.open_account(OPERATOR, EUR, "capital")
    move = Transfer(_id(), reserve.id, own.id, amount_minor, ledger=EUR.ledger, code=TransferCode.TOPUP)
    (outcome,) = await journal.post([move], Source(SourceKind.SANDBOX_TOPUP, os.urandom(32)))
    assert outcome.status is TransferStatus.CREATED, outcome
    return own.id


def payments(
    journal: Journal, some: Sequence[Someone], count: int, *, hot: bool = False, refused_every: int = 0
) -> list[Payment]:
    """Signed orders of one minor unit each. `hot`: nine of ten go to one person; every n-th is beyond any balance."""
    made, now = [], time.time_ns() // 10**9
    for number in range(count):
        payer = some[number % len(some)]
        step = 1 + number // len(some) * 7 + number % 5
        payee = some[0] if hot and number % 10 else some[(number + step) % len(some)]
        if payee is payer:
            payee = some[(number + 1) % len(some)]
        amount = TOO_MUCH_MINOR if refused_every and number % refused_every == 0 else 1
        made.append(_payment(journal, payer, payee, amount, now))
    return _set_aside(made)


def _set_aside(made: list[Payment]) -> list[Payment]:
    """Out of the collector's way: what was prepared is the clients', and not for us to walk through in our time."""
    gc.collect()
    gc.set_threshold(*COLLECTED_AFTER)  # as the server does
    gc.freeze()
    return made


def _payment(journal: Journal, payer: Someone, payee: Someone, amount_minor: int, now: int) -> Payment:
    order = LedgerTransfer(
        holder=payer.id,
        key_epoch=1,
        nonce=os.urandom(32),
        valid_after=now - 60,
        valid_before=now + 600,
        seen_head=payer.id,
        payee=payee.id,
        shown=os.urandom(32),
        currency="EUR",
        exponent=2,
        amount_minor=amount_minor,
        total_max_minor=amount_minor,
    )
    signed = SignedOrder(order, payer.key.sign_digest(order.digest(journal.ledger_id)))
    return signed, legs(order, journal.ledger_id, ISO_4217, payout=PAYOUT)


async def submit_all(journal: Journal, orders: Sequence[Payment], callers: int = CALLERS) -> list[OrderResult]:
    """Each caller submits one order, waits for its receipt, and takes the next."""
    results: list[OrderResult] = []
    rest: Iterator[Payment] = iter(orders)

    async def caller() -> None:
        for signed, transfers in rest:
            results.append(await journal.submit(signed, transfers))

    await asyncio.gather(*(caller() for _ in range(callers)))
    return results


async def rate(journal: Journal, orders: Sequence[Payment], callers: int = CALLERS) -> float:
    """Orders a second; afterwards each was answered once, and what should move moved with a receipt of its own."""
    started = time.perf_counter()
    results = await submit_all(journal, orders, callers)
    seconds = time.perf_counter() - started
    gc.unfreeze()
    expected = Counter(signed.order.amount_minor < TOO_MUCH_MINOR for signed, _ in orders)  # type: ignore[attr-defined]  # transfers only
    assert Counter(result.accepted for result in results) == expected, "an innocent transfer failed"
    assert all(result.first for result in results), "an order was answered twice"
    sequences = [result.sequence for result in results if result.receipt is not None]
    assert len(set(sequences)) == expected[True], "a transfer was repeated"
    return len(orders) / seconds


async def check_conserved(engine: AsyncEngine) -> None:
    """What left all accounts came into them, and nobody is below zero."""
    query = select(
        func.sum(accounts.c.credits_posted - accounts.c.debits_posted),
        func.min(accounts.c.credits_posted - accounts.c.debits_posted).filter(accounts.c.holder.is_not(None)),
    )
    async with engine.connect() as conn:
        total, least = (await conn.execute(query)).one()
    assert total == 0 and least >= 0, "money was made or lost"


def _id() -> int:
    return int.from_bytes(os.urandom(15), "big") + 1


def _chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))
