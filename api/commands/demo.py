"""`demo`: what `make demo` runs."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import click

from api.commands.output import json_option
from api.demo import run_demo
from api.errors import SettingWrong
from api.texts import _


@click.command(help=_("Alice and bob play the main job on a fresh local chain and server."))
@click.option("--exit", "leave", is_flag=True, help=_("end when the play is over, with a status"))
@click.option("--folder", type=click.Path(path_type=Path), default=Path(".demo"), show_default=True)
@json_option
def demo(leave: bool, folder: Path, as_json: bool) -> None:
    chain = os.environ.get("TANDEM_CHAIN_RPC") or os.environ.get("TANDEM_DEMO_CHAIN") or "anvil"
    if chain not in ("anvil", "hardhat") and not chain.startswith(("http://", "https://")):
        raise SettingWrong("CHAIN", "anvil or hardhat; a node of your own is an http address in TANDEM_CHAIN_RPC")
    try:
        status = asyncio.run(run_demo(folder, chain, stay=not leave, quiet=as_json))
    except KeyboardInterrupt:
        status = 0
    if as_json:
        click.echo(json.dumps({"status": status}))
    sys.exit(status)
