"""Authority: does this signature allow this debit, and which transfers carry it out?

Pure. The look-up of a known nonce comes before any of this (an order that was answered once is answered again, expired
or not); what the machine refuses comes after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from fiat.chart import TransferCode
from fiat.currency import Currency
from fiat.errors import (
    AmountNotPositive,
    AmountTooLarge,
    CurrencyUnknown,
    HolderFrozen,
    OrderEpochWrong,
    OrderExpired,
    OrderKeyUnknown,
    OrderMalformed,
    OrderNotYetValid,
    OrderTextWrong,
    OrderTotalTooSmall,
    OrderTypeUnbuilt,
    OrderUntilWrong,
    OrderWindowTooLong,
    ReceiveTooLittle,
)
from fiat.holder import OPERATOR, account_id
from fiat.money import AMOUNT_MINOR_MAX
from fiat.order import (
    WINDOW_SECONDS_MAX,
    ZERO_32,
    LedgerControl,
    LedgerConversion,
    LedgerHold,
    LedgerMandate,
    LedgerTransfer,
    LedgerWithdrawal,
    Order,
    SignedOrder,
    text_hash,
)
from fiat.signature import keccak256
from fiat.token_scale import INVENTORY, TREASURY
from fiat.transfer import NANOSECONDS, Transfer, TransferFlags

DEAD_AFTER_SECONDS = 3600
"""An order is dead an hour after `validBefore`; until then a recorded refusal is answered the same."""

TEXT_BYTES_MAX = 1000
PERIOD_SECONDS_MIN = 60
HOLD_SECONDS_MAX = 366 * 86_400
LIQUIDITY = "liquidity"
"""Purpose of the operator's accounts that conversions go through; they may not be overdrawn."""

MoneyOrder = LedgerTransfer | LedgerWithdrawal | LedgerConversion | LedgerHold | LedgerMandate


@dataclass(frozen=True, slots=True)
class Keys:
    """What the ledger knows about who may sign for a holder at an instant. Addresses have 20 bytes."""

    holder: bytes
    epoch: int
    signers: frozenset[bytes]
    """The root and the keys that hold at that instant."""
    frozen: bool = False
    root: bytes = b""


@dataclass(frozen=True, slots=True)
class SaltedText:
    """A text that travels beside an order, with its 16-byte salt; the order carries only their hash."""

    salt: bytes
    text: str

    @property
    def hash(self) -> bytes:
        return text_hash(self.salt, self.text)


def authorise(signed: SignedOrder, ledger_id: bytes, keys: Keys, now: int) -> bytes:
    """The signer's address, if it may sign this order at `now` (Unix seconds). Raises OrderRefused's kinds.

    Does not check `seenHead`, the payee or the balance: those are looked up or decided where the state is. Which
    control orders a frozen holder may still give, and which only the root, says `control`.
    """
    check_window(signed.order, now)
    signer = signed.signer(ledger_id)
    check_authority(signed.order, signer, keys, now)
    return signer


def check_authority(order: Order, signer: bytes, keys: Keys, now: int) -> None:
    """May `signer` give this order at `now` (Unix seconds)? Raises OrderRefused's kinds."""
    if order.holder != keys.holder:
        raise OrderMalformed("holder", "is another holder's id")
    check_window(order, now)
    check_signer(order, signer, keys)
    if keys.frozen and not isinstance(order, LedgerControl):
        raise HolderFrozen("0x" + keys.holder.hex())


def check_signer(order: Order, signer: bytes, keys: Keys) -> None:
    """May that key sign this order, frozen or not? Raises OrderKeyUnknown, OrderEpochWrong."""
    if signer not in keys.signers:
        raise OrderKeyUnknown("0x" + signer.hex())
    if order.key_epoch != keys.epoch:
        raise OrderEpochWrong(keys.epoch, order.key_epoch)


def check_window(order: Order, now: int) -> None:
    """Is the order valid at `now` (Unix seconds), and not for too long? Raises OrderRefused's kinds."""
    if order.valid_before <= now:
        raise OrderExpired(order.valid_before, now)
    if order.valid_after > now:
        raise OrderNotYetValid(order.valid_after, now)
    if (seconds := order.valid_before - order.valid_after) > WINDOW_SECONDS_MAX:
        raise OrderWindowTooLong(seconds, WINDOW_SECONDS_MAX)


def check_texts(order: Order, texts: Mapping[str, SaltedText]) -> None:
    """Every salted hash in the order has its text, and no text is without one. Raises OrderTextWrong."""
    hashed = {name for name in ("shown", "destination") if name in dict(order.STRUCT.fields)}
    for name in hashed ^ set(texts):
        raise OrderTextWrong(name)
    for name, salted in texts.items():
        if len(salted.text.encode()) > TEXT_BYTES_MAX or salted.hash != order.values()[name]:
            raise OrderTextWrong(name)


def order_currency(order: MoneyOrder, currencies: Mapping[str, Currency]) -> Currency:
    """The order's currency, if it is listed at the exponent that was signed. Raises CurrencyUnknown, OrderMalformed."""
    listed = currencies.get(order.currency)
    if listed is None:
        raise CurrencyUnknown(order.currency)
    if listed.exponent != order.exponent:
        raise OrderMalformed("exponent", f"is {listed.exponent} for {listed.code}")
    return listed


class Move(NamedTuple):
    """One leg before it has an id."""

    debit: int
    credit: int
    amount: int
    ledger: int
    code: TransferCode
    flags: int = 0


def legs(
    order: Order,
    ledger_id: bytes,
    currencies: Mapping[str, Currency],
    *,
    payout: str,
    fee_minor: int = 0,
    receive_minor: int = 0,
    token: Currency | None = None,
) -> list[Transfer]:
    """The linked transfers that carry the order out: its own legs, then the fee where there is one.

    `payout` is the purpose of the operator's account that withdrawals move to, `receive_minor` what a conversion
    gives. Where that is a token, `token` is what the ledger calls it (token_scale.py), and every leg only reserves: the
    tokens have to be sent first. A hold's timeout is left open: `timed` sets it when the order is decided. Raises
    OrderTypeUnbuilt for what is no money order, and the refusals of amounts, maxima, parties and currencies.
    """
    if not isinstance(order, MoneyOrder):
        raise OrderTypeUnbuilt(order.type_name)
    listed = order_currency(order, currencies)
    _check_amounts(order, fee_minor)
    if isinstance(order, LedgerConversion) and token is not None:
        moves = _conversion_to_token(order, listed, token, receive_minor)
    elif isinstance(order, LedgerConversion):
        moves = _conversion(order, listed, currencies, receive_minor)
    elif isinstance(order, LedgerWithdrawal):
        moves = [_from_holder(order, listed, account_id(OPERATOR, listed, payout), TransferCode.WITHDRAWAL)]
    else:
        moves = [_to_person(order, listed)]
    if fee_minor:
        fees = account_id(OPERATOR, listed, "fees")
        fee_flags = moves[0].flags if token is not None else 0
        moves.append(Move(moves[0].debit, fees, fee_minor, listed.ledger, TransferCode.FEE, fee_flags))
    return _numbered(order, ledger_id, moves)


def _check_amounts(order: MoneyOrder, fee_minor: int) -> None:
    amount_minor = order.per_period_minor if isinstance(order, LedgerMandate) else order.amount_minor
    if amount_minor == 0:
        raise AmountNotPositive("0")
    if amount_minor > AMOUNT_MINOR_MAX:
        raise AmountTooLarge(str(amount_minor))
    if isinstance(order, LedgerMandate):
        if fee_minor:
            raise OrderTotalTooSmall(fee_minor, 0)  # a mandate signs no maximum that a fee could be within
        if order.period_seconds < PERIOD_SECONDS_MIN:
            raise OrderMalformed("periodSeconds", f"is at least {PERIOD_SECONDS_MIN}")
        if order.count == 0:
            raise OrderMalformed("count", "is at least 1")
    elif (total := amount_minor + fee_minor) > order.total_max_minor:
        raise OrderTotalTooSmall(total, order.total_max_minor)


def _from_holder(order: MoneyOrder, listed: Currency, credit: int, code: TransferCode) -> Move:
    amount = 0 if isinstance(order, LedgerMandate) else order.amount_minor
    flags = int(TransferFlags.PENDING) if isinstance(order, LedgerHold) else 0
    return Move(account_id(order.holder, listed), credit, amount, listed.ledger, code, flags)


def _to_person(order: LedgerTransfer | LedgerHold | LedgerMandate, listed: Currency) -> Move:
    """To the payee's main account: moved, reserved for the captor, or only agreed."""
    field, person = ("captor", order.captor) if isinstance(order, LedgerHold) else ("payee", order.payee)
    if person == order.holder:
        raise OrderMalformed(field, "is the holder itself")
    if person == OPERATOR and not isinstance(order, LedgerTransfer):
        raise OrderMalformed(field, "is no person")
    code = {LedgerTransfer: TransferCode.TRANSFER, LedgerHold: TransferCode.HOLD, LedgerMandate: TransferCode.MANDATE}
    return _from_holder(order, listed, account_id(person, listed), code[type(order)])


def _conversion(
    order: LedgerConversion, listed: Currency, currencies: Mapping[str, Currency], receive_minor: int
) -> list[Move]:
    """The holder's money into liquidity of its currency, and out of liquidity of the other to the holder."""
    received = currencies.get(order.receive_asset)
    if received is None:
        raise CurrencyUnknown(order.receive_asset)
    if received.code == listed.code:
        raise OrderMalformed("receiveAsset", "is the currency that is given")
    if any(order.receive_to):
        raise OrderMalformed("receiveTo", "is zero where a currency of the ledger is received")
    if order.reference == ZERO_32:
        raise OrderMalformed("reference", "names the quote")
    if receive_minor < max(order.receive_min_minor, 1):
        raise ReceiveTooLittle(receive_minor, order.receive_min_minor)
    if receive_minor > AMOUNT_MINOR_MAX:
        raise AmountTooLarge(str(receive_minor))
    given = _from_holder(order, listed, account_id(OPERATOR, listed, LIQUIDITY), TransferCode.CONVERSION)
    liquidity, credit = account_id(OPERATOR, received, LIQUIDITY), account_id(order.holder, received)
    return [given, Move(liquidity, credit, receive_minor, received.ledger, TransferCode.CONVERSION)]


def _conversion_to_token(order: LedgerConversion, listed: Currency, token: Currency, receive_minor: int) -> list[Move]:
    """The holder's money is reserved for liquidity, and the operator's tokens for the sending; neither ends by time."""
    if not any(order.receive_to):
        raise OrderMalformed("receiveTo", "is the address that the token is sent to")
    if order.reference == ZERO_32:
        raise OrderMalformed("reference", "names the quote")
    if receive_minor <= 0:
        raise ReceiveTooLittle(receive_minor, order.receive_min_minor)
    if receive_minor > AMOUNT_MINOR_MAX:
        raise AmountTooLarge(str(receive_minor))
    given = _from_holder(order, listed, account_id(OPERATOR, listed, LIQUIDITY), TransferCode.CONVERSION)
    inventory, treasury = account_id(OPERATOR, token, INVENTORY), account_id(OPERATOR, token, TREASURY)
    sent = Move(inventory, treasury, receive_minor, token.ledger, TransferCode.CONVERSION, int(TransferFlags.PENDING))
    return [given._replace(flags=int(TransferFlags.PENDING)), sent]


def _numbered(order: MoneyOrder, ledger_id: bytes, moves: list[Move]) -> list[Transfer]:
    reference = order_reference(order, ledger_id)
    last = len(moves) - 1
    return [
        Transfer(
            id=order.leg_id(leg),
            debit_account_id=move.debit,
            credit_account_id=move.credit,
            amount=move.amount,
            user_data_128=reference,
            user_data_32=leg,
            ledger=move.ledger,
            code=move.code,
            flags=move.flags | (TransferFlags.LINKED if leg < last else 0),
        )
        for leg, move in enumerate(moves)
    ]


def order_reference(order: Order, ledger_id: bytes) -> int:
    """What every leg of the order names it by: the first 16 bytes of its digest."""
    return int.from_bytes(order.digest(ledger_id)[:16], "big")


def timed(order: Order, transfers: tuple[Transfer, ...], timestamp: int) -> tuple[Transfer, ...]:
    """The order's legs as they stand when leg 0 is decided at `timestamp` (ns): a hold runs until its `until`.

    Raises OrderUntilWrong for a hold or mandate that would be over at once, or a hold of more than 366 days.
    """
    if isinstance(order, LedgerMandate):
        if order.until * NANOSECONDS <= timestamp:
            raise OrderUntilWrong(order.until, timestamp // NANOSECONDS)
    elif isinstance(order, LedgerHold):
        seconds = seconds_left(order.until, timestamp)
        if seconds <= 0 or order.until * NANOSECONDS > timestamp + HOLD_SECONDS_MAX * NANOSECONDS:
            raise OrderUntilWrong(order.until, timestamp // NANOSECONDS)
        return (transfers[0]._replace(timeout=seconds), *transfers[1:])
    return transfers


def seconds_left(until: int, timestamp: int) -> int:
    """Whole seconds from `timestamp` (ns) that end by `until` (Unix seconds); zero or below when none is left."""
    return (until * NANOSECONDS - timestamp) // NANOSECONDS


def source_id(gateway_event: str) -> bytes:
    """The 32-byte source id of an outside event named by text."""
    return keccak256(gateway_event.encode())
