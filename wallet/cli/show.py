"""What commands print: tables and reviews. Every cell is inert text, never markup."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence

import segno
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wallet.cli import terminal
from wallet.cli.inert import inert
from wallet.cli.running import Run
from wallet.cli.words import WORDS
from wallet.errors import YesRefused
from wallet.review import Caution, Label, Review, Source, Title
from wallet.texts import N_, _

_PIPE_WIDTH = 200

TITLES = {
    Title.PAY: N_("You are about to sign: pay from your account"),
    Title.WITHDRAW: N_("You are about to sign: pay out"),
    Title.SEND: N_("You are about to sign: send on the chain"),
    Title.CALL: N_("You are about to sign a call that is not understood"),
    Title.SIGN_IN: N_("You are about to sign in"),
    Title.REGISTER: N_("You are about to open an account"),
    Title.CONVERT: N_("You are about to sign: convert"),
    Title.HOLD: N_("You are about to sign: reserve money that somebody may take"),
    Title.MANDATE: N_("You are about to sign: let somebody collect, again and again"),
    Title.KEY_ADD: N_("You are about to sign: another key may spend from your account"),
    Title.KEY_REVOKE: N_("You are about to sign: a key may no longer spend"),
    Title.FREEZE: N_("You are about to sign: nothing leaves your account until you unfreeze it"),
    Title.UNFREEZE: N_("You are about to sign: money may leave your account again"),
    Title.LIMIT: N_("You are about to sign: a limit"),
    Title.MANDATE_REVOKE: N_("You are about to sign: nothing more is collected under a mandate"),
    Title.CANCEL: N_("You are about to sign: cancel a change that waits"),
}
LABELS = {
    Label.AMOUNT: N_("Amount"),
    Label.PAYEE: N_("To"),
    Label.FINGERPRINT: N_("Fingerprint"),
    Label.ADDRESS: N_("Address"),
    Label.DESTINATION: N_("Destination"),
    Label.MEMO: N_("Memo"),
    Label.FEE: N_("Fee"),
    Label.FEE_MAX: N_("Fee, at most"),
    Label.NET: N_("Arrives"),
    Label.TOTAL: N_("Leaves you, at most"),
    Label.VALID_UNTIL: N_("Valid until"),
    Label.LEDGER: N_("Ledger"),
    Label.NETWORK: N_("Network"),
    Label.FROM: N_("From"),
    Label.CONTRACT: N_("Contract"),
    Label.DATA: N_("Data"),
    Label.NONCE: N_("Number"),
    Label.SITE: N_("Site"),
    Label.STATEMENT: N_("Says"),
    Label.KEY: N_("Key"),
    Label.HANDLE: N_("Handle"),
    Label.NODE: N_("Node"),
    Label.RECEIVE: N_("You receive, at least"),
    Label.RATE: N_("Rate, at worst"),
    Label.MARKET: N_("Market rate"),
    Label.SPREAD: N_("Spread"),
    Label.QUOTE: N_("Quote"),
    Label.PER_PERIOD: N_("Each period, at most"),
    Label.PERIOD: N_("Period"),
    Label.COUNT: N_("Periods"),
    Label.UNTIL: N_("Until"),
    Label.LIMIT: N_("Limit"),
    Label.BEFORE: N_("Until now"),
    Label.EFFECT: N_("Takes effect"),
    Label.ABOUT: N_("About"),
    Label.RECOVERY: N_("Recovery"),
}
SOURCES = {
    Source.BYTES: N_("from the bytes"),
    Source.LIST: N_("from your list"),
    Source.CLAIMED: N_("claimed by {host}"),
}
SOURCE_STYLES = {Source.BYTES: "green", Source.LIST: "cyan", Source.CLAIMED: "yellow"}
EMPHASIS = {
    Label.AMOUNT: "bold",
    Label.TOTAL: "bold red",
    Label.NET: "bold green",
    Label.RECEIVE: "bold green",
    Label.KEY: "bold",
    Label.LIMIT: "bold",
}
WORDED = {Label.PERIOD, Label.EFFECT, Label.ABOUT, Label.LIMIT, Label.BEFORE, Label.RECOVERY}
"""Facts whose values are words of ours, or amounts; other people's text is never looked up."""
CAUTIONS = {
    Caution.FIRST_TIME: N_("You never paid this person from here: compare the fingerprint with them by another way."),
    Caution.LOOKS_ALIKE: N_("The address resembles one that you know, and is another: compare every digit."),
    Caution.OWN_ADDRESS: N_("This is an address of your own."),
    Caution.TOKEN_UNLISTED: N_("The token is not in your list: its name and decimals are not known."),
    Caution.CALL_UNKNOWN: N_("What this call does cannot be told from its bytes."),
    Caution.FEE_HIGH: N_("The fee may be more than a tenth of the amount."),
    Caution.UNANSWERED: N_("An earlier order has no answer yet: this one would be paid beside it."),
    Caution.RATE_POOR: N_("You would receive over 3 % less than the market rate that the server itself names."),
}


def console(stderr: bool = False) -> Console:
    """Without markup and highlighting; as wide as needed where nobody looks."""
    stream = sys.stderr if stderr else sys.stdout
    width = shutil.get_terminal_size().columns if stream.isatty() else _PIPE_WIDTH
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False, width=max(width, 60))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "", stderr: bool = False) -> None:
    """Columns whose name begins with > stand right."""
    drawn = Table(title=title or None, title_justify="left", title_style="bold", header_style="bold cyan")
    for column in columns:
        drawn.add_column(
            column.removeprefix(">"), justify="right" if column.startswith(">") else "left", overflow="fold"
        )
    for row in rows:
        drawn.add_row(*(Text(inert(cell)) for cell in row))
    console(stderr).print(drawn)


def facts(rows: Iterable[tuple[str, str]]) -> None:
    """Names and values, one a line."""
    drawn = Table.grid(padding=(0, 2))
    for name, value in rows:
        drawn.add_row(Text(name, style="bold cyan"), Text(inert(value)))
    console().print(drawn)


def review(shown: Review) -> None:
    """The review with the source of each fact, and what is unusual, on stderr."""
    console(stderr=True).print(Text(_(TITLES[shown.title]), style="bold"))
    drawn = Table(header_style="bold cyan")
    for column in (_("What"), _("It says"), _("Known")):
        drawn.add_column(column, overflow="fold")
    for fact in shown.facts:
        source = _(SOURCES[fact.source]).format(host=inert(shown.host, 60))
        told = _(WORDS[fact.value]) if fact.label in WORDED and fact.value in WORDS else fact.value
        value = Text(inert(told), style=EMPHASIS.get(fact.label, ""))
        drawn.add_row(Text(_(LABELS[fact.label])), value, Text(source, style=SOURCE_STYLES[fact.source]))
    console(stderr=True).print(drawn)
    for caution in shown.cautions:
        console(stderr=True).print(Text(f"! {_(CAUTIONS[caution])}", style="bold yellow"))


def approve(run: Run, shown: Review, question: str) -> None:
    """The person's yes to a review. Raises Declined, TerminalNeeded, or YesRefused where --yes is not enough."""
    if not run.json or terminal.is_there():
        review(shown)
    if run.yes:
        if shown.needs_word:
            raise YesRefused("word")
        if shown.cautions and shown.cautions != (Caution.FIRST_TIME,):
            raise YesRefused("warnings")
        if not shown.payee_known:
            raise YesRefused("payee")
        return
    if shown.needs_word:
        terminal.confirm_word(_(CAUTIONS[Caution.CALL_UNKNOWN]), "blind")
    terminal.confirm(question)


def qr(text: str) -> None:
    """As characters, for a camera; only where somebody looks."""
    if sys.stdout.isatty():
        segno.make(text, error="m").terminal(compact=True)
