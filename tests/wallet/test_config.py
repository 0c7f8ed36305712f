"""Settings: five variables, each checked before anything is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from wallet.config import SERVER_DEFAULT, Config, is_loopback
from wallet.errors import SettingRefused
from wallet.texts import language_of


def test_defaults(tmp_path):
    config = Config.read({"TANDEM_HOME": str(tmp_path)})
    assert (config.home, config.server, config.rpc, config.password_file) == (tmp_path, SERVER_DEFAULT, None, None)
    assert config.is_server_local and config.server_host == "127.0.0.1:8000"
    assert Config.read({}).home == Path.home() / ".tandem"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TANDEM_SERVER", "ftp://example.org"),
        ("TANDEM_SERVER", "example.org"),
        ("TANDEM_SERVER", "http://example.org"),  # plain http carries the session in the open
        ("TANDEM_SERVER", "https://user:pass@example.org"),
        ("TANDEM_SERVER", "https://example.org/?a=1"),
        ("TANDEM_SERVER", "https://example.org:99999"),
        ("TANDEM_RPC", "file:///etc/passwd"),
    ],
)
def test_what_is_no_server_is_refused(name, value):
    with pytest.raises(SettingRefused) as refused:
        Config.read({name: value})
    assert refused.value.name == name


def test_https_and_loopback_pass():
    assert Config.read({"TANDEM_SERVER": "https://tandem.example/"}).server == "https://tandem.example"
    assert all(is_loopback(f"http://{host}:1") for host in ("127.0.0.1", "localhost", "[::1]"))
    assert not is_loopback("http://127.0.0.1.example.org")


def test_password_file(tmp_path):
    path = tmp_path / "password"
    path.write_bytes(b"correct horse\r\nsecond line\n")
    assert Config.read({"TANDEM_PASSWORD_FILE": str(path)}).password_from_file() == "correct horse"
    assert Config.read({}).password_from_file() is None
    with pytest.raises(SettingRefused):
        Config.read({"TANDEM_PASSWORD_FILE": str(tmp_path / "none")}).password_from_file()


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({"TANDEM_LANG": "zh", "LANG": "en_GB.UTF-8"}, "zh"),
        ({"TANDEM_LANG": "en", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LANG": "zh_TW.UTF-8"}, "zh"),
        ({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"TANDEM_LANG": "tlh"}, "en"),
        ({}, "en"),
    ],
)
def test_language(environ, language):
    assert language_of(environ) == language
