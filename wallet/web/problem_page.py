"""What went wrong, as a banner: the sentence of the command line, and what there is to do in these pages."""

from __future__ import annotations

from typing import Any, NamedTuple

from chain import errors as chain
from wallet import errors as wallet
from wallet.cli.problems import DECLINED, NETWORK, USAGE, Failure, problem_of
from wallet.texts import N_, _
from wallet.web.visit import Page

_HTTP = {USAGE: 422, DECLINED: 409, NETWORK: 502}


class Advice(NamedTuple):
    """A heading, what to do, and a page to go on to, where there is one ("" to try again here)."""

    heading: str
    text: str
    path: str = ""


AGAIN = Advice(N_("That did not work"), "")
ADVICE: dict[type[Exception], Advice] = {
    wallet.ServerUnreachable: Advice(
        N_("Your server is away"),
        N_("Nothing is lost: what you hold is where it was. Tokens can still be sent through a node of your own."),
    ),
    chain.NodeUnreachable: Advice(
        N_("The node does not answer"),
        N_("Tokens are not lost: they are on the chain. Money at the server is not affected. Try again in a moment."),
    ),
    wallet.LedgerReplaced: Advice(
        N_("Another ledger answers"),
        N_("Somebody reset the server, or it is another one. Run `tandem login` in a terminal if you know why."),
    ),
    wallet.HolderMissing: Advice(
        N_("You have no account at this server yet"),
        N_("Open one with a handle of your own: `tandem register HANDLE` in a terminal."),
        "/welcome",
    ),
    wallet.ApprovalUnknown: Advice(
        N_("This waits no more"),
        N_("Another tab or a terminal answered it, or whoever asked took it back. What waits now stands here."),
    ),
    wallet.ApprovalTooSoon: Advice(N_("Look at it first"), ""),
    wallet.DigestDiffers: Advice(
        N_("It changed meanwhile"),
        N_("What waits now is another thing than the one that you agreed to. Look at it again."),
    ),
    wallet.VaultMissing: Advice(
        N_("There is no wallet here yet"), N_("Make one, or bring one back from your recovery phrase.")
    ),
    wallet.OutcomeUnknown: Advice(
        N_("No answer came"),
        N_("It may have been paid. Look at Activity before you pay again."),
        "/activity",
    ),
    wallet.HeadRefused: Advice(
        N_("The server contradicts itself"),
        N_("Pay nothing more through it until it explains this. Your receipts are kept as evidence."),
    ),
    chain.GasMissing: Advice(
        N_("There is no coin for the fee"),
        N_("A chain's fee is paid in its own coin. Receive some, or convert some of your money into it."),
        "/move",
    ),
    chain.InsufficientNative: Advice(
        N_("There is not enough of the chain's coin"),
        N_("The amount and the fee come out of the same coin. Send less, receive some, or convert money into it."),
        "/move",
    ),
    chain.WrongGenesis: Advice(
        N_("This is another chain than before"),
        N_("The node may have been restarted, or is another one. Look at Security, Networks."),
    ),
}


def problem_page(error: Failure) -> Page:
    """A banner with the sentence; the server decides whether it is a page or a part of one."""
    problem = problem_of(error)
    advice = next((ADVICE[kind] for kind in type(error).__mro__ if kind in ADVICE), AGAIN)
    told = {"heading": _(advice.heading), "sentence": problem.sentence, "path": advice.path, "slug": problem.slug}
    told["advice"] = _(advice.text) if advice.text else ""
    return _banner(told, _HTTP.get(problem.status, 409))


def problem_here(error: Failure) -> Page:
    """The same in the place of a part that comes by itself; the page around it stands without."""
    return Page("problem_part.html", problem_page(error).values)


def plain_problem(heading: str, sentence: str, status: int) -> Page:
    return _banner({"heading": heading, "sentence": sentence, "advice": "", "path": "", "slug": "page"}, status)


def _banner(told: dict[str, Any], status: int) -> Page:
    return Page("problem.html", {"problem": told}, told["heading"], status)
