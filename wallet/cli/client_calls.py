"""What commands ask of the running `tandem up`, through its socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wallet.cli.waiting import wait
from wallet.errors import CallRefused, ClientNotUp
from wallet.frames import result
from wallet.signing import Signer

Json = dict[str, Any]


def ask_client(home: Path, call: str, **arguments: object) -> Json:
    """The answer. Raises ClientNotUp, or the error that the client answered."""
    return wait(_ask(home, call, arguments))


async def _ask(home: Path, call: str, arguments: Json) -> Json:
    async with await Signer.connect(home) as signer:
        if not signer.through_door:
            raise ClientNotUp(str(home))
        try:
            return result(await signer.forward({"call": call, "with": arguments}))
        except CallRefused as refused:
            if refused.reason == "not-here":  # `tandem unlock` runs alone
                raise ClientNotUp(str(home)) from None
            raise
