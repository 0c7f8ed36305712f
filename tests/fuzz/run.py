"""Runs one fuzzer: `python tests/fuzz/run.py NAME FOLDER [--bug] [options of libFuzzer, as -runs=1000 -seed=1]`.

Begins from the corpus in tests/fuzz/corpus/NAME and from what FOLDER has; new inputs and findings go to FOLDER. Ends
with 0 if nothing was found. `--bug` makes ours wrong first: then ending with 0 is the failure.
"""

from __future__ import annotations

import sys
from pathlib import Path
from unittest.mock import patch

import atheris

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parents[1])
sys.path.insert(1, str(HERE))

with atheris.instrument_imports(include=["chain", "wallet"]):
    import harnesses

from mutator import mutate_json  # noqa: E402  # after the path is set

from wallet import keystore  # noqa: E402  # after it was instrumented


def main(name: str, folder: Path, options: list[str], *, with_bug: bool) -> None:
    if with_bug:
        harnesses.BUGS[name]().start()
    for bound, value in harnesses.CHEAPER.items():
        patch.object(keystore, bound, value).start()
    words = HERE / "dictionaries" / f"{name}.txt"
    told = [f"-dict={words}"] if words.exists() else []
    grown = folder / name
    grown.mkdir(parents=True, exist_ok=True)
    places = [f"-artifact_prefix={folder}/found-{name}-", str(grown), str(HERE / "corpus" / name)]
    changer = {"custom_mutator": _mutated} if name in harnesses.JSON else {}
    atheris.Setup([sys.argv[0], "-max_len=4096", *told, *options, *places], harnesses.HARNESSES[name], **changer)
    atheris.Fuzz()


def _mutated(data: bytes, size_max: int, seed: int) -> bytes:
    """Mostly as JSON; now and then, and where it is none, as bytes."""
    changed = mutate_json(data, size_max, seed) if seed % 8 else None
    return changed if changed is not None else bytes(atheris.Mutate(data, size_max))


if __name__ == "__main__":
    given = [one for one in sys.argv[1:] if one != "--bug"]
    main(given[0], Path(given[1]), given[2:], with_bug="--bug" in sys.argv)
