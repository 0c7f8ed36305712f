"""Authority: does this signature allow this debit, and which transfers carry it out?

Pure. The look-up of a known nonce comes before any of this (an order that was answered once is answered again, expired
or not); what the machine refuses comes after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
    OrderWindowTooLong,
)
from fiat.holder import OPERATOR, account_id, leg_id
from fiat.money import AMOUNT_MINOR_MAX
from fiat.order import (
    WINDOW_SECONDS_MAX,
    LedgerTransfer,
    LedgerWithdrawal,
    Order,
    SignedOrder,
    text_hash,
)
from fiat.signature import keccak256
from fiat.transfer import Transfer, TransferFlags

DEAD_AFTER_SECONDS = 3600
"""An order is dead an hour after `validBefore`; until then a recorded refusal is answered the same."""

TEXT_BYTES_MAX = 1000


@dataclass(frozen=True, slots=True)
class Keys:
    """What the ledger knows about who may sign for a holder now. Addresses have 20 bytes."""

    holder: bytes
    epoch: int
    signers: frozenset[bytes]
    frozen: bool = False


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

    Does not check `seenHead`, the payee or the balance: those are looked up or decided where the state is.
    """
    order = signed.order
    if order.holder != keys.holder:
        raise OrderMalformed("holder", "is another holder's id")
    _check_window(order, now)
    signer = signed.signer(ledger_id)
    if signer not in keys.signers:
        raise OrderKeyUnknown("0x" + signer.hex())
    if order.key_epoch != keys.epoch:
        raise OrderEpochWrong(keys.epoch, order.key_epoch)
    if keys.frozen:
        raise HolderFrozen("0x" + keys.holder.hex())
    return signer


def _check_window(order: Order, now: int) -> None:
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


def order_currency(order: LedgerTransfer | LedgerWithdrawal, currencies: Mapping[str, Currency]) -> Currency:
    """The order's currency, if it is listed at the exponent that was signed. Raises CurrencyUnknown, OrderMalformed."""
    listed = currencies.get(order.currency)
    if listed is None:
        raise CurrencyUnknown(order.currency)
    if listed.exponent != order.exponent:
        raise OrderMalformed("exponent", f"is {listed.exponent} for {listed.code}")
    return listed


def legs(
    order: Order, ledger_id: bytes, currencies: Mapping[str, Currency], *, payout: str, fee_minor: int = 0
) -> list[Transfer]:
    """The linked transfers that carry the order out: leg 0 the amount, leg 1 the fee where there is one.

    `payout` is the purpose of the operator's account that withdrawals move to. Raises OrderTypeUnbuilt for the types
    that are not carried out yet, and the refusals of amounts, maxima and currencies.
    """
    if not isinstance(order, (LedgerTransfer, LedgerWithdrawal)):
        raise OrderTypeUnbuilt(order.type_name)
    listed = order_currency(order, currencies)
    if order.amount_minor == 0:
        raise AmountNotPositive("0")
    if order.amount_minor > AMOUNT_MINOR_MAX:
        raise AmountTooLarge(str(order.amount_minor))
    if (total := order.amount_minor + fee_minor) > order.total_max_minor:
        raise OrderTotalTooSmall(total, order.total_max_minor)
    if isinstance(order, LedgerTransfer):
        if order.payee == order.holder:
            raise OrderMalformed("payee", "is the holder itself")
        credit, code = account_id(order.payee, listed), TransferCode.TRANSFER
    else:
        credit, code = account_id(OPERATOR, listed, payout), TransferCode.WITHDRAWAL
    moves = [(credit, order.amount_minor, code)]
    if fee_minor:
        moves.append((account_id(OPERATOR, listed, "fees"), fee_minor, TransferCode.FEE))
    order_ref = int.from_bytes(order.digest(ledger_id)[:16], "big")
    return [
        Transfer(
            id=leg_id(order.holder, order.nonce, leg),
            debit_account_id=account_id(order.holder, listed),
            credit_account_id=account,
            amount=amount,
            user_data_128=order_ref,
            user_data_32=leg,
            ledger=listed.ledger,
            code=why,
            flags=TransferFlags.LINKED if leg < len(moves) - 1 else 0,
        )
        for leg, (account, amount, why) in enumerate(moves)
    ]


def source_id(gateway_event: str) -> bytes:
    """The 32-byte source id of an outside event named by text."""
    return keccak256(gateway_event.encode())
