"""`devnet status`, `travel`, `mine`, `automine`, `snapshot`, `revert`: of the chain at TANDEM_CHAIN_RPC."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from api.commands.output import answer, json_option
from api.settings import Settings
from api.texts import _
from chain import devnet_controls as controls
from chain.devnet_contracts import CHAIN_ID
from chain.devnet_controls import Status
from chain.node import Node

Found = TypeVar("Found")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def asked(work: Callable[[Node], Awaitable[Found]]) -> Found:
    """On the developer's test chain, after it was seen to be one of ours."""

    async def run() -> Found:
        async with Node(Settings.from_environment(os.environ).chain_rpc, CHAIN_ID) as node:
            await node.check()
            return await work(node)

    return asyncio.run(run())


def _told(found: Status, as_json: bool, **more: object) -> None:
    at = datetime.fromtimestamp(found.timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    document: dict[str, Any] = {"program": found.program, "chain_id": found.chain_id, "block": found.height, "time": at}
    document |= {"timestamp": found.timestamp, "genesis": found.genesis, **more}
    answer(document, as_json, _("Block {block}, {time}").format(**document))


@click.command(help=_("Height and time of the test chain, and what waits for a block."))
@json_option
def status(as_json: bool) -> None:
    async def look(node: Node) -> tuple[Status, int]:
        return await controls.status(node), await controls.pending(node)

    found, waiting = asked(look)
    _told(found, as_json, pending=waiting)


@click.command(help=_("Let time jump forward: 90s, 15m, 12h, 7d, or to a moment such as 2027-01-01T00:00:00Z."))
@click.argument("when")
@json_option
def travel(when: str, as_json: bool) -> None:
    if (span := re.fullmatch(r"\+?([0-9]{1,9})([smhdw])", when, re.ASCII)) is not None:
        seconds = int(span[1]) * _UNITS[span[2]]
        _told(asked(lambda node: controls.travel(node, seconds)), as_json)
        return
    try:
        moment = datetime.fromisoformat(when)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise click.UsageError(_("{text} is no time: 90s, 15m, 12h, 7d or 2027-01-01T00:00:00Z.").format(text=when))
    timestamp = int(moment.timestamp())
    _told(asked(lambda node: controls.travel_to(node, timestamp)), as_json)


@click.command(help=_("Mine a block, or that many."))
@click.argument("blocks", type=click.IntRange(1, controls.BLOCKS_MAX), default=1)
@json_option
def mine(blocks: int, as_json: bool) -> None:
    _told(asked(lambda node: controls.mine(node, blocks)), as_json)


@click.command(help=_("on: a block for each transaction; off: they wait until one is mined."))
@click.argument("state", type=click.Choice(["on", "off"]))
@json_option
def automine(state: str, as_json: bool) -> None:
    asked(lambda node: controls.set_automine(node, state == "on"))
    said = {"on": _("Each transaction gets its block."), "off": _("Transactions wait: tandem-server devnet mine.")}
    answer({"automine": state == "on"}, as_json, said[state])


@click.command(help=_("Keep how the chain is now; prints a name for devnet revert."))
@json_option
def snapshot(as_json: bool) -> None:
    name = asked(controls.snapshot)
    answer({"snapshot": name}, as_json, name)


@click.command(help=_("Go back to a snapshot; it is used up, and those taken after it."))
@click.argument("name")
@json_option
def revert(name: str, as_json: bool) -> None:
    _told(asked(lambda node: controls.revert(node, name)), as_json)


COMMANDS = (status, travel, mine, automine, snapshot, revert)
