"""The desk at work: in line, one at a time, withdrawn with whoever leaves, dead with its ground."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from chain.errors import InsufficientNative
from tests.wallet.policies import allow
from wallet.approvals import Kind
from wallet.asking import Client, ClientKind
from wallet.desk import Desk
from wallet.errors import (
    AccountUnknown,
    ApprovalRefused,
    ApprovalTooSoon,
    ApprovalUnknown,
    DigestDiffers,
    PasswordNeeded,
    RpcRefused,
    SignerLocked,
    VaultUnopened,
)
from wallet.guard_claims import message_item
from wallet.judgement import Judgement, Subject
from wallet.permissions import Seen
from wallet.policy import Reason, Verdict
from wallet.prompts import Proposal, Settled
from wallet.review import Refusal, Review, Title
from wallet.rpc import Code

PAGE, OTHER = Client(ClientKind.PAGE, "https://app.example"), Client(ClientKind.PAGE, "https://other.example")


class Ground:
    """What clients see, whether keys are at hand, and what the person's policy says; tests change it."""

    def __init__(self, seconds):
        self.seen, self.unlocked, self.time = Seen(("0x0",), 1), True, 0.0
        self.judgement, self.kept, self.agreed, self.released = Judgement(), [], [], []
        self.desk = Desk(lambda key: self.seen, self, prepare_seconds_max=seconds, clock=self.clock)

    def clock(self):
        """Runs by a second a look, so that every prompt has stood long enough, unless a test has it stand."""
        self.time += self.step
        return self.time

    step = 1.0

    async def judge(self, client, review, subject):
        return self.judgement

    async def agree(self, subject, password):
        if not self.unlocked:
            raise SignerLocked
        self._check(password)
        self.agreed.append(subject)

    async def keep(self, rule, password):
        self._check(password)
        self.kept.append(rule)

    async def release(self, subject):
        self.released.append(subject.items[0].data)

    def _check(self, password):
        if self.judgement.guarded and not password:
            raise PasswordNeeded("no-rule", "")
        if self.judgement.guarded and password != "right":
            raise VaultUnopened("vault.json")


@asynccontextmanager
async def at_work(seconds=60):
    ground = Ground(seconds)
    work = asyncio.create_task(ground.desk.work())
    try:
        yield ground
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


def proposing(name, done, refused=None):
    """Prepares a prompt whose digest is of its name; `done` collects what was carried out."""

    async def prepare():
        async def act():
            done.append(name)
            return name

        subject = Subject(Kind.MESSAGE, 1, None, (message_item(name.encode()),))
        return Proposal(Review(Title.MESSAGE, digest(name), (), "", refused=refused), act, subject)

    return prepare


def digest(name):
    return name.encode().ljust(32, b"\0")


async def shown(desk, after=None):
    """The prompt on the screen, when there is one (another than `after`)."""
    for _turn in range(1000):
        found = desk.shown()
        if found is not None and found != after:
            return found
        await asyncio.sleep(0)
    raise AssertionError("nothing is shown")


def ask(desk, name, done, client=PAGE, **more):
    return asyncio.create_task(desk.ask(client, Kind.MESSAGE, proposing(name, done, **more)))


def hexed(name):
    return "0x" + digest(name).hex()


async def number_of(task):
    with pytest.raises(RpcRefused) as caught:
        await task
    return caught.value.number


async def test_in_line_one_at_a_time():
    async with at_work() as ground:
        done = []
        tasks = [ask(ground.desk, name, done) for name in ("a", "b", "c")]
        for name in ("a", "b"):
            prompt = await shown(ground.desk)
            assert prompt.review.digest == digest(name) and done == ["a", "b"][: len(done)]
            await ground.desk.approve(prompt.id, hexed(name))
            assert await tasks["abc".index(name)] == name
        ground.desk.decline((await shown(ground.desk)).id)
        assert await number_of(tasks[2]) == Code.DECLINED
        assert done == ["a", "b"] and ground.desk.shown() is None


async def test_another_digest_and_a_second_answer_are_refused():
    async with at_work() as ground:
        done, prompt = [], None
        task = ask(ground.desk, "a", done)
        prompt = await shown(ground.desk)
        with pytest.raises(DigestDiffers):
            await ground.desk.approve(prompt.id, hexed("b"))
        await ground.desk.approve(prompt.id, hexed("a"))
        with pytest.raises(ApprovalRefused):
            ground.desk.decline(prompt.id)
        assert await task == "a"
        with pytest.raises(ApprovalUnknown):
            await ground.desk.approve(prompt.id, hexed("a"))


async def test_a_locked_wallet_keeps_it_waiting():
    async with at_work() as ground:
        done = []
        task = ask(ground.desk, "a", done)
        prompt = await shown(ground.desk)
        ground.unlocked = False
        with pytest.raises(SignerLocked):
            await ground.desk.approve(prompt.id, hexed("a"))
        ground.unlocked = True
        await ground.desk.approve((await shown(ground.desk)).id, hexed("a"))
        assert await task == "a"


async def test_whoever_leaves_takes_it_away():
    async with at_work() as ground:
        done = []
        first, second = ask(ground.desk, "a", done), ask(ground.desk, "b", done)
        prompt = await shown(ground.desk)
        first.cancel()
        second.cancel()
        third = ask(ground.desk, "c", done)
        now = await shown(ground.desk, prompt)
        await ground.desk.approve(now.id, hexed("c"))
        assert await third == "c" and done == ["c"]


async def test_it_dies_with_its_account_or_chain():
    async with at_work() as ground:
        done = []
        tasks = [ask(ground.desk, name, done) for name in ("a", "b")]
        await shown(ground.desk)
        ground.seen = Seen(("0x0",), 5)
        ground.desk.recheck()
        assert [await number_of(task) for task in tasks] == [Code.DECLINED] * 2
        assert done == [] and ground.desk.shown() is None


async def test_what_is_never_signed_is_never_shown():
    async with at_work() as ground:
        assert await number_of(ask(ground.desk, "a", [], refused=Refusal.LEDGER_DOMAIN)) == Code.UNAUTHORISED


async def test_what_needs_no_yes_and_what_fails_pass_by():
    async with at_work() as ground:

        async def settled():
            return Settled(7)

        async def poor():
            raise InsufficientNative(0, 1, 1)

        async def broken():
            raise ZeroDivisionError

        assert await ground.desk.ask(PAGE, Kind.CONNECT, settled) == 7
        for prepare, code in ((poor, Code.INPUT), (broken, Code.INTERNAL)):
            assert await number_of(ground.desk.ask(PAGE, Kind.MESSAGE, prepare)) == code
        done = []
        task = ask(ground.desk, "a", done, OTHER)
        await ground.desk.approve((await shown(ground.desk)).id, hexed("a"))
        assert await task == "a"


async def test_the_sixth_that_would_wait_is_refused():
    async with at_work() as ground:
        tasks = [ask(ground.desk, str(n), []) for n in range(6)]
        await shown(ground.desk)
        assert await number_of(ground.desk.ask(PAGE, Kind.MESSAGE, proposing("x", []))) == Code.LIMIT
        ground.desk.close()
        assert {await number_of(task) for task in tasks} == {Code.DISCONNECTED}


async def test_a_node_that_never_answers_does_not_hold_up_the_line():
    async with at_work(0.01) as ground:
        assert await number_of(ground.desk.ask(PAGE, Kind.MESSAGE, asyncio.Event().wait)) == Code.UNAVAILABLE
        done = []
        task = ask(ground.desk, "a", done, OTHER)
        await ground.desk.approve((await shown(ground.desk)).id, hexed("a"))
        assert await task == "a"


async def test_what_a_rule_allows_is_done_and_nobody_is_asked():
    done, passed = [], []
    async with at_work() as ground:
        ground.desk.on_passed = passed.append
        ground.judgement = Judgement(Verdict.ALLOW, Reason.RULE, "r1", guarded=True)
        assert await ask(ground.desk, "a", done) == "a"
        assert (done, ground.agreed, ground.desk.shown()) == (["a"], [], None)
        assert [(one.client, one.judgement.rule) for one in passed] == [(PAGE, "r1")]


async def test_what_a_rule_denies_is_4001_and_nobody_is_asked():
    done, passed = [], []
    async with at_work() as ground:
        ground.desk.on_passed = passed.append
        ground.judgement = Judgement(Verdict.DENY, Reason.RULE, "r1", guarded=True)
        assert await number_of(ask(ground.desk, "a", done)) == Code.DECLINED
        assert (done, ground.desk.shown(), len(passed)) == ([], None, 1)


async def test_what_is_never_signed_is_refused_before_any_rule():
    async with at_work() as ground:
        ground.judgement = Judgement(Verdict.ALLOW, Reason.RULE, "r1")
        asked = ask(ground.desk, "a", [], refused=Refusal.LEDGER_DOMAIN)
        assert await number_of(asked) == Code.UNAUTHORISED


async def test_beyond_the_policy_a_yes_needs_the_password_and_waits_for_it():
    done = []
    async with at_work() as ground:
        ground.judgement = Judgement(Verdict.ASK, Reason.A_DAY, "r1", guarded=True)
        asked = ask(ground.desk, "a", done)
        prompt = await shown(ground.desk)
        assert prompt.to_json()["needs_password"] is True
        assert prompt.to_json()["policy"] == {"verdict": "ask", "reason": "over-a-day", "rule": "r1", "about": ""}
        for password, error in (("", PasswordNeeded), ("wrong", VaultUnopened)):
            with pytest.raises(error):
                await ground.desk.approve(prompt.id, hexed("a"), password)
            assert ground.desk.shown() == prompt and not done
        await ground.desk.approve(prompt.id, hexed("a"), "right")
        assert await asked == "a" and len(ground.agreed) == 1 and ground.kept == []


async def test_always_keeps_the_rule_that_was_offered():
    async with at_work() as ground:
        ground.judgement = Judgement(guarded=True)
        asked = ask(ground.desk, "a", [])
        prompt = await shown(ground.desk)
        with pytest.raises(ApprovalRefused):
            await ground.desk.approve(prompt.id, hexed("a"), "right", always=True)
        ground.desk.decline(prompt.id)
        assert await number_of(asked) == Code.DECLINED
        rule = allow()
        ground.judgement = Judgement(guarded=True, offer=rule)
        asked = ask(ground.desk, "b", [])
        prompt = await shown(ground.desk)
        assert prompt.to_json()["always"] == rule.to_json()
        with pytest.raises(PasswordNeeded):
            await ground.desk.approve(prompt.id, hexed("b"), always=True)
        await ground.desk.approve(prompt.id, hexed("b"), "right", always=True)
        assert await asked == "b" and ground.kept == [rule]


async def test_what_a_rule_allowed_goes_on_when_the_chain_changes_under_it():
    done = []
    async with at_work() as ground:
        ground.judgement = Judgement(Verdict.ALLOW, Reason.RULE, "r1", guarded=True)

        async def prepare():
            proposal = await proposing("a", done)()

            async def act():
                ground.seen = Seen(("0x0",), 5)
                ground.desk.recheck()  # as a switch of chains does, or a grant that is taken back meanwhile
                await asyncio.sleep(0)
                return await proposal.act()

            return replace(proposal, act=act)

        assert await ground.desk.ask(PAGE, Kind.MESSAGE, prepare) == "a", "nobody is told that nothing was signed"
        assert done == ["a"]


async def test_a_rule_that_came_while_a_prompt_stood_is_told_on_it():
    async with at_work() as ground:
        ground.judgement = Judgement()
        asked = ask(ground.desk, "a", [])
        prompt = await shown(ground.desk)
        assert prompt.needs_password is False
        ground.judgement = Judgement(guarded=True)
        with pytest.raises(PasswordNeeded):
            await ground.desk.approve(prompt.id, hexed("a"))
        assert ground.desk.shown().needs_password is True
        await ground.desk.approve(prompt.id, hexed("a"), "right")
        assert await asked == "a"


async def test_a_yes_counts_once_the_prompt_has_stood_for_half_a_second():
    async with at_work() as ground:
        ground.step, done = 0, []
        task = ask(ground.desk, "a", done)
        prompt = await shown(ground.desk)
        for passed in (0, 0.49):
            ground.time = prompt.since + passed
            with pytest.raises(ApprovalTooSoon):
                await ground.desk.approve(prompt.id, hexed("a"))
        assert ground.desk.shown() == prompt and not done and not ground.agreed
        with pytest.raises(DigestDiffers):
            await ground.desk.approve(prompt.id, hexed("b"))
        ground.time = prompt.since + 0.5
        await ground.desk.approve(prompt.id, hexed("a"))
        assert await task == "a"
        task = ask(ground.desk, "b", done)
        ground.desk.decline((await shown(ground.desk)).id)
        assert await number_of(task) == Code.DECLINED, "a no needs no time"


def naming(done):
    """A request to connect: its digest is that of the accounts in it."""

    def proposal(accounts):
        async def act():
            done.append(accounts)
            return accounts

        if not set(accounts) <= {"x", "y"}:
            raise AccountUnknown(str(accounts))
        review = Review(Title.CONNECT, digest("".join(accounts)), (), "")
        return Proposal(review, act, Subject(Kind.CONNECT, 1), ("x", "y"), lambda named: proposal(tuple(named)))

    async def prepare():
        return proposal(("x",))

    return prepare


async def test_other_accounts_are_another_prompt_under_another_digest():
    async with at_work() as ground:
        ground.step, done = 0, []
        task = asyncio.create_task(ground.desk.ask(PAGE, Kind.CONNECT, naming(done)))
        first = await shown(ground.desk)
        ground.time = 10
        with pytest.raises(DigestDiffers):
            await ground.desk.approve(first.id, hexed("x"), accounts=["x", "y"])
        with pytest.raises(AccountUnknown):
            ground.desk.choose(first.id, ["z"])
        with pytest.raises(ApprovalRefused):
            ground.desk.choose(first.id, [])
        assert ground.desk.shown() == first
        both = ground.desk.choose(first.id, ["x", "y"])
        assert ground.desk.shown() == both and both.review.digest == digest("xy")
        with pytest.raises(DigestDiffers):
            await ground.desk.approve(first.id, hexed("x"))
        with pytest.raises(ApprovalTooSoon):
            await ground.desk.approve(first.id, hexed("xy"))
        ground.time = 10.5
        await ground.desk.approve(first.id, hexed("xy"), accounts=["x", "y"])
        assert await task == ("x", "y") and done == [("x", "y")]
        task = ask(ground.desk, "a", [])
        prompt = await shown(ground.desk)
        with pytest.raises(ApprovalRefused):
            ground.desk.choose(prompt.id, ["x"])
        ground.desk.decline(prompt.id)
        await number_of(task)


async def test_what_is_being_prepared_is_listed_before_it_is_shown():
    async with at_work() as ground:
        there, acting = asyncio.Event(), asyncio.Event()

        async def prepare():
            await there.wait()
            proposal = await proposing("a", [])()

            async def act():
                await acting.wait()

            return replace(proposal, act=act)

        first = asyncio.create_task(ground.desk.ask(PAGE, Kind.MESSAGE, prepare))
        await asyncio.sleep(0)
        second = ask(ground.desk, "b", [], OTHER)
        await asyncio.sleep(0)

        def listed():
            return [(one["state"], one["kind"], one["origin"], one["digest"]) for one in ground.desk.listed()]

        behind = ("waiting", Kind.MESSAGE, OTHER.key, None)
        assert listed() == [("preparing", Kind.MESSAGE, PAGE.key, None), behind]
        there.set()
        prompt = await shown(ground.desk)
        assert listed() == [("shown", "sign_message", PAGE.key, hexed("a")), behind]
        await ground.desk.approve(prompt.id, hexed("a"))
        assert listed() == [behind], "what was answered waits for nobody"
        acting.set()
        await first
        ground.desk.decline((await shown(ground.desk)).id)
        await number_of(second)


async def released(ground, count):
    for _turn in range(1000):
        if len(ground.released) >= count:
            return ground.released
        await asyncio.sleep(0)
    raise AssertionError("nothing was released")


async def test_what_comes_to_no_signature_is_released():
    async with at_work() as ground:
        done = []
        for name in ("declined", "dead", "done", "left"):
            task = ask(ground.desk, name, done)
            prompt = await shown(ground.desk)
            if name == "declined":
                ground.desk.decline(prompt.id)
            elif name == "dead":
                ground.seen = Seen(("0x0",), 2)
                ground.desk.recheck()
            elif name == "left":
                task.cancel()
            else:
                await ground.desk.approve(prompt.id, hexed(name))
            await asyncio.gather(task, return_exceptions=True)
        assert await released(ground, 3) == [b"declined", b"dead", b"left"] and done == ["done"]

        async def failing():
            async def act():
                raise RpcRefused(Code.DISCONNECTED, "no node", None)

            return replace(await proposing("failed", [])(), act=act)

        ground.judgement = Judgement(Verdict.ALLOW, Reason.RULE, "r1")
        assert await number_of(asyncio.create_task(ground.desk.ask(PAGE, Kind.MESSAGE, failing))) == Code.DISCONNECTED
        assert (await released(ground, 4))[3:] == [b"failed"], "allowed, counted, and not signed"


async def test_a_yes_to_what_died_meanwhile_is_taken_back():
    async with at_work() as ground:
        task = ask(ground.desk, "a", [])
        prompt = await shown(ground.desk)

        async def agree(subject, password):
            ground.seen = Seen((), 1)
            ground.desk.recheck()

        ground.agree = agree
        with pytest.raises((ApprovalUnknown, ApprovalRefused)):
            await ground.desk.approve(prompt.id, hexed("a"))
        await number_of(task)
        assert b"a" in await released(ground, 1)


async def two_yeses(ground, acting):
    """Both see the prompt and say yes with the password, which takes its time; the first answer counts."""

    async def prepare():
        proposal = await proposing("a", [])()

        async def act():
            await acting.wait()
            return "a"

        return replace(proposal, act=act)

    task = asyncio.create_task(ground.desk.ask(PAGE, Kind.MESSAGE, prepare))
    prompt = await shown(ground.desk)
    both = [asyncio.create_task(ground.desk.approve(prompt.id, hexed("a"), "right")) for _screen in range(2)]
    said = await asyncio.gather(*both, return_exceptions=True)
    return task, prompt, said


async def test_a_second_yes_takes_nothing_from_the_first():
    async with at_work() as ground:
        agree, acting = ground.agree, asyncio.Event()

        async def slowly(subject, password):
            await agree(subject, password)
            await asyncio.sleep(0)

        ground.agree = slowly
        task, _prompt, said = await two_yeses(ground, acting)
        assert said[0] is None and isinstance(said[1], ApprovalRefused) and len(ground.agreed) == 2
        await asyncio.sleep(0)
        assert ground.released == [], "what the first was given for is not signed yet"
        acting.set()
        assert await task == "a"


async def test_no_rule_is_kept_for_what_is_answered():
    async with at_work() as ground:
        ground.judgement, acting = Judgement(guarded=True, offer=allow()), asyncio.Event()
        task, prompt, _said = await two_yeses(ground, acting)
        with pytest.raises(ApprovalRefused):
            await ground.desk.approve(prompt.id, hexed("a"), "right", always=True)
        assert ground.kept == []
        acting.set()
        await task
