"""The demo: alice and bob play the main job on a fresh stage, step by step, and every step is checked.

It drives `tandem` as a separate process, as a person would. It ends with status 0 only if every balance on the way is
the one that the story says; the first thing that is not as it should be ends it with status 1.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shlex
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

from api.errors import StageFailed
from api.stage import Person, Stage, open_stage
from api.texts import _

PAID_IBAN = "iban:DE89370400440532013000"
RETURNED_IBAN = "iban:DE94370400440532010000"
"""The sandbox bank sends back what goes to an account whose number ends in 0000."""

ETHER_FUNDED = "5"
WAIT_SECONDS_MAX = 60
KEPT_FOLDERS_MAX = 5
IN_USE = "in-use"
"""A file that a running demo keeps locked."""


@dataclass(slots=True)
class Story:
    """One play: what is said goes to `console`, what is done to the stage."""

    stage: Stage
    console: Console
    steps: int = 0
    alice: Person = field(init=False)
    bob: Person = field(init=False)

    def __post_init__(self) -> None:
        self.alice, self.bob = self.stage.person("alice"), self.stage.person("bob")

    def step(self, text: str) -> None:
        self.steps += 1
        self.console.print()
        self.console.print(Rule(style="cyan"))
        self.console.print(Text(f"{self.steps}. {text}", style="bold cyan"))

    async def show(self, person: Person, *arguments: str) -> None:
        """Run a command in front of the reader: what was typed, what came back. Raises StageFailed."""
        line = Text.assemble((f"{person.name} $ ", "bold green"), ("tandem " + " ".join(arguments), "bold"))
        self.console.print(line, soft_wrap=True)
        settings = {"FORCE_COLOR": "1"} if self.console.is_terminal else {}
        done = await person.tandem(*arguments, **settings)
        # What went to stderr is the review and its notes: a person sees those before the answer.
        self.console.print(Text.from_ansi((done.stderr + done.stdout).rstrip()), soft_wrap=True)
        if done.status != 0:
            raise StageFailed(f"{person.name}: tandem {' '.join(arguments)}", f"status {done.status}")

    async def until(self, what: str, reached: Callable[[], Awaitable[bool]]) -> None:
        """Wait with words for something that happens by itself. Raises StageFailed after a minute."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        with self.console.status(what):
            while not await reached():
                if time.monotonic() > deadline:
                    raise StageFailed(what, "did not happen within a minute")
                await asyncio.sleep(0.2)
        self.console.print(Text(f"  {what} ✓", style="dim"))

    async def amounts(self, person: Person) -> dict[str, Decimal]:
        """What a person has, by asset, as `tandem balance --json` says it."""
        view = await person.ask("balance", "--in", "EUR")
        return {position["asset"]: Decimal(position["amount"]) for position in view["positions"]}

    async def expect(self, person: Person, asset: str, amount: str) -> None:
        """The person's balance becomes exactly that. Raises StageFailed."""

        async def reached() -> bool:
            return (await self.amounts(person)).get(asset, Decimal(0)) == Decimal(amount)

        await self.until(_("{name} has {amount} {asset}").format(name=person.name, amount=amount, asset=asset), reached)


async def play(story: Story) -> None:
    """The main job. Raises StageFailed at the first thing that is not as it should be."""
    await make_wallets(story)
    await move_fiat(story)
    await move_tokens(story)
    await show_both_views(story)


async def make_wallets(story: Story) -> None:
    story.step(_("Two people make wallets; the recovery phrase stays in each person's own folder"))
    for person in (story.alice, story.bob):
        await story.show(person, "init", "--light", "--phrase-file", str(person.home.with_suffix(".phrase")))
    story.step(_("Both register with their wallet's own signature, without any password at the server"))
    for person in (story.alice, story.bob):
        await story.show(person, "register", person.name, "--yes")
    story.step(_("The developer's faucet gives both some ether and demo dollars on the local chain"))
    for person in (story.alice, story.bob):
        address = (await person.ask("accounts"))["accounts"][0]["address"]
        done = await story.stage.operate("devnet", "fund", address, "--eth", ETHER_FUNDED, "--dusd", "100")
        if done.status != 0:
            raise StageFailed("tandem-server devnet fund", done.stdout + done.stderr)
        story.console.print(f"{person.name}: {address} + {ETHER_FUNDED} ETH, 100 DUSD")
        await story.expect(person, "DUSD", "100")


async def move_fiat(story: Story) -> None:
    alice, bob = story.alice, story.bob
    story.step(_("Alice tops up 250.00 EUR through the sandbox gateway"))
    await story.show(alice, "topup", "250.00", "EUR")
    await story.expect(alice, "EUR", "250")
    story.step(_("Alice sends 40.00 EUR to @bob: an order that her key signs and the ledger answers with a receipt"))
    payee = await payee_of(story, bob)
    await story.show(alice, "send", "40.00", "EUR", payee, "--memo", _("lunch"), "--yes")
    await story.expect(bob, "EUR", "40")
    story.step(_("Alice withdraws 20.00 EUR: accepted, then paid"))
    await story.show(alice, "withdraw", "20.00", "EUR", "--to", PAID_IBAN, "--yes")
    await withdrawal_becomes(story, "paid")
    story.step(_("Another withdrawal of 15.00 EUR comes back from the bank and is credited again"))
    await story.show(alice, "withdraw", "15.00", "EUR", "--to", RETURNED_IBAN, "--yes")
    await withdrawal_becomes(story, "returned")
    await story.expect(alice, "EUR", "190")


async def payee_of(story: Story, person: Person) -> str:
    """`@handle#fingerprint`: what the payee reads out to whoever pays for the first time."""
    card = await person.ask("receive", "EUR")
    return f"@{card['handle']}#{card['fingerprint'].replace(' ', '')}"


async def withdrawal_becomes(story: Story, state: str) -> None:
    async def reached() -> bool:
        items = (await story.alice.ask("activity", "--limit", "5"))["items"]
        newest = next(item for item in items if item["kind"] == "withdrawal")
        return bool(newest["state"] == state)

    said = {"paid": _("the withdrawal is paid"), "returned": _("the withdrawal has come back")}
    await story.until(said[state], reached)


async def move_tokens(story: Story) -> None:
    alice, bob = story.alice, story.bob
    story.step(_("Alice sends 0.25 ETH and 30 DUSD to @bob: on the chain, from her own keys"))
    payee = await payee_of(story, bob)
    await story.show(alice, "send", "0.25", "ETH", payee, "--yes")
    await story.show(alice, "send", "30", "DUSD", payee, "--yes")
    await story.expect(bob, "ETH", "5.25")
    await story.expect(bob, "DUSD", "130")
    await story.expect(alice, "DUSD", "70")


async def show_both_views(story: Story) -> None:
    for person in (story.alice, story.bob):
        story.step(_("{name}: one table for everything").format(name=person.name.capitalize()))
        await story.show(person, "balance", "--in", "EUR")
        await story.show(person, "activity")
    final = await story.alice.ask("activity")
    kinds = sorted({item["kind"] for item in final["items"]})
    if not {"topup", "transfer", "withdrawal", "chain_transfer"} <= set(kinds):
        raise StageFailed("tandem activity", f"shows only {kinds}")


def closing(stage: Stage) -> Panel:
    """What there is to see while the demo stays up."""
    lines = [
        (_("Server"), f"{stage.server_url}/v1/health"),
        (_("API, described"), f"{stage.server_url}/openapi.json"),
        (_("Chain (JSON-RPC)"), stage.chain_url),
        (_("Folder"), str(stage.folder)),
    ]
    width = max(len(name) for name, _value in lines)
    text = Text("\n".join(f"{name:<{width}}  {value}" for name, value in lines))
    text.append(
        "\n\n" + _("Everything here is a demo on this machine: no real money, no real network."), style="yellow"
    )
    return Panel(text, title=_("Tandem is up"), border_style="green", expand=False)


def be_alice(stage: Stage) -> str:
    """Lines to paste into another terminal: without a frame, one setting a line, so that they survive the copying."""
    settings = stage.people["alice"].environment
    exports = [f"export {name}={shlex.quote(settings[name])}" for name in sorted(settings) if name.startswith("TANDEM")]
    pages = ".venv/bin/tandem lock; .venv/bin/tandem up"  # prints a link that opens alice's pages
    return "\n".join([*exports, ".venv/bin/tandem balance --in EUR", pages])


async def run_demo(root: Path, chain: str, *, stay: bool, quiet: bool = False) -> int:
    """Play in a fresh folder below `root`; stay until Ctrl-C where asked. Returns the exit status.

    `quiet` keeps stdout free: what is said goes to stderr. Raises ChainError: a chain that is down or without funds.
    """
    console = Console(highlight=False, stderr=quiet)
    console.print(_("Starting a local chain and the server ..."))
    try:
        with fresh_folder(root) as folder:
            await _played(folder, chain, console, stay=stay)
    except StageFailed as failed:
        console.print(_("Not as it should be: {command}").format(command=failed.fields["command"]), style="bold red")
        console.print(str(failed.fields["output"]), markup=False)
        return 1
    return 0


async def _played(folder: Path, chain: str, console: Console, *, stay: bool) -> None:
    async with open_stage(folder, chain) as stage:
        story = Story(stage, console)
        started = time.monotonic()
        await play(story)
        console.print()
        seconds = int(time.monotonic() - started)
        console.print(_("Every step was as it should be ({seconds} s).").format(seconds=seconds), style="bold green")
        if stay:
            console.print(closing(stage))
            console.print(_("Be alice in another terminal:"), style="bold")
            console.print(be_alice(stage), soft_wrap=True, markup=False)
            console.print(_("Ctrl-C ends everything."))
            await asyncio.Event().wait()


@contextmanager
def fresh_folder(root: Path) -> Iterator[Path]:
    """A new folder for this run, held while it lasts; of the older ones the last few, and those in use, are kept."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    older = sorted(path for path in root.iterdir() if path.is_dir())
    for path in older[: max(0, len(older) - KEPT_FOLDERS_MAX + 1)]:
        if not _in_use(path):
            shutil.rmtree(path)
    folder = root / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    folder.mkdir(mode=0o700)
    with (folder / IN_USE).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield folder


def _in_use(folder: Path) -> bool:
    """Does a demo that still runs hold it?"""
    try:
        with (folder / IN_USE).open("r") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
