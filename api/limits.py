"""The operator's limits, read once at start from the file that TANDEM_LIMITS names; without one it sets none.

The file: `{"limits": {"transfer:EUR:day": "500000", "all:EUR:month": "2000000"}, "holders": {"0x...": {...}}}`: minor
units as digit strings, for everyone and for single holders (by id) in place of those. The person's own may be lower.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from api import strict_json
from api.errors import SettingWrong
from api.setting_file import read_file
from fiat.errors import OrderMalformed
from fiat.limit import LIMIT_MAX, NO_POLICY, LimitKey, Policy

SETTING = "TANDEM_LIMITS"
BYTES_MAX = 4 * 1024 * 1024
_DIGITS = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_HOLDER = re.compile(r"0x[0-9a-f]{64}", re.ASCII)


def open_limits(file: Path | None, currencies: Collection[str]) -> Policy:
    """Raises SettingWrong naming the place in the file."""
    return NO_POLICY if file is None else read_file(SETTING, file, lambda body: parse(body, currencies))


def parse(body: bytes, currencies: Collection[str]) -> Policy:
    """Raises SettingWrong, MalformedJson."""
    document = _object("the file", strict_json.parse(body, BYTES_MAX))
    for name in document:
        if name not in ("limits", "holders"):
            raise SettingWrong(SETTING, f"{name[:40]} is neither limits nor holders")
    holders = _object("holders", document.get("holders", {}))
    for name in holders:
        if not _HOLDER.fullmatch(name):
            raise SettingWrong(SETTING, f"holders.{name[:70]}: a holder is 0x and 64 lower-case hex digits")
    return Policy(
        _limits("limits", document.get("limits", {}), currencies),
        {bytes.fromhex(name[2:]): _limits(f"holders.{name}", own, currencies) for name, own in holders.items()},
    )


def _limits(place: str, value: object, currencies: Collection[str]) -> dict[LimitKey, int]:
    found = {}
    for name, text in _object(place, value).items():
        try:
            key = LimitKey.parse(name)
        except OrderMalformed as error:
            raise SettingWrong(SETTING, f"{place}.{name[:40]} {error.fields()['reason']}") from None
        if key.currency not in currencies:
            raise SettingWrong(SETTING, f"{place}.{name}: the currency is not offered here")
        if not isinstance(text, str) or not _DIGITS.fullmatch(text) or int(text) > LIMIT_MAX:
            raise SettingWrong(SETTING, f"{place}.{name} is a string of digits, at most {LIMIT_MAX}")
        found[key] = int(text)
    return found


def _object(place: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SettingWrong(SETTING, f"{place} is an object")
    return value
