"""Currencies of the ledger: ISO 4217 codes with their minor units, and the operator's token currencies.

A code names one exponent for ever: an exponent that changed under a code once credited people a hundredfold
elsewhere (THREATS I-16), so the exponent also stands inside every signed order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fiat.errors import CurrencyUnknown

EXPONENT_MAX = 9
_CODE = re.compile(r"[A-Z][A-Z0-9]{1,5}")
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# ISO 4217 list one (2026): active codes of money, without funds, metals and test codes, by minor unit.
_ISO_BY_EXPONENT = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF "
        "CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL "
        "HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP "
        "MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD "
        "SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS "
        "VED VES WST XCD XCG YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}


@dataclass(frozen=True, slots=True)
class Currency:
    """One currency: `code` (2 to 6 of A-Z0-9, a letter first) and `exponent` (decimals of the minor unit, 0 to 9)."""

    code: str
    exponent: int

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self.code):
            raise CurrencyUnknown(self.code)
        if not 0 <= self.exponent <= EXPONENT_MAX:
            raise ValueError(f"exponent {self.exponent} is not in 0..{EXPONENT_MAX}")

    @property
    def ledger(self) -> int:
        """The machine's `ledger` number: the code read in base 37, so that it can be read back. Below 2^32."""
        number = 0
        for character in self.code:
            number = number * 37 + _ALPHABET.index(character) + 1
        return number

    def __str__(self) -> str:
        return self.code


ISO_4217: dict[str, Currency] = {
    code: Currency(code, exponent) for exponent, codes in _ISO_BY_EXPONENT.items() for code in codes.split()
}


def currency(code: str) -> Currency:
    """The ISO 4217 currency of that code. Raises CurrencyUnknown; codes are upper case."""
    try:
        return ISO_4217[code]
    except KeyError:
        raise CurrencyUnknown(code) from None


def currency_of_ledger(ledger: int) -> str:
    """The code that `Currency.ledger` numbered."""
    characters = []
    while ledger > 0:
        ledger, digit = divmod(ledger, 37)
        characters.append(_ALPHABET[digit - 1] if digit else "?")
    code = "".join(reversed(characters))
    if not _CODE.fullmatch(code):
        raise CurrencyUnknown(code)
    return code
