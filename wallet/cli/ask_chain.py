"""What a node says is held, for `tandem balance`: watch-only accounts, tokens that a site had kept in view, and what a
second node makes of the server's figures. Python's own HTTP, like wallet.cli.ask; a node that is away is said.
"""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from fiat.money import decimal_text
from wallet.cli.running import Json
from wallet.errors import AnswerUnfit
from wallet.networks import Network

ANSWER_BYTES_MAX = 4 * 1024 * 1024
PATIENCE_SECONDS = 8
BATCH_MAX = 100
WATCHED_MAX = 100
_LIST = Path(__file__).parents[1] / "tokens.json"
_WORD = re.compile(r"0x[0-9a-fA-F]{64}", re.ASCII)
_QUANTITY = re.compile(r"0x(0|[1-9a-f][0-9a-f]{0,63})", re.ASCII | re.IGNORECASE)
_BALANCE_OF, _BALANCE_OF_PIECE, _OWNER_OF = "0x70a08231", "0x00fdd58e", "0x6352211e"

Call = tuple[str, list[Any]]


class Coin(NamedTuple):
    """A token of the list that ships with the client, or the chain's own coin (no contract)."""

    symbol: str
    decimals: int
    contract: str | None = None

    def amount(self, units: int) -> str:
        """Without needless zeros."""
        whole, point, decimals = decimal_text(units, self.decimals).partition(".")
        return f"{whole}{point}{decimals.rstrip('0')}".rstrip(".")


def coins(chain_id: int) -> list[Coin]:
    """The chain's own coin and the listed tokens. The list is ours, and was checked when it was made."""
    tokens = json.loads(_LIST.read_bytes())["tokens"]
    listed = [Coin(t["symbol"], t["decimals"], t["address"]) for t in tokens if t["chainId"] == chain_id]
    return [Coin("ETH", 18), *listed]


def ask_node(url: str, calls: Sequence[Call]) -> list[Any] | None:
    """Results in order, None where one was refused; None altogether where the node does not answer as one."""
    found: list[Any] = []
    for start in range(0, len(calls), BATCH_MAX):
        answers = _batch(url, calls[start : start + BATCH_MAX])
        if answers is None:
            return None
        found += answers
    return found


def _batch(url: str, calls: Sequence[Call]) -> list[Any] | None:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    body = [{"jsonrpc": "2.0", "id": n, "method": method, "params": given} for n, (method, given) in enumerate(calls)]
    connection = kind(parts.hostname or "", parts.port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("POST", parts.path or "/", json.dumps(body), {"Content-Type": "application/json"})
        raw = connection.getresponse().read(ANSWER_BYTES_MAX + 1)
        answers = json.loads(raw) if len(raw) <= ANSWER_BYTES_MAX else None
    except (OSError, http.client.HTTPException, ValueError, RecursionError):
        return None
    finally:
        connection.close()
    if not isinstance(answers, list) or not all(isinstance(one, dict) for one in answers):
        return None
    by_id = {one.get("id"): one.get("result") for one in answers if type(one.get("id")) is int}
    return [by_id.get(number) for number in range(len(calls))]


def held(url: str, owners: Sequence[str], tokens: Sequence[Coin], block: str = "latest") -> Mapping[Any, Any] | None:
    """Units by (owner, contract), None for what is not told; None altogether where the node is away."""
    pairs = [(owner, token) for owner in owners for token in tokens]
    answers = ask_node(url, [_holding(owner, token, block) for owner, token in pairs])
    if answers is None:
        return None
    return {(owner, token.contract): _units(answer) for (owner, token), answer in zip(pairs, answers, strict=True)}


def _holding(owner: str, token: Coin, block: str) -> Call:
    if token.contract is None:
        return "eth_getBalance", [owner, block]
    return "eth_call", [{"to": token.contract, "data": _BALANCE_OF + _word(owner)}, block]


def _word(value: str | int) -> str:
    return f"{value:064x}" if isinstance(value, int) else value.removeprefix("0x").lower().rjust(64, "0")


def _units(answer: object) -> int | None:
    """Of a quantity or a word; a contract that answers like no token has no balance."""
    if isinstance(answer, str) and (_WORD.fullmatch(answer) or _QUANTITY.fullmatch(answer)):
        return int(answer, 16)
    return None


# Watch-only accounts


def watch_only(
    network: Network, watched: Mapping[str, Any], prices: Mapping[str, tuple[str, Any]]
) -> list[Json] | None:
    """What is at addresses without a key here: listed assets above zero. None where the node is away."""
    owners, tokens = list(watched)[:WATCHED_MAX], coins(network.chain_id)
    found = held(network.url, owners, tokens) if owners else {}
    if found is None:
        return None
    rows: list[Json] = []
    for owner in owners:
        for token in tokens:
            units = found[owner, token.contract]
            if units:
                place: Json = {"address": owner, "name": str(watched[owner].get("name", "")), "watch_only": True}
                rows.append({**place, **_asset(network, token, units), **_valued(token, units, prices)})
    return rows


def _asset(network: Network, token: Coin, units: int) -> Json:
    amount: Json = {"amount": token.amount(units), "amount_minor": str(units), "decimals": token.decimals}
    return {"asset": token.symbol, "rail": "chain", "chain_id": network.chain_id, "contract": token.contract, **amount}


def _valued(token: Coin, units: int, prices: Mapping[str, tuple[str, Any]]) -> Json:
    """At the price that the server names for the same asset in the same view; nothing of it is in the total."""
    price, exponent = prices.get(token.symbol, ("", 0))
    if not re.fullmatch(r"[0-9]{1,40}(\.[0-9]{1,40})?", price, re.ASCII):
        return {"price": None, "value": None}
    whole, _point, decimals = price.partition(".")
    minor = units * int(whole + decimals) * 10**exponent // 10 ** (token.decimals + len(decimals))
    return {"price": price, "value": decimal_text(minor, exponent)}


# Tokens that a site had kept in view (EIP-747)


def kept_in_view(network: Network, owners: Sequence[str], kept: Mapping[str, Any]) -> list[Json] | None:
    """Each as its site claimed it, with what the contract says of one's own accounts. None where the node is away."""
    calls: list[Call] = []
    for name, entry in kept.items():
        calls += _calls_of(name, str(entry.get("type")), owners)
    answers = ask_node(network.url, calls) if calls else []
    if answers is None:
        return None
    found = iter(answers)
    return [_claimed(network, name, entry, owners, found) for name, entry in kept.items()]


def _calls_of(name: str, standard: str, owners: Sequence[str]) -> list[Call]:
    contract, _slash, number = name.partition("/")
    if standard == "ERC721":
        return [("eth_call", [{"to": contract, "data": _OWNER_OF + _word(int(number))}, "latest"])]
    many = standard == "ERC1155"
    asked = [
        _BALANCE_OF_PIECE + _word(owner) + _word(int(number)) if many else _BALANCE_OF + _word(owner)
        for owner in owners
    ]
    return [("eth_call", [{"to": contract, "data": calldata}, "latest"]) for calldata in asked]


def _claimed(network: Network, name: str, entry: Mapping[str, Any], owners: Sequence[str], found: Any) -> Json:
    contract, _slash, number = name.partition("/")
    standard, decimals = str(entry.get("type")), int(entry.get("decimals") or 0)
    if standard == "ERC721":
        holder = _units(next(found))
        units = None if holder is None else int(any(holder == int(owner, 16) for owner in owners))
    else:
        told = [_units(next(found)) for _owner in owners]
        units = None if None in told else sum(n for n in told if n is not None)
    if standard != "ERC20":
        decimals = 0
    symbol = str(entry.get("symbol", ""))
    return {
        "asset": symbol,
        "contract": contract,
        "token_id": number or None,
        "type": standard,
        "chain_id": network.chain_id,
        "decimals": decimals,
        "amount": None if units is None else Coin(symbol, decimals).amount(units),
        "amount_minor": None if units is None else str(units),
        "claimed_by": str(entry.get("by") or "?"),
    }


# A second node


def cross_check(
    second: str, server: str, chain: Mapping[str, Any], owners: Iterable[str], positions: Iterable[Mapping[str, Any]]
) -> Json:
    """What the second node says of the very addresses that the server counts, at the block that it names.

    The server's figures may be of a block that came while it read: what differs is held against the head too.
    `state` is agrees, disagrees or away (no answer, or none for that block). Raises AnswerUnfit.
    """
    host, tokens, block = urlsplit(second).netloc, coins(int(chain["chain_id"])), int(chain["block"])
    told: Json = {"server": server, "second": host, "block": block, "differences": []}
    counted, answers = list(owners), ask_node(second, [("eth_chainId", [])])
    if answers is None:
        return {**told, "state": "away"}
    if answers != [hex(int(chain["chain_id"]))]:
        return {**told, "state": "disagrees", "chain_id": answers[0] if isinstance(answers[0], str) else None}
    found = held(second, counted, tokens, hex(block)) if counted else {}
    if found is None or any(found[owner, None] is None for owner in counted):
        return {**told, "state": "away"}
    said = {p["contract"]: p for p in positions if p["rail"] == "chain" and p["chain_id"] == chain["chain_id"]}
    claims = {t: _claimed_units(server, said[t.contract]) if t.contract in said else 0 for t in tokens}

    def sums(figures: Mapping[tuple[str, str | None], int | None]) -> dict[Coin, int]:
        return {token: sum(figures[owner, token.contract] or 0 for owner in counted) for token in tokens}

    then = sums(found)
    fits = then == claims or not counted
    now = then if fits else sums(held(second, counted, tokens, "latest") or found)
    for token, claimed in claims.items():
        if claimed not in (then[token], now[token]):
            amounts = {"asset": token.symbol, "server": token.amount(claimed), "second": token.amount(then[token])}
            told["differences"].append(amounts)
    return {**told, "state": "disagrees" if told["differences"] else "agrees"}


def _claimed_units(server: str, position: Mapping[str, Any]) -> int:
    text = str(position["amount_minor"])
    if not re.fullmatch(r"[0-9]{1,78}", text, re.ASCII):
        raise AnswerUnfit(server, "positions")
    return int(text)
