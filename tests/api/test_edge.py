"""The outermost layer: strict JSON, bounded bodies, no lax types, and nothing but problems as errors."""

from __future__ import annotations

import asyncio
import json

import pytest

from api.errors import MalformedJson
from api.strict_json import parse
from tests.api.people import spelled

TOPUP = "/v1/topups/0x" + "1d" * 32


@pytest.mark.parametrize(
    "body",
    [
        b'{"address":"0x","address":"0x"}',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":1e400}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":' + b"9" * 10_000 + b"}",
        b'{"a":"\\ud800"}',
        b'{"a":"\\u0000"}',
        b'{"\\u0000":1}',
        b'{"a":"\xff"}',
        b"[" * 5000 + b"]" * 5000,
        b"[" * 60_000,
        b"{",
        b"\xef\xbb\xbf{}",
        b"{} {}",
        b"'a'",
    ],
    ids=lambda body: repr(body[:20]),
)
async def test_i22_what_is_not_strict_json_is_refused_before_any_route(caller, body):
    answer = await caller.ask("POST", "/v1/sessions/challenge", raw=body)
    assert (answer.status, answer.slug) == (400, "malformed_json")
    with pytest.raises(MalformedJson):
        parse(body, 10**6)


@pytest.mark.parametrize("body", [b"{}", b'{"a":[1,-2,true,null,"\\ud83d\\ude00"]}', b"[]"])
def test_strict_json_reads_what_is_well_formed(body):
    assert parse(body, 1000) == json.loads(body)


async def test_i22_bodies_are_bounded(caller):
    answer = await caller.ask("POST", "/v1/sessions/challenge", raw=b'{"address":"' + b"a" * 65536 + b'"}')
    assert (answer.status, answer.slug) == (413, "body_too_large")
    calls = [{"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [{"data": "0x" + "00" * 48_000}, "latest"]}]
    assert (await caller.post("/v1/rpc/31337", calls)).status == 200, "the relay takes a megabyte"
    answer = await caller.ask("POST", "/v1/rpc/31337", raw=b" " * (1024 * 1024 + 1))
    assert answer.slug == "body_too_large"


async def test_a_body_without_a_length_is_bounded_too(caller):
    async def endless():
        for _ in range(100):
            yield b" " * 4096

    answer = await caller.ask("POST", "/v1/sessions/challenge", raw=endless())
    assert answer.slug == "body_too_large"


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
async def test_another_media_type_is_refused(caller, media_type):
    answer = await caller.ask("POST", "/v1/sessions/challenge", raw=b"{}", **{"Content-Type": media_type})
    assert (answer.status, answer.slug) == (415, "unsupported_media_type")


async def test_a9_unknown_fields_are_refused_in_every_body(person):
    """Mass assignment: no model takes a field that it does not name."""
    alice, bob = await person(), await person()
    nested = alice.registration()
    nested["accounts"][0]["attestation"]["extra"] = "1"
    transfer = alice.transfer(bob.holder, 1)
    nonce = transfer["order"]["nonce"]
    attempts = [
        (
            "POST",
            "/v1/sessions/challenge",
            {"address": alice.registration()["accounts"][0]["address"], "role": "admin"},
        ),
        ("POST", "/v1/sessions", {"message": "m", "signature": "0x" + "11" * 65, "holder": spelled(bob.holder)}),
        ("POST", "/v1/users", alice.registration(created_at="0")),
        ("POST", "/v1/users", nested),
        ("POST", f"/v1/users/{bob.handle}/address", {"chain_id": 31337, "asset": "ETH", "payee": "x"}),
        ("PUT", TOPUP, {"gateway": "sandbox", "currency": "EUR", "amount_minor": "1", "state": "settled"}),
        ("PUT", TOPUP, {"gateway": "sandbox", "currency": "EUR", "amount_minor": "1", "holder": spelled(bob.holder)}),
        ("PUT", f"/v1/orders/{nonce}", transfer | {"authorised": True}),
        ("PUT", f"/v1/orders/{nonce}", transfer | {"texts": transfer["texts"] | {"x": transfer["texts"]["shown"]}}),
    ]
    for method, path, body in attempts:
        answer = await alice.ask(method, path, body)
        assert (answer.status, answer.slug) == (422, "invalid_input"), (path, answer.body)


async def test_errors_never_echo_what_was_sent(caller):
    answer = await caller.post("/v1/sessions/challenge", {"address": "<script>secret</script>"})
    assert answer.slug == "invalid_input"
    assert b"secret" not in answer.body


async def test_every_answer_tells_the_servers_time(caller):
    for path in ("/v1/ledger", "/v1/portfolio", "/nowhere"):
        assert (await caller.get(path)).headers["Tandem-Time"].isdigit()


async def test_unknown_paths_and_methods_are_problems(caller):
    assert (await caller.get("/v1/nowhere")).slug == "not_found"
    answer = await caller.ask("DELETE", "/v1/ledger")
    assert (answer.status, answer.slug, answer.headers["Allow"]) == (405, "method_not_allowed", "GET")
    assert (await caller.get("/v1/ledger/")).slug == "not_found", "no redirects"


async def test_problem_types_can_be_looked_up(caller):
    for slug in ("handle_taken", "exceeds_credits", "not_built_yet"):
        assert (await caller.get(f"/problems/{slug}")).json["slug"] == slug
    assert (await caller.get("/problems/nothing")).status == 404


async def test_many_at_once_are_all_answered(caller):
    answers = await asyncio.gather(*(caller.get("/v1/ledger") for _ in range(64)))
    assert {answer.status for answer in answers} == {200}


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/activity?limt=5", "query.limt"),
        ("/v1/activity?limit=5&limit=6", "query.limit"),
        ("/v1/portfolio?=", "query."),
        ("/v1/portfolio?in=EUR&Authorization=x", "query.Authorization"),
        ("/v1/health?x=1", "query.x"),
    ],
)
async def test_a_query_parameter_that_a_route_does_not_have_is_refused(person, path, field):
    alice = await person()
    answer = await alice.get(path)
    assert (answer.status, answer.slug, answer.json["errors"][0]["field"]) == (422, "invalid_input", field)
    assert (await alice.get("/v1/activity?limit=5")).status == 200
