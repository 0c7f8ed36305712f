"""A tariff: what each kind of operation costs in each currency, as the operator publishes it. Pure.

Rows are those of `fees` in `GET /v1/ledger`: `{"kind": "transfer", "currency": "EUR", ...schedule}`; a row whose
currency is null holds for every currency that has none of its own, and so names no amounts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fiat.errors import FeeScheduleWrong
from fiat.fee import FREE, FeeSchedule, PaidBy, schedule_from_json, schedule_to_json

PAYERS = {
    "topup": PaidBy.PAYEE,
    "transfer": PaidBy.PAYER,
    "withdrawal": PaidBy.PAYER,
    "conversion": PaidBy.PAYER,
    "hold": PaidBy.PAYER,
    "mandate": PaidBy.PAYER,
}
"""The kinds, and who bears the fee of each: an order's amount arrives whole; of a top-up the fee is kept back."""
ROWS_MAX = 2000


class Tariff:
    """Schedules by kind and currency code (None: all others). Raises FeeScheduleWrong for what cannot be charged."""

    def __init__(self, schedules: Mapping[tuple[str, str | None], FeeSchedule]) -> None:
        for (kind, code), schedule in schedules.items():
            _check(kind, code, schedule)
        self._schedules = dict(schedules)

    def schedule(self, kind: str, currency: str) -> FeeSchedule:
        """What an operation of that kind costs in that currency; free where nothing is named."""
        return self._schedules.get((kind, currency)) or self._schedules.get((kind, None)) or FREE

    def rows(self) -> list[dict[str, Any]]:
        """Every kind once with currency null, then those with a currency of their own; `read` gives the same tariff."""
        named = sorted((kind, code) for kind, code in self._schedules if code is not None)
        return [
            {"kind": kind, "currency": code, **schedule_to_json(self._schedules.get((kind, code), _free(kind)))}
            for kind, code in [*((kind, None) for kind in PAYERS), *named]
        ]

    @classmethod
    def read(cls, rows: Sequence[Mapping[str, Any]]) -> Tariff:
        """Of published rows; kinds that this program does not know are left out. Raises FeeScheduleWrong."""
        if len(rows) > ROWS_MAX:
            raise FeeScheduleWrong("fees", f"are at most {ROWS_MAX} rows")
        schedules: dict[tuple[str, str | None], FeeSchedule] = {}
        for row in rows:
            kind, code = row.get("kind"), row.get("currency")
            if not isinstance(kind, str) or not (code is None or isinstance(code, str)):
                raise FeeScheduleWrong("kind", "and currency are texts")
            if kind not in PAYERS:
                continue
            if (kind, code) in schedules:
                raise FeeScheduleWrong("fees", "name a kind twice")
            schedule = {name: value for name, value in row.items() if name not in ("kind", "currency")}
            schedules[kind, code] = schedule_from_json(schedule)
        return cls(schedules)


def _free(kind: str) -> FeeSchedule:
    return FeeSchedule(paid_by=PAYERS[kind])


def _check(kind: str, code: str | None, schedule: FeeSchedule) -> None:
    if kind not in PAYERS:
        raise FeeScheduleWrong("kind", f"is one of {', '.join(PAYERS)}")
    if schedule.paid_by is not PAYERS[kind]:
        raise FeeScheduleWrong("paid_by", f"is {PAYERS[kind].value} for {kind}")
    if code is None and schedule.names_amounts:
        raise FeeScheduleWrong("currency", "is needed where minor units are named")
