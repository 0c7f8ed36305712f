"""What can be signed, read from the bytes alone: the digest, the facts, and which kind of key it is for.

The signer and the review both read with this module, so the digest that a person confirmed and the digest that is
signed come from one place. Nothing here knows a key. What it cannot decode fully it refuses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from chain.address import Address
from chain.deadline import NEVER, Deadline
from chain.delegation import Delegation
from chain.digests import message_digest
from chain.erc20 import decode_erc20
from chain.errors import ChainError, TypedDataMalformed
from chain.keccak import keccak256
from chain.transaction import TransactionRequest, TransactionType
from chain.typed_data import TypedData
from fiat.errors import FiatError
from fiat.order import ORDER_TYPES, address_digest, order_from_json, registration_digest
from fiat.signature import DOMAIN_NAME
from wallet.errors import BytesNotUnderstood
from wallet.siwe import SignInText

REGISTRATION, ATTESTATION = "LedgerRegistration", "LedgerAddress"
ORDER_KINDS = (*ORDER_TYPES, REGISTRATION, ATTESTATION)
_FIELDS = {
    "holder": r"0x[0-9a-f]{64}",
    "handle": r"[!-~]{1,64}",
    "chainId": r"0|[1-9][0-9]{0,18}",
    "account": r"0x[0-9a-f]{40}",
    "validBefore": r"0|[1-9][0-9]{0,18}",
}
_ATTESTATION_FIELDS = ("holder", "chainId", "account", "validBefore")
_SIGNED_TYPES = (TransactionType.LEGACY, TransactionType.ACCESS_LIST, TransactionType.DYNAMIC_FEE)
MESSAGE_BYTES_MAX = 128 * 1024
DOCUMENT_BYTES_MAX = 256 * 1024
"""Of a message and of a typed-data document: what fits a frame to the signer in any spelling."""


class KeyKind(StrEnum):
    """The root key speaks to the ledger, an account key to a chain."""

    ROOT = "root"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Signable:
    """Decoded bytes. `digest` is the 32 bytes that the curve signs; `facts` are strings, integers as digits.

    `signer` is the address that the bytes themselves name as theirs, if they do.
    """

    kind: str
    digest: bytes
    keys: frozenset[KeyKind]
    facts: dict[str, str]
    signer: Address | None = None


def read_transaction(payload: bytes) -> Signable:
    """An unsigned transaction: legacy (EIP-155), access-list or EIP-1559. The digest is its keccak256.

    Raises BytesNotUnderstood, for other types too: blobs are never sent from here, and an authorization (EIP-7702)
    hands an account over.
    """
    try:
        request = TransactionRequest.decode(payload)
    except ChainError as error:
        raise BytesNotUnderstood("transaction", _reason(error)) from None
    if request.type not in _SIGNED_TYPES:
        raise BytesNotUnderstood("transaction", f"type {request.type:d}")
    facts = {
        "type": f"{request.type:d}",
        "chain_id": str(request.chain_id),
        "nonce": str(request.nonce),
        "to": request.to or "",
        "value": str(request.value),
        "gas": str(request.gas),
        "max_fee_per_gas": str(request.max_fee_per_gas),
        "max_priority_fee_per_gas": str(request.max_priority_fee_per_gas),
        "data": "0x" + request.data.hex(),
        "access_list_length": str(len(request.access_list)),
    }
    call = decode_erc20(request.data)
    if call is not None:
        facts |= {"erc20_method": call.method.value, "erc20_party": call.party, "erc20_units": str(call.units)}
        facts |= {"erc20_owner": call.owner} if call.owner else {}
    return Signable("transaction", keccak256(payload), frozenset({KeyKind.ACCOUNT}), facts)


def read_delegation(payload: bytes) -> Signable:
    """`Delegation.payload` (EIP-7702). The digest names it, and what is signed follows from it.

    Raises BytesNotUnderstood.
    """
    try:
        found = Delegation.decode(payload)
    except ChainError as error:
        raise BytesNotUnderstood("transaction", _reason(error)) from None
    facts = {
        "chain_id": str(found.frame.chain_id),
        "account": found.account,
        "delegate": found.delegate,
        "nonce": str(found.nonce),
        "payer": found.frame.sender or "",
        "fee_max": str(found.frame.fee_max),
    }
    return Signable("delegation", found.digest, frozenset({KeyKind.ACCOUNT}), facts, found.account)


def read_message(data: bytes) -> Signable:
    """Any bytes that a person signs as a message, for account keys alone. The digest is EIP-191's, version 0x45.

    Raises BytesNotUnderstood for more than MESSAGE_BYTES_MAX.
    """
    if len(data) > MESSAGE_BYTES_MAX:
        raise BytesNotUnderstood("message", "length")
    facts = {"data": "0x" + data.hex(), "length": str(len(data))}
    return Signable("message", message_digest(data), frozenset({KeyKind.ACCOUNT}), facts)


def read_typed_data(document: str) -> Signable:
    """A JSON document as eth_signTypedData_v4 takes it, for account keys alone. The digest is EIP-712's.

    Raises BytesNotUnderstood, also for the domain of our own ledger: its orders are read by `read_order` and shown
    for what they are, never as somebody's typed data.
    """
    typed = parse_typed_data(document)
    if is_ledger_domain(typed):
        raise BytesNotUnderstood("typed-data", "ledger-domain")
    contract, chain_id = typed.domain_value("verifyingContract"), typed.domain_value("chainId")
    facts = {
        "primary_type": typed.primary_type,
        "domain_name": str(typed.domain_value("name") or "")[:200],
        "chain_id": "" if chain_id is None else str(chain_id)[:100],
        "verifying_contract": "" if contract is None else str(contract)[:100],
        "domain_hash": "0x" + typed.domain_separator.hex(),
        "message_hash": "0x" + typed.message_hash.hex(),
    }
    return Signable("typed-data", typed.digest, frozenset({KeyKind.ACCOUNT}), facts)


def parse_typed_data(document: str, deadline: Deadline = NEVER) -> TypedData:
    """Raises BytesNotUnderstood, whose reason is the member at fault and what is expected there."""
    if len(document.encode(errors="surrogatepass")) > DOCUMENT_BYTES_MAX:
        raise BytesNotUnderstood("typed-data", "length")
    try:
        return TypedData.parse(document, deadline)
    except TypedDataMalformed as error:
        raise BytesNotUnderstood("typed-data", f"{error.path}: {error.reason}".removeprefix(": ")[:200]) from None


def is_ledger_domain(typed: TypedData) -> bool:
    """Is the domain's name that of our ledger, or one that a person would take for it?"""
    name = typed.domain_value("name")
    return isinstance(name, str) and " ".join(name.split()).casefold() == DOMAIN_NAME.casefold()


def read_sign_in(text: str) -> Signable:
    """An EIP-4361 text. The digest is EIP-191's, version 0x45. Raises BytesNotUnderstood."""
    read = SignInText.parse(text)
    digest = message_digest(text.encode())
    facts = {
        "domain": read.domain,
        "address": read.address,
        "statement": read.statement or "",
        "uri": read.uri,
        "chain_id": str(read.chain_id),
        "nonce": read.nonce,
        "issued_at": read.issued_at,
        "expiration_time": read.expiration_time or "",
    }
    return Signable("sign-in", digest, frozenset(KeyKind), facts, read.address)


def read_order(kind: str, ledger_id: bytes, fields: Mapping[str, str]) -> Signable:
    """A ledger order, registration or address attestation in JSON's one spelling. Raises BytesNotUnderstood."""
    if len(ledger_id) != 32:
        raise BytesNotUnderstood(kind[:32], "ledger")
    if kind == REGISTRATION:
        return _registration(ledger_id, fields)
    if kind == ATTESTATION:
        holder, chain_id, account, valid_before = _strict(kind, fields, _ATTESTATION_FIELDS)
        digest = address_digest(
            ledger_id,
            holder=bytes.fromhex(holder[2:]),
            chain_id=int(chain_id),
            account=bytes.fromhex(account[2:]),
            valid_before=int(valid_before),
        )
        return Signable(kind, digest, frozenset({KeyKind.ROOT}), dict(fields))
    try:
        order = order_from_json(kind, fields)
        return Signable(kind, order.digest(ledger_id), frozenset({KeyKind.ROOT}), order.to_json())
    except FiatError as error:
        raise BytesNotUnderstood(kind[:32], _reason(error)) from None


def _registration(ledger_id: bytes, fields: Mapping[str, str]) -> Signable:
    """Chain id 0 is the root key's own statement; any other is an account's proof that it is held."""
    holder, handle, chain_id, account, valid_before = _strict(REGISTRATION, fields, tuple(_FIELDS))
    digest = registration_digest(
        ledger_id,
        holder=bytes.fromhex(holder[2:]),
        handle=handle,
        chain_id=int(chain_id),
        account=bytes.fromhex(account[2:]),
        valid_before=int(valid_before),
    )
    key = KeyKind.ROOT if chain_id == "0" else KeyKind.ACCOUNT
    return Signable(REGISTRATION, digest, frozenset({key}), dict(fields), Address(account))


def _strict(kind: str, fields: Mapping[str, str], names: tuple[str, ...]) -> list[str]:
    """The fields' texts in order; no other, none missing, each in its one spelling."""
    if set(fields) != set(names):
        raise BytesNotUnderstood(kind, "fields")
    for name in names:
        if not isinstance(fields[name], str) or not re.fullmatch(_FIELDS[name], fields[name], re.ASCII):
            raise BytesNotUnderstood(kind, name)
    if int(fields["chainId"]) >= 2**63 or int(fields["validBefore"]) >= 2**63:
        raise BytesNotUnderstood(kind, "range")
    return [fields[name] for name in names]


def _reason(error: ChainError | FiatError) -> str:
    """The other package's word for it: its field where it names one, else its reason."""
    for name in ("field", "reason"):
        if hasattr(error, name):
            return str(getattr(error, name))[:80]
    return type(error).__name__
