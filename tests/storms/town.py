"""The town that every storm shakes: people with keys and accounts, known from a number alone, so that any process of
a storm knows them. Money comes from the sandbox's clearing account, by a posting that names its source.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from coincurve import PrivateKey
from sqlalchemy import select

from fiat.authority import legs
from fiat.chart import SourceKind, TransferCode
from fiat.currency import ISO_4217, Currency, currency
from fiat.errors import JournalBusy, JournalClockWrong, JournalUnknown
from fiat.holder import MAIN, OPERATOR, HolderGenesis, account_id, leg_id
from fiat.journal import Journal
from fiat.journal_values import OrderResult, Source
from fiat.order import LedgerConversion, LedgerHold, LedgerTransfer, LedgerWithdrawal, SignedOrder
from fiat.signature import address_of
from fiat.tables import burnt_ids, records, transfers
from fiat.transfer import Transfer, TransferStatus

EUR, USD = currency("EUR"), currency("USD")
CLEARING = "clearing:sandbox"
PAYOUT = "payout:sandbox"
FUNDED_AT_ONCE = 500
ASKED_AGAIN_MAX = 200
UNANSWERED = (JournalBusy, JournalUnknown, JournalClockWrong)
"""What is asked again. A machine that stalls between reading its clock and writing has a wrong one for that moment."""


class Key:
    """A secp256k1 key of the storm."""

    def __init__(self, seed: int) -> None:
        self.private = PrivateKey(seed.to_bytes(32, "big"))
        self.address = address_of(self.private.public_key)

    def sign_digest(self, digest: bytes) -> bytes:
        signature = self.private.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([27 + signature[64]])


OPERATOR_KEY = Key(0xBEEF)


class Person:
    """A holder with their key and their EUR account, and the orders that they sign."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.key = Key(0x70_0000 + number)
        self.genesis = HolderGenesis(self.key.address, number.to_bytes(32, "big"))
        self.id = self.genesis.holder_id
        self.account = account_id(self.id, EUR)

    def pay(
        self, ledger_id: bytes, payee: Person, amount_minor: int, nonce: bytes | None = None, **fields
    ) -> SignedOrder:
        return self._sign(ledger_id, LedgerTransfer, amount_minor, nonce, payee=payee.id, **fields)

    def withdraw(self, ledger_id: bytes, amount_minor: int, **fields) -> SignedOrder:
        return self._sign(ledger_id, LedgerWithdrawal, amount_minor, None, destination=bytes(31) + b"\1", **fields)

    def hold(self, ledger_id: bytes, captor: Person, amount_minor: int) -> SignedOrder:
        until = time.time_ns() // 10**9 + 3600
        return self._sign(ledger_id, LedgerHold, amount_minor, None, captor=captor.id, until=until)

    def convert(self, ledger_id: bytes, amount_minor: int) -> SignedOrder:
        """To as many cents; the reference stands for a quote of its own."""
        fields = {"receive_asset": "USD", "receive_min_minor": amount_minor, "receive_to": bytes(20)}
        return self._sign(ledger_id, LedgerConversion, amount_minor, None, reference=os.urandom(32), **fields)

    def _sign(self, ledger_id, kind, amount_minor, nonce, now=None, **fields):
        now = now or time.time_ns() // 10**9
        common = {
            "holder": self.id,
            "key_epoch": 1,
            "nonce": nonce or os.urandom(32),
            "valid_after": now - 60,
            "valid_before": now + 600,
            "seen_head": self.id,
            "shown": bytes(32),
            "currency": "EUR",
            "exponent": 2,
            "amount_minor": amount_minor,
            "total_max_minor": amount_minor,
        }
        order = kind(**(common | fields))
        return SignedOrder(order, self.key.sign_digest(order.digest(ledger_id)))


def people(count: int) -> list[Person]:
    return [Person(number) for number in range(1, count + 1)]


def move(debit: int, credit: int, amount_minor: int, listed: Currency = EUR) -> Transfer:
    number = int.from_bytes(os.urandom(15), "big")
    return Transfer(number, debit, credit, amount_minor, ledger=listed.ledger, code=TransferCode.TOPUP)


async def raise_reserve(journal: Journal, purpose: str, amount_minor: int, listed: Currency = EUR) -> int:
    """Money from outside, once, into that account of the operator's. Returns the account's id."""
    clearing = (await journal.open_account(OPERATOR, listed, CLEARING)).id
    account = (await journal.open_account(OPERATOR, listed, purpose)).id
    raised = move(clearing, account, amount_minor, listed)
    (outcome,) = await journal.post([raised], source=Source(SourceKind.SANDBOX_TOPUP, os.urandom(32)))
    assert outcome.status is TransferStatus.CREATED
    return account


async def fund(journal: Journal, townspeople: list[Person], amount_minor: int) -> None:
    """Give everyone the same amount: from outside in one posting, then from the operator's capital."""
    capital = await raise_reserve(journal, "capital", amount_minor * len(townspeople))
    for first in range(0, len(townspeople), FUNDED_AT_ONCE):
        moves = [move(capital, who.account, amount_minor) for who in townspeople[first : first + FUNDED_AT_ONCE]]
        assert {outcome.status for outcome in await journal.post(moves)} == {TransferStatus.CREATED}


async def found(journal: Journal, count: int, amount_minor: int) -> list[Person]:
    """Open that many people with an EUR account and an amount each, and the account that withdrawals go to."""
    townspeople = people(count)
    await journal.open_account(OPERATOR, EUR, PAYOUT)
    await asyncio.gather(*(journal.open_holder(person.genesis, [(EUR, MAIN)]) for person in townspeople))
    if amount_minor:
        await fund(journal, townspeople, amount_minor)
    return townspeople


async def submit(journal: Journal, signed: SignedOrder, **terms: int) -> OrderResult:
    """Carry an order out on this journal; `terms` are a fee, or what a conversion gives (minor units)."""
    return await journal.submit(signed, legs(signed.order, journal.ledger_id, ISO_4217, payout=PAYOUT, **terms))


async def answered(ask: Callable, *, pause: float = 0.01):
    """Ask until there is an answer, as a client does: the same id again for as long as the outcome is not known."""
    for _ in range(ASKED_AGAIN_MAX):
        try:
            return await ask()
        except UNANSWERED:
            await asyncio.sleep(pause)
    return await ask()


@dataclass(frozen=True, slots=True)
class Placed:
    """Where the journal decided an order: its timestamp (ns) and, where it moved money, its sequence."""

    timestamp: int
    sequence: int | None


async def placed(conn) -> dict[int, Placed]:
    """Every transfer's id, and every id that a refusal burnt, with its place."""
    query = select(transfers.c.id, records.c.timestamp, records.c.sequence).join(
        records, records.c.sequence == transfers.c.sequence
    )
    found = {row.id: Placed(row.timestamp, row.sequence) for row in await conn.execute(query) if row.id is not None}
    for row in await conn.execute(select(burnt_ids.c.id, burnt_ids.c.timestamp)):
        found.setdefault(row.id, Placed(row.timestamp, None))
    return found


def first_leg(person: Person, nonce: bytes) -> int:
    return leg_id(person.id, nonce, 0)
