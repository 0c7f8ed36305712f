"""The line of prompts: bounded, one at a time, answered by digest, dead when its ground is gone."""

from __future__ import annotations

import pytest

from wallet.approvals import LINE_MAX, QUEUED_MAX, TRANSACTIONS_MAX, Approval, Kind, Line
from wallet.errors import ApprovalUnknown, DigestDiffers, RpcRefused
from wallet.permissions import Seen
from wallet.rpc import Code

PAGE, OTHER = "https://app.example", "https://other.example"
GROUND = Seen(("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",), 1)


def prompt(number, kind=Kind.MESSAGE, key=PAGE, ground=GROUND):
    return Approval(str(number), key, kind, ground, 0)


def line_of(*prompts):
    line = Line()
    for one in prompts:
        line = line.joined_by(one)
    return line


def refused(line, one):
    with pytest.raises(RpcRefused) as caught:
        line.joined_by(one)
    return caught.value.number


def test_one_is_shown_and_five_wait():
    line = line_of(*(prompt(n) for n in range(1 + QUEUED_MAX)))
    assert refused(line, prompt("more")) == Code.LIMIT
    assert line.joined_by(prompt("other", key=OTHER)).prompts[-1].key == OTHER
    assert line.without("0").first.id == "1"


def test_five_wait_behind_somebody_else_too():
    line = line_of(prompt("first", key=OTHER), *(prompt(n) for n in range(QUEUED_MAX)))
    assert refused(line, prompt("more")) == Code.LIMIT


def test_ten_transactions_at_once_are_taken():
    line = line_of(*(prompt(n, Kind.TRANSACTION) for n in range(TRANSACTIONS_MAX)))
    assert refused(line, prompt("more", Kind.TRANSACTION)) == Code.LIMIT
    assert line.joined_by(prompt("message"))


def test_the_whole_line_is_bounded():
    line = line_of(*(prompt(n, key=f"https://{n}.example") for n in range(LINE_MAX)))
    assert refused(line, prompt("more", key="https://more.example")) == Code.LIMIT


def test_an_answer_names_the_digest_that_was_seen():
    line = line_of(prompt(1), prompt(2)).showing("1", b"\x01" * 32)
    assert line.approved("1", "0x" + "01" * 32).id == "1"
    for digest in ("0x" + "02" * 32, "", "01" * 32):
        with pytest.raises(DigestDiffers):
            line.approved("1", digest)


def test_only_what_is_on_the_screen_is_answered():
    line = line_of(prompt(1), prompt(2))
    for state, number in ((line, "1"), (line.showing("1", b"\x01" * 32), "2"), (line, "9"), (Line(), "1")):
        with pytest.raises(ApprovalUnknown):
            state.shown(number)


def test_the_next_one_is_not_answered_with_the_digest_of_the_one_before():
    line = line_of(prompt(1), prompt(2)).showing("1", b"\x01" * 32).without("1")
    assert line.first.id == "2" and line.digest is None
    with pytest.raises(ApprovalUnknown):
        line.approved("2", "0x" + "01" * 32)


def test_one_that_waits_is_withdrawn_without_a_trace_on_the_screen():
    line = line_of(prompt(1), prompt(2)).showing("1", b"\x01" * 32).without("2")
    assert (line.first.id, line.digest) == ("1", b"\x01" * 32)


@pytest.mark.parametrize("now", [Seen(GROUND.accounts, 5), Seen((), 1), Seen(("0x0",), 1)])
def test_a_prompt_dies_with_its_account_or_chain(now):
    line = line_of(prompt(1), prompt(2, key=OTHER))
    dead = line.dead(lambda key: now if key == PAGE else GROUND)
    assert [one.id for one in dead] == ["1"]


@pytest.mark.parametrize(("now", "dies"), [(Seen((), 5), True), (Seen(("0x0",), 1), False)])
def test_asking_to_connect_dies_with_its_chain_alone(now, dies):
    assert bool(line_of(prompt(1, Kind.CONNECT)).dead(lambda key: now)) is dies
