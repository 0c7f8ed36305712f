"""`tandem networks`: chains and the nodes that answer for them."""

from __future__ import annotations

import click

from wallet import networks as known
from wallet.cli.running import Run, command, group
from wallet.cli.show import table
from wallet.texts import _


@command("add", _("Know another chain: its id, a name, the URL of a JSON-RPC node."))
@click.argument("chain_id", metavar="ID")
@click.argument("name")
@click.argument("url")
def add(run: Run, chain_id: str, name: str, url: str) -> None:
    known.add_network(run.config, run.store, chain_id, name, url)
    _answer(run)


@command("use", _("Work on this chain from now on."))
@click.argument("chain_id", metavar="ID")
def use(run: Run, chain_id: str) -> None:
    known.use_network(run.config, run.store, chain_id)
    _answer(run)


@command("second", _("Have another node cross-check what the first one says; without a URL, none does."))
@click.argument("chain_id", metavar="ID")
@click.argument("url", default="")
def second(run: Run, chain_id: str, url: str) -> None:
    known.set_second(run.config, run.store, chain_id, url or None)
    _answer(run)


@group("networks", _("Chains and their nodes."), add, use, second)
def networks(run: Run) -> None:
    _answer(run)


def _answer(run: Run) -> None:
    found = known.networks(run.config, run.store)
    document = [
        {"chain_id": n.chain_id, "name": n.name, "url": n.url, "relayed": n.relayed, "current": n.is_current}
        | ({"second": n.second} if n.second else {})
        for n in found
    ]

    def show() -> None:
        rows = [
            ("*" if n.is_current else "", str(n.chain_id), n.name, n.url, _("the server's relay") if n.relayed else "",
             n.second or "")
            for n in found
        ]  # fmt: skip
        table(["", ">" + _("Id"), _("Name"), _("Node"), "", _("Second node")], rows)

    run.answer({"networks": document}, show)
