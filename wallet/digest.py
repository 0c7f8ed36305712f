"""Digests of a document that would be signed, to compare with those that another machine shows (ERC-8213). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from chain.digests import calldata_digest
from chain.transaction import TransactionRequest
from wallet.errors import BytesNotUnderstood, InputMalformed
from wallet.review import Label
from wallet.signable import parse_typed_data, read_message, read_transaction

_HEX = re.compile(r"0x([0-9a-fA-F]{2})*", re.ASCII)


class Form(StrEnum):
    """What a document is; AUTO tells typed data, transactions and texts apart, and refuses what may be several."""

    AUTO = "auto"
    TYPED_DATA = "typed-data"
    TRANSACTION = "transaction"
    CALLDATA = "calldata"
    MESSAGE = "message"
    MESSAGE_HEX = "message-hex"


@dataclass(frozen=True, slots=True)
class Digests:
    """`rows` in the order of the standard, 0x hex for digests; `length` in bytes of what was hashed."""

    form: Form
    length: int
    rows: tuple[tuple[Label, str], ...]


def digests_of(document: bytes, form: Form = Form.AUTO) -> Digests:
    """Raises InputMalformed for a document that is not of that form, or of no form that can be told."""
    form = _told(document) if form is Form.AUTO else form
    if form is Form.MESSAGE:
        return _of_message(document, form)
    if form is Form.TYPED_DATA:
        return _of_typed_data(_text(document))
    raw = _bytes(document)
    if form is Form.MESSAGE_HEX:
        return _of_message(raw, form)
    if form is Form.CALLDATA:
        return Digests(form, len(raw), ((Label.CALLDATA_DIGEST, _hex(calldata_digest(raw))),))
    return _of_transaction(raw)


def _of_typed_data(text: str) -> Digests:
    try:
        typed = parse_typed_data(text)
    except BytesNotUnderstood as error:
        raise InputMalformed("file", Form.TYPED_DATA, error.reason) from None
    rows = (
        (Label.TYPE, typed.primary_type),
        (Label.DOMAIN_HASH, _hex(typed.domain_separator)),
        (Label.MESSAGE_HASH, _hex(typed.message_hash)),
        (Label.EIP712_DIGEST, _hex(typed.digest)),
    )
    return Digests(Form.TYPED_DATA, len(text.encode()), rows)


def _of_transaction(raw: bytes) -> Digests:
    """The calldata's digest leaves out where it goes and what is paid: those are told beside it."""
    try:
        signable = read_transaction(raw)
    except BytesNotUnderstood as error:
        raise InputMalformed("file", Form.TRANSACTION, error.reason) from None
    request = TransactionRequest.decode(raw)
    rows = (
        (Label.NETWORK, str(request.chain_id)),
        (Label.ADDRESS, request.to or "-"),
        (Label.AMOUNT, f"{request.value} wei"),
        *(((Label.CALLDATA_DIGEST, _hex(calldata_digest(request.data))),) if request.data else ()),
        (Label.DIGEST, _hex(signable.digest)),
    )
    return Digests(Form.TRANSACTION, len(raw), rows)


def _of_message(data: bytes, form: Form) -> Digests:
    try:
        return Digests(form, len(data), ((Label.DIGEST, _hex(read_message(data).digest)),))
    except BytesNotUnderstood as error:
        raise InputMalformed("file", form, error.reason) from None


def _told(document: bytes) -> Form:
    text = _text(document).strip()
    if text.startswith("{"):
        return Form.TYPED_DATA
    if not _HEX.fullmatch(text):
        return Form.MESSAGE
    try:
        read_transaction(bytes.fromhex(text[2:]))
    except BytesNotUnderstood:
        raise InputMalformed("file", "0x…", "it is hex, but no transaction: say what it is with --as") from None
    return Form.TRANSACTION


def _text(document: bytes) -> str:
    try:
        return document.decode()
    except UnicodeDecodeError:
        raise InputMalformed("file", "…", "it is no text: write it as hex") from None


def _bytes(document: bytes) -> bytes:
    text = _text(document).strip()
    if not _HEX.fullmatch(text):
        raise InputMalformed("file", text[:20], "0x and pairs of hex digits are expected")
    return bytes.fromhex(text[2:])


def _hex(digest: bytes) -> str:
    return "0x" + digest.hex()
