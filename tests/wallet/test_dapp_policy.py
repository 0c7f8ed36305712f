"""The door's side of the policy, against a signer's real process: what it asks, and what it makes of the answers."""

from __future__ import annotations

import asyncio
import time

import pytest
import pytest_asyncio

from chain.outcome import Method, Movement, Outcome
from tests.wallet.policies import BOB, CHAIN, DOLLAR, DUSD, ME, PAGE, allow, dollars, pay
from tests.wallet.test_signer import JUNK, PASSWORD
from wallet.approvals import Kind
from wallet.asking import Client, ClientKind
from wallet.dapp_policy import ITEMS_BYTES_MAX, Judge
from wallet.desk import Desk
from wallet.errors import PasswordNeeded, RpcRefused, SignerLocked, VaultUnopened
from wallet.guard_claims import MESSAGE, Item, transaction_item
from wallet.judgement import Subject
from wallet.permissions import Seen
from wallet.policy import Reason, Verdict, Worth
from wallet.policy_request import Price
from wallet.prompts import Proposal
from wallet.review import Caution, Review, Title
from wallet.rpc import Code
from wallet.signing import Signer

pytestmark = pytest.mark.asyncio(loop_scope="module")
SHOP = Client(ClientKind.PAGE, PAGE)
SHOWN = Review(Title.SEND, bytes(32), (), "")
WORTH = Worth("EUR", 2, 1000, 8 * 10**8, 11 * 10**8)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def signer(tmp_path_factory):
    async with Signer(tmp_path_factory.mktemp("judge") / "home") as signer:
        await signer.restore(JUNK, PASSWORD, profile="light")
        yield signer


class Prices:
    """Remembers what it was asked for."""

    def __init__(self, nano=9 * 10**8):
        self.nano, self.asked = nano, []

    async def __call__(self, currency):
        self.asked.append(currency)
        return (Price(CHAIN, DUSD.address, currency, self.nano, int(time.time())),)


def paying(amount, nonce=0):
    outcome = Outcome(Method.SIMULATE, True, movements=(Movement(DUSD.address, ME, BOB, amount * DOLLAR),))
    items = (transaction_item(pay(amount, nonce=nonce).unsigned_payload),)
    return Subject(Kind.TRANSACTION, CHAIN, ME, items, (outcome,))


async def test_without_rules_it_asks_and_offers_one(signer):
    judged = await Judge(signer, Prices(), "host").judge(SHOP, SHOWN, paying(5))
    assert (judged.verdict, judged.reason, judged.guarded) == (Verdict.ASK, Reason.NO_POLICY, False)
    assert judged.offer is not None and judged.offer.recipients == (BOB,)
    worded = Review(Title.SEND, bytes(32), (), "", (Caution.CALL_UNKNOWN,))
    assert (await Judge(signer, Prices(), "host").judge(SHOP, worded, paying(5))).offer is None
    await Judge(signer, Prices(), "host").agree(paying(5), "")


async def test_prices_are_asked_for_where_a_rule_wants_them(signer):
    await signer.add_rule(PASSWORD, allow(dollars(None, None, worth=WORTH)).to_json(), "host")
    prices = Prices()
    judged = await Judge(signer, prices, "host").judge(SHOP, SHOWN, paying(5))
    assert (judged.verdict, prices.asked) == (Verdict.ALLOW, ["EUR"])
    odd = Prices(nano=5 * 10**8)
    judged = await Judge(signer, odd, "host").judge(SHOP, SHOWN, paying(1, 1))
    assert (judged.verdict, judged.reason, odd.asked) == (Verdict.ASK, Reason.PRICE, ["EUR"])
    judged = await Judge(signer, Prices(), "host").judge(SHOP, SHOWN, paying(7, 1))
    assert (judged.reason, judged.guarded) == (Reason.A_DAY, True)


async def test_beyond_it_the_password_goes_to_the_signer(signer):
    judge, subject = Judge(signer, Prices(), "host"), paying(100, 2)
    with pytest.raises(PasswordNeeded):
        await judge.agree(subject, "")
    with pytest.raises(VaultUnopened):
        await judge.agree(subject, "wrong horse battery")
    await judge.agree(subject, PASSWORD)
    request = pay(100, nonce=2)
    assert (await signer.sign_transaction(request.unsigned_payload, ME, request.signing_hash)).request.nonce == 2
    with pytest.raises(PasswordNeeded):
        await judge.keep(allow(), "")
    await judge.keep(allow(), PASSWORD)
    assert len((await signer.policy())["policy"]["rules"]) == 2


async def test_what_a_rule_allowed_and_nobody_signed_frees_its_room_at_once(signer):
    """Through the desk: nothing is waited for but the answer."""
    judge, view = Judge(signer, Prices(), "host"), Seen((ME,), CHAIN)
    page = Client(ClientKind.PAGE, "https://free.example")
    made = allow(dollars(10, 10), client=page.key).to_json()
    rule = (await signer.add_rule(PASSWORD, made, "host"))["policy"]["rules"][-1]["id"]

    async def used():
        counted = (await signer.policy())["used"]
        return sum(int(units) for name, units in counted.items() if name == f"{rule} {DUSD.address}")

    async def prepare():
        async def act():
            assert await used() == 10 * DOLLAR, "it is reserved"
            raise RpcRefused(Code.DISCONNECTED, "no node", None)

        return Proposal(SHOWN, act, paying(10, 7))

    desk = Desk(lambda key: view, judge)
    work = asyncio.create_task(desk.work())
    for _time in range(3):
        with pytest.raises(RpcRefused) as refused:
            await desk.ask(page, Kind.TRANSACTION, prepare)
        assert refused.value.number == Code.DISCONNECTED, "allowed again: its room was free"
        for _turn in range(600):
            if await used() == 0:
                break
        assert await used() == 0
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    await signer.remove_rule(PASSWORD, rule)


async def test_what_does_not_fit_the_pipe_is_asked(signer):
    items = (Item(MESSAGE, bytes(ITEMS_BYTES_MAX), "0x" + "00" * 32),)
    judged = await Judge(signer, Prices(), "host").judge(SHOP, SHOWN, Subject(Kind.MESSAGE, CHAIN, ME, items))
    assert (judged.verdict, judged.guarded, judged.offer) == (Verdict.ASK, True, None)


async def test_locked_it_asks_and_the_password_unlocks(signer):
    """The last test here: the keys are forgotten."""
    await signer.lock()
    judge = Judge(signer, Prices(), "host")
    judged = await judge.judge(SHOP, SHOWN, paying(5, 3))
    assert (judged.verdict, judged.guarded) == (Verdict.ASK, True)
    with pytest.raises(PasswordNeeded):
        await judge.agree(paying(5, 3), "")
    with pytest.raises(SignerLocked):
        await judge.agree(Subject(Kind.CONNECT, CHAIN), "")
    await judge.agree(paying(5, 3), PASSWORD)
    assert (await signer.status()).unlocked
