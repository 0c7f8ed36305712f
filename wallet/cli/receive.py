"""`tandem receive`: where others send to."""

from __future__ import annotations

import click

from fiat.holder import fingerprint
from wallet.cli.running import Json, Run, command
from wallet.cli.show import facts, qr
from wallet.errors import HolderMissing, VaultMissing
from wallet.networks import current_network
from wallet.purse import Purse, no_such_asset
from wallet.signing import VAULT_NAME
from wallet.texts import _


@command("receive", _("Your address (with its chain) or your handle (with its fingerprint), with a QR code."))
@click.argument("asset", default="")
def receive(run: Run, asset: str) -> None:
    purse = Purse(current_network(run.config, run.store), run.store)
    token = purse.token(asset) if asset else None
    card = card_of(run)
    exponents = _exponents(run)
    if asset and token is None and asset.upper() not in exponents:
        raise no_such_asset(asset, sorted(exponents), purse.listed())
    document: Json = {"asset": asset.upper() or None}
    if token is None and (card or asset):
        if not card:
            raise HolderMissing(run.config.server_host)
        document |= card
    if token is not None or not asset:
        document |= _address(run, purse)
    run.answer(document, lambda: _show(document))


def _show(document: Json) -> None:
    rows = []
    if "handle" in document:
        rows += [(_("Handle"), f"@{document['handle']}"), (_("Fingerprint"), document["fingerprint"])]
    if "address" in document:
        rows += [(_("Address"), document["address"]), (_("Chain"), f"{document['chain']} ({document['chain_id']})")]
    facts(rows)
    if "address" in document:
        click.echo(_("Only for this chain: what is sent on another does not arrive here."))
        qr(f"ethereum:{document['address']}@{document['chain_id']}")
    elif "handle" in document:
        qr(f"@{document['handle']}#{document['fingerprint'].replace(' ', '')}")


def card_of(run: Run) -> Json:
    """Who the person is at the server's ledger, as far as this machine knows."""
    ledger = run.store.ledger_of(run.config.server)
    me = run.store.ledger(ledger).read("me") if ledger else {}
    if not me:
        return {}
    return {
        "handle": me["handle"],
        "holder": "0x" + me["holder"],
        "fingerprint": fingerprint(bytes.fromhex(me["holder"])),
    }


def _exponents(run: Run) -> Json:
    ledger = run.store.ledger_of(run.config.server)
    exponents: Json = run.store.ledger(ledger).read("ledger").get("exponents", {}) if ledger else {}
    return exponents


def _address(run: Run, purse: Purse) -> Json:
    kept = run.store.read("vault")
    if not kept:
        raise VaultMissing(str(run.config.home / VAULT_NAME))
    network = purse.network
    return {"address": kept["accounts"][0]["address"], "chain_id": network.chain_id, "chain": network.name}
