"""The signed heads that the client keeps of its account: the last one, and a bounded log of those before it."""

from __future__ import annotations

from wallet.heads import Kept
from wallet.state import Document, Folder

HEADS_MAX = 64
"""Of the log; the oldest go first."""


def keep_head(folder: Folder, kept: Kept, signed: object) -> None:
    """From now on this is the head that the next one has to extend. `signed` is the operator's document."""

    def remember(log: Document) -> None:
        log.setdefault(str(kept.count), signed)
        for count in sorted(log, key=int)[:-HEADS_MAX]:
            del log[count]

    folder.put("head", {"count": kept.count, "head": kept.head.hex(), "signed": signed})
    folder.change("heads", remember)


def kept_heads(folder: Folder) -> list[object]:
    """Every signed head that is kept, oldest first."""
    log, last = folder.read("heads"), folder.read("head")
    heads = [log[count] for count in sorted(log, key=int)]
    return [*heads, *([last["signed"]] if last and last["signed"] not in heads else [])]
