"""Everything that `fiat` refuses. Exceptions carry fields, never sentences, and know no HTTP.

FiatError
|- CurrencyUnknown                  code
|- CurrencyMismatch                 left, right
|- AmountRefused                    text, reason
|  |- AmountMalformed               not plain digits with one optional point
|  |- AmountNotPositive             zero or below
|  |- AmountTooPrecise              decimals, more than the currency has
|  `- AmountTooLarge                above the largest amount of one posting
|- FeeScheduleWrong                 field, reason
|- FeeExceedsAmount                 amount_minor, fee_minor (nothing would arrive)
|- StatementTooLong                 lines_max
|- BankFileMalformed                place, reason
|- RecordMalformed                  reason
|- ProofRefused                     reason (a receipt, seal or head that does not hold)
|- OrderRefused
|  |- OrderMalformed                field, reason
|  |- OrderExpired                  valid_before, now
|  |- OrderNotYetValid              valid_after, now
|  |- OrderWindowTooLong            seconds, seconds_max
|  |- OrderSignatureWrong           reason
|  |- OrderKeyUnknown               signer (not a key of the holder, or for another ledger)
|  |- OrderEpochWrong               expected, given
|  |- OrderHeadUnknown              seen_head
|  |- OrderTextWrong                field (text and salt do not give the signed hash)
|  |- OrderTotalTooSmall            total_minor, total_max_minor
|  |- OrderTypeUnbuilt              order_type
|  |- OrderUntilWrong                until, now (seconds; over already, or too far ahead)
|  |- ReceiveTooLittle               receive_minor, receive_min_minor (a conversion would give less than was signed)
|  |- LiquidityMissing               currency (the operator cannot give it now)
|  |- InventoryMissing               asset (the operator has not as much of the token that is not spoken for)
|  |- QuoteUsed                      reference (an order accepted that quote before)
|  |- PayeeUnknown                  payee
|  |- HolderFrozen                  holder
|  |- LimitExceeded                 kind, currency, period, limit_minor, used_minor, amount_minor (one leg's)
|  |- ControlNeedsRoot              action (a spending key signed what only the root may)
|  `- ControlRefused                action, reason (one word: control.py lists them)
|- HolderUnknown                    holder
|- OrderUnknown                     nonce (not there, of another type, or the asker is not its captor or payee)
|- UseRefused                       status, rest_minor (a capture, release or collection; nothing was written)
|- NonceConflict                    nonce (known, with other content)
|- DebitUnauthorised                account (a person's, without their order)
|- SourceMissing                    account (a reserve that would rise without an outside event)
|- ReservesExceeded                 currency, people_minor, reserves_minor (as they would be)
|- EntryRefused                     rule (of an operator entry or a change of officers, broken)
|- JournalBusy                      another writer kept winning; nothing was written, the ids stay free
|- JournalUnknown                   the commit's outcome is not known; ask the same id again
|- JournalClockWrong                drift_ms (own clock against the database's; nothing was written)
`- JournalBroken                    sequence, reason (what is stored does not add up)
"""

from __future__ import annotations


class FiatError(Exception):
    """Root of the tree. `fields()` is what an edge may show."""

    def __init__(self, **fields: str | int) -> None:
        super().__init__()
        self._fields = fields
        for name, value in fields.items():
            setattr(self, name, value)

    def fields(self) -> dict[str, str | int]:
        """The exception's facts by name; safe to show, never a secret."""
        return dict(self._fields)

    def __str__(self) -> str:
        facts = ", ".join(f"{name}={value!r}" for name, value in self._fields.items())
        return f"{type(self).__name__}({facts})"


class CurrencyUnknown(FiatError):
    def __init__(self, code: str) -> None:
        super().__init__(code=code[:32])


class CurrencyMismatch(FiatError):
    def __init__(self, left: str, right: str) -> None:
        super().__init__(left=left, right=right)


class AmountRefused(FiatError):
    def __init__(self, text: str, **fields: str | int) -> None:
        super().__init__(text=text[:64], **fields)


class AmountMalformed(AmountRefused):
    pass


class AmountNotPositive(AmountRefused):
    pass


class AmountTooPrecise(AmountRefused):
    def __init__(self, text: str, currency: str, decimals: int) -> None:
        super().__init__(text, currency=currency, decimals=decimals)


class AmountTooLarge(AmountRefused):
    pass


class FeeScheduleWrong(FiatError):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field=field[:64], reason=reason)


class FeeExceedsAmount(FiatError):
    def __init__(self, amount_minor: int, fee_minor: int) -> None:
        super().__init__(amount_minor=amount_minor, fee_minor=fee_minor)


class StatementTooLong(FiatError):
    def __init__(self, lines_max: int) -> None:
        super().__init__(lines_max=lines_max)


class BankFileMalformed(FiatError):
    def __init__(self, place: str, reason: str) -> None:
        super().__init__(place=place[:64], reason=reason[:200])


class RecordMalformed(FiatError):
    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)


class ProofRefused(FiatError):
    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)


class OrderRefused(FiatError):
    pass


class OrderMalformed(OrderRefused):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field=field, reason=reason)


class OrderExpired(OrderRefused):
    def __init__(self, valid_before: int, now: int) -> None:
        super().__init__(valid_before=valid_before, now=now)


class OrderNotYetValid(OrderRefused):
    def __init__(self, valid_after: int, now: int) -> None:
        super().__init__(valid_after=valid_after, now=now)


class OrderWindowTooLong(OrderRefused):
    def __init__(self, seconds: int, seconds_max: int) -> None:
        super().__init__(seconds=seconds, seconds_max=seconds_max)


class OrderSignatureWrong(OrderRefused):
    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)


class OrderKeyUnknown(OrderRefused):
    def __init__(self, signer: str) -> None:
        super().__init__(signer=signer)


class OrderEpochWrong(OrderRefused):
    def __init__(self, expected: int, given: int) -> None:
        super().__init__(expected=expected, given=given)


class OrderHeadUnknown(OrderRefused):
    def __init__(self, seen_head: str) -> None:
        super().__init__(seen_head=seen_head)


class OrderTextWrong(OrderRefused):
    def __init__(self, field: str) -> None:
        super().__init__(field=field)


class OrderTotalTooSmall(OrderRefused):
    def __init__(self, total_minor: int, total_max_minor: int) -> None:
        super().__init__(total_minor=total_minor, total_max_minor=total_max_minor)


class OrderTypeUnbuilt(OrderRefused):
    def __init__(self, order_type: str) -> None:
        super().__init__(order_type=order_type)


class OrderUntilWrong(OrderRefused):
    def __init__(self, until: int, now: int) -> None:
        super().__init__(until=until, now=now)


class ReceiveTooLittle(OrderRefused):
    def __init__(self, receive_minor: int, receive_min_minor: int) -> None:
        super().__init__(receive_minor=receive_minor, receive_min_minor=receive_min_minor)


class LiquidityMissing(OrderRefused):
    def __init__(self, currency: str) -> None:
        super().__init__(currency=currency)


class InventoryMissing(OrderRefused):
    def __init__(self, asset: str) -> None:
        super().__init__(asset=asset)


class QuoteUsed(OrderRefused):
    def __init__(self, reference: str) -> None:
        super().__init__(reference=reference)


class PayeeUnknown(OrderRefused):
    def __init__(self, payee: str) -> None:
        super().__init__(payee=payee)


class HolderFrozen(OrderRefused):
    def __init__(self, holder: str) -> None:
        super().__init__(holder=holder)


class LimitExceeded(OrderRefused):
    def __init__(
        self, kind: str, currency: str, period: str, limit_minor: int, used_minor: int, amount_minor: int
    ) -> None:
        super().__init__(
            kind=kind,
            currency=currency,
            period=period,
            limit_minor=limit_minor,
            used_minor=used_minor,
            amount_minor=amount_minor,
        )


class ControlNeedsRoot(OrderRefused):
    def __init__(self, action: str) -> None:
        super().__init__(action=action)


class ControlRefused(OrderRefused):
    def __init__(self, action: str, reason: str) -> None:
        super().__init__(action=action, reason=reason)


class HolderUnknown(FiatError):
    def __init__(self, holder: str) -> None:
        super().__init__(holder=holder)


class OrderUnknown(FiatError):
    def __init__(self, nonce: str) -> None:
        super().__init__(nonce=nonce)


class UseRefused(FiatError):
    def __init__(self, status: str, rest_minor: int) -> None:
        super().__init__(status=status, rest_minor=rest_minor)


class NonceConflict(FiatError):
    def __init__(self, nonce: str) -> None:
        super().__init__(nonce=nonce)


class DebitUnauthorised(FiatError):
    def __init__(self, account: int) -> None:
        super().__init__(account=f"{account:#034x}")


class SourceMissing(FiatError):
    def __init__(self, account: int) -> None:
        super().__init__(account=f"{account:#034x}")


class ReservesExceeded(FiatError):
    def __init__(self, currency: str, people_minor: int, reserves_minor: int) -> None:
        super().__init__(currency=currency, people_minor=people_minor, reserves_minor=reserves_minor)


class EntryRefused(FiatError):
    """Nothing was written; `rule` is a word of fiat.officer.Rule, or the machine's status."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule=rule)


class JournalBusy(FiatError):
    pass


class JournalUnknown(FiatError):
    pass


class JournalClockWrong(FiatError):
    def __init__(self, drift_ms: int) -> None:
        super().__init__(drift_ms=drift_ms)


class JournalUnsafe(FiatError):
    def __init__(self, setting: str, value: str) -> None:
        super().__init__(setting=setting, value=value)


class JournalBroken(FiatError):
    def __init__(self, sequence: int, reason: str) -> None:
        super().__init__(sequence=sequence, reason=reason)
