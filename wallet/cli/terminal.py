"""Asking the person: on a terminal only, and leaving a question (Ctrl-C, end of input) changes nothing."""

from __future__ import annotations

import getpass
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from wallet.cli.inert import inert
from wallet.config import Config
from wallet.errors import Declined, TerminalNeeded
from wallet.texts import _

LINE_LENGTH_MAX = 4096


def is_there() -> bool:
    """Is a person at the other end?"""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str, what: str) -> str:
    """One line. `what` names what was asked for where nobody is there. Raises TerminalNeeded, Declined."""
    if not is_there():
        raise TerminalNeeded(what)

    def read() -> str:
        sys.stderr.write(question)
        sys.stderr.flush()
        line = sys.stdin.readline(LINE_LENGTH_MAX)
        if not line:
            raise EOFError
        return line.strip()

    return _answer(read)


def ask_secret(question: str, what: str) -> str:
    """A line that the terminal does not show."""
    if not is_there():
        raise TerminalNeeded(what)
    return _answer(lambda: getpass.getpass(question, stream=sys.stderr))


def ask_password(config: Config) -> str:
    """The vault's password: from the file that the settings name, else asked."""
    known = config.password_from_file()
    return known if known is not None else ask_secret(_("Password: "), "password")


def ask_new_password(config: Config) -> str:
    """A password for a vault that is made now: asked twice, so that a mistyped one does not lock the person out."""
    known = config.password_from_file()
    if known is not None:
        return known
    while True:
        first = ask_secret(_("New password (at least 8 characters): "), "password")
        if first == ask_secret(_("The same again: "), "password"):  # both were typed by the same person just now
            return first
        sys.stderr.write(_("They differ. Once more.") + "\n")


def confirm(question: str) -> None:
    """y or yes goes on; anything else is a no. Raises Declined, TerminalNeeded."""
    if ask(f"{question} [y/N] ", "confirmation").lower() not in ("y", "yes", "是", "好"):
        raise Declined


def confirm_word(reason: str, word: str) -> None:
    """A risk is taken only by typing a word. Raises Declined, TerminalNeeded."""
    sys.stderr.write(inert(reason, 400) + "\n")
    if ask(_("Type “{word}” to go on: ").format(word=word), "word") != word:
        raise Declined


def _answer(read: Callable[[], str]) -> str:
    try:
        with _interruptible():
            return read()
    except (KeyboardInterrupt, EOFError):
        sys.stderr.write("\n")
        raise Declined from None


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends a question at once: an event loop would only cancel its task and go on waiting for the line."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
