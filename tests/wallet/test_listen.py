"""Only this machine is listened on (I-3)."""

from __future__ import annotations

import socket

import pytest

from wallet.errors import ListenRefused, SettingRefused
from wallet.listen import Listen
from wallet.loopback import sockets


@pytest.mark.parametrize("text", ["127.0.0.1:1248", "localhost:0", "[::1]:65535"])
def test_addresses_of_this_machine(text):
    assert Listen.read("TANDEM_DAPP_LISTEN", text).port in (1248, 0, 65535)


@pytest.mark.parametrize(
    "text",
    ["0.0.0.0:1248", "1248", ":1248", "127.0.0.1", "127.0.0.1:65536", "192.168.0.2:1", "a.test:1", "[::]:1"],
)
def test_i03_no_other_address_is_listened_on(text):
    with pytest.raises(SettingRefused) as caught:
        Listen.read("TANDEM_DAPP_LISTEN", text)
    assert caught.value.name == "TANDEM_DAPP_LISTEN"


def test_a_free_port_is_taken_and_a_taken_one_is_told():
    made, port = sockets(Listen("127.0.0.1", 0))
    try:
        assert port and {one.getsockname()[1] for one in made} == {port}
        assert {one.getsockname()[0] for one in made} <= {"127.0.0.1", "::1"}
        with pytest.raises(ListenRefused):
            sockets(Listen("127.0.0.1", port))
    finally:
        for one in made:
            one.close()


def test_the_other_name_of_localhost_is_ours_too():
    made, port = sockets(Listen("127.0.0.1", 0))
    try:
        if len(made) == 2:
            with socket.create_connection(("::1", port)) as connection:
                assert connection.getpeername()[1] == port
    finally:
        for one in made:
            one.close()
