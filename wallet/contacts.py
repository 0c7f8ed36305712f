"""Contacts: names that a person gives to those whom they pay, and whom they paid last. Pure.

`contacts.json` is {name: {"to": text}}, `recent.json` {text: seconds}; a text is what `send` takes: @handle,
@handle#fingerprint or an address. Only what was sent to from here is recent, never what came in (THREATS I-13).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from chain.address import Address
from wallet.errors import ContactUnknown
from wallet.names import is_same, new_name, skeleton
from wallet.payee import Payee, read_payee

CONTACTS_MAX = 1000
RECENT_MAX = 20

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Contact:
    name: str
    to: str

    @property
    def payee(self) -> Payee:
        """Whom the name stands for. Raises what reading a payee raises."""
        return replace(read_payee(self.to), name=self.name)


def contacts_of(document: Document) -> list[Contact]:
    """By name."""
    return [Contact(name, str(document[name]["to"])) for name in sorted(document, key=str.casefold)]


def new_contact(name: str, to: str, taken: Iterable[str]) -> Contact:
    """Raises InputMalformed, NameTaken, AddressMalformed, AddressChecksumWrong."""
    return Contact(new_name(name, taken), spelt(read_payee(to)))


def find_contact(name: str, contacts: Iterable[Contact]) -> Contact:
    """The contact of exactly this name. Raises ContactUnknown, which names one that looks alike if there is one."""
    known = list(contacts)
    found = next((contact for contact in known if is_same(contact.name, name)), None)
    if found is None:
        near = [contact.name for contact in known if skeleton(contact.name) == skeleton(name)]
        raise ContactUnknown(name[:40], near[0] if near else "")
    return found


def addresses_of(contacts: Iterable[Contact]) -> frozenset[Address]:
    """Of those that are addresses: what a look-alike is compared with."""
    return frozenset(address for contact in contacts if (address := contact.payee.address) is not None)


def sent_to(document: Document) -> frozenset[Address]:
    """Whom one sent to on a chain, by its `sent.json`; only what succeeded counts, and never what came in."""
    return frozenset(
        Address(entry["to"]) for entry in document.values() if entry.get("state") == "done" and "to" in entry
    )


def spelt(payee: Payee) -> str:
    """As `send` takes it."""
    if payee.address is not None:
        return payee.address
    return f"@{payee.handle}#{payee.fingerprint}" if payee.fingerprint else f"@{payee.handle}"


def with_recent(document: Document, payee: Payee, now: int) -> dict[str, int]:
    """The document with this payee as the last one, `now` in seconds."""
    times = {**document, spelt(payee): now}
    return dict(sorted(times.items(), key=lambda pair: -pair[1])[:RECENT_MAX])
