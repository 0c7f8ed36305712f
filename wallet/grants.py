"""What is kept of who may what: grants by client, the programs' names, the extensions' tokens (as hashes).

A process's grant lives in memory alone, and ends with the process.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from chain.errors import ChainError
from wallet.asking import program_name
from wallet.errors import InputMalformed, StateUnusable
from wallet.permissions import Grant, Grants
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


def grant_key(text: str, grants: Grants, programs: frozenset[str], extensions: Mapping[str, str]) -> str:
    """What `tandem grants revoke` names: an origin, a program's name, a process's key. Raises InputMalformed."""
    for key in (text, PROGRAM_PREFIX + text):
        if key in grants or key.removeprefix(PROGRAM_PREFIX) in programs or key in extensions:
            return PROGRAM_PREFIX + text if text in programs else key
    raise InputMalformed("grant", text[:80], "`tandem grants` lists those that there are")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
