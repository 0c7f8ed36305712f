"""Conversions to a token: everything is only reserved until the tokens are sent, and settled once, all one way."""

from __future__ import annotations

import asyncio
import io
import os
from types import SimpleNamespace

import pytest

from fiat import history
from fiat.audit import audit
from fiat.audit_state import LINKED, POST, VOID, Order
from fiat.bridge_quote import chain_asset
from fiat.chart import SourceKind
from fiat.currency import Currency
from fiat.errors import DebitUnauthorised, InventoryMissing, OrderMalformed, OrderUnknown, UseRefused
from fiat.history_check import verify
from fiat.history_export import export
from fiat.holder import MAIN, OPERATOR, account_id
from fiat.journal import Journal
from fiat.journal_bridges import Settle, settling
from fiat.journal_values import Source
from fiat.transfer import Transfer, TransferFlags, TransferStatus
from tests.fiat.agreements import EUR, Agreements, Clock, intact
from tests.fiat.conftest import OPERATOR_KEY

ETH = Currency("ETH", 9)
TO = b"\x22" * 20
INVENTORY_MINOR = 5_000_000_000


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def journal(engine, clock):
    journal = await Journal.open(engine, OPERATOR_KEY, clock, drift_max_ns=None)
    yield journal
    await journal.close()


@pytest.fixture
def agree(journal, clock):
    return Agreements(journal, clock)


@pytest.fixture
async def funded(journal, alice, credit):
    """100.00 EUR are alice's, 5 ETH the operator's."""
    for money, purpose in (
        (EUR, "liquidity"),
        (EUR, "fees"),
        (ETH, "inventory"),
        (ETH, "treasury"),
        (ETH, "reorg_loss"),
    ):
        await journal.open_account(OPERATOR, money, purpose)
    await credit(alice, 10_000)
    move = Transfer(9, account("treasury"), account("inventory"), INVENTORY_MINOR, ledger=ETH.ledger, code=15)
    (outcome,) = await journal.post([move], Source(SourceKind.CHAIN_LOG, os.urandom(32)))
    assert outcome.status is TransferStatus.CREATED
    return alice


def account(purpose, money=ETH, holder=OPERATOR):
    return account_id(holder, money, purpose)


def order_of(agree, payer, amount=1_000, **fields):
    own = {"receive_asset": chain_asset(31337, bytes(20)), "receive_to": TO, "total_max_minor": amount + 50}
    return agree.a_conversion(payer, amount, 1, **(own | fields))


async def accept(agree, signed, receive=1_000_000_000, fee=50):
    return await agree.submit(signed, receive_minor=receive, fee_minor=fee, token=ETH)


async def reserved(engine, order, count=3):
    async with engine.connect() as conn:
        found = [await history.transfer(conn, order.leg_id(leg)) for leg in range(count)]
    return tuple(entry[1] for entry in found)


async def standing(engine, holder):
    """Booked and available of the holder, the inventory, the treasury's reserve, liquidity and fees (EUR)."""
    async with engine.connect() as conn:
        rows = {r.account.id: r.account for h in (holder, OPERATOR) for r in await history.account_rows(conn, h)}
    own, inventory = rows[account(MAIN, EUR, holder)], rows[account("inventory")]
    others = (rows[account("liquidity", EUR)].booked, rows[account("fees", EUR)].booked)
    return (
        (own.booked, own.available),
        (inventory.booked, inventory.available),
        -rows[account("treasury")].booked,
        others,
    )


async def test_nothing_moves_before_the_tokens_are_sent(engine, agree, funded):
    result = await accept(agree, order_of(agree, funded))
    assert result.accepted
    assert await standing(engine, funded.id) == (
        (10_000, 8_950),
        (INVENTORY_MINOR, INVENTORY_MINOR - 10**9),
        INVENTORY_MINOR,
        (0, 0),
    )
    await intact(engine)


@pytest.mark.parametrize("sent", [True, False])
async def test_it_is_settled_once_and_all_one_way(engine, journal, agree, funded, sent):
    signed = order_of(agree, funded)
    assert (await accept(agree, signed)).accepted
    legs = await reserved(engine, signed.order)
    first = await journal.ask(Settle(signed.order, legs, sent))
    assert first is not None and await journal.ask(Settle(signed.order, legs, sent)) is None
    with pytest.raises(UseRefused):
        await journal.ask(Settle(signed.order, legs, not sent))
    left = INVENTORY_MINOR - 10**9 * sent
    money = ((8_950, 8_950), (left, left), left, (1_000, 50))
    assert await standing(engine, funded.id) == (money if sent else ((10_000, 10_000), (left, left), left, (0, 0)))
    await intact(engine)


async def test_two_servers_settle_it_once_between_them(engine, journal, clock, agree, funded):
    signed, other = order_of(agree, funded), await Journal.open(engine, OPERATOR_KEY, clock, drift_max_ns=None)
    assert (await accept(agree, signed)).accepted
    legs = await reserved(engine, signed.order)
    asked = [side.ask(Settle(signed.order, legs, sent)) for side in (journal, other) for sent in (True, False)]
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(result, int) for result in results) == 1
    assert sum(isinstance(result, UseRefused) for result in results) == 2
    await other.close()
    await intact(engine)


async def test_more_than_the_inventory_is_refused_and_nothing_is_held(engine, journal, agree, funded):
    before, signed = journal.sequence, order_of(agree, funded)
    with pytest.raises(InventoryMissing):
        await accept(agree, signed, INVENTORY_MINOR + 1)
    assert journal.sequence == before
    taken = [accept(agree, order_of(agree, funded, 10), INVENTORY_MINOR // 4, 1) for _ in range(8)]
    results = await asyncio.gather(*taken, return_exceptions=True)
    assert sum(isinstance(result, InventoryMissing) for result in results) == 4, "a reservation counts at once"
    await intact(engine)


async def test_what_a_reorganisation_took_is_given_to_nobody(engine, journal, agree, funded):
    loss = Transfer(10, account("reorg_loss"), account("treasury"), INVENTORY_MINOR, ledger=ETH.ledger, code=16)
    assert (await journal.post([loss]))[0].status is TransferStatus.CREATED
    with pytest.raises(InventoryMissing):
        await accept(agree, order_of(agree, funded))
    await intact(engine)


async def test_only_its_own_legs_settle_it(engine, journal, agree, funded):
    one, two = order_of(agree, funded), order_of(agree, funded)
    assert (await accept(agree, one)).accepted and (await accept(agree, two)).accepted
    legs = await reserved(engine, one.order)
    with pytest.raises(OrderUnknown):
        await journal.ask(Settle(two.order, legs, True))
    with pytest.raises(OrderUnknown):
        await journal.ask(Settle(one.order, (legs[0]._replace(amount=1), *legs[1:]), True))
    with pytest.raises(DebitUnauthorised):
        await journal.post([settling(one.order, legs, sent=True)[0]])
    await intact(engine)


async def test_the_check_and_the_auditor_see_the_inventory_taken_past_its_order(engine, journal, agree, funded):
    """Seeded: the operator frees its own leg by itself, as `Journal.post` would let it."""
    signed = order_of(agree, funded)
    assert (await accept(agree, signed)).accepted
    legs = await reserved(engine, signed.order)
    void = legs[1]._replace(
        id=77, pending_id=legs[1].id, flags=int(TransferFlags.VOID_PENDING_TRANSFER), timestamp=0, user_data_32=0
    )
    assert (await journal.post([void]))[0].status is TransferStatus.CREATED
    assert any("resolves what an order reserved" in str(problem) for problem in (await verify(engine)).problems)
    async with engine.connect() as conn:
        exported = b"".join([piece async for piece in export(conn)])
    assert audit(io.BytesIO(exported)).codes == {"pending_of_another"}


@pytest.mark.parametrize("changes", [{"receive_to": bytes(20)}, {"reference": bytes(32)}])
async def test_an_order_that_cannot_be_carried_out_is_refused(agree, funded, changes):
    with pytest.raises(OrderMalformed):
        await accept(agree, order_of(agree, funded, **changes))


def resolving(pending, flags, amount=5):
    return SimpleNamespace(pending_id=pending, flags=flags, amount=amount)


@pytest.mark.parametrize(
    ("records", "codes"),
    [
        ([resolving(1, POST | LINKED), resolving(2, POST)], []),
        ([resolving(1, VOID | LINKED), resolving(2, VOID)], []),
        ([resolving(2, POST | LINKED), resolving(2, POST)], ["settlement_pending_wrong"]),
        ([resolving(1, POST | LINKED, 4), resolving(2, POST)], ["settlement_amount_wrong"]),
        ([resolving(1, POST | LINKED), resolving(2, VOID)], ["settlement_way_wrong"]),
        ([resolving(1, LINKED), resolving(2, 0)], ["settlement_way_wrong"] * 2),
        ([resolving(1, POST)], ["settlement_partial"]),
        ([resolving(1, POST | LINKED), resolving(2, POST | LINKED)], ["settlement_partial"]),
        (
            [resolving(1, POST | LINKED), resolving(2, POST), resolving(3, POST)],
            ["settlement_pending_wrong", "settlement_amount_wrong"],
        ),
    ],
)
def test_the_auditor_lets_everything_be_settled_at_once_and_one_way_only(records, codes):
    running = Order(SimpleNamespace(), 0, None, 0, (1, 2))
    running.held = [SimpleNamespace(id=1, amount=5), SimpleNamespace(id=2, amount=5)]
    assert [wrong for record in records for wrong in running.settle(record)] == codes
