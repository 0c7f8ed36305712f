"""What the asking process hands to the signer's guard: signing calls to be judged, and claims beside them. Pure.

Its shapes are checked here, and what the bytes say is read here; a claim is only ever a reason to ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chain.address import Address
from chain.errors import ChainError
from wallet.errors import CallRefused
from wallet.policy import Policy
from wallet.policy_request import (
    Claims,
    Foreseen,
    Price,
    Request,
    known_of,
    message_request,
    together,
    transaction_request,
    typed_request,
)
from wallet.review import Caution
from wallet.signable import read_message, read_transaction, read_typed_data
from wallet.signable_values import is_typed_values, read_typed_values

ITEMS_MAX = 100
TRANSACTION, MESSAGE, TYPED = "sign_transaction", "sign_message", "sign_typed_data"


@dataclass(frozen=True, slots=True)
class Item:
    """A signing call by its name, with its bytes (typed data: its document), and the digest that is signed, 0x hex."""

    call: str
    data: bytes | str
    digest: str


def transaction_item(payload: bytes) -> Item:
    """Raises BytesNotUnderstood."""
    return Item(TRANSACTION, payload, "0x" + read_transaction(payload).digest.hex())


def message_item(data: bytes) -> Item:
    """Raises BytesNotUnderstood."""
    return Item(MESSAGE, data, "0x" + read_message(data).digest.hex())


def typed_item(document: str) -> Item:
    """Raises BytesNotUnderstood."""
    read = read_typed_values if is_typed_values(document) else read_typed_data
    return Item(TYPED, document, "0x" + read(document).digest.hex())


def read_items(items: list[Any]) -> list[Item]:
    """Of a `permit` call. Raises CallRefused, BytesNotUnderstood."""
    if len(items) > ITEMS_MAX:
        raise CallRefused("permit", "too many")
    return [_item(one) for one in items]


def _item(one: Any) -> Item:
    match one:
        case {"call": "sign_transaction", "data": str(data)}:
            return transaction_item(_bytes(data))
        case {"call": "sign_message", "data": str(data)}:
            return message_item(_bytes(data))
        case {"call": "sign_typed_data", "data": str(data)}:
            return typed_item(data)
    raise CallRefused("permit", "items")


def item_json(item: Item) -> dict[str, str]:
    """As `permit` takes it."""
    return {"call": item.call, "data": item.data if isinstance(item.data, str) else "0x" + item.data.hex()}


def request_of(client: str, items: Sequence[Item], account: Address, policy: Policy | None, claims: Claims) -> Request:
    """One signature, or several transactions. Raises CallRefused, BytesNotUnderstood."""
    found = [_request(client, item, account, policy, claims) for item in items]
    if len(found) == 1:
        return found[0]
    if any(item.call != TRANSACTION for item in items):
        raise CallRefused("permit", "items")
    return together(client, found)


def _request(client: str, item: Item, account: Address, policy: Policy | None, claims: Claims) -> Request:
    known = known_of(policy, [account])
    if isinstance(item.data, str):
        return typed_request(client, item.data, account, known, claims)
    if item.call == MESSAGE:
        return message_request(client, item.data, account, policy.server if policy else "", claims)
    return transaction_request(client, item.data, account, known, claims)


def read_claims(claims: dict[str, Any]) -> Claims:
    """Raises CallRefused."""
    try:
        if set(claims) != {"simulated", "prices", "cautions"}:
            raise ValueError("members")
        seen = claims["simulated"]
        foreseen = None if seen is None else _foreseen(seen)
        prices = tuple(
            Price(int(chain), None if token is None else Address(token), str(code), int(nano), int(at))
            for chain, token, code, nano, at in claims["prices"]
        )
        return Claims(foreseen, prices, frozenset(Caution(one) for one in claims["cautions"]))
    except (KeyError, TypeError, ValueError, ChainError):
        raise CallRefused("permit", "claims") from None


def _foreseen(seen: dict[str, Any]) -> Foreseen:
    leaves = tuple((None if token is None else Address(token), int(units)) for token, units in seen["leaves"])
    return Foreseen(seen["succeeded"] is True, leaves, seen["others"] is not False)


def claims_json(claims: Claims) -> dict[str, Any]:
    """As `permit` takes them."""
    seen = claims.simulated
    leaves = [[token, str(units)] for token, units in seen.leaves] if seen else []
    return {
        "simulated": {"succeeded": seen.succeeded, "leaves": leaves, "others": seen.others} if seen else None,
        "prices": [[p.chain_id, p.token, p.currency, str(p.nano), p.as_of] for p in claims.prices],
        "cautions": sorted(claims.cautions),
    }


def _bytes(text: str) -> bytes:
    try:
        if not text.startswith("0x"):
            raise ValueError("hex")
        return bytes.fromhex(text[2:])
    except ValueError:
        raise CallRefused("permit", "hex") from None
