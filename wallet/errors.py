"""Every way in which the client fails.

Exceptions carry fields, not sentences; the command line, the pages and the dApp provider put them into words. `code`
is what crosses a pipe or a socket in place of the object, and what `--json` prints.

WalletError
 +- PhraseError                  what was typed is no recovery phrase
 |   +- WordUnknown              a word is in no list that fits the others
 |   +- WordCountWrong           not 12, 15, 18, 21 or 24 words
 |   +- ChecksumWrong            every word is known, but one is wrong or out of place
 |   +- PhraseAmbiguous          the words open more than one wallet: choose a reading
 |   +- PhraseDiffers            the words asked back are not those of this wallet
 +- VaultError
 |   +- VaultMissing             no vault at that path
 |   +- VaultExists              there is one already; it is never overwritten
 |   +- VaultDamaged             no vault file, or out of the format's bounds: found before any password
 |   +- VaultUnopened            wrong password or changed file; nothing says which
 |   +- VaultUnwritten           the disk refused
 |   +- VaultChanged             another program wrote it under another password meanwhile
 |   +- PasswordUnfit            too short or too long to protect a vault
 +- SignerError
 |   +- SignerLocked             no key in memory: unlock first
 |   +- SignerUnsafe             the process could not be closed off, or the curve library is not the fast one
 |   +- SignerLost               the process ended, or broke the protocol
 |   +- CallRefused              no such call here, or arguments of another shape
 +- SigningRefused               nothing was signed
     +- AccountUnknown           not an account of this wallet
     +- DigestDiffers            these are not the bytes that were reviewed
     +- BytesNotUnderstood       transaction, sign-in text or order that does not decode fully
     +- KeyUnfit                 this key does not sign this kind of thing
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any


@dataclass(eq=False)
class WalletError(Exception):
    """Base of the client's errors. All are dataclasses; no field ever holds a secret that was not just typed."""

    @property
    def code(self) -> str:
        """`WordUnknown` is `word-unknown`. Stable: others rely on it."""
        return code_of(type(self))

    def fields(self) -> dict[str, Any]:
        """The facts by name, as JSON can hold them."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def __str__(self) -> str:
        return repr(self)


class PhraseError(WalletError):
    """What was typed is no recovery phrase, or not the one expected."""


@dataclass(eq=False)
class WordUnknown(PhraseError):
    """`position` counts from 1; `near` are words of the likeliest list, nearest first; `language` is that list."""

    position: int
    word: str
    near: list[str]
    language: str


@dataclass(eq=False)
class WordCountWrong(PhraseError):
    count: int


@dataclass(eq=False)
class ChecksumWrong(PhraseError):
    """`languages` are the lists that hold every word."""

    languages: list[str]


@dataclass(eq=False)
class PhraseAmbiguous(PhraseError):
    """`languages` names the readings, each of which opens another wallet."""

    languages: list[str]


@dataclass(eq=False)
class PhraseDiffers(PhraseError):
    """`positions` count from 1: where the words given are not the wallet's."""

    positions: list[int]


class VaultError(WalletError):
    """The vault file could not be made, read, opened or written."""


@dataclass(eq=False)
class VaultMissing(VaultError):
    path: str


@dataclass(eq=False)
class VaultExists(VaultError):
    path: str


@dataclass(eq=False)
class VaultDamaged(VaultError):
    path: str
    reason: str


@dataclass(eq=False)
class VaultUnopened(VaultError):
    path: str


@dataclass(eq=False)
class VaultUnwritten(VaultError):
    """`reason` is the system's own name for it (ENOSPC, EACCES)."""

    path: str
    reason: str


@dataclass(eq=False)
class VaultChanged(VaultError):
    path: str


@dataclass(eq=False)
class PasswordUnfit(VaultError):
    """In characters."""

    length_min: int
    length_max: int


class SignerError(WalletError):
    """The signer cannot do its work."""


@dataclass(eq=False)
class SignerLocked(SignerError):
    pass


@dataclass(eq=False)
class SignerUnsafe(SignerError):
    reason: str


@dataclass(eq=False)
class SignerLost(SignerError):
    reason: str


@dataclass(eq=False)
class CallRefused(SignerError):
    call: str
    reason: str


class SigningRefused(WalletError):
    """The signer was asked for a signature that it does not give."""


@dataclass(eq=False)
class AccountUnknown(SigningRefused):
    address: str


@dataclass(eq=False)
class DigestDiffers(SigningRefused):
    """0x hex: what the caller reviewed, and what the bytes give."""

    reviewed: str
    computed: str


@dataclass(eq=False)
class BytesNotUnderstood(SigningRefused):
    """`kind` is transaction, sign-in or the order's type; `reason` names the field at fault where there is one."""

    kind: str
    reason: str


@dataclass(eq=False)
class KeyUnfit(SigningRefused):
    """`key` is root or account."""

    key: str
    kind: str


def code_of(error: type[WalletError]) -> str:
    """The error's name in kebab case."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", error.__name__).lower()


def descendants(root: type[WalletError]) -> Iterator[type[WalletError]]:
    """Every class below `root`, as the tree stands now."""
    for child in root.__subclasses__():
        yield child
        yield from descendants(child)


def error_from(code: str, facts: dict[str, Any]) -> WalletError | None:
    """The error that another process named, or None if there is none of that name and shape."""
    for error in descendants(WalletError):
        if code_of(error) == code:
            return error(**facts) if {f.name for f in fields(error)} == set(facts) else None
    return None
