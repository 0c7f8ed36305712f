"""Fields of requests and answers: strict text with one spelling each, and the base of every model."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

EXAMPLE_ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
EXAMPLE_32 = "0x" + "5e" * 32


class Strict(BaseModel):
    """What a client sends: no unknown field, no conversion from another JSON type."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Answer(BaseModel):
    """What the server answers."""

    model_config = ConfigDict(frozen=True)


Bytes32 = Annotated[str, Field(pattern="^0x[0-9a-f]{64}$", examples=[EXAMPLE_32])]
Salt16 = Annotated[str, Field(pattern="^0x[0-9a-f]{32}$", examples=["0x" + "a1" * 16])]
Signature = Annotated[str, Field(pattern="^0x[0-9a-f]{130}$", examples=["0x" + "11" * 64 + "1b"])]
ChainAddress = Annotated[str, Field(pattern="^0x[0-9a-fA-F]{40}$", examples=[EXAMPLE_ADDRESS])]
Digits = Annotated[str, Field(pattern="^(0|[1-9][0-9]{0,17})$", examples=["25000"])]
LongDigits = Annotated[str, Field(pattern="^(0|[1-9][0-9]{0,77})$", examples=["1500000000000000000"])]
Seconds = Annotated[str, Field(pattern="^(0|[1-9][0-9]{0,11})$", examples=["1795000000"])]
CurrencyCode = Annotated[str, Field(pattern="^[A-Z][A-Z0-9]{1,5}$", examples=["EUR"])]
AssetCode = Annotated[str, Field(pattern="^[A-Za-z0-9.+$_-]{1,20}$", examples=["ETH"])]
ChainId = Annotated[int, Field(ge=1, le=2**53 - 1, examples=[31337])]
Time = Annotated[str, Field(examples=["2026-11-22T17:10:00.123456Z"])]
DecimalText = Annotated[str, Field(examples=["250.00"])]


def whole(value: object) -> object:
    """Whole numbers in paths and queries: plain digits, nothing that merely converts."""
    if isinstance(value, str):
        if not re.fullmatch(r"0|[1-9][0-9]{0,15}", value, re.ASCII):
            raise ValueError("is a whole number in plain digits")
        return int(value)
    return value


PathChainId = Annotated[int, BeforeValidator(whole), Field(ge=1, le=2**53 - 1, examples=[31337])]
Count = Annotated[int, BeforeValidator(whole), Field(ge=0, le=2**53 - 1)]


def raw(text: str) -> bytes:
    """The bytes of a 0x field that has passed its pattern."""
    return bytes.fromhex(text[2:])


def spelled(value: bytes) -> str:
    """Bytes as they stand in JSON."""
    return "0x" + value.hex()
