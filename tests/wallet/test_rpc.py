"""JSON-RPC 2.0: what is a request, what is answered instead, and in which form."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.errors import RpcRefused
from wallet.rpc import BATCH_MAX, BODY_BYTES_MAX, Code, Request, answered, encoded, failed, positional, read, reply


def body(**members):
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", **members}).encode()


def refused_whole(raw):
    with pytest.raises(RpcRefused) as caught:
        read(raw)
    return caught.value.number


def code_of_entry(raw):
    (entry,) = read(raw).entries
    return entry["error"]["code"] if isinstance(entry, dict) else None


def test_a_request_is_read():
    incoming = read(body(params=["0x1"], id="a"))
    assert incoming.entries == (Request("eth_chainId", ["0x1"], "a"),) and not incoming.is_batch


@pytest.mark.parametrize("number", [0, -1, 2**70, 1.5, "", "a" * 256, None])
def test_ids_come_back_as_they_were(number):
    (entry,) = read(body(id=number)).entries
    assert json.loads(encoded(answered(entry.id, True)))["id"] == number and not entry.is_notification


def test_without_an_id_it_is_a_notification():
    (entry,) = read(b'{"jsonrpc":"2.0","method":"eth_chainId"}').entries
    assert entry.is_notification


def test_params_may_be_missing_null_or_an_object():
    assert [read(raw).entries[0].params for raw in (body(), body(params=None), body(params={"type": "ERC20"}))] == [
        [],
        [],
        {"type": "ERC20"},
    ]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"a":1,"a":2}',
        b"\xff",
        b"NaN",
        b'{"id":NaN}',
        b"[" * 65 + b"]" * 65,
        b" " * (BODY_BYTES_MAX + 1),
        b'{"id":' + b"1" * 101 + b"}",
    ],
)
def test_no_json_is_a_parse_error(raw):
    assert refused_whole(raw) == Code.PARSE


def test_batches_are_bounded():
    assert refused_whole(b"[]") == Code.REQUEST
    assert refused_whole(json.dumps([{}] * (BATCH_MAX + 1)).encode()) == Code.LIMIT
    assert len(read(json.dumps([{}] * BATCH_MAX).encode()).entries) == BATCH_MAX


@pytest.mark.parametrize(
    "members",
    [
        {"jsonrpc": 2.0},
        {"jsonrpc": None},
        {"method": 1},
        {"method": ""},
        {"method": "a" * 101},
        {"id": True},
        {"id": []},
        {"id": "a" * 257},
        {"params": "x"},
        {"params": 1},
    ],
)
def test_what_is_no_request_is_told_so(members):
    assert code_of_entry(body(**members)) == Code.REQUEST


@pytest.mark.parametrize("version", ["1.0", "2", "2.0 ", "", "x" * 1000])
def test_another_version_has_a_code_of_its_own(version):
    assert code_of_entry(body(jsonrpc=version)) == Code.VERSION


@pytest.mark.parametrize("raw", [b"1", b'"x"', b"null", b"true", b'{"jsonrpc":"2.0","id":1e999,"method":"a"}'])
def test_other_json_is_no_request(raw):
    assert code_of_entry(raw) == Code.REQUEST


def test_a_bad_entry_of_a_batch_leaves_the_others_alone():
    incoming = read(b'[1, {"jsonrpc":"2.0","id":7,"method":"eth_chainId"}, {"id":8}]')
    first, second, third = incoming.entries
    assert (first["id"], second.id, third["id"]) == (None, 7, 8) and incoming.is_batch
    assert reply(incoming, [first, answered(7, "0x1"), third])[1]["result"] == "0x1"


def test_nobody_answers_notifications():
    assert reply(read(b'[{"jsonrpc":"2.0","method":"a"}]'), []) is None


def test_an_error_keeps_its_data():
    error = failed(1, RpcRefused(3, "execution reverted", "0x08c379a0"))["error"]
    assert error == {"code": 3, "message": "execution reverted", "data": "0x08c379a0"}
    assert "data" not in failed(1, RpcRefused(Code.DECLINED, "no", None))["error"]


def test_positional():
    assert positional([1, 2], 1, 2) == [1, 2]
    for params in ([], [1, 2, 3], {"a": 1}):
        with pytest.raises(RpcRefused):
            positional(params, 1, 2)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_comes_is_read_or_refused(raw):
    try:
        incoming = read(raw)
    except RpcRefused as refused:
        assert refused.number in (Code.PARSE, Code.REQUEST, Code.LIMIT)
    else:
        assert incoming.entries


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["jsonrpc", "id", "method"]), inner),
    max_leaves=8,
)


@given(JSON)
def test_every_entry_is_a_request_or_an_answer_that_can_be_written(document):
    try:
        entries = read(json.dumps(document)).entries
    except RpcRefused:
        return
    for entry in entries:
        assert isinstance(entry, Request) or json.loads(encoded(entry))["error"]["code"] in (Code.REQUEST, Code.VERSION)
