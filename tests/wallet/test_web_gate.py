"""Which requests could come from our own pages: every other mark is refused (THREATS I-1 to I-4)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wallet.errors import CallerRefused
from wallet.web.gate import Marks, Way, admit, own_path

PORT = 1250
OWN = Marks("GET", "/", ("localhost:1250",), ("same-origin",), (), ("navigate",), ("document",))
TYPED = replace(OWN, sites=("none",))
LINK = replace(TYPED, path="/open")


def test_our_own_pages_are_let_in():
    assert admit(OWN, PORT) is Way.WITHIN
    assert admit(replace(OWN, method="POST", origins=("http://localhost:1250",), modes=("cors",)), PORT) is Way.WITHIN


def test_what_a_person_types_gets_a_doorstep_and_the_link_alone_opens():
    assert admit(TYPED, PORT) is Way.DOORSTEP
    assert admit(replace(TYPED, path="/send"), PORT) is Way.DOORSTEP
    assert admit(LINK, PORT) is Way.LINK


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:1250", "[::1]:1250", "localhost", "localhost:1251", "evil.test:1250", "0.0.0.0:1250", "LOCALHOST:1250"],
)
def test_i02_another_spelling_of_the_host_is_refused(host):
    for marks in (OWN, TYPED, LINK):
        refused(replace(marks, hosts=(host,)), "host")


def test_i02_no_host_and_two_are_refused():
    refused(replace(OWN, hosts=()), "host")
    refused(replace(OWN, hosts=("localhost:1250", "localhost:1250")), "host")


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "Same-Origin", "same-origin, none"])
def test_i04_a_page_of_another_origin_is_refused(site):
    """`same-site` is a page on another port of this machine: the cookie comes with it."""
    for marks in (OWN, LINK, replace(OWN, method="POST")):
        refused(replace(marks, sites=(site,)), "site")


def test_a_browser_that_says_nothing_is_refused():
    refused(replace(OWN, sites=()), "site")
    refused(replace(OWN, sites=("same-origin", "same-origin")), "site")


def test_what_is_typed_changes_nothing_and_is_no_part_of_a_page():
    refused(replace(TYPED, method="POST"), "site")
    refused(replace(TYPED, modes=("no-cors",)), "site")
    refused(replace(TYPED, modes=()), "site")


def test_the_link_is_no_page_of_ours():
    refused(replace(OWN, path="/open"), "site")


def test_a_browser_that_looks_ahead_does_not_use_the_link_up():
    refused(replace(LINK, purposes=("prefetch;prerender",)), "site")


@pytest.mark.parametrize("dest", ["iframe", "frame", "object", "embed", "fencedframe"])
def test_nothing_is_shown_in_a_frame(dest):
    refused(replace(OWN, dests=(dest,)), "frame")
    refused(replace(LINK, dests=(dest,)), "frame")


@pytest.mark.parametrize("origin", ["null", "http://127.0.0.1:1250", "http://localhost:3000", "https://localhost:1250"])
def test_another_origin_is_refused_whatever_else_is_said(origin):
    refused(replace(OWN, method="POST", origins=(origin,)), "origin")
    refused(replace(OWN, method="POST", origins=("http://localhost:1250", origin)), "origin")


def test_another_user_of_this_machine_is_refused():
    refused(replace(OWN, peer_is_us=False), "peer")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "HEAD", "TRACE"])
def test_other_methods_are_refused(method):
    refused(replace(OWN, method=method), "method")


@pytest.mark.parametrize("at", ["//evil.test/", "/\\evil.test", "https://evil.test", "", "evil", "/a\nb"])
def test_the_doorstep_leads_to_no_other_place(at):
    assert own_path(at) == "/"


def test_the_doorstep_leads_to_where_the_person_wanted():
    assert own_path("/activity?text=a&rail=chain") == "/activity?text=a&rail=chain"


def refused(marks, reason):
    with pytest.raises(CallerRefused) as caught:
        admit(marks, PORT)
    assert caught.value.reason == reason
