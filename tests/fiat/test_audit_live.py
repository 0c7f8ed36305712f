"""The auditor on a journal that lived through one of everything: no rule of the ledger is stricter or laxer there."""

from __future__ import annotations

import asyncio
import io
import os
from collections import Counter

import pytest

from fiat.audit import audit
from fiat.chart import TransferCode
from fiat.history_check import verify
from fiat.history_export import export
from fiat.holder import MAIN, OPERATOR, HolderGenesis, Recovery, account_id
from fiat.journal_control import ContractKey
from fiat.journal_engine import open_engine
from fiat.limit import LimitKey
from fiat.order import LedgerControl, LedgerTransfer, LedgerWithdrawal, SignedOrder
from fiat.record import KeyAction, KeyRecord, Kind, OperatorRecord, Reason, TransferRecord
from fiat.tables import metadata
from fiat.transfer import Transfer
from tests.fiat.agreements import DAY, JPY, Agreements
from tests.fiat.conftest import Key, Person, capital
from tests.fiat.forgery import Forger
from tests.fiat.officers import BEN, CARL, EUR, EVERYTHING, HOUR, SECOND, Office, subject

ALICE, BOB, DAN = (Person(seed) for seed in (0xA11CE, 0xB0B, 0xDA4))
ERIN = Person(0xE414, Recovery.CONTRACT_RECOVERABLE)
DAN.genesis = HolderGenesis(DAN.key.address, bytes(32), Recovery.RECOVERABLE)
DAN.id, DAN.account = DAN.genesis.holder_id, account_id(DAN.genesis.holder_id, EUR)
PHONE, CONTRACT_KEY = Key(0xF0E), Key(0xC0DE)


class Ticking:
    """The office's clock, as agreements read it."""

    def __init__(self, clock):
        self.clock = clock

    @property
    def seconds(self):
        return self.clock.now // SECOND


async def everything(engine):
    office = await Office.open(engine, ALICE, BOB, DAN, ERIN)
    office.clock.now += 250_000_000  # not on a second's edge, as no real instant is
    agree = Agreements(office.journal, Ticking(office.clock))
    for person, amount in ((ALICE, 50_000), (BOB, 3_000), (DAN, 700), (ERIN, 100)):
        await office.move("clearing:sandbox", person, amount)
    await office.move("clearing:sandbox", "capital", 500)
    await _orders(office, agree)
    await _agreements(office, agree)
    await _controls(office, agree)
    await _entries(office)
    await office.journal.close()


async def _orders(office, agree):
    journal = office.journal
    paid = agree.sign(ALICE, LedgerTransfer, payee=BOB.id, amount_minor=1_000, total_max_minor=1_010)
    assert (await agree.submit(paid, fee_minor=10)).accepted
    await journal.open_account(OPERATOR, EUR, "payout:sandbox")
    out = {"destination": bytes(32), "amount_minor": 200, "total_max_minor": 200}
    assert (await agree.submit(agree.sign(ALICE, LedgerWithdrawal, **out))).accepted
    for listed in (EUR, JPY):
        await journal.open_account(OPERATOR, listed, "liquidity")
    await journal.open_account(ALICE.id, JPY, MAIN)
    funds, liquid = await capital(journal, JPY), account_id(OPERATOR, JPY, "liquidity")
    await journal.post([Transfer(1, funds, liquid, 50_000, ledger=JPY.ledger, code=TransferCode.CONVERSION)])
    converted = agree.a_conversion(ALICE, 1_000, 1_600, total_max_minor=1_005)
    assert (await agree.submit(converted, receive_minor=1_620, fee_minor=5)).accepted


async def _agreements(office, agree):
    held = agree.a_hold(ALICE, BOB, 900, total_max_minor=909)
    assert (await agree.submit(held, fee_minor=9)).accepted
    await agree.capture(held.order, 300)
    office.after(60 * SECOND)
    await agree.capture(held.order, 200)
    await agree.capture(held.order, 100, final=True)
    await agree.release(await agree.hold(ALICE, BOB, 70))
    await agree.hold(ALICE, BOB, 71, until=agree.clock.seconds + 60)
    office.after(61 * SECOND)
    await office.journal.release_expired()
    mandate = await agree.mandate(ALICE, BOB, 40, period_seconds=3600)
    await agree.collect(mandate, 25)
    await agree.collect(mandate, 15)
    office.after(HOUR + SECOND)
    await agree.collect(mandate, 40)
    assert (await agree.control(ALICE, "mandate-revoke", subject=mandate.nonce)).accepted


async def _controls(office, agree):
    journal, epoch = office.journal, 1

    async def control(action, subject_=bytes(32), value=0, key=ALICE.key, nonce=None):
        now = agree.clock.seconds
        head = {"holder": ALICE.id, "key_epoch": epoch, "nonce": nonce or os.urandom(32), "seen_head": ALICE.id}
        times = {"valid_after": now - 60, "valid_before": now + 600}
        order = LedgerControl(**head, **times, action=action, subject=subject_, value=value)
        signed = SignedOrder(order, key.sign_digest(order.digest(journal.ledger_id)))
        assert (await journal.control(signed)).accepted

    limit, nonce = LimitKey.parse("transfer:EUR:day").subject, os.urandom(32)
    await journal.ask(ContractKey(ERIN.id, CONTRACT_KEY.address, 1, bytes([9]) * 32))
    await control("key-add", subject(PHONE))
    await control("key-add", subject(CARL), nonce=nonce)
    await control("cancel", nonce)
    await control("limit", limit, 5_000)
    await control("limit", limit, 6_000)
    office.after(49 * HOUR)
    order = agree.sign(ALICE, LedgerTransfer, payee=BOB.id, amount_minor=5_500, total_max_minor=5_500).order
    signed = SignedOrder(order, PHONE.sign_digest(order.digest(journal.ledger_id)))
    assert (await agree.submit(signed)).accepted
    await control("freeze", key=PHONE)
    await control("limit", limit, 5_900, key=PHONE)
    await control("unfreeze")
    epoch = 2
    await control("key-revoke", subject(PHONE), key=PHONE)


async def _entries(office):
    office.after(DAY * SECOND)
    topup = await office.move("clearing:sandbox", ALICE, 1_000)
    nonce = os.urandom(32)
    await office.change("key-add", subject(CARL))
    await office.change("key-add", subject(PHONE), nonce=nonce)
    await office.change("cancel", nonce, by=BEN)
    paper = {"document": bytes([3]) * 32, "cap": 400}
    undone = await office.held(1, ALICE, "clearing:sandbox", 600, undoes=topup)
    compelled = await office.held(2, BOB, "compelled", 300, **paper)
    asked = await office.held(4, ALICE, "inquiry", 45)
    await office.held(4, ALICE, "inquiry", 46, days=4)
    recovered = await office.held(3, DAN, BOB, EVERYTHING, days=20, successor=BOB.id)
    release = office.entry(Reason.RELEASE, ALICE, "inquiry", 45, pending_id=asked.leg_0)
    await office.post(release)
    office.after(73 * HOUR)
    fields = {"undoes": topup, "pending_id": undone.leg_0, "reason_code": 1}
    await office.post(office.entry(Reason.UNDOING, ALICE, "clearing:sandbox", 600, **fields))
    take = {"reason_code": 2, "pending_id": compelled.leg_0} | paper
    await office.post(office.entry(Reason.COMPELLED, BOB, "compelled", 300, **take))
    await office.post(office.entry(Reason.COMPELLED, BOB, "compelled", 50, reason_code=101, **paper))
    await office.post(office.entry(Reason.CREDIT, "capital", ALICE, 21, reason_code=1))
    await office.change("key-revoke", subject(CARL), by=BEN)
    office.after(DAY * SECOND)
    await office.journal.release_expired()
    office.after(11 * DAY * SECOND)
    moved = {"pending_id": recovered.leg_0, "successor": BOB.id}
    await office.post(office.entry(Reason.RECOVERY, DAN, BOB, EVERYTHING, **moved))
    over = await office.move("clearing:sandbox", DAN, 500)
    short = await office.held(1, DAN, "clearing:sandbox", 500, undoes=over)
    office.after(73 * HOUR)
    fields = {"undoes": over, "pending_id": short.leg_0, "reason_code": 2}
    await office.post(office.entry(Reason.UNDOING, DAN, "clearing:sandbox", 500, **fields))


async def exported_of(url):
    engine = open_engine(url)
    async with engine.begin() as conn:
        await conn.run_sync(metadata.create_all)
    await everything(engine)
    assert (await verify(engine)).problems == []
    async with engine.connect() as conn:
        made = b"".join([piece async for piece in export(conn)])
    await engine.dispose()
    return made


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    return asyncio.run(exported_of(f"sqlite:///{tmp_path_factory.mktemp('lived')}/journal.db"))


def test_a_journal_that_lived_through_everything_passes(lived):
    assert audit(io.BytesIO(lived)).failures == []


def test_it_did_live_through_everything(lived):
    records = [record for batch in Forger.of(lived).batches for record in batch]
    assert {record.KIND for record in records} == set(Kind)
    assert {r.action for r in records if isinstance(r, KeyRecord)} == set(KeyAction)
    assert {r.reason for r in records if isinstance(r, OperatorRecord)} == set(Reason)
    orders = Counter(type(r.order.order).__name__ for r in records if getattr(r, "order", None) is not None)
    assert len(orders) == 6
    codes = {r.code for r in records if isinstance(r, TransferRecord)}
    named = {TransferCode.TRANSFER, TransferCode.WITHDRAWAL, TransferCode.FEE, TransferCode.CONVERSION}
    assert codes >= named | {TransferCode.HOLD, TransferCode.MANDATE, TransferCode.COLLECTION}


def test_every_honest_prefix_of_it_passes(lived):
    forger = Forger.of(lived)
    assert forger.data == lived
    while len(forger.batches) > 1:
        forger.batches.pop()
        assert audit(io.BytesIO(forger.data)).failures == []
