"""Asking the person: on a terminal only, and leaving a question (Ctrl-C, end of input) changes nothing."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
from collections.abc import Iterator
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

    return _answer(question).strip()


def ask_secret(question: str, what: str) -> str:
    """A line that the terminal does not show."""
    if not is_there():
        raise TerminalNeeded(what)
    with _unseen():
        return _answer(question)


def ask_password(config: Config) -> str:
    """The vault's password: from the file that the settings name, else asked."""
    known = config.password_from_file()
    return known if known is not None else ask_secret(_("Password: "), "password")


def ask_new_password(config: Config) -> str:
    """A password for a vault that is made now: asked twice, so that a mistyped one does not lock the person out."""
    known = config.password_from_file()
    if known is not None:
        return known
    return ask_twice(_("New password (at least 8 characters): "))


def ask_twice(question: str) -> str:
    """A secret that is made now, unseen."""
    while True:
        first = ask_secret(question, "password")
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


def _answer(question: str) -> str:
    try:
        with _interruptible() as woken:
            sys.stderr.write(question)
            sys.stderr.flush()
            # Waited for together with Ctrl-C: a signal that comes just before a blocking read would be lost in it.
            ready, _writable, _failed = select.select([sys.stdin, woken], [], [])
            if woken in ready:
                raise KeyboardInterrupt
            line = sys.stdin.readline(LINE_LENGTH_MAX)
            if not line:
                raise EOFError
            return line.removesuffix("\n")
    except (KeyboardInterrupt, EOFError):
        sys.stderr.write("\n")
        raise Declined from None


@contextmanager
def _interruptible() -> Iterator[int]:
    """Ctrl-C ends a question at once: an event loop would only cancel its task and go on waiting for the line.

    Gives the descriptor that becomes readable when a signal has come.
    """
    woken, wakes = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    waked = signal.set_wakeup_fd(wakes)
    try:
        yield woken
    finally:
        signal.set_wakeup_fd(waked)
        signal.signal(signal.SIGINT, before)
        os.close(woken)
        os.close(wakes)


@contextmanager
def _unseen() -> Iterator[None]:
    """What is typed is not shown."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    silent = [*before]
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSAFLUSH, silent)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
        sys.stderr.write("\n")
