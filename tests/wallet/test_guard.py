"""The signer keeps to the policy: by the bytes and its own counters, whatever it is told and its files say."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from chain.calldata import encode_call
from tests.wallet.policies import (
    BOB,
    DOLLAR,
    DUSD,
    FEE,
    ME,
    NOW,
    PAGE,
    STRANGER,
    allow,
    dollars,
    foreseen,
    pay,
    refuse,
    transaction,
)
from tests.wallet.test_review_typed_data import permit as permit_document
from tests.wallet.test_signer import JUNK, LEDGER, PASSWORD, ROOT_ADDRESS, ask, order, order_fields, sign_in_text
from wallet.approvals import Kind
from wallet.door import PASSED
from wallet.errors import (
    CallRefused,
    PasswordNeeded,
    PolicyDenied,
    PolicyOlder,
    VaultChanged,
    VaultUnopened,
    WalletError,
)
from wallet.guard_claims import claims_json, item_json, message_item, transaction_item, typed_item
from wallet.policy import OWN
from wallet.policy_counters import DAY_SECONDS, Moment
from wallet.policy_files import COUNTERS_NAME, LOG_NAME, log_content
from wallet.policy_log import check
from wallet.policy_request import Claims
from wallet.signable import read_order, read_sign_in
from wallet.signer import Signer

SERVER = "localhost:8000"


class Time:
    """The system's clock and what it counts, for tests to turn."""

    def __init__(self):
        self.clock, self.boot, self.elapsed = NOW, "boot 1", 1000

    def __call__(self):
        return Moment(self.clock, self.boot, self.elapsed)

    def passes(self, seconds):
        self.clock, self.elapsed = self.clock + seconds, self.elapsed + seconds


@pytest.fixture
def time():
    return Time()


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A vault, made once: its password check takes its time."""
    path = tmp_path_factory.mktemp("guard") / "vault.json"
    ask(Signer(path, []), "restore", phrase=JUNK, language="", passphrase="", password=PASSWORD, profile="light")
    return path


@pytest.fixture
def path(made, tmp_path):
    return Path(shutil.copy(made, tmp_path / "vault.json"))


@pytest.fixture
def signer(path, time):
    return opened(path, time)


def opened(path, time):
    signer = Signer(path, [])
    signer.now = time
    ask(signer, "unlock", password=PASSWORD)
    return signer


def add(signer, *rules):
    for rule in rules:
        ask(signer, "add_rule", password=PASSWORD, rule=rule.to_json(), server=SERVER)


def permit(signer, *items, claims=None, client=PAGE, kind="send_transaction", account=ME):
    given = {"client": client, "kind": kind, "chain_id": 31337, "account": account}
    crossed = {"items": [item_json(item) for item in items], "claims": claims_json(claims or foreseen(20 * DOLLAR))}
    return ask(signer, "permit", **given, **crossed)


def paying(amount, nonce=0, to=BOB):
    return transaction_item(pay(amount, to, nonce).unsigned_payload)


def asked(signer, amount, nonce=0, **more):
    return permit(signer, paying(amount, nonce), claims=foreseen(amount * DOLLAR), **more)["verdict"]


def sign(signer, item, account=ME):
    name = {"sign_transaction": "payload", "sign_message": "data", "sign_typed_data": "document"}[item.call]
    return ask(signer, item.call, **{name: item_json(item)["data"]}, account=account, digest=item.digest)


def used(signer):
    return {name: int(amount) for name, amount in ask(signer, "policy")["used"].items()}


def spend(signer, amount, nonce=0):
    assert asked(signer, amount, nonce) == "allow"
    return sign(signer, paying(amount, nonce))


def test_without_a_rule_what_was_reviewed_is_signed_as_ever(signer):
    sign(signer, paying(1))
    assert ask(signer, "status")["guarded"] is False
    found = permit(signer, paying(1))
    assert (found["verdict"], found["reason"], found["guarded"]) == ("ask", "no-policy", False)
    add(signer, allow())
    assert ask(signer, "status")["guarded"] is True
    ask(signer, "remove_rule", password=PASSWORD, rule="r1")
    sign(signer, paying(1))


def test_what_a_rule_allows_is_counted_and_signed_once(signer):
    add(signer, allow())
    assert permit(signer, paying(5), claims=foreseen())["rule"] == "r1"
    assert used(signer) == {f"r1 {DUSD.address}": 5 * DOLLAR, "r1 fees": FEE}
    assert sign(signer, paying(5))["raw"].startswith("0x02")
    with pytest.raises(PasswordNeeded):
        sign(signer, paying(5))
    assert used(signer)["r1 fees"] == FEE


def test_what_is_permitted_to_one_account_is_not_signed_by_another(signer):
    """A transaction's bytes do not say whose it is."""
    add(signer, allow(account=ME))
    other = ask(signer, "add_account")["accounts"][1]["address"]
    assert asked(signer, 5) == "allow"
    with pytest.raises(PasswordNeeded):
        sign(signer, paying(5), other)
    assert asked(signer, 5, 1, account=other) == "ask"
    sign(signer, paying(5))


def test_over_the_days_amount_it_asks_and_a_day_later_no_more(signer, time):
    add(signer, allow())
    spend(signer, 10)
    spend(signer, 9, 1)
    assert asked(signer, 2, 2) == "ask"
    assert asked(signer, 1, 2) == "allow"
    time.passes(DAY_SECONDS - 1)
    assert asked(signer, 2, 3) == "ask"
    time.passes(601)
    assert asked(signer, 2, 3) == "allow"


def test_a_clock_that_is_set_back_or_forward_gives_no_room(signer, path, time):
    add(signer, allow())
    spend(signer, 10)
    spend(signer, 10, 1)
    for clock in (NOW - 9 * DAY_SECONDS, NOW + 9 * DAY_SECONDS, NOW):
        time.clock = clock
        assert asked(signer, 1, 2) == "ask"
        assert asked(opened(path, time), 1, 2) == "ask"


@pytest.mark.parametrize(
    ("rule", "verdict"), [(allow(client=OWN, simulated=False), "allow"), (refuse(client=OWN), "deny"), (allow(), "ask")]
)
def test_the_persons_own_commands_are_a_client_too(signer, rule, verdict):
    add(signer, rule)
    if verdict == "allow":
        sign(signer, paying(10))
        sign(signer, paying(10, 1))
        with pytest.raises(PasswordNeeded) as caught:
            sign(signer, paying(10, 2))
        assert (caught.value.reason, caught.value.rule) == ("over-a-day", "r1")
    else:
        with pytest.raises(PolicyDenied if verdict == "deny" else PasswordNeeded):
            sign(signer, paying(10))


def test_beyond_the_policy_the_password_signs_each_thing_once(signer):
    add(signer, allow())
    items = [paying(500), message_item(b"hello"), typed_item(json.dumps({**permit_document(), "domain": DOMAIN}))]
    for item in items:
        with pytest.raises(PasswordNeeded):
            sign(signer, item)
        with pytest.raises(VaultUnopened):
            ask(signer, "consent", password="wrong horse battery", digests=[item.digest], account=ME)
        with pytest.raises(PasswordNeeded):
            sign(signer, item)
        ask(signer, "consent", password=PASSWORD, digests=[item.digest], account=ME)
        sign(signer, item)
        with pytest.raises(PasswordNeeded):
            sign(signer, item)
    assert used(signer) == {}, "what the person agrees to is not the rule's"


DOMAIN = {"name": "Demo Dollar", "version": "1", "chainId": 31337, "verifyingContract": STRANGER}


def test_a_consent_is_for_these_very_bytes_and_account_and_not_for_ever(signer, time):
    add(signer, allow())
    other = ask(signer, "add_account")["accounts"][1]["address"]
    ask(signer, "consent", password=PASSWORD, digests=[paying(500).digest], account=ME)
    with pytest.raises(PasswordNeeded):
        sign(signer, paying(500, 1))
    time.passes(121)
    with pytest.raises(PasswordNeeded):
        sign(signer, paying(500))
    ask(signer, "consent", password=PASSWORD, digests=[message_item(b"hello").digest], account=ME)
    with pytest.raises(PasswordNeeded):
        sign(signer, message_item(b"hello"), other)
    for digests in ([], ["0x00"], [7], [paying(1).digest] * 101):
        with pytest.raises(CallRefused):
            ask(signer, "consent", password=PASSWORD, digests=digests, account=ME)


def test_orders_to_the_ledger_want_the_password_and_signing_in_at_ones_server_does_not(signer):
    add(signer, allow())
    text = sign_in_text(ROOT_ADDRESS)
    signing_in = {"text": text, "account": ROOT_ADDRESS, "digest": "0x" + read_sign_in(text).digest.hex()}
    ask(signer, "sign_in", **signing_in)
    given = order("LedgerTransfer", order_fields("LedgerTransfer"))
    with pytest.raises(PasswordNeeded):
        ask(signer, "sign_order", **given)
    digest = "0x" + read_order("LedgerTransfer", LEDGER, given["order"]).digest.hex()
    ask(signer, "consent", password=PASSWORD, digests=[digest], account=ROOT_ADDRESS)
    ask(signer, "sign_order", **given)
    elsewhere = text.replace(SERVER, "bank.example")
    with pytest.raises(PasswordNeeded):
        ask(signer, "sign_in", **{**signing_in, "text": elsewhere, "digest": digest_of(elsewhere)})


def digest_of(text):
    return "0x" + read_sign_in(text).digest.hex()


def test_a_typed_permit_counts_as_the_transfer_that_it_is(signer):
    add(signer, allow())
    spend(signer, 10)
    item = typed_item(json.dumps(permit_document()))
    assert permit(signer, item, kind="sign_typed_data")["verdict"] == "allow"
    sign(signer, item)
    assert used(signer)[f"r1 {DUSD.address}"] == 15 * DOLLAR
    more = typed_item(json.dumps(permit_document(nonce="1", value=str(6 * DOLLAR))))
    assert permit(signer, more, kind="sign_typed_data")["reason"] == "over-a-day"


def test_a_deny_rule_and_what_is_no_signature(signer):
    add(signer, allow(kinds=(Kind.CONNECT,), limits=()), refuse(recipients=(STRANGER,)))
    assert permit(signer, paying(1, to=STRANGER))["verdict"] == "deny"
    assert permit(signer, kind="connect", account="")["verdict"] == "allow"
    assert permit(signer, kind="switch_chain", account="")["verdict"] == "ask"


def test_several_transactions_are_counted_together(signer):
    add(signer, allow(dollars(10, 10), kinds=(Kind.CALLS,), simulated=False))
    both = [paying(5), paying(4, 1)]
    assert permit(signer, *both, kind="send_calls")["verdict"] == "allow"
    for item in both:
        sign(signer, item)
    assert used(signer) == {f"r1 {DUSD.address}": 9 * DOLLAR, "r1 fees": 2 * FEE}
    assert permit(signer, paying(1, 2), paying(1, 3), kind="send_calls")["reason"] == "over-a-day"
    assert permit(signer, *both, kind="send_transaction")["verdict"] == "ask"


def test_what_comes_to_no_signature_is_given_back_once(signer, time, monkeypatch):
    add(signer, allow())
    spend(signer, 10)
    assert asked(signer, 10, 1) == "allow"
    ask(signer, "release", digests=[paying(10, 1).digest, paying(10).digest])
    assert used(signer)[f"r1 {DUSD.address}"] == 10 * DOLLAR
    with pytest.raises(PasswordNeeded):
        sign(signer, paying(10, 1))
    assert asked(signer, 10, 1) == "allow"
    time.passes(121)
    assert asked(signer, 10, 1) == "allow", "what was never signed is over by itself"
    monkeypatch.setattr("wallet.hd.PrivateKey.sign", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        sign(signer, paying(10, 1))
    assert used(signer)[f"r1 {DUSD.address}"] == 10 * DOLLAR
    ask(signer, "release", digests=[paying(10, 1).digest])
    assert used(signer)[f"r1 {DUSD.address}"] == 10 * DOLLAR


def test_counters_survive_a_restart_and_a_stop_between_reservation_and_signature(signer, path, time):
    add(signer, allow())
    spend(signer, 10)
    assert asked(signer, 5, 1) == "allow"
    again = opened(path, time)
    assert used(again)[f"r1 {DUSD.address}"] == 15 * DOLLAR, "room is lost, none is won"
    with pytest.raises(PasswordNeeded):
        sign(again, paying(5, 1))
    assert asked(again, 6, 2) == "ask"
    assert asked(again, 5, 2) == "allow"


class Killed(BaseException):
    """The machine stops here."""


def test_a_stop_at_each_step_never_gives_room(made, tmp_path, monkeypatch, soak):
    """Every call that changes a file is the last one once (here every third, `make soak` each); what was signed by then
    is counted by the next signer."""
    stride = 1 if soak else 3
    step, stops = 1 - stride, 0
    while True:
        step += stride
        home = tmp_path / str(step)
        home.mkdir()
        path, time = Path(shutil.copy(made, home / "vault.json")), Time()
        signer = opened(path, time)
        add(signer, allow())
        signed = 0
        with monkeypatch.context() as patched:
            calls = stop_at(patched, step)
            try:
                for nonce in range(2):
                    spend(signer, 8, nonce)
                    signed += 8
            except Killed:
                stops += 1
        again = opened(path, time)
        left = 20 - signed
        assert asked(again, 10 if left > 10 else left + 1, 9) == "ask" or signed + 10 <= 20
        for nonce in range(10, 40):
            if asked(again, 1, nonce) == "allow":
                sign(again, paying(1, nonce))
                signed += 1
        assert signed <= 20
        assert check(log_content(home)).faults == ()
        if calls() < step:
            break
    assert stops == (step - 1) // stride > (12 if soak else 4)


def stop_at(patched, step):
    """Raises Killed at that call of those which touch the disk, before it is done."""
    count = 0

    def counted(function):
        def call(*given, **named):
            nonlocal count
            count += 1
            if count == step:
                raise Killed
            return function(*given, **named)

        return call

    for owner, name in ((os, "fsync"), (os, "write"), (Path, "replace"), (os, "open")):
        patched.setattr(owner, name, counted(getattr(owner, name)))
    return lambda: count


# Files behind its back


def test_an_edited_policy_does_not_open(signer, path):
    add(signer, allow())
    document = json.loads(path.read_text())
    document["policy"]["rules"][0]["limits"][0]["a_day"] = str(10**30)
    path.write_text(json.dumps(document))
    with pytest.raises((VaultChanged, VaultUnopened)):
        asked(signer, 10)
    with pytest.raises(VaultUnopened):
        ask(Signer(path, []), "unlock", password=PASSWORD)


@pytest.mark.parametrize("touched", ["edited", "removed", "emptied", "foreign"])
@pytest.mark.parametrize("restarted", [False, True])
def test_counters_that_were_touched_are_lost_and_there_is_no_room_for_a_day(signer, path, time, touched, restarted):
    add(signer, allow())
    spend(signer, 10)
    file = path.with_name(COUNTERS_NAME)
    if touched == "edited":
        file.write_text(file.read_text().replace(str(10 * DOLLAR), "0"))
    elif touched == "removed":
        file.unlink()
    elif touched == "foreign":
        file.write_text(json.dumps({**json.loads(file.read_text()), "tag": "00" * 32}))
    else:
        file.write_bytes(b"")
    judge = opened(path, time) if restarted else signer
    assert permit(judge, paying(1, 1), claims=foreseen(DOLLAR))["reason"] == "counters-lost"
    time.passes(DAY_SECONDS)
    assert asked(judge, 1, 1) == "ask"
    time.passes(600)
    assert asked(judge, 1, 1) == "allow"
    assert "counters-lost" in [entry["event"] for entry in check(log_content(path.parent)).entries]


@pytest.mark.parametrize("restarted", [False, True])
def test_older_counters_are_known_by_what_was_seen_and_by_the_log(signer, path, time, restarted):
    add(signer, allow())
    file = path.with_name(COUNTERS_NAME)
    before = file.read_bytes()
    spend(signer, 10)
    file.write_bytes(before)
    judge = opened(path, time) if restarted else signer
    assert permit(judge, paying(1, 1), claims=foreseen(DOLLAR))["reason"] == "counters-lost"
    ask(judge, "reset_counters", password=PASSWORD)
    assert asked(judge, 1, 1) == "allow"
    with pytest.raises(VaultUnopened):
        ask(judge, "reset_counters", password="wrong horse battery")


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("older", ["none", "wider"])
def test_an_older_vault_does_not_bring_its_policy_back(signer, path, time, restarted, older):
    if older == "wider":
        add(signer, allow(dollars(None, 10**6)))
    before = path.read_bytes()
    add(signer, refuse())
    path.write_bytes(before)
    judge = opened(path, time) if restarted else signer
    assert ask(judge, "status")["guarded"] is True
    assert permit(judge, paying(1), claims=foreseen(DOLLAR))["reason"] == "counters-lost"
    with pytest.raises(PasswordNeeded):
        sign(judge, paying(1))
    ask(judge, "consent", password=PASSWORD, digests=[paying(1).digest], account=ME)
    sign(judge, paying(1))
    for call, given in (("add_rule", {"rule": allow().to_json(), "server": ""}), ("remove_rule", {"rule": "r1"})):
        with pytest.raises(PolicyOlder):  # the next policy would pass for the one after it
            ask(judge, call, password=PASSWORD, **given)
    assert permit(judge, paying(1), claims=foreseen(DOLLAR))["reason"] == "counters-lost"
    ask(judge, "reset_counters", password=PASSWORD)
    if older == "wider":
        assert asked(judge, 9, 1) == "allow"
    else:
        assert ask(judge, "status")["guarded"] is False


def test_two_signers_count_together(signer, path, time):
    add(signer, allow())
    other = opened(path, time)
    spend(signer, 8)
    spend(other, 8, 1)
    assert asked(signer, 8, 2) == asked(other, 8, 2) == "ask"
    assert used(signer) == used(other)


# A daemon that was taken over


def test_a_daemon_cannot_ask_beyond_the_policy(signer):
    """It may lie about who asks and what a simulation said; the bytes and the counters it cannot."""
    add(signer, allow(dollars(1, 1)))
    with pytest.raises(PasswordNeeded):
        sign(signer, paying(1))
    lies = (
        transaction(STRANGER, b"\x12\x34\x56\x78"),
        transaction(STRANGER, b"", 1),
        transaction(data=encode_call("approve(address,uint256)", STRANGER, 2**256 - 1)),
        pay(2),
    )
    for request in lies:
        item = transaction_item(request.unsigned_payload)
        assert permit(signer, item, claims=foreseen(0))["verdict"] == "ask"
        with pytest.raises(PasswordNeeded):
            sign(signer, item)
    for call in ("add_rule", "remove_rule", "reset_counters"):
        arguments = {"add_rule": {"rule": allow().to_json(), "server": ""}, "remove_rule": {"rule": "r1"}}
        with pytest.raises(VaultUnopened):
            ask(signer, call, password="wrong horse battery", **arguments.get(call, {}))
    assert asked(signer, 1) == "allow"
    assert asked(signer, 1, 1) == "ask"


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "everything"},
        {"client": ""},
        {"claims": {}},
        {"claims": {"simulated": {}, "prices": [], "cautions": []}},
        {"claims": {"simulated": None, "prices": [[1]], "cautions": []}},
        {"claims": {"simulated": None, "prices": [], "cautions": ["nothing-known"]}},
        {"items": [{"call": "sign_order", "data": "0x"}]},
        {"items": [{"call": "sign_message", "data": "00"}]},
        {"items": [{"call": "sign_message", "data": "0x00"}, {"call": "sign_message", "data": "0x01"}]},
        {"items": [{"call": "sign_message", "data": "0x00"}] * 101},
        {"items": ["sign_message"]},
        {"account": str(STRANGER)},
    ],
)
def test_a_question_of_another_shape_is_refused(signer, change):
    given = {"client": PAGE, "kind": "sign_message", "chain_id": 31337, "account": ME}
    given |= {"items": [item_json(message_item(b"hello"))], "claims": claims_json(Claims())}
    with pytest.raises(WalletError):
        ask(signer, "permit", **{**given, **change})


def test_guests_of_the_socket_do_not_say_who_asks():
    assert not {"permit", "release"} & PASSED
    assert {"policy", "add_rule", "remove_rule", "reset_counters", "consent"} <= PASSED


# The log, and what outlives this vault


def test_every_decision_is_in_the_log_before_it_is_told(signer, path):
    add(signer, allow(), refuse(recipients=(STRANGER,)))
    asked(signer, 5)
    permit(signer, paying(1, to=STRANGER))
    permit(signer, paying(500))
    ask(signer, "consent", password=PASSWORD, digests=[paying(500).digest], account=ME)
    found = check(log_content(path.parent))
    assert (found.faults, found.is_torn) == ((), False)
    told = [(entry["event"], entry.get("verdict")) for entry in found.entries]
    assert told == [("policy", None)] * 2 + [
        ("decision", "allow"),
        ("decision", "deny"),
        ("decision", "ask"),
        ("password", None),
    ]
    text = path.with_name(LOG_NAME).read_text()
    assert PASSWORD not in text and "junk" not in text


def test_a_policy_comes_back_from_a_backup_with_counters_of_its_own(signer, tmp_path, time):
    add(signer, allow())
    spend(signer, 10)
    head = ask(signer, "begin_backup", password=PASSWORD)
    other = Signer(tmp_path / "other" / "vault.json", [])
    other.path.parent.mkdir()
    other.now = time
    source = {"phrase": JUNK, "language": "", "passphrase": ""}
    ask(other, "open_backup", source=source, header=head["header"], piece=head["piece"])
    ask(other, "restore_backup", password=PASSWORD, profile="light", beside=False)
    before, after = (ask(one, "policy")["policy"] for one in (signer, other))
    assert (after["rules"], after["serial"]) == (before["rules"], before["serial"]) and after["id"] != before["id"]
    assert asked(other, 10) == "allow", "restored by one who has the phrase"
    shutil.copy(signer.path.with_name(COUNTERS_NAME), other.path.with_name(COUNTERS_NAME))
    assert permit(other, paying(1, 1), claims=foreseen(DOLLAR))["reason"] == "counters-lost", "another vault's counters"
