"""Are the legs of orders what the orders say? A second working-out, record by record, that shares no rule with `uses`.

Takes the records in order, after the machine has judged them. What it knows of an order is what its records told.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Set
from dataclasses import dataclass, field

from fiat.chart import SourceKind, TransferCode
from fiat.currency import Currency
from fiat.errors import FiatError
from fiat.holder import OPERATOR, Holder, account_id, leg_id
from fiat.money import AMOUNT_MINOR_MAX
from fiat.order import (
    ZERO_32,
    LedgerControl,
    LedgerConversion,
    LedgerHold,
    LedgerMandate,
    LedgerTransfer,
    LedgerWithdrawal,
    SignedOrder,
)
from fiat.record import ExpiryRecord, Movement, TransferRecord
from fiat.transfer import NANOSECONDS, TransferFlags

_LINKED, _PENDING = int(TransferFlags.LINKED), int(TransferFlags.PENDING)
_POST, _VOID = int(TransferFlags.POST_PENDING_TRANSFER), int(TransferFlags.VOID_PENDING_TRANSFER)
_HOLD_NS_MAX = 366 * 86_400 * NANOSECONDS
_CODES = {1: TransferCode.TRANSFER, 2: TransferCode.WITHDRAWAL, 3: TransferCode.CONVERSION}
_CODES |= {4: TransferCode.HOLD, 5: TransferCode.MANDATE}

MoneyOrder = LedgerTransfer | LedgerWithdrawal | LedgerConversion | LedgerHold | LedgerMandate


@dataclass(slots=True)
class _Agreed:
    """An order that stands, and how far its legs have come."""

    order: MoneyOrder
    first: TransferRecord
    legs: int = 1
    accepted: bool = False
    """Is the chain of its acceptance complete? What comes then are uses."""
    left_minor: int = 0
    reserved: tuple[int, int] | None = None
    """Id and amount of what a hold reserves now."""
    rest: int = 0
    """What the next leg has to reserve again."""
    period: int = 0
    collected: int = 0
    held: list[TransferRecord] = field(default_factory=list)
    """What a conversion to a token has reserved and not resolved yet, in order."""
    posts: int | None = None
    """Whether those that were resolved are posted or freed: all of them the same way."""


class OrderLegs:
    """The orders of the records given so far. Each `movement` yields what is wrong with that record as a leg."""

    def __init__(self, holders: Mapping[bytes, Holder], revoked: Set[tuple[bytes, bytes]]) -> None:
        """`holders` as they are at each record, and the mandates (holder, nonce) that are revoked by then."""
        self._holders = holders
        self._revoked = revoked
        self._orders: dict[int, _Agreed] = {}
        self._reserved: dict[int, _Agreed] = {}
        self._open: _Agreed | None = None
        """Whose linked chain the next record has to go on with."""

    def movement(self, record: Movement) -> Iterator[str]:
        reference, leg = record.user_data_128, record.leg if isinstance(record, TransferRecord) else 0
        agreed = self._orders.get(reference) if leg else None
        if self._open is not None and agreed is not self._open:
            yield "stands inside the chain of an order"
            self._open = None
        if isinstance(record, TransferRecord) and record.order is not None:
            agreed = yield from self._accept(record, record.order)
        elif isinstance(record, TransferRecord) and agreed is not None:
            yield from self._further(record, agreed)
        elif record.pending_id in self._reserved:
            yield "resolves what an order reserved, and is no use of it"
        self._open = agreed if agreed is not None and record.flags & _LINKED else None
        if agreed is not None and self._open is None:
            agreed.accepted = True

    def expiry(self, record: ExpiryRecord) -> Iterator[str]:
        if self._open is not None:
            yield "stands inside the chain of an order"
            self._open = None
        agreed = self._reserved.pop(record.pending_id, None)
        if agreed is not None:
            agreed.reserved = None

    def _accept(self, record: TransferRecord, signed: SignedOrder) -> Generator[str, None, _Agreed | None]:
        order = signed.order
        if isinstance(order, LedgerControl) or not isinstance(order, MoneyOrder):
            yield "moves money under an order that moves none"
            return None
        agreed = _Agreed(order, record, left_minor=record.amount)
        self._orders[record.user_data_128] = agreed
        if isinstance(order, LedgerHold):
            agreed.reserved = record.id, record.amount
            self._reserved[record.id] = agreed
        self._hold_for_token(record, agreed)
        yield from _numbered(record, agreed, 0)
        yield from _first_leg(record, order)
        yield from self._terms(record, order)
        return agreed

    def _terms(self, record: TransferRecord, order: MoneyOrder) -> Iterator[str]:
        until_ns = order.until * NANOSECONDS if isinstance(order, (LedgerHold, LedgerMandate)) else 0
        if isinstance(order, LedgerHold):
            seconds = (until_ns - record.timestamp) // NANOSECONDS
            if not 0 < seconds == record.timeout or until_ns > record.timestamp + _HOLD_NS_MAX:
                yield "its reservation does not end when the order says"
        elif record.timeout:
            yield "its leg has a timeout that the order does not know"
        if isinstance(order, LedgerMandate):
            if not (order.per_period_minor and order.count and order.period_seconds >= 60):
                yield "its mandate allows nothing"
            if until_ns <= record.timestamp or record.flags & _LINKED:
                yield "its mandate was over, or moves money at once"
        if isinstance(order, LedgerConversion) and not record.flags & _LINKED:
            yield "its conversion gives nothing"
        party = order.captor if isinstance(order, LedgerHold) else getattr(order, "payee", None)
        if party is not None and (party == order.holder or (party not in self._holders and until_ns)):
            yield "its order is with nobody else"

    def _further(self, record: TransferRecord, agreed: _Agreed) -> Iterator[str]:
        leg, order = agreed.legs, agreed.order
        agreed.legs += 1
        yield from _numbered(record, agreed, leg)
        if not agreed.accepted:
            self._hold_for_token(record, agreed)
            yield from _accepting(record, agreed, leg)
        elif isinstance(order, LedgerConversion) and any(order.receive_to):
            yield from self._settled(record, agreed)
        elif isinstance(order, LedgerHold):
            yield from self._hold(record, agreed, order)
        elif isinstance(order, LedgerMandate):
            yield from self._collection(record, agreed, order)
        else:
            yield "is a leg that its order does not have"

    def _hold(self, record: TransferRecord, agreed: _Agreed, order: LedgerHold) -> Iterator[str]:
        if agreed.legs > 100:
            yield "is more legs than a hold has"
        if record.code != TransferCode.HOLD or record.user_data_64:
            yield "has another code or mark than its hold"
        if agreed.rest:
            yield from self._reserve_again(record, agreed, order)
            return
        yield from _use(record)
        if agreed.reserved is None:
            yield "uses a hold that reserves nothing"
            return
        pending_id, amount = agreed.reserved
        agreed.reserved = None
        self._reserved.pop(pending_id, None)
        if record.pending_id != pending_id:
            yield "resolves something else than its hold's reservation"
        if record.flags & _POST:
            if not 0 < record.amount <= amount:
                yield "captures nothing, or more than is reserved"
            if record.flags & _LINKED:
                agreed.rest = amount - record.amount
        elif record.flags != _VOID:
            yield "neither captures nor releases"
        if record.flags & _LINKED and agreed.rest <= 0:
            yield "goes on where nothing is left"

    def _hold_for_token(self, record: TransferRecord, agreed: _Agreed) -> None:
        if isinstance(agreed.order, LedgerConversion) and any(agreed.order.receive_to):
            agreed.held.append(record)
            self._reserved[record.id] = agreed

    def _settled(self, record: TransferRecord, agreed: _Agreed) -> Iterator[str]:
        """The tokens were sent, or it is certain that they never will be: each reservation in turn, all one way."""
        if not agreed.held:
            yield "settles a conversion that is settled"
            return
        reserved = agreed.held.pop(0)
        self._reserved.pop(reserved.id, None)
        way = record.flags & ~_LINKED
        if agreed.posts is None:
            yield from _use(record)
            agreed.posts = way
        elif record.source_kind:
            yield "has a source that only its first leg has"
        said = (record.pending_id, record.amount, record.code, record.user_data_64, bool(record.flags & _LINKED))
        if said != (reserved.id, reserved.amount, reserved.code, 0, bool(agreed.held)):
            yield "does not settle what its conversion reserved"
        if way not in (_POST, _VOID) or way != agreed.posts:
            yield "settles a conversion in part"

    def _reserve_again(self, record: TransferRecord, agreed: _Agreed, order: LedgerHold) -> Iterator[str]:
        """The rest, exactly, with the same parties until the same time."""
        rest, agreed.rest = agreed.rest, 0
        agreed.reserved = record.id, record.amount
        self._reserved[record.id] = agreed
        if (record.flags, record.amount) != (_PENDING, rest) or record.source_kind:
            yield "does not reserve exactly the rest"
        if not 0 < record.timeout == (order.until * NANOSECONDS - record.timestamp) // NANOSECONDS:
            yield "its reservation does not end when the order says"
        yield from _same_accounts(record, agreed)

    def _collection(self, record: TransferRecord, agreed: _Agreed, order: LedgerMandate) -> Iterator[str]:
        yield from _use(record)
        yield from _same_accounts(record, agreed)
        if (record.flags, record.code) != (0, TransferCode.COLLECTION) or record.amount <= 0:
            yield "is no collection"
        period = (record.timestamp - agreed.first.timestamp) // (order.period_seconds * NANOSECONDS)
        if record.user_data_64 != period:
            yield "counts against another period than its own"
        agreed.collected = record.amount + (agreed.collected if period == agreed.period else 0)
        agreed.period = period
        if agreed.collected > order.per_period_minor:
            yield "collects more than the mandate allows a period"
        if period >= order.count or record.timestamp >= order.until * NANOSECONDS:
            yield "collects when the mandate is over"
        if (order.holder, order.nonce) in self._revoked:
            yield "collects under a revoked mandate"
        holder = self._holders.get(order.holder)
        if holder is not None and holder.frozen:
            yield "collects from a frozen holder"


def _numbered(record: TransferRecord, agreed: _Agreed, leg: int) -> Iterator[str]:
    order = agreed.order
    if record.leg != leg or record.user_data_32 != leg or record.id != leg_id(order.holder, order.nonce, leg):
        yield "is not the order's next leg"
    if record.user_data_128 != agreed.first.user_data_128:
        yield "names another order"


def _first_leg(record: TransferRecord, order: MoneyOrder) -> Iterator[str]:
    """Leg 0's parties, amount, code, flags and source."""
    try:
        listed = Currency(order.currency, order.exponent)
    except (FiatError, ValueError):
        yield "its order is in no currency"
        return
    if isinstance(order, LedgerMandate):
        amount = 0
    else:
        amount = order.amount_minor
        if not 0 < amount <= AMOUNT_MINOR_MAX or amount > order.total_max_minor:
            yield "its order's amount is zero, too large or above its maximum"
    said = (record.debit_account_id, record.amount, record.code, record.flags & ~_LINKED, record.user_data_64)
    flags = _PENDING if isinstance(order, LedgerHold) or _is_to_token(order) else 0
    if said != (account_id(order.holder, listed), amount, _CODES[order.CODE], flags, 0):
        yield "differs from its order in account, amount, code or flags"
    if isinstance(order, LedgerWithdrawal):
        credits_right = record.credit_holder == OPERATOR
    elif isinstance(order, LedgerConversion):
        credits_right = record.credit_account_id == account_id(OPERATOR, listed, "liquidity")
    else:
        person = order.captor if isinstance(order, LedgerHold) else order.payee
        credits_right = record.credit_account_id == account_id(person, listed)
    if not credits_right:
        yield "credits somebody else than its order says"
    quoted = isinstance(order, LedgerConversion)
    source = (SourceKind.QUOTE, order.reference) if quoted else (SourceKind.NONE, ZERO_32)
    if (record.source_kind, record.source_id) != source or (quoted and order.reference == ZERO_32):
        yield "names another source than its order"


def _accepting(record: TransferRecord, agreed: _Agreed, leg: int) -> Iterator[str]:
    """A further leg of the acceptance: what a conversion gives, else the fee, which comes last."""
    order = agreed.order
    if record.source_kind or record.user_data_64:
        yield "has a source or a mark that only a first leg has"
    if isinstance(order, LedgerConversion) and leg == 1:
        yield from (_token_given(record, order) if _is_to_token(order) else _given(record, order))
        return
    listed = Currency(order.currency, order.exponent)
    flags = _PENDING if _is_to_token(order) else 0
    fee = (agreed.first.debit_account_id, account_id(OPERATOR, listed, "fees"), TransferCode.FEE, flags)
    if (record.debit_account_id, record.credit_account_id, record.code, record.flags) != fee:
        yield "is no fee of its order"
    agreed.left_minor += record.amount
    if isinstance(order, LedgerMandate) or agreed.left_minor > order.total_max_minor:
        yield "takes more than the order's maximum"


def _given(record: TransferRecord, order: LedgerConversion) -> Iterator[str]:
    try:
        received = Currency(order.receive_asset, 0)
    except (FiatError, ValueError):
        yield "its order asks for no currency"
        return
    accounts = account_id(OPERATOR, received, "liquidity"), account_id(order.holder, received)
    said = (record.debit_account_id, record.credit_account_id, record.code, record.flags & ~_LINKED)
    if said != (*accounts, TransferCode.CONVERSION, 0) or any(order.receive_to):
        yield "gives something else than the conversion asks for"
    if record.amount < max(1, order.receive_min_minor):
        yield "gives less than the conversion's minimum"


def _is_to_token(order: MoneyOrder) -> bool:
    return isinstance(order, LedgerConversion) and any(order.receive_to)


def _token_given(record: TransferRecord, order: LedgerConversion) -> Iterator[str]:
    """Of the operator's own tokens. Which token it is, and how much of it, the chain tells."""
    if record.debit_holder != OPERATOR or record.credit_holder != OPERATOR:
        yield "gives something that is not the operator's"
    if (record.code, record.flags & ~_LINKED) != (TransferCode.CONVERSION, _PENDING) or record.amount < 1:
        yield "gives something else than the conversion asks for"
    if not order.receive_asset.startswith("eip155:"):
        yield "its order asks for no token"


def _use(record: TransferRecord) -> Iterator[str]:
    if record.source_kind != SourceKind.USE:
        yield "is a use without its source"


def _same_accounts(record: TransferRecord, agreed: _Agreed) -> Iterator[str]:
    first = agreed.first
    if (record.debit_account_id, record.credit_account_id) != (first.debit_account_id, first.credit_account_id):
        yield "has other accounts than its order"
