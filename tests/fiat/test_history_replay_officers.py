"""The replay over a recovery: the honest one passes, and one that moves too little or too much is named."""

from __future__ import annotations

import pytest

from fiat.history_export import export
from fiat.history_replay import Replay
from fiat.record import Reason, TransferRecord, leaf_hash
from tests.fiat.conftest import Person
from tests.fiat.forgery import Forger
from tests.fiat.officers import DAY, EVERYTHING, Office
from tests.fiat.test_journal_entries import Recoverable

HELD, ARRIVED = 900, 45


@pytest.fixture
async def recovered(engine):
    """A journal, taken apart, in which money arrived during the notice of a recovery."""
    lost, new = Recoverable(0xCAFE), Person(0xB0B)
    office = await Office.open(engine, lost, new)
    await office.move("clearing:sandbox", lost, HELD)
    hold = await office.held(3, lost, new, EVERYTHING, days=30, successor=new.id)
    await office.move("clearing:sandbox", lost, ARRIVED)
    office.after(15 * DAY)
    await office.post(office.entry(Reason.RECOVERY, lost, new, EVERYTHING, pending_id=hold.leg_0, successor=new.id))
    await office.move("clearing:sandbox", new, 1)
    await office.journal.close()
    async with engine.connect() as conn:
        return Forger.of(b"".join([piece async for piece in export(conn)]))


def replayed(forger):
    """What the replay says of the journal, every reason once."""
    _genesis, *rest = [record for batch in Forger.of(forger.data).batches for record in batch]
    replay = Replay(forger.ledger_id)
    return {reason for record in rest for reason in replay.record(record, leaf_hash(record.encode()))}


def second(**fields):
    return {"kind": "OperatorRecord", "reason": Reason.RECOVERY, "user_data_32": 1} | fields


def alone(forger):
    forger.change({"kind": "OperatorRecord", "reason": Reason.RECOVERY}, flags=4)
    forger.drop(**second())


def nothing_arrived(forger):
    forger.drop(kind=TransferRecord.__name__, amount=ARRIVED)


async def test_the_honest_recovery_passes(recovered):
    assert recovered.get(**second()).amount == ARRIVED
    assert replayed(recovered) == set()


@pytest.mark.parametrize(
    ("forge", "reason"),
    [
        (alone, "stands where an entry's second record should"),
        (lambda f: f.drop(**second()), "stands where an entry's second record should"),
        (lambda f: f.change(second(), amount=ARRIVED - 1), "differs from its entry in amount"),
        (lambda f: f.change(second(), amount=ARRIVED + 1), "the machine says exceeds_credits"),
        (lambda f: f.change(second(), user_data_128=7), "is not the second record of the entry before it"),
        (nothing_arrived, "the machine says exceeds_credits"),
    ],
)
async def test_a_recovery_of_another_amount_is_named(recovered, forge, reason):
    forge(recovered)
    assert reason in replayed(recovered)
