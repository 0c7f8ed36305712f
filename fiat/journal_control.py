"""Requests that change what may sign for a holder: a control order, and the one key of a contract account."""

from __future__ import annotations

from dataclasses import dataclass

from fiat.control import Change, contract_key, control
from fiat.errors import HolderUnknown, OrderMalformed
from fiat.holder import Holder
from fiat.journal_batch import Batch
from fiat.journal_cache import Wanted
from fiat.journal_keys import append_key
from fiat.journal_requests import answer
from fiat.journal_values import KnownOrder, OrderResult
from fiat.order import LedgerControl, SignedOrder
from fiat.record import KeyAction, KeyRecord
from fiat.signature import recover
from fiat.transfer import TransferStatus
from fiat.uses import MandateUses

_MANDATE_REVOKE = "mandate-revoke"


@dataclass(frozen=True, slots=True)
class Control:
    """Carry out a signed control order, once. `digest` is its EIP-712 digest under this ledger's domain.

    Who signed it is worked out here, and who may sign is asked of the state that it is decided over: of two processes
    that both know a holder, neither accepts what the other's record has forbidden. Its answer has no receipt yet.
    """

    signed: SignedOrder
    digest: bytes

    def __post_init__(self) -> None:
        if not isinstance(self.signed.order, LedgerControl):
            raise OrderMalformed("type", "is LedgerControl")

    @property
    def order(self) -> LedgerControl:
        assert isinstance(self.signed.order, LedgerControl), "checked when it was made"
        return self.signed.order

    @property
    def size(self) -> int:
        return 1

    @property
    def key(self) -> tuple[bytes, bytes]:
        return self.order.holder, self.order.nonce

    @property
    def mandate(self) -> tuple[bytes, bytes]:
        """Holder and nonce of the mandate that a mandate-revoke names."""
        return self.order.holder, self.order.subject

    def want(self, wanted: Wanted) -> None:
        wanted.orders.add(self.key)
        wanted.holders.add(self.order.holder)
        if self.order.action == _MANDATE_REVOKE:
            wanted.uses.add(self.mandate)

    def decide(self, batch: Batch) -> OrderResult:
        known = batch.order(self.key)
        if known is not None:
            return answer(known, self.digest, self.order.nonce)
        holder = _holder(batch, self.order.holder)
        signer = recover(self.digest, self.signed.signature)
        change = control(holder, self.order, signer, batch.cursor + 1, self._mandate_stands(batch))
        record = control_record(batch.sequence + 1, batch.cursor + 1, self.signed, change)
        sequence = append_key(batch, record, change.holder)
        if change.action is KeyAction.MANDATE_REVOKE:
            batch.revoked.add(self.mandate)
        batch.answer(self.key, KnownOrder(self.digest, sequence, TransferStatus.CREATED), self.order.CODE)
        return OrderResult(TransferStatus.CREATED, sequence, None, True, True)

    def _mandate_stands(self, batch: Batch) -> bool | None:
        uses = batch.used_so_far(self.mandate)
        return not uses.revoked if isinstance(uses, MandateUses) else None


@dataclass(frozen=True, slots=True)
class ContractKey:
    """A contract account authorised its one key. Asked again with the same key it changes nothing.

    That the holder's root is that contract and that it says so (ERC-1271) was checked on its chain, at the final
    block of that hash. Raises ControlRefused where there is another key already, or an order of the holder's.
    """

    holder: bytes
    key: bytes
    chain_id: int
    block_hash: bytes

    def __post_init__(self) -> None:
        if len(self.key) != 20 or len(self.block_hash) != 32 or not 0 < self.chain_id < 1 << 63:
            raise ValueError("a key has 20 bytes, a block's hash 32, a chain a number above zero")

    @property
    def size(self) -> int:
        return 1

    def want(self, wanted: Wanted) -> None:
        wanted.holders.add(self.holder)
        wanted.ordered.add(self.holder)

    def decide(self, batch: Batch) -> Holder:
        holder = _holder(batch, self.holder)
        if holder.contract and holder.root == self.key:
            return holder
        ordered = any(of == holder.id and known.sequence is not None for (of, _), known in batch.orders.items())
        after = contract_key(holder, self.key, ordered or holder.id in batch.cache.ordered)
        record = KeyRecord(
            sequence=batch.sequence + 1,
            timestamp=batch.cursor + 1,
            holder=holder.id,
            link=holder.link(),
            action=KeyAction.CONTRACT,
            epoch=holder.epoch,
            key=self.key,
            subject=self.block_hash,
            value=self.chain_id,
            effective_at=batch.cursor + 1,
        )
        append_key(batch, record, after)
        return batch.holders[holder.id]


def control_record(sequence: int, timestamp: int, signed: SignedOrder, change: Change) -> KeyRecord:
    """The key record that carries a control order."""
    order = signed.order
    assert isinstance(order, LedgerControl), "only control orders change keys"
    return KeyRecord(
        sequence=sequence,
        timestamp=timestamp,
        holder=order.holder,
        link=change.holder.link(),
        action=change.action,
        epoch=change.holder.epoch,
        key=change.key,
        subject=order.subject,
        value=order.value,
        effective_at=change.effective_at,
        order=signed,
    )


def _holder(batch: Batch, holder_id: bytes) -> Holder:
    holder = batch.holder(holder_id)
    if holder is None:
        raise HolderUnknown("0x" + holder_id.hex())
    return holder
