"""`deposits`: what is held or to be sent back, what vanished after it was final, and what becomes of it.

It writes decisions; the running server carries them out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import click
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncEngine

from api.auth import rfc3339
from api.commands.opening import database
from api.commands.output import answer, confirm, json_option
from api.currencies import CURRENCIES
from api.deposit_holds import cases, close_case, held, refunded_by, released, to_return
from api.deposit_rows import Deposit
from api.deposits import Stage
from api.errors import NotFound
from api.fields import spelled
from api.texts import _
from chain.token import Token, TokenAmount
from fiat.money import decimal_text


@click.group(help=_("Tokens that came to the treasury: what is held, what is to be sent back, and cases."))
def deposits() -> None:
    pass


@deposits.command("list", help=_("What waits for a decision, and the open cases."))
@json_option
def list_command(as_json: bool) -> None:
    async def look(engine: AsyncEngine) -> tuple[list[Deposit], list[RowMapping]]:
        return await held(engine), await cases(engine)

    waiting, opened = asyncio.run(_with(look))
    lines = [_("{id} {amount} {asset} from {from}: {stage}, {reason}").format(**_row(each)) for each in waiting]
    lines += [_("case {id}: {amount} {asset} vanished after they were credited").format(**_case(c)) for c in opened]
    document = {"deposits": [_row(each) for each in waiting], "cases": [_case(each) for each in opened]}
    answer(document, as_json, *(lines or [_("Nothing is held, and no case is open.")]))


@deposits.command("release", help=_("Credit a held deposit after all, at the rate of the moment."))
@click.argument("deposit")
@click.option("--to", "handle", default=None, help=_("whom to credit, where its sender is nobody's: a handle"))
@click.option("--currency", default="EUR", show_default=True, type=click.Choice(list(CURRENCIES)))
@click.option("--yes", is_flag=True, help=_("do not ask"))
@json_option
def release(deposit: str, handle: str | None, currency: str, yes: bool, as_json: bool) -> None:
    name = None if handle is None else handle.removeprefix("@")
    confirm(
        [_("Deposit {id} would be credited to {to}.").format(id=deposit, to=handle or _("its sender's owner"))], yes
    )
    _decide(lambda engine: released(engine, _id(deposit), name, currency, time.time_ns()), as_json)


@deposits.command("return", help=_("Have a held deposit sent back; --transaction names the one that does."))
@click.argument("deposit")
@click.option("--transaction", default=None, help=_("the hash of the treasury's transaction that sent it back"))
@click.option("--yes", is_flag=True, help=_("do not ask"))
@json_option
def return_command(deposit: str, transaction: str | None, yes: bool, as_json: bool) -> None:
    confirm([_("Deposit {id} would be sent back, and not credited.").format(id=deposit)], yes)

    async def decide(engine: AsyncEngine) -> Deposit | None:
        found = await to_return(engine, _id(deposit), time.time_ns())
        if transaction is None:
            return found
        return await refunded_by(engine, _id(deposit), _id(transaction), time.time_ns())

    _decide(decide, as_json)


@deposits.command("close", help=_("Close a case: its asset is exchanged and sent again once no other one is open."))
@click.argument("case")
@click.option("--yes", is_flag=True, help=_("do not ask"))
@json_option
def close(case: str, yes: bool, as_json: bool) -> None:
    confirm([_("Case {id} would be closed. The loss stays in the operator's reorg_loss.").format(id=case)], yes)
    if not asyncio.run(_with(lambda engine: close_case(engine, _id(case), time.time_ns()))):
        raise NotFound("case")
    answer({"case": case, "state": "closed"}, as_json, _("Closed."))


def _decide(decide: Callable[[AsyncEngine], Awaitable[Deposit | None]], as_json: bool) -> None:
    found = asyncio.run(_with(decide))
    if found is None:
        raise NotFound("deposit")
    row = _row(found)
    said = _("Written down: the server credits it.")
    if found.stage is Stage.RETURNING:
        said = _("Written down: send {amount} {asset} from the treasury to {from}, and name the transaction here.")
        if found.refund is not None:
            said = _("Written down: the server looks for that transaction until it is final.")
    answer(row, as_json, said.format(**row))


async def _with(work: Callable[[AsyncEngine], Awaitable[Any]]) -> Any:
    async with database() as (_settings, engine):
        return await work(engine)


def _id(text: str) -> bytes:
    try:
        value = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        value = b""
    if len(value) != 32:
        raise click.UsageError(_("This is 0x and 64 digits."))
    return value


def _row(deposit: Deposit) -> dict[str, Any]:
    units = deposit.units if deposit.arrived is None else deposit.arrived
    token = Token(deposit.chain_id, deposit.token, deposit.asset, deposit.asset, deposit.decimals)
    return {
        "id": spelled(deposit.id),
        "asset": deposit.asset,
        "amount": TokenAmount(units, token).format(),
        "from": deposit.sender,
        "stage": deposit.stage,
        "reason": deposit.reason,
        "final": deposit.received_minor is not None,
        "transaction": spelled(deposit.transaction),
        "holder": None if deposit.holder is None else spelled(deposit.holder),
        "since": rfc3339(deposit.updated_at),
    }


def _case(row: RowMapping) -> dict[str, Any]:
    return {
        "id": spelled(row["id"]),
        "asset": row["asset"],
        "amount": decimal_text(row["minor"], row["exponent"]),
        "deposit": spelled(row["deposit"]),
        "opened_at": rfc3339(row["opened_at"]),
        "regained": row["regained_at"] is not None,
    }
