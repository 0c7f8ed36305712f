"""Delegated accounts (EIP-7702): an account whose code is a pointer to a contract that runs in its name. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from chain.address import Address

PREFIX = bytes.fromhex("ef0100")


def delegate_of(code: bytes) -> Address | None:
    """Whose code an account runs, of what eth_getCode answers; None for no code, and for a contract of its own."""
    if len(code) != len(PREFIX) + 20 or not code.startswith(PREFIX):
        return None
    return Address.from_bytes(code[len(PREFIX) :])


def is_delegation_asked(transaction: Mapping[str, object]) -> bool:
    """Does an eth_sendTransaction object ask for type 4, or bring authorizations along? In any spelling of the type."""
    kind = transaction.get("type")
    is_type_4 = kind == 4 or (isinstance(kind, str) and re.fullmatch(r"(0x)?0*4", kind.strip()) is not None)
    return is_type_4 or "authorizationList" in transaction or "authorization_list" in transaction
