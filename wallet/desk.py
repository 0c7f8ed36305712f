"""The desk: asks the person, one prompt at a time, and carries out what they, or a rule of theirs, say yes to.

A yes counts once a prompt has stood for half a second as it is: what comes sooner was meant for something else. A
prompt is prepared when its turn comes, not before: a transaction's number and fees are those of the moment at which
it is shown, and the one before it has been sent by then. Whoever leaves takes their prompt away.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chain.address import Address
from chain.errors import ChainError
from wallet.approvals import SETTLE_SECONDS, Approval, Kind, Line
from wallet.asking import Client
from wallet.dapp_failures import refusal_of
from wallet.errors import ApprovalRefused, ApprovalTooSoon, DigestDiffers, PasswordNeeded, RpcRefused, WalletError
from wallet.judgement import Subject
from wallet.permissions import Seen
from wallet.policy import Verdict
from wallet.prompts import Judge, Passed, Prepare, Proposal, Settled, Shown, unseen_json
from wallet.rpc import Code

PREPARE_SECONDS_MAX = 45
"""A node that does not answer holds up everybody who waits behind."""
DECLINED = "User denied: the person declined."
"""ethers over HTTP knows a refusal by the words "user denied", whatever the code says."""
DENIED = "User denied: a rule of theirs denies it."
SIGNING = frozenset({Kind.MESSAGE, Kind.SIWE, Kind.TYPED_DATA, Kind.TRANSACTION, Kind.CALLS})


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
    for what nobody was asked about. `clock` counts seconds, from anywhere.
    """

    def __init__(
        self,
        view: Callable[[str], Seen],
        judge: Judge,
        on_change: Callable[[], None] = lambda: None,
        *,
        prepare_seconds_max: float = PREPARE_SECONDS_MAX,
        settle_seconds: float = SETTLE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._view, self._judge, self.on_change = view, judge, on_change
        self._settle_seconds, self._clock = settle_seconds, clock
        self.watchers: list[Callable[[], None]] = []
        """Told of each turn beside `on_change`, and of what joins the line or is answered."""
        self.on_passed: Callable[[Passed], None] = lambda passed: None
        self._prepare_seconds_max = prepare_seconds_max
        self._line = Line()
        self._entries: dict[str, _Entry] = {}
        self._arrived = asyncio.Event()
        self._releasing: set[asyncio.Task[None]] = set()

    async def ask(self, client: Client, kind: Kind, prepare: Prepare) -> object:
        """The result of what was agreed to. Raises RpcRefused: declined, dead, too many, or what went wrong."""
        loop = asyncio.get_running_loop()
        prompt = Approval(secrets.token_hex(4), client.key, kind, self._view(client.key), int(time.time()))
        self._line = self._line.joined_by(prompt)
        entry = _Entry(client, prompt, prepare, loop.create_future(), loop.create_future())
        self._entries[prompt.id] = entry
        self._arrived.set()
        self._tell()
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

    def preparing(self) -> Approval | None:
        """The one whose turn it is, while it is not on the screen yet."""
        first = self._line.first
        if first is None or self._line.digest is not None or self._entries[first.id].verdict.done():
            return None
        return first

    def listed(self) -> list[dict[str, Any]]:
        """Everything that waits, the one on the screen (or about to be) first."""
        shown, preparing = self.shown(), self.preparing()
        first = [shown.to_json()] if shown is not None else []
        first += [unseen_json(preparing, "preparing")] if preparing is not None else []
        return [*first, *(unseen_json(prompt, "waiting") for prompt in self.behind())]

    def choose(self, number: str, accounts: Sequence[Address]) -> Shown:
        """The prompt with other accounts than it names, under another digest; it stands there anew.

        Raises ApprovalUnknown, ApprovalRefused, AccountUnknown.
        """
        self._line.shown(number)
        entry = self._entries[number]
        assert entry.shown is not None
        if entry.verdict.done():
            raise ApprovalRefused(number, "answered-already")
        if entry.shown.proposal.naming is None:
            raise ApprovalRefused(number, "no-accounts-to-choose")
        if not accounts:
            raise ApprovalRefused(number, "no-account-chosen")
        self._show(entry, replace(entry.shown, proposal=entry.shown.proposal.naming(accounts), since=self._clock()))
        return entry.shown

    async def approve(
        self,
        number: str,
        digest: str,
        password: str = "",
        *,
        accounts: Sequence[Address] = (),
        always: bool = False,
    ) -> None:
        """`accounts`, where some are given, are those of the review that was seen (`choose` changes them); `always`
        keeps the rule that was offered, for the next time.

        Raises ApprovalUnknown, DigestDiffers, ApprovalTooSoon, ApprovalRefused; AccountUnknown, SignerLocked,
        PasswordNeeded and VaultUnopened, after which it still waits.
        """
        self._undecided(number, digest)
        entry = self._entries[number]
        prompt, shown = entry.prompt, entry.shown
        assert shown is not None
        if self._clock() - shown.since < self._settle_seconds:
            raise ApprovalTooSoon(number)
        if accounts:
            self._check_named(shown, accounts)
        rule = shown.judgement.offer
        if always and rule is None:
            raise ApprovalRefused(number, "no-rule-to-make")
        if always and rule is not None:
            await self._judge.keep(rule, password)  # first: the yes is given under the rules that are then in force
            self._undecided(number, digest)  # meanwhile the line may have moved on
        if prompt.kind in SIGNING:
            await self._agree(number, shown, password)
        try:
            self._undecided(number, digest)
        except WalletError:
            if not _said_yes(entry):  # of two yeses the first keeps what both were given
                self._let_go(shown.proposal.subject)
            raise
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
            result = outcome.result if isinstance(outcome, Settled) else await self._done(outcome)
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
        try:
            return await self._allowed(entry, proposal)
        except (WalletError, asyncio.CancelledError):
            self._let_go(proposal.subject)
            raise

    async def _allowed(self, entry: _Entry, proposal: Proposal) -> Proposal:
        """By a rule or by the person, who may have changed what it names. Raises RpcRefused."""
        judgement = await self._judge.judge(entry.client, proposal.review, proposal.subject)
        if judgement.verdict is not Verdict.ASK:
            self.on_passed(Passed(entry.client, proposal.review, judgement))
        if judgement.verdict is Verdict.DENY:
            raise RpcRefused(Code.DECLINED, DENIED, None)
        if judgement.verdict is Verdict.ALLOW:
            entry.verdict.set_result(True)  # a rule's yes is a yes: what changes from now on undoes it no more
            return proposal
        asked_at = entry.prompt.asked_at
        self._show(entry, Shown(entry.prompt.id, entry.client, proposal, judgement, asked_at, self._clock()))
        if not await entry.verdict:
            raise RpcRefused(Code.DECLINED, DECLINED, None)
        assert entry.shown is not None
        return entry.shown.proposal

    async def _done(self, proposal: Proposal) -> object:
        """Carried out. What came to no signature is free again."""
        try:
            return await proposal.act()
        except BaseException:
            self._let_go(proposal.subject)
            raise

    def _show(self, entry: _Entry, shown: Shown) -> None:
        entry.shown = shown
        self._line = self._line.showing(shown.id, shown.review.digest)
        self._changed()

    def _check_named(self, shown: Shown, accounts: Sequence[Address]) -> None:
        """Are these the accounts of the review that was seen? Raises ApprovalRefused, AccountUnknown, DigestDiffers."""
        if shown.proposal.naming is None:
            raise ApprovalRefused(shown.id, "no-accounts-to-choose")
        named = shown.proposal.naming(accounts).review.digest
        if named != shown.review.digest:
            raise DigestDiffers("0x" + shown.review.digest.hex(), "0x" + named.hex())

    def _let_go(self, subject: Subject) -> None:
        """Tells the policy in the background that nothing more comes of it; what was signed it knows itself."""
        if subject.items:
            task = asyncio.create_task(self._release(subject))
            self._releasing.add(task)
            task.add_done_callback(self._releasing.discard)

    async def _release(self, subject: Subject) -> None:
        with contextlib.suppress(WalletError):  # a signer that is gone keeps no room
            await self._judge.release(subject)

    async def _agree(self, number: str, shown: Shown, password: str) -> None:
        """The signer's word. Where a rule came while the prompt stood, the prompt says so from now on."""
        try:
            await self._judge.agree(shown.proposal.subject, password)
        except PasswordNeeded:
            entry = self._entries.get(number)
            if entry is not None and entry.shown is shown and not shown.judgement.guarded:
                entry.shown = replace(shown, judgement=replace(shown.judgement, guarded=True))
                self._tell()
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
        self._tell()

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
        self._tell()

    def _tell(self) -> None:
        for told in self.watchers:
            told()


def _said_yes(entry: _Entry) -> bool:
    return entry.verdict.done() and not entry.verdict.cancelled() and entry.verdict.result()
