"""The client's settings: environment variables, read once at the edge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from wallet.errors import SettingRefused
from wallet.hosts import LOOPBACK
from wallet.listen import Listen

SERVER_DEFAULT = "http://127.0.0.1:8000"
DAPP_LISTEN, CONTROL_LISTEN = Listen("127.0.0.1", 1248), Listen("127.0.0.1", 1249)
UI_LISTEN = Listen("localhost", 1250)
PASSWORD_BYTES_MAX = 4096


@dataclass(frozen=True, slots=True)
class Config:
    """`home` is the folder of the vault and the client's state; `rpc` None means the server's relay.

    `password_file` names a file for unattended use; the password itself is never a setting.
    """

    home: Path
    server: str = SERVER_DEFAULT
    rpc: str | None = None
    password_file: Path | None = None
    dapp_listen: Listen = DAPP_LISTEN
    control_listen: Listen = CONTROL_LISTEN
    ui_listen: Listen = UI_LISTEN

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Config:
        """Of TANDEM_HOME, TANDEM_SERVER, TANDEM_RPC, TANDEM_PASSWORD_FILE, TANDEM_DAPP_LISTEN, TANDEM_CONTROL_LISTEN
        and TANDEM_UI_LISTEN. Raises SettingRefused."""
        home = environ.get("TANDEM_HOME") or str(Path.home() / ".tandem")
        password_file = environ.get("TANDEM_PASSWORD_FILE")
        server = read_url("TANDEM_SERVER", environ.get("TANDEM_SERVER") or SERVER_DEFAULT)
        if server.startswith("http:") and not is_loopback(server):
            raise SettingRefused("TANDEM_SERVER", "plain http is for this machine only; use https")
        rpc = environ.get("TANDEM_RPC")
        return cls(
            home=Path(home).expanduser().absolute(),
            server=server,
            rpc=read_url("TANDEM_RPC", rpc) if rpc else None,
            password_file=Path(password_file).expanduser() if password_file else None,
            dapp_listen=_listen("TANDEM_DAPP_LISTEN", environ, DAPP_LISTEN),
            control_listen=_listen("TANDEM_CONTROL_LISTEN", environ, CONTROL_LISTEN),
            ui_listen=_listen("TANDEM_UI_LISTEN", environ, UI_LISTEN),
        )

    @property
    def server_host(self) -> str:
        """host:port, to say whose claim something is."""
        return urlsplit(self.server).netloc

    @property
    def is_server_local(self) -> bool:
        return is_loopback(self.server)

    def password_from_file(self) -> str | None:
        """The first line of the password file, or None where none is set. Raises SettingRefused."""
        return None if self.password_file is None else first_line("TANDEM_PASSWORD_FILE", self.password_file)


def first_line(name: str, file: Path) -> str:
    """A password's file holds it on its first line; `name` says whose it is. Raises SettingRefused."""
    try:
        with file.open("rb") as opened:
            line = opened.read(PASSWORD_BYTES_MAX).split(b"\n", 1)[0]
        return line.rstrip(b"\r").decode()
    except (OSError, UnicodeDecodeError):
        raise SettingRefused(name, "the file cannot be read") from None


def _listen(name: str, environ: Mapping[str, str], otherwise: Listen) -> Listen:
    text = environ.get(name)
    return Listen.read(name, text) if text else otherwise


def is_loopback(url: str) -> bool:
    """Does the URL name this machine?"""
    return urlsplit(url).hostname in LOOPBACK


def read_url(name: str, text: str) -> str:
    """An http or https URL without user, query or fragment; `name` says whose. Raises SettingRefused."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise SettingRefused(name, "no URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingRefused(name, "http://HOST:PORT or https://HOST is expected")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise SettingRefused(name, "user names, queries and fragments have no place in it")
    return text.rstrip("/")
