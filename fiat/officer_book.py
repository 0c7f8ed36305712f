"""Operator entries that stand in the journal, by what the rules of further ones ask for. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from fiat.officer import Counters
from fiat.order import ZERO_32
from fiat.record import OperatorRecord


class EntryBook:
    """The first records of entries: all of a journal's, or those that a batch asks for."""

    def __init__(self) -> None:
        self.by_id: dict[int, OperatorRecord] = {}
        self._by_nonce: dict[bytes, OperatorRecord] = {}
        self._by_undoes: dict[int, list[OperatorRecord]] = {}
        self._by_document: dict[bytes, list[OperatorRecord]] = {}

    def add(self, record: OperatorRecord) -> None:
        """Take over a record; only an entry's first is looked up, the second says the same."""
        if record.user_data_32 or record.id in self.by_id:
            return
        self.by_id[record.id] = self._by_nonce[record.nonce] = record
        if record.undoes:
            self._by_undoes.setdefault(record.undoes, []).append(record)
        if record.document != ZERO_32:
            self._by_document.setdefault(record.document, []).append(record)

    def of_nonce(self, nonce: bytes) -> OperatorRecord | None:
        return self._by_nonce.get(nonce)

    def undoing(self, sequence: int) -> Sequence[OperatorRecord]:
        """Those that name this record in `undoes`."""
        return self._by_undoes.get(sequence, ())

    def compelling(self, document: bytes) -> Sequence[OperatorRecord]:
        """Those that name this document."""
        return self._by_document.get(document, ())


def counted(counters: Counters, record: OperatorRecord) -> dict[tuple[int, int], tuple[int, int]]:
    """The counters once `record` stands."""
    key = record.reason, record.ledger
    count, amount = counters.get(key, (0, 0))
    return {**counters, key: (count + 1, amount + record.amount)}
