"""A yes to what was reviewed, for every screen that has something signed: once, by number and digest.

A screen makes a Draft and shows it; the yes comes here. What it does stays with the screen, in `act`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from wallet.cli.problems import problem_of
from wallet.cli.review_words import SIGN_WORD
from wallet.errors import DigestDiffers, InputMalformed, PasswordNeeded, VaultUnopened
from wallet.review import Review
from wallet.texts import _
from wallet.web.review_view import told
from wallet.web.visit import Answer, Page, Visit, post


@dataclass(frozen=True, slots=True)
class Draft:
    """What waits for the yes. `act` signs and sends it; `back` is the page to go to without.

    Where it is good until an instant (Unix seconds), `renew` and `fields` are the form that asks for it anew.
    """

    review: Review
    act: Callable[[Visit], Awaitable[Answer]]
    back: str
    guarded: bool = False
    until: int = 0
    renew: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


def shown(visit: Visit, draft: Draft) -> Page:
    """The review, with its yes."""
    return _page(draft, visit.session.keep(draft))


async def confirm(visit: Visit) -> Answer:
    """Raises InputMalformed for what was confirmed already, DigestDiffers."""
    number = visit.given("draft")
    draft = visit.session.drafts.get(number)
    if not isinstance(draft, Draft):
        raise InputMalformed("draft", number[:8], "it was sent already, or is too old: begin again")
    if visit.given("digest") != "0x" + draft.review.digest.hex():
        raise DigestDiffers(visit.given("digest")[:66], "0x" + draft.review.digest.hex())
    if draft.review.needs_word and visit.given("word") != SIGN_WORD:
        return _page(draft, number, problem=_("Type “{word}” to go on").format(word=SIGN_WORD))
    del visit.session.drafts[number]  # whatever comes of it, a second click finds nothing
    try:
        return await draft.act(visit)
    except (PasswordNeeded, VaultUnopened) as error:
        visit.session.drafts[number] = draft
        return _page(draft, number, wants_password=True, problem=problem_of(error).sentence)


def _page(draft: Draft, number: str, *, wants_password: bool = False, problem: str = "") -> Page:
    values = {
        "told": told(draft.review),
        "draft": number,
        "draft_of": draft,
        "wants_password": wants_password or draft.guarded,
        "problem_text": problem,
    }
    return Page("confirm.html", values)


ROUTES = (post("/confirm", confirm),)
