"""Orders as they come in: what may be carried out is asked of the state that it is decided over."""

from __future__ import annotations

import asyncio
import os

import pytest

from fiat import history, journal_store
from fiat.authority import legs
from fiat.currency import ISO_4217, currency
from fiat.errors import (
    OrderEpochWrong,
    OrderExpired,
    OrderHeadUnknown,
    OrderKeyUnknown,
    OrderNotYetValid,
    PayeeUnknown,
)
from fiat.head import follow
from fiat.history_check import verify
from tests.fiat.conftest import Person

EUR = currency("EUR")


@pytest.fixture
def accept(journal):
    """Hand an order in as the server does; `signer` and `receivers` as they follow from it unless given."""

    async def given(signed, signer=None, receivers=None):
        order = signed.order
        transfers = legs(order, journal.ledger_id, ISO_4217, payout="payout:sandbox")
        signer = signer or signed.signer(journal.ledger_id)
        receivers = [(order.payee, EUR)] if receivers is None else receivers
        return await journal.accept(signed, signer, transfers, {}, receivers)

    return given


@pytest.fixture
async def funded(alice, credit):
    await credit(alice, 1_000)
    return alice


async def test_an_order_is_carried_out_once(engine, journal, funded, bob, accept, balance):
    signed = funded.pay(journal, bob, 10)
    results = await asyncio.gather(*(accept(signed) for _ in range(5)))
    assert sorted(result.first for result in results) == [False] * 4 + [True]
    assert len({result.receipt.record for result in results}) == 1
    assert await balance(bob) == 10
    assert (await verify(engine)).problems == []


@pytest.mark.parametrize("newest", [1000, 2], ids=["among the last ones", "before the last ones"])
async def test_any_head_of_the_holder_s_may_have_been_seen(engine, journal, funded, bob, accept, monkeypatch, newest):
    monkeypatch.setattr(journal_store, "RECENT_HEADS", newest)
    for _ in range(3):
        await accept(funded.pay(journal, bob, 1))
    heads = [funded.id]
    async with engine.connect() as conn:
        blind = (await history.holder(conn, funded.id)).blind
        leaves = await history.leaves(conn, funded.id, 0)
    for count in range(len(leaves)):
        heads.append(follow(funded.id, blind, 0, funded.id, leaves[: count + 1])[1])
    for head in heads:
        assert (await accept(funded.pay(journal, bob, 1, seen_head=head))).accepted
    for head in (os.urandom(32), bob.id):
        signed = funded.pay(journal, bob, 1, seen_head=head)
        with pytest.raises(OrderHeadUnknown):
            await accept(signed)
        assert await journal.order_result(funded.id, signed.order.nonce) is None, "its nonce stayed free"


async def test_whoever_may_not_order_is_refused(journal, funded, bob, accept, balance):
    stranger = Person(9)
    foreign = funded.pay(journal, bob, 1)
    with pytest.raises(OrderKeyUnknown):
        await accept(foreign, signer=bob.key.address)
    with pytest.raises(OrderKeyUnknown):  # who has no account is told what a wrong key is told
        await accept(stranger.pay(journal, bob, 1))
    with pytest.raises(OrderEpochWrong):
        await accept(funded.pay(journal, bob, 1, key_epoch=2))
    now = foreign.order.valid_after + 60
    with pytest.raises(OrderExpired):
        await accept(funded.pay(journal, bob, 1, valid_after=now - 100, valid_before=now - 1))
    with pytest.raises(OrderNotYetValid):
        await accept(funded.pay(journal, bob, 1, valid_after=now + 300, valid_before=now + 600))
    assert await balance(bob) == 0
    assert (await accept(foreign)).accepted, "its nonce stayed free"


async def test_a_receiver_without_an_account_is_told_before_anything_moves(journal, funded, person, accept):
    carol = Person(7)
    signed = funded.pay(journal, carol, 10)
    with pytest.raises(PayeeUnknown):
        await accept(signed)
    await person(7)
    assert (await accept(signed)).accepted


async def test_a_known_nonce_comes_before_every_other_check(journal, funded, bob, accept):
    signed = funded.pay(journal, bob, 10)
    first = await accept(signed)
    again = await accept(signed, signer=bob.key.address, receivers=[(os.urandom(32), EUR)])
    assert (again.first, again.sequence) == (False, first.sequence)
