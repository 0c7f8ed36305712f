"""The desk: asks the person, one prompt at a time, and carries out what they, or a rule of theirs, say yes to.

A prompt is prepared when its turn comes, not before: a transaction's number and fees are those of the moment at which
it is shown, and the one before it has been sent by then. Whoever leaves takes their prompt away.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from chain.address import Address
from chain.errors import ChainError
from wallet.approvals import Approval, Kind, Line
from wallet.asking import Client
from wallet.dapp_failures import refusal_of
from wallet.errors import ApprovalRefused, PasswordNeeded, RpcRefused, WalletError
from wallet.judgement import Judgement, Subject
from wallet.permissions import Seen
from wallet.policy import Rule, Verdict
from wallet.review import Review
from wallet.rpc import Code

PREPARE_SECONDS_MAX = 45
"""A node that does not answer holds up everybody who waits behind."""
DECLINED = "User denied: the person declined."
"""ethers over HTTP knows a refusal by the words "user denied", whatever the code says."""
DENIED = "User denied: a rule of theirs denies it."
SIGNING = frozenset({Kind.MESSAGE, Kind.SIWE, Kind.TYPED_DATA, Kind.TRANSACTION, Kind.CALLS})


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is shown, what is done after the yes, and what the person's policy is asked about.

    Where accounts can be chosen, `offered` are all of them, and `choose` takes those that the yes names instead of the
    ones in the review; it raises AccountUnknown.
    """

    review: Review
    act: Callable[[], Awaitable[object]]
    subject: Subject
    offered: tuple[Address, ...] = ()
    choose: Callable[[Sequence[Address]], None] | None = None


class Judge(Protocol):
    """The person's policy, as wallet.dapp_policy has it of the signer."""

    async def judge(self, client: Client, review: Review, subject: Subject) -> Judgement: ...

    async def agree(self, subject: Subject, password: str) -> None:
        """Raises SignerLocked, PasswordNeeded, VaultUnopened."""

    async def keep(self, rule: Rule, password: str) -> None:
        """Raises PasswordNeeded, VaultUnopened."""


@dataclass(frozen=True, slots=True)
class Passed:
    """What a rule allowed or denied, so that nobody was asked."""

    client: Client
    review: Review
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Settled:
    """There is nothing left to ask."""

    result: object


Prepare = Callable[[], Awaitable[Proposal | Settled]]


@dataclass(frozen=True, slots=True)
class Shown:
    """The prompt on the screen. `kind` is that of its review (a message may turn out to be a sign-in)."""

    id: str
    client: Client
    proposal: Proposal
    judgement: Judgement
    asked_at: int

    @property
    def review(self) -> Review:
        return self.proposal.review

    @property
    def needs_password(self) -> bool:
        """Is it a signature beyond the policy?"""
        return self.judgement.guarded and bool(self.proposal.subject.items)

    def to_json(self) -> dict[str, Any]:
        review = self.review.to_json()
        offered = {"offered": list(self.proposal.offered)} if self.proposal.offered else {}
        return {
            "id": self.id,
            "kind": review["kind"],
            "origin": self.client.key,
            "client": self.client.to_json(),
            "warnings": review["warnings"],
            "review": review,
            "digest": review["digest"],
            "age_seconds": _age(self.asked_at),
            **offered,
            **self.judgement.to_json(),
            "needs_password": self.needs_password,
        }


def behind_json(prompt: Approval) -> dict[str, Any]:
    """Of one whose turn has not come: what it is, whose and since when. It is prepared when it is shown, not before."""
    unseen: dict[str, Any] = {"client": None, "warnings": [], "review": None, "digest": None}
    return {"id": prompt.id, "kind": prompt.kind, "origin": prompt.key, **unseen, "age_seconds": _age(prompt.asked_at)}


def _age(asked_at: int) -> int:
    return max(int(time.time()) - asked_at, 0)


@dataclass(eq=False, slots=True)
class _Entry:
    client: Client
    prompt: Approval
    prepare: Prepare
    answer: asyncio.Future[object]
    verdict: asyncio.Future[bool]
    shown: Shown | None = None
    asking: asyncio.Task[Proposal | Settled] | None = field(default=None)


class Desk:
    """`view` says what a client sees now, `judge` what the policy says; `on_change` is called each turn, `on_passed`
    for what nobody was asked about.
    """

    def __init__(
        self,
        view: Callable[[str], Seen],
        judge: Judge,
        on_change: Callable[[], None] = lambda: None,
        *,
        prepare_seconds_max: float = PREPARE_SECONDS_MAX,
    ) -> None:
        self._view, self._judge, self.on_change = view, judge, on_change
        self.watchers: list[Callable[[], None]] = []
        """Told of each turn beside `on_change`."""
        self.on_passed: Callable[[Passed], None] = lambda passed: None
        self._prepare_seconds_max = prepare_seconds_max
        self._line = Line()
        self._entries: dict[str, _Entry] = {}
        self._arrived = asyncio.Event()

    async def ask(self, client: Client, kind: Kind, prepare: Prepare) -> object:
        """The result of what was agreed to. Raises RpcRefused: declined, dead, too many, or what went wrong."""
        loop = asyncio.get_running_loop()
        prompt = Approval(secrets.token_hex(4), client.key, kind, self._view(client.key), int(time.time()))
        self._line = self._line.joined_by(prompt)
        entry = _Entry(client, prompt, prepare, loop.create_future(), loop.create_future())
        self._entries[prompt.id] = entry
        self._arrived.set()
        try:
            return await entry.answer
        except asyncio.CancelledError:
            self._drop(entry)
            raise

    def shown(self) -> Shown | None:
        """The prompt on the screen, until it is answered."""
        first = self._line.first
        entry = self._entries[first.id] if first is not None and self._line.digest is not None else None
        return entry.shown if entry is not None and not entry.verdict.done() else None

    def behind(self) -> tuple[Approval, ...]:
        """Those whose turn has not come, in order."""
        return self._line.prompts[1:]

    def listed(self) -> list[dict[str, Any]]:
        """Everything that waits, the one on the screen first; nothing while none is on the screen."""
        shown = self.shown()
        return [] if shown is None else [shown.to_json(), *map(behind_json, self.behind())]

    async def approve(
        self,
        number: str,
        digest: str,
        password: str = "",
        *,
        accounts: Sequence[Address] = (),
        always: bool = False,
    ) -> None:
        """`accounts` are chosen instead of the ones that are shown, where some are offered; `always` keeps the rule
        that was offered, for the next time.

        Raises ApprovalUnknown, DigestDiffers, ApprovalRefused; AccountUnknown, SignerLocked, PasswordNeeded and
        VaultUnopened, after which it still waits.
        """
        prompt = self._line.approved(number, digest)
        shown = self._entries[number].shown
        assert shown is not None
        choose = shown.proposal.choose
        if accounts and choose is None:
            raise ApprovalRefused(number, "no-accounts-to-choose")
        rule = shown.judgement.offer
        if always and rule is None:
            raise ApprovalRefused(number, "no-rule-to-make")
        if always and rule is not None:
            await self._judge.keep(rule, password)  # first: the yes is given under the rules that are then in force
            self._undecided(number, digest)  # meanwhile the line may have moved on
        if prompt.kind in SIGNING:
            await self._agree(number, shown, password)
        self._undecided(number, digest)
        if choose is not None and accounts:
            choose(accounts)
        self._decide(number, True)

    def decline(self, number: str) -> None:
        """Raises ApprovalUnknown, ApprovalRefused."""
        self._line.shown(number)
        self._decide(number, False)

    def recheck(self) -> None:
        """Grants or chains changed: what stood on them dies."""
        for prompt in self._line.dead(self._view):
            entry = self._entries[prompt.id]
            if not entry.verdict.done():
                reason = "The account or the chain changed while this waited; nothing was signed."
                self._fail(entry, RpcRefused(Code.DECLINED, reason, None))
                self._drop(entry)

    async def work(self) -> None:
        """Serves the line until cancelled."""
        while True:
            first = self._line.first
            if first is None:
                self._arrived.clear()
                await self._arrived.wait()
                continue
            entry = self._entries[first.id]
            await self._serve(entry)
            self._remove(entry)

    def close(self) -> None:
        """The client ends: whoever waits is told so."""
        for entry in list(self._entries.values()):
            self._fail(entry, RpcRefused(Code.DISCONNECTED, "The wallet was closed.", None))
            self._drop(entry)

    async def _serve(self, entry: _Entry) -> None:
        try:
            entry.asking = asyncio.create_task(self._agreed(entry))
            await asyncio.wait([entry.asking])
            if entry.asking.cancelled():
                return
            outcome = entry.asking.result()
            result = outcome.result if isinstance(outcome, Settled) else await outcome.act()
        except (WalletError, ChainError) as error:
            self._fail(entry, refusal_of(error))
        except asyncio.CancelledError:
            if entry.asking is not None:
                entry.asking.cancel()
            raise
        except Exception:  # one client's bad luck must not end the line; it is told of a fault of ours
            self._fail(entry, RpcRefused(Code.INTERNAL, "The wallet failed inside.", None))
        else:
            if not entry.answer.done():
                entry.answer.set_result(result)

    async def _agreed(self, entry: _Entry) -> Proposal | Settled:
        """What the person said yes to, or what needs no yes. Raises RpcRefused."""
        try:
            async with asyncio.timeout(self._prepare_seconds_max):
                proposal = await entry.prepare()
        except TimeoutError:
            raise RpcRefused(Code.UNAVAILABLE, "The node takes too long.", None) from None
        if isinstance(proposal, Settled):
            return proposal
        if proposal.review.refused is not None:
            raise RpcRefused(Code.UNAUTHORISED, f"This is never signed for anybody ({proposal.review.refused}).", None)
        judgement = await self._judge.judge(entry.client, proposal.review, proposal.subject)
        if judgement.verdict is not Verdict.ASK:
            self.on_passed(Passed(entry.client, proposal.review, judgement))
        if judgement.verdict is Verdict.DENY:
            raise RpcRefused(Code.DECLINED, DENIED, None)
        if judgement.verdict is Verdict.ALLOW:
            entry.verdict.set_result(True)  # a rule's yes is a yes: what changes from now on undoes it no more
            return proposal
        asked_at = entry.prompt.asked_at
        entry.shown = Shown(entry.prompt.id, entry.client, proposal, judgement, asked_at)
        self._line = self._line.showing(entry.prompt.id, proposal.review.digest)
        self._changed()
        if not await entry.verdict:
            raise RpcRefused(Code.DECLINED, DECLINED, None)
        return proposal

    async def _agree(self, number: str, shown: Shown, password: str) -> None:
        """The signer's word. Where a rule came while the prompt stood, the prompt says so from now on."""
        try:
            await self._judge.agree(shown.proposal.subject, password)
        except PasswordNeeded:
            entry = self._entries.get(number)
            if entry is not None and entry.shown is shown and not shown.judgement.guarded:
                entry.shown = replace(shown, judgement=replace(shown.judgement, guarded=True))
            raise

    def _undecided(self, number: str, digest: str) -> None:
        """Raises ApprovalUnknown, DigestDiffers, ApprovalRefused."""
        self._line.approved(number, digest)
        if self._entries[number].verdict.done():
            raise ApprovalRefused(number, "answered-already")

    def _decide(self, number: str, yes: bool) -> None:
        verdict = self._entries[number].verdict
        if verdict.done():
            raise ApprovalRefused(number, "answered-already")
        verdict.set_result(yes)

    def _fail(self, entry: _Entry, refused: RpcRefused) -> None:
        if not entry.answer.done():
            entry.answer.set_exception(refused)
            entry.answer.exception()  # read once: of one whose client has left nobody is to hear

    def _drop(self, entry: _Entry) -> None:
        """Withdrawn. What the person has agreed to already goes on."""
        if entry.verdict.done():
            return
        entry.verdict.cancel()
        if entry.asking is not None:
            entry.asking.cancel()
        else:
            self._remove(entry)

    def _remove(self, entry: _Entry) -> None:
        if self._entries.pop(entry.prompt.id, None) is not None:
            self._line = self._line.without(entry.prompt.id)
            self._changed()

    def _changed(self) -> None:
        self.on_change()
        for told in self.watchers:
            told()
