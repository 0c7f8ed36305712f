"""Uses: what a captor takes from a hold and a payee collects under a mandate, as the legs that carry it out. Pure.

A hold's current reservation is one pending transfer. A capture posts a part of it and, where something stays, reserves
exactly the rest again in the same chain; so the holder's money is never free in between and nobody else can take it.
A mandate moves nothing by itself; each collection counts against its period, which begin one after the other at the
instant (ns) of the mandate's record.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fiat.authority import seconds_left
from fiat.chart import TransferCode
from fiat.errors import AmountNotPositive, AmountTooLarge, UseRefused
from fiat.money import AMOUNT_MINOR_MAX
from fiat.order import LedgerHold, LedgerMandate
from fiat.signature import keccak256
from fiat.transfer import NANOSECONDS, Resolution, Transfer, TransferFlags

LEGS_MAX = 100
"""Legs of a hold, the first included."""
COLLECTIONS_LEGS_MAX = 1 << 16
"""Legs of a mandate: what a record's `leg` can number."""

_LINKED = int(TransferFlags.LINKED)
_PENDING = int(TransferFlags.PENDING)
_POST = int(TransferFlags.POST_PENDING_TRANSFER)
_VOID = int(TransferFlags.VOID_PENDING_TRANSFER)


def use_source(holder: bytes, nonce: bytes, use_id: bytes) -> bytes:
    """The source id of a use (kind USE): keccak256 of the order's holder and nonce and the 32 chosen bytes."""
    return keccak256(holder + nonce + use_id)


@dataclass(frozen=True, slots=True)
class HoldUses:
    """A hold as far as it was used. `legs` are all of them in order; `state` is what became of the last reservation."""

    order: LedgerHold
    legs: tuple[Transfer, ...]
    sequences: tuple[int, ...]
    state: Resolution

    @property
    def current(self) -> Transfer:
        """The last leg that is pending: what is reserved now, if `state` says that it still is."""
        return next(leg for leg in reversed(self.legs) if leg.flags & _PENDING)

    @property
    def rest_minor(self) -> int:
        return self.current.amount if self.state is Resolution.PENDING else 0

    def capture(self, amount_minor: int, final: bool, timestamp: int) -> list[Transfer]:
        """The legs of a capture whose first leg is decided at `timestamp` (ns). Raises UseRefused.

        In the last second, when a reservation could no longer end in time, the rest goes free as if it were final.
        """
        current = self._reserved()
        if amount_minor <= 0:
            raise AmountNotPositive(str(amount_minor))
        if amount_minor > current.amount:
            raise UseRefused("exceeds_pending_transfer_amount", current.amount)
        post = self._next(current, _POST, amount_minor)
        rest, seconds = current.amount - amount_minor, seconds_left(self.order.until, timestamp + 1)
        if final or rest == 0 or seconds <= 0:
            return [post]
        # One leg is kept for whatever ends the hold.
        if len(self.legs) + 2 >= LEGS_MAX:
            raise UseRefused("too_many_legs", current.amount)
        again = current._replace(id=self._id(1), amount=rest, timeout=seconds, flags=_PENDING, timestamp=0)
        return [post._replace(flags=_POST | _LINKED), again._replace(user_data_32=len(self.legs) + 1)]

    def release(self) -> list[Transfer]:
        """The leg that frees what is reserved. Raises UseRefused."""
        current = self._reserved()
        return [self._next(current, _VOID, current.amount)]

    def before(self, leg: int) -> HoldUses:
        """The hold as it was before its leg of that number."""
        return HoldUses(self.order, self.legs[:leg], self.sequences[:leg], Resolution.PENDING)

    def _reserved(self) -> Transfer:
        if self.state is not Resolution.PENDING:
            raise UseRefused(_ENDED[self.state], 0)
        return self.current

    def _next(self, current: Transfer, flags: int, amount: int) -> Transfer:
        return current._replace(
            id=self._id(0),
            amount=amount,
            pending_id=current.id,
            user_data_32=len(self.legs),
            timeout=0,
            flags=flags,
            timestamp=0,
        )

    def _id(self, further: int) -> int:
        return self.order.leg_id(len(self.legs) + further)


_ENDED = {
    Resolution.POSTED: "pending_transfer_already_posted",
    Resolution.VOIDED: "pending_transfer_already_voided",
    Resolution.EXPIRED: "pending_transfer_expired",
}


@dataclass(frozen=True, slots=True)
class MandateUses:
    """A mandate as far as it was used: leg 0, and what was collected in the last period that had a collection."""

    order: LedgerMandate
    first: Transfer
    sequence: int
    legs: int
    period: int
    collected_minor: int
    """In that period."""
    revoked: bool

    def period_at(self, timestamp: int) -> int:
        """The number of the period, from 0, that an instant (ns) is in."""
        return (timestamp - self.first.timestamp) // (self.order.period_seconds * NANOSECONDS)

    def rest_minor(self, timestamp: int) -> int:
        """What may still be collected in the period of that instant (ns); 0 when the mandate is over."""
        if self.over(timestamp):
            return 0
        used = self.collected_minor if self.period_at(timestamp) == self.period else 0
        return self.order.per_period_minor - used

    def collect(self, amount_minor: int, timestamp: int) -> Transfer:
        """The leg of a collection that is decided at `timestamp` (ns). Raises UseRefused."""
        if over := self.over(timestamp):
            raise UseRefused(over, 0)
        if amount_minor <= 0:
            raise AmountNotPositive(str(amount_minor))
        if amount_minor > AMOUNT_MINOR_MAX:
            raise AmountTooLarge(str(amount_minor))
        if amount_minor > (rest := self.rest_minor(timestamp)):
            raise UseRefused("exceeds_mandate_period", rest)
        if self.legs >= COLLECTIONS_LEGS_MAX:
            raise UseRefused("too_many_legs", rest)
        return self.first._replace(
            id=self.order.leg_id(self.legs),
            amount=amount_minor,
            user_data_64=self.period_at(timestamp),
            user_data_32=self.legs,
            code=TransferCode.COLLECTION,
            flags=0,
            timestamp=0,
        )

    def after(self, leg: Transfer) -> MandateUses:
        """The mandate once that collection stands."""
        same = leg.user_data_64 == self.period
        collected = leg.amount + (self.collected_minor if same else 0)
        return replace(self, legs=self.legs + 1, period=leg.user_data_64, collected_minor=collected)

    def over(self, timestamp: int) -> str:
        """Why nothing more can be collected at that instant (ns); empty while something can."""
        if self.revoked:
            return "mandate_revoked"
        if timestamp >= self.order.until * NANOSECONDS or self.period_at(timestamp) >= self.order.count:
            return "mandate_ended"
        return ""


Uses = HoldUses | MandateUses
