"""Payment links: `https://SERVER/pay/@alice#holder=0x…&amount=12.50&currency=EUR&memo=lunch`. Pure and strict.

The payee makes them, and hands them over by a way of their own: so the holderId in a link overrides what the server
says of the handle. What stands behind the # never reaches the server, whose page only says what to do with the link.
A link suggests; the amount and asset that were typed have to be those that it asks for. For tokens there are
`ethereum:` links (wallet.payment_uri).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from fiat.holder import fingerprint
from wallet.errors import InputMalformed, LinkElsewhere
from wallet.hosts import names_host
from wallet.payee import Payee, read_handle

LENGTH_MAX = 2000
MEMO_BYTES_MAX = 200
_PATH = "/pay/@"
_HOLDER = re.compile(r"0x[0-9a-f]{64}", re.ASCII)
_AMOUNT = re.compile(r"(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z][A-Z0-9]{1,5}", re.ASCII)
_EXPECTED = "https://SERVER/pay/@handle#holder=0x… is expected"


@dataclass(frozen=True, slots=True)
class PaymentLink:
    """`server` is scheme and authority; `holder` 32 bytes. Empty texts are left to whoever pays; an amount, in plain
    decimals, has a currency."""

    server: str
    handle: str
    holder: bytes
    amount: str = ""
    currency: str = ""
    memo: str = ""

    @property
    def text(self) -> str:
        """As it is handed over. Reading it gives the same link."""
        given = {"holder": "0x" + self.holder.hex(), "amount": self.amount, "currency": self.currency}
        members = [*given.items(), ("memo", self.memo)]
        told = "&".join(f"{name}={quote(value, safe='')}" for name, value in members if value)
        return f"{self.server}{_PATH}{quote(self.handle, safe='')}#{told}"

    @property
    def payee(self) -> Payee:
        """Named in full: by the link, not by the server."""
        named = fingerprint(self.holder).replace(" ", "")
        return Payee(handle=self.handle, fingerprint=named, holder=self.holder, link=self.text)


def server_of(url: str) -> str:
    """Scheme and authority of a server's URL: what its links begin with."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def is_payment_link(text: str) -> bool:
    return text[:8].lower().startswith(("https://", "http://"))


def read_payment_link(text: str, server: str) -> PaymentLink:
    """Of a link to somebody at `server` (a URL), which is the person's own. Raises InputMalformed, LinkElsewhere."""
    if len(text) > LENGTH_MAX or not text.isascii() or not text.isprintable() or " " in text:
        raise _malformed(text, _EXPECTED)
    try:
        parts = urlsplit(text)
        path, _port = unquote(parts.path, errors="strict"), parts.port
    except ValueError:
        raise _malformed(text, _EXPECTED) from None
    if not parts.hostname or parts.username is not None or parts.query or not path.startswith(_PATH):
        raise _malformed(text, _EXPECTED)
    ours = urlsplit(server)
    if parts.scheme != ours.scheme or not names_host(parts.netloc, ours.netloc):
        raise LinkElsewhere(parts.netloc[:80], ours.netloc)
    handle = path.removeprefix(_PATH)
    if not _is_handle(handle):
        raise _malformed(text, _EXPECTED)
    return _read(text, server_of(server), handle, _members(text, parts.fragment))


def check_request(link: PaymentLink, amount: str, currency: str, memo: str) -> None:
    """Is what was typed what the link asks for? `amount` as the currency writes it. Raises InputMalformed."""
    if link.currency not in ("", currency):
        raise _malformed(link.text, "it asks for another asset")
    if link.amount and _plain(link.amount) != _plain(amount):
        raise _malformed(link.text, "it asks for another amount")
    if link.memo not in ("", memo):
        raise _malformed(link.text, "it asks for another memo")


def _read(text: str, server: str, handle: str, given: dict[str, str]) -> PaymentLink:
    if not given.keys() <= {"holder", "amount", "currency", "memo"}:
        raise _malformed(text, "a parameter is unknown, or stands there twice")
    holder, amount, currency, memo = (given.get(name, "") for name in ("holder", "amount", "currency", "memo"))
    if not _HOLDER.fullmatch(holder):
        raise _malformed(text, "it does not say who is paid")
    if amount and not (currency and _AMOUNT.fullmatch(amount) and _plain(amount) != "0"):
        raise _malformed(text, "an amount above zero in plain decimals, and its currency, are expected")
    if currency and not _CURRENCY.fullmatch(currency):
        raise _malformed(text, "an amount above zero in plain decimals, and its currency, are expected")
    if not memo.isprintable() or len(memo.encode()) > MEMO_BYTES_MAX:
        raise _malformed(text, "its memo is no single line that can be shown")
    return PaymentLink(server, handle, bytes.fromhex(holder[2:]), amount, currency, memo)


def _members(text: str, fragment: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in fragment.split("&")] if fragment else []
    try:
        found = {name: unquote(value, errors="strict") for name, mark, value in pairs if mark and value}
    except ValueError:
        raise _malformed(text, _EXPECTED) from None
    if len(found) != len(pairs):
        raise _malformed(text, "a parameter is empty, or stands there twice")
    return found


def _is_handle(text: str) -> bool:
    """In the one spelling?"""
    try:
        return read_handle(text) == text
    except InputMalformed:
        return False


def _plain(amount: str) -> str:
    """`12.50` and `12.5` are one amount."""
    return amount.rstrip("0").rstrip(".") if "." in amount else amount


def _malformed(text: str, reason: str) -> InputMalformed:
    return InputMalformed("payee", text[:80], reason)
