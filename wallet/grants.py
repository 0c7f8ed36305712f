"""What is kept of who may what: grants by client, the programs' names, the extensions' tokens (as hashes).

A process's grant lives in memory alone, and ends with the process.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from chain.errors import ChainError
from wallet.asking import Client, program_name
from wallet.errors import InputMalformed, StateUnusable
from wallet.permissions import Grant, Grants, without
from wallet.state import Document, Store

PROCESS_PREFIX = "process:"
PROGRAM_PREFIX = "program:"
_FILE, _EXTENSIONS = "grants", "extensions"


class GrantBook:
    """Grants, programs and extensions of one TANDEM_HOME. Writes through; raises StateUnusable, StateBusy."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.grants: Grants = {}
        self.programs: frozenset[str] = frozenset()
        self.read()

    def read(self) -> None:
        """What the files say now; processes keep theirs."""
        document = self._store.read(_FILE)
        kept = {key: grant for key, grant in self.grants.items() if key.startswith(PROCESS_PREFIX)}
        try:
            stored = {key: Grant.from_json(key, entry) for key, entry in document.get("clients", {}).items()}
            self.programs = frozenset(document.get("programs", {}))
        except (KeyError, TypeError, ValueError, AttributeError, ChainError):
            raise StateUnusable(str(self._store.path / f"{_FILE}.json"), "damaged") from None
        self.grants = {**stored, **kept}

    def replace(self, grants: Grants) -> None:
        """These and no others."""
        self.grants = dict(grants)
        stored = {k: grant.to_json() for k, grant in grants.items() if not k.startswith(PROCESS_PREFIX)}
        self._store.change(_FILE, lambda document: document.update(clients=stored))

    def pair(self, name: str, now: int) -> None:
        """A program may ask under this name from now on. Raises InputMalformed for what is no name."""
        program_name(name)

        def edit(document: Document) -> None:
            document.setdefault("programs", {}).setdefault(name, {"paired_at": now})

        self.programs = frozenset(self._store.change(_FILE, edit)["programs"])

    def unpair(self, name: str) -> None:
        def edit(document: Document) -> None:
            document.setdefault("programs", {}).pop(name, None)

        self.programs = frozenset(self._store.change(_FILE, edit)["programs"])

    def revoke(self, key: str) -> None:
        """Grant, program and extension of that key: whatever there is."""
        self.replace(without(self.grants, key))
        self.unpair(key.removeprefix(PROGRAM_PREFIX))
        self.drop_extension(key)

    # Extensions

    def extensions(self) -> Mapping[str, str]:
        """SHA-256 of the token, by the extension's origin."""
        return self._store.read(_EXTENSIONS)

    def keep_extension(self, origin: str, token: str) -> None:
        self._store.change(_EXTENSIONS, lambda document: document.update({origin: _hash(token)}))

    def drop_extension(self, origin: str) -> None:
        self._store.change(_EXTENSIONS, lambda document: document.pop(origin, None))

    def is_extension(self, origin: str, token: str) -> bool:
        """Is it the token that was given to that very origin?"""
        known = self.extensions().get(origin)
        return known is not None and hmac.compare_digest(known, _hash(token))


def program_document(name: str, port: int) -> dict[str, str]:
    """What `tandem pair NAME` answers."""
    place = f"127.0.0.1:{port}/p/{name}"
    return {"name": name, "url": f"http://{place}", "websocket": f"ws://{place}"}


def rows(book: GrantBook, processes: Mapping[str, Client]) -> list[dict[str, Any]]:
    """What `tandem grants` lists: clients with grants, programs and extensions without one too."""
    found: list[dict[str, Any]] = [{"client": key, **grant.to_json()} for key, grant in book.grants.items()]
    for row in found:
        row |= {"process": processes[row["client"]].to_json()["process"]} if row["client"] in processes else {}
    named = {row["client"] for row in found}
    found += [{"client": key, "accounts": []} for n in book.programs if (key := PROGRAM_PREFIX + n) not in named]
    found += [{"client": origin, "accounts": [], "extension": True} for origin in book.extensions()]
    return sorted(found, key=lambda row: str(row["client"]))


def grant_key(text: str, grants: Grants, programs: frozenset[str], extensions: Mapping[str, str]) -> str:
    """What `tandem grants revoke` names: an origin, a program's name, a process's key. Raises InputMalformed."""
    for key in (text, PROGRAM_PREFIX + text):
        if key in grants or key.removeprefix(PROGRAM_PREFIX) in programs or key in extensions:
            return PROGRAM_PREFIX + text if text in programs else key
    raise InputMalformed("grant", text[:80], "`tandem grants` lists those that there are")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
