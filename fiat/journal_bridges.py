"""What becomes of money that was held while tokens are sent: all of it is posted, or all of it goes free. Once.

The caller says what became of the tokens; this says nothing of a chain. Every leg of the order that reserved something
is resolved by one linked chain, whose ids follow from the order: asked again, the first answer stands, and the other
answer is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fiat.chart import SourceKind, TransferCode
from fiat.errors import OrderUnknown, UseRefused
from fiat.journal_batch import Batch
from fiat.journal_cache import Wanted
from fiat.journal_requests import linked, want_transfers
from fiat.journal_rows import Cause
from fiat.journal_values import Source
from fiat.order import LedgerConversion
from fiat.transfer import Transfer, TransferFlags, TransferStatus
from fiat.uses import use_source

SETTLED = bytes(32)
"""The use's id: an order is settled once, whichever way."""
_POST, _VOID = int(TransferFlags.POST_PENDING_TRANSFER), int(TransferFlags.VOID_PENDING_TRANSFER)
_PENDING = int(TransferFlags.PENDING)
_CODES = (TransferCode.CONVERSION, TransferCode.CONVERSION, TransferCode.FEE)


def settling(order: LedgerConversion, reserved: Sequence[Transfer], *, sent: bool) -> tuple[Transfer, ...]:
    """The legs that post (`sent`) or free what the order's legs have reserved."""
    return tuple(
        leg._replace(
            id=order.leg_id(len(reserved) + place),
            pending_id=leg.id,
            user_data_32=len(reserved) + place,
            flags=_POST if sent else _VOID,
            timeout=0,
            timestamp=0,
        )
        for place, leg in enumerate(reserved)
    )


@dataclass(frozen=True, slots=True)
class Settle:
    """Post (`sent`) or free what `order`, which was carried out, has reserved in its legs `reserved`, in their order.

    Answers the sequence of the first record, None where it was settled the same way before. Raises OrderUnknown for
    legs that are not the order's, UseRefused where it was settled the other way.
    """

    order: LedgerConversion
    reserved: tuple[Transfer, ...]
    sent: bool

    @property
    def size(self) -> int:
        return len(self.reserved)

    @property
    def _source(self) -> Source:
        return Source(SourceKind.USE, use_source(self.order.holder, self.order.nonce, SETTLED))

    def want(self, wanted: Wanted) -> None:
        want_transfers(settling(self.order, self.reserved, sent=self.sent), wanted)
        wanted.sources.add((int(self._source.kind), self._source.id))

    def decide(self, batch: Batch) -> int | None:
        for number, (leg, code) in enumerate(zip(self.reserved, _CODES, strict=False)):
            stands = batch.changes.transfer(leg.id)
            own = stands is not None and stands.id == self.order.leg_id(number) and stands.code == code
            if not own or not stands or not stands.flags & _PENDING or stands.amount != leg.amount:
                raise OrderUnknown("0x" + self.order.nonce.hex())
        legs = linked(settling(self.order, self.reserved, sent=self.sent))
        outcomes, changes = batch.judge(legs)
        status = {outcome.status for outcome in outcomes}
        if status <= {TransferStatus.EXISTS, TransferStatus.LINKED_EVENT_FAILED} and TransferStatus.EXISTS in status:
            return None
        if status != {TransferStatus.CREATED}:
            wrong = min(status - {TransferStatus.LINKED_EVENT_FAILED})
            raise UseRefused(wrong.name.lower(), 0)
        batch.take(outcomes, changes, legs, Cause(None, self._source, (self.order.holder, self.order.nonce)))
        return batch.sequence - len(legs) + 1
