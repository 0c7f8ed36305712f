"""Every way in which a chain can differ from what is stored, over all small chains."""

from chain.reorg import Extend, LookDeeper, Restarted, RollBack, Shrunk, compare, final_height


def chain(text: str) -> dict[int, bytes]:
    return {height: bytes([ord(letter)]) for height, letter in enumerate(text)}


def seen(stored: dict[int, bytes], node: str) -> dict[int, bytes | None]:
    now = chain(node)
    return {height: now.get(height) for height in stored}


def test_verdicts() -> None:
    stored = chain("abcd")
    assert compare({}, {}, -1) == Extend(-1)
    assert compare(stored, seen(stored, "abcd"), 3) == Extend(3)
    assert compare(stored, seen(stored, "abcdef"), 3) == Extend(3)
    assert compare(stored, seen(stored, "abXY"), 3) == RollBack(1)
    assert compare(stored, seen(stored, "ab"), 3) == Shrunk(1)
    assert compare(stored, seen(stored, "a"), 3) == Shrunk(0)
    assert compare(stored, seen(stored, "abX"), 3) == RollBack(1)
    assert compare(stored, seen(stored, "Xbcd"), 3) == Restarted()
    assert compare(stored, seen(stored, ""), 3) == Restarted()


def test_a_window_that_is_too_short_says_so() -> None:
    known = chain("abcdefgh")
    window = {0: known[0], 6: known[6], 7: known[7]}
    assert compare(window, seen(window, "abcXXXXX"), 7) == LookDeeper(6, conflict=True)
    assert compare(window, seen(window, "abc"), 7) == LookDeeper(6)
    deeper = {height: known[height] for height in (0, 2, 3, 4, 5)}
    assert compare(deeper, seen(deeper, "abcXXXXX"), 7) == RollBack(2)
    assert compare(deeper, seen(deeper, "abcdefXX"), 7, conflict=True) == RollBack(5)
    assert compare(deeper, seen(deeper, "abcdef"), 7) == Shrunk(5)


def test_exactly_so_many_confirmations_make_final() -> None:
    """A block's own is the first."""
    assert [final_height(tip, 1) for tip in (0, 7)] == [0, 7]
    assert final_height(12, 12) == 1
    assert final_height(11, 12) == 0
    assert final_height(3, 12) < 0
