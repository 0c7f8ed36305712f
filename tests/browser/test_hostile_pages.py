"""Hostile pages in a real browser: they change nothing and read nothing (THREATS I-1 to I-4).

The browser's own guard of loopback is off: what is refused here, the client refuses. `http` and `ws` are the probes;
from the page that has a grant they read the account, so a door that let others in would be seen.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.browser.browser import REBOUND, Dapp

HTTP = """async ([url, type, method, params]) => {
    const body = JSON.stringify({jsonrpc: '2.0', id: 1, method, params});
    const mode = type === 'application/json' ? 'cors' : 'no-cors';
    try {
        const signal = AbortSignal.timeout(10000);
        const response = await fetch(url, {method: 'POST', mode, headers: {'content-type': type}, body, signal});
        return {status: response.status, text: await response.text()};
    } catch ({name}) {
        return {status: name === 'TimeoutError' ? 'the person was asked' : null, text: ''};
    }
}"""
WS = """([url, first]) => new Promise((resolve) => {
    const socket = new WebSocket(url);
    socket.onopen = () => socket.send(first);
    socket.onmessage = ({data}) => { resolve(data); socket.close(); };
    socket.onclose = () => resolve(null);
    setTimeout(resolve, 10000, 'the person was asked');
})"""
FORM = """([url, name]) => {
    const form = document.createElement('form');
    Object.assign(form, {action: url, method: 'post', enctype: 'text/plain'});
    const input = document.createElement('input');
    Object.assign(input, {name, value: '"}'});
    form.append(input);
    document.body.append(form);
    form.submit();
}"""
METHODS = ("eth_accounts", "eth_requestAccounts", "personal_sign", "wallet_getPermissions")


def http(frame, url, method, params=(), content="application/json"):
    """Status and text of a POST as that page can make it and read it; None and nothing where the browser hid it.

    A request that gets in and waits for the person is not waited for.
    """
    answer = frame.evaluate(HTTP, [url, content, method, list(params)])
    return answer["status"], answer["text"]


def request(method, params=()):
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})


def ws(frame, url, first):
    """The first thing that the socket said, None where it was never opened or closed without a word."""
    return frame.evaluate(WS, [url, first])


@pytest.fixture(scope="module")
def granted(bare, client, site) -> Iterator[Dapp]:
    """A page that the person connected; what it has, the others want."""
    dapp = Dapp(bare.context.new_page(), f"{site.loopback('granted')}/viem.html?wallet={client.dapp}")
    dapp.start("connect")
    client.approve("connect")
    assert dapp.result() == client.account
    client.tandem("pair", "cast")  # its path is no secret
    before = client.tandem("grants")
    yield dapp
    # Nobody changed what it has, and nobody else got anything.
    assert json.loads(http(dapp.page, client.dapp, "eth_accounts")[1])["result"] == [client.account]
    assert client.tandem("grants") == before


@pytest.fixture
def socket_url(client):
    return client.dapp.replace("http:", "ws:")


@pytest.fixture
def stranger(bare, site, granted):
    """Another page of this machine, which nobody connected."""
    page = bare.context.new_page()
    page.goto(f"{site.loopback('plain')}/plain.html")
    yield page
    page.close()


def test_the_probes_read_what_a_granted_page_may(granted, client, socket_url):
    assert http(granted.page, client.dapp, "eth_accounts")[0] == 200
    assert client.account in http(granted.page, client.dapp, "eth_accounts")[1]
    assert client.account in ws(granted.page, socket_url, request("eth_accounts"))


@pytest.mark.parametrize("method", METHODS)
def test_i02_a_rebound_name_reads_nothing(method, bare, client):
    """The page came from a stranger's server; then its name leads to this machine, so the browser sees one origin."""
    origin = f"http://{REBOUND}:{client.port}"
    page = bare.context.new_page()
    page.route(f"{origin}/page", lambda route: route.fulfill(body="<title>evil</title>", content_type="text/html"))
    page.goto(f"{origin}/page")
    status, text = http(page, f"{origin}/", method)
    assert status == 403 and client.account not in text
    assert ws(page, f"ws://{REBOUND}:{client.port}/", request(method)) is None
    assert page.goto(f"{origin}/").status == 403
    page.close()


@pytest.mark.parametrize("content", ["text/plain", "application/x-www-form-urlencoded"])
def test_i01_a_request_that_needs_no_preflight_does_nothing(content, stranger, client):
    with stranger.expect_response(lambda response: response.url.startswith(client.dapp)) as refused:
        assert http(stranger, client.dapp, "eth_requestAccounts", content=content) == (0, "")
    assert refused.value.status == 415


def test_i01_a_form_does_nothing(stranger, client):
    name = request("eth_requestAccounts")[:-1] + ', "x": "'
    with stranger.expect_response(lambda response: response.url.startswith(client.dapp)) as refused:
        stranger.evaluate(FORM, [client.dapp, name])
    assert refused.value.status in (403, 415)
    assert client.account not in refused.value.text()


def test_a_beacon_does_nothing(stranger, client):
    with stranger.expect_response(lambda response: response.url.startswith(client.dapp)) as refused:
        body = request("eth_requestAccounts")
        assert stranger.evaluate("([url, body]) => navigator.sendBeacon(url, body)", [client.dapp, body])
    assert refused.value.status == 415


@pytest.mark.parametrize("method", METHODS)
def test_a_sandboxed_frame_is_nobody(method, stranger, client, socket_url):
    """Its origin is `null`, which every sandbox of every site shares."""
    stranger.evaluate(
        """() => new Promise((resolve) => {
            const frame = document.createElement('iframe');
            Object.assign(frame, {sandbox: 'allow-scripts allow-forms', srcdoc: '<p>here</p>', onload: resolve});
            document.body.append(frame);
        })"""
    )
    frame = stranger.frames[-1]
    assert frame.evaluate("window.origin") == "null"
    assert http(frame, client.dapp, method) == (None, "")
    assert ws(frame, socket_url, request(method)) is None


def test_i04_another_pages_socket_is_another_page(stranger, client, socket_url):
    """Cookies would be shared by all ports of a host; an Origin is not."""
    assert json.loads(ws(stranger, socket_url, request("eth_accounts")))["result"] == []
    signing = request("personal_sign", ["0x68656c6c6f", client.account])
    assert json.loads(ws(stranger, socket_url, signing))["error"]["code"] == 4100


@pytest.mark.parametrize("path", ["/extension", "/p/cast"])
def test_a_page_comes_in_by_no_other_door(path, stranger, client, socket_url):
    status, text = http(stranger, client.dapp + path, "eth_accounts")
    assert status in (None, 403, 404, 405) and client.account not in text
    first = '{"type": "pair", "code": "000000"}' if path == "/extension" else request("eth_accounts")
    assert ws(stranger, socket_url + path, first) is None


def test_the_control_api_answers_no_page(stranger, client):
    """The right token does not help a page: an `Origin` alone is enough to be refused."""
    token = (client.home / "control-token").read_text().strip()
    seen = stranger.evaluate(
        """([url, token]) => fetch(url, {headers: {authorization: `Bearer ${token}`}})
            .then((response) => response.text(), () => null)""",
        [f"{client.control}/approvals", token],
    )
    assert seen is None
