"""Who and where money goes, as people type it: @handle, @handle#fingerprint, an address, a bank destination. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from chain.address import Address
from fiat.holder import fingerprint
from wallet.errors import InputMalformed

# What a server may call a person is the server's to say; what could not be put into a path is refused here.
_HANDLE = re.compile(r"[^\W_][\w.-]{0,63}")
_FINGERPRINT = re.compile(r"[0-9a-f]{16}", re.ASCII)
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", re.ASCII)
_CARD = re.compile(r"[0-9]{12,19}", re.ASCII)
_ACCOUNT = re.compile(r"[A-Z0-9]{4,34}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Payee:
    """`handle` without @, with the fingerprint that was typed beside it if any; or an `address`.

    `name` is the contact's, or the own account's, that stood for it; `link` the link that was pasted, `ethereum:` or
    of wallet.payment_link; `holder` the 32 bytes that such a one carries.
    """

    handle: str = ""
    fingerprint: str = ""
    address: Address | None = None
    name: str = ""
    link: str = ""
    holder: bytes = b""

    def is_named_in_full(self, holder: bytes) -> bool:
        """Did the person type what only this holder has, or paste a link that carries it?"""
        if self.holder:
            return self.holder == holder
        return bool(self.fingerprint) and self.fingerprint == fingerprint(holder).replace(" ", "")


def read_payee(text: str) -> Payee:
    """Raises InputMalformed; AddressMalformed and AddressChecksumWrong for what begins like an address."""
    if text.lower().startswith("0x"):
        return Payee(address=Address(text))
    if not text.startswith("@"):
        raise InputMalformed("payee", text[:80], "@handle or an address is expected")
    handle, _, typed = text[1:].partition("#")
    typed = typed.replace(" ", "").lower()
    if typed and not _FINGERPRINT.fullmatch(typed):
        raise InputMalformed("payee", text[:80], "a fingerprint has 16 hex digits")
    return Payee(handle=read_handle(handle), fingerprint=typed)


def read_handle(text: str) -> str:
    """In the one spelling that servers know: NFKC, lower case, without @. Raises InputMalformed."""
    handle = unicodedata.normalize("NFKC", text.removeprefix("@")).lower()
    if not _HANDLE.fullmatch(handle):
        raise InputMalformed("handle", text[:80], "3 to 32 letters, digits and underscores are expected")
    return handle


def read_destination(text: str) -> str:
    """Its canonical form: `iban:...`, `card:...` or `account:...`, without blanks. Raises InputMalformed."""
    kind, _, value = text.strip().partition(":")
    kind, value = kind.lower(), re.sub(r"[ \u00a0-]", "", value).upper()
    checks = {"iban": _is_iban, "card": _is_card, "account": _is_account}
    if kind not in checks:
        raise InputMalformed("destination", text[:80], "iban:..., card:... or account:... is expected")
    if not checks[kind](value):
        raise InputMalformed("destination", text[:80], "a character is mistyped or missing")
    return f"{kind}:{value}"


def _is_iban(value: str) -> bool:
    """ISO 13616: the remainder by 97 is one."""
    digits = "".join(str(int(c, 36)) for c in value[4:] + value[:4]) if _IBAN.fullmatch(value) else "0"
    return int(digits) % 97 == 1


def _is_account(value: str) -> bool:
    return _ACCOUNT.fullmatch(value) is not None


def _is_card(value: str) -> bool:
    """ISO/IEC 7812: Luhn's check digit."""
    if not _CARD.fullmatch(value):
        return False
    doubled = [int(d) * (1 + i % 2) for i, d in enumerate(reversed(value))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0
