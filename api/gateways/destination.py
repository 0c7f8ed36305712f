"""Destinations of withdrawals in their canonical form: `iban:...`, `card:...`, `account:...`. Pure."""

from __future__ import annotations

import re

from api.errors import DestinationInvalid

# ISO 13616 registry: total length by country, for those whose banks are reached most.
_IBAN_LENGTH = {
    **{"AD": 24, "AE": 23, "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20},
    **{"ES": 24, "FI": 18, "FR": 27, "GB": 22, "GI": 23, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IS": 26, "IT": 27},
    **{"LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24},
    **{"SA": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TR": 26, "UA": 29, "VA": 22},
}
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", re.ASCII)
_CARD = re.compile(r"[0-9]{12,19}", re.ASCII)
_ACCOUNT = re.compile(r"[A-Z0-9]{4,34}", re.ASCII)


def check_destination(text: str) -> None:
    """Raises DestinationInvalid unless `text` is a destination in canonical form (no blanks, upper case)."""
    kind, _, value = text.partition(":")
    if kind == "iban":
        _check_iban(value)
    elif kind == "card":
        if not _CARD.fullmatch(value) or not _passes_luhn(value):
            raise DestinationInvalid("the card number has a typing error")
    elif kind == "account":
        if not _ACCOUNT.fullmatch(value):
            raise DestinationInvalid("an account has 4 to 34 capital letters and digits")
    else:
        raise DestinationInvalid("it begins with iban:, card: or account:")


def is_returned_by_sandbox(text: str) -> bool:
    """The sandbox's bank sends back what goes to an IBAN that ends in 0000."""
    return text.startswith("iban:") and text.endswith("0000")


def _check_iban(value: str) -> None:
    if not _IBAN.fullmatch(value):
        raise DestinationInvalid("an IBAN has a country, two digits and 11 to 30 capital letters or digits, no blanks")
    if _IBAN_LENGTH.get(value[:2], len(value)) != len(value):
        raise DestinationInvalid(f"an IBAN of {value[:2]} has {_IBAN_LENGTH[value[:2]]} characters")
    rearranged = value[4:] + value[:4]
    if int("".join(str(int(character, 36)) for character in rearranged)) % 97 != 1:
        raise DestinationInvalid("the IBAN has a typing error (its check digits do not fit)")


def _passes_luhn(digits: str) -> bool:
    """ISO/IEC 7812 check digit."""
    total = 0
    for place, character in enumerate(reversed(digits)):
        digit = int(character) * (1 + place % 2)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0
