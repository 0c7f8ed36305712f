"""`tandem activity --follow`: what happens, as it happens, until Ctrl-C. One stream of server-sent events, blocking.

A stream that breaks is taken up again where it was left, so that nothing is missed and nothing is told twice.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from wallet.errors import AnswerUnfit, ServerUnreachable, SessionMissing

LINE_BYTES_MAX = 64 * 1024
EVENT_LINES_MAX = 100
RETRY_SECONDS = 2
TRIES_MAX = 30
"""So often in a row the server may be away."""
ITEMS = ("ledger", "chain")

Fields = dict[str, str]


class Streaming(Protocol):
    """Who opens the stream: status 200 or an error of theirs."""

    host: str

    def stream(self, path: str, last_id: str) -> http.client.HTTPResponse: ...


def follow(asker: Streaming, show: Callable[[str, dict[str, Any]], None]) -> None:
    """Calls `show` with the name and data of each event. Raises SessionMissing where the session ends."""
    last_id, away = "", 0
    while True:
        try:
            for fields in events(asker.host, asker.stream("/events", last_id)):
                away, last_id = 0, fields.get("id", last_id)
                name, data = fields.get("event", ""), _data(asker.host, fields)
                if name == "end" and data.get("reason") == "session":
                    raise SessionMissing(asker.host)
                show(name, data)
        except ServerUnreachable:
            if (away := away + 1) > TRIES_MAX:
                raise
        time.sleep(RETRY_SECONDS)


def events(host: str, answer: http.client.HTTPResponse) -> Iterator[Fields]:
    """Until the stream ends. Raises ServerUnreachable where it breaks, AnswerUnfit for what is no such stream."""
    fields: Fields = {}
    while line := _line(host, answer):
        text = line.rstrip("\r\n")
        if text:
            name, _separator, value = text.partition(":")
            fields[name] = value.removeprefix(" ")
        elif "data" in fields:
            yield fields
            fields = {}
        if len(fields) > EVENT_LINES_MAX:
            raise AnswerUnfit(host, "/events")


def _line(host: str, answer: http.client.HTTPResponse) -> str:
    try:
        raw = answer.readline(LINE_BYTES_MAX + 1)
    except TimeoutError:
        raise ServerUnreachable(host, "timeout") from None
    except (OSError, http.client.HTTPException, ValueError):
        raise ServerUnreachable(host, "connection") from None
    if len(raw) > LINE_BYTES_MAX:
        raise AnswerUnfit(host, "/events")
    return raw.decode(errors="replace")


def _data(host: str, fields: Fields) -> dict[str, Any]:
    try:
        found = json.loads(fields["data"])
    except (ValueError, RecursionError):
        raise AnswerUnfit(host, "/events") from None
    if not isinstance(found, dict):
        raise AnswerUnfit(host, "/events")
    return found
