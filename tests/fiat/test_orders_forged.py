"""What the rules of orders forbid is named by the check of the journal, even when the operator re-seals everything."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from fiat import history
from fiat.audit import audit
from fiat.chart import SourceKind, TransferCode
from fiat.history_check import verify
from fiat.history_export import export
from fiat.history_replay import Replay
from fiat.holder import MAIN, OPERATOR, account_id, leg_id
from fiat.journal import Journal
from fiat.journal_values import Source
from fiat.order import ZERO_32, SignedOrder
from fiat.record import TransferRecord, leaf_hash
from fiat.transfer import NANOSECONDS, Transfer, TransferFlags
from tests.fiat.agreements import DAY, EUR, JPY, Agreements, Clock
from tests.fiat.conftest import OPERATOR_KEY, capital
from tests.fiat.test_history_check import drop_triggers, forged

LINKED, PENDING = int(TransferFlags.LINKED), int(TransferFlags.PENDING)
POST, VOID = int(TransferFlags.POST_PENDING_TRANSFER), int(TransferFlags.VOID_PENDING_TRANSFER)
USE, QUOTE = int(SourceKind.USE), int(SourceKind.QUOTE)


class World:
    """A journal with every order type in it, and its records by what they are."""

    async def live(self, journal, clock, alice, bob, carol, credit, send):
        self.alice, self.bob, self.carol = alice, bob, carol
        self.agree = agree = Agreements(journal, clock)
        self.ledger_id = journal.ledger_id
        await credit(alice, 50_000)
        for who, listed, purpose in (
            *[(person.id, JPY, MAIN) for person in (alice, bob)],
            *[(OPERATOR, listed, purpose) for listed in (EUR, JPY) for purpose in ("liquidity", "fees")],
        ):
            await journal.open_account(who, listed, purpose)
        funds = await capital(journal, JPY)
        yen = account_id(OPERATOR, JPY, "liquidity")
        await journal.post([Transfer(1, funds, yen, 50_000, ledger=JPY.ledger, code=TransferCode.CONVERSION)])
        hold = agree.a_hold(alice, bob, 5_000, total_max_minor=5_010)
        await agree.submit(hold, fee_minor=10)
        mandate = await agree.mandate(alice, bob, 100)
        signed = agree.a_conversion(alice, 1_000, 1_600, total_max_minor=1_010)
        await agree.submit(signed, receive_minor=1_620, fee_minor=10)
        paid = alice.pay(journal, bob, 40, now=clock.seconds)
        await send(alice, bob, signed=paid)
        self.orders = {"hold": hold.order, "mandate": mandate, "conversion": signed.order, "transfer": paid.order}
        await agree.capture(hold.order, 1_000)
        await agree.release(hold.order)
        await agree.collect(mandate, 60)
        await agree.collect(mandate, 40)
        clock.wait(DAY + 1)
        await agree.collect(mandate, 100)
        return self

    async def read(self, engine):
        async with engine.connect() as conn:
            self.records = await history.tail(conn, 0)
        assert (await verify(engine)).problems == []
        return self

    def leg(self, name, number):
        order = self.orders[name]
        wanted = leg_id(order.holder, order.nonce, number)
        return next(r for r in self.records if isinstance(r, TransferRecord) and r.id == wanted)

    def signed(self, name, **fields):
        """The person's order with other terms, signed by them, and what its legs name it by."""
        order = replace(self.orders[name], **fields)
        digest = order.digest(self.ledger_id)
        signed = SignedOrder(order, self.alice.key.sign_digest(digest))
        return {"order": signed, "user_data_128": int.from_bytes(digest[:16], "big")}

    def told(self, record, changes=None, further=0, revoked=(), frozen=False):
        """What the replay says of that record, changed, or of the one `further` behind it."""
        replay, said = Replay(self.ledger_id), {}
        for each in self.records:
            if each.sequence == record.sequence:
                each = replace(each, **(changes or {}))
                replay.revoked.update(revoked)
                if frozen:
                    replay.holders[self.alice.id] = replay.holders[self.alice.id]._replace(frozen=True)
            said[each.sequence] = list(replay.record(each, leaf_hash(each.encode())))
            if each.sequence == record.sequence + further:
                return said[each.sequence]
        raise AssertionError("no such record")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def journal(engine, clock):
    journal = await Journal.open(engine, OPERATOR_KEY, clock, drift_max_ns=None)
    yield journal
    await journal.close()


@pytest.fixture
async def world(engine, journal, clock, alice, bob, person, credit, send):
    world = await World().live(journal, clock, alice, bob, await person(0xCA401), credit, send)
    return await world.read(engine)


def to(person):
    return {"credit_account_id": person.account, "credit_holder": person.id}


UNTIMELY = "its reservation does not end when the order says"
DIFFERS = "differs from its order in account, amount, code or flags"
NOT_NEXT = "is not the order's next leg"
NO_SOURCE = {"source_kind": 0, "source_id": ZERO_32}
BARE = {"leg": 0, "user_data_32": 0, "user_data_128": 0, "user_data_64": 0, **NO_SOURCE}

FORGERIES = [
    ("hold", 0, lambda w, r: {"timeout": r.timeout + 1}, UNTIMELY),
    ("hold", 0, lambda w, r: {"timeout": r.timeout - 1}, UNTIMELY),
    ("hold", 0, lambda w, r: {"timeout": 0}, UNTIMELY),
    ("hold", 0, lambda w, r: {"amount": 4_999}, DIFFERS),
    ("hold", 0, lambda w, r: {"flags": LINKED, "timeout": 0}, DIFFERS),
    ("hold", 0, lambda w, r: {"code": 1}, DIFFERS),
    ("hold", 0, lambda w, r: {"user_data_64": 1}, DIFFERS),
    ("hold", 0, lambda w, r: to(w.carol), "credits somebody else than its order says"),
    ("hold", 0, lambda w, r: {"source_kind": USE, "source_id": b"\1" * 32}, "names another source than its order"),
    ("hold", 0, lambda w, r: {"id": r.id ^ 1}, NOT_NEXT),
    ("hold", 0, lambda w, r: {"user_data_128": 5}, "does not name the order that it carries"),
    ("hold", 0, lambda w, r: w.signed("hold", until=w.orders["hold"].until + 400 * DAY), UNTIMELY),
    ("hold", 0, lambda w, r: w.signed("hold", captor=w.alice.id), "its order is with nobody else"),
    ("hold", 0, lambda w, r: w.signed("hold", captor=b"\7" * 32), "its order is with nobody else"),
    ("hold", 0, lambda w, r: w.signed("hold", total_max_minor=4_999), "its order's amount is zero, too large or ab"),
    ("hold", 1, lambda w, r: {"amount": 11}, "takes more than the order's maximum"),
    ("hold", 1, lambda w, r: to(w.bob), "is no fee of its order"),
    ("hold", 2, lambda w, r: NO_SOURCE, "is a use without its source"),
    ("hold", 2, lambda w, r: {"source_kind": 1}, "is a use without its source"),
    ("hold", 2, lambda w, r: {"amount": 0}, "captures nothing, or more than is reserved"),
    ("hold", 2, lambda w, r: {"amount": 5_000}, "goes on where nothing is left"),
    ("hold", 2, lambda w, r: {"leg": 3, "user_data_32": 3}, NOT_NEXT),
    ("hold", 2, lambda w, r: {"user_data_32": 3}, NOT_NEXT),
    ("hold", 2, lambda w, r: {"id": 12345}, NOT_NEXT),
    ("hold", 2, lambda w, r: BARE, "resolves what an order reserved, and is no use of it"),
    (
        "hold",
        2,
        lambda w, r: {"flags": VOID, "amount": 5_000, "code": 8, "user_data_64": 3},
        "has another code or mark",
    ),
    ("hold", 3, lambda w, r: {"amount": 3_999}, "does not reserve exactly the rest"),
    ("hold", 3, lambda w, r: {"amount": 4_001}, "does not reserve exactly the rest"),
    ("hold", 3, lambda w, r: {"flags": 0, "timeout": 0}, "does not reserve exactly the rest"),
    ("hold", 3, lambda w, r: {"source_kind": USE, "source_id": b"\1" * 32}, "does not reserve exactly the rest"),
    ("hold", 3, lambda w, r: {"timeout": r.timeout + 1}, UNTIMELY),
    ("hold", 3, lambda w, r: {"timeout": 0}, UNTIMELY),
    ("hold", 3, lambda w, r: to(w.carol), "has other accounts than its order"),
    ("hold", 3, lambda w, r: BARE | {"id": 9}, "stands inside the chain of an order"),
    ("mandate", 0, lambda w, r: {"amount": 1}, DIFFERS),
    ("mandate", 0, lambda w, r: {"flags": PENDING}, DIFFERS),
    ("mandate", 0, lambda w, r: {"flags": PENDING, "timeout": 9}, "its leg has a timeout that the order does not"),
    ("mandate", 0, lambda w, r: w.signed("mandate", count=0), "its mandate allows nothing"),
    ("mandate", 0, lambda w, r: w.signed("mandate", period_seconds=59), "its mandate allows nothing"),
    ("mandate", 0, lambda w, r: w.signed("mandate", per_period_minor=0), "its mandate allows nothing"),
    ("mandate", 0, lambda w, r: w.signed("mandate", until=1_000), "its mandate was over, or moves money at once"),
    ("mandate", 0, lambda w, r: {"flags": LINKED}, "its mandate was over, or moves money at once"),
    ("mandate", 2, lambda w, r: {"amount": 41}, "collects more than the mandate allows a period"),
    ("mandate", 3, lambda w, r: {"amount": 101}, "collects more than the mandate allows a period"),
    ("mandate", 2, lambda w, r: {"amount": 0}, "is no collection"),
    ("mandate", 2, lambda w, r: {"code": 1}, "is no collection"),
    ("mandate", 2, lambda w, r: {"flags": PENDING}, "is no collection"),
    ("mandate", 2, lambda w, r: {"user_data_64": 1}, "counts against another period than its own"),
    ("mandate", 3, lambda w, r: {"user_data_64": 0}, "counts against another period than its own"),
    ("mandate", 3, lambda w, r: {"leg": 4, "user_data_32": 4}, NOT_NEXT),
    ("mandate", 2, lambda w, r: NO_SOURCE, "is a use without its source"),
    ("mandate", 2, lambda w, r: to(w.carol), "has other accounts than its order"),
    ("mandate", 3, lambda w, r: after(w, 12 * DAY), "collects when the mandate is over"),
    ("mandate", 3, lambda w, r: further_leg(w, "transfer", 1), "is a leg that its order does not have"),
    ("mandate", 3, lambda w, r: further_leg(w, "conversion", 3), "is a leg that its order does not have"),
    ("conversion", 0, lambda w, r: NO_SOURCE, "names another source than its order"),
    ("conversion", 0, lambda w, r: {"source_id": b"\1" * 32}, "names another source than its order"),
    ("conversion", 0, lambda w, r: {"flags": 0}, "its conversion gives nothing"),
    ("conversion", 0, lambda w, r: to(w.bob), "credits somebody else than its order says"),
    ("conversion", 0, lambda w, r: w.signed("conversion", reference=ZERO_32) | NO_SOURCE, "names another source"),
    ("conversion", 1, lambda w, r: {"amount": 1_599}, "gives less than the conversion's minimum"),
    ("conversion", 1, lambda w, r: {"code": 1}, "gives something else than the conversion asks for"),
    ("conversion", 1, lambda w, r: {"source_kind": QUOTE, "source_id": b"\1" * 32}, "has a source or a mark"),
    ("conversion", 2, lambda w, r: {"amount": 11}, "takes more than the order's maximum"),
    ("transfer", 0, lambda w, r: w.signed("transfer", payee=w.alice.id), "its order is with nobody else"),
    ("transfer", 0, lambda w, r: {"amount": 41}, DIFFERS),
    ("transfer", 0, lambda w, r: w.signed("transfer", currency="NOTONE"), "credits somebody else than its order"),
]


def after(world, seconds):
    """The third collection, at a later time and counted in the period of that time."""
    return {
        "timestamp": world.leg("mandate", 0).timestamp + seconds * NANOSECONDS,
        "user_data_64": seconds // DAY,
    }


def further_leg(world, name, number):
    """A debit in the name of an order that was carried out long ago."""
    order = world.orders[name]
    reference = world.leg(name, 0).user_data_128
    return {
        "id": leg_id(order.holder, order.nonce, number),
        "leg": number,
        "user_data_32": number,
        "user_data_128": reference,
    }


async def test_every_forgery_is_named(world):
    for name, number, make, reason in FORGERIES:
        record = world.leg(name, number)
        said = world.told(record, make(world, record))
        assert any(reason in each for each in said), (name, number, reason, said)
        assert not any(reason in each for each in world.told(record)), (name, number, reason)


async def test_a_chain_is_not_left_open(world):
    """The rest that a capture announces has to follow, and a freed rest stays free."""
    capture = world.leg("hold", 2)
    assert any("uses a hold that" in each for each in world.told(capture, {"flags": POST}, further=1))
    assert any(
        "stands inside the chain" in each for each in world.told(world.leg("conversion", 2), {"flags": LINKED}, 1)
    )


async def test_what_the_holder_ended_is_ended(world):
    mandate = world.orders["mandate"]
    record = world.leg("mandate", 2)
    ended = {(mandate.holder, mandate.nonce)}
    assert "collects under a revoked mandate" in world.told(record, revoked=ended)
    assert "collects from a frozen holder" in world.told(record, frozen=True)
    assert world.told(record) == []


async def test_the_auditor_agrees_with_an_honest_journal(engine, world):
    """It shares no rule with what wrote these orders."""
    async with engine.connect() as conn:
        data = b"".join([part async for part in export(conn)])
    report = audit(io.BytesIO(data))
    assert (report.failures, report.records) == ([], len(world.records) + 1)


async def test_no_posting_passes_for_a_use_or_a_quote(journal, bank, alice):
    move = Transfer(9, bank, alice.account, 1, ledger=EUR.ledger, code=TransferCode.TOPUP)
    for kind in (SourceKind.USE, SourceKind.QUOTE):
        with pytest.raises(ValueError, match="no use of an order"):
            await journal.post([move], Source(kind, b"\1" * 32))


async def test_re_sealed_by_the_operator_it_is_named(engine, journal, world):
    await drop_triggers(engine)
    for name, number, changes, reason in (
        ("hold", 3, {"amount": 3_999}, "does not reserve exactly the rest"),
        ("mandate", 2, {"amount": 41}, "collects more than the mandate allows a period"),
        ("conversion", 1, {"amount": 1_599}, "gives less than the conversion's minimum"),
        ("hold", 2, BARE, "resolves what an order reserved, and is no use of it"),
    ):
        record = world.leg(name, number)
        named = await forged(engine, OPERATOR_KEY, journal, record.sequence, replace(record, **changes).encode())
        assert reason in named, (name, number, named)
