"""ERC-7730: every format, path and rule, with descriptors of the registry's shape; what cannot be honoured, refused."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from chain.address import Address
from chain.calldata import encode_call
from chain.clear_signing import Container, Embedded, Lexicon, Line, Screen, show_call, show_message
from chain.descriptor import Descriptor, steps_of
from chain.errors import CalldataMalformed, DescriptorMalformed
from chain.token import Token
from chain.token_list import TokenList
from chain.typed_data import TypedData

ME = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
BOB = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
USDT = Address("0xdAC17F958D2ee523a2206206994597C13D831ec7")
DAI = Address("0x6B175474E89094C44Da98b954EedeAC495271d0F")
POOL = Address("0x87870Bca3F3fD6335C3F4ce8392D69350B4fA4E2")
NATIVE = "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE"
LEXICON = Lexicon(
    TokenList(
        "", (Token(1, USDT, "USDT", "Tether", 6), Token(1, DAI, "DAI", "Dai", 18), Token(10, USDT, "xUSD", "x", 2))
    ),
    {BOB: "bob"},
    {1: "Ethereum"},
)


def file_of(key: str, *fields: Any, metadata: Any = None, **more: Any) -> dict[str, Any]:
    """One function of one contract, as the registry's files are."""
    contract = {"deployments": [{"chainId": 1, "address": POOL.lower()}]}
    return {
        "$schema": "../../specs/erc7730-v2.schema.json",
        "context": {"$id": "Pool", "contract": contract},
        "metadata": {"owner": "Aave", **(metadata or {})},
        "display": {"formats": {key: {"intent": "Do it", "fields": list(fields), **more}}, "definitions": {}},
    }


def show(document: Any, data: bytes, value: int = 0, to: Address = POOL) -> Screen:
    screen = show_call(Descriptor.parse(json.dumps(document)), data, Container(ME, to, value, 1), LEXICON)
    assert screen is not None
    return screen


def value_of(kind: str, value: Any, form: str, **params: Any) -> str:
    """A single argument under a format."""
    document = file_of(f"f({kind} x)", {"path": "x", "label": "X", "format": form, "params": params})
    (line,) = show(document, encode_call(f"f({kind})", value)).lines
    return line.value


@pytest.mark.parametrize(
    ("kind", "value", "form", "params", "shown"),
    [
        ("uint256", 1000, "raw", {}, "1000"),
        ("int8", -5, "raw", {}, "-5"),
        ("bool", True, "raw", {}, "true"),
        ("string", "Ledger", "raw", {}, "Ledger"),
        ("bytes", bytes.fromhex("123456789a"), "raw", {}, "0x123456789a"),
        ("address", ME, "raw", {}, ME),
        ("uint256", 0x2C1C986F1C48000, "amount", {}, "0.19866144 ETH"),
        ("uint256", 1_000_000, "tokenAmount", {"token": USDT}, "1 USDT"),
        ("uint256", 100, "tokenAmount", {"token": USDT, "chainId": 10}, "1 xUSD"),
        ("uint256", 2**256 - 1, "tokenAmount", {"token": USDT, "threshold": "0xFFFFFFFF"}, "Unlimited USDT"),
        ("uint256", 7, "tokenAmount", {"token": USDT, "threshold": 7, "message": "Max"}, "Max USDT"),
        ("uint256", 2 * 10**15, "tokenAmount", {"token": NATIVE, "nativeCurrencyAddress": [NATIVE]}, "0.002 ETH"),
        ("uint256", 5, "tokenAmount", {"token": BOB}, "5 / 10^?"),
        ("uint256", 5, "tokenAmount", {}, "5 / 10^?"),
        ("uint256", 1036, "nftName", {"collection": BOB}, f"#1036 · bob ({BOB})"),
        ("uint256", 1709195232, "date", {"encoding": "timestamp"}, "2024-02-29T08:27:12Z"),
        ("uint256", 19332140, "date", {"encoding": "blockheight"}, "block 19332140"),
        ("uint256", 2**255, "date", {"encoding": "timestamp"}, str(2**255)),
        ("uint256", 8250, "duration", {}, "02:17:30"),
        ("uint256", 10, "unit", {"base": "h"}, "10h"),
        ("uint256", 15, "unit", {"base": "d", "decimals": 1}, "1.5d"),
        ("uint256", 36000, "unit", {"base": "s", "prefix": True}, "36ks"),
        ("uint256", 3000, "unit", {"base": "%", "decimals": 4}, "0.3%"),
        ("address", BOB, "addressName", {}, f"bob ({BOB})"),
        ("address", USDT, "addressName", {}, USDT),
        ("address", Address.ZERO, "addressName", {"senderAddress": Address.ZERO}, ME),
        ("address", DAI, "tokenTicker", {}, f"DAI ({DAI})"),
        ("uint256", 1, "chainId", {}, "Ethereum (1)"),
        ("uint256", 77, "chainId", {}, "? (77)"),
        ("uint256", int(BOB, 16), "addressName", {}, f"bob ({BOB})"),
    ],
)
def test_formats(kind: str, value: Any, form: str, params: Any, shown: str) -> None:
    assert value_of(kind, value, form, **params) == shown


def test_what_is_not_known_in_full_says_so() -> None:
    document = file_of("f(uint256 x)", {"path": "x", "label": "X", "format": "tokenAmount", "params": {"token": BOB}})
    assert show(document, encode_call("f(uint256)", 5)).lines == (Line("X", "5 / 10^?", False),)


def test_the_standards_own_example() -> None:
    document = file_of(
        "transfer(address to,uint256 value)",
        {"path": "value", "label": "Amount", "format": "tokenAmount", "params": {"tokenPath": "@.to"}},
        {"path": "to", "label": "To", "format": "addressName"},
        interpolatedIntent="Send {value} to {to}",
    )
    screen = show(document, encode_call("transfer(address,uint256)", BOB, 5_000_000), to=USDT)
    assert screen.lines == (Line("Amount", "5 USDT"), Line("To", f"bob ({BOB})"))
    assert (screen.owner, screen.intent) == ("Aave", f"Send 5 USDT to bob ({BOB})")


def test_a_pool_as_the_registry_has_it() -> None:
    """Version 1 of the schema: a space after each comma, `required` and `excluded`."""
    document = file_of(
        "repay(address asset, uint256 amount, uint256 interestRateMode, address onBehalfOf)",
        {
            "path": "amount",
            "format": "tokenAmount",
            "label": "Amount to repay",
            "params": {"tokenPath": "asset", "threshold": "$.metadata.constants.max", "message": "All"},
        },
        {
            "path": "interestRateMode",
            "format": "enum",
            "label": "Interest rate mode",
            "params": {"$ref": "$.metadata.enums.interestRateMode"},
        },
        {
            "path": "#.onBehalfOf",
            "format": "addressName",
            "label": "For debt holder",
            "params": {"types": ["eoa"], "sources": ["local", "ens"]},
        },
        metadata={
            "enums": {"interestRateMode": {"1": "stable", "2": "variable"}},
            "constants": {"max": "0x" + "f" * 64},
        },
        required=["amount"],
    )
    signature = "repay(address,uint256,uint256,address)"
    assert [line.value for line in show(document, encode_call(signature, DAI, 2 * 10**18, 2, BOB)).lines] == [
        "2 DAI",
        "variable",
        f"bob ({BOB})",
    ]
    lines = show(document, encode_call(signature, DAI, 2**256 - 1, 3, BOB)).lines
    assert [line.value for line in lines[:2]] == ["All DAI", "3"]


def test_definitions_slices_and_maps() -> None:
    document = file_of(
        "swap((bytes path,uint256 amount) params,uint256[] pools)",
        {"path": "params.amount", "$ref": "$.display.definitions.send", "params": {"tokenPath": "params.path.[0:20]"}},
        {"path": "params.amount", "$ref": "$.display.definitions.send", "params": {"tokenPath": "params.path.[-20:]"}},
        {"path": "pools.[-1]", "label": "Last pool", "format": "raw"},
        {"path": "pools[0]", "label": "First pool", "format": "raw"},
        {
            "path": "params.amount",
            "label": "Mapped",
            "format": "tokenAmount",
            "params": {"token": {"map": "$.metadata.maps.asset", "keyPath": "@.chainId"}},
        },
        metadata={"maps": {"asset": {"$keyType": "chain", "values": {"1": DAI}}}},
    )
    document["display"]["definitions"] = {"send": {"label": "Send", "format": "tokenAmount", "params": {}}}
    data = encode_call("swap((bytes,uint256),uint256[])", (USDT.raw + b"\0\1\2" + DAI.raw, 10**18), (7, 8, 9))
    assert [line.value for line in show(document, data).lines] == ["1000000000000 USDT", "1 DAI", "9", "7", "1 DAI"]


def test_arrays_and_groups() -> None:
    amount = {"path": "amounts.[]", "label": "Amount", "format": "tokenAmount", "params": {"tokenPath": "tokens.[]"}}
    to = {"path": "to.[]", "label": "To", "format": "raw", "separator": "{index}. "}
    key = "pay(address[] tokens,uint256[] amounts,address[] to)"
    data = encode_call("pay(address[],uint256[],address[])", (USDT, DAI), (10**6, 10**18), (BOB, ME))
    plain = [("Amount", "1 USDT"), ("Amount", "1 DAI"), ("0. To", BOB), ("1. To", ME)]
    assert [(line.label, line.value) for line in show(file_of(key, amount, to), data).lines] == plain
    bundle = {"label": "Payment", "iteration": "bundled", "fields": [amount, to]}
    assert [line.value for line in show(file_of(key, bundle), data).lines] == ["1 USDT", BOB, "1 DAI", ME]
    uneven = encode_call("pay(address[],uint256[],address[])", (USDT, DAI), (10**6, 10**18), (BOB,))
    with pytest.raises(DescriptorMalformed):
        show(file_of(key, bundle), uneven)
    few = encode_call("pay(address[],uint256[],address[])", (USDT,), (10**6, 10**18), (BOB, ME))
    with pytest.raises(DescriptorMalformed):
        show(file_of(key, amount), few)


def test_which_lines_are_visible() -> None:
    def lines(rule: Any) -> int:
        document = file_of("f(uint256 x)", {"path": "x", "label": "X", "format": "raw", "visible": rule})
        return len(show(document, encode_call("f(uint256)", 5)).lines)

    assert [lines(rule) for rule in ("always", "optional", "never")] == [1, 1, 0]
    assert (lines({"ifNotIn": [5, 6]}), lines({"ifNotIn": ["0"]}), lines({"mustMatch": ["5"]})) == (0, 1, 0)
    for rule in ({"mustMatch": [6]}, {"other": [1]}, "sometimes"):
        with pytest.raises(DescriptorMalformed):
            lines(rule)


def test_calldata_within_is_handed_on() -> None:
    inner = encode_call("transfer(address,uint256)", BOB, 5)
    document = file_of(
        "execute(address target,uint256 value,bytes data)",
        {
            "path": "data",
            "label": "Call",
            "format": "calldata",
            "params": {"calleePath": "target", "amountPath": "value"},
        },
    )
    screen = show(document, encode_call("execute(address,uint256,bytes)", USDT, 3, inner))
    assert screen.embedded == (Embedded("Call", USDT, inner, 3),)


def test_a_sentence_that_cannot_be_filled_in_falls_back() -> None:
    field = {"path": "x", "label": "X", "format": "raw"}
    data = encode_call("f(uint256)", 5)
    for sentence, shown in (("{{x}} is {x}", "{x} is 5"), ("{y}", "Do it"), ("", "Do it")):
        assert show(file_of("f(uint256 x)", field, interpolatedIntent=sentence), data).intent == shown
    assert show(file_of("f(uint256 x)", field, intent={"A": "b", "C": "d"}), data).intent == "A: b, C: d"


PERMIT = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"


def message(contract: Address = USDT, chain_id: int = 1, name: str = "Tether", value: int = 5_000_000) -> TypedData:
    members = [dict(zip(("type", "name"), m.split(), strict=True)) for m in PERMIT[7:-1].split(",")]
    domain = {"name": "string", "chainId": "uint256", "verifyingContract": "address"}
    return TypedData.parse(
        {
            "types": {"EIP712Domain": [{"name": n, "type": t} for n, t in domain.items()], "Permit": members},
            "primaryType": "Permit",
            "domain": {"name": name, "chainId": chain_id, "verifyingContract": contract},
            "message": {"owner": ME, "spender": BOB, "value": value, "nonce": 0, "deadline": 1709195232},
        }
    )


def permit_file() -> dict[str, Any]:
    fields = [
        {"path": "spender", "label": "Spender", "format": "addressName"},
        {"path": "value", "label": "Max spending amount", "format": "tokenAmount", "params": {"tokenPath": "@.to"}},
        {"path": "deadline", "label": "Valid until", "format": "date", "params": {"encoding": "timestamp"}},
    ]
    bound = {"domain": {"name": "Tether"}, "deployments": [{"chainId": 1, "address": USDT}]}
    formats = {PERMIT: {"intent": "Authorize spending", "fields": fields}}
    return {"context": {"eip712": bound}, "metadata": {"owner": "Tether"}, "display": {"formats": formats}}


def test_messages() -> None:
    descriptor = Descriptor.parse(json.dumps(permit_file()))
    screen = show_message(descriptor, message(), ME, LEXICON)
    assert screen is not None
    assert [line.value for line in screen.lines] == [f"bob ({BOB})", "5 USDT", "2024-02-29T08:27:12Z"]
    for other in (message(DAI), message(chain_id=10), message(name="tether")):
        assert show_message(descriptor, other, ME, LEXICON) is None


def test_other_functions_are_not_spoken_of() -> None:
    descriptor = Descriptor.parse(json.dumps(file_of("f(uint256 x)", {"path": "x", "format": "raw"})))
    container = Container(ME, POOL, 0, 1)
    assert show_call(descriptor, encode_call("g(uint256)", 1), container, LEXICON) is None
    assert descriptor.is_for(1, POOL) and not descriptor.is_for(10, POOL) and not descriptor.is_for(1, BOB)
    with pytest.raises(CalldataMalformed):
        show_call(descriptor, encode_call("f(uint256)", 1) + b"\0", container, LEXICON)


def spoilt() -> list[Any]:
    good = file_of("f(uint256 x)", {"path": "x", "label": "X", "format": "raw"})
    field = good["display"]["formats"]["f(uint256 x)"]["fields"][0]
    cases: list[Any] = ["", "[]", {}, {**good, "includes": "./other.json"}, {**good, "display": {}}]
    for change in (
        {"format": "emoji"},
        {"encryption": {"scheme": "fhevm"}},
        {"label": "a\u202eb"},
        {"label": "x" * 121},
        {"$ref": "$.display.definitions.none"},
        {"fields": "x"},
    ):
        document = copy.deepcopy(good)
        document["display"]["formats"]["f(uint256 x)"]["fields"][0] = {**field, **change}
        cases.append(document)
    for key in ("f(uint x)", "0xa9059cbb", "f", "f(uint256  x)"):
        cases.append(file_of(key, field))
    twice = copy.deepcopy(good)
    twice["display"]["formats"]["f(uint256 y)"] = twice["display"]["formats"]["f(uint256 x)"]
    address = copy.deepcopy(good)
    address["context"]["contract"]["deployments"] = [{"chainId": 1, "address": "0x12"}]
    return [*cases, twice, address, file_of("f(uint256 x)", *[field] * 201)]


@pytest.mark.parametrize("document", spoilt())
def test_a_file_that_is_not_understood_is_refused_whole(document: Any) -> None:
    with pytest.raises(DescriptorMalformed):
        Descriptor.parse(document if isinstance(document, str) else json.dumps(document))


@pytest.mark.parametrize("path", ["y", "x.y", "x.[0]", "@.gas", "$.metadata.none", "x..y", "x.[1:2:3]", "x y", "x.[]"])
def test_a_path_that_leads_nowhere_shows_nothing(path: str) -> None:
    document = file_of("f(uint256 x)", {"path": path, "label": "X", "format": "raw"})
    with pytest.raises(DescriptorMalformed):
        show(document, encode_call("f(uint256)", 5))


def test_paths() -> None:
    root, steps = steps_of("#.data.path.[0].path.[-1].to")
    assert root == "#" and [step.name or step.start for step in steps] == ["data", "path", 0, "path", -1, "to"]
    assert steps_of("a.[]")[1][1].is_slice and steps_of("a.[:20]")[1][1].end == 20
