"""JSON-RPC 2.0 as wallets speak it (EIP-1193, EIP-1474): requests read within bounds, answers written. Pure.

A body is bounded in bytes, depth, batch and lengths, and read by the strict reader: no member twice, no NaN. An entry
of a batch that is no request gets its own answer and leaves the others alone. Numbers may be floats, since pages make
ids of them; whatever counts money refuses them where it reads them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeAlias

from chain import strict_json
from chain.errors import JsonMalformed
from wallet.errors import RpcRefused

BODY_BYTES_MAX = 2 * 1024 * 1024
BATCH_MAX = 100
METHOD_LENGTH_MAX = 100
ID_LENGTH_MAX = 256

Params: TypeAlias = "list[object] | dict[str, object]"
Answer = dict[str, object]


class Code(IntEnum):
    """Of JSON-RPC 2.0, EIP-1474, EIP-1193, EIP-3326 and EIP-5792."""

    PARSE = -32700
    REQUEST = -32600
    METHOD = -32601
    PARAMS = -32602
    INTERNAL = -32603
    INPUT = -32000
    NOT_FOUND = -32001
    UNAVAILABLE = -32002
    REJECTED = -32003
    UNSUPPORTED = -32004
    LIMIT = -32005
    VERSION = -32006
    DECLINED = 4001
    UNAUTHORISED = 4100
    METHOD_REFUSED = 4200
    DISCONNECTED = 4900
    CHAIN_DISCONNECTED = 4901
    CHAIN_UNKNOWN = 4902
    CAPABILITY = 5700
    CALLS_CHAIN = 5710
    CALLS_DUPLICATE = 5720
    CALLS_UNKNOWN = 5730
    CALLS_TOO_LARGE = 5740
    UPGRADE_DECLINED = 5750
    ATOMICITY = 5760


@dataclass(frozen=True, slots=True)
class Request:
    """One call. A notification (no `id` at all) is never answered."""

    method: str
    params: Params
    id: str | int | float | None
    is_notification: bool = False


@dataclass(frozen=True, slots=True)
class Incoming:
    """What a body holds: requests, and answers to what was none. `is_batch` decides the form of the reply."""

    entries: tuple[Request | Answer, ...]
    is_batch: bool


def read(body: bytes | str) -> Incoming:
    """Raises RpcRefused (PARSE, REQUEST) where there is nobody to answer one by one."""
    try:
        document = strict_json.parse(body, BODY_BYTES_MAX, floats=True)
    except JsonMalformed as error:
        raise RpcRefused(Code.PARSE, f"The request is no proper JSON ({error.reason}).", None) from None
    return read_document(document)


def read_document(document: object) -> Incoming:
    """Of JSON that was read already, by the strict reader."""
    if not isinstance(document, list):
        return Incoming((_entry(document),), False)
    if not document:
        raise RpcRefused(Code.REQUEST, "The batch is empty.", None)
    if len(document) > BATCH_MAX:
        raise RpcRefused(Code.LIMIT, f"A batch holds at most {BATCH_MAX} requests.", None)
    return Incoming(tuple(_entry(one) for one in document), True)


def _entry(document: object) -> Request | Answer:
    try:
        return _request(document)
    except RpcRefused as refused:
        known = document.get("id") if isinstance(document, dict) else None
        return failed(known if _is_id(known) else None, refused)


def _request(document: object) -> Request:
    if not isinstance(document, dict):
        raise _no_request("an object is expected")
    version = document.get("jsonrpc")
    if version != "2.0":
        if isinstance(version, str):
            raise RpcRefused(Code.VERSION, f'JSON-RPC {version[:10]} is not spoken here, "2.0" is.', None)
        raise _no_request('jsonrpc has to be "2.0"')
    method, params, number = document.get("method"), document.get("params"), document.get("id")
    if not isinstance(method, str) or not 0 < len(method) <= METHOD_LENGTH_MAX:
        raise _no_request("method has to be a name")
    if not _is_id(number):
        raise _no_request("id has to be a short string or a number")
    if params is not None and not isinstance(params, (list, dict)):
        raise _no_request("params has to be an array or an object")
    return Request(method, [] if params is None else params, number, "id" not in document)


def _is_id(number: object) -> bool:
    if isinstance(number, str):
        return len(number) <= ID_LENGTH_MAX
    if isinstance(number, float):
        return math.isfinite(number)
    return number is None or type(number) is int


def _no_request(reason: str) -> RpcRefused:
    return RpcRefused(Code.REQUEST, f"This is no JSON-RPC 2.0 request: {reason}.", None)


def answered(number: object, result: object) -> Answer:
    """A result for the request of that id."""
    return {"jsonrpc": "2.0", "id": number, "result": result}


def failed(number: object, refused: RpcRefused) -> Answer:
    """A failure for the request of that id."""
    return {"jsonrpc": "2.0", "id": number, "error": error_object(refused)}


def error_object(refused: RpcRefused) -> dict[str, Any]:
    """`code`, `message` and, where there is any, `data`."""
    error: dict[str, Any] = {"code": int(refused.number), "message": refused.reason}
    return error if refused.data is None else {**error, "data": refused.data}


def encoded(answers: Sequence[Answer] | Answer | Mapping[str, object]) -> bytes:
    """JSON as bytes. A number that JSON does not have raises ValueError."""
    return json.dumps(answers, separators=(",", ":"), allow_nan=False).encode()


def reply(incoming: Incoming, answers: Sequence[Answer]) -> Sequence[Answer] | Answer | None:
    """The answers in the form that was asked for; None where every request was a notification."""
    if not answers:
        return None
    return answers if incoming.is_batch else answers[0]


def positional(params: Params, least: int, most: int) -> list[object]:
    """The parameters as an array of that many. Raises RpcRefused (PARAMS)."""
    if not isinstance(params, list) or not least <= len(params) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise bad_params(f"params: an array of {wanted} is expected")
    return params


def bad_params(reason: str) -> RpcRefused:
    """`reason` names the member at fault and what would be right."""
    return RpcRefused(Code.PARAMS, f"{reason}.", None)
