"""Files that a command makes: new ones, for this user alone."""

from __future__ import annotations

import os
from pathlib import Path

from wallet.errors import StateUnusable


def write_new(file: Path, text: str) -> None:
    """A new file that only this user reads. Raises StateUnusable."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text + "\n")
            opened.flush()
            os.fsync(descriptor)
    except OSError as error:
        raise StateUnusable(str(file), error.strerror or "") from None
