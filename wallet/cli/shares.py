"""`tandem shares`: the phrase as shares for several people or places, any so many of which bring it back (SLIP-39)."""

from __future__ import annotations

import re
from pathlib import Path

import click

from wallet.backups import Shares
from wallet.cli import terminal
from wallet.cli.new_file import write_new
from wallet.cli.running import Json, Run, command
from wallet.cli.show import console, table
from wallet.cli.waiting import wait
from wallet.errors import InputMalformed, StateUnusable, TerminalNeeded, VaultMissing
from wallet.signing import VAULT_NAME, Signer
from wallet.texts import _

_GROUP = re.compile(r"([0-9]{1,2})of([0-9]{1,2})", re.ASCII)
_COLUMNS = 4


@command("shares", _("Write the phrase as shares, any so many of which bring it back (SLIP-39)."))
@click.option("--group", "groups", multiple=True, default=["2of3"], show_default=True, help=_("e.g. 2of3; may repeat"))
@click.option("--threshold", type=click.IntRange(1, 16), default=1, show_default=True, help=_("groups that are needed"))
@click.option("--passphrase", "with_passphrase", is_flag=True, help=_("ask for a passphrase of the shares"))
@click.option("--file", type=click.Path(path_type=Path), help=_("write the shares to this new file instead"))
def shares(run: Run, groups: tuple[str, ...], threshold: int, with_passphrase: bool, file: Path | None) -> None:
    wanted = [_group(text) for text in groups]
    if not (run.config.home / VAULT_NAME).exists():
        raise VaultMissing(str(run.config.home / VAULT_NAME))
    if file is None and (run.json or not terminal.is_there()):
        raise TerminalNeeded("shares")
    if file is not None and file.exists():
        raise StateUnusable(str(file), _("it is there already"))
    password = terminal.ask_password(run.config)
    passphrase = terminal.ask_twice(_("Passphrase of the shares: ")) if with_passphrase else ""

    async def made() -> Shares:
        async with Signer(run.config.home) as signer:
            return await signer.split(password, threshold, wanted, passphrase)

    _hand_out(run, wait(made()), wanted, threshold, file)


def _hand_out(run: Run, made: Shares, wanted: list[tuple[int, int]], threshold: int, file: Path | None) -> None:
    if file is not None:
        write_new(file, "\n".join(_lines(made, wanted)))
    else:
        _show(run, made, wanted)
    answer: Json = {
        "groups": [{"needed": needed, "shares": count} for needed, count in wanted],
        "threshold": threshold,
        "holds": made.holds,
        "language": made.language,
        "file": str(file) if file else None,
    }

    def tell() -> None:
        if file is not None:
            click.echo(_("The shares are in {path}: hand them out, then move it off this machine.").format(path=file))
        if made.language not in ("", "english"):
            click.echo(_("Note with them that the phrase is in: {language}.").format(language=made.language))
        click.echo(_("A passphrase of the phrase itself is not in them. `tandem drill --shares {holds}` tries them.")
                   .format(holds=made.holds))  # fmt: skip

    run.answer(answer, tell)


def _lines(made: Shares, wanted: list[tuple[int, int]]) -> list[str]:
    lines = []
    for number, (group, (needed, count)) in enumerate(zip(made.groups, wanted, strict=True), 1):
        lines.append(_("# group {number}: {needed} of {count} are needed").format(
            number=number, needed=needed, count=count
        ))  # fmt: skip
        lines += group
    return lines


def _show(run: Run, made: Shares, wanted: list[tuple[int, int]]) -> None:
    """One at a time, so that whoever takes one sees no other."""
    for number, (group, (needed, _count)) in enumerate(zip(made.groups, wanted, strict=True), 1):
        for place, share in enumerate(group, 1):
            words = [f"{n}. {word}" for n, word in enumerate(share.split(), 1)]
            rows = [words[start : start + _COLUMNS] for start in range(0, len(words), _COLUMNS)]
            title = _("Group {number} ({needed} needed): share {place} of {count}").format(
                number=number, needed=needed, place=place, count=len(group)
            )
            table([""] * _COLUMNS, [row + [""] * (_COLUMNS - len(row)) for row in rows], title=title, stderr=True)
            terminal.ask(_("Press Enter when it is written down; the screen is cleared then. "), "shares")
            console(stderr=True).clear()


def _group(text: str) -> tuple[int, int]:
    found = _GROUP.fullmatch(text)
    if found is None:
        raise InputMalformed("group", text[:20], "2of3 is an example")
    return int(found[1]), int(found[2])
