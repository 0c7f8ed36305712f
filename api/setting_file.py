"""Settings that are JSON files: read at start, and what is wrong with one is said with its setting's name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from api.errors import MalformedJson, SettingWrong

Read = TypeVar("Read")


def read_file(setting: str, file: Path, parse: Callable[[bytes], Read]) -> Read:
    """What `parse` makes of the file. Raises SettingWrong where it cannot be read or is no strict JSON."""
    try:
        return parse(file.read_bytes())
    except OSError as error:
        raise SettingWrong(setting, f"{file} cannot be read ({error.strerror})") from None
    except MalformedJson as error:
        raise SettingWrong(setting, f"{file} is no JSON as this server accepts it ({error.fields['reason']})") from None
