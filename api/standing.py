"""What everybody may know of the operator: its officers, how often they acted, and the reserves behind the credits."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from api.auth import rfc3339
from api.fields import Answer, ChainAddress, CurrencyCode, DecimalText, LongDigits, Time
from chain.address import Address
from fiat.currency import Currency, currency_of_ledger
from fiat.money import decimal_text
from fiat.officer import Counters, Officers
from fiat.record import Reason
from fiat.reserves import Totals

CLAIM = "credits match recorded reserves"


class CounterAnswer(Answer):
    """Operator records of one reason and currency since the ledger began. The seal's `counters` hashes all of them."""

    reason: str = Field(examples=["hold"])
    reason_code: int = Field(examples=[4], description="the reason's number, as it is hashed")
    ledger: LongDigits = Field(description="the currency's number, as it is hashed")
    currency: CurrencyCode
    count: LongDigits
    amount_minor: LongDigits


class OfficerAnswer(Answer):
    """A key that signs operator entries, two of them each; `effective_at` may be in the future."""

    address: ChainAddress
    effective_at: Time


class ReservesAnswer(Answer):
    """What people are credited and what is recorded as held for them: it says nothing of what a bank holds."""

    currency: CurrencyCode
    credits: DecimalText
    credits_minor: LongDigits
    reserves: DecimalText
    reserves_minor: LongDigits
    claim: str = Field(examples=[CLAIM])


def counter_answers(counters: Counters) -> list[CounterAnswer]:
    """In the order in which they are hashed."""
    return [
        CounterAnswer(
            reason=Reason(reason).name.lower(),
            reason_code=reason,
            ledger=str(ledger),
            currency=currency_of_ledger(ledger),
            count=str(count),
            amount_minor=str(amount),
        )
        for (reason, ledger), (count, amount) in sorted(counters.items())
    ]


def officer_answers(officers: Officers) -> list[OfficerAnswer]:
    """By the time from which they are in force."""
    standing = sorted(officers.standing.items(), key=lambda one: (one[1].effective_at, one[0]))
    return [
        OfficerAnswer(address=Address.from_bytes(who), effective_at=rfc3339(added.effective_at))
        for who, added in standing
    ]


def reserves_answers(totals: Mapping[int, Totals], currencies: Mapping[str, Currency]) -> list[ReservesAnswer]:
    """By currency, those in which something is held or credited."""
    answers = []
    for code, currency in sorted(currencies.items()):
        people, reserves = totals.get(currency.ledger, Totals())
        if people or reserves:
            answers.append(
                ReservesAnswer(
                    currency=code,
                    credits=decimal_text(people, currency.exponent),
                    credits_minor=str(people),
                    reserves=decimal_text(reserves, currency.exponent),
                    reserves_minor=str(reserves),
                    claim=CLAIM,
                )
            )
    return answers
