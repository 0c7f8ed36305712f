"""Pages of the Internet through the extension: what the four libraries do with a wallet, in a real browser."""

from __future__ import annotations

import json
import re

import pytest

from tests.browser.browser import ID, Dapp, settled
from tests.browser.pages import LIBRARIES
from tests.browser.play import play


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_page_connects_signs_sends_and_is_declined(library, context, client, site, chain_url):
    origin = site.public(library)
    play(Dapp(context.new_page(), f"{origin}/{library}.html"), client, chain_url, library, origin)


def test_a_page_with_tls(context, client, site, chain_url):
    origin = site.secure("extended")
    play(Dapp(context.new_page(), f"{origin}/viem.html"), client, chain_url, "viem", origin)


ANNOUNCED = """async () => {
    const heard = [];
    window.addEventListener('eip6963:announceProvider', ({detail}) => heard.push(detail));
    window.dispatchEvent(new Event('eip6963:requestProvider'));
    window.dispatchEvent(new Event('eip6963:requestProvider'));
    const [{info, provider}] = heard;
    const icon = new Image();
    icon.src = info.icon;
    await icon.decode();
    window.provider = provider;
    return {
        times: heard.length, info, same: heard.every((one) => one.provider === provider),
        frozen: heard.every((one) => Object.isFrozen(one) && Object.isFrozen(one.info)),
        size: [icon.naturalWidth, icon.naturalHeight],
        metamask: provider.isMetaMask ?? null, ethereum: typeof window.ethereum,
    };
}"""
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def plain(context, origin):
    """A page without a library, and the provider that was announced to it as `window.provider`."""
    page = context.new_page()
    page.goto(f"{origin}/plain.html")
    return page, page.evaluate(ANNOUNCED)


def ask(page, method, params=()):
    """The answer of `provider.request`, or its error's code and message."""
    asked = json.dumps({"method": method, "params": list(params)})
    return settled(page, f"provider.request({asked}).catch(({{code, message}}) => ({{code, message}}))")


def test_the_announcement_is_as_eip6963_says(context, site):
    page, said = plain(context, site.public("announced"))
    assert said["times"] == 2 and said["same"] and said["frozen"]
    assert UUID4.fullmatch(said["info"]["uuid"])
    assert (said["info"]["name"], said["info"]["rdns"]) == ("Tandem", "local.tandem.wallet")
    assert said["info"]["icon"].startswith("data:image/png;base64,") and said["size"] == [96, 96]
    assert (said["metamask"], said["ethereum"]) == (None, "undefined")
    page.reload()
    assert page.evaluate(ANNOUNCED)["info"]["uuid"] != said["info"]["uuid"]


def test_it_announces_at_once_too(context, site):
    """Heard by a script that is there before ours: once at once, and once when asked."""
    page = context.new_page()
    page.add_init_script("window.heard = 0; window.addEventListener('eip6963:announceProvider', () => window.heard++)")
    page.goto(f"{site.public('early')}/plain.html")
    page.evaluate("window.dispatchEvent(new Event('eip6963:requestProvider'))")
    assert page.evaluate("window.heard") == 2


def test_a_site_sees_nothing_without_a_grant(context, site, client):
    page, _ = plain(context, site.public("stranger"))
    assert ask(page, "eth_accounts") == []
    assert ask(page, "personal_sign", ["0x68656c6c6f", client.account])["code"] == 4100
    assert ask(page, "eth_sendTransaction", [{"from": client.account, "to": client.account}])["code"] == 4100
    assert client.waiting() == []


def test_the_browser_says_who_asks_and_not_the_page(context, site, client):
    """A page that speaks to our bridge itself, and says it was somebody else, is still itself."""
    origin = site.public("liar")
    page, _ = plain(context, origin)
    page.evaluate(
        """(victim) => {
            const message = {jsonrpc: '2.0', id: 900, method: 'eth_requestAccounts', params: [], origin: victim};
            const detail = JSON.stringify({type: 'rpc', origin: victim, port: '1', message});
            window.dispatchEvent(new CustomEvent('tandem:ask', {detail}));
        }""",
        site.public("viem"),
    )
    assert client.decline("connect")["origin"] == origin


def test_a_sandboxed_frame_gets_no_provider(context, site, client):
    page, _ = plain(context, site.public("framing"))
    heard = page.evaluate(
        """async () => {
            const frame = document.createElement('iframe');
            frame.sandbox = 'allow-scripts';
            const heard = new Promise((resolve) => window.addEventListener('message', ({data}) => resolve(data)));
            frame.src = '/sandboxed.html';
            const loaded = new Promise((resolve) => { frame.onload = resolve; });
            document.body.append(frame);
            await loaded;
            await provider.request({method: 'eth_chainId'}); // what the frame asked came before this
            frame.contentWindow.postMessage('report', '*');
            return heard;
        }"""
    )
    assert heard == {"announced": 0, "told": 0, "ethereum": "undefined"}
    assert client.waiting() == []


def test_appear_as_metamask_is_for_one_site(browser, context, site):
    chosen, other = site.public("chosen"), site.public("other")
    page, _ = plain(context, chosen)
    popup = browser.popup()
    page.bring_to_front()
    popup.wait_for_selector(f"#site-name:text-is('{chosen}')")
    assert popup.inner_text("#site-state") == "This site sees none of your accounts."
    popup.check("#appear")
    popup.wait_for_function("chrome.scripting.getRegisteredContentScripts().then(({length}) => length === 1)")
    page.reload()
    seen = page.evaluate(ANNOUNCED)
    assert (seen["metamask"], seen["ethereum"]) == (True, "object")
    assert page.evaluate("window.ethereum === provider")
    assert plain(context, other)[1]["ethereum"] == "undefined"
    popup.uncheck("#appear")
    popup.wait_for_function("chrome.scripting.getRegisteredContentScripts().then(({length}) => length === 0)")
    page.reload()
    assert page.evaluate(ANNOUNCED)["ethereum"] == "undefined"


def test_the_popup_disconnects_a_site_and_the_page_hears_it(browser, context, site, client):
    page = connected(context, site.public("leaving"), client)
    popup = browser.popup()
    page.bring_to_front()
    popup.wait_for_selector(f"#site-state:text('{client.account}')")
    page.evaluate("void (window.heard = new Promise((resolve) => provider.on('accountsChanged', resolve)))")
    popup.click("#revoke")
    assert settled(page, "window.heard") == []
    popup.wait_for_selector("#revoke", state="hidden")
    assert ask(page, "eth_accounts") == []


def test_the_forms_before_eip1193(context, site, client):
    page, _ = plain(context, site.public("old"))
    answers = page.evaluate(
        """() => new Promise((resolve) => provider.sendAsync([
            {jsonrpc: '2.0', id: 'a', method: 'eth_chainId', params: []},
            {jsonrpc: '2.0', id: 'b', method: 'eth_sign', params: []},
            {jsonrpc: '2.0', id: 'c', method: 'net_version', params: []},
        ], (error, responses) => resolve({error, responses})))"""
    )
    first, second, third = answers["responses"]
    assert answers["error"] is None
    assert (first["id"], first["result"]) == ("a", "0x7a69")
    assert (second["id"], second["error"]["code"]) == ("b", 4200)
    assert (third["id"], third["result"]) == ("c", "31337")
    assert page.evaluate("provider.send('eth_chainId').then(({result}) => result)") == "0x7a69"
    at_once = page.evaluate("provider.send({id: 7, method: 'net_version'})")
    assert at_once == {"id": 7, "jsonrpc": "2.0", "result": "31337"}
    alone = "new Promise((resolve) => provider.sendAsync({method: 'eth_sign'}, ({code}) => resolve(code)))"
    assert page.evaluate(alone) == 4200


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ("null", -32600),
        ("{}", -32600),
        ("{method: 'eth_chainId', params: 'x'}", -32600),
        ("{method: 'x', params: [1n]}", -32602),
    ],
)
def test_a_malformed_request_is_refused_in_the_page(request_, code, context, site):
    page, _ = plain(context, site.public("malformed"))
    assert page.evaluate(f"provider.request({request_}).catch((error) => error.code)") == code


def test_pages_scripts_cannot_read_the_token(context, site):
    """Not even our own content script can, whose process the page shares."""
    page = context.new_page()
    session = context.new_cdp_session(page)
    worlds = []
    session.on("Runtime.executionContextCreated", lambda event: worlds.append(event["context"]))
    session.send("Runtime.enable")
    page.goto(f"{site.public('curious')}/plain.html")
    ours = next(world["id"] for world in reversed(worlds) if world["origin"] == f"chrome-extension://{ID}")
    answer = session.send(
        "Runtime.evaluate",
        {
            "expression": "chrome.storage.local.get().then(() => 'read', (error) => error.message)",
            "contextId": ours,
            "awaitPromise": True,
            "returnByValue": True,
        },
    )
    assert answer["result"]["value"] == "Access to storage is not allowed from this context."


def test_the_worker_speaks_to_this_machine_alone(browser, site):
    """Its own policy refuses every other connection, our own pages' server included."""
    reached = "fetch('{}/plain.html').then(() => 'reached', () => 'refused')"
    assert browser.worker.evaluate(reached.format(site.secure("any"))) == "refused"
    assert browser.worker.evaluate(reached.format(site.loopback("plain"))) == "refused"


LISTEN = "(name) => { window[name] = new Promise((resolve) => provider.on(name, resolve)); return null; }"


def connected(context, origin, client):
    """A page that the person connected."""
    page, _ = plain(context, origin)
    page.evaluate("void (window.outcome = provider.request({method: 'eth_requestAccounts'}))")
    client.approve("connect")
    assert settled(page, "window.outcome") == [client.account]
    return page


def test_a_worker_that_the_browser_stopped_wakes_when_the_page_asks(browser, context, site, client):
    page = connected(context, site.public("sleepy"), client)
    page.evaluate(LISTEN, "disconnect")
    page.evaluate(LISTEN, "connect")
    browser.stop_worker()
    assert settled(page, "window.disconnect.then(({code}) => code)") == 4900
    assert page.evaluate("provider.isConnected()") is False
    assert ask(page, "eth_accounts") == [client.account]
    assert settled(page, "window.connect") == {"chainId": "0x7a69"}
    assert page.evaluate("provider.isConnected()") is True


def test_a_client_that_was_restarted_is_found_again(context, site, client):
    page = connected(context, site.public("patient"), client)
    page.evaluate(LISTEN, "disconnect")
    page.evaluate(LISTEN, "connect")
    client.stop()
    assert settled(page, "window.disconnect.then(({code}) => code)") == 4900
    assert ask(page, "eth_accounts")["code"] == 4900
    client.start()
    assert settled(page, "window.connect") == {"chainId": "0x7a69"}
    assert ask(page, "eth_accounts") == [client.account]
