"""The running client: keeps a signer unlocked for the person's other commands, behind a socket of theirs alone.

`tandem unlock` starts it in the background. It ends when the signer does: locked, or idle for 15 minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from wallet.door import Door
from wallet.errors import SignerLost, WalletError
from wallet.signing import Signer

FIRST_UNLOCK_SECONDS_MAX = 60
START_SECONDS_MAX = 20
_POLL_SECONDS = 0.2


async def serve(home: Path) -> None:
    """Until the signer has been unlocked and has ended, or nobody unlocks it. Raises DoorTaken."""
    signer = Signer(home)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with signer, Door(home, signer):
        await signer.start()
        started, child = loop.time(), signer.pid
        was_unlocked = False
        # Another child is one that a late caller started after `lock`: nobody unlocked it.
        while not stopped.is_set() and child is not None and signer.pid == child:
            if not was_unlocked:
                was_unlocked = (await signer.status()).unlocked
                if not was_unlocked and loop.time() - started > FIRST_UNLOCK_SECONDS_MAX:
                    break
            await asyncio.sleep(_POLL_SECONDS)


def start(home: Path) -> int:
    """Starts it in a session of its own; its process id. It is not ready yet: `reach` waits for it."""
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(
        [sys.executable, "-I", "-m", "wallet.daemon", str(home)],
        stdin=quiet,
        stdout=quiet,
        stderr=quiet,
        cwd="/",
        start_new_session=True,
        env={"PATH": os.defpath, "LANG": "C.UTF-8"},
    )
    return process.pid


async def reach(home: Path) -> Signer:
    """The running client's signer, once it answers. Raises SignerLost."""
    for _ in range(int(START_SECONDS_MAX / _POLL_SECONDS)):
        signer = await Signer.connect(home)
        if signer.through_door:
            return signer
        await signer.close()
        await asyncio.sleep(_POLL_SECONDS)
    raise SignerLost("not-started")


if __name__ == "__main__":
    with contextlib.suppress(WalletError):
        asyncio.run(serve(Path(sys.argv[1])))
