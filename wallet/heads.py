"""Reading our server's answers, and the signed head of the person's account; pure, refusing what does not hold.

Loaded by the commands that only ask, so it imports no more than a head needs. A head extends another when the leaves
between them lead from the one to the other (fiat.head.follow).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fiat.errors import FiatError
from fiat.head import Balance, Head, follow
from wallet.errors import AnswerUnfit, HeadRefused, ProofMissing, ServerRefused, ServerUnreachable

Json = Mapping[str, Any]
LEAVES_MAX = 1000
_HEX = re.compile(r"0x(?:[0-9a-f]{2})*", re.ASCII)
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_DIGITS = re.compile(r"0|[1-9][0-9]{0,77}", re.ASCII)


@dataclass(frozen=True)
class Kept:
    """The head that the client keeps: the last one it saw."""

    count: int
    head: bytes


class Reader:
    """Reads one JSON object of `server`'s answer about `what`; anything of another shape raises AnswerUnfit."""

    def __init__(self, server: str, what: str, document: object) -> None:
        self._server, self._what = server, what
        if not isinstance(document, dict):
            raise AnswerUnfit(server, what)
        self.document: dict[str, Any] = document

    def _unfit(self, name: str) -> AnswerUnfit:
        return AnswerUnfit(self._server, f"{self._what}.{name}")

    def text(self, name: str) -> str:
        value = self.document.get(name)
        if not isinstance(value, str):
            raise self._unfit(name)
        return value

    def raw(self, name: str, length: int | None = None) -> bytes:
        """Of 0x lower-case hex."""
        return self._hex(name, self.text(name), length)

    def address(self, name: str) -> bytes:
        """20 bytes, in whatever case they are spelled."""
        text = self.text(name)
        if not _ADDRESS.fullmatch(text):
            raise self._unfit(name)
        return bytes.fromhex(text[2:])

    def integer(self, name: str) -> int:
        """Of a digit string, as signed objects spell it, or a JSON integer."""
        value = self.document.get(name)
        if type(value) is int and value >= 0:
            return value
        if not isinstance(value, str) or not _DIGITS.fullmatch(value):
            raise self._unfit(name)
        return int(value)

    def inner(self, name: str) -> Reader:
        return Reader(self._server, f"{self._what}.{name}", self.document.get(name))

    def each(self, name: str) -> list[Reader]:
        return [Reader(self._server, f"{self._what}.{name}", item) for item in self._list(name)]

    def hashes(self, name: str) -> tuple[bytes, ...]:
        """A list of 32-byte values."""
        return tuple(self._hex(name, item, 32) for item in self._list(name))

    def _list(self, name: str) -> list[Any]:
        value = self.document.get(name)
        if not isinstance(value, list):
            raise self._unfit(name)
        return value

    def _hex(self, name: str, value: object, length: int | None) -> bytes:
        if not isinstance(value, str) or not _HEX.fullmatch(value):
            raise self._unfit(name)
        raw = bytes.fromhex(value[2:])
        if length is not None and len(raw) != length:
            raise self._unfit(name)
        return raw


def read_head(server: str, document: object, ledger_id: bytes, operator: bytes, holder: bytes) -> Head:
    """A head of this holder that the operator signed. Raises AnswerUnfit, ProofMissing."""
    answer = Reader(server, "head", document)
    head = Head(
        holder=answer.raw("holder", 32),
        count=answer.integer("count"),
        head=answer.raw("head", 32),
        balances=tuple(_balance(row) for row in answer.each("balances")),
        sequence=answer.integer("sequence"),
        timestamp=answer.integer("timestamp"),
        signature=answer.raw("signature", 65),
    )
    if head.holder != holder:
        raise ProofMissing(server, "head", "it is another holder's")
    try:
        head.check(ledger_id, operator)
    except (FiatError, OverflowError) as error:
        raise ProofMissing(server, "head", reason_of(error)) from None
    return head


def _balance(row: Reader) -> Balance:
    return Balance(
        account=int.from_bytes(row.raw("account", 32), "big"),
        currency=row.text("currency"),
        exponent=row.integer("exponent"),
        debits_pending=row.integer("debitsPending"),
        debits_posted=row.integer("debitsPosted"),
        credits_pending=row.integer("creditsPending"),
        credits_posted=row.integer("creditsPosted"),
    )


def check_extends(server: str, kept: Kept, head: Head, blind: bytes, leaves: Sequence[bytes]) -> Kept:
    """The head that is kept from now on. `leaves` are those after the kept one's count. Raises HeadRefused."""

    def refused(reason: str) -> HeadRefused:
        return HeadRefused(server, reason, head.count, kept.count)

    if head.count < kept.count:
        raise refused("it is older than one that was shown before")
    if follow(head.holder, blind, kept.count, kept.head, leaves) != (head.count, head.head):
        raise refused("records that were shown before are missing or changed")
    return Kept(head.count, head.head)


def judge(server: str, status: int, document: object, path: str) -> dict[str, Any]:
    """The JSON object of a 2xx answer (None: it was no JSON); a problem raises ServerRefused with slug and members."""
    if not isinstance(document, dict):
        if status >= 500:
            raise ServerUnreachable(server, f"http-{status}")
        raise AnswerUnfit(server, path.partition("?")[0])
    if 200 <= status < 300:
        return document
    slug = str(document.get("slug") or str(document.get("type", "")).rpartition("/")[2] or "unknown")[:64]
    known = {"type", "title", "status", "slug", "detail", "instance"}
    facts = {name: value for name, value in document.items() if name not in known}
    title = str(document.get("detail") or document.get("title") or "")[:200]
    raise ServerRefused(server, status, slug, title, facts)


def reason_of(error: Exception) -> str:
    """The error's own word for it."""
    reason = getattr(error, "reason", None)
    return reason if isinstance(reason, str) else type(error).__name__
