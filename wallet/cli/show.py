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
from wallet.cli.review_words import (
    CAUTIONS,
    EMPHASIS,
    LABELS,
    REFUSALS,
    SIGN_WORD,
    SOURCE_STYLES,
    SOURCES,
    TITLES,
    WORDED_LABELS,
)
from wallet.cli.running import Run
from wallet.cli.words import WORDS
from wallet.errors import YesRefused
from wallet.review import WORDED, Caution, Fact, Review
from wallet.texts import _

_PIPE_WIDTH = 200


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
        name, told, source = words_of(fact, shown.host)
        value = Text(told, style=EMPHASIS.get(fact.label, ""))
        drawn.add_row(Text(name), value, Text(source, style=SOURCE_STYLES[fact.source]))
    console(stderr=True).print(drawn)
    digest = "0x" + shown.digest.hex()
    if all(fact.value != digest for fact in shown.facts):  # ERC-8213: it stands on every screen
        name = _("Digest")
        console(stderr=True).print(Text(f"{name} {digest}"))
    for caution in shown.cautions:
        console(stderr=True).print(Text(f"! {_(CAUTIONS[caution])}", style="bold yellow"))
    if shown.refused is not None:
        console(stderr=True).print(Text(f"! {_(REFUSALS[shown.refused])}", style="bold red"))


def words_of(fact: Fact, host: str) -> tuple[str, str, str]:
    """What it is, what it says and where that comes from, each in words and inert."""
    told = _(WORDS[fact.value]) if fact.label in WORDED_LABELS and fact.value in WORDS else fact.value
    return _name(fact), inert(told), _(SOURCES[fact.source]).format(host=inert(fact.by or host, 60))


def surprise(transaction: str, told: Iterable[Fact]) -> None:
    """What a transaction came to otherwise than the node had foreseen."""
    heading = _("The transaction {transaction} came to something else than was foreseen:")
    console(stderr=True).print(Text(heading.format(transaction=inert(transaction)), style="bold yellow"))
    for fact in told:
        name, value, _source = words_of(fact, "")
        console(stderr=True).print(Text(f"! {name}: {value}"))


def word_reason(shown: Review) -> str:
    """Why a word has to be typed: the first caution that asks for one."""
    return _(CAUTIONS[next(caution for caution in shown.cautions if caution in WORDED)])


def _name(fact: Fact) -> str:
    name = _(LABELS[fact.label])
    return f"{name} {inert(fact.about, 80)}" if fact.about else name


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
        terminal.confirm_word(word_reason(shown), SIGN_WORD)
    terminal.confirm(question)


def qr(text: str) -> None:
    """As characters, for a camera; only where somebody looks."""
    if sys.stdout.isatty():
        segno.make(text, error="m").terminal(compact=True)
