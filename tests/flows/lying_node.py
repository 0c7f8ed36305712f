"""A proxy before a real node that changes single answers, by method. Runs in a thread; speaks to loopback alone."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Change = Callable[[list[Any], Any], Any]


@dataclass
class LyingNode:
    """`lies` by method: what was asked and the true result give another one. `asked` is every method, in order."""

    upstream: str
    url: str = ""
    lies: dict[str, Change] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    told: int = 0

    def be_honest(self) -> None:
        self.lies.clear()
        self.asked.clear()
        self.told = 0

    def answer(self, body: bytes) -> bytes:
        request = urllib.request.Request(self.upstream, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as answered:
            found = json.load(answered)
        calls = json.loads(body)
        asked = {call["id"]: call for call in (calls if isinstance(calls, list) else [calls])}
        for one in found if isinstance(found, list) else [found]:
            call = asked[one["id"]]
            self.asked.append(call["method"])
            change = self.lies.get(call["method"])
            if change is not None and "result" in one:
                changed = change(call.get("params", []), one["result"])
                self.told += changed != one["result"]
                one["result"] = changed
        return json.dumps(found).encode()


@contextmanager
def lying_node(upstream: str) -> Iterator[LyingNode]:
    node = LyingNode(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            answer = node.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_arguments: Any) -> None:
            """Nothing on the test's terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    node.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield node
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
