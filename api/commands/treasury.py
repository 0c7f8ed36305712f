"""`treasury`: the operator's hot wallet, whose key a process of its own holds; what it has, and its own money in."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from typing import Any

import click

from api.app import listed_tokens
from api.bridge_assets import BridgeAsset, bridge_assets, open_token_accounts
from api.commands.opening import open_journal
from api.commands.output import answer, json_option
from api.settings import DEVNET_CHAIN_ID, Settings
from api.texts import _
from api.treasury_funding import Arrival, arrivals, record
from chain.address import Address
from chain.devnet import fund as faucet
from chain.devnet import mint
from chain.errors import AmountMalformed
from chain.node import Node
from chain.token import TokenAmount
from chain.treasury_pipe import FOLDER, keystore_address, make_treasury
from chain.treasury_rules import DAY_SECONDS, asset_name
from fiat import history
from fiat.holder import OPERATOR
from fiat.token_scale import INVENTORY, TREASURY, units_of

CAP_OF_COIN, CAP_OF_TOKEN = "50", "100000"
FEE_WEI_MAX = 10**17
_FUNDED = {"ETH": "100", "DUSD": "500000", "DEUR": "500000", "DWETH": "100"}
"""What a test chain's faucet gives."""


@click.group(help=_("The operator's hot wallet, which pays out tokens."))
def treasury() -> None:
    pass


@treasury.command(help=_("Make the treasury: a new key in an encrypted file, its password in a file beside it."))
@click.option(
    "--cap", "caps", multiple=True, metavar="'AMOUNT ASSET'", help=_("what may leave in a day, such as '50 ETH'")
)
@json_option
def init(caps: tuple[str, ...], as_json: bool) -> None:
    settings = Settings.from_environment(os.environ)
    assets = bridge_assets(listed_tokens(settings))
    limits = {symbol: CAP_OF_COIN if one.token.is_native else CAP_OF_TOKEN for symbol, one in assets.items()}
    for text in caps:
        match = re.fullmatch(r"(\S+) (\S+)", text)
        if match is None or match[2] not in assets:
            raise click.UsageError(_("A cap is an amount and a listed token, such as '50 ETH'."))
        limits[match[2]] = match[1]
    try:
        units = {symbol: TokenAmount.parse(text, assets[symbol].token).units for symbol, text in limits.items()}
    except AmountMalformed as error:
        raise click.UsageError(_("{text} is no amount.").format(text=error.text)) from None
    named = {_name(assets[symbol]): str(count) for symbol, count in units.items()}
    document: dict[str, object] = {"chain_id": settings.chain_id, "fee_wei": str(FEE_WEI_MAX), "assets": named}
    settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = settings.state / FOLDER
    address = asyncio.run(make_treasury(folder, document))
    told = _("The treasury is {address}; its files are in {folder}. Keep a copy of them where no server reads it.")
    told_caps = [f"  {limits[symbol]} {symbol}" for symbol in limits]
    lines = [told.format(address=address, folder=folder), _("At most, in a day:"), *told_caps]
    answer({"address": address, "folder": str(folder), "caps": limits}, as_json, *lines)


@treasury.command(help=_("What the treasury has on the chain, what the ledger says of it, and what may leave today."))
@json_option
def status(as_json: bool) -> None:
    document = asyncio.run(_status())
    lines = [str(document["address"])]
    for row in document["assets"]:
        told = _(
            "{asset}: {chain} on the chain, {recorded} booked, {free} free, {reserved} reserved; today {used} of {cap}"
        )
        lines.append(told.format(**row))
    answer(document, as_json, *lines)


@treasury.command(help=_("Take what a final TRANSACTION brought into the inventory; on a test chain the faucet pays."))
@click.argument("transaction", required=False)
@json_option
def fund(transaction: str | None, as_json: bool) -> None:
    settings = Settings.from_environment(os.environ)
    if transaction is not None and not re.fullmatch(r"0x[0-9a-fA-F]{64}", transaction, re.ASCII):
        raise click.UsageError(_("A transaction is 0x and 64 hex digits."))
    if transaction is None and settings.chain_id != DEVNET_CHAIN_ID:
        raise click.UsageError(_("Name the transaction that paid the treasury: there is a faucet on test chains only."))
    found = asyncio.run(_fund(settings, None if transaction is None else bytes.fromhex(transaction[2:])))
    told = [str(one.amount) for one in found]
    taken = _("In the inventory now: {amounts}.").format(amounts=", ".join(told))
    answer({"funded": [{"asset": o.asset.token.symbol, "amount": o.amount.format()} for o in found]}, as_json, taken)


async def _fund(settings: Settings, transaction: bytes | None) -> list[Arrival]:
    address = keystore_address(settings.state / FOLDER)
    assets = bridge_assets(listed_tokens(settings))
    async with Node(settings.chain_rpc, settings.chain_id) as node, open_journal() as (engine, journal):
        await open_token_accounts(journal, [asset.token for asset in assets.values()])
        hashes = [transaction] if transaction is not None else await _faucet(node, address, assets)
        taken = []
        for each in hashes:
            for arrival in await arrivals(node, each, address, assets, settings.confirmations):
                await record(engine, journal, arrival, each)
                taken.append(arrival)
    return taken


async def _faucet(node: Node, address: Address, assets: dict[str, BridgeAsset]) -> list[bytes]:
    coins = TokenAmount.parse(_FUNDED["ETH"], assets["ETH"].token).units
    receipts = await faucet(node, address, coins, 0)
    for symbol in ("DUSD", "DEUR", "DWETH"):
        receipts.append(
            await mint(node, symbol, address, TokenAmount.parse(_FUNDED[symbol], assets[symbol].token).units)
        )
    return [receipt.transaction_hash for receipt in receipts]


async def _status() -> dict[str, Any]:
    async with open_journal() as (engine, _journal):
        settings = Settings.from_environment(os.environ)
        folder = settings.state / FOLDER
        address, assets = keystore_address(folder), list(bridge_assets(listed_tokens(settings)).values())
        async with engine.connect() as conn:
            rows = {(r.currency, r.purpose): r.account for r in await history.account_rows(conn, OPERATOR)}
        async with Node(settings.chain_rpc, settings.chain_id) as node:
            held = await node.balances(address, [asset.token for asset in assets])
    caps, used = _limits(folder, int(time.time()) // DAY_SECONDS)
    told = []
    for asset, amount in zip(assets, held, strict=True):
        inventory = rows.get((asset.currency.code, INVENTORY))
        reserve = rows.get((asset.currency.code, TREASURY))
        name = _name(asset)
        told.append(
            {
                "asset": asset.token.symbol,
                "chain": "?" if amount is None else amount.format(),
                "recorded": _text(asset, -reserve.booked if reserve else 0),
                "free": _text(asset, inventory.available if inventory else 0),
                "reserved": _text(asset, inventory.debits_pending if inventory else 0),
                "used": TokenAmount(used.get(name, 0), asset.token).format(),
                "cap": TokenAmount(caps.get(name, 0), asset.token).format(),
            }
        )
    return {"address": address, "assets": told}


def _limits(folder: Any, day: int) -> tuple[dict[str, int], dict[str, int]]:
    """The caps, and what was signed away on that day, by asset."""
    caps = json.loads((folder / "caps.json").read_text())["assets"]
    used: dict[str, int] = {}
    signed = folder / "signed.jsonl"
    for line in signed.read_text().splitlines() if signed.exists() else []:
        payment = json.loads(line)
        if payment["day"] == day:
            used[payment["asset"]] = used.get(payment["asset"], 0) + payment["units"]
    return {name: int(units) for name, units in caps.items()}, used


def _name(asset: BridgeAsset) -> str:
    return asset_name(asset.token.chain_id, asset.token.address)


def _text(asset: BridgeAsset, minor: int) -> str:
    """Minor units of the ledger as an amount of the token."""
    units = units_of(abs(minor), asset.token.decimals)
    return ("-" if minor < 0 else "") + TokenAmount(units, asset.token).format()
