"""Approvals: what sites and programs ask, one sheet at a time, answered here or in any terminal.

The desk decides what counts: a yes names the digest of the review that was seen, and is refused while the prompt stands
there for less than half a second, or when another tab was faster.
"""

from __future__ import annotations

from typing import Any

from wallet.accounts import read_account
from wallet.cli.review_words import SIGN_WORD
from wallet.control import read_accounts
from wallet.errors import ApprovalRefused
from wallet.policy_offer import rule_digest
from wallet.prompts import Shown
from wallet.texts import _
from wallet.web.approvals_view import coming, past, sheet, stamp
from wallet.web.visit import Answer, Page, Same, Visit, get, post


async def approvals(visit: Visit) -> Answer:
    return Page("approvals.html", {**_shown(visit), **_line(visit)}, _("Approvals"))


async def only_sheet(visit: Visit) -> Answer:
    """The sheet, if it is another than the page shows: nobody loses a password that they are typing."""
    values = _shown(visit)
    return Same() if values["stamp"] == visit.asked("seen") else Page("approvals_sheet.html", values)


async def only_line(visit: Visit) -> Answer:
    """What waits behind it, and what came otherwise than was foreseen."""
    return Page("approvals_line.html", _line(visit))


async def approve(visit: Visit) -> Answer:
    """The yes; with `always`, to the rule that was shown too."""
    number, desk = visit.parts["id"], visit.place.desk
    digest, always = visit.given("digest"), visit.given("always") == "yes"
    accounts = read_accounts(list(visit.many.get("account", ())))
    shown = desk.shown()
    if shown is not None and shown.id == number:  # whether it is, and under which digest, the desk says
        _check_seen(shown, visit, always=always)
    await desk.approve(number, digest, visit.password, accounts=accounts, always=always)
    return _answered(visit, "always" if always else "approved")


async def decline(visit: Visit) -> Answer:
    visit.place.desk.decline(visit.parts["id"])
    return _answered(visit, "declined")


async def choose(visit: Visit) -> Answer:
    """Other accounts for who wants to connect: the prompt as it stands then, under another digest."""
    number = visit.parts["id"]
    accounts = read_accounts(list(visit.many.get("account", ())))
    if not accounts:
        raise ApprovalRefused(number[:40], "no-account-chosen")
    visit.place.desk.choose(number, accounts)
    return _answered(visit, "")


def _check_seen(shown: Shown, visit: Visit, *, always: bool) -> None:
    """What the page asks for beside the yes. Raises ApprovalRefused."""
    if shown.review.needs_word and visit.given("word") != SIGN_WORD:
        raise ApprovalRefused(shown.id, "word-missing")
    if shown.proposal.offered and not visit.many.get("account"):
        raise ApprovalRefused(shown.id, "no-account-chosen")
    offer = shown.judgement.offer
    if always and offer is not None and visit.given("rule") != "0x" + rule_digest(offer).hex():
        raise ApprovalRefused(shown.id, "rule-unseen")


def _answered(visit: Visit, said: str) -> Page:
    """The sheet as it is now, with what was done in a word."""
    return Page("approvals_sheet.html", {**_shown(visit), "said": said})


def _shown(visit: Visit) -> dict[str, Any]:
    desk = visit.place.desk
    shown, preparing = desk.shown(), desk.preparing()
    kept = [read_account(entry) for entry in visit.place.store.read("vault").get("accounts", [])]
    return {
        "sheet": sheet(shown, kept) if shown is not None else None,
        "preparing": coming(preparing) if preparing is not None else None,
        "stamp": stamp(shown, preparing),
        "said": "",
    }


def _line(visit: Visit) -> dict[str, Any]:
    return {
        "behind": [coming(prompt) for prompt in visit.place.desk.behind()],
        "surprises": [past(surprise) for surprise in reversed(visit.place.aftermath.surprises)],
    }


ROUTES = (
    get("/approvals", approvals),
    get("/approvals/sheet", only_sheet),
    get("/approvals/line", only_line),
    post("/approvals/{id}/approve", approve),
    post("/approvals/{id}/decline", decline),
    post("/approvals/{id}/choose", choose),
)
