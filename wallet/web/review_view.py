"""A review as pages show it: the words of the command line, each fact with where it comes from, the gravest first."""

from __future__ import annotations

from typing import Any

from wallet.cli.review_words import CAUTIONS, EMPHASIS, REFUSALS, SIGN_WORD, TITLES
from wallet.cli.show import word_reason, words_of
from wallet.review import WORDED, Caution, Label, Review
from wallet.texts import _

WORST = WORDED | {
    Caution.LOOKS_ALIKE,
    Caution.LOST,
    Caution.ALLOWANCE_UNLIMITED,
    Caution.ALLOWANCE_ALL,
    Caution.GRANT_HIDDEN,
    Caution.DELEGATECALL,
    Caution.NODES_DISAGREE,
    Caution.TOKEN_NEVER_HANDLED,
    Caution.WOULD_FAIL,
    Caution.PERMIT2_IMITATED,
}
"""What takes everything, or what is almost never meant."""
_BALANCES = (Label.GOES, Label.COMES, Label.ALLOWED_AFTER)


def told(review: Review) -> dict[str, Any]:
    """For the macro `review` of parts.html. `word` is what has to be typed, "" where nothing has."""
    cautions = sorted(review.cautions, key=lambda caution: caution not in WORST)
    return {
        "title": _(TITLES[review.title]),
        "facts": [_fact(fact, review.host) for fact in review.facts],
        "changes": [_fact(fact, review.host) for fact in review.facts if fact.label in _BALANCES],
        "cautions": [{"text": _(CAUTIONS[caution]), "worst": caution in WORST} for caution in cautions],
        "refused": _(REFUSALS[review.refused]) if review.refused is not None else "",
        "digest": "0x" + review.digest.hex(),
        "word": SIGN_WORD if review.needs_word else "",
        "word_reason": word_reason(review) if review.needs_word else "",
    }


def value_of(review: Review, label: Label) -> str:
    """The first fact of that label; "" where there is none."""
    return next((fact.value for fact in review.facts if fact.label is label), "")


def _fact(fact: Any, host: str) -> dict[str, Any]:
    name, value, source = words_of(fact, host)
    strong = fact.label in EMPHASIS
    return {"name": name, "value": value, "source": fact.source.value, "source_words": source, "strong": strong}
