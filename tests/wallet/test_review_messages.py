"""What a message review shows, warns of and refuses; EIP-4361 texts for the page, another site, our server."""

from __future__ import annotations

import pytest

from chain.address import Address
from chain.transaction import TransactionRequest
from wallet.errors import BytesNotUnderstood
from wallet.purse import TOKENS
from wallet.review import Caution, Known, Label, Refusal, Source, Title
from wallet.review_messages import review_message
from wallet.signable import read_message, read_sign_in
from wallet.siwe import SignInText

ME = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
OTHER = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
KNOWN = Known(TOKENS, frozenset({ME}))
SERVER = "127.0.0.1:8000"
REQUEST = TransactionRequest(1, OTHER, 1, nonce=0, max_priority_fee_per_gas=1, max_fee_per_gas=2, gas=21000)


def of(data, origin="https://app.example", host=SERVER):
    data = data.encode() if isinstance(data, str) else data
    return review_message(data, account=ME, known=KNOWN, origin=origin, host=host)


def texts(review):
    return [fact.value for fact in review.facts if fact.label is Label.TEXT]


def sign_in(**changes):
    fields = {
        "domain": "app.example",
        "address": ME,
        "uri": "https://app.example/login",
        "chain_id": 1,
        "nonce": "abcdef123456",
        "issued_at": "2021-01-02T03:04:05Z",
        "statement": "Sign in to the app.",
    }
    return SignInText(**{**fields, **changes}).text


def test_a_text_is_shown_line_by_line_with_its_digest():
    review = of("Vote for proposal 7\n\nwith 3 votes")
    assert texts(review) == ["Vote for proposal 7", "", "with 3 votes"]
    assert (review.title, review.kind, review.cautions, review.refused) == (Title.MESSAGE, "sign_message", (), None)
    assert review.digest == read_message(b"Vote for proposal 7\n\nwith 3 votes").digest
    shown = {fact.label: fact for fact in review.facts}
    assert shown[Label.DIGEST].value == "0x" + review.digest.hex()
    assert (shown[Label.ASKED_BY].value, shown[Label.KEY].value) == ("https://app.example", ME)
    assert all(fact.source is Source.BYTES for fact in review.facts if fact.label is Label.TEXT)


def test_nothing_hides_in_a_text():
    review = of("pay \u202eecila\u202c\x1b[31m now\u200b")
    assert texts(review) == ["pay <U+202E>ecila<U+202C><U+001B>[31m now<U+200B>"]
    assert Caution.HIDDEN_CHARACTERS in review.cautions
    assert of("你好，世界 🌱\r\n\tsecond").cautions == ()


def test_what_is_no_text_is_shown_as_bytes():
    review = of(b"\xff\xfe\x00")
    assert texts(review) == ["0xfffe00"] and review.cautions == (Caution.NOT_TEXT,)


def test_a_text_too_long_to_show_needs_a_word():
    assert not of("\n" * 199).needs_word
    review = of("\n" * 200)
    assert Caution.TOO_LONG in review.cautions and review.needs_word
    assert of("x" * 100_000).needs_word
    assert "".join(texts(of("x" * 1000))) == "x" * 1000
    with pytest.raises(BytesNotUnderstood):
        of(b"x" * (128 * 1024 + 1))


@pytest.mark.parametrize(
    "data",
    [
        bytes(range(224, 256)),
        "0x" + "ab" * 32,
        "cd" * 32,
        REQUEST.unsigned_payload,
        "0x" + REQUEST.unsigned_payload.hex(),
        b"\xf8\x40" + b"\x01" * 0x40,
        b"\xc0" + b"\x02" * 31,
        b"\x04" + REQUEST.unsigned_payload[1:],
    ],
)
def test_a_message_that_could_be_a_transaction_is_warned_of(data):
    assert Caution.TRANSACTION_SHAPED in of(data).cautions


@pytest.mark.parametrize("data", ["hello", "0x1234", "", "x" * 32, "0x" + "ab" * 31, b"\x02", "\u00f8" * 40])
def test_other_messages_are_not(data):
    assert Caution.TRANSACTION_SHAPED not in of(data).cautions


def test_signing_in_where_one_is():
    review = of(sign_in())
    assert (review.title, review.kind, review.cautions, review.refused) == (Title.SIGN_IN, "siwe", (), None)
    assert review.digest == read_sign_in(sign_in()).digest
    shown = {fact.label: fact.value for fact in review.facts}
    assert (shown[Label.SITE], shown[Label.STATEMENT]) == ("app.example", "Sign in to the app.")
    assert (shown[Label.KEY], shown[Label.NETWORK]) == (ME, "1")


@pytest.mark.parametrize(
    ("changes", "origin"),
    [
        ({"scheme": "https"}, "https://app.example"),
        ({"domain": "app.example:443"}, "https://app.example"),
        ({"domain": "localhost:3000"}, "http://localhost:3000"),
        ({"domain": "APP.example"}, "https://app.example"),
        ({"expiration_time": "2020-01-01T00:00:00Z"}, "https://app.example"),
    ],
)
def test_a_domain_that_is_the_pages_own(changes, origin):
    assert of(sign_in(**changes), origin=origin).cautions == ()


@pytest.mark.parametrize(
    ("changes", "origin"),
    [
        ({}, "https://evil.example"),
        ({}, "https://app.example.evil.example"),
        ({}, "https://sub.app.example"),
        ({}, "https://app.example:8443"),
        ({"domain": "app.example:80"}, "https://app.example"),
        ({"scheme": "http"}, "https://app.example"),
        ({"domain": "evil.example"}, "https://app.example"),
        ({"domain": "app.example@evil.example"}, "https://app.example"),
        ({}, "my-script"),
        ({}, ""),
    ],
)
def test_signing_in_elsewhere_needs_a_word(changes, origin):
    review = of(sign_in(**changes), origin=origin)
    assert Caution.SIGN_IN_ELSEWHERE in review.cautions and review.needs_word


def test_signing_in_as_another_account_is_warned_of():
    assert of(sign_in(address=OTHER)).cautions == (Caution.SIGN_IN_ACCOUNT,)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Version: 1", "Version: 2"),
        ("Nonce: abcdef123456", "Nonce: x"),
        (ME, ME.lower()),
        ("account:\n", "account: \n"),
        ("wants you to sign in", "WANTS  you to sign in"),
    ],
)
def test_a_broken_sign_in_is_not_taken_for_a_plain_message(old, new):
    assert old in sign_in()
    review = of(sign_in().replace(old, new))
    assert review.kind == "siwe" and review.needs_word and Caution.SIGN_IN_BROKEN in review.cautions


@pytest.mark.parametrize(
    ("domain", "uri", "host"),
    [
        ("127.0.0.1:8000", "http://127.0.0.1:8000/v1/sessions", SERVER),
        ("localhost:8000", "http://localhost:8000", SERVER),
        ("app.example", "http://127.0.0.1:8000", SERVER),
        ("127.0.0.1:8000", "https://app.example", SERVER),
        ("tandem.example", "https://app.example", "tandem.example"),
        ("TANDEM.example:443", "https://app.example", "tandem.example"),
        ("tandem.example.", "https://app.example", "tandem.example"),
    ],
)
def test_a_sign_in_for_our_own_server_is_refused(domain, uri, host):
    for origin in ("https://app.example", f"https://{domain}"):
        for scheme in (None, "https"):
            text = sign_in(domain=domain, uri=uri, scheme=scheme)
            assert of(text, origin=origin, host=host).refused is Refusal.SERVER_SIGN_IN
            assert of(text.replace("Version: 1", "Version: 2"), host=host).refused is Refusal.SERVER_SIGN_IN


def test_other_servers_are_not_ours():
    for domain in ("127.0.0.1:8001", "tandem.example", "127.0.0.2:8000"):
        assert of(sign_in(domain=domain)).refused is None


def test_a_review_in_json_says_what_a_door_needs():
    told = of(sign_in(domain="127.0.0.1:8000")).to_json()
    assert (told["kind"], told["needs_word"], told["refused"]) == ("siwe", True, "server-sign-in")


def seen(review):
    """What a person could tell apart, the digest left out."""
    facts = [fact for fact in review.facts if fact.label is not Label.DIGEST]
    return facts, review.cautions, review.title, review.refused


@pytest.mark.parametrize(
    "change",
    [
        {"domain": "app.examp1e"},
        {"address": OTHER},
        {"uri": "https://app.example/logout"},
        {"chain_id": 2},
        {"nonce": "abcdef123457"},
        {"issued_at": "2021-01-02T03:04:06Z"},
        {"statement": "Sign in to the bank."},
        {"expiration_time": "2030-01-01T00:00:00Z"},
        {"not_before": "2030-01-01T00:00:00Z"},
        {"request_id": "7"},
        {"resources": ("https://app.example/all-your-money",)},
        {"scheme": "https"},
    ],
)
def test_a_single_change_of_a_sign_in_is_seen(change):
    assert seen(of(sign_in())) != seen(of(sign_in(**change)))


def test_a_single_change_of_a_message_is_seen():
    good = "Pay 5 to Bob\nThanks"
    for at in range(len(good)):
        assert seen(of(good)) != seen(of(good[:at] + "\u0430" + good[at + 1 :]))
    assert seen(of(good)) != seen(of(good + " "))
    assert seen(of(good)) != seen(of(good + "\n"))
    assert seen(of("a\rb")) != seen(of("ab"))
