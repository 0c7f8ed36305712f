"""`devnet`: a local test chain with demo tokens and price feeds, a faucet, and the feeds' prices."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import click

from api.commands.devnet_controls import COMMANDS
from api.commands.output import answer, json_option
from api.settings import Settings, host_and_port
from api.texts import _
from chain.address import Address
from chain.devnet import HOST, Devnet, DevnetOptions, deploy, fund, set_price
from chain.devnet_contracts import CHAIN_ID, demo_feeds, demo_token, demo_tokens
from chain.errors import AddressMalformed, AmountMalformed
from chain.node import Node
from chain.token import Token, TokenAmount

DUSD = "DUSD"


@click.group(help=_("A local test chain with demo tokens and price feeds."))
def devnet() -> None:
    pass


@devnet.command(help=_("Start a test chain with demo tokens and feeds; runs until Ctrl-C."))
@click.option(
    "--kind", type=click.Choice(["anvil", "hardhat"]), default="anvil", show_default=True, help=_("which program")
)
@click.option("--state", type=click.Path(path_type=Path), help=_("file to keep the chain in, and to go on from"))
@click.option("--no-automine", is_flag=True, help=_("transactions wait until a block is mined"))
@click.option("--block-time", type=click.IntRange(1, 3600), help=_("a block every so many seconds"))
@click.option("--hardfork", default="", help=_("rules of another time, such as berlin (no EIP-1559)"))
@json_option
def up(kind: str, state: Path | None, no_automine: bool, block_time: int | None, hardfork: str, as_json: bool) -> None:
    if not re.fullmatch(r"[A-Za-z]{0,30}", hardfork):
        raise click.UsageError(_("{text} is no hardfork.").format(text=hardfork))
    if state is not None and not state.absolute().parent.is_dir():
        raise click.UsageError(_("There is no folder for {file}.").format(file=state))
    options = DevnetOptions(state and state.absolute(), not no_automine, block_time or 0, hardfork)
    settings = Settings.from_environment(os.environ)
    host, port = host_and_port("TANDEM_DEVNET_LISTEN", settings.devnet_listen)
    if host not in (HOST, "localhost"):
        raise click.UsageError(_("A test chain listens on {host} only.").format(host=HOST))
    asyncio.run(_up(kind, port, options, as_json))


@devnet.command("fund", help=_("Send test coins and demo dollars to ADDRESS."))
@click.argument("address")
@click.option("--eth", default="10", show_default=True, help=_("how many coins"))
@click.option("--dusd", default="1000", show_default=True, help=_("how many demo dollars"))
@json_option
def fund_command(address: str, eth: str, dusd: str, as_json: bool) -> None:
    try:
        receiver = Address(address)
        coins = TokenAmount.parse(eth, Token.native(CHAIN_ID))
        dollars = TokenAmount.parse(dusd, demo_token(DUSD))
    except AddressMalformed:
        raise click.UsageError(_("This is no address, or it has a typing error.")) from None
    except AmountMalformed as error:
        raise click.UsageError(_("{text} is no amount.").format(text=error.text)) from None
    asyncio.run(_fund(Settings.from_environment(os.environ), receiver, coins, dollars))
    document = {"address": receiver, "eth": coins.format(), "dusd": dollars.format()}
    answer(
        document,
        as_json,
        _("{address} has received {coins} and {dollars}.").format(address=receiver, coins=coins, dollars=dollars),
    )


@devnet.command(help=_("Set a feed, for instance: ETH/USD 3000."))
@click.argument("pair")
@click.argument("value", metavar="PRICE")
@json_option
def price(pair: str, value: str, as_json: bool) -> None:
    if pair.upper() not in demo_feeds():
        raise click.UsageError(_("There are feeds for {pairs}.").format(pairs=", ".join(demo_feeds())))
    try:
        asyncio.run(_price(Settings.from_environment(os.environ), pair, value))
    except AmountMalformed:
        raise click.UsageError(_("{text} is no price.").format(text=value)) from None
    doubted = _("A server that runs takes a large jump when it is said a second time, or after ten minutes.")
    answer({"pair": pair.upper(), "price": value}, as_json, f"{pair.upper()} = {value}", doubted)


async def _up(kind: str, port: int, options: DevnetOptions, as_json: bool) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with Devnet.start(kind, port, options=options) as net:
        async with Node(net.url, CHAIN_ID) as node:
            await deploy(node)
        tokens = {symbol: contract.address for symbol, contract in demo_tokens().items()}
        feeds = {pair: contract.address for pair, contract in demo_feeds().items()}
        document = {"url": net.url, "kind": net.kind, "chain_id": CHAIN_ID, "tokens": tokens, "feeds": feeds}
        lines = [_("The {kind} test chain answers at {url}").format(kind=net.kind, url=net.url)]
        lines += [f"  {name:9} {address}" for name, address in (tokens | feeds).items()]
        answer(document, as_json, *lines, _("Ctrl-C ends it."))
        sys.stdout.flush()
        await ended.wait()


async def _fund(settings: Settings, receiver: Address, coins: TokenAmount, dollars: TokenAmount) -> None:
    async with Node(settings.chain_rpc, CHAIN_ID) as node:
        await node.check()
        await fund(node, receiver, coins.units, dollars.units)


async def _price(settings: Settings, pair: str, value: str) -> None:
    async with Node(settings.chain_rpc, CHAIN_ID) as node:
        await node.check()
        await set_price(node, pair, value)


for _command in COMMANDS:
    devnet.add_command(_command)
