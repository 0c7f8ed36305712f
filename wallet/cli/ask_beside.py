"""What `tandem balance` shows beside the view itself, never in its total: accounts that are only watched, tokens that a
site had kept in view, and where a second node contradicts the server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import click

from wallet.cli.ask_chain import cross_check, kept_in_view, watch_only
from wallet.cli.grid import grid, styled
from wallet.cli.inert import inert
from wallet.cli.relay import tell_reading
from wallet.cli.running import Json, Run
from wallet.networks import Network, networks
from wallet.texts import _

Rows = Sequence[Mapping[str, Any]]


def beside(run: Run, server: str, view: Mapping[str, Any], addresses: Callable[[], Rows]) -> Json:
    """`watched`, `kept_in_view` (None where the node `asked` is away), and `cross_check` where a second node is set.

    `addresses` are the chain accounts that the server counts.
    """
    store = run.store
    known = networks(run.config, store)
    current = next(network for network in known if network.is_current)
    accounts = [str(entry["address"]) for entry in store.read("vault").get("accounts", [])]
    kept = store.chain(current.chain_id).read("watched")
    if kept or store.read("watched"):
        tell_reading(run, current)
    return {
        "asked": urlsplit(current.url).netloc,
        "watched": watch_only(current, store.read("watched"), _prices(view)),
        "kept_in_view": kept_in_view(current, accounts, kept),
        "cross_check": _checked(known, server, view, accounts, addresses),
    }


def _prices(view: Mapping[str, Any]) -> dict[str, tuple[str, int]]:
    """By asset, with the exponent of what the view is in."""
    minor, total = str(view.get("total_minor", "")), str(view.get("total", ""))
    exponent = len(total.partition(".")[2]) if minor else 0
    priced = (p for p in view["positions"] if p.get("rail") == "chain" and p.get("price") is not None)
    return {str(p.get("asset")): (str(p["price"]), exponent) for p in priced}


def _checked(
    known: Sequence[Network],
    server: str,
    view: Mapping[str, Any],
    accounts: Sequence[str],
    addresses: Callable[[], Rows],
) -> Json | None:
    """For the first chain of the view that has a second node."""
    seconds = {network.chain_id: network.second for network in known if network.second}
    for chain in view["chains"]:
        second = seconds.get(chain.get("chain_id"))
        if second is not None and type(chain.get("block")) is int:
            counted = [str(a.get("address")) for a in addresses() if a.get("chain_id") == chain["chain_id"]]
            strange = sorted(set(counted) - set(accounts))
            return {**cross_check(second, server, chain, counted, view["positions"]), "not_here": strange}
    return None


def show_beside(aside: Json) -> None:
    """On stdout, below the total."""
    asked = inert(aside["asked"], 60)
    if aside["watched"] is None or aside["kept_in_view"] is None:
        click.echo(styled(_("{host} does not answer: what is only watched is not shown.").format(host=asked), "warn"))
    if aside["watched"]:
        click.echo(_("Watch-only, by {host}; no key is here, and nothing of it is in the total:").format(host=asked))
        rows = [
            (r["asset"], r["name"] or r["address"], r["amount"], r["value"] or _("no price")) for r in aside["watched"]
        ]
        click.echo(grid([_("Asset"), _("Whose"), ">" + _("Amount"), ">" + _("Value")], rows))
    if aside["kept_in_view"]:
        click.echo(_("Kept in view for sites, under names that they claim; never in the total:"))
        tokens = [
            (r["asset"] + (f" #{r['token_id']}" if r["token_id"] else ""), r["contract"],
             _("unknown") if r["amount"] is None else r["amount"], _("claimed by {host}").format(host=r["claimed_by"]))
            for r in aside["kept_in_view"]
        ]  # fmt: skip
        click.echo(grid([_("Asset"), _("Contract"), ">" + _("Amount"), _("Known")], tokens))
    if aside["cross_check"] is not None:
        _show_check(aside["cross_check"])


def _show_check(told: Json) -> None:
    names = {name: inert(told[name], 60) for name in ("server", "second")}
    if told["state"] == "away":
        sentence = _("The second node {second} does not answer for block {block}: nothing was cross-checked.")
        click.echo(styled(sentence.format(**names, block=told["block"]), "warn"))
    if "chain_id" in told:
        click.echo(styled("! " + _("The second node {second} is on another chain.").format(**names), "warn"))
    for one in told["differences"]:
        sentence = _("{server} says {claimed} {asset}, {second} says {seen}: one of them is wrong.")
        amounts = {"asset": one["asset"], "claimed": one["server"], "seen": one["second"]}
        click.echo(styled("! " + sentence.format(**names, **amounts), "warn"))
    for address in told["not_here"]:
        sentence = _("{server} counts {address} as yours, which is no account of this wallet.")
        click.echo(styled("! " + sentence.format(server=names["server"], address=inert(address, 60)), "warn"))
