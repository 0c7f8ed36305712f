"""Typed values of the first version (an array without a domain) as they can be signed: read from the bytes alone. Pure.

The signer and the review both read with this module, like wallet.signable, of which it is a part.
"""

from __future__ import annotations

from chain.errors import TypedDataMalformed
from chain.typed_values import TypedValues
from wallet.errors import BytesNotUnderstood
from wallet.signable import DOCUMENT_BYTES_MAX, KeyKind, Signable


def is_typed_values(document: str) -> bool:
    """Version 1 is an array, version 4 an object."""
    return document.lstrip().startswith("[")


def parse_typed_values(document: str) -> TypedValues:
    """Raises BytesNotUnderstood, whose reason is the member at fault and what is expected there."""
    if len(document.encode(errors="surrogatepass")) > DOCUMENT_BYTES_MAX:
        raise BytesNotUnderstood("typed-data", "length")
    try:
        return TypedValues.parse(document)
    except TypedDataMalformed as error:
        raise BytesNotUnderstood("typed-data", f"{error.path}: {error.reason}".removeprefix(": ")[:200]) from None


def read_typed_values(document: str) -> Signable:
    """For account keys alone. Raises BytesNotUnderstood."""
    typed = parse_typed_values(document)
    facts = {"values": str(len(typed.values)), "version": "1"}
    return Signable("typed-data", typed.digest, frozenset({KeyKind.ACCOUNT}), facts)
