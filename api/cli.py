"""`tandem-server`: the operator's and the developer's program. Names the commands; each is loaded when it is called."""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

import click

from api.detail_words import detail_in_words
from api.entry_words import in_words
from api.texts import _

REFUSED, USAGE, DECLINED, NETWORK = 1, 2, 3, 4
_COMMANDS = {
    "serve": "api.commands.serve",
    "db": "api.commands.db",
    "devnet": "api.commands.devnet",
    "demo": "api.commands.demo",
    "officer": "api.commands.officer",
    "export": "api.commands.export",
    "erase": "api.commands.erase",
    "report": "api.commands.report",
    "deposits": "api.commands.deposits",
    "bank": "api.commands.bank",
    "reconcile": "api.commands.bank",
    "rates": "api.commands.rates",
    "treasury": "api.commands.treasury",
}
_DETAILED = {"BankFileMalformed", "OfficerDocumentMalformed", "DevnetCannot"}
_NETWORK_ERRORS = {"NodeUnreachable", "TransactionUnseen", "DevnetSlow"}


class Lazily(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _COMMANDS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = getattr(importlib.import_module(module), cmd_name)
        return command


@click.group(cls=Lazily, help=_("Tandem's server: the ledger, the one view of both sides, and local test chains."))
def commands() -> None:
    pass


def main() -> None:
    """Entry point. Exit status: 0 done, 1 refused, 2 usage, 3 declined by the person, 4 network."""
    if sys.flags.optimize:
        click.echo(_("python -O removes the program's own checks: run it without."), err=True)
        sys.exit(USAGE)
    try:
        sys.exit(commands.main(standalone_mode=False) or 0)
    except click.exceptions.Abort:
        sys.exit(DECLINED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except Exception as error:
        sys.exit(_refuse(error))


def _refuse(error: Exception) -> int:
    """Say what happened in a sentence, or as JSON where that was asked for; the exit status."""
    name = type(error).__name__
    given = getattr(error, "fields", None)
    fields: Any = given() if callable(given) else given if isinstance(given, dict) else vars(error)
    facts = {fact: str(value) for fact, value in fields.items() if not fact.startswith("_")}
    if "--json" in sys.argv:
        click.echo(json.dumps({"error": name, **facts}))
    else:
        if "rule" in facts:
            facts["rule"] = in_words(facts["rule"])
        if name in _DETAILED:
            facts |= {fact: detail_in_words(value) for fact, value in facts.items()}
        click.echo(_sentence(name).format_map(_Given(facts, what=str(error) or name)), err=True)
    return NETWORK if name in _NETWORK_ERRORS else REFUSED


class _Given(dict[str, str]):
    """The error's facts; one that a sentence names and the error lacks is shown as a question mark."""

    def __init__(self, facts: dict[str, str], what: str) -> None:
        super().__init__(facts, what=what)

    def __missing__(self, key: str) -> str:
        return "?"


def _sentence(name: str) -> str:
    """What to tell about an error of that name; its facts stand in braces."""
    sentences = {
        "SettingWrong": _("{name}: {reason}."),
        "JournalBroken": _("The journal is not as it must be (record {sequence}): {reason}. Nothing was changed."),
        "BankFileMalformed": _("The file cannot be used: {place}: {reason}. Nothing was changed."),
        "StatementTooLong": _("More than {lines_max} entries are in this period: take a shorter one."),
        "JournalUnsafe": _(
            "PostgreSQL runs with {setting}={value} and may lose what was acknowledged: turn it on and start again."
        ),
        "EntryRefused": _("The ledger refused this: {rule}. Nothing was written."),
        "NotFound": _("There is nobody and no record of that name or number. Nothing was written."),
        "CurrencyUnknown": _("{code} is no currency of this ledger. Nothing was written."),
        "AmountMalformed": _("“{text}” is no amount: write plain digits with one point, such as 12.50."),
        "AmountNotPositive": _("The amount has to be above zero, not {text}."),
        "AmountTooPrecise": _("{text} has too many decimals: {currency} has {decimals}."),
        "AmountTooLarge": _("{text} is more than one entry can move."),
        "ReservesExceeded": _(
            "Refused: people would be credited {people_minor} against recorded reserves of {reserves_minor}"
            " (minor units of {currency}). Nothing was written."
        ),
        "NonceConflict": _(
            "A paper with this nonce was posted before, and this one differs from it. Nothing was written."
        ),
        "OrderExpired": _("This was signed too long ago: sign it again."),
        "JournalBusy": _("The ledger is busy; nothing was written. Try again."),
        "OfficerKeyRefused": _("The key file was refused: {reason}."),
        "OfficerDocumentMalformed": _("This is no paper of officers as this program writes them: {reason}."),
        "NodeUnreachable": _("No node answers at {url}. Start one (tandem-server devnet up) or set TANDEM_CHAIN_RPC."),
        "WrongChain": _("The node is on chain {actual}, not on {expected}: set TANDEM_CHAIN_RPC to another one."),
        "FundingRefused": _("This transaction brought the treasury nothing that can be booked: {reason}."),
        "TreasuryExists": _("There is a treasury in {folder} already; nothing was changed."),
        "TreasuryMissing": _("There is no treasury in {folder}: make one with tandem-server treasury init."),
        "TreasuryLost": _("The treasury's process does not do what it should: {reason}."),
        "DevnetMissing": _(
            "{program} is not installed: make setup does it here; elsewhere docs/testing-with-tandem.md says how."
        ),
        "DevnetDied": _("{program} ended by itself: {output}"),
        "DevnetCannot": _("The test chain cannot do this: it {reason}."),
        "DevnetSlow": _("{program} did not answer within {waited_seconds} seconds."),
        "DevAccountMissing": _("This node does not sign for the developers' account {account}: it is no test chain."),
        "DevAccountUnfunded": _("The developers' account {account} has too few coins on this chain."),
        "DemoContractMissing": _("The demo contract {name} is not on this chain: run tandem-server devnet up."),
    }
    return sentences.get(name, name + ": {what}")
