"""Payment links to a handle: what is written is read again, and everything else is refused with its reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.errors import InputMalformed, LinkElsewhere
from wallet.payment_link import MEMO_BYTES_MAX, PaymentLink, check_request, is_payment_link, read_payment_link

SERVER = "https://tandem.example"
HOLDER = bytes(range(32))
HEX = "0x" + HOLDER.hex()
BARE = f"{SERVER}/pay/@alice#holder={HEX}"
FULL = PaymentLink(SERVER, "alice", HOLDER, "12.50", "EUR", "lunch & more")


def reason(text, server=SERVER):
    with pytest.raises(InputMalformed) as caught:
        read_payment_link(text, server)
    assert caught.value.field == "payee"
    return caught.value.reason


def test_the_form_of_the_contract():
    assert FULL.text == f"{BARE}&amount=12.50&currency=EUR&memo=lunch%20%26%20more"
    assert read_payment_link(FULL.text, SERVER) == FULL
    assert read_payment_link(BARE, SERVER) == PaymentLink(SERVER, "alice", HOLDER)
    assert is_payment_link(FULL.text) and is_payment_link("http://127.0.0.1:8000/") and not is_payment_link("@alice")


def test_whom_it_names_is_the_links_to_say():
    payee = FULL.payee
    assert (payee.handle, payee.holder, payee.link) == ("alice", HOLDER, FULL.text)
    assert payee.is_named_in_full(HOLDER)
    near = HOLDER[:-1] + b"\xff"  # the same short fingerprint: the link says more than that
    assert (
        not payee.is_named_in_full(near) and FULL.payee.fingerprint == PaymentLink(SERVER, "a", near).payee.fingerprint
    )


@given(
    st.from_regex(r"[a-z0-9]{1,10}(?:[._-][a-z0-9]{1,10})?", fullmatch=True)
    | st.sampled_from(["王小明", "ивана", "ñandú"]),
    st.binary(min_size=32, max_size=32),
    st.sampled_from([("", ""), ("", "USD"), ("1", "JPY"), ("0.01", "EUR"), ("999999999999999999.999", "KWD")]),
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=40),
)
def test_what_is_written_is_read_again(handle, holder, asked, memo):
    link = PaymentLink(SERVER, handle, holder, *asked, memo)
    if len(memo.encode()) <= MEMO_BYTES_MAX:
        assert read_payment_link(link.text, SERVER) == link


def test_this_machine_has_several_names_and_another_server_is_refused():
    ours = "http://127.0.0.1:8000"
    link = f"http://localhost:8000/pay/@alice#holder={HEX}"
    assert read_payment_link(link, ours).server == ours
    for place in (
        "http://localhost:8001",
        "https://localhost:8000",
        "http://evil.example:8000",
        "https://tandem.example",
    ):
        with pytest.raises(LinkElsewhere) as caught:
            read_payment_link(f"{place}/pay/@alice#holder={HEX}", ours)
        assert (caught.value.place, caught.value.server) == (place.split("//")[1], "127.0.0.1:8000")
    with pytest.raises(LinkElsewhere):
        read_payment_link(BARE.replace("tandem.example", "tandem.example.evil.example"), SERVER)


@pytest.mark.parametrize(
    "text",
    [
        SERVER,
        f"{SERVER}/pay/alice#holder={HEX}",
        f"{SERVER}/pay/@#holder={HEX}",
        f"{SERVER}/pay/@Alice#holder={HEX}",
        f"{SERVER}/pay/@a/b#holder={HEX}",
        f"{SERVER}/pay/@%ff#holder={HEX}",
        f"{SERVER}/pay/@alice?amount=1#holder={HEX}",
        f"https://tandem.example@evil.example/pay/@alice#holder={HEX}",
        f"https://tandem.example:x/pay/@alice#holder={HEX}",
        f"https:///pay/@alice#holder={HEX}",
        BARE + "&memo=" + "a" * 3000,
        BARE + "&memo=ü",
        BARE + "\n",
    ],
)
def test_what_is_no_such_link(text):
    assert reason(text) == "https://SERVER/pay/@handle#holder=0x… is expected"


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("", "it does not say who is paid"),
        ("amount=1&currency=EUR", "it does not say who is paid"),
        ("holder=" + HEX.upper(), "it does not say who is paid"),
        (f"holder={HEX}00", "it does not say who is paid"),
        (f"holder={HEX}&holder={HEX}", "a parameter is empty, or stands there twice"),
        (f"holder={HEX}&memo=", "a parameter is empty, or stands there twice"),
        (f"holder={HEX}&memo=%ff", "https://SERVER/pay/@handle#holder=0x… is expected"),
        (f"holder={HEX}&to=bob", "a parameter is unknown, or stands there twice"),
        (f"holder={HEX}&amount=1", "an amount above zero in plain decimals, and its currency, are expected"),
        *(
            (
                f"holder={HEX}&amount={amount}&currency=EUR",
                "an amount above zero in plain decimals, and its currency, are expected",
            )
            for amount in ("0", "0.00", "-1", "1e3", "01", "1.", ".5", "1%2C5", "+1", "NaN", "9" * 19)
        ),
        (f"holder={HEX}&currency=eur", "an amount above zero in plain decimals, and its currency, are expected"),
        (f"holder={HEX}&memo=a%0Ab", "its memo is no single line that can be shown"),
        (f"holder={HEX}&memo=a%E2%80%AEb", "its memo is no single line that can be shown"),
        (f"holder={HEX}&memo={'a' * 201}", "its memo is no single line that can be shown"),
    ],
)
def test_what_stands_behind_it_is_read_strictly(fragment, expected):
    assert reason(f"{SERVER}/pay/@alice#{fragment}") == expected


def test_what_was_typed_has_to_be_what_it_asks_for():
    check_request(FULL, "12.5", "EUR", "lunch & more")
    check_request(PaymentLink(SERVER, "alice", HOLDER), "7", "USD", "whatever")
    for amount, currency, memo, expected in (
        ("12.51", "EUR", FULL.memo, "it asks for another amount"),
        ("12.50", "USD", FULL.memo, "it asks for another asset"),
        ("12.50", "EUR", "rent", "it asks for another memo"),
    ):
        with pytest.raises(InputMalformed) as caught:
            check_request(FULL, amount, currency, memo)
        assert caught.value.reason == expected
