"""Who is let in, and as whom: the rules of incidents I-1 to I-5, each seen to hold and, left out, seen to be missed."""

from __future__ import annotations

import itertools

import pytest

from wallet.asking import (
    RULES,
    Client,
    ClientKind,
    Envelope,
    House,
    Process,
    Transport,
    admit,
    cors_headers,
    exact_host,
    is_extension_origin,
    is_page_origin,
    json_by_post,
    one_origin,
    origin_of_a_browser,
    own_path,
    peer_of_ours,
    program_name,
)
from wallet.errors import CallerRefused, InputMalformed

HOUSE = House(1248, frozenset({"hardhat"}))
PROCESS = Process(77, 1234, "cast", "/usr/bin/cast")
PAGE = "https://app.example"
EXTENSION = "chrome-extension://" + "abcdefghijklmnop" * 2
JSON = ("application/json",)


def envelope(**changes):
    whole = {
        "transport": Transport.HTTP,
        "method": "POST",
        "path": "/",
        "hosts": ("127.0.0.1:1248",),
        "origins": (PAGE,),
        "content_types": JSON,
    }
    return Envelope(**{**whole, **changes})


def handshake(**changes):
    return envelope(**{"transport": Transport.WEBSOCKET, "method": "GET", "content_types": (), **changes})


def verdict(asked, rules=RULES):
    try:
        return admit(asked, HOUSE, PROCESS, rules).kind
    except CallerRefused as refused:
        return refused.status, refused.reason


def test_pages_programs_processes_and_extensions_are_known_apart():
    assert admit(envelope(), HOUSE) == Client(ClientKind.PAGE, PAGE)
    assert admit(handshake(), HOUSE).key == PAGE
    program = admit(envelope(origins=(), path="/p/hardhat"), HOUSE, PROCESS)
    assert (program.key, program.process) == ("program:hardhat", PROCESS)
    process = admit(envelope(origins=()), HOUSE, PROCESS)
    assert (process.kind, process.key) == (ClientKind.PROCESS, "process:77:1234")
    assert process.to_json()["process"]["executable"] == "/usr/bin/cast"
    assert admit(handshake(origins=(EXTENSION,), path="/extension"), HOUSE).kind is ClientKind.EXTENSION


def test_a_process_that_cannot_be_told_is_nobody():
    with pytest.raises(CallerRefused):
        admit(envelope(origins=()), HOUSE, None)


@pytest.mark.parametrize("host", ["127.0.0.1:1248", "localhost:1248", "[::1]:1248"])
def test_i02_three_hosts_are_ours(host):
    assert verdict(envelope(hosts=(host,))) is ClientKind.PAGE


@pytest.mark.parametrize(
    "hosts",
    [
        (),
        ("evil.test:1248",),
        ("evil.test",),
        ("127.0.0.1",),
        ("127.0.0.1:1249",),
        ("LOCALHOST:1248",),
        ("localhost.:1248",),
        ("127.0.0.1:01248",),
        ("127.1:1248",),
        ("127.0.0.1:1248 ",),
        ("127.0.0.1:1248", "127.0.0.1:1248"),
        ("[0:0:0:0:0:0:0:1]:1248",),
        ("192.168.0.9:1248",),
        ("localhost:1248.evil.test",),
    ],
)
def test_i02_every_other_host_is_refused_before_routing(hosts):
    for made in (envelope, handshake):
        assert verdict(made(hosts=hosts, path="/nowhere")) == (403, "host")


def test_i03_zero_is_no_host():
    for host in ("0.0.0.0:1248", "[::]:1248", "0:1248"):
        assert verdict(envelope(hosts=(host,))) == (403, "host")


@pytest.mark.parametrize(
    "content_types",
    [
        (),
        ("text/plain",),
        ("application/x-www-form-urlencoded",),
        ("multipart/form-data",),
        ("application/json; charset=utf-16",),
        ("application/json, text/plain",),
        ("application/jsonp",),
        ("text/plain; application/json",),
        ("application/json", "text/plain"),
    ],
)
def test_i01_a_form_cannot_post(content_types):
    assert verdict(envelope(content_types=content_types)) == (415, "content-type")


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON", "application/json; charset=utf-8", "application/json;charset=UTF-8"],
)
def test_json_is_json_with_its_charset(content_type):
    assert verdict(envelope(content_types=(content_type,))) is ClientKind.PAGE


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "DELETE", "post"])
def test_i01_only_post_asks(method):
    assert verdict(envelope(method=method)) == (405, "method")


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "*",
        "file://",
        "https://app.example/",
        "https://APP.example",
        "https://app.example:443",
        "http://app.example:80",
        "https://app.example:0",
        "https://app.example:65536",
        "https://user@app.example",
        "https://app.example, https://b.example",
        "ftp://app.example",
        "https://",
        "https://ünı.example",
        "https://a..b",
        "app.example",
        "chrome-extension://short",
        "chrome-extension://" + "z" * 32,
        "https://" + "a" * 300,
    ],
)
def test_i04_an_origin_that_no_browser_writes_is_nobody(origin):
    for made in (envelope, handshake):
        assert verdict(made(origins=(origin,))) == (403, "origin")


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example",
        "http://localhost:3000",
        "http://127.0.0.1:8080",
        "http://[::1]:3000",
        "https://xn--n-1fa.example",
    ],
)
def test_origins_of_pages(origin):
    assert is_page_origin(origin) and not is_extension_origin(origin)


def test_i04_two_origins_are_nobody():
    assert verdict(envelope(origins=(PAGE, PAGE))) == (403, "origin")


def test_i04_what_a_browser_sends_is_never_taken_for_a_program():
    for site in ("cross-site", "same-site", "same-origin"):
        assert verdict(handshake(origins=(), fetch_sites=(site,))) == (403, "origin-missing")
    assert verdict(handshake(origins=())) is ClientKind.PROCESS


def test_a_page_takes_up_no_programs_path_and_no_extensions():
    assert verdict(envelope(path="/p/hardhat")) == (403, "origin-at-program")
    assert verdict(handshake(path="/extension")) == (403, "extension")
    assert verdict(handshake(path="/extension", origins=())) == (403, "extension")
    assert verdict(handshake(origins=(EXTENSION,))) == (403, "extension")
    assert verdict(envelope(origins=(EXTENSION,), path="/extension")) == (403, "extension")


def test_a_path_that_nobody_was_given():
    assert verdict(envelope(origins=(), path="/p/foundry")) == (404, "program")
    assert verdict(envelope(path="/elsewhere")) == (404, "path")


def test_another_users_process_is_refused():
    for origins in ((), (PAGE,)):
        assert verdict(envelope(origins=origins, peer_is_us=False)) == (403, "peer")


def test_a_preflight_is_answered_for_that_origin_alone():
    asked = envelope(method="OPTIONS", content_types=())
    assert verdict(asked) is ClientKind.PAGE
    headers = cors_headers(asked)
    assert headers["Access-Control-Allow-Origin"] == PAGE and headers["Vary"] == "Origin"
    assert (headers["Access-Control-Allow-Methods"], headers["Access-Control-Allow-Headers"]) == (
        "POST",
        "content-type",
    )
    assert "Access-Control-Allow-Credentials" not in headers and "*" not in headers.values()
    assert cors_headers(envelope(origins=())) == {}
    assert verdict(envelope(method="OPTIONS", origins=(), content_types=())) == (405, "method")


# The whole product, against a list written down by hand.

HOSTS = ["127.0.0.1:1248", "localhost:1248", "[::1]:1248", "evil.test:1248", "0.0.0.0:1248"]
ORIGINS = [(), (PAGE,), ("http://localhost:3000",), ("null",), (EXTENSION,), ("https://app.example:443",)]
TYPES = [(), JSON, ("text/plain",), ("application/x-www-form-urlencoded",)]
PATHS = ["/", "/p/hardhat", "/p/other", "/extension", "/x"]


def is_listed(transport, host, origins, content_types, path):
    """Three hosts; pages and processes at /, programs at their path; extensions at theirs, by WebSocket."""
    if host not in HOSTS[:3] or origins not in ORIGINS[:3] + ORIGINS[4:5]:
        return False
    if origins == (EXTENSION,):
        return transport is Transport.WEBSOCKET and path == "/extension"
    if path != "/" and (origins or path != "/p/hardhat"):
        return False
    return transport is Transport.WEBSOCKET or content_types == JSON


def product():
    for transport, host, origins, types, path in itertools.product(Transport, HOSTS, ORIGINS, TYPES, PATHS):
        method = "POST" if transport is Transport.HTTP else "GET"
        asked = Envelope(transport, method, path, (host,), origins, types)
        yield asked, is_listed(transport, host, origins, types, path)


def wrong_verdicts(rules):
    return [asked for asked, listed in product() if isinstance(verdict(asked, rules), ClientKind) is not listed]


def test_exactly_the_listed_ones_get_in():
    assert len(list(product())) == 1200
    assert sum(listed for _, listed in product()) == 72
    assert not wrong_verdicts(RULES)


@pytest.mark.parametrize("left_out", [exact_host, one_origin, own_path, json_by_post], ids=lambda rule: rule.__name__)
def test_a_rule_that_is_left_out_is_seen(left_out):
    assert wrong_verdicts(tuple(rule for rule in RULES if rule is not left_out))


@pytest.mark.parametrize(
    ("left_out", "asked"),
    [
        (peer_of_ours, envelope(peer_is_us=False)),
        (origin_of_a_browser, handshake(origins=(), fetch_sites=("cross-site",))),
    ],
    ids=["peer_of_ours", "origin_of_a_browser"],
)
def test_a_rule_outside_the_product_is_seen_too(left_out, asked):
    assert isinstance(verdict(asked, tuple(rule for rule in RULES if rule is not left_out)), ClientKind)


@pytest.mark.parametrize("name", ["", "Hardhat", "a/b", "..%2f", "a" * 33, "-a", "ä"])
def test_names_of_programs(name):
    with pytest.raises(InputMalformed):
        program_name(name)
    assert program_name("hardhat-2.x_y") == "hardhat-2.x_y"
