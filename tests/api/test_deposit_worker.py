"""Deposits on a real chain: what is credited, when, and what never is."""

from __future__ import annotations

import os

import pytest
import pytest_asyncio

from api.deposit_facts import arrived_in
from api.deposit_holds import refunded_by, released
from api.deposits import Reason, Stage, Waiting
from api.prices import Reading
from chain.address import Address
from chain.devnet import Devnet, deploy
from chain.devnet_contracts import demo_token
from chain.devnet_controls import travel
from chain.erc20 import transfer
from chain.node import Node
from chain.token import Token, TokenAmount
from chain.transaction import TransactionRequest
from fiat.chart import SourceKind
from fiat.holder import OPERATOR, account_id
from fiat.journal_values import Source
from fiat.transfer import Transfer
from tests.api.deposit_bench import EUR, Bench, Ground, Payer, eur_minor

pytestmark = pytest.mark.asyncio(loop_scope="module")
COIN, DUSD = Token.native(31337), demo_token("DUSD")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node():
    async with Devnet.start("anvil") as net, Node(net.url, 31337) as node:
        await deploy(node)
        yield node


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deposits")
    ground = await Ground.open(f"sqlite:///{folder}/db.sqlite3", folder / "state")
    yield ground
    await ground.close()


@pytest_asyncio.fixture(loop_scope="module")
async def bench(node, ground):
    """A treasury of its own."""
    return await Bench(ground, node, (COIN, DUSD)).open()


async def test_a_credit_is_pending_until_final_and_then_posted_once(bench):
    alice = await bench.payer()
    await bench.intent(alice, "10")
    await bench.pay(alice, 10 * 10**6)
    await bench.follow()
    assert await bench.balance(alice) == (0, eur_minor(10 * 10**6)), "shown, and not to be spent"
    await bench.mine(bench.confirmations - 2)
    await bench.follow()
    assert await bench.balance(alice) == (0, eur_minor(10 * 10**6)), "one confirmation is missing"
    await bench.mine(1)
    await bench.follow()
    assert await bench.balance(alice) == (eur_minor(10 * 10**6), 0)
    await bench.finish()
    assert await bench.balance(alice) == (eur_minor(10 * 10**6), 0)
    assert (await bench.only()).stage is Stage.CREDITED
    assert await bench.operators("DUSD", "inventory") == 10 * 10**6
    assert await bench.operators("DUSD", "treasury") == -10 * 10**6
    assert await bench.operators("DUSD", "suspense:deposits") == 0


async def test_the_core_on_hardhat_and_postgresql(postgres, tmp_path):
    name = f"deposits_core_{os.getpid()}"
    postgres.psql(f"CREATE DATABASE {name}")
    ground = await Ground.open(postgres.get_uri(name), tmp_path / "state")
    async with Devnet.start("hardhat") as net, Node(net.url, 31337) as node:
        await deploy(node)
        bench = await Bench(ground, node, (COIN, DUSD)).open()
        alice = await bench.payer()
        await bench.intent(alice, "10")
        await bench.intent(alice, "0.1", asset="ETH")
        snapshot = await node.call("evm_snapshot")
        await bench.pay(alice, 10 * 10**6)
        await bench.follow()
        assert await bench.balance(alice) == (0, eur_minor(10 * 10**6))
        await node.call("evm_revert", [snapshot])
        await bench.mine(2)
        await bench.follow()
        assert await bench.balance(alice) == (0, 0), "its block is gone"
        await bench.pay(alice, 10 * 10**6)
        await bench.pay(alice, 10**17, COIN)
        await bench.follow()
        await bench.finish()
        assert await bench.balance(alice) == (eur_minor(310 * 10**6), 0)
    await ground.close()


async def test_dust_that_grows_before_it_is_final_is_counted(bench):
    """Two that are each too little are seen together: the second is credited with the first."""
    alice = await bench.payer()
    for _ in range(2):
        await bench.intent(alice, "0.009")
        await bench.pay(alice, 9_000)
    await bench.follow()
    assert await bench.balance(alice) == (0, 0)
    await bench.mine(bench.confirmations - 2)
    await bench.follow()
    await bench.finish()
    assert await bench.balance(alice) == (1, 0)
    assert sorted(each.stage for each in await bench.deposits()) == [Stage.CREDITED, Stage.KEPT]


async def test_a_quote_in_time_gives_just_what_it_says(bench):
    alice = await bench.payer()
    quote = await bench.quote(alice, 10 * 10**6)
    await bench.intent(alice, "", asset="", currency="", quote=quote)
    bench.readings["DUSD/USD"] = Reading(10**7, 8, bench.clock() // 10**9)  # a tenth of it by now
    await bench.pay(alice, 10 * 10**6)
    await bench.follow()
    await bench.finish()
    assert await bench.balance(alice) == (eur_minor(10 * 10**6), 0)


@pytest.mark.parametrize("if_late", ["requote", "return"])
async def test_after_the_quotes_end_it_is_as_the_person_chose(bench, if_late):
    alice = await bench.payer()
    quote = await bench.quote(alice, 10 * 10**6)
    intent = await bench.intent(alice, "", asset="", currency="", quote=quote, if_late=if_late)
    bench.readings["DUSD/USD"] = Reading(50_000_000, 8, bench.clock() // 10**9)
    await travel(bench.node, 61)
    await bench.pay(alice, 10 * 10**6)
    await bench.follow()
    await bench.finish()
    if if_late == "requote":
        assert await bench.balance(alice) == (eur_minor(10 * 10**6, price=(50, 125)), 0)
        return
    held = await bench.desk.deposit(alice.holder, intent)
    assert (held.stage, held.reason) == (Stage.RETURNING, Reason.LATE)
    assert await bench.balance(alice) == (0, 0)
    assert await bench.operators("DUSD", "suspense:deposits") == 10 * 10**6, "in the books, and nobody's yet"
    await bench.endow(bench.treasury)
    sent = await bench.send(transfer(TokenAmount(10 * 10**6, DUSD), alice.address), bench.treasury)
    assert await refunded_by(bench.engine, held.id, sent, bench.clock())
    await bench.follow()
    assert (await bench.only()).stage is Stage.RETURNING, "not final yet"
    await bench.finish()
    back = await bench.only()
    assert (back.stage, back.refund_units) == (Stage.RETURNED, 10 * 10**6)
    assert await bench.operators("DUSD", "suspense:deposits") == await bench.operators("DUSD", "treasury") == 0


async def test_what_nobody_announced_is_held_and_its_release_is_a_credit(bench):
    """Too much, an unknown sender, nobody's intent, a screened one: told, kept apart, and settled by a command."""
    alice, bob, mallory = [await bench.payer() for _ in range(3)]
    stranger = Payer(b"", Address.from_bytes(os.urandom(20)))
    await bench.endow(stranger.address)
    await bench.intent(alice, "1")
    await bench.intent(mallory, "1")
    bench.screened.add(mallory.address)
    bench.rebuild()
    for each, units in ((alice, 2 * 10**6), (bob, 10**6), (mallory, 10**6), (stranger, 10**6)):
        await bench.pay(each, units)
    await bench.follow()
    await bench.finish()
    reasons = {each.sender: (each.stage, each.reason) for each in await bench.deposits()}
    assert reasons == {
        alice.address: (Stage.HELD, Reason.TOO_MUCH),
        bob.address: (Stage.HELD, Reason.NO_INTENT),
        mallory.address: (Stage.HELD, Reason.SCREENED),
        stranger.address: (Stage.HELD, Reason.UNKNOWN_SENDER),
    }
    assert await bench.operators("DUSD", "suspense:deposits") == 5 * 10**6
    for each in await bench.deposits():
        if each.sender in (alice.address, bob.address):
            assert await released(bench.engine, each.id, None, "EUR", bench.clock())
    await bench.follow()
    assert await bench.balance(alice) == (eur_minor(2 * 10**6), 0)
    assert await bench.balance(bob) == (eur_minor(10**6), 0)
    assert [await bench.balance(each) for each in (mallory,)] == [(0, 0)]
    assert await bench.operators("DUSD", "suspense:deposits") == 2 * 10**6


async def test_dust_is_kept_until_it_makes_a_cent(bench):
    alice = await bench.payer()
    for _ in range(2):
        await bench.intent(alice, "0.009")
        await bench.pay(alice, 9_000)  # 0.72 cents less the spread
        await bench.follow()
        await bench.finish()
    first, second = await bench.deposits()
    assert (first.stage, first.spent_by) == (Stage.KEPT, second.id)
    assert second.stage is Stage.CREDITED
    assert await bench.balance(alice) == (eur_minor(18_000), 0) == (1, 0)
    assert await bench.operators("DUSD", "inventory") == 18_000
    assert await bench.operators("DUSD", "suspense:deposits") == 0


async def test_coins_are_taken_too(bench):
    alice = await bench.payer()
    await bench.intent(alice, "0.1", asset="ETH")
    await bench.pay(alice, 10**17, COIN)
    await bench.follow()
    await bench.finish()
    assert await bench.balance(alice) == (eur_minor(300 * 10**6), 0)
    assert await bench.operators("ETH", "inventory") == 10**8, "in gwei"


async def test_coins_beside_what_the_treasury_spends_in_that_block(bench):
    """Its own payment and fee are in the balance too, and are no reason to credit less."""
    alice = await bench.payer()
    await bench.endow(bench.treasury)
    await bench.intent(alice, "0.1", asset="ETH")
    await bench.node.call("evm_setAutomine", [False])
    for sender, to, value in ((bench.treasury, alice.address, 10**16), (alice.address, bench.treasury, 10**17)):
        request = TransactionRequest(31337, to, value=value).with_sender(sender).to_rpc()
        await bench.node.call("eth_sendTransaction", [{**request, "gas": hex(21_000)}])
    await bench.node.call("evm_mine")
    await bench.node.call("evm_setAutomine", [True])
    await bench.follow()
    await bench.finish()
    assert await bench.balance(alice) == (eur_minor(300 * 10**6), 0)


async def test_several_in_one_block_and_in_one_transaction(bench):
    alice, bob = [await bench.payer() for _ in range(2)]
    for each in (alice, alice, bob):
        await bench.intent(each, "1")
    await bench.node.call("evm_setAutomine", [False])
    for each in (alice, alice, bob):
        asked = transfer(TokenAmount(10**6, DUSD), bench.treasury).with_sender(each.address).to_rpc()
        await bench.node.call("eth_sendTransaction", [{**asked, "gas": hex(100_000)}])
    await bench.node.call("evm_mine")
    await bench.node.call("evm_setAutomine", [True])
    await bench.follow()
    await bench.finish()
    assert await bench.balance(alice) == (2 * eur_minor(10**6), 0)
    assert await bench.balance(bob) == (eur_minor(10**6), 0)


async def test_without_liquidity_it_waits_and_goes_on_by_itself(bench):
    alice = await bench.payer()
    await bench.intent(alice, "1000000")
    await bench.pay(alice, 10**12)
    poor = account_id(OPERATOR, EUR, "liquidity")
    everything = await bench.operators("EUR", "liquidity")
    away = Transfer(77, poor, account_id(OPERATOR, EUR, "bank"), everything, ledger=EUR.ledger, code=1)
    await bench.journal.post([away])
    await bench.follow()
    await bench.finish()
    waiting = await bench.only()
    assert (waiting.stage, waiting.waiting) == (Stage.SEEN, Waiting.LIQUIDITY)
    assert await bench.balance(alice) == (0, 0)
    source = Source(SourceKind.GATEWAY_EVENT, os.urandom(32))
    back = Transfer(78, account_id(OPERATOR, EUR, "bank"), poor, everything, ledger=EUR.ledger, code=1)
    await bench.journal.post([back], source)
    await bench.follow()
    assert await bench.balance(alice) == (eur_minor(10**12), 0)


async def test_without_a_current_price_it_waits(bench):
    alice = await bench.payer()
    await bench.intent(alice, "10")
    good = bench.readings["DUSD/USD"]
    bench.readings["DUSD/USD"] = Reading(10**8, 8, bench.clock() // 10**9 - 3 * 86_400)
    await bench.pay(alice, 10**7)
    await bench.follow()
    await bench.finish()
    assert (await bench.only()).waiting is Waiting.PRICE
    bench.readings["DUSD/USD"] = good
    await bench.follow()
    assert await bench.balance(alice) == (eur_minor(10**7), 0)


async def test_a_node_that_does_not_know_the_block_credits_nothing(bench):
    """Balances are asked at the block's own hash: a node that is elsewhere has no answer, and the deposit waits."""
    alice = await bench.payer()
    await bench.intent(alice, "10")
    await bench.pay(alice, 10**7)
    await bench.mine(bench.confirmations)
    progress = await bench.index.catch_up()
    bench.caught_up = progress.height
    block = (await bench.index.transfers([bench.treasury], 1))[0].position.block_number
    assert await arrived_in(bench.node, bench.treasury, DUSD.address, block, os.urandom(32), []) is None
    assert await arrived_in(bench.node, bench.treasury, DUSD.address, 10**9, os.urandom(32), []) is None
    await bench.follow()
    assert await bench.balance(alice) == (eur_minor(10**7), 0)
