"""`tandem balance` and `tandem activity`: one question to the server, with Python's own HTTP, so that they start fast.

The signed head that comes with a balance is checked against the one that is kept, like everywhere else.
"""

from __future__ import annotations

import csv
import http.client
import io
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import click

from fiat.head import Head
from fiat.money import decimal_text
from wallet.cli.activity_rows import other_side, row
from wallet.cli.ask_beside import beside, show_beside
from wallet.cli.follow import ITEMS, follow
from wallet.cli.grid import grid, styled
from wallet.cli.inert import inert
from wallet.cli.running import Run, command
from wallet.cli.strangers import claim, marked
from wallet.errors import (
    AnswerUnfit,
    HolderMissing,
    LedgerReplaced,
    ProofMissing,
    ServerError,
    ServerRefused,
    ServerUnreachable,
    SessionMissing,
)
from wallet.head_log import keep_head
from wallet.heads import LEAVES_MAX, Kept, Reader, check_extends, judge, read_head
from wallet.state import Folder
from wallet.texts import CHAIN_RESTARTED, N_, _

ANSWER_BYTES_MAX = 16 * 1024 * 1024
PATIENCE_SECONDS = 15
STREAM_PATIENCE_SECONDS = 45  # a heartbeat comes every 15
PAGES_MAX = 1000
PAGE_ITEMS = 200

TOTALS = {
    "stale": N_("Some prices are old: the total is only about right."),
    "partial": N_("Some prices are missing: the total leaves those positions out."),
}
UNTRACED = N_(
    "Coins that contracts moved inside their calls are missing here from block {block} on: the node does not trace."
)
WAITING = {
    "frozen": N_("Your account is frozen: nothing leaves it until `tandem unfreeze`."),
    "operator_holds": N_("The operator holds money of yours ({n}): `tandem notices` says what for, and until when."),
    "pending_changes": N_("Changes of your account wait ({n}): `tandem keys` shows them and cancels them."),
}


class Asker:
    """One connection to the server, with the session that is kept."""

    def __init__(self, run: Run) -> None:
        self._run, self.host = run, run.config.server_host
        self._parts = urlsplit(run.config.server)
        known = run.store.ledger_of(run.config.server)
        if known is None:
            raise HolderMissing(self.host)
        self.ledger_id = known
        self.folder: Folder = run.store.ledger(known)
        session = self.folder.read("session")
        if not self.folder.read("me"):
            raise HolderMissing(self.host)
        if not session or session["ends_at"] <= time.time_ns() // 1_000_000_000:
            raise SessionMissing(self.host)
        self._token = str(session["token"])
        secure = self._parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self.untraced_from: Any = None
        """From this block on the server's node did not tell what contracts move inside their calls."""
        self._connection = kind(self._parts.hostname or "", self._parts.port, timeout=PATIENCE_SECONDS)

    def ask(self, path: str) -> dict[str, Any]:
        """GET below /v1. Raises ServerUnreachable, ServerRefused, AnswerUnfit, LedgerReplaced."""
        try:
            return self._get(path)
        except ServerRefused as refused:
            if refused.status == 401:
                self._check_ledger()
            raise

    def fetch(self, path: str) -> bytes:
        """GET below /v1 of a document that is no JSON, as it is. Raises what `ask` raises; problems are JSON anyway."""
        status, raw = self._send(path)
        if status == 200 and len(raw) <= ANSWER_BYTES_MAX:
            return raw
        judge(self.host, status, _parsed(raw), path)
        raise AnswerUnfit(self.host, path.partition("?")[0])

    def stream(self, path: str, last_id: str) -> http.client.HTTPResponse:
        """GET below /v1 of what does not end by itself; `last_id` is where it was left. Raises what `ask` raises."""
        more = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
        self._connection.close()
        self._connection.timeout = STREAM_PATIENCE_SECONDS
        answer = self._request(path, more)
        if answer.status != 200:
            judge(self.host, answer.status, _parsed(answer.read(ANSWER_BYTES_MAX + 1)), path)
        return answer

    def _get(self, path: str) -> dict[str, Any]:
        status, raw = self._send(path)
        return judge(self.host, status, _parsed(raw), path)

    def _send(self, path: str) -> tuple[int, bytes]:
        answer = self._request(path, {"Accept": "application/json"})
        with _reaching(self.host):
            return answer.status, answer.read(ANSWER_BYTES_MAX + 1)

    def _request(self, path: str, headers: dict[str, str]) -> http.client.HTTPResponse:
        headers = {"Authorization": f"Bearer {self._token}", **headers}
        with _reaching(self.host):
            self._connection.request("GET", f"{self._parts.path}/v1{path}", headers=headers)
            return self._connection.getresponse()

    def _check_ledger(self) -> None:
        """A session that is refused may belong to a ledger that is gone."""
        found = Reader(self.host, "ledger", self._get("/ledger")).raw("ledger_id", 32)
        if found != self.ledger_id:
            raise LedgerReplaced(self.host, self.ledger_id.hex()[:16], found.hex()[:16])

    def see_generation(self, name: str, generation: object) -> None:
        """Says so, once, when the server has seen the chain restart since it was last asked."""
        if not isinstance(generation, int):
            return
        known = self.folder.read("generations").get(name)
        if known != generation:
            self.folder.change("generations", lambda document: document.update({name: generation}))
        if known is not None and known != generation:
            self._run.say(styled(_(CHAIN_RESTARTED), "warn"))

    def check_head(self, signed: object) -> Head:
        """The head that came extends the one that is kept, and is kept now. Raises HeadRefused, ProofMissing."""
        ledger, me, kept_head = (self.folder.read(name) for name in ("ledger", "me", "head"))
        holder = bytes.fromhex(me["holder"])
        head = read_head(self.host, signed, self.ledger_id, bytes.fromhex(ledger["operator"]), holder)
        kept = Kept(kept_head["count"], bytes.fromhex(kept_head["head"])) if kept_head else Kept(0, holder)
        leaves: list[bytes] = []
        while kept.count + len(leaves) < head.count and len(leaves) < PAGES_MAX * LEAVES_MAX:
            page = Reader(self.host, "heads", self.ask(f"/heads?since={kept.count + len(leaves)}")).hashes("leaves")
            leaves += page[: head.count - kept.count - len(leaves)]
            if not page:
                break
        now = check_extends(self.host, kept, head, bytes.fromhex(me["blind"]), leaves)
        if now != kept:
            keep_head(self.folder, now, signed)
        return head


@contextmanager
def _reaching(host: str) -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise ServerUnreachable(host, "timeout") from None
    except (OSError, http.client.HTTPException):
        raise ServerUnreachable(host, "connection") from None


def _parsed(raw: bytes) -> object:
    """Nothing on this path raises Python's recursion limit, so a document that is too deep is a plain refusal."""
    try:
        return json.loads(raw) if len(raw) <= ANSWER_BYTES_MAX else None
    except (ValueError, RecursionError):
        return None


@command("balance", _("Everything you hold: fiat, tokens, prices, total."))
@click.option("--in", "currency", default="EUR", show_default=True, help=_("the currency of values and total"))
def balance(run: Run, currency: str) -> None:
    try:
        asker = Asker(run)
    except HolderMissing:
        if not run.store.read("watched"):
            raise
        aside = beside(run, run.config.server_host, {"positions": [], "chains": []}, list)  # who only watches
        return run.answer({"positions": [], **aside}, lambda: show_beside(aside))
    view = asker.ask(f"/portfolio?{urlencode({'in': currency.upper()})}")
    check_positions(asker.host, items_of(asker.host, view, "positions"), asker.check_head(view.get("head")))
    backed_up = bool(run.store.read("vault").get("backed_up"))
    for chain in items_of(asker.host, view, "chains"):
        asker.see_generation(str(chain.get("chain_id")), chain.get("generation"))
    rows = {name: items_of(asker.host, view, name) for name in ("positions", "chains")}
    aside = beside(
        run, asker.host, {**view, **rows}, lambda: items_of(asker.host, asker.ask("/addresses"), "addresses")
    )

    def show() -> None:
        _show_balance(asker.host, view, backed_up)
        show_beside(aside)

    return run.answer({**view, **aside, "backed_up": backed_up}, show)


def fresh_prices(run: Run, currency: str) -> dict[str, str]:
    """What the server says that one of each asset is worth now; nothing where it is away, or a price is old."""
    try:
        asker = Asker(run)
        rows = items_of(asker.host, asker.ask(f"/portfolio?{urlencode({'in': currency})}"), "positions")
    except (ServerError, LedgerReplaced):
        return {}
    fresh = (p for p in rows if p["rail"] == "chain" and p["price"] is not None and p["price_state"] == "current")
    return {str(p["asset"]): str(p["price"]) for p in fresh}


def check_positions(host: str, positions: list[dict[str, Any]], head: Head) -> None:
    """What is shown of the ledger is what the operator signed, to the letter and once. Raises ProofMissing."""
    names = ("asset", "amount", "available", "amount_minor", "available_minor")
    shown = [tuple(str(p[name]) for name in names) for p in positions if p["rail"] == "ledger"]
    signed = [
        (b.currency, *(decimal_text(n, b.exponent) for n in (b.booked, b.available)), str(b.booked), str(b.available))
        for b in head.balances
    ]
    if sorted(shown) != sorted(signed) or any(p["rail"] not in ("ledger", "chain") for p in positions):
        raise ProofMissing(host, "head", "its balances are not those that are shown")


def _show_balance(host: str, view: dict[str, Any], backed_up: bool) -> None:
    unit = inert(view.get("in", ""), 10)
    rows = [
        (
            p["asset"] if p["claimed"] is None else claim(p),
            _("ledger") if p["rail"] == "ledger" else _("chain {id}").format(id=p["chain_id"]),
            _amount(p),
            _price(p),
            p["value"] or (_("no price") if p["claimed"] is None else _("not counted")),
        )
        for p in items_of(host, view, "positions")
    ]
    _show_waiting(view.get("waiting"))
    if not rows:
        click.echo(_("Nothing here yet: `tandem topup 100 EUR` or `tandem receive`."))
    else:
        click.echo(
            grid([_("Asset"), _("Where"), ">" + _("Amount"), ">" + _("Price"), ">" + _("Value") + f" {unit}"], rows)
        )
        total = _("Total {amount} {unit}").format(amount=inert(view.get("total", "?"), 40), unit=unit)
        click.echo(styled(total, "strong"))
    remark = TOTALS.get(str(view.get("total_state")))
    if remark is not None:
        click.echo(styled(_(remark), "warn"))
    for chain in items_of(host, view, "chains"):
        if chain["state"] != "current":
            unsure = _("Chain {id} does not answer: its amounts are not current.").format(id=inert(chain["chain_id"]))
            click.echo(styled(unsure, "warn"))
    if not backed_up:
        advice = _("Not backed up: `tandem init` shows the phrase again and asks three words back.")
        click.echo(styled(advice, "warn"))


def _show_waiting(waiting: object) -> None:
    """A line for each thing that one should look at, above everything else."""
    found = waiting if isinstance(waiting, dict) else {}
    for name, sentence in WAITING.items():
        count = found.get(name)
        if isinstance(count, int) and count > 0:
            click.echo(styled("! " + _(sentence).format(n=int(count)), "warn"))


def _amount(position: dict[str, Any]) -> str:
    """What is reserved is not free to spend, and neither is what is coming."""
    if str(position.get("coming_minor") or "0") != "0":
        return _("{amount} (+{coming} pending)").format(amount=position["amount"], coming=position["coming"])
    if position["available"] in (None, position["amount"]):
        return str(position["amount"])
    return _("{amount} ({free} free)").format(amount=position["amount"], free=position["available"])


def _price(position: dict[str, Any]) -> str:
    if position["price"] is None:
        return _("missing")
    shown = short_price(str(position["price"]))
    return _("{price} (old)").format(price=shown) if position["price_state"] == "stale" else shown


def short_price(text: str) -> str:
    """Two decimals from 1 up, four significant digits below, marked where digits were cut; never rounded."""
    whole, _point, decimals = text.partition(".")
    zeros = len(decimals) - len(decimals.lstrip("0"))
    kept = decimals[: zeros + 4] if whole == "0" else decimals[:2]
    shown = f"{whole}.{kept}" if kept else whole
    return f"≈{shown}" if decimals[len(kept) :].strip("0") else shown


@command("activity", _("Everything that happened, both sides, newest first."))
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help=_("how many at most"))
@click.option("--csv", "as_csv", is_flag=True, help=_("comma-separated values"))
@click.option("--follow", "onward", is_flag=True, help=_("then what happens, as it happens, until Ctrl-C"))
def activity(run: Run, limit: int, as_csv: bool, onward: bool) -> None:
    asker = Asker(run)
    if onward:
        follow(asker, lambda name, data: _show_event(run, name, data))
    items, cursor = read_items(asker, limit)
    if isinstance(asker.untraced_from, int):
        run.say(styled(_(UNTRACED).format(block=asker.untraced_from), "warn"))
    marked(items, run.store)
    document = {"items": items, "next_cursor": cursor or None, "untraced_from": asker.untraced_from}
    run.answer(document, lambda: click.echo(csv_of(items), nl=False) if as_csv else _show_activity(items))


def read_items(asker: Asker, limit: int, currency: str = "") -> tuple[list[dict[str, Any]], Any]:
    """The newest items, and where the next page would begin. What was on a chain that is gone says so as its state.

    Each has what it was worth at its time, in `currency` where one is named.
    """
    items: list[dict[str, Any]] = []
    cursor: Any = ""
    while len(items) < limit and cursor is not None:
        wanted = f"/activity?limit={min(limit - len(items), PAGE_ITEMS)}"
        wanted += (f"&cursor={quote(cursor)}" if cursor else "") + (f"&in={quote(currency)}" if currency else "")
        page = asker.ask(wanted)
        found = items_of(asker.host, page, "items")
        asker.see_generation("activity", page.get("generation"))
        asker.untraced_from = page.get("untraced_from")
        items += [{**item, "state": "archived"} if item["archived"] is True else item for item in found]
        cursor = page.get("next_cursor") if found else None
    return items, cursor


def _show_activity(items: list[dict[str, Any]]) -> None:
    if not items:
        click.echo(_("Nothing happened yet."))
        return
    rows = [row(item) for item in items]
    styles = [
        "warn"
        if item["state"] in ("failed", "archived") or item["marks"]
        else "in"
        if item["direction"] == "in"
        else ""
        for item in items
    ]
    click.echo(grid([_("Time (UTC)"), _("What"), ">" + _("Amount"), _("With"), _("State"), _("Memo")], rows, styles))


def _show_event(run: Run, name: str, data: dict[str, Any]) -> None:
    """One line each: a document with --json, else a row of the history."""
    if run.json:
        run.answer({"event": name, "data": data}, lambda: None)
    elif name in ITEMS:
        item = _Item(data)
        marked([item], run.store)
        click.echo("  ".join(inert(cell, 80) for cell in row(item)))
    elif name == "chain_gone":
        click.echo(_("The chain took back {transaction}.").format(transaction=inert(data.get("transaction"), 80)))
    elif name == "reset":
        click.echo(_("More happened than can be told here: `tandem activity` shows it."))
    sys.stdout.flush()


def csv_of(items: list[dict[str, Any]]) -> str:
    """For a spreadsheet, one item a line."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    names = ["at", "kind", "rail", "direction", "asset", "amount", "state", "balance", "memo", "transaction", "nonce"]
    out.writerow([*names, "with", "value", "value_currency", "value_source", "marks"])
    for item in items:
        value = item["value"] if isinstance(item["value"], dict) else {}
        worth = [value.get(name) for name in ("amount", "currency", "source")]
        more = [other_side(item), *worth, " ".join(item["marks"])]
        out.writerow([formula_free(cell) for cell in (*(item.get(name) for name in names), *more)])
    return text.getvalue()


def formula_free(value: object) -> str:
    """A spreadsheet runs a cell that begins with one of these; an apostrophe before it makes it text."""
    text = "" if value is None else inert(value)
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t") else text


def items_of(host: str, document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Objects of a list whose missing members read as None; anything else raises AnswerUnfit."""
    rows = document.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise AnswerUnfit(host, name)
    return [_Item(row) for row in rows]


class _Item(dict[str, Any]):
    """A row of the server's; a member that it left out is None."""

    def __missing__(self, name: str) -> Any:
        return None
