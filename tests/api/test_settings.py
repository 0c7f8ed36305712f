"""Settings, the operator's key file, the rate limit, destinations: small parts, one table each."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from api.errors import DestinationInvalid, SettingWrong
from api.gateways.destination import check_destination, is_returned_by_sandbox
from api.operator_key import FILE_NAME, open_key
from api.ratelimit import ADDRESSES_MAX, RateLimit
from api.settings import Settings
from fiat.signature import recover


def test_settings_have_defaults_and_show_no_password():
    settings = Settings.from_environment({"TANDEM_DATABASE_URL": "postgresql://tandem:hunter2@db/tandem"})
    assert (settings.listen_host, settings.listen_port, settings.public_host) == ("127.0.0.1", 8000, "127.0.0.1:8000")
    assert "hunter2" not in repr(settings) + settings.shown_database_url
    assert settings.shown_database_url == "postgresql://tandem:***@db/tandem"
    assert Settings.from_environment({"TANDEM_STATE": "/x"}).database_url == "sqlite:////x/tandem.sqlite3"


def test_the_origin_follows_the_port_that_was_taken():
    settings = Settings.from_environment({"TANDEM_LISTEN": "127.0.0.1:0"}).listening_on("127.0.0.1", 4711)
    assert (settings.url, settings.public_host) == ("http://127.0.0.1:4711", "127.0.0.1:4711")
    named = Settings.from_environment({"TANDEM_LISTEN": "127.0.0.1:0", "TANDEM_PUBLIC_ORIGIN": "https://pay.example/"})
    assert named.listening_on("127.0.0.1", 4711).public_origin == "https://pay.example"


def test_a_chain_has_one_url_or_several_and_a_depth_at_which_it_is_final():
    urls = "http://127.0.0.1:8545, https://node.example/key"
    settings = Settings.from_environment({"TANDEM_CHAIN_RPC": urls})
    assert (settings.chain_rpc, settings.chain_rpc_others) == ("http://127.0.0.1:8545", ("https://node.example/key",))
    assert (settings.chain_heads, settings.confirmations) == ("ws://127.0.0.1:8545", 1)
    real = Settings.from_environment({"TANDEM_CHAIN_RPC": "https://node.example/key", "TANDEM_CHAIN_ID": "1"})
    assert (real.chain_heads, real.confirmations) == (None, 12)
    told = {"TANDEM_CHAIN_HEADS": "wss://node.example/key", "TANDEM_CONFIRMATIONS": "3"}
    assert Settings.from_environment(told).chain_heads == "wss://node.example/key"
    assert Settings.from_environment(told).confirmations == 3
    assert Settings.from_environment({"TANDEM_CHAIN_HEADS": "off"}).chain_heads is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TANDEM_CHAIN_RPC", "http://a,http://a"),
        ("TANDEM_CHAIN_RPC", "http://a,"),
        ("TANDEM_CHAIN_HEADS", "http://a"),
        ("TANDEM_CONFIRMATIONS", "0"),
        ("TANDEM_LISTEN", "8000"),
        ("TANDEM_LISTEN", "127.0.0.1:65536"),
        ("TANDEM_LISTEN", "127.0.0.1:x"),
        ("TANDEM_DEVNET_LISTEN", "x"),
        ("TANDEM_CHAIN_RPC", "ws://127.0.0.1:8545"),
        ("TANDEM_CHAIN_ID", "0"),
        ("TANDEM_CHAIN_ID", "1e3"),
        ("TANDEM_PUBLIC_ORIGIN", "javascript:alert(1)"),
        ("TANDEM_DATABASE_URL", "mysql://x"),
        ("TANDEM_RATE", "-1"),
    ],
)
def test_a_wrong_setting_is_named(name, value):
    with pytest.raises(SettingWrong) as caught:
        Settings.from_environment({name: value})
    assert caught.value.fields["name"] == name


def test_the_operator_key_is_made_once_and_read_by_its_owner_only(tmp_path):
    key = open_key(tmp_path / "state")
    path: Path = tmp_path / "state" / FILE_NAME
    assert path.stat().st_mode & 0o777 == 0o600
    assert open_key(tmp_path / "state").address == key.address
    assert recover(bytes(32), key.sign_digest(bytes(32))) == key.address
    assert [p.name for p in path.parent.iterdir()] == [FILE_NAME]
    assert path.read_text().strip() not in repr(key) + str(key)
    with pytest.raises(TypeError):
        pickle.dumps(key)
    path.chmod(0o640)
    with pytest.raises(SettingWrong):
        open_key(tmp_path / "state")
    path.chmod(0o600)
    path.write_text("not a key")
    with pytest.raises(SettingWrong):
        open_key(tmp_path / "state")


def test_the_rate_limit_grants_a_burst_and_then_its_rate():
    limit, second = RateLimit(2, 5), 10**9
    assert [limit.take("a", 0) for _ in range(7)] == [0] * 5 + [1, 1]
    assert limit.take("b", 0) == 0, "each address for itself"
    assert [limit.take("a", second) for _ in range(3)] == [0, 0, 1]
    assert limit.take("a", second, cost=4) == 2, "a costly request waits longer"
    assert limit.take("a", 100 * second, cost=5) == 0
    assert limit.take("a", 0) > 0, "a clock that steps back gives nothing"


def test_the_rate_limit_is_bounded():
    limit = RateLimit(1, 1)
    for number in range(ADDRESSES_MAX + 100):
        limit.take(str(number), 0)
    assert len(limit._buckets) == ADDRESSES_MAX


@pytest.mark.parametrize(
    "destination",
    [
        "iban:DE89370400440532013000",
        "iban:GB82WEST12345698765432",
        "iban:NO9386011117947",
        "card:4242424242424242",
        "account:12AB",
    ],
)
def test_destinations_that_money_can_be_paid_to(destination):
    check_destination(destination)


@pytest.mark.parametrize(
    "destination",
    [
        "", "iban:", "DE89370400440532013000", "iban:de89370400440532013000", "iban:DE89 3704 0044 0532 0130 00",
        "iban:DE89370400440532013001", "iban:DE8937040044053201300", "iban:XX00", "iban:DE٨٩370400440532013000",
        "card:4242424242424241", "card:42", "account:ab", "account:" + "A" * 35, "IBAN:DE89370400440532013000",
        "iban:DE89370400440532013000\n",
    ],
)  # fmt: skip
def test_destinations_with_a_typing_error(destination):
    with pytest.raises(DestinationInvalid):
        check_destination(destination)


def test_what_the_sandbox_sends_back():
    assert is_returned_by_sandbox("iban:DE94370400440532010000")
    assert not is_returned_by_sandbox("iban:DE89370400440532013000")
    assert not is_returned_by_sandbox("account:AB0000")
