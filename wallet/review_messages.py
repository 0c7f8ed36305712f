"""What a person is shown before they sign a message (EIP-191) that a dApp asks for. Pure.

A text that signs in (EIP-4361) is recognised, by its opening words even where its grammar is broken: the domain that it
names is held against the origin that asks, and one for our own server is never signed for a dApp, since it would open
the person's account there.
"""

from __future__ import annotations

import re

from chain.address import Address
from wallet.errors import BytesNotUnderstood
from wallet.hosts import host_port, names_host
from wallet.plain_text import is_hiding, lines, visible
from wallet.review import Caution, Fact, Known, Label, Refusal, Review, Source, Title
from wallet.signable import read_message
from wallet.siwe import SignInText

_OPENING = re.compile(r"wants\s+you\s+to\s+sign\s+in\s+with\s+your\s+ethereum\s+account", re.IGNORECASE)
_HASH = re.compile(r"(0x)?[0-9a-fA-F]{64}", re.ASCII)
_HEX = re.compile(r"0x([0-9a-fA-F]{2})+", re.ASCII)
_USUAL_PORTS = {"http": 80, "https": 443}


def review_message(data: bytes, *, account: Address, known: Known, origin: str, host: str) -> Review:
    """Of bytes as personal_sign takes them. Raises BytesNotUnderstood for too many.

    `origin` is who asks (`https://app.example`, or a program's name); `host` is our server's (`Config.server_host`),
    for which a dApp gets no sign-in.
    """
    digest = read_message(data).digest
    text = _text(data)
    asked = Fact(Label.ASKED_BY, visible(origin), Source.LIST)
    if text is not None and _OPENING.search(text):
        return _sign_in(text, digest, asked, account=account, origin=origin, host=host)
    shown, warnings = _shown(data, text)
    if _is_transaction_shaped(data, text):
        warnings.append(Caution.TRANSACTION_SHAPED)
    facts = (asked, Fact(Label.KEY, account, Source.LIST), *shown, _digest_fact(digest))
    return Review(Title.MESSAGE, digest, facts, origin, tuple(warnings))


def _sign_in(text: str, digest: bytes, asked: Fact, *, account: Address, origin: str, host: str) -> Review:
    """A sign-in text, or what would pass for one."""
    refused = Refusal.SERVER_SIGN_IN if _names_server(text, host) else None
    try:
        read = SignInText.parse(text)
    except BytesNotUnderstood:
        shown, warnings = _shown(text.encode(), text)
        facts = (asked, Fact(Label.KEY, account, Source.LIST), *shown, _digest_fact(digest))
        warnings = [Caution.SIGN_IN_BROKEN, Caution.SIGN_IN_ELSEWHERE, *warnings]
        return Review(Title.SIGN_IN, digest, facts, origin, tuple(warnings), refused=refused)
    warnings = []
    if not _is_same_site(read, origin):
        warnings.append(Caution.SIGN_IN_ELSEWHERE)
    if read.address != account:
        warnings.append(Caution.SIGN_IN_ACCOUNT)
    facts = (asked, *_sign_in_facts(read, text), _digest_fact(digest))
    return Review(Title.SIGN_IN, digest, facts, origin, tuple(warnings), refused=refused)


def _sign_in_facts(read: SignInText, text: str) -> tuple[Fact, ...]:
    told = [
        (Label.SITE, f"{read.scheme}://{read.domain}" if read.scheme else read.domain),
        (Label.STATEMENT, read.statement),
        (Label.KEY, read.address),
        (Label.URI, read.uri),
        (Label.NETWORK, str(read.chain_id)),
        (Label.NONCE, read.nonce),
        (Label.ISSUED_AT, read.issued_at),
        (Label.VALID_FROM, read.not_before),
        (Label.VALID_UNTIL, read.expiration_time),
        (Label.REQUEST, read.request_id),
        *((Label.RESOURCE, resource) for resource in read.resources or ()),
    ]
    return tuple(Fact(label, value, Source.BYTES) for label, value in told if value)


def _names_server(text: str, host: str) -> bool:
    """Does any part of the text speak to our server, however it is spelt?"""
    opening = text.strip().split(None, 1)[0].rpartition("://")[2]
    uris = re.findall(r"^\s*URI:\s*(\S+)", text, re.MULTILINE | re.IGNORECASE)
    return any(names_host(place, host) for place in (opening, *(uri.partition("://")[2] or uri for uri in uris)))


def _is_same_site(read: SignInText, origin: str) -> bool:
    """EIP-4361: the domain is the authority of the page that asks; a scheme, where one is named, is its scheme."""
    scheme, _, authority = origin.partition("://")
    if not authority or (read.scheme is not None and read.scheme.lower() != scheme):
        return False
    usual = _USUAL_PORTS.get(scheme)
    (name, port), (asking, asking_port) = host_port(read.domain), host_port(authority)
    return name is not None and name == asking and (port or usual) == (asking_port or usual)


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _shown(data: bytes, text: str | None) -> tuple[list[Fact], list[Caution]]:
    """The message line by line, or as hex where it is no text."""
    warnings = [] if text is not None else [Caution.NOT_TEXT]
    if text is not None and is_hiding(text):
        warnings.append(Caution.HIDDEN_CHARACTERS)
    told, is_whole = lines(text if text is not None else "0x" + data.hex())
    if not is_whole:
        warnings.append(Caution.TOO_LONG)
    return [Fact(Label.TEXT, line, Source.BYTES) for line in told], warnings


def _is_transaction_shaped(data: bytes, text: str | None) -> bool:
    """A bare hash, an RLP list or a typed transaction's payload, raw or written as hex: what a page gets signed so may
    mean something to somebody that is not seen here."""
    if len(data) == 32 and text is None:
        return True
    written = (text or "").strip()
    if _HASH.fullmatch(written):
        return True
    body = bytes.fromhex(written[2:]) if _HEX.fullmatch(written) else data
    return len(body) >= 10 and (_is_list(body) or (body[0] in (1, 2, 3, 4) and _is_list(body[1:])))


def _is_list(body: bytes) -> bool:
    """Is this one RLP list, from its first byte to its last?"""
    if body[0] < 0xC0:
        return False
    if body[0] <= 0xF7:
        return len(body) == 1 + body[0] - 0xC0
    width = body[0] - 0xF7
    return len(body) == 1 + width + int.from_bytes(body[1 : 1 + width], "big")


def _digest_fact(digest: bytes) -> Fact:
    return Fact(Label.DIGEST, "0x" + digest.hex(), Source.BYTES)
