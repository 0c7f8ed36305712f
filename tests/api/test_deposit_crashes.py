"""The worker is killed before and after everything that it writes, begins anew over the same database, and goes on:
nothing is credited twice, nothing is lost.
"""

from __future__ import annotations

import os

import pytest
import pytest_asyncio

from api.deposit_holds import cases, close_case, refunded_by, released, to_return
from api.deposit_postings import Books
from api.deposits import Stage
from chain.devnet import Devnet, deploy
from chain.devnet_contracts import demo_token
from chain.erc20 import transfer
from chain.keccak import keccak256
from chain.node import Node
from chain.token import Token, TokenAmount
from tests.api.deposit_bench import Bench, Ground, eur_minor

pytestmark = pytest.mark.asyncio(loop_scope="module")
COIN, DUSD = Token.native(31337), demo_token("DUSD")
TEN = 10 * 10**6
WRITES = ("change", "spend", "add", "lose", "regain")


class Killed(BaseException):
    """As SIGKILL: no handler of the worker's sees it."""


class Reaper:
    """Kills at its moment: before (odd) or after (even) one of the things that are written."""

    def __init__(self, bench: Bench, moment: int) -> None:
        self.bench, self.moment, self.count = bench, moment, 0
        self._own = {name: getattr(bench.rows, name) for name in WRITES}
        self._post = bench.journal.post
        for name, own in self._own.items():
            setattr(bench.rows, name, self._deadly(own))
        bench.journal.post = self._deadly(self._post)

    def _deadly(self, own):
        async def call(*arguments, **options):
            self._tick()
            done = await own(*arguments, **options)
            self._tick()
            return done

        return call

    def _tick(self) -> None:
        self.count += 1
        if self.count == self.moment:
            raise Killed

    def rest(self) -> None:
        """The next life of the process is spared."""
        self.bench.journal.post = self._post
        self.bench.rebuild()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node():
    async with Devnet.start("anvil") as net, Node(net.url, 31337) as node:
        await deploy(node)
        yield node


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]
)
async def ground(request, tmp_path_factory):
    """A journal and its tables."""
    folder = tmp_path_factory.mktemp("crashes")
    url = f"sqlite:///{folder}/db.sqlite3"
    if request.param == "postgresql":
        server, name = request.getfixturevalue("postgres"), f"deposits_{os.getpid()}"
        server.psql(f"CREATE DATABASE {name}")
        url = server.get_uri(name)
    ground = await Ground.open(url, folder / "state")
    yield ground
    await ground.close()


async def killed_everywhere(node, ground, begin, go_on, *, step: int = 1, first: int = 1) -> int:
    """`begin` prepares a bench and says how to check it; `go_on` is what is interrupted. How often it was.

    `make test` tries each `step`th moment, `make soak` all of them, on both databases.
    """
    times = 0
    for moment in range(first, 400, step):
        bench = await Bench(ground, node, (COIN, DUSD)).open()
        check = await begin(bench)
        reaper = Reaper(bench, moment)
        try:
            await go_on(bench)
            survived = True
        except Killed:
            survived = False
            times += 1
        reaper.rest()
        await go_on(bench)
        await check()
        if survived:
            return times
    raise AssertionError("it never comes to its end")


async def credited(bench):
    """Dust of before and a quote; what is credited is both."""
    alice = await bench.payer()
    await bench.intent(alice, "0.009")
    await bench.pay(alice, 9_000)
    await bench.follow()
    await bench.finish()
    assert [each.stage for each in await bench.deposits()] == [Stage.KEPT]
    await bench.intent(alice, "10")
    await bench.pay(alice, TEN)

    async def check():
        assert await bench.balance(alice) == (eur_minor(TEN + 9_000), 0)
        assert [each.stage for each in await bench.deposits()] == [Stage.KEPT, Stage.CREDITED]
        assert await bench.operators("DUSD", "inventory") == TEN + 9_000
        assert await bench.operators("DUSD", "treasury") == -(TEN + 9_000)
        assert await bench.operators("DUSD", "suspense:deposits") == 0

    return check


async def seen_and_final(bench):
    await bench.follow()
    await bench.finish()


async def test_a_credit_is_posted_once_wherever_it_is_interrupted(node, ground, soak):
    times = await killed_everywhere(node, ground, credited, seen_and_final, step=1 if soak else 8, first=4)
    assert times >= (24 if soak else 3)


async def held(bench):
    """One that is released, one that is sent back: of both, the operator's decision is taken."""
    alice, bob = [await bench.payer() for _ in range(2)]
    for each in (alice, bob):
        await bench.pay(each, TEN)
    await bench.follow()
    await bench.finish()
    of = {each.sender: each for each in await bench.deposits()}
    assert await released(bench.engine, of[alice.address].id, None, "EUR", bench.clock())
    await bench.node.call("anvil_impersonateAccount", [bench.treasury])
    await bench.node.call("anvil_setBalance", [bench.treasury, hex(10**18)])
    sent = await bench.send(transfer(TokenAmount(TEN, DUSD), bob.address), bench.treasury)
    assert await returning(bench, of[bob.address].id, sent)

    async def check():
        assert [await bench.balance(each) for each in (alice, bob)] == [(eur_minor(TEN), 0), (0, 0)]
        stages = {each.sender: each.stage for each in await bench.deposits()}
        assert stages == {alice.address: Stage.CREDITED, bob.address: Stage.RETURNED}
        assert await bench.operators("DUSD", "treasury") == -TEN
        assert await bench.operators("DUSD", "suspense:deposits") == 0

    return check


async def returning(bench, deposit, sent):
    await to_return(bench.engine, deposit, bench.clock())
    return await refunded_by(bench.engine, deposit, sent, bench.clock())


async def test_what_an_operator_decided_is_carried_out_once(node, ground, soak):
    times = await killed_everywhere(node, ground, held, seen_and_final, step=1 if soak else 9, first=3)
    assert times >= (10 if soak else 1)


async def vanished(bench):
    """Pending; then its block is gone."""
    alice = await bench.payer()
    await bench.intent(alice, "10")
    snapshot = await bench.node.call("evm_snapshot")
    await bench.pay(alice, TEN)
    await bench.follow()
    assert await bench.balance(alice) == (0, eur_minor(TEN))
    await bench.node.call("evm_revert", [snapshot])
    await bench.mine(2)

    async def check():
        assert await bench.balance(alice) == (0, 0)
        assert (await bench.only()).stage is Stage.GONE
        await bench.pay(alice, TEN)
        await bench.follow()
        await bench.finish()
        assert await bench.balance(alice) == (eur_minor(TEN), 0), "it comes again, and is credited"

    return check


async def test_a_pending_credit_is_taken_back_once(node, ground, soak):
    times = await killed_everywhere(node, ground, vanished, Bench.follow, step=1 if soak else 2, first=2)
    assert times >= 1


async def lost(bench):
    """Credited; then its block is gone, though it was final."""
    alice = await bench.payer()
    await bench.intent(alice, "10")
    snapshot = await bench.node.call("evm_snapshot")
    await bench.pay(alice, TEN)
    await bench.follow()
    await bench.finish()
    await bench.node.call("evm_revert", [snapshot])
    await bench.mine(1)

    async def check():
        assert await bench.balance(alice) == (eur_minor(TEN), 0), "what a person has does not fall"
        assert (await bench.only()).stage is Stage.LOST
        assert await bench.operators("DUSD", "reorg_loss") == -TEN
        assert await bench.operators("DUSD", "treasury") == 0
        (case,) = [one for one in await cases(bench.engine) if one["deposit"] == (await bench.only()).id]
        assert await close_case(bench.engine, case["id"], bench.clock())

    return check


async def test_a_loss_is_the_operators_once(node, ground, soak):
    times = await killed_everywhere(node, ground, lost, Bench.follow, step=1 if soak else 2, first=2)
    assert times >= 1


async def test_ids_that_do_not_follow_from_the_deposit_are_seen(node, ground, monkeypatch):
    """The positive control: with ids made anew each time, somebody is credited twice, and the checks say so."""
    monkeypatch.setattr(Books, "_name", lambda *_: keccak256(os.urandom(32)))
    with pytest.raises(Exception, match=r"assert|JournalBroken|NonceConflict|refused"):
        await killed_everywhere(node, ground, credited, seen_and_final, first=6)
