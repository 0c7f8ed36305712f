"""When each client that was granted something last asked, by the minute: the person sees what they still use."""

from __future__ import annotations

from collections.abc import Container

from wallet.grants import PROCESS_PREFIX
from wallet.state import Store

MINUTE = 60
_FILE = "uses"


class Uses:
    """Kept in `uses.json`; no secret. Times in Unix seconds."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._at = {key: at for key, at in store.read(_FILE).items() if type(at) is int}
        self._is_new = False

    def last(self, key: str) -> int | None:
        return self._at.get(key)

    def touch(self, key: str, now: int) -> None:
        """It asks now. Written by `keep`, and at most once a minute a client."""
        if now - self._at.get(key, 0) >= MINUTE:
            self._at[key] = now
            self._is_new = True

    def keep(self, granted: Container[str]) -> None:
        """Of those that have a grant, and outlive this client. Raises StateUnusable, StateBusy."""
        if self._is_new:
            self._at = {key: at for key, at in self._at.items() if key in granted}
            kept = {key: at for key, at in self._at.items() if not key.startswith(PROCESS_PREFIX)}
            self._store.put(_FILE, kept)
            self._is_new = False
