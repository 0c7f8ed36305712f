"""Layouts: the fields of each record and their widths, and the codec that packs them.

The docs' table of records is printed from these tuples; a test holds the two together.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, NoReturn

from fiat.errors import RecordMalformed
from fiat.order import Order
from fiat.signature import SIGNATURE_LENGTH

# A layout is a tuple of (name, width in bytes, how it is read): u = unsigned integer, b = bytes, t = ASCII text padded
# with NUL. The docs' table is printed from these (docs/records.md).
Layout = tuple[tuple[str, int, str], ...]
_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}

HEADER: Layout = (("version", 1, "u"), ("kind", 1, "u"), ("sequence", 8, "u"), ("timestamp", 8, "u"))
GENESIS: Layout = (("operator", 20, "b"), ("random", 32, "b"))
ACCOUNT: Layout = (
    ("id", 16, "u"),
    ("holder", 32, "b"),
    ("link", 32, "b"),
    ("currency", 8, "t"),
    ("exponent", 1, "u"),
    ("purpose", 64, "t"),
    ("ledger", 4, "u"),
    ("code", 2, "u"),
    ("flags", 2, "u"),
    ("user_data_128", 16, "u"),
    ("user_data_64", 8, "u"),
    ("user_data_32", 4, "u"),
)
KEY: Layout = (
    ("holder", 32, "b"),
    ("link", 32, "b"),
    ("action", 1, "u"),
    ("epoch", 4, "u"),
    ("key", 20, "b"),
    ("salt", 32, "b"),
    ("recovery", 1, "u"),
    ("blind", 32, "b"),
    ("subject", 32, "b"),
    ("value", 8, "u"),
    ("effective_at", 8, "u"),
)
MOVEMENT: Layout = (
    ("id", 16, "u"),
    ("debit_account_id", 16, "u"),
    ("credit_account_id", 16, "u"),
    ("amount", 16, "u"),
    ("pending_id", 16, "u"),
    ("user_data_128", 16, "u"),
    ("user_data_64", 8, "u"),
    ("user_data_32", 4, "u"),
    ("timeout", 4, "u"),
    ("ledger", 4, "u"),
    ("code", 2, "u"),
    ("flags", 2, "u"),
    ("debit_holder", 32, "b"),
    ("credit_holder", 32, "b"),
    ("debit_link", 32, "b"),
    ("credit_link", 32, "b"),
    ("source_kind", 2, "u"),
    ("source_id", 32, "b"),
)
LEG: Layout = (("leg", 2, "u"),)
EXPIRY: Layout = (
    ("pending_id", 16, "u"),
    ("debit_account_id", 16, "u"),
    ("credit_account_id", 16, "u"),
    ("amount", 16, "u"),
    ("ledger", 4, "u"),
    ("debit_holder", 32, "b"),
    ("credit_holder", 32, "b"),
    ("debit_link", 32, "b"),
    ("credit_link", 32, "b"),
)
OPERATOR: Layout = (
    ("reason", 1, "u"),
    ("reason_code", 2, "u"),
    ("undoes", 8, "u"),
    ("document", 32, "b"),
    ("cap", 16, "u"),
    ("until", 8, "u"),
    ("successor", 32, "b"),
    ("nonce", 32, "b"),
    ("officer_1", 20, "b"),
    ("signature_1", 65, "b"),
    ("officer_2", 20, "b"),
    ("signature_2", 65, "b"),
)
ORDER_TYPE: Layout = (("order_type", 1, "u"),)
_TEXT_WIDTH = {"currency": 8, "receiveAsset": 80, "action": 16}


def order_layout(order_type: type[Order]) -> Layout:
    """The order's fields at their Solidity widths, then its signature."""
    block = []
    for name, kind in order_type.STRUCT.fields:
        if kind == "string":
            block.append((name, _TEXT_WIDTH[name], "t"))
        elif kind.startswith("uint"):
            block.append((name, int(kind[4:]) // 8, "u"))
        else:
            block.append((name, 20 if kind == "address" else 32, "b"))
    return (*block, ("signature", SIGNATURE_LENGTH, "b"))


class Codec:
    """A layout compiled for packing: wide integers travel as bytes, text padded with NUL."""

    def __init__(self, layout: Layout) -> None:
        wide = [kind != "u" or width not in _CODES for _, width, kind in layout]
        self.names = tuple(name for name, _, _ in layout)
        self.struct = struct.Struct(
            ">" + "".join(f"{w}s" if wide[i] else _CODES[w] for i, (_, w, _) in enumerate(layout))
        )
        fields = list(enumerate(layout))
        self._integers = [(i, width) for i, (_, width, kind) in fields if kind == "u" and wide[i]]
        self._texts = [i for i, (_, _, kind) in fields if kind == "t"]
        self._bytes = [i for i, (_, _, kind) in fields if kind == "b"]
        self._widths = [layout[i][1] for i in self._bytes]
        self._from_wire: list[tuple[int, Callable[[bytes], Any]]] = [(i, _integer) for i, _ in self._integers]
        self._from_wire += [(i, _text) for i in self._texts]

    def pack(self, values: list[Any]) -> bytes:
        """The canonical bytes of the fields' values, in order; `values` is used up."""
        if (widths := [len(values[i]) for i in self._bytes]) != self._widths:
            self._refuse(widths)
        for i, width in self._integers:
            values[i] = values[i].to_bytes(width, "big")
        for i in self._texts:
            values[i] = _plain(values[i])
        return self.struct.pack(*values)

    def _refuse(self, widths: list[int]) -> NoReturn:
        """`struct` would pad what is too short and cut what is too long."""
        for i, found, width in zip(self._bytes, widths, self._widths, strict=True):
            if found != width:
                raise RecordMalformed(f"{self.names[i]} has {width} bytes")
        raise AssertionError("the widths differ")

    def unpack(self, body: bytes, offset: int) -> dict[str, Any]:
        values = list(self.struct.unpack_from(body, offset))
        for i, convert in self._from_wire:
            values[i] = convert(values[i])
        return dict(zip(self.names, values, strict=True))


def _integer(wire: bytes) -> int:
    return int.from_bytes(wire, "big")


def _text(wire: bytes) -> str:
    text = wire.rstrip(b"\0").decode("ascii")
    _plain(text)
    return text


def _plain(text: str) -> bytes:
    """NUL pads, so it cannot stand inside: `a\\0b` would be a second spelling that a reader shows as `a`."""
    if not text.isascii() or not text.isprintable():
        raise RecordMalformed("text in a record is printable ASCII")
    return text.encode()
