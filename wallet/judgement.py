"""Between the desk and the signer's guard: what of a proposal is judged, and what came of it. Pure."""

from __future__ import annotations

from collections import Counter
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
from wallet.policy_offer import narrow, rule_digest
from wallet.policy_request import Claims, Foreseen, Price, Request
from wallet.review import Review


@dataclass(frozen=True, slots=True)
class Subject:
    """What a client asks for: `items` are the signatures, none for a connection or a chain; `outcomes` are what the
    node foresees of transactions, each after those before it."""

    kind: Kind
    chain_id: int
    account: Address | None = None
    items: tuple[Item, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


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
        offer = self.offer
        return {
            "policy": told,
            "needs_password": self.guarded,
            "always": offer.to_json() if offer else None,
            "always_digest": "0x" + rule_digest(offer).hex() if offer else None,
        }


def claims_of(subject: Subject, review: Review, prices: Iterable[Price] = ()) -> Claims:
    """What the signer is told beside the bytes: the node's simulation, the review's warnings, prices."""
    return Claims(_foreseen(subject), tuple(prices), frozenset(review.cautions))


def _foreseen(subject: Subject) -> Foreseen | None:
    """Of several together: what one gets back from a later one leaves nevertheless."""
    outcomes, account = subject.outcomes, subject.account
    if not outcomes or account is None or any(outcome.method is Method.NONE for outcome in outcomes):
        return None
    leaves: Counter[Address | None] = Counter()
    for outcome in outcomes:
        leaves.update({token: -units for token, units in outcome.changes(account).items() if units < 0})
    movements = (movement for outcome in outcomes for movement in outcome.movements)
    pieces = any(movement.number is not None and movement.sender == account for movement in movements)
    return Foreseen(all(outcome.succeeded is True for outcome in outcomes), tuple(leaves.items()), pieces)


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
