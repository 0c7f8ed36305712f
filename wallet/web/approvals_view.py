"""What the sheet of Approvals shows of a prompt: who asks, what it would do, what is unusual, and the raw rest. Pure
but for words, which are those of the command line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chain.address import Address
from wallet.accounts import Account
from wallet.approvals import Approval
from wallet.cli.policy_words import KINDS, why_asked
from wallet.cli.rule_words import about
from wallet.cli.show import words_of
from wallet.dapp_aftermath import Surprise
from wallet.policy import Rule
from wallet.policy_offer import rule_digest
from wallet.prompts import Shown
from wallet.review import Caution, Fact, Label, Source
from wallet.texts import _
from wallet.web.review_view import told

CHANGES = (Label.GOES, Label.COMES, Label.ALLOWED_AFTER, Label.WOULD_FAIL)
"""What the account would have less or more of, and who might take from it afterwards; in this order, first of all."""
ASKER = frozenset({Label.ASKED_BY, Label.PROCESS, Label.EXECUTABLE})
RAW = frozenset({
    Label.DATA,
    Label.ARGUMENT,
    Label.MEMBER,
    Label.DOMAIN,
    Label.NONCE,
    Label.CALLDATA_DIGEST,
    Label.EIP712_DIGEST,
    Label.DOMAIN_HASH,
    Label.MESSAGE_HASH,
    Label.DIGEST,
})  # fmt: skip
UNDERSTOOD = frozenset({
    *CHANGES,
    Label.AMOUNT,
    Label.MOVES,
    Label.ALLOWED,
    Label.ALLOWED_MORE,
    Label.ALLOWED_LESS,
    Label.REVOKED,
    Label.WRAPPED,
    Label.UNWRAPPED,
    Label.INTENT,
    Label.FIELD,
    Label.TEXT,
})  # fmt: skip
"""Where none of these is told, or a call is not understood (coins may go along with it), the raw data is all there
is, and its fold stands open."""
NOTHING = "nothing"


def stamp(shown: Shown | None, preparing: Approval | None) -> str:
    """Another one wherever the sheet would be another: a page asks again only for what it does not show yet."""
    if shown is not None:
        return f"{shown.id}-{shown.review.digest.hex()}-{int(shown.needs_password)}"
    return f"{preparing.id}-preparing" if preparing is not None else NOTHING


def sheet(shown: Shown, accounts: Sequence[Account]) -> dict[str, Any]:
    """Everything of the prompt on the screen."""
    review = shown.review
    labels = {fact.label for fact in review.facts}
    return {
        **told(review),
        "id": shown.id,
        "name": shown.client.key,
        "kind": _(KINDS[review.kind]) if review.kind in KINDS else review.kind,
        "asker": _facts(review.host, (fact for fact in review.facts if fact.label in ASKER)),
        "changes": _facts(review.host, _ordered(review.facts)),
        "facts": _facts(review.host, (f for f in review.facts if f.label not in ASKER | RAW | set(CHANGES))),
        "raw": _facts(review.host, (fact for fact in review.facts if fact.label in RAW)),
        "raw_open": labels.isdisjoint(UNDERSTOOD) or Caution.CALL_UNKNOWN in review.cautions,
        "needs_password": shown.needs_password,
        "why": why_asked(shown.judgement.to_json()["policy"]) if shown.needs_password else "",
        "rule": _rule(shown.judgement.offer),
        "accounts": _accounts(shown, {account.address: account.name for account in accounts}),
    }


def coming(prompt: Approval) -> dict[str, Any]:
    """One that is not on the screen: what is known of it."""
    return {"kind": _(KINDS[prompt.kind]), "origin": prompt.key}


def past(surprise: Surprise) -> dict[str, Any]:
    """What a transaction came to otherwise than was foreseen."""
    return {"transaction": surprise.transaction, "facts": _facts(surprise.client.name, surprise.facts)}


def _ordered(facts: Sequence[Fact]) -> list[Fact]:
    changes = [fact for fact in facts if fact.label in CHANGES]
    return sorted(changes, key=lambda fact: CHANGES.index(fact.label))


def _facts(host: str, facts: Iterable[Fact]) -> list[dict[str, Any]]:
    rows = []
    for fact in facts:
        name, value, source = words_of(fact, host)
        kind = "down" if fact.label is Label.GOES else "up" if fact.label is Label.COMES else ""
        rows.append({"name": name, "value": value, "source": fact.source.value, "source_words": source, "kind": kind})
    return rows


def _rule(offer: Rule | None) -> dict[str, Any] | None:
    """The rule that "always" would make, in full, under the digest that a yes to it names."""
    if offer is None:
        return None
    rows = [{"name": name, "value": value} for name, value in about(offer)]
    return {"rows": rows, "digest": "0x" + rule_digest(offer).hex()}


def _accounts(shown: Shown, names: Mapping[Address, str]) -> list[dict[str, Any]]:
    """Those that can be shown to who asks; `chosen` are in the review as it stands."""
    named = {fact.value for fact in shown.review.facts if fact.label is Label.KEY and fact.source is Source.LIST}
    return [
        {"address": address, "name": names.get(address, ""), "chosen": str(address) in named}
        for address in shown.proposal.offered
    ]
