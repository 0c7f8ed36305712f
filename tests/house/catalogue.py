"""The message catalogues: extract every text, keep its translation, compile. `make texts` runs this file.

tests/house/catalogue.py            write <package>/locale/zh/LC_MESSAGES/tandem.{po,mo}
"""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("wallet", "api")
KEYWORDS = {"_": None, "N_": None}
# click words these itself, through the same catalogue (wallet/texts.py).
CLICK = (
    "Usage:",
    "Options",
    "Commands",
    "Show this message and exit.",
    "Missing argument",
    "Missing option",
    "Missing parameter",
    "Missing command.",
    "No such option {name!r}.",
    "No such command {name!r}.",
    "Invalid value: {message}",
    "Invalid value for {param_hint}: {message}",
    "default: {default}",
    "required",
    "Option {name!r} requires an argument.",
    "Choose from:\n\t{choices}",
    "Got unexpected extra argument ({args})",
    "Got unexpected extra arguments ({args})",
    "{value!r} is not one of {choices}.",
    "{value!r} is not a valid {number_type}.",
    "{value} is not in the range {range}.",
)
NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)


def folder(root: Path, package: str) -> Path:
    return root / package / "locale" / "zh" / "LC_MESSAGES"


def texts_of(root: Path, package: str) -> set[str]:
    """Every text that the package's source marks, in Python and in the pages' templates."""
    found = extract_from_dir(str(root / package), [("**.py", "python"), ("**.html", "jinja2")], keywords=KEYWORDS)
    texts = {str(message) for _file, _line, message, _comments, _context in found}
    return texts | (set(CLICK) if package == "wallet" else set())


def translations(root: Path, package: str) -> dict[str, str]:
    """What the catalogue has, by text."""
    path = folder(root, package) / "tandem.po"
    if not path.exists():
        return {}
    with path.open("rb") as file:
        return {str(m.id): str(m.string) for m in read_po(file, locale="zh") if m.id}


def catalogue(texts: set[str], translated: dict[str, str]) -> Catalog:
    made = Catalog(
        locale="zh", domain="tandem", project="Tandem", version="1", charset="utf-8", fuzzy=False,
        creation_date=NO_DATE, revision_date=NO_DATE, header_comment="# Made by `make texts`; fill in msgstr by hand.",
    )  # fmt: skip
    for text in sorted(texts):
        made.add(text, translated.get(text, ""), flags=["python-brace-format"] if "{" in text else [])
    return made


def compiled(made: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_mo(buffer, made)
    return buffer.getvalue()


def main() -> int:
    untranslated = 0
    for package in PACKAGES:
        texts = texts_of(ROOT, package)
        if not texts:
            continue
        made = catalogue(texts, translations(ROOT, package))
        target = folder(ROOT, package)
        target.mkdir(parents=True, exist_ok=True)
        with (target / "tandem.po").open("wb") as file:
            write_po(file, made, width=110, sort_output=True, no_location=True)
        (target / "tandem.mo").write_bytes(compiled(made))
        empty = [m.id for m in made if m.id and not m.string]
        untranslated += len(empty)
        sys.stdout.write(f"{package}: {len(texts)} texts, {len(empty)} without zh\n")
    return 1 if untranslated else 0


if __name__ == "__main__":
    sys.exit(main())
