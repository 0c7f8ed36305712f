"""`tandem up`: the local client in a terminal, where what sites and programs ask is shown and answered as it comes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import termios
from typing import Any, NamedTuple

import click

from wallet import up as client
from wallet.approvals import SETTLE_SECONDS
from wallet.cli import terminal
from wallet.cli.approvals import policy_reason
from wallet.cli.failure import sentence
from wallet.cli.inert import inert
from wallet.cli.policy_words import KINDS, VERDICTS
from wallet.cli.relay import tell_reading
from wallet.cli.review_words import SIGN_WORD
from wallet.cli.rule_words import about
from wallet.cli.running import Run, command
from wallet.cli.show import facts, review, surprise, word_reason
from wallet.cli.waiting import wait
from wallet.errors import InputMalformed, VaultMissing, WalletError
from wallet.prompts import Passed, Shown
from wallet.signing import VAULT_NAME, Signer
from wallet.texts import _

_YES = ("y", "yes", "是", "好")
_ALWAYS = ("a", "always", "总是")


class Wanted(NamedTuple):
    """The password that a prompt waits for, and how the terminal was before."""

    always: bool
    before: list[Any]


@command(
    "up", _("Run the local client: your pages, and dApps that ask; you answer there, here or with `tandem approve`.")
)
@click.option("--token-approves", is_flag=True, help=_("let the control token approve (tests, automation)"))
@click.option(
    "--settle",
    type=click.FloatRange(0, SETTLE_SECONDS),
    default=SETTLE_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help=_("how long a prompt has stood before a yes counts; less only with --token-approves"),
)
def up(run: Run, token_approves: bool, settle: float) -> None:
    if settle < SETTLE_SECONDS and not token_approves:
        raise InputMalformed("settle", str(settle), "less than half a second is for --token-approves alone")
    if not (run.config.home / VAULT_NAME).exists():
        raise VaultMissing(str(run.config.home / VAULT_NAME))
    known = run.config.password_from_file()
    password = terminal.ask_password(run.config) if known is None and terminal.is_there() else known
    wait(_up(run, password, token_approves, settle))


async def _up(run: Run, password: str | None, token_approves: bool, settle: float) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    async with (
        Signer(run.config.home) as signer,
        client.opened(run.config, run.store, signer, token_approves=token_approves, settle_seconds=settle) as running,
    ):
        if password is not None:
            await signer.unlock(password)
        for network in [one for one in running.host.chains.known.values() if one.relayed][:1]:
            tell_reading(run, network)
        places = running.to_json() | {"ui": running.ui.new_link()}
        run.answer(places | {"unlocked": password is not None}, lambda: _say_ready(places, password))
        sys.stdout.flush()
        if run.json or not terminal.is_there():
            await stopped.wait()
            return
        screen = asyncio.create_task(Screen(running).work())
        await asyncio.wait([screen, asyncio.create_task(stopped.wait())], return_when=asyncio.FIRST_COMPLETED)
        screen.cancel()
        await asyncio.gather(screen, return_exceptions=True)


def _say_ready(places: dict[str, Any], password: str | None) -> None:
    click.echo(_("Your wallet, for five minutes and once: {ui}").format(**places))
    click.echo(_("dApps: {dapp} and {websocket}").format(**places))
    click.echo(_("Control: {control}").format(**places))
    if password is None:
        click.echo(_("The keys are locked: `tandem unlock` in another terminal."))
    if terminal.is_there():
        click.echo(_("What is asked appears here. e and Enter pairs the extension, Ctrl-C ends."))


class Screen:
    """The terminal of `tandem up`: one prompt at a time, answered by a line."""

    def __init__(self, running: client.Running) -> None:
        self._running, self._desk = running, running.host.desk
        self._changed = asyncio.Event()
        self._lines: asyncio.Queue[str] = asyncio.Queue()
        self._on_screen: Shown | None = None
        self._wanted: Wanted | None = None

    async def work(self) -> None:
        """Until cancelled, or the terminal is gone."""
        loop = asyncio.get_running_loop()
        self._desk.on_change = self._changed.set
        self._running.aftermath.on_surprise = lambda past: surprise(past.transaction, past.facts)
        self._desk.on_passed = tell_passed
        loop.add_reader(sys.stdin, self._read)
        try:
            while True:
                await self._turn()
        finally:
            self._forget_password()
            loop.remove_reader(sys.stdin)

    def _read(self) -> None:
        """Everything that is there: a line left in Python's own buffer would answer the next prompt."""
        typed = os.read(sys.stdin.fileno(), terminal.LINE_LENGTH_MAX)
        if not typed:
            asyncio.get_running_loop().remove_reader(sys.stdin)
        for line in typed.decode(errors="replace").splitlines():
            self._lines.put_nowait(line)

    async def _turn(self) -> None:
        """What is new is shown; or a line was typed."""
        shown = self._desk.shown()
        if shown != self._on_screen:
            self._forget_password()
            if self._on_screen is not None and shown is None:
                click.echo(_("(no longer asked)"), err=True)
            self._on_screen = shown
            if shown is not None:
                await self._show(shown)
        self._changed.clear()
        waits = [asyncio.create_task(self._changed.wait()), asyncio.create_task(self._lines.get())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if waits[1].done():
                await self._answer(str(waits[1].result()))
        finally:
            for one in waits:
                one.cancel()

    async def _show(self, shown: Shown) -> None:
        review(shown.review)
        await asyncio.sleep(SETTLE_SECONDS)
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
        while not self._lines.empty():
            self._lines.get_nowait()
        policy_reason(shown.to_json())
        self._question(shown)

    def _question(self, shown: Shown) -> None:
        if shown.review.needs_word:
            click.echo(word_reason(shown.review), err=True)
            click.echo(_("Type “{word}” to go on: ").format(word=SIGN_WORD), err=True, nl=False)
        elif shown.judgement.offer is not None:
            click.echo(_("Agree? (a: always, as narrow as this)") + " [y/N/a] ", err=True, nl=False)
        else:
            click.echo(_("Agree?") + " [y/N] ", err=True, nl=False)

    async def _answer(self, typed: str) -> None:
        shown, line = self._on_screen, typed.strip()
        if shown is None:
            if line == "e":
                code = self._running.pairing.show()
                click.echo(_("For the extension, within two minutes: {code}").format(code=f"{code[:3]} {code[3:]}"))
            return
        wanted = (SIGN_WORD,) if shown.review.needs_word else _YES
        always = line.lower() in _ALWAYS and shown.judgement.offer is not None and not shown.review.needs_word
        if self._wanted is not None:
            password, always = typed, self._wanted.always
            self._forget_password()
            await self._agree(shown, password, always)
        elif line.lower() in wanted or always:
            if always or shown.needs_password:
                self._want_password(shown, always)
            else:
                await self._agree(shown, "", False)
        else:
            self._decline(shown)

    def _decline(self, shown: Shown) -> None:
        try:
            self._desk.decline(shown.id)
        except WalletError as error:
            click.echo(sentence(error), err=True)
            return
        click.echo(_("Declined."), err=True)
        self._on_screen = None

    async def _agree(self, shown: Shown, password: str, always: bool) -> None:
        """A yes; what the signer refuses is said, and what is asked waits on."""
        try:
            await self._desk.approve(shown.id, "0x" + shown.review.digest.hex(), password, always=always)
        except WalletError as error:
            click.echo(sentence(error), err=True)
            self._on_screen = self._desk.shown() or shown  # a rule that came meanwhile may want the password
            self._question(self._on_screen)
            return
        click.echo(_("Agreed."), err=True)
        self._on_screen = None

    def _want_password(self, shown: Shown, always: bool) -> None:
        """The next line is the password, and is not shown."""
        if always and shown.judgement.offer is not None:
            facts(about(shown.judgement.offer))
        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)
        silent = [*before]
        silent[3] &= ~termios.ECHO
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, silent)
        self._wanted = Wanted(always, before)
        click.echo(_("Password: "), err=True, nl=False)

    def _forget_password(self) -> None:
        """What is typed is shown again."""
        if self._wanted is not None:
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._wanted.before)
            click.echo("", err=True)
            self._wanted = None


def tell_passed(passed: Passed) -> None:
    """A line for what a rule allowed or denied."""
    judgement = passed.judgement
    said = _(VERDICTS[judgement.verdict])
    what = _(KINDS[passed.review.kind]) if passed.review.kind in KINDS else passed.review.kind
    text = _("{said} by {rule}: {what}, asked by {who}")
    who = inert(passed.client.name or passed.client.key)
    click.echo(text.format(said=said, rule=judgement.rule, what=what, who=who), err=True)
