"""The log of decisions: lines that are only ever added, each holding the hash of the one before. Pure.

A line is one JSON object. `hash` is SHA-256 over the rest of it, `previous` among that, so that a line which is
changed, left out or moved breaks the chain for every reader; `tag` is the signer's own over the hash, which a program
without the vault's key cannot make. A last line without its end was being written when the machine stopped: it is left
out.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chain.errors import JsonMalformed
from chain.strict_json import parse

BEGINNING = "0" * 64
LINE_BYTES_MAX = 64 * 1024
_OWN = ("hash", "tag")

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Checked:
    """`entries` whose line is whole, oldest first; `faults` are the numbers of lines (from 1) that break the chain."""

    entries: tuple[Entry, ...]
    faults: tuple[int, ...]
    is_torn: bool


def line_of(entry: Entry, last: Entry | None, key: bytes) -> bytes:
    """With its number, the hash of the entry before, its own hash and the signer's tag."""
    number, previous = (int(last["n"]) + 1, str(last["hash"])) if last else (1, BEGINNING)
    body = {**entry, "n": number, "previous": previous}
    found = _hash(body)
    tag = hmac.digest(key, found.encode(), "sha256").hex()
    return json.dumps({**body, "hash": found, "tag": tag}, separators=(",", ":"), sort_keys=True).encode() + b"\n"


def read_line(line: bytes) -> Entry | None:
    """The entry, if the line holds its own hash."""
    try:
        entry = parse(line, LINE_BYTES_MAX)
    except JsonMalformed:
        return None
    if not isinstance(entry, dict) or type(entry.get("n")) is not int or not isinstance(entry.get("previous"), str):
        return None
    body = {name: value for name, value in entry.items() if name not in _OWN}
    return entry if entry.get("hash") == _hash(body) and isinstance(entry.get("tag"), str) else None


def is_own(entry: Entry, key: bytes) -> bool:
    """Was it written by a signer that has this key?"""
    tag = hmac.digest(key, str(entry["hash"]).encode(), "sha256").hex()
    return hmac.compare_digest(str(entry["tag"]), tag)


def check(content: bytes) -> Checked:
    """Of a whole log, oldest line first. The first line that is left may follow others that were rotated away."""
    *lines, rest = content.split(b"\n")
    entries: list[Entry] = []
    faults: list[int] = []
    last: Entry | None = None
    for number, line in enumerate(lines, 1):
        entry = read_line(line)
        if entry is None or (last is not None and not _follows(entry, last)):
            faults.append(number)
        if entry is not None:
            entries.append(entry)
            last = entry
    return Checked(tuple(entries), tuple(faults), bool(rest))


def requests_of(entries: Iterable[Entry]) -> list[Entry]:
    """Entries that hold a request, for trying other rules on them."""
    return [entry for entry in entries if isinstance(entry.get("request"), dict)]


def _follows(entry: Entry, last: Entry) -> bool:
    return bool(entry["n"] == last["n"] + 1 and entry["previous"] == last["hash"])


def _hash(body: Entry) -> str:
    return hashlib.sha256(json.dumps(body, separators=(",", ":"), sort_keys=True).encode()).hexdigest()
