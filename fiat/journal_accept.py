"""An order as it came in, of which nothing is known but whose signature it bears.

Whether it may be carried out is asked of the state that it is decided over, with all that wait at that moment: one look
at the database for a batch, in place of four for an order.
"""

from __future__ import annotations

from dataclasses import dataclass

from fiat.authority import check_authority
from fiat.control import keys_at
from fiat.errors import OrderHeadUnknown, OrderKeyUnknown, PayeeUnknown
from fiat.journal_batch import Batch
from fiat.journal_cache import Wanted
from fiat.journal_control import Control
from fiat.journal_requests import Submit
from fiat.journal_values import OrderResult
from fiat.transfer import NANOSECONDS


@dataclass(frozen=True, slots=True)
class Accept:
    """Carry out what `asked` says, if `signer` may order it. A known nonce gives its first answer before all that.

    `receivers` are accounts that must be there, with their holders: where one is not, it raises PayeeUnknown, opens
    nothing and leaves the nonce free.
    """

    asked: Submit | Control
    signer: bytes
    receivers: tuple[tuple[bytes, int], ...] = ()
    knows_head: bool = False
    """Was its head looked up already? What a holder had they will always have had."""

    @property
    def size(self) -> int:
        return self.asked.size

    def want(self, wanted: Wanted) -> None:
        self.asked.want(wanted)
        wanted.accounts.update(account for _, account in self.receivers)
        order = self.asked.signed.order
        if order.seen_head != order.holder and not self.knows_head:
            wanted.seen.add((order.holder, order.seen_head))

    def decide(self, batch: Batch) -> OrderResult:
        if batch.order(self.asked.key) is None:
            self._check(batch)
        return self.asked.decide(batch)

    def _check(self, batch: Batch) -> None:
        order, at = self.asked.signed.order, batch.cursor + 1
        holder = batch.holder(order.holder)
        if holder is None:  # the same answer as for a key that is not the holder's: who has an account is not told
            raise OrderKeyUnknown("0x" + self.signer.hex())
        check_authority(order, self.signer, keys_at(holder, at), at // NANOSECONDS)
        recent = order.seen_head in (holder.id, holder.head) or (holder.id, order.seen_head) in batch.cache.seen
        if not recent and not self.knows_head:
            raise OrderHeadUnknown("0x" + order.seen_head.hex())
        for receiver, account in self.receivers:
            if batch.row(account) is None:
                raise PayeeUnknown("0x" + receiver.hex())
