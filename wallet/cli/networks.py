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


@group("networks", _("Chains and their nodes."), add, use)
def networks(run: Run) -> None:
    _answer(run)


def _answer(run: Run) -> None:
    found = known.networks(run.config, run.store)
    document = [
        {"chain_id": n.chain_id, "name": n.name, "url": n.url, "relayed": n.relayed, "current": n.is_current}
        for n in found
    ]

    def show() -> None:
        rows = [
            ("*" if n.is_current else "", str(n.chain_id), n.name, n.url, _("the server's relay") if n.relayed else "")
            for n in found
        ]
        table(["", ">" + _("Id"), _("Name"), _("Node"), ""], rows)

    run.answer({"networks": document}, show)
