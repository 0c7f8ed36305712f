"""Between the desk and the signer's guard: what of a proposal is judged, and what came of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chain.address import Address
from chain.outcome import Method, Outcome
from chain.token_list import TokenList
from wallet.approvals import Kind
from wallet.errors import WalletError
from wallet.guard_claims import Item, request_of
from wallet.policy import Reason, Rule, Verdict
from wallet.policy_offer import narrow
from wallet.policy_request import Claims, Foreseen, Price, Request
from wallet.review import Review


@dataclass(frozen=True, slots=True)
class Subject:
    """What a client asks for: `items` are the signatures, none for a connection or a chain."""

    kind: Kind
    chain_id: int
    account: Address | None = None
    items: tuple[Item, ...] = ()
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """`guarded`: a yes alone does not do. `offer` is the rule that "always" would make, where one can be made."""

    verdict: Verdict = Verdict.ASK
    reason: Reason = Reason.NO_POLICY
    rule: str = ""
    about: str = ""
    guarded: bool = False
    offer: Rule | None = None

    def to_json(self) -> dict[str, Any]:
        """For prompts."""
        told = {"verdict": self.verdict, "reason": self.reason, "rule": self.rule, "about": self.about}
        return {"policy": told, "needs_password": self.guarded, "always": self.offer.to_json() if self.offer else None}


def claims_of(subject: Subject, review: Review, prices: Iterable[Price] = ()) -> Claims:
    """What the signer is told beside the bytes: the node's simulation, the review's warnings, prices."""
    return Claims(_foreseen(subject), tuple(prices), frozenset(review.cautions))


def _foreseen(subject: Subject) -> Foreseen | None:
    outcome, account = subject.outcome, subject.account
    if outcome is None or outcome.method is Method.NONE or account is None:
        return None
    leaves = tuple((token, -units) for token, units in outcome.changes(account).items() if units < 0)
    pieces = any(movement.number is not None and movement.sender == account for movement in outcome.movements)
    return Foreseen(outcome.succeeded is True, leaves, pieces)


def offer_of(client: str, subject: Subject, claims: Claims, tokens: TokenList, now: int) -> Rule | None:
    """The rule that would stand for this very request."""
    if subject.items:
        if subject.account is None:
            return None
        try:
            request = request_of(client, subject.items, subject.account, None, claims)
        except WalletError:
            return None
    else:
        request = Request(client, subject.kind, subject.chain_id, subject.account, claims=claims)
    if request.kind is Kind.TRANSACTION and subject.kind is Kind.CALLS:
        return None
    return narrow(request, None, now, tokens)
