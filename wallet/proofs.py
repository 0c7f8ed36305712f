"""Reading what our server signed: the ledger's genesis, seals, receipts, heads; pure, and refusing what does not hold.

The operator's key is pinned by the genesis record, whose hash is the ledgerId. A head extends another when the leaves
between them lead from the one to the other (fiat.record.follow).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fiat.errors import FiatError
from fiat.head import Balance, Head, follow
from fiat.holder import HolderGenesis, fingerprint
from fiat.order import Order, address_digest
from fiat.record import GenesisRecord, TransferRecord, decode, ledger_id
from fiat.seal import Receipt, Seal
from fiat.signature import recover
from wallet.errors import AnswerUnfit, HeadRefused, ProofMissing

Json = Mapping[str, Any]
LEAVES_MAX = 1000
_HEX = re.compile(r"0x(?:[0-9a-f]{2})*", re.ASCII)
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_DIGITS = re.compile(r"0|[1-9][0-9]{0,77}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Ledger:
    """One operator's ledger: its id, the 20-byte operator key that signs for it, currencies by code, fees by kind."""

    id: bytes
    operator: bytes
    exponents: Mapping[str, int]
    fees: Mapping[str, tuple[int, int]]

    def fee_minor(self, kind: str, amount_minor: int) -> int:
        """Fixed part plus parts per million of the amount, rounded up: the most that `kind` may cost."""
        fixed, ppm = self.fees.get(kind, (0, 0))
        return fixed - (-amount_minor * ppm // 1_000_000)


@dataclass(frozen=True, slots=True)
class Kept:
    """The head that the client keeps: the last one it saw."""

    count: int
    head: bytes


class Reader:
    """Reads one JSON object of `server`'s answer about `what`; anything of another shape raises AnswerUnfit."""

    def __init__(self, server: str, what: str, document: object) -> None:
        self._server, self._what = server, what
        if not isinstance(document, dict):
            raise AnswerUnfit(server, what)
        self.document: dict[str, Any] = document

    def _unfit(self, name: str) -> AnswerUnfit:
        return AnswerUnfit(self._server, f"{self._what}.{name}")

    def text(self, name: str) -> str:
        value = self.document.get(name)
        if not isinstance(value, str):
            raise self._unfit(name)
        return value

    def raw(self, name: str, length: int | None = None) -> bytes:
        """Of 0x lower-case hex."""
        return self._hex(name, self.text(name), length)

    def address(self, name: str) -> bytes:
        """20 bytes, in whatever case they are spelled."""
        text = self.text(name)
        if not _ADDRESS.fullmatch(text):
            raise self._unfit(name)
        return bytes.fromhex(text[2:])

    def integer(self, name: str) -> int:
        """Of a digit string, as signed objects spell it, or a JSON integer."""
        value = self.document.get(name)
        if type(value) is int and value >= 0:
            return value
        if not isinstance(value, str) or not _DIGITS.fullmatch(value):
            raise self._unfit(name)
        return int(value)

    def inner(self, name: str) -> Reader:
        return Reader(self._server, f"{self._what}.{name}", self.document.get(name))

    def each(self, name: str) -> list[Reader]:
        return [Reader(self._server, f"{self._what}.{name}", item) for item in self._list(name)]

    def hashes(self, name: str) -> tuple[bytes, ...]:
        """A list of 32-byte values."""
        return tuple(self._hex(name, item, 32) for item in self._list(name))

    def _list(self, name: str) -> list[Any]:
        value = self.document.get(name)
        if not isinstance(value, list):
            raise self._unfit(name)
        return value

    def _hex(self, name: str, value: object, length: int | None) -> bytes:
        if not isinstance(value, str) or not _HEX.fullmatch(value):
            raise self._unfit(name)
        raw = bytes.fromhex(value[2:])
        if length is not None and len(raw) != length:
            raise self._unfit(name)
        return raw


def read_ledger(server: str, document: object) -> Ledger:
    """What `GET /ledger` says, once its id follows from the genesis record that pins the operator."""
    answer = Reader(server, "ledger", document)
    claimed, body = answer.raw("ledger_id", 32), answer.raw("genesis_record")
    try:
        genesis = decode(body)
    except FiatError:
        raise ProofMissing(server, "ledger", "the genesis record is malformed") from None
    if not isinstance(genesis, GenesisRecord) or ledger_id(body) != claimed:
        raise ProofMissing(server, "ledger", "its id is not the hash of its genesis record")
    return Ledger(
        id=claimed,
        operator=genesis.operator,
        exponents={row.text("code"): row.integer("exponent") for row in answer.each("currencies")},
        fees={row.text("kind"): (row.integer("fixed_minor"), row.integer("rate_ppm")) for row in answer.each("fees")},
    )


def read_seal(answer: Reader) -> Seal:
    """Unchecked."""
    return Seal(
        number=answer.integer("number"),
        previous=answer.raw("previous", 32),
        first_sequence=answer.integer("firstSequence"),
        size=answer.integer("size"),
        root=answer.raw("root", 32),
        counters=answer.raw("counters", 32),
        timestamp=answer.integer("timestamp"),
        signature=answer.raw("signature", 65),
    )


def read_head(server: str, document: object, ledger: Ledger, holder: bytes) -> Head:
    """A head of this holder that the operator signed. Raises AnswerUnfit, ProofMissing."""
    answer = Reader(server, "head", document)
    head = Head(
        holder=answer.raw("holder", 32),
        count=answer.integer("count"),
        head=answer.raw("head", 32),
        balances=tuple(_balance(row) for row in answer.each("balances")),
        sequence=answer.integer("sequence"),
        timestamp=answer.integer("timestamp"),
        signature=answer.raw("signature", 65),
    )
    if head.holder != holder:
        raise ProofMissing(server, "head", "it is another holder's")
    try:
        head.check(ledger.id, ledger.operator)
    except (FiatError, OverflowError) as error:
        raise ProofMissing(server, "head", _reason(error)) from None
    return head


def _balance(row: Reader) -> Balance:
    return Balance(
        account=int.from_bytes(row.raw("account", 32), "big"),
        currency=row.text("currency"),
        exponent=row.integer("exponent"),
        debits_pending=row.integer("debitsPending"),
        debits_posted=row.integer("debitsPosted"),
        credits_pending=row.integer("creditsPending"),
        credits_posted=row.integer("creditsPosted"),
    )


def check_extends(server: str, kept: Kept, head: Head, blind: bytes, leaves: Sequence[bytes]) -> Kept:
    """The head that is kept from now on. `leaves` are those after the kept one's count. Raises HeadRefused."""

    def refused(reason: str) -> HeadRefused:
        return HeadRefused(server, reason, head.count, kept.count)

    if head.count < kept.count:
        raise refused("it is older than one that was shown before")
    if follow(head.holder, blind, kept.count, kept.head, leaves) != (head.count, head.head):
        raise refused("records that were shown before are missing or changed")
    return Kept(head.count, head.head)


def read_receipt(server: str, document: object, ledger: Ledger, order: Order, signature: bytes) -> Receipt:
    """A receipt for this very order. Raises AnswerUnfit, ProofMissing."""
    answer = Reader(server, "receipt", document)
    receipt = Receipt(answer.raw("record"), answer.hashes("path"), read_seal(answer.inner("seal")))
    try:
        record = receipt.check(ledger.id, ledger.operator)
    except (FiatError, OverflowError) as error:
        raise ProofMissing(server, "receipt", _reason(error)) from None
    signed = record.order if isinstance(record, TransferRecord) else None
    if signed is None or signed.order != order or signed.signature != signature:
        raise ProofMissing(server, "receipt", "it is for another order")
    return receipt


@dataclass(frozen=True, slots=True)
class Card:
    """A payee as `GET /users/{handle}` names them: the holder id follows from the genesis document."""

    handle: str
    holder: bytes
    root: bytes

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.holder)


def read_card(server: str, document: object, handle: str) -> Card:
    """Raises AnswerUnfit, ProofMissing where id and genesis document disagree."""
    answer = Reader(server, "user", document)
    try:
        genesis = HolderGenesis.parse(answer.raw("genesis"))
    except FiatError:
        raise ProofMissing(server, "card", "the genesis document is malformed") from None
    if genesis.holder_id != answer.raw("holder", 32) or answer.text("handle") != handle:
        raise ProofMissing(server, "card", "it does not follow from its genesis document")
    return Card(handle, genesis.holder_id, genesis.root)


def read_address(server: str, document: object, ledger: Ledger, card: Card, chain_id: int, now: int) -> bytes:
    """A receiving address on `chain_id` that the payee's root key attested, still valid at `now` (Unix seconds)."""
    answer = Reader(server, "address", document)
    account, attestation = answer.address("address"), answer.inner("attestation")
    valid_before = attestation.integer("valid_before")
    if answer.integer("chain_id") != chain_id or valid_before <= now:
        raise ProofMissing(server, "address", "it is for another chain, or no longer valid")
    try:
        digest = address_digest(
            ledger.id,
            holder=card.holder,
            chain_id=chain_id,
            account=account,
            valid_before=valid_before,
        )
        signer = recover(digest, attestation.raw("signature", 65))
    except (FiatError, OverflowError) as error:
        raise ProofMissing(server, "address", _reason(error)) from None
    if signer != card.root:
        raise ProofMissing(server, "address", "it is not signed by the payee's root key")
    return account


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    return reason if isinstance(reason, str) else type(error).__name__
