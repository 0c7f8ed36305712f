"""The asynchronous part of a command, run to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from wallet.errors import Declined

Result = TypeVar("Result")


def wait(work: Coroutine[Any, Any, Result]) -> Result:
    """Ctrl-C cancels it, which is a no from the person."""
    try:
        return asyncio.run(work)
    except asyncio.CancelledError:
        raise Declined from None
