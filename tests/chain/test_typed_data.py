"""EIP-712 against @ethersproject/testcases, MetaMask's rules where libraries differ, and what is refused."""

import copy
import json
from typing import Any

import pytest

from chain.address import Address
from chain.errors import TypedDataMalformed
from chain.typed_data import TypedData

DOMAIN_TYPES = {
    "name": "string",
    "version": "string",
    "chainId": "uint256",
    "verifyingContract": "address",
    "salt": "bytes32",
}
COW, BOB = "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826", "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"
MAIL: dict[str, Any] = {
    "types": {
        "EIP712Domain": [
            {"name": "name", "type": "string"},
            {"name": "version", "type": "string"},
            {"name": "chainId", "type": "uint256"},
            {"name": "verifyingContract", "type": "address"},
        ],
        "Person": [{"name": "name", "type": "string"}, {"name": "wallet", "type": "address"}],
        "Mail": [
            {"name": "from", "type": "Person"},
            {"name": "to", "type": "Person"},
            {"name": "contents", "type": "string"},
        ],
    },
    "primaryType": "Mail",
    "domain": {
        "name": "Ether Mail",
        "version": "1",
        "chainId": 1,
        "verifyingContract": "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC",
    },
    "message": {
        "from": {"name": "Cow", "wallet": COW},
        "to": {"name": "Bob", "wallet": BOB},
        "contents": "Hello, Bob!",
    },
}
MAIL_DIGEST = "be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2"


def changed(*path: str, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(MAIL)
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return document


def test_the_standards_own_example() -> None:
    mail = TypedData.parse(json.dumps(MAIL))
    assert mail.digest.hex() == MAIL_DIGEST
    assert mail.encode_type("Mail") == "Mail(Person from,Person to,string contents)Person(string name,address wallet)"
    assert [(leaf.path, leaf.value) for leaf in mail.message] == [
        ("message.from.name", "Cow"),
        ("message.from.wallet", COW),
        ("message.to.name", "Bob"),
        ("message.to.wallet", BOB),
        ("message.contents", "Hello, Bob!"),
    ]
    assert mail.domain_value("chainId") == 1
    assert mail.domain_value("salt") is None
    assert mail.oddities == ()


def test_public_vectors(testcases: Any) -> None:
    vectors = testcases("eip712")
    assert len(vectors) > 100
    for case in vectors:
        declared = [{"name": n, "type": t} for n, t in DOMAIN_TYPES.items() if n in case["domain"]]
        document = {
            "types": {**case["types"], "EIP712Domain": declared},
            "primaryType": case["primaryType"],
            "domain": case["domain"],
            "message": case["data"],
        }
        assert "0x" + TypedData.parse(document).digest.hex() == case["digest"], case["name"]


def test_unused_types_and_untyped_members_change_nothing() -> None:
    unused = changed("types", "Group", value=[{"name": "members", "type": "Person[]"}])
    extra = changed("message", "note", value="for nobody")
    undeclared = changed("domain", "salt", value="0x" + 64 * "1")
    for document in (unused, extra, undeclared):
        parsed = TypedData.parse(document)
        assert parsed.digest.hex() == MAIL_DIGEST
        assert "for nobody" not in repr(parsed)
        assert "Group" not in parsed.types


def test_no_declared_domain_is_the_empty_one() -> None:
    document = copy.deepcopy(MAIL)
    del document["types"]["EIP712Domain"]
    empty = changed("types", "EIP712Domain", value=[])
    assert TypedData.parse(document).digest == TypedData.parse(empty).digest
    assert TypedData.parse(document).domain == ()


def test_the_domain_alone_can_be_signed() -> None:
    alone = TypedData.parse(changed("primaryType", value="EIP712Domain"))
    assert alone.message == ()
    assert alone.digest != TypedData.parse(MAIL).digest


@pytest.mark.parametrize("chain_id", [1, "1", "0x1", "0x" + 74 * "0" + "1"])
def test_a_chain_id_in_every_spelling_that_pages_use(chain_id: Any) -> None:
    assert TypedData.parse(changed("domain", "chainId", value=chain_id)).digest.hex() == MAIL_DIGEST


def test_an_odd_checksum_is_signed_but_noted() -> None:
    odd = TypedData.parse(changed("message", "to", "wallet", value="0xBb" + BOB[4:]))
    assert odd.digest.hex() == MAIL_DIGEST
    assert odd.oddities == ("message.to.wallet",)
    assert odd.message[3].value == Address(BOB)


PERSON = MAIL["types"]["Person"]
REFUSED = {
    "missing": changed("message", "to", value={"name": "Bob"}),
    "null": changed("message", "to", value=None),
    "number as text": changed("message", "contents", value=5),
    "address as number": changed("domain", "verifyingContract", value=1),
    "address as digits": changed("domain", "verifyingContract", value="1"),
    "float": changed("domain", "chainId", value=1.0),
    "bool": changed("domain", "chainId", value=True),
    "negative": changed("domain", "chainId", value=-1),
    "too large": changed("domain", "chainId", value=2**256),
    "blank": changed("domain", "chainId", value=" 1"),
    "full width": changed("domain", "chainId", value="\uff11"),
    "exponent": changed("domain", "chainId", value="1e3"),
    "surrogate": changed("message", "contents", value="\ud800"),
    "unknown primary": changed("primaryType", value="Letter"),
    "no primary": changed("primaryType", value=None),
    "unknown type": changed("types", "Person", value=[{"name": "name", "type": "strin"}]),
    "alias": changed("types", "Person", value=[{"name": "name", "type": "uint"}]),
    "odd width": changed("types", "Person", value=[{"name": "name", "type": "uint7"}]),
    "zero width": changed("types", "Person", value=[{"name": "name", "type": "bytes0"}]),
    "twice": changed("types", "Person", value=[*PERSON, {"name": "name", "type": "string"}]),
    "injected": changed("types", "Person", value=[{"name": "a,uint256 b", "type": "string"}]),
    "itself": changed("types", "Person", value=[*PERSON, {"name": "friends", "type": "Person[]"}]),
    "each other": changed("types", "Person", value=[{"name": "mail", "type": "Mail"}]),
    "atomic name": changed("types", "uint8", value=PERSON),
    "domain inside": changed("types", "Person", value=[{"name": "d", "type": "EIP712Domain"}]),
    "types missing": {"primaryType": "Mail"},
    "zero array": changed("types", "Person", value=[{"name": "a", "type": "bool[0]"}]),
}


@pytest.mark.parametrize("document", REFUSED.values(), ids=REFUSED)
def test_i21_refused(document: dict[str, Any]) -> None:
    with pytest.raises(TypedDataMalformed):
        TypedData.parse(document)


def atoms(kind: str, value: Any) -> TypedData:
    types = {"T": [{"name": "v", "type": kind}]}
    return TypedData.parse({"types": types, "primaryType": "T", "domain": {}, "message": {"v": value}})


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("bytes32", "0x01"),
        ("bytes4", "0x0102030405"),
        ("bytes", "0x1"),
        ("bytes", "abc"),
        ("bool", 1),
        ("bool", "true"),
        ("int8", 128),
        ("int8", "-129"),
        ("int8", "-0"),
        ("uint8[2]", [1]),
        ("uint8[]", {"0": 1}),
        ("uint8[]", "12"),
        ("string", ["a"]),
    ],
)
def test_i21_values_that_do_not_fit(kind: str, value: Any) -> None:
    with pytest.raises(TypedDataMalformed):
        atoms(kind, value)


def test_values_that_fit() -> None:
    assert atoms("int8", -128).message[0].value == -128
    assert atoms("int8", "-128").digest == atoms("int8", -128).digest
    assert [leaf.path for leaf in atoms("uint8[2][]", [[1, 2], [3, 4]]).message][2] == "message.v[1][0]"
    assert atoms("bytes", "0x").message[0].value == b""


def test_documents_that_are_no_clean_json() -> None:
    text = json.dumps(MAIL)
    twice = text.replace('"contents": "Hello', '"contents": "other", "contents": "Hello')
    for document in (
        "",
        "[]",
        "nul",
        twice,
        text.replace(": 1,", ": NaN,"),
        text.replace(": 1,", ": 1e0,"),
        "[" * 10**5,
    ):
        with pytest.raises(TypedDataMalformed):
            TypedData.parse(document)


def test_budgets() -> None:
    with pytest.raises(TypedDataMalformed):
        atoms("uint8[]", [1] * 20_001)
    with pytest.raises(TypedDataMalformed):
        atoms("uint8" + "[]" * 17, [])
    with pytest.raises(TypedDataMalformed):
        TypedData.parse(" " * (1024 * 1024 + 1))
    chain = {f"T{i}": [{"name": "v", "type": f"T{i + 1}"}] for i in range(30)} | {"T30": []}
    with pytest.raises(TypedDataMalformed):
        TypedData.parse({"types": chain, "primaryType": "T0", "domain": {}, "message": {}})
    wide = {f"T{i}": [{"name": f"m{j}", "type": f"T{i + 1}"} for j in range(64)] for i in range(12)} | {"T12": []}
    with pytest.raises(TypedDataMalformed):
        TypedData.parse({"types": wide, "primaryType": "T0", "domain": {}, "message": {}})
