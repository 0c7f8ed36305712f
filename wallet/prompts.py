"""What the desk shows and carries out: proposals, the prompt on the screen, and what passed without one."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chain.address import Address
from wallet.approvals import Approval
from wallet.asking import Client
from wallet.judgement import Judgement, Subject
from wallet.policy import Rule
from wallet.review import Review


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is shown, what is done after the yes, and what the person's policy is asked about.

    Where accounts can be chosen, `offered` are all of them, and `naming` gives the proposal of others than are in the
    review; it raises AccountUnknown.
    """

    review: Review
    act: Callable[[], Awaitable[object]]
    subject: Subject
    offered: tuple[Address, ...] = ()
    naming: Callable[[Sequence[Address]], Proposal] | None = None


class Judge(Protocol):
    """The person's policy, as wallet.dapp_policy has it of the signer."""

    async def judge(self, client: Client, review: Review, subject: Subject) -> Judgement: ...

    async def agree(self, subject: Subject, password: str) -> None:
        """Raises SignerLocked, PasswordNeeded, VaultUnopened."""

    async def keep(self, rule: Rule, password: str) -> None:
        """Raises PasswordNeeded, VaultUnopened."""

    async def release(self, subject: Subject) -> None:
        """Nothing of it will be signed any more: what was reserved or agreed to for it is free again."""


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
    """The prompt on the screen. `kind` is that of its review (a message may turn out to be a sign-in).

    `since` is the desk's clock when it came to stand there as it is.
    """

    id: str
    client: Client
    proposal: Proposal
    judgement: Judgement
    asked_at: int
    since: float

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
            "state": "shown",
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


def unseen_json(prompt: Approval, state: str) -> dict[str, Any]:
    """Of one that is not on the screen: what it is, whose and since when. `state` is preparing, for the one whose turn
    it is, or waiting."""
    unseen: dict[str, Any] = {"client": None, "warnings": [], "review": None, "digest": None}
    told = {"id": prompt.id, "state": state, "kind": prompt.kind, "origin": prompt.key}
    return {**told, **unseen, "age_seconds": _age(prompt.asked_at)}


def _age(asked_at: int) -> int:
    return max(int(time.time()) - asked_at, 0)
