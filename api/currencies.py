"""The currencies that this ledger offers."""

from __future__ import annotations

from collections.abc import Mapping

from fiat.currency import Currency, currency

_OFFERED = "EUR USD GBP CHF CNY JPY KWD AUD CAD CZK DKK HUF NOK NZD PLN SEK"

CURRENCIES: Mapping[str, Currency] = {code: currency(code) for code in _OFFERED.split()}
"""EUR is opened for everybody, the others when first needed."""
