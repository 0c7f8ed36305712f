"""Real databases for the ledger's tests: each test on SQLite and on PostgreSQL, in a fresh database of its own."""

from __future__ import annotations

import os
import time

import pytest
from coincurve import PrivateKey

from fiat import history
from fiat.authority import legs as order_legs
from fiat.chart import SourceKind, TransferCode
from fiat.currency import ISO_4217, currency
from fiat.holder import MAIN, OPERATOR, HolderGenesis, Recovery, account_id
from fiat.journal import Journal
from fiat.journal_engine import open_engine
from fiat.journal_values import Source
from fiat.order import LedgerTransfer, SignedOrder
from fiat.signature import address_of
from fiat.tables import metadata
from fiat.transfer import Transfer, TransferStatus
from tests.databases import Copies

EUR = currency("EUR")
FUNDS_MINOR = 10**16


class Key:
    """A secp256k1 key of a test: the operator's, or a person's."""

    def __init__(self, seed):
        self.private = PrivateKey(seed.to_bytes(32, "big"))
        self.address = address_of(self.private.public_key)

    def sign_digest(self, digest):
        signature = self.private.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([27 + signature[64]])


OPERATOR_KEY = Key(0xBEEF)


async def capital(journal, listed=EUR, amount_minor=FUNDS_MINOR):
    """The id of an operator's account with this much, for which a reserve rose by an outside event."""
    reserve = await journal.open_account(OPERATOR, listed, "clearing:sandbox")
    own = await journal.open_account(OPERATOR, listed, "capital")
    move = Transfer(
        int.from_bytes(os.urandom(15), "big"), reserve.id, own.id, amount_minor, ledger=listed.ledger, code=5
    )
    (outcome,) = await journal.post([move], Source(SourceKind.SANDBOX_TOPUP, os.urandom(32)))
    assert outcome.status is TransferStatus.CREATED, outcome
    return own.id


class Person:
    """A holder with their key, and the orders they sign."""

    def __init__(self, seed, recovery=Recovery.NEVER):
        self.key = Key(seed)
        self.genesis = HolderGenesis(self.key.address, seed.to_bytes(32, "big"), recovery)
        self.id = self.genesis.holder_id
        self.account = account_id(self.id, EUR)
        self.ledger = EUR.ledger

    def pay(self, journal, payee, amount_minor, *, nonce=None, now=None, **changes):
        now = time.time_ns() // 10**9 if now is None else now
        fields = {
            "holder": self.id,
            "key_epoch": 1,
            "nonce": nonce or os.urandom(32),
            "valid_after": now - 60,
            "valid_before": now + 600,
            "seen_head": self.id,
            "payee": payee.id,
            "shown": bytes(32),
            "currency": "EUR",
            "exponent": 2,
            "amount_minor": amount_minor,
            "total_max_minor": amount_minor,
        }
        order = LedgerTransfer(**(fields | changes))
        return SignedOrder(order, self.key.sign_digest(order.digest(journal.ledger_id)))


@pytest.fixture
def operator_key():
    return OPERATOR_KEY


@pytest.fixture
def person(journal):
    """Open a holder with an EUR account; people are told apart by their number."""

    async def make(seed):
        made = Person(seed)
        await journal.open_holder(made.genesis, [(EUR, MAIN)])
        return made

    return make


@pytest.fixture(scope="session")
def ledgers(tmp_path_factory):
    """Databases with the journal's tables."""
    return Copies("ledger", metadata, open_engine, tmp_path_factory.mktemp("ledger"))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path, ledgers):
    """A database of the test's own, with the journal's tables."""
    if request.param == "sqlite":
        yield ledgers.sqlite(tmp_path / "ledger.db")
        return
    with ledgers.postgresql(request.getfixturevalue("postgres")) as url:
        yield url


@pytest.fixture
async def engine(database_url):
    engine = open_engine(database_url)
    yield engine
    await engine.dispose()


@pytest.fixture
async def journal(engine):
    journal = await Journal.open(engine, OPERATOR_KEY)
    yield journal
    await journal.close()


@pytest.fixture
async def bank(journal):
    """The operator's account that money comes from: backed by a reserve, so that it may be given to people."""
    return await capital(journal)


@pytest.fixture
async def alice(person):
    return await person(0xA11CE)


@pytest.fixture
async def bob(person):
    return await person(0xB0B)


@pytest.fixture
def credit(journal, bank):
    """Give a person money from the bank: `await credit(alice, 1000)`."""

    async def give(who, amount_minor, transfer_id=None):
        transfer_id = transfer_id or int.from_bytes(os.urandom(15), "big")
        move = Transfer(transfer_id, bank, who.account, amount_minor, ledger=EUR.ledger, code=TransferCode.TOPUP)
        (outcome,) = await journal.post([move])
        assert outcome.status is TransferStatus.CREATED, outcome

    return give


@pytest.fixture
def send(journal):
    """Sign and submit: `await send(alice, bob, 500)`; the same `signed` again with `signed=`."""

    async def submit(who, payee, amount_minor=0, *, signed=None, on=None, texts=None, **fields):
        on = on or journal
        signed = signed or who.pay(on, payee, amount_minor, **fields)
        legs = order_legs(signed.order, on.ledger_id, ISO_4217, payout="payout:sandbox")
        return await on.submit(signed, legs, texts)

    return submit


@pytest.fixture
def balance(engine):
    """A person's available minor units, from the table."""

    async def read(who):
        async with engine.connect() as conn:
            return (await history.balances(conn, who.id))[0].available

    return read
