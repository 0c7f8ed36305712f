"""Sign-in texts (EIP-4361, "Sign-In with Ethereum"): the grammar, strictly, both ways.

A text is accepted only if writing what was read gives the same bytes again. Whether the domain is the right one, and
whether the times are, is for the caller to judge: this module only says what the text claims.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from chain.address import Address
from chain.errors import AddressMalformed
from wallet.errors import BytesNotUnderstood

TEXT_LENGTH_MAX = 4096
_RESOURCES_MAX = 32
_OPENING = " wants you to sign in with your Ethereum account:"
_SCHEME = r"[a-zA-Z][a-zA-Z0-9+.\-]*"
_URI_CHARACTERS = r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]"
_PATTERNS = {
    "scheme": _SCHEME,
    "domain": r"[A-Za-z0-9\-._~%!$&'()*+,;=:@\[\]]+",
    "statement": r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;= ]+",
    "uri": f"{_SCHEME}:{_URI_CHARACTERS}*",
    "chain_id": r"0|[1-9][0-9]{0,18}",
    "nonce": r"[A-Za-z0-9]{8,128}",
    "request_id": r"[A-Za-z0-9\-._~%!$&'()*+,;=:@]*",
    "time": r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)",
}
_COMPILED = {name: re.compile(pattern, re.ASCII) for name, pattern in _PATTERNS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInText:
    """The members of a sign-in text, as written. Raises BytesNotUnderstood naming the member that is malformed."""

    domain: str
    address: Address
    uri: str
    chain_id: int
    nonce: str
    issued_at: str
    scheme: str | None = None
    statement: str | None = None
    expiration_time: str | None = None
    not_before: str | None = None
    request_id: str | None = None
    resources: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("domain", "uri", "nonce", "scheme", "statement", "request_id"):
            _fits(name, name, getattr(self, name))
        for name in ("issued_at", "expiration_time", "not_before"):
            _is_time(name, getattr(self, name))
        if not 0 <= self.chain_id < 2**63:
            raise _malformed("chain_id")
        if self.resources is not None and len(self.resources) > _RESOURCES_MAX:
            raise _malformed("resources")
        for resource in self.resources or ():
            _fits("resources", "uri", resource)

    @property
    def text(self) -> str:
        """The text that is signed."""
        origin = f"{self.scheme}://{self.domain}" if self.scheme is not None else self.domain
        lines = [origin + _OPENING, self.address, ""]
        lines += [self.statement] if self.statement is not None else []
        lines += ["", f"URI: {self.uri}", "Version: 1", f"Chain ID: {self.chain_id}", f"Nonce: {self.nonce}"]
        lines += [f"Issued At: {self.issued_at}"]
        optional = {
            "Expiration Time": self.expiration_time,
            "Not Before": self.not_before,
            "Request ID": self.request_id,
        }
        lines += [f"{label}: {value}" for label, value in optional.items() if value is not None]
        if self.resources is not None:
            lines += ["Resources:", *(f"- {resource}" for resource in self.resources)]
        return "\n".join(lines)

    @classmethod
    def parse(cls, text: str) -> SignInText:
        """Read a text. Raises BytesNotUnderstood for anything that the grammar does not give."""
        if len(text) > TEXT_LENGTH_MAX:
            raise _malformed("length")
        lines = text.split("\n")
        if len(lines) < 9 or not lines[0].endswith(_OPENING):
            raise _malformed("opening")
        scheme, separator, domain = lines[0].removesuffix(_OPENING).rpartition("://")
        statement, rest = (None, lines[4:]) if lines[3] == "" else (lines[3], lines[5:])
        members, resources = _labelled(rest)
        if members.get("Version") != "1":
            raise _malformed("version")
        read = cls(
            domain=domain,
            address=_address(lines[1]),
            uri=members.get("URI", ""),
            chain_id=_chain_id(members.get("Chain ID", "")),
            nonce=members.get("Nonce", ""),
            issued_at=members.get("Issued At", ""),
            scheme=scheme if separator else None,
            statement=statement,
            expiration_time=members.get("Expiration Time"),
            not_before=members.get("Not Before"),
            request_id=members.get("Request ID"),
            resources=resources,
        )
        if read.text != text:  # order, doubled or unknown members, blank lines, spaces
            raise _malformed("form")
        return read


def _labelled(lines: list[str]) -> tuple[dict[str, str], tuple[str, ...] | None]:
    """`Label: value` lines, then perhaps `Resources:` and its `- ` lines."""
    if "Resources:" not in lines:
        return dict(_label(line) for line in lines), None
    place = lines.index("Resources:")
    resources = tuple(line.removeprefix("- ") for line in lines[place + 1 :])
    return dict(_label(line) for line in lines[:place]), resources


def _label(line: str) -> tuple[str, str]:
    label, _, value = line.partition(": ")
    return label, value


def _address(line: str) -> Address:
    try:
        address = Address(line)
    except AddressMalformed:
        raise _malformed("address") from None
    if address != line:  # EIP-4361 wants the checksum
        raise _malformed("address")
    return address


def _chain_id(digits: str) -> int:
    if not _COMPILED["chain_id"].fullmatch(digits):
        raise _malformed("chain_id")
    return int(digits)


def _fits(name: str, pattern: str, value: str | None) -> None:
    if value is not None and not _COMPILED[pattern].fullmatch(value):
        raise _malformed(name)


def _is_time(name: str, value: str | None) -> None:
    """RFC 3339, and a time that exists."""
    _fits(name, "time", value)
    try:
        datetime.fromisoformat((value or "2000-01-01T00:00:00Z").upper())
    except ValueError:
        raise _malformed(name) from None


def _malformed(member: str) -> BytesNotUnderstood:
    return BytesNotUnderstood("sign-in", member)
