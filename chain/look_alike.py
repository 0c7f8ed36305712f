"""Address poisoning: who is made to look like somebody that one pays, and the transfers that plant them. Pure.

A poisoner makes an address whose first or last digits are a payee's, sends nothing, dust or a worthless token from it
(or makes a token log that one "sent" to it), and waits until it is copied out of the history (THREATS I-13).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from chain.address import Address

DIGITS = 4
"""So many of the first or of the last, as wallets shorten addresses."""


class Mark(StrEnum):
    """What is odd about a transfer. LOOKS_ALIKE: the other side passes for a known payee and is another."""

    LOOKS_ALIKE = "looks-alike"
    NOTHING = "nothing"
    UNLISTED = "unlisted"


@dataclass(frozen=True, slots=True)
class Payees:
    """Those who are known, being paid before or named by the person; and the ends of their addresses."""

    known: frozenset[Address]
    _ends: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        ends = frozenset(end for address in self.known for end in _ends(address))
        object.__setattr__(self, "_ends", ends)

    @classmethod
    def of(cls, addresses: Iterable[Address]) -> Payees:
        """The zero address is nobody: mints come from it, and many contracts' addresses begin or end with zeros."""
        return cls(frozenset(address for address in addresses if not address.is_zero))

    def is_imitated_by(self, address: Address) -> bool:
        """Another address than theirs that could be taken for one of them."""
        return address not in self.known and not self._ends.isdisjoint(_ends(address))


def marks(payees: Payees, other: Address, units: int, *, is_listed: bool) -> list[Mark]:
    """Of a transfer with `other`, whichever way it went."""
    found = [Mark.LOOKS_ALIKE] if payees.is_imitated_by(other) else []
    found += [] if units else [Mark.NOTHING]
    return found + ([] if is_listed else [Mark.UNLISTED])


def _ends(address: Address) -> tuple[str, str]:
    """The first digits with their 0x, so that they are never taken for last ones."""
    near = address.lower()
    return near[: 2 + DIGITS], near[-DIGITS:]
