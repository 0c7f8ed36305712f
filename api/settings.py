"""Settings of the server, read once from the environment; frozen, and silent about secrets.

No secret is a setting: the operator's signing key is a file below the state folder (operator_key.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from api.errors import SettingWrong
from chain.address import Address
from chain.errors import ChainError
from chain.node_heads import heads_url

_PASSWORD = re.compile(r"(?<=://)([^/@:]*):[^/@]*@")


DEFAULT_CHAIN_RPC = "http://127.0.0.1:8545"
DEFAULT_DEVNET_LISTEN = "127.0.0.1:8545"
DEVNET_CHAIN_ID = 31337
CHAIN_URLS_MAX = 8


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the server keeps things, what it listens on, whom it asks.

    `database_url` is `sqlite:///path` or `postgresql://...`; `public_origin` is what people's clients are told to
    sign in to (its host stands in every sign-in text); rates are requests a second with a burst, by client address.
    `database_password_file` holds PostgreSQL's password where the URL has none. `quote_spread_ppm` is what a conversion
    keeps back, in parts per million; `sandbox_liquidity_minor` the operator's own money for conversions, in minor
    units of each currency that has a price, where the sandbox plays the bank; `limits_file` the operator's limits
    (limits.py).
    `chain_rpc_others` are further URLs of the same chain, for when the first does not do; `chain_heads` a WebSocket
    that tells new heads (None: polling alone).
    So many `confirmations`, a transfer's own block counted, make it final (1 on the devnet's chain id, else 12).
    `sandbox_clearing_cap_minor` is how much of each currency may lie unsettled at the sandbox, `sandbox_settle_ms` how
    often that pays out.
    `treasury` is the operator's address that takes tokens (None: none are taken), `screened_file` names addresses of
    whom nothing is taken unseen, one a line; what comes to less than `deposit_minimum_minor` is kept until it does.
    """

    state: Path
    database_url: str = field(repr=False)
    database_password_file: Path | None = None
    chain_rpc: str = DEFAULT_CHAIN_RPC
    chain_rpc_others: tuple[str, ...] = ()
    chain_heads: str | None = None
    chain_id: int = DEVNET_CHAIN_ID
    chain_name: str = "Devnet"
    confirmations: int = 1
    listen_host: str = "127.0.0.1"
    listen_port: int = 8000
    devnet_listen: str = DEFAULT_DEVNET_LISTEN
    public_origin: str = "http://127.0.0.1:8000"
    tokens_file: Path | None = None
    rate_per_second: int = 50
    rate_burst: int = 400
    sandbox_delay_ms: int = 800
    sandbox_clearing_cap_minor: int = 10**12
    sandbox_settle_ms: int = 60_000
    sandbox_liquidity_minor: int = 10**9
    quote_spread_ppm: int = 5000
    limits_file: Path | None = None
    fees_file: Path | None = None
    treasury: Address | None = None
    screened_file: Path | None = None
    deposit_minimum_minor: int = 1

    @property
    def url(self) -> str:
        """Where it listens."""
        host = f"[{self.listen_host}]" if ":" in self.listen_host else self.listen_host
        return f"http://{host}:{self.listen_port}"

    @property
    def public_host(self) -> str:
        """EIP-4361 `domain`: host and port of the public origin."""
        return urlsplit(self.public_origin).netloc

    @property
    def shown_database_url(self) -> str:
        """The database's address without its password."""
        return _PASSWORD.sub(r"\1:***@", self.database_url)

    def listening_on(self, host: str, port: int) -> Settings:
        """The same settings once the listening socket's port is known (port 0 takes a free one)."""
        origin = self.public_origin
        if urlsplit(origin).port == self.listen_port and self.listen_port != port:
            origin = f"http://{host}:{port}"
        return replace(self, listen_host=host, listen_port=port, public_origin=origin)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Raises SettingWrong naming the variable."""
        state = Path(environment.get("TANDEM_STATE") or "~/.local/state/tandem-server").expanduser()
        host, port = host_and_port("TANDEM_LISTEN", environment.get("TANDEM_LISTEN") or "127.0.0.1:8000")
        password = environment.get("TANDEM_DATABASE_PASSWORD_FILE")
        tokens = environment.get("TANDEM_TOKENS")
        fees = environment.get("TANDEM_FEES")
        limits = environment.get("TANDEM_LIMITS")
        screened = environment.get("TANDEM_SCREENED")
        chain_id = _whole("TANDEM_CHAIN_ID", environment.get("TANDEM_CHAIN_ID") or "31337", 1, 2**53 - 1)
        rpc, *others = _http_urls("TANDEM_CHAIN_RPC", environment.get("TANDEM_CHAIN_RPC") or DEFAULT_CHAIN_RPC)
        usual = "1" if chain_id == DEVNET_CHAIN_ID else "12"
        settings = cls(
            state=state,
            database_url=environment.get("TANDEM_DATABASE_URL") or f"sqlite:///{state / 'tandem.sqlite3'}",
            database_password_file=Path(password) if password else None,
            chain_rpc=rpc,
            chain_rpc_others=tuple(others),
            chain_heads=_heads_url(environment.get("TANDEM_CHAIN_HEADS"), rpc),
            chain_id=chain_id,
            confirmations=_whole("TANDEM_CONFIRMATIONS", environment.get("TANDEM_CONFIRMATIONS") or usual, 1, 10_000),
            listen_host=host,
            listen_port=port,
            devnet_listen=environment.get("TANDEM_DEVNET_LISTEN") or DEFAULT_DEVNET_LISTEN,
            public_origin=_http_url(
                "TANDEM_PUBLIC_ORIGIN", environment.get("TANDEM_PUBLIC_ORIGIN") or f"http://{host}:{port}"
            ).rstrip("/"),
            tokens_file=Path(tokens) if tokens else None,
            rate_per_second=_whole("TANDEM_RATE", environment.get("TANDEM_RATE") or "50", 1, 1_000_000),
            rate_burst=_whole("TANDEM_RATE_BURST", environment.get("TANDEM_RATE_BURST") or "400", 1, 1_000_000),
            sandbox_delay_ms=_whole(
                "TANDEM_SANDBOX_DELAY_MS", environment.get("TANDEM_SANDBOX_DELAY_MS") or "800", 0, 86_400_000
            ),
            sandbox_clearing_cap_minor=_whole(
                "TANDEM_SANDBOX_CLEARING_CAP",
                environment.get("TANDEM_SANDBOX_CLEARING_CAP") or "1000000000000",
                1,
                10**17,
            ),
            sandbox_settle_ms=_whole(
                "TANDEM_SANDBOX_SETTLE_MS", environment.get("TANDEM_SANDBOX_SETTLE_MS") or "60000", 100, 86_400_000
            ),
            sandbox_liquidity_minor=_whole(
                "TANDEM_SANDBOX_LIQUIDITY", environment.get("TANDEM_SANDBOX_LIQUIDITY") or "1000000000", 0, 10**17
            ),
            quote_spread_ppm=_whole(
                "TANDEM_QUOTE_SPREAD_PPM", environment.get("TANDEM_QUOTE_SPREAD_PPM") or "5000", 0, 999_999
            ),
            limits_file=Path(limits) if limits else None,
            fees_file=Path(fees) if fees else None,
            treasury=_address("TANDEM_TREASURY", environment.get("TANDEM_TREASURY")),
            screened_file=Path(screened) if screened else None,
            deposit_minimum_minor=_whole(
                "TANDEM_DEPOSIT_MINIMUM", environment.get("TANDEM_DEPOSIT_MINIMUM") or "1", 1, 10**17
            ),
        )
        host_and_port("TANDEM_DEVNET_LISTEN", settings.devnet_listen)
        if not re.match(r"(sqlite:///.|postgresql://.)", settings.database_url):
            raise SettingWrong("TANDEM_DATABASE_URL", "is sqlite:///PATH or postgresql://...")
        return settings


def host_and_port(name: str, text: str) -> tuple[str, int]:
    """`127.0.0.1:8000` or `[::1]:8000`. Raises SettingWrong."""
    host, separator, port = text.rpartition(":")
    if not separator or not host:
        raise SettingWrong(name, "is HOST:PORT")
    return host.strip("[]"), _whole(name, port, 0, 65535)


def _whole(name: str, text: str, minimum: int, maximum: int) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text, re.ASCII) or not minimum <= int(text) <= maximum:
        raise SettingWrong(name, f"is a whole number from {minimum} to {maximum}")
    return int(text)


def _address(name: str, text: str | None) -> Address | None:
    try:
        return Address(text) if text else None
    except ChainError:
        raise SettingWrong(name, "is an address, in its EIP-55 spelling or in lower case") from None


def _http_url(name: str, text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingWrong(name, "is an http:// or https:// URL")
    return text


def _http_urls(name: str, text: str) -> list[str]:
    """One or several, separated by commas."""
    urls = [_http_url(name, part.strip()) for part in text.split(",")]
    if len(urls) > CHAIN_URLS_MAX or len(set(urls)) != len(urls):
        raise SettingWrong(name, f"is at most {CHAIN_URLS_MAX} URLs, each another one")
    return urls


def _heads_url(text: str | None, rpc: str) -> str | None:
    """As it is set, `off` for none; unset, a node on this machine is taken to have it on the same port."""
    if text == "off":
        return None
    if not text:
        return heads_url(rpc) if urlsplit(rpc).hostname in ("127.0.0.1", "::1", "localhost") else None
    if urlsplit(text).scheme not in ("ws", "wss") or not urlsplit(text).hostname:
        raise SettingWrong("TANDEM_CHAIN_HEADS", "is a ws:// or wss:// URL, or off")
    return text
