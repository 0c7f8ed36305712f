"""Requests of captors and payees: take from a hold, let it go, collect under a mandate. Each is carried out once.

Who asks is checked against the order: whoever is not its captor or payee is told that there is no such order. What the
machine or the order's own terms refuse leaves nothing behind, so the same use may be asked again. An order that is
accepted in the same batch is not known to it yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from fiat.chart import SourceKind
from fiat.errors import FiatError, LimitExceeded, NonceConflict, OrderUnknown, UseRefused
from fiat.journal_batch import Batch
from fiat.journal_cache import Wanted
from fiat.journal_requests import check_standing, linked
from fiat.journal_rows import Cause
from fiat.journal_values import Source
from fiat.limit import LimitKind
from fiat.transfer import Transfer, TransferStatus
from fiat.uses import HoldUses, MandateUses, use_source

U = TypeVar("U", HoldUses, MandateUses)


@dataclass(frozen=True, slots=True)
class UseResult:
    """The sequence of the use's first record, whose receipt proves it; `first` for the call that caused it."""

    sequence: int
    first: bool


@dataclass(frozen=True, slots=True)
class Use:
    """What every use names: the order (holder and nonce, 32 bytes each), and the 32 bytes that make it once."""

    holder: bytes
    nonce: bytes
    use_id: bytes

    def __post_init__(self) -> None:
        if {len(self.holder), len(self.nonce), len(self.use_id)} != {32}:
            raise ValueError("holder, nonce and use id have 32 bytes")

    @property
    def key(self) -> tuple[bytes, bytes]:
        return self.holder, self.nonce

    @property
    def source(self) -> bytes:
        return use_source(self.holder, self.nonce, self.use_id)

    @property
    def size(self) -> int:
        return 2

    def want(self, wanted: Wanted) -> None:
        wanted.uses.add(self.key)
        wanted.use_sources.add(self.source)

    def found(self, batch: Batch, kind: type[U], party: bytes) -> U:
        """The order as it was used so far, for its own captor or payee. Raises OrderUnknown for anybody else."""
        uses = batch.used_so_far(self.key)
        named = uses.order.captor if isinstance(uses, HoldUses) else uses.order.payee if uses is not None else None
        if not isinstance(uses, kind) or named != party:
            raise OrderUnknown("0x" + self.nonce.hex())
        return uses

    def again(self, batch: Batch, make: Callable[[int, int], Sequence[Transfer]]) -> UseResult | None:
        """The first answer, if this use was carried out: `make(leg, timestamp)` is what it would have been then.

        None when it is new. Raises NonceConflict for other content.
        """
        known = batch.use(self.source)
        if known is None:
            return None
        sequence, leg = known
        try:
            (asked, *_) = make(leg.user_data_32, leg.timestamp)
        except FiatError:
            asked = None
        if asked is None or _content(asked) != _content(leg):
            raise NonceConflict("0x" + self.use_id.hex())
        return UseResult(sequence, False)

    def carry_out(self, batch: Batch, legs: Sequence[Transfer], rest_minor: int) -> tuple[UseResult, list[Transfer]]:
        """Have the machine judge the legs as one chain and take them over. Raises UseRefused; then nothing stays."""
        chain = linked(legs)
        outcomes, changes = batch.judge(chain)
        for outcome in outcomes:
            if outcome.status not in (TransferStatus.CREATED, TransferStatus.LINKED_EVENT_FAILED):
                raise UseRefused(outcome.status.name.lower(), rest_minor)
        source = Source(SourceKind.USE, self.source)
        batch.take(outcomes, changes, chain, Cause(None, source, self.key))
        taken = [posting.transfer for posting in changes.postings]
        sequence = batch.sequence - len(taken) + 1
        batch.used[self.source] = sequence, taken[0]
        return UseResult(sequence, True), taken


@dataclass(frozen=True, slots=True)
class Capture(Use):
    """Take `amount_minor` from a hold. The rest stays reserved, unless the capture is `final`."""

    captor: bytes
    amount_minor: int
    final: bool = False

    def decide(self, batch: Batch) -> UseResult:
        hold = self.found(batch, HoldUses, self.captor)

        def make(leg: int, timestamp: int) -> list[Transfer]:
            return hold.before(leg).capture(self.amount_minor, self.final, timestamp)

        known = self.again(batch, make)
        return known or _use_hold(batch, self, hold, hold.capture(self.amount_minor, self.final, batch.cursor + 1))


@dataclass(frozen=True, slots=True)
class Release(Use):
    """Let a hold go: what is still reserved is the holder's again."""

    captor: bytes

    def decide(self, batch: Batch) -> UseResult:
        hold = self.found(batch, HoldUses, self.captor)
        known = self.again(batch, lambda leg, _: hold.before(leg).release())
        return known or _use_hold(batch, self, hold, hold.release())


@dataclass(frozen=True, slots=True)
class Collect(Use):
    """Take `amount_minor` under a mandate, in the period that it is at the instant of the record.

    Whether the payer lacks the money or has limited what leaves, the payee is told the same.
    """

    payee: bytes
    amount_minor: int

    def decide(self, batch: Batch) -> UseResult:
        mandate = self.found(batch, MandateUses, self.payee)

        def make(leg: int, timestamp: int) -> list[Transfer]:
            unused = replace(mandate, legs=leg, collected_minor=0, revoked=False)
            return [unused.collect(self.amount_minor, timestamp)]

        known = self.again(batch, make)
        if known is not None:
            return known
        leg = mandate.collect(self.amount_minor, batch.cursor + 1)
        holder = batch.holder(self.holder)
        assert holder is not None, "a mandate's holder is loaded"
        check_standing(holder, holder.epoch)
        rest_minor = mandate.rest_minor(batch.cursor + 1)
        try:
            spent = batch.spend(holder, LimitKind.MANDATE, mandate.order.currency, [leg])
        except LimitExceeded:  # what the payer may spend, and has spent elsewhere, is not the payee's to know
            raise UseRefused(TransferStatus.EXCEEDS_CREDITS.name.lower(), rest_minor) from None
        result, (taken,) = self.carry_out(batch, [leg], rest_minor)
        batch.count(self.holder, spent)
        batch.uses[self.key] = mandate.after(taken)
        return result


def _use_hold(batch: Batch, use: Use, hold: HoldUses, legs: Sequence[Transfer]) -> UseResult:
    result, taken = use.carry_out(batch, legs, hold.rest_minor)
    sequences = range(result.sequence, result.sequence + len(taken))
    batch.uses[use.key] = replace(hold, legs=(*hold.legs, *taken), sequences=(*hold.sequences, *sequences))
    return result


def _content(leg: Transfer) -> tuple[int, ...]:
    return leg.id, leg.amount, leg.pending_id, int(leg.flags), leg.user_data_64
