"""Frames: bounded, one object each, errors by name."""

from __future__ import annotations

import asyncio
import os

import pytest

from wallet.errors import SignerLocked, SignerLost, WordUnknown
from wallet.frames import FRAME_BYTES_MAX, failure, pack, receive, receive_from, result, send, unpack


@pytest.fixture
def pipe():
    reading, writing = os.pipe()
    yield reading, writing
    for end in (reading, writing):
        try:
            os.close(end)
        except OSError:
            continue


def test_what_is_sent_is_received(pipe):
    send(pipe[1], {"call": "status", "with": {"text": "é 中 \n"}})
    assert receive(pipe[0]) == {"call": "status", "with": {"text": "é 中 \n"}}


@pytest.mark.parametrize("sent", [b"", b"\x00\x00", b"\x00\x00\x00\x05{", b"\x00\x00\x00\x05"])
def test_an_end_in_the_middle_is_an_end(pipe, sent):
    os.write(pipe[1], sent)
    os.close(pipe[1])
    assert receive(pipe[0]) is None


def test_a_frame_that_is_too_long_is_never_read(pipe):
    os.write(pipe[1], (FRAME_BYTES_MAX + 1).to_bytes(4, "big"))
    with pytest.raises(SignerLost):
        receive(pipe[0])
    with pytest.raises(SignerLost):
        pack({"text": "x" * FRAME_BYTES_MAX})


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"{", b'{"a":1,"a":2}', b'{"a":NaN}', b"\xff", b"[" * 100_000])
def test_other_bodies_are_refused(body):
    with pytest.raises(SignerLost):
        unpack(body)


async def test_streams_say_the_same(pipe):
    reader = asyncio.StreamReader()
    reader.feed_data(pack({"a": "1"}) + pack({"b": "2"})[:-1])
    reader.feed_eof()
    assert await receive_from(reader) == {"a": "1"}
    assert await receive_from(reader) is None


def test_errors_cross_by_name_and_fields():
    error = WordUnknown(3, "abandn", ["abandon"], "english")
    with pytest.raises(WordUnknown) as caught:
        result(unpack(pack(failure(error))[4:]))
    assert caught.value.fields() == error.fields()
    with pytest.raises(SignerLocked):
        result(failure(SignerLocked()))


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"ok": []},
        {"error": "no-such-error", "fields": {}},
        {"error": "word-unknown", "fields": {}},
        {"error": "word-unknown", "fields": {"position": 1, "word": "", "near": [], "language": "", "more": 1}},
        {"error": 1, "fields": {}},
    ],
)
def test_an_answer_of_another_shape_is_no_answer(answer):
    with pytest.raises(SignerLost):
        result(answer)
