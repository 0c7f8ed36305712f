"""What passes the signer's pipe when a backup is made, or one is tried. Imports no key code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chain.address import Address


@dataclass(frozen=True, slots=True)
class Shares:
    """SLIP-39 shares by group, on their way to a person's eyes. `holds` is phrase or wallet."""

    groups: tuple[tuple[str, ...], ...] = field(repr=False)
    holds: str
    language: str


@dataclass(frozen=True, slots=True)
class ShareTexts:
    """Shares as a person typed them, with the passphrases that belong to them and to the phrase inside."""

    shares: tuple[str, ...] = field(repr=False)
    holds: str
    passphrase: str = field(default="", repr=False)
    language: str = "english"
    phrase_passphrase: str = field(default="", repr=False)

    def to_json(self) -> dict[str, Any]:
        words = {"language": self.language, "passphrase": self.phrase_passphrase}
        return {"shares": list(self.shares), "passphrase": self.passphrase, "holds": self.holds, "words": words}


@dataclass(frozen=True, slots=True)
class Proved:
    """What a backup that was tried opens: `root` is the account at the server, then accounts on the chain."""

    root: bool
    covered: tuple[Address, ...]
    uncovered: tuple[Address, ...]


def read_proved(answer: Mapping[str, Any]) -> Proved:
    return Proved(answer["root"], tuple(map(Address, answer["covered"])), tuple(map(Address, answer["uncovered"])))
