"""What a storm's observations must satisfy. Pure: observations in, sentences about what is wrong out.

Readings are held against Jepsen's bank test (wrong total, missing or unexpected account, negative balance). All
together are held against strict serializability, and the journal's order is the witness: replayed in that order every
payment gets the answer that it got and every reading sees what it saw, and what was answered before something else
was asked stands before it. O(n log n).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from tests.storms.town import Placed

ACCEPTED = "CREATED"
REFUSED = "EXCEEDS_CREDITS"


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment as its worker saw it. Times are of the machine's monotonic clock (ns), one for all processes."""

    invoked: int
    answered: int
    payer: int
    payee: int
    amount: int
    id: int
    """The machine's id of the order's first leg."""
    status: str
    sequence: int | None


@dataclass(frozen=True, slots=True)
class Reading:
    """All balances, and the head's sequence and timestamp, in what should be one snapshot."""

    invoked: int
    answered: int
    sequence: int
    timestamp: int
    balances: Mapping[int, int | None]


def bank(readings: Iterable[Reading], numbers: frozenset[int], total: int) -> list[str]:
    """Jepsen's four verdicts on every reading; `numbers` are the people whose money is `total` (minor units)."""
    wrong = []
    for at, reading in enumerate(readings):
        known = {number: reading.balances.get(number) for number in numbers}
        missing = [number for number, balance in known.items() if balance is None]
        unexpected = sorted(reading.balances.keys() - numbers)
        negative = {number: balance for number, balance in known.items() if balance is not None and balance < 0}
        if missing:
            wrong.append(f"reading {at}: missing account {missing[:3]}")
        if unexpected:
            wrong.append(f"reading {at}: unexpected account {unexpected[:3]}")
        if negative:
            wrong.append(f"reading {at}: negative balance {negative}")
        if not missing and (found := sum(known.values())) != total:
            wrong.append(f"reading {at}: wrong total {found}, not {total}")
    return wrong


def strictly_serial(
    payments: list[Payment], readings: list[Reading], places: Mapping[int, Placed], opening: Mapping[int, int]
) -> list[str]:
    """Is the journal's order an order in which all of it can have happened? `opening` are the balances before."""
    return [
        *_placed(payments, places),
        *_replayed(payments, readings, places, dict(opening)),
        *_in_real_time(payments, readings, places),
    ]


def once(
    asked: Iterable[int], acknowledged: Iterable[int], carried_out: Counter[int], refused: Iterable[int] = ()
) -> list[str]:
    """Numbered payments: what was acknowledged is in the journal exactly once, what was refused is not, the rest once
    or not at all."""
    known = set(asked)
    lost = sorted(set(acknowledged) - carried_out.keys())
    return [
        *(f"payment {number} was acknowledged and is not in the journal" for number in lost),
        *(
            f"payment {number} was refused and is in the journal"
            for number in sorted(set(refused) & carried_out.keys())
        ),
        *(f"payment {number} was carried out {n} times" for number, n in sorted(carried_out.items()) if n > 1),
        *(f"nobody asked for payment {number}" for number in sorted(carried_out.keys() - known)),
    ]


def _placed(payments: list[Payment], places: Mapping[int, Placed]) -> list[str]:
    wrong = []
    for payment in payments:
        place = places.get(payment.id)
        if payment.status not in (ACCEPTED, REFUSED):
            wrong.append(f"payment {payment.id:x} was answered {payment.status}")
        elif place is None:
            wrong.append(f"payment {payment.id:x} was answered {payment.status} and stands nowhere")
        elif place.sequence != payment.sequence:
            wrong.append(f"payment {payment.id:x} was answered {payment.sequence} and stands at {place.sequence}")
    wrong += [f"payment {i:x} was carried out twice" for i, n in Counter(p.id for p in payments).items() if n > 1]
    wrong += [f"nobody asked for {i:x}" for i in places.keys() - {payment.id for payment in payments}]
    moved = sorted((place.timestamp, place.sequence) for place in places.values() if place.sequence is not None)
    if [sequence for _, sequence in moved] != sorted(sequence for _, sequence in moved):
        wrong.append("the journal's times are in another order than its sequences")
    return wrong


def _replayed(
    payments: list[Payment], readings: list[Reading], places: Mapping[int, Placed], balances: dict[int, int]
) -> list[str]:
    wrong = []
    steps = [(places[p.id].timestamp, 0, n, p) for n, p in enumerate(payments) if p.id in places]
    steps += [(reading.timestamp, 1, n, reading) for n, reading in enumerate(readings)]
    for _, _, number, step in sorted(steps, key=lambda step: step[:3]):
        if isinstance(step, Reading):
            if step.balances != balances:
                wrong.append(f"reading {number} saw another state than that of sequence {step.sequence}")
            continue
        should = ACCEPTED if step.amount <= balances[step.payer] else REFUSED
        if step.status != should:
            wrong.append(f"payment {step.id:x} of {step.amount} was answered {step.status}, not {should}")
        if step.status == ACCEPTED:
            balances[step.payer] -= step.amount
            balances[step.payee] += step.amount
    return wrong


def _in_real_time(payments: list[Payment], readings: list[Reading], places: Mapping[int, Placed]) -> list[str]:
    """Nothing stands before what was answered before it was asked. Readings of one state may stand in any order."""
    steps = [((places[p.id].timestamp, 0), p) for p in payments if p.id in places]
    steps += [((reading.timestamp, 1), reading) for reading in readings]
    steps.sort(key=lambda step: step[0])
    wrong, latest = [], 0
    for place, group in groupby(steps, key=lambda step: step[0]):
        together = [step for _, step in group]
        for step in together:
            if step.answered < latest:
                wrong.append(
                    f"a {type(step).__name__.lower()} at {place[0]} was answered before one before it was asked"
                )
        latest = max(latest, *(step.invoked for step in together))
    return wrong
