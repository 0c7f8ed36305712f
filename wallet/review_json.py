"""A review as it came over a socket, read back so that it can be shown. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wallet.errors import CallRefused
from wallet.review import Caution, Fact, Label, Refusal, Review, Source, Title


def read_review(document: Mapping[str, Any]) -> Review:
    """Of `Review.to_json`. Raises CallRefused for another shape: an older client runs, for instance."""
    try:
        refused = document.get("refused")
        return Review(
            Title(document["title"]),
            bytes.fromhex(document["digest"].removeprefix("0x")),
            tuple(read_fact(fact) for fact in document["facts"]),
            str(document["host"]),
            tuple(Caution(caution) for caution in document["warnings"]),
            refused=Refusal(refused) if refused is not None else None,
        )
    except (KeyError, ValueError, TypeError, AttributeError):
        raise CallRefused("approvals", "review") from None


def read_fact(document: Mapping[str, Any]) -> Fact:
    """Of `Fact.to_json`."""
    more = {name: str(document[name]) for name in ("about", "by") if name in document}
    return Fact(Label(document["label"]), str(document["value"]), Source(document["source"]), **more)
