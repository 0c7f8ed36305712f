"""Whose node it is: the default relay belongs to the server's operator, and whoever goes through it is told."""

from __future__ import annotations

from wallet.cli.running import Run
from wallet.networks import Network
from wallet.texts import _


def tell_reading(run: Run, network: Network) -> None:
    """Before the chain is asked about addresses; nothing where the person chose the node."""
    if network.relayed:
        text = _("The chain is asked through {server}, which sees the addresses.")
        run.say(text.format(server=run.config.server_host))


def tell_sending(run: Run, network: Network) -> None:
    """Before a transaction is agreed to; nothing where the person chose the node."""
    if network.relayed:
        run.say(_("The transaction goes through {server}, which sees it.").format(server=run.config.server_host))
