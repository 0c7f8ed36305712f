"""The paper between officers: an entry (or a change of officers), its ledger, and the signatures. Pure.

What is shown comes from the fields that are signed; what the paper says of people beside them is shown as its claim.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from api.errors import OfficerDocumentMalformed
from api.texts import _
from chain.errors import JsonMalformed
from chain.strict_json import parse
from fiat.currency import Currency
from fiat.errors import FiatError
from fiat.holder import OPERATOR, account_id
from fiat.money import decimal_text
from fiat.officer import EVERYTHING_MINOR, REASON_CODES, WITHOUT_NOTICE, Entry, HoldFor
from fiat.officer_rules import COMPELLED, INQUIRY, RECEIVABLE
from fiat.order import ZERO_32, LedgerControl, SignedOrder, order_from_json
from fiat.record import Reason
from fiat.signature import recover

KIND = "tandem-officer-1"
BYTES_MAX = 16_384
NAME_LENGTH_MAX = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class NamedAccount:
    """Whose account it is and what for: the id that is signed follows from both. The handle is a claim."""

    holder: bytes
    purpose: str
    handle: str

    def to_json(self) -> dict[str, str]:
        return {"holder": "0x" + self.holder.hex(), "purpose": self.purpose, "handle": self.handle}


@dataclass(frozen=True, slots=True)
class EntryPaper:
    """An entry on its way. `holder` and `handle` are what the paper claims about whose account it is.

    `accounts` names what is behind the two account ids, as far as the server knew.
    """

    ledger_id: bytes
    entry: Entry
    holder: bytes
    handle: str
    signatures: tuple[bytes, ...] = ()
    accounts: tuple[NamedAccount, ...] = ()

    @property
    def digest(self) -> bytes:
        return self.entry.digest(self.ledger_id)

    def signed(self, signature: bytes) -> EntryPaper:
        """With one more signature; a second one of the same officer changes nothing."""
        signers = {recover(self.digest, one) for one in self.signatures}
        if recover(self.digest, signature) in signers:
            return self
        return replace(self, signatures=(*self.signatures, signature))

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": KIND,
            "ledger_id": "0x" + self.ledger_id.hex(),
            "entry": self.entry.to_json(),
            "holder": "0x" + self.holder.hex(),
            "handle": self.handle,
            "accounts": [one.to_json() for one in self.accounts],
            "digest": "0x" + self.digest.hex(),
            "signatures": ["0x" + one.hex() for one in self.signatures],
        }


@dataclass(frozen=True, slots=True)
class ChangePaper:
    """A signed change of officers on its way to the server. It is valid for a quarter of an hour."""

    ledger_id: bytes
    signed: SignedOrder

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": KIND,
            "ledger_id": "0x" + self.ledger_id.hex(),
            "order": self.signed.order.to_json(),
            "signature": "0x" + self.signed.signature.hex(),
        }


def read(text: bytes) -> EntryPaper | ChangePaper:
    """Read a paper; every value in its one spelling. Raises OfficerDocumentMalformed."""
    try:
        document = parse(text, BYTES_MAX)
        if not isinstance(document, dict) or document.get("kind") != KIND:
            raise OfficerDocumentMalformed("it is of another kind")
        ledger_id = _bytes(document["ledger_id"], 32)
        if "order" in document:
            order = order_from_json("LedgerControl", document["order"])
            return ChangePaper(ledger_id, SignedOrder(order, _bytes(document["signature"], 65)))
        paper = EntryPaper(
            ledger_id,
            Entry.from_json(document["entry"]),
            _bytes(document["holder"], 32),
            _shown(document["handle"]),
            tuple(_bytes(one, 65) for one in document["signatures"]),
            tuple(
                NamedAccount(_bytes(one["holder"], 32), _shown(one["purpose"]), _shown(one["handle"]))
                for one in document["accounts"]
            ),
        )
    except JsonMalformed as error:
        raise OfficerDocumentMalformed(error.reason) from None
    except (AttributeError, KeyError, TypeError, ValueError, FiatError) as error:  # another shape
        raise OfficerDocumentMalformed(str(error)[:200]) from None
    if paper.to_json() != document:
        raise OfficerDocumentMalformed("it was changed after it was written")
    return paper


def _shown(text: str) -> str:
    """A handle or a purpose. It is shown on a terminal: no control character, and no text that runs backwards."""
    if len(text) > NAME_LENGTH_MAX or not text.isprintable():
        raise ValueError("name")
    return text


def write(paper: EntryPaper | ChangePaper) -> str:
    return json.dumps(paper.to_json(), indent=1, ensure_ascii=False) + "\n"


def _bytes(text: str, length: int) -> bytes:
    value = bytes.fromhex(text[2:]) if text.startswith("0x") else b""
    if len(value) != length:
        raise ValueError(f"{length} bytes")
    return value


def lines(paper: EntryPaper) -> Iterator[str]:
    """What the entry would do, in words, from the bytes that are signed."""
    entry = paper.entry
    currency = Currency(entry.currency, entry.exponent)
    words = _reason_words()
    yield words.get((entry.reason, entry.reason_code), _("An entry of a kind that this program does not know."))
    everything = entry.amount_minor == EVERYTHING_MINOR and entry.successor != ZERO_32
    amount = (
        _("everything there is") if everything else f"{decimal_text(entry.amount_minor, entry.exponent)} {currency}"
    )
    yield _("amount: {amount}").format(amount=amount)
    yield _("from: {account}").format(account=_whose(paper, entry.debit_account, currency))
    yield _("to: {account}").format(account=_whose(paper, entry.credit_account, currency))
    if entry.until:
        yield _("ends by itself: {until}").format(until=_moment(entry.until))
    if entry.undoes:
        yield _("undoes record: {sequence}").format(sequence=entry.undoes)
    if entry.pending_id:
        yield _("resolves the hold: {id}").format(id=f"{entry.pending_id:#034x}")
    if entry.document != ZERO_32:
        cap = f"{decimal_text(entry.cap, entry.exponent)} {currency}"
        yield _("document: {hash}, cap {cap}").format(hash="0x" + entry.document.hex(), cap=cap)
    if entry.successor != ZERO_32:
        yield _("successor: {holder}").format(holder="0x" + entry.successor.hex())
    yield _("ledger: {id}").format(id="0x" + paper.ledger_id.hex())
    yield _("signatures so far: {count}").format(count=len(paper.signatures))


def _moment(seconds: int) -> str:
    """What no calendar has stays a number."""
    try:
        return (_EPOCH + timedelta(seconds=seconds)).isoformat()
    except OverflowError:
        return str(seconds)


def _whose(paper: EntryPaper, account: int, currency: Currency) -> str:
    """An account in words where its id follows from what the paper names; the handle is only claimed."""
    if account == account_id(paper.holder, currency):
        return _holders(paper.holder, paper.handle)
    if paper.entry.successor != ZERO_32 and account == account_id(paper.entry.successor, currency):
        return _("the account of the successor")
    for purpose in (COMPELLED, INQUIRY, RECEIVABLE, "liquidity", "fees", "capital", "bank", "clearing:sandbox"):
        if account == account_id(OPERATOR, currency, purpose):
            return _("the operator's account {purpose}").format(purpose=purpose)
    for named in paper.accounts:
        if account == account_id(named.holder, currency, named.purpose):
            if named.holder == OPERATOR:
                return _("the operator's account {purpose}").format(purpose=named.purpose)
            return _holders(named.holder, named.handle)
    return _("account {id}, which this program cannot name").format(id=f"{account:#034x}")


def _holders(holder: bytes, handle: str) -> str:
    claimed = _(" (claimed to be @{handle})").format(handle=handle) if handle else ""
    return _("the account of holder {holder}").format(holder="0x" + holder.hex()) + claimed


def change_lines(paper: ChangePaper) -> Iterator[str]:
    """What a change of officers would do."""
    order = paper.signed.order
    assert isinstance(order, LedgerControl), "papers carry control orders only"
    yield _("{action} {subject}").format(action=order.action, subject="0x" + order.subject.hex())
    yield _("ledger: {id}").format(id="0x" + paper.ledger_id.hex())


def _reason_words() -> dict[tuple[int, int], str]:
    return {
        (Reason.HOLD, HoldFor.UNDOING): _("HOLD, to undo a credit after 72 hours' notice."),
        (Reason.HOLD, HoldFor.COMPELLED): _("HOLD, for a court or tax office, after 72 hours' notice."),
        (Reason.HOLD, HoldFor.RECOVERY): _("HOLD, to recover the account for a new key after 14 days' notice."),
        (Reason.HOLD, HoldFor.INQUIRY): _("HOLD, while something is looked into."),
        (Reason.RELEASE, 0): _("RELEASE a hold."),
        (Reason.UNDOING, 1): _("UNDO a credit: chargeback."),
        (Reason.UNDOING, 2): _("UNDO a credit: error."),
        (Reason.COMPELLED, 1): _("TAKE what a tax office demands."),
        (Reason.COMPELLED, 2): _("TAKE what a court demands."),
        (Reason.COMPELLED, WITHOUT_NOTICE): _("TAKE what a tax office demands, at once: the law forbids notice."),
        (Reason.COMPELLED, WITHOUT_NOTICE + 1): _("TAKE what a court demands, at once: the law forbids notice."),
        (Reason.RECOVERY, 0): _("RECOVER the account: move the whole balance to the successor."),
        (Reason.CREDIT, 1): _("CREDIT a person: goodwill."),
        (Reason.CREDIT, 2): _("CREDIT a person: interest."),
        (Reason.CREDIT, 3): _("CREDIT a person: correction."),
    }


def reason_of(kind: str, word: str) -> tuple[Reason, int]:
    """`hold` and `inquiry` to their numbers. Raises KeyError."""
    reason = Reason[kind.upper()]
    return reason, {name: code for code, name in REASON_CODES[reason].items()}[word]
