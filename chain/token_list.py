"""Token lists, as the Token Lists standard (tokenlists.org) writes them, and how one list stands under another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chain import strict_json
from chain.address import Address
from chain.confusable import resembles
from chain.errors import AddressMalformed, JsonMalformed, TokenListMalformed
from chain.token import Token

TOKENS_MAX = 10_000
DOCUMENT_BYTES_MAX = 4 * 1024 * 1024
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_SYMBOL = re.compile(r"[A-Za-z0-9.+$_-]{1,20}", re.ASCII)
_NAME = re.compile(r"[ -~]{1,60}", re.ASCII)


@dataclass(frozen=True, slots=True)
class TokenList:
    """Tokens, unique by chain and address and, so that a name says which one is meant, by chain and symbol."""

    name: str
    tokens: tuple[Token, ...]
    version: tuple[int, int, int] = (1, 0, 0)
    timestamp: str = "1970-01-01T00:00:00+00:00"

    @classmethod
    def parse(cls, document: str | bytes) -> TokenList:
        """Raises TokenListMalformed; members that are not needed here are ignored, as the standard asks.

        `version` and `timestamp`, which the standard wants, may be missing; what is there has to be right.
        """
        try:
            parsed = strict_json.parse(document, DOCUMENT_BYTES_MAX)
        except JsonMalformed as error:
            raise TokenListMalformed(error.reason) from error
        if not isinstance(parsed, dict) or not isinstance(parsed.get("tokens"), list):
            raise TokenListMalformed("no tokens")
        if len(parsed["tokens"]) > TOKENS_MAX:
            raise TokenListMalformed("too many tokens")
        tokens = tuple(_token(entry) for entry in parsed["tokens"])
        _check_unique(tokens)
        return cls(str(parsed.get("name", "")), tokens, _version(parsed), _timestamp(parsed))

    def under(self, root: TokenList, coins: Sequence[Token] = ()) -> TokenList:
        """The root's tokens, then those of this list that neither are the root's nor could be taken for them.

        So a list that comes from elsewhere adds tokens, and renames or imitates none that ships with the program, nor
        one of `coins`, the chains' own.
        """
        before = [*root.tokens, *coins]
        added = [token for token in self.tokens if not any(_is_in_the_way(token, known) for known in before)]
        return TokenList(self.name, (*root.tokens, *added), self.version, self.timestamp)

    def on_chain(self, chain_id: int) -> tuple[Token, ...]:
        return tuple(token for token in self.tokens if token.chain_id == chain_id)

    def by_symbol(self, chain_id: int, symbol: str) -> Token | None:
        """Whatever the symbol's case."""
        wanted = symbol.casefold()
        return next((t for t in self.on_chain(chain_id) if t.symbol.casefold() == wanted), None)

    def by_address(self, chain_id: int, address: Address) -> Token | None:
        return next((t for t in self.on_chain(chain_id) if t.address == address), None)


def _token(entry: object) -> Token:
    if not isinstance(entry, dict):
        raise TokenListMalformed("a token is no object")
    chain_id, decimals = entry.get("chainId"), entry.get("decimals")
    if type(chain_id) is not int or not 0 < chain_id < 2**53:
        raise TokenListMalformed("chainId")
    if type(decimals) is not int or not 0 <= decimals <= 77:
        raise TokenListMalformed("decimals")
    symbol, name, address = entry.get("symbol"), entry.get("name"), entry.get("address")
    if not isinstance(symbol, str) or not _SYMBOL.fullmatch(symbol):
        raise TokenListMalformed("symbol")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise TokenListMalformed("name")
    if not isinstance(address, str):
        raise TokenListMalformed("address")
    try:
        return Token(chain_id, Address(address), symbol, name, decimals)
    except AddressMalformed as error:
        raise TokenListMalformed("address") from error


def _is_in_the_way(token: Token, known: Token) -> bool:
    if token.chain_id != known.chain_id:
        return False
    words = (token.symbol, token.name), (known.symbol, known.name)
    return token.address == known.address or any(resembles(mine, theirs) for mine in words[0] for theirs in words[1])


def _version(parsed: dict[str, object]) -> tuple[int, int, int]:
    told = parsed.get("version", {"major": 1, "minor": 0, "patch": 0})
    numbers = [told.get(name) for name in ("major", "minor", "patch")] if isinstance(told, dict) else []
    whole = [number for number in numbers if type(number) is int and 0 <= number < 2**31]
    if len(whole) != 3:
        raise TokenListMalformed("version")
    return whole[0], whole[1], whole[2]


def _timestamp(parsed: dict[str, object]) -> str:
    told = parsed.get("timestamp", "1970-01-01T00:00:00+00:00")
    if not isinstance(told, str) or not _TIMESTAMP.fullmatch(told):
        raise TokenListMalformed("timestamp")
    return told


def _check_unique(tokens: tuple[Token, ...]) -> None:
    addresses = {(token.chain_id, token.address) for token in tokens}
    symbols = {(token.chain_id, token.symbol.casefold()) for token in tokens}
    if len(addresses) != len(tokens) or len(symbols) != len(tokens):
        raise TokenListMalformed("a token is listed twice")
