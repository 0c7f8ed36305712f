"""`tandem receive`: where others send to."""

from __future__ import annotations

import click

from chain.address import Address
from chain.token import Token, TokenAmount
from fiat.currency import Currency
from fiat.errors import AmountNotPositive
from fiat.holder import fingerprint
from fiat.money import Money
from wallet.cli.links import check_memo
from wallet.cli.running import Json, Run, command
from wallet.cli.show import facts, qr
from wallet.errors import HolderMissing, InputMalformed, VaultMissing
from wallet.networks import current_network
from wallet.payment_link import PaymentLink, server_of
from wallet.payment_uri import PaymentUri
from wallet.purse import Purse, no_such_asset
from wallet.signing import VAULT_NAME
from wallet.texts import _


@command("receive", _("Your address (with its chain) or a link to your handle, with a QR code of it."))
@click.argument("asset", default="")
@click.option("--amount", default="", help=_("how much the link asks for"))
@click.option("--memo", default="", help=_("a text that stands in the link and in the payment (fiat only)"))
def receive(run: Run, asset: str, amount: str, memo: str) -> None:
    check_memo(memo)
    if amount and not asset:
        raise InputMalformed("amount", amount[:80], "of which asset? `tandem receive ASSET --amount AMOUNT`")
    purse = Purse(current_network(run.config, run.store), run.store)
    token = purse.token(asset) if asset else None
    card = card_of(run)
    exponents = exponents_of(run)
    if asset and token is None and asset.upper() not in exponents:
        raise no_such_asset(asset, sorted(exponents), purse.listed())
    if memo and token is not None:
        raise InputMalformed("memo", memo[:40], _("a chain carries none"))
    document: Json = {"asset": asset.upper() or None}
    if token is None and (card or asset):
        if not card:
            raise HolderMissing(run.config.server_host)
        asked = Money.parse(amount, Currency(asset.upper(), exponents[asset.upper()])).decimal if amount else ""
        document |= card | {"link": link_of(run, card, asked, asset.upper(), memo)}
    if token is not None or not asset:
        document |= _address(run, purse)
        document |= {"uri": _uri(document, token, amount)}
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
    shown = document.get("uri") or document["link"]
    click.echo(document.get("link") or shown)
    qr(shown)


def link_of(run: Run, card: Json, amount: str, currency: str, memo: str) -> str:
    """To the handle, with the holderId, which whoever pays holds against what the server says."""
    holder = bytes.fromhex(card["holder"][2:])
    return PaymentLink(server_of(run.config.server), card["handle"], holder, amount, currency, memo).text


def _uri(document: Json, token: Token | None, amount: str) -> str:
    """EIP-681, the chain always named. Raises AmountMalformed and its kinds, AmountNotPositive."""
    to, chain_id = Address(document["address"]), document["chain_id"]
    if token is None:
        return PaymentUri(to, chain_id).text
    units = TokenAmount.parse(amount, token).units if amount else None
    if units == 0:
        raise AmountNotPositive(amount)
    return PaymentUri(to, chain_id, token.address, units).text


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


def exponents_of(run: Run) -> Json:
    ledger = run.store.ledger_of(run.config.server)
    exponents: Json = run.store.ledger(ledger).read("ledger").get("exponents", {}) if ledger else {}
    return exponents


def _address(run: Run, purse: Purse) -> Json:
    kept = run.store.read("vault")
    if not kept:
        raise VaultMissing(str(run.config.home / VAULT_NAME))
    network = purse.network
    return {"address": kept["accounts"][0]["address"], "chain_id": network.chain_id, "chain": network.name}
