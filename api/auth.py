"""Sign-in with Ethereum (EIP-4361, signed as EIP-191) and session tokens. Pure; randomness and time are handed in.

A session lets its holder read what is theirs and ask for top-ups. It never authorises a debit.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from api.errors import SignatureInvalid
from chain.address import Address
from fiat.errors import OrderSignatureWrong
from fiat.signature import keccak256, recover

CHALLENGE_SECONDS = 5 * 60
SESSION_SECONDS = 7 * 24 * 3600
TOKEN_BYTES = 32
NONCE_LENGTH = 22
STATEMENT = "Sign in to Tandem. This moves no money."
_TOKEN = re.compile(r"[0-9a-f]{64}", re.ASCII)
_ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Site:
    """Who asks: `domain` is host and port, `origin` the URI, `ledger_id` names the ledger among the resources."""

    domain: str
    origin: str
    chain_id: int
    ledger_id: bytes


def challenge(site: Site, address: Address, nonce: str, now_ns: int) -> str:
    """The text to sign, by EIP-4361's grammar; valid for five minutes."""
    return (
        f"{site.domain} wants you to sign in with your Ethereum account:\n"
        f"{address}\n\n"
        f"{STATEMENT}\n\n"
        f"URI: {site.origin}\n"
        "Version: 1\n"
        f"Chain ID: {site.chain_id}\n"
        f"Nonce: {nonce}\n"
        f"Issued At: {rfc3339(now_ns)}\n"
        f"Expiration Time: {rfc3339(now_ns + CHALLENGE_SECONDS * 10**9)}\n"
        "Resources:\n"
        f"- urn:tandem:ledger:0x{site.ledger_id.hex()}"
    )


def nonce_of(randomness: bytes) -> str:
    """22 letters and digits out of 16 random bytes (EIP-4361 asks for at least 8)."""
    number, characters = int.from_bytes(randomness, "big"), []
    for _ in range(NONCE_LENGTH):
        number, digit = divmod(number, len(_ALPHANUMERIC))
        characters.append(_ALPHANUMERIC[digit])
    return "".join(characters)


def personal_digest(message: str) -> bytes:
    """EIP-191 version 0x45: what `personal_sign` signs."""
    text = message.encode()
    return keccak256(b"\x19Ethereum Signed Message:\n" + str(len(text)).encode() + text)


def check_signature(message: str, signature: bytes, address: bytes) -> None:
    """Raises SignatureInvalid unless the key of `address` signed the text."""
    try:
        signer = recover(personal_digest(message), signature)
    except OrderSignatureWrong:
        raise SignatureInvalid("sign-in") from None
    if not hmac.compare_digest(signer, address):
        raise SignatureInvalid("sign-in")


def challenge_digest(message: str) -> bytes:
    """Under which a challenge that was given out is remembered: every character of it counts."""
    return sha256(b"challenge\0" + message.encode()).digest()


def token_hash(token: str) -> bytes:
    """What is stored of a session token. 256 random bits need no salt and no slow hash."""
    return sha256(b"session\0" + token.encode()).digest()


def bearer_token(authorization: str | None) -> str | None:
    """The token of an `Authorization: Bearer` header (RFC 6750), or None where there is none of ours."""
    scheme, _, token = (authorization or "").partition(" ")
    return token if scheme.lower() == "bearer" and _TOKEN.fullmatch(token) else None


def rfc3339(time_ns: int) -> str:
    """UTC with microseconds and Z."""
    seconds, nanoseconds = divmod(time_ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds // 1000:06d}Z"
