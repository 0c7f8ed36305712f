"""Token lists are read strictly where it matters: chain, address, decimals, and names that mean one token."""

import json
from typing import Any

import pytest

from chain.address import Address
from chain.errors import TokenListMalformed
from chain.token import Token
from chain.token_list import TokenList

DUSD = {"chainId": 31337, "address": "0x" + 40 * "1", "name": "Demo Dollar", "symbol": "DUSD", "decimals": 6}


def listing(*tokens: dict[str, Any]) -> str:
    return json.dumps({"name": "Test", "timestamp": "2026-01-01T00:00:00Z", "tokens": tokens})


def test_lookups() -> None:
    tokens = TokenList.parse(listing(DUSD, {**DUSD, "chainId": 1}))
    assert len(tokens.on_chain(31337)) == 1
    found = tokens.by_symbol(31337, "dusd")
    assert found is not None and found.decimals == 6
    assert tokens.by_address(31337, Address("0x" + 40 * "1")) == found
    assert tokens.by_symbol(31337, "DEUR") is None


@pytest.mark.parametrize(
    "change",
    [
        {"decimals": 6.0},
        {"decimals": "6"},
        {"decimals": True},
        {"decimals": 78},
        {"chainId": 0},
        {"address": "0x1"},
        {"address": "0xA111111111111111111111111111111111111111"[:41]},
        {"symbol": "DUSD\x1b[31m"},
        {"symbol": "DUЅD"},
        {"name": "a\u202eb"},
    ],
)
def test_a_bad_entry_refuses_the_list(change: dict[str, Any]) -> None:
    with pytest.raises(TokenListMalformed):
        TokenList.parse(listing({**DUSD, **change}))


def test_twice_the_same_symbol_or_address_or_member() -> None:
    with pytest.raises(TokenListMalformed):
        TokenList.parse(listing(DUSD, {**DUSD, "address": "0x" + 40 * "2", "symbol": "dusd"}))
    with pytest.raises(TokenListMalformed):
        TokenList.parse(listing(DUSD, {**DUSD, "symbol": "OTHER"}))
    with pytest.raises(TokenListMalformed):
        TokenList.parse('{"tokens": [], "tokens": []}')
    with pytest.raises(TokenListMalformed):
        TokenList.parse("[")


def test_a_list_tells_its_version_and_when_it_was_made() -> None:
    whole = {"name": "Test", "timestamp": "2026-01-01T00:00:00Z", "version": {"major": 2, "minor": 1, "patch": 7}}
    parsed = TokenList.parse(json.dumps({**whole, "tokens": [DUSD]}))
    assert (parsed.name, parsed.version, parsed.timestamp) == ("Test", (2, 1, 7), "2026-01-01T00:00:00Z")
    wrong: list[dict[str, Any]] = [
        {"version": {"major": 1, "minor": 0}},
        {"version": {"major": 1, "minor": 0, "patch": -1}},
        {"version": "1.0.0"},
        {"timestamp": "yesterday"},
        {"timestamp": 7},
    ]
    for change in wrong:
        with pytest.raises(TokenListMalformed):
            TokenList.parse(json.dumps({**whole, **change, "tokens": []}))


def test_a_list_under_the_root_adds_tokens_and_imitates_none() -> None:
    """The root's own entry stands, and whoever could be taken for one of its tokens is left out."""
    root = TokenList.parse(listing(DUSD))
    others = [
        {**DUSD, "symbol": "OTHER", "name": "Renamed", "decimals": 18},
        {**DUSD, "address": "0x" + 40 * "2"},
        {**DUSD, "address": "0x" + 40 * "3", "symbol": "D-USD", "name": "Something"},
        {**DUSD, "address": "0x" + 40 * "4", "symbol": "DU5D", "name": "Something"},
        {**DUSD, "address": "0x" + 40 * "5", "symbol": "FINE", "name": "demo  dollar"},
        {**DUSD, "address": "0x" + 40 * "6", "symbol": "FINE2", "name": "Fine"},
        {**DUSD, "chainId": 1, "address": "0x" + 40 * "7"},
        {**DUSD, "address": "0x" + 40 * "8", "symbol": "E.T.H", "name": "Something"},
    ]
    merged = TokenList.parse(listing(*others)).under(root, [Token.native(31337)])
    assert merged.tokens[0] == root.tokens[0]
    assert [(token.chain_id, token.symbol) for token in merged.tokens[1:]] == [(31337, "FINE2"), (1, "DUSD")]
