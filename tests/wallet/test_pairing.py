"""Six digits: two minutes, three tries, once."""

from __future__ import annotations

from wallet.pairing import SECONDS, Verdict, new_code


def test_the_right_digits_are_good_once():
    code = new_code(7, 0.0)
    assert code.digits == "000007" and code.digits not in repr(code)
    assert code.tried("000007", SECONDS - 0.1) == (Verdict.RIGHT, None)


def test_three_tries():
    code = new_code(123456, 0.0)
    verdict, code = code.tried("000000", 1.0)
    assert verdict is Verdict.WRONG
    verdict, code = code.tried("12345６", 1.0)
    assert verdict is Verdict.WRONG and code.tried("123456", 1.0)[0] is Verdict.RIGHT
    assert code.tried("999999", 1.0) == (Verdict.NO_CODE, None)


def test_two_minutes():
    assert new_code(123456, 0.0).tried("123456", float(SECONDS)) == (Verdict.NO_CODE, None)
