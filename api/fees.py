"""The operator's tariff, read once at start from the file that TANDEM_FEES names; without one nothing costs anything.

The file: `{"transfer": {"EUR": {"fixed_minor": "10", "rate_ppm": 1000}, "*": {"rate_ppm": 2000}}, ...}`. Kinds are
topup, transfer, withdrawal, conversion, hold and mandate (always free); `*` is every other currency.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from api import strict_json
from api.errors import SettingWrong
from api.setting_file import read_file
from fiat.errors import FeeScheduleWrong
from fiat.fee import FeeSchedule, schedule_from_json
from fiat.tariff import PAYERS, Tariff

SETTING = "TANDEM_FEES"
BYTES_MAX = 256 * 1024
EVERY = "*"
UNCHARGED = frozenset({"mandate"})
"""Published, always free: a collection has no leg for a fee."""


def open_tariff(file: Path | None, currencies: Collection[str]) -> Tariff:
    """Raises SettingWrong naming the place in the file."""
    return Tariff({}) if file is None else read_file(SETTING, file, lambda body: parse(body, currencies))


def parse(body: bytes, currencies: Collection[str]) -> Tariff:
    """Raises SettingWrong, MalformedJson."""
    schedules: dict[tuple[str, str | None], FeeSchedule] = {}
    for kind, by_currency in _object("the file", strict_json.parse(body, BYTES_MAX)).items():
        for code, document in _object(kind, by_currency).items():
            place = f"{kind}.{code}"
            if code != EVERY and code not in currencies:
                raise SettingWrong(SETTING, f"{place}: the currency is not offered here")
            document = _object(place, document)
            payer = {"paid_by": PAYERS[kind].value} if kind in PAYERS else {}
            try:
                schedules[kind, None if code == EVERY else code] = schedule_from_json(payer | document)
            except FeeScheduleWrong as wrong:
                raise _wrong(place, wrong) from None
            if kind in UNCHARGED and not schedules[kind, None if code == EVERY else code].is_free:
                raise SettingWrong(SETTING, f"{place}: this server charges nothing for {kind}")
    try:
        return Tariff(schedules)
    except FeeScheduleWrong as wrong:
        raise _wrong("the file", wrong) from None


def _object(place: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SettingWrong(SETTING, f"{place} is an object")
    return value


def _wrong(place: str, wrong: FeeScheduleWrong) -> SettingWrong:
    fields = wrong.fields()
    return SettingWrong(SETTING, f"{place}: {fields['field']} {fields['reason']}")
