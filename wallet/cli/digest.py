"""`tandem digest`: what another machine should show for the same document, before either of them signs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from wallet.cli.review_words import LABELS
from wallet.cli.running import Run, command
from wallet.cli.show import facts
from wallet.digest import Form, digests_of
from wallet.errors import InputMalformed
from wallet.texts import _

FILE_BYTES_MAX = 1024 * 1024


@command("digest", _("The digests of typed data, a transaction or a message, to compare on another machine."))
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--as", "form", type=click.Choice([form.value for form in Form]), default="auto", help=_("what the document is")
)
def digest(run: Run, file: Path | None, form: str) -> None:
    """Without a file, or with `-`, the document comes from stdin."""
    found = digests_of(_read(file), Form(form))
    digests = {label.value: value for label, value in found.rows}
    rows = [(_("Kind"), found.form.value), (_("Bytes"), str(found.length))]
    rows += [(_(LABELS[label]), value) for label, value in found.rows]
    run.answer({"kind": found.form, "bytes": found.length, **digests}, lambda: facts(rows))


def _read(file: Path | None) -> bytes:
    name = str(file or "-")
    try:
        if name == "-":
            document = sys.stdin.buffer.read(FILE_BYTES_MAX + 1)
        else:
            with Path(name).open("rb") as opened:
                document = opened.read(FILE_BYTES_MAX + 1)
    except OSError:
        raise InputMalformed("file", name, "the file cannot be read") from None
    if len(document) > FILE_BYTES_MAX:
        raise InputMalformed("file", name, "length")
    return document
