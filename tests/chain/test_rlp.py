"""RLP against @ethersproject/testcases, and the encodings that are not canonical."""

from typing import Any

import pytest

from chain import rlp
from chain.errors import TransactionMalformed


def test_public_vectors(testcases: Any) -> None:
    def item(value: Any) -> rlp.Item:
        return bytes.fromhex(value[2:]) if isinstance(value, str) else tuple(item(member) for member in value)

    vectors = testcases("rlp-coder")
    for case in vectors:
        decoded, encoded = item(case["decoded"]), bytes.fromhex(case["encoded"][2:])
        assert rlp.encode(decoded) == encoded
        assert rlp.decode(encoded) == decoded
    assert len(vectors) > 10


@pytest.mark.parametrize(
    "encoded",
    ["", "8100", "817f", "b800", "b90001ff", "b83700", "c180ff", "c2", "8200", "f800", "f90001c0", "bf" + 8 * "ff"],
)
def test_not_canonical(encoded: str) -> None:
    with pytest.raises(TransactionMalformed):
        rlp.decode(bytes.fromhex(encoded))


def test_nesting_is_bounded() -> None:
    deep: rlp.Item = b""
    for _ in range(rlp.DEPTH_MAX + 1):
        deep = (deep,)
    with pytest.raises(TransactionMalformed):
        rlp.decode(rlp.encode(deep))


def test_integers() -> None:
    assert [rlp.encode_integer(n) for n in (0, 1, 256)] == [b"", b"\1", b"\1\0"]
    for item, bits in ((b"\0", 8), (b"\1\0", 8), ((), 8)):
        with pytest.raises(TransactionMalformed):
            rlp.decode_integer(item, bits)
