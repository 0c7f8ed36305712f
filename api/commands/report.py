"""`report`: the trial balance and what a period earned, from the journal's own tables."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click
from sqlalchemy.ext.asyncio import AsyncConnection

from api.commands.output import answer, json_option
from api.database import open_database
from api.errors import SettingWrong
from api.migrations import pending
from api.settings import Settings
from api.texts import _
from fiat import history_report
from fiat.money import decimal_text
from fiat.period import period
from fiat.report import Earned, Income, TrialBalance, income_json, trial_balance_json

Read = TypeVar("Read")


@click.group(help=_("Reports: the trial balance, and what a period earned."))
def report() -> None:
    pass


@report.command("trial-balance", help=_("Debits and credits of all accounts, by currency. Status 1 if they differ."))
@json_option
def trial_balance(as_json: bool) -> None:
    found = reading(history_report.trial_balance)
    answer(trial_balance_json(found), as_json, *_trial_lines(found))
    sys.exit(0 if found.balances else 1)


@report.command("income", help=_("What fees and rounding brought in a period, by currency."))
@click.option("--from", "start", help=_("first day (2026-11-01), or a time in UTC"))
@click.option("--to", "end", help=_("last day, counted in, or a time in UTC"))
@json_option
def income_command(start: str | None, end: str | None, as_json: bool) -> None:
    first, after = period_of(start, end)
    found = reading(lambda conn: history_report.income(conn, first, after))
    answer(income_json(found), as_json, *_income_lines(found))


def period_of(start: str | None, end: str | None) -> tuple[int, int]:
    """Raises click's usage error."""
    try:
        return period(start, end)
    except ValueError as error:
        raise click.UsageError(_("--from and --to: {reason}").format(reason=error)) from None


def reading(read: Callable[[AsyncConnection], Awaitable[Read]]) -> Read:
    """What `read` finds in one snapshot of the database that the settings name. Raises SettingWrong."""
    return asyncio.run(_reading(Settings.from_environment(os.environ), read))


async def _reading(settings: Settings, read: Callable[[AsyncConnection], Awaitable[Read]]) -> Read:
    engine = open_database(settings.database_url, settings.database_password_file)
    try:
        if await pending(engine):
            raise SettingWrong("TANDEM_DATABASE_URL", "its schema is older than this program: tandem-server db upgrade")
        async with engine.connect() as conn:
            return await read(conn)
    finally:
        await engine.dispose()


def _trial_lines(found: TrialBalance) -> list[str]:
    lines = [_("As of record {sequence}.").format(sequence=found.sequence)]
    for total in found.totals:
        lines.append(total.currency)
        for row in found.rows:
            if row.currency == total.currency:
                debits, credited = (decimal_text(n, row.exponent) for n in (row.debits_posted, row.credits_posted))
                balance = decimal_text(row.balance_minor, row.exponent)
                lines.append(f"  {row.purpose:<24} {debits:>20} {credited:>20} {balance:>20}")
        debits, credited = (decimal_text(n, total.exponent) for n in (total.debits_posted, total.credits_posted))
        verdict = _("balanced") if total.balances else _("NOT BALANCED")
        name = _("total")
        lines.append(f"  {name:<24} {debits:>20} {credited:>20}  {verdict}")
    return lines


def _income_lines(found: Income) -> list[str]:
    lines = [_earned(row) for row in found.income]
    if found.conversions:
        lines.append(_("Liquidity changed by conversions, spread and fractions included:"))
        lines += [_earned(row) for row in found.conversions]
    for currency, (exponent, net) in found.totals.items():
        lines.append(_("Income {amount} {currency}").format(amount=decimal_text(net, exponent), currency=currency))
    return lines or [_("Nothing was earned in this period.")]


def _earned(row: Earned) -> str:
    net = decimal_text(row.net_minor, row.exponent)
    return f"  {row.currency:<6} {row.purpose:<24} {row.kind:<16} {row.entries:>8} {net:>20}"
