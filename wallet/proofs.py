"""Reading what proves itself: the ledger's genesis, receipts, payees' cards and addresses; pure.

The operator's key is pinned by the genesis record, whose hash is the ledgerId. What does not hold is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from fiat.authority import MoneyOrder
from fiat.bridge_quote import BridgeQuote, bridge_quote_from_json
from fiat.chart import SourceKind, TransferCode
from fiat.control import ACTIONS, DELAY_NS
from fiat.currency import Currency
from fiat.errors import FeeScheduleWrong, FiatError
from fiat.fee import fee_minor
from fiat.holder import OPERATOR, HolderGenesis, account_id, fingerprint
from fiat.order import (
    LedgerControl,
    LedgerConversion,
    LedgerHold,
    LedgerMandate,
    LedgerTransfer,
    Order,
    address_digest,
)
from fiat.quote import Quote, quote_from_json
from fiat.record import (
    GenesisRecord,
    KeyAction,
    KeyRecord,
    OperatorRecord,
    Reason,
    Record,
    TransferRecord,
    decode,
    ledger_id,
)
from fiat.seal import Receipt, Seal
from fiat.signature import recover
from fiat.tariff import Tariff
from fiat.transfer import TransferFlags
from fiat.uses import use_source
from wallet.errors import AnswerUnfit, ProofMissing
from wallet.heads import Reader, reason_of

Offered = TypeVar("Offered", Quote, BridgeQuote)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Ledger:
    """One operator's ledger: its id, the 20-byte operator key that signs for it, currencies by code, what it costs."""

    id: bytes
    operator: bytes
    exponents: Mapping[str, int]
    tariff: Tariff

    def fee_minor(self, kind: str, currency: str, amount_minor: int) -> int:
        """What an operation of that kind costs in that currency, by the tariff that was shown."""
        return fee_minor(self.tariff.schedule(kind, currency), amount_minor)


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
        tariff=_read_tariff(server, answer),
    )


def _read_tariff(server: str, answer: Reader) -> Tariff:
    try:
        return Tariff.read([row.document for row in answer.each("fees")])
    except FeeScheduleWrong:
        raise AnswerUnfit(server, "ledger.fees") from None


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


def read_receipt(server: str, document: object, ledger: Ledger, order: Order, signature: bytes) -> Record:
    """The record of a receipt for this very order. Raises AnswerUnfit, ProofMissing."""
    record = _sealed_record(server, document, ledger)
    signed = record.order if isinstance(record, (TransferRecord, KeyRecord)) else None
    if signed is None or signed.order != order or signed.signature != signature:
        raise ProofMissing(server, "receipt", "it is for another order")
    if not _carries_out(record, order):
        raise ProofMissing(server, "receipt", "it does something else than was signed")
    return record


def check_named(server: str, document: object, member: str, number: bytes) -> None:
    """What is shown beside a receipt is no other's: the number that was asked for, and a time. Raises AnswerUnfit."""
    answer = Reader(server, "order", document)
    if answer.raw(member, 32) != number or not _TIME.fullmatch(answer.text("at")):
        raise AnswerUnfit(server, f"order.{member}")


def _carries_out(record: Record, order: Order) -> bool:
    """Does the record that carries the order do what the order says, as far as one record shows it?"""
    if isinstance(order, LedgerControl):
        return isinstance(record, KeyRecord) and _changes(record, order)
    return isinstance(record, TransferRecord) and isinstance(order, MoneyOrder) and _moves(record, order)


_WAITS: Mapping[int, tuple[int, ...]] = {KeyAction.KEY_ADD: (DELAY_NS,), KeyAction.LIMIT: (0, DELAY_NS)}


def _changes(record: KeyRecord, order: LedgerControl) -> bool:
    """The change that was signed, from when it may hold: at once, or in 48 hours."""
    said = (record.holder, record.action, record.subject, record.value)
    waits = _WAITS.get(record.action, (0,))
    signed = (order.holder, ACTIONS.get(order.action), order.subject, order.value)
    return said == signed and record.effective_at - record.timestamp in waits


def _moves(record: TransferRecord, order: MoneyOrder) -> bool:
    """The amount that was signed, from the signer's account to the account of whoever was signed for."""
    amount = 0 if isinstance(order, LedgerMandate) else order.amount_minor  # a mandate moves nothing yet
    # A hold reserves, and so does what is given for a token until that has been sent.
    reserves = isinstance(order, LedgerHold) or (isinstance(order, LedgerConversion) and any(order.receive_to))
    pending = TransferFlags.PENDING if reserves else TransferFlags(0)
    listed, credited = Currency(order.currency, order.exponent), record.credit_account_id
    if isinstance(order, (LedgerTransfer, LedgerMandate, LedgerHold)):
        receiver = order.captor if isinstance(order, LedgerHold) else order.payee
        credited = account_id(receiver, listed)
    else:  # to whichever account the operator pays out from, or exchanges through
        receiver = OPERATOR
    sides = (record.debit_holder, record.debit_account_id, record.credit_holder, record.credit_account_id)
    return (
        (record.leg, record.amount) == (0, amount)
        and sides == (order.holder, account_id(order.holder, listed), receiver, credited)
        and record.flags & ~TransferFlags.LINKED == pending
    )


@dataclass(frozen=True, slots=True)
class Use:
    """What a captor or payee asked for under somebody's order: `action` is capture, release or collect.

    `id` are the 32 bytes that were chosen for it; `receiver` is the holder who asked.
    """

    action: str
    order: Order
    receiver: bytes
    id: bytes
    amount_minor: int = 0


_USE_SHAPES = {
    "capture": (TransferFlags.POST_PENDING_TRANSFER, TransferCode.HOLD),
    "release": (TransferFlags.VOID_PENDING_TRANSFER, TransferCode.HOLD),
    "collect": (TransferFlags(0), TransferCode.COLLECTION),
}


def read_use_receipt(server: str, document: object, ledger: Ledger, use: Use) -> Record:
    """The record of a receipt for this very use of this very order. Raises AnswerUnfit, ProofMissing."""
    record, order = _sealed_record(server, document, ledger), use.order
    assert isinstance(order, (LedgerHold, LedgerMandate)), "only these are used later"
    listed = Currency(order.currency, order.exponent)
    accounts = account_id(order.holder, listed), account_id(use.receiver, listed)
    flags, code = _USE_SHAPES[use.action]
    if not (
        isinstance(record, TransferRecord)
        and record.source_kind == SourceKind.USE
        and record.source_id == use_source(order.holder, order.nonce, use.id)
        and record.user_data_128 == int.from_bytes(order.digest(ledger.id)[:16], "big")
        and (record.debit_holder, record.credit_holder) == (order.holder, use.receiver)
        and (record.debit_account_id, record.credit_account_id) == accounts
        and (record.flags & ~TransferFlags.LINKED, record.code) == (flags, code)
        and (use.action == "release" or record.amount == use.amount_minor)
    ):
        raise ProofMissing(server, "receipt", "it is for something else than was asked")
    return record


def read_notice(server: str, row: Reader, ledger: Ledger) -> OperatorRecord:
    """The operator's record behind a notice, which says what the notice says. Raises AnswerUnfit, ProofMissing."""
    record = _sealed_record(server, row.document.get("receipt"), ledger)
    told = (row.integer("sequence"), row.integer("amount_minor"), row.integer("reason_code"), row.text("reason"))
    if not isinstance(record, OperatorRecord) or told != (
        record.sequence,
        record.amount,
        record.reason_code,
        Reason(record.reason).name.lower(),
    ):
        raise ProofMissing(server, "receipt", "it is for something else than was asked")
    return record


def _sealed_record(server: str, document: object, ledger: Ledger) -> Record:
    """The record that a receipt proves to stand in the journal. Raises AnswerUnfit, ProofMissing."""
    answer = Reader(server, "receipt", document)
    receipt = Receipt(answer.raw("record"), answer.hashes("path"), read_seal(answer.inner("seal")))
    try:
        return receipt.check(ledger.id, ledger.operator)
    except (FiatError, OverflowError) as error:
        raise ProofMissing(server, "receipt", reason_of(error)) from None


def read_quote(server: str, document: object, ledger: Ledger) -> Quote:
    """A quote that the operator signed and whose own numbers add up. Raises AnswerUnfit, ProofMissing."""
    return _offered(server, document, ledger, quote_from_json)


def read_bridge_quote(server: str, document: object, ledger: Ledger) -> BridgeQuote:
    """The same between a currency and a token. Raises AnswerUnfit, ProofMissing."""
    return _offered(server, document, ledger, bridge_quote_from_json)


def _offered(server: str, document: object, ledger: Ledger, read: Callable[[Mapping[str, object]], Offered]) -> Offered:
    answer = Reader(server, "quote", document)
    try:
        quote = read(answer.inner("quote").document)
        digest = quote.digest(ledger.id)
        signer = recover(digest, answer.raw("signature", 65))
        holds = quote.adds_up
    except (FiatError, ValueError, OverflowError) as error:
        raise ProofMissing(server, "quote", reason_of(error)) from None
    if signer != ledger.operator or answer.raw("id", 32) != digest or not holds:
        raise ProofMissing(server, "quote", "it is not signed by the operator, or does not add up")
    return quote


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
        raise ProofMissing(server, "address", reason_of(error)) from None
    if signer != card.root:
        raise ProofMissing(server, "address", "it is not signed by the payee's root key")
    return account
