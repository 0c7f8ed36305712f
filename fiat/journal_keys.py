"""Key records on their way into a batch: a holder is opened, or what may sign for them and how much changes."""

from __future__ import annotations

from dataclasses import replace

from fiat.holder import Holder, HolderGenesis
from fiat.journal_batch import Batch, Linking
from fiat.record import KeyAction, KeyRecord


def open_holder(batch: Batch, genesis: HolderGenesis, blind: bytes) -> Holder:
    """The holder of that document, opened by a `key` record unless it exists."""
    known = batch.holder(genesis.holder_id)
    if known is not None:
        return known
    fresh = Holder(genesis.holder_id, genesis.root, genesis.recovery, blind, 1, False, 0, genesis.holder_id)
    record = KeyRecord(
        sequence=batch.sequence + 1,
        timestamp=batch.cursor + 1,
        holder=fresh.id,
        link=fresh.link(),
        action=KeyAction.OPEN,
        epoch=fresh.epoch,
        key=genesis.root,
        salt=genesis.salt,
        recovery=genesis.recovery,
        blind=blind,
    )
    batch.rows["new_holders"].append({"id": fresh.id, "salt": genesis.salt, "sequence": record.sequence})
    append_key(batch, record, fresh)
    return batch.holders[fresh.id]


def append_key(batch: Batch, record: KeyRecord, after: Holder) -> int:
    """Add a key record for the holder who is `after` by it, but for its link and their chain. Returns its sequence."""
    batch.cursor = record.timestamp
    batch.holders[after.id] = after
    linked = replace(record, link=after.link())
    batch.append(linked, [Linking(after, linked.link)])
    batch.changed_keys.add(after.id)
    batch.rows["keys"].append(
        {
            "sequence": linked.sequence,
            "holder": linked.holder,
            "action": int(linked.action),
            "epoch": linked.epoch,
            "key": linked.key,
            "subject": linked.subject,
            "value": linked.value,
            "effective_at": linked.effective_at,
        }
    )
    return linked.sequence
