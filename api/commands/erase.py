"""`erase`: the texts that a person was shown with their orders go, with their salts; every proof stays valid."""

from __future__ import annotations

import asyncio

import click

from api.commands.opening import database, open_journal
from api.commands.output import answer, confirm, json_option
from api.erasure import Erasure, erasure
from api.texts import _

_AT_ONCE = 500


@click.command(
    help=_(
        "Erase the texts beside the orders of PERSON (@handle or holder id): payees' names, purposes, destinations."
        " Every proof stays valid. It cannot be undone."
    )
)
@click.argument("person")
@click.option("--record", type=click.IntRange(1, 2**63 - 1), help=_("only those of the order in this record"))
@click.option("--yes", is_flag=True, help=_("do not ask"))
@json_option
def erase(person: str, record: int | None, yes: bool, as_json: bool) -> None:
    found = asyncio.run(_find(person, record))
    facts = {"holder": "0x" + found.holder.hex(), "handle": found.handle, "count": len(found.hashes)}
    kept = _("{count} stay: withdrawals that are not paid yet need them. Erase again later.").format(count=found.kept)
    notes = [kept] if found.kept else []
    if found.hashes:
        ask = _("{count} texts beside the orders of @{handle} ({holder}) would be erased for ever.").format(**facts)
        confirm([ask, *notes], yes)
        asyncio.run(_erase(found))
    said = _("Erased {count} texts beside the orders of @{handle}.").format(**facts)
    document = {"holder": facts["holder"], "handle": found.handle, "erased": len(found.hashes), "kept": found.kept}
    answer(document, as_json, said, *notes)


async def _find(person: str, record: int | None) -> Erasure:
    async with database() as (_settings, engine), engine.connect() as conn:
        return await erasure(conn, person, record)


async def _erase(found: Erasure) -> None:
    async with open_journal() as (_engine, journal):
        for at in range(0, len(found.hashes), _AT_ONCE):
            await journal.erase_texts(found.hashes[at : at + _AT_ONCE])
