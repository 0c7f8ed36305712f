"""The main job, end to end: what `make demo` plays, on both chains and both databases."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from api.demo import Story, play
from api.stage import Stage, open_stage


def quiet_story(stage: Stage) -> Story:
    """The demo's story, told to nobody."""
    return Story(stage, Console(file=io.StringIO()))


async def test_on_anvil_and_sqlite(tmp_path: Path) -> None:
    async with open_stage(tmp_path / "stage", "anvil") as stage:
        await play(quiet_story(stage))
        checked = await stage.operate("db", "check", "--json")
        assert checked.status == 0, checked.stdout + checked.stderr


async def test_on_hardhat_and_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    async with open_stage(tmp_path / "stage", "hardhat", database_url=postgresql_url) as stage:
        await play(quiet_story(stage))
        checked = await stage.operate("db", "check", "--json")
        assert checked.status == 0, checked.stdout + checked.stderr
