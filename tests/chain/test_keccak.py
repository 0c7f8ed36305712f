"""Keccak-256 with a state that is used again, against the library's own object."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from Crypto.Hash import keccak

from chain.keccak import keccak256


def test_known_answer() -> None:
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


def test_same_as_the_library_at_every_length() -> None:
    """Around each multiple of the sponge's rate too."""
    data = bytes(range(256)) * 3
    for length in range(len(data)):
        assert keccak256(data[:length]) == keccak.new(digest_bits=256, data=data[:length]).digest()


def test_many_threads_at_once() -> None:
    lengths = [list(range(start, 700, 8)) for start in range(8)]

    def digests(of: list[int]) -> list[bytes]:
        return [keccak256(bytes(length)) for length in of for _ in range(20)]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(digests, lengths)) == [digests(of) for of in lengths]


def test_a_text_is_no_bytes_and_harms_no_later_hash() -> None:
    with pytest.raises(TypeError):
        keccak256("text")  # type: ignore[arg-type]  # the point
    assert keccak256(b"").hex().startswith("c5d24601")
