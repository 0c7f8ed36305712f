"""The operator's limits: what their file may say, and that a mistake in it is named with its place."""

from __future__ import annotations

import pytest

from api.currencies import CURRENCIES
from api.errors import SettingWrong
from api.limits import open_limits
from fiat.limit import NO_LIMIT, LimitKey, LimitKind, Period

ALICE = bytes([1]) * 32
KEY = LimitKey(LimitKind.TRANSFER, "EUR", Period.DAY)

POLICY_FILES = [
    ('{"limits": {"transfer:EUR:day": "500"}}', None),
    ('{"holders": {"0x' + "01" * 32 + '": {"transfer:EUR:day": "7"}}}', None),
    ("{}", None),
    ("[]", "the file is an object"),
    ('{"limit": {}}', "limit is neither limits nor holders"),
    ('{"limits": []}', "limits is an object"),
    ('{"limits": {"transfer:EUR:week": "1"}}', "limits.transfer:EUR:week is kind:CUR:day"),
    ('{"limits": {"transfer:XXQ:day": "1"}}', "limits.transfer:XXQ:day: the currency is not offered here"),
    ('{"limits": {"transfer:EUR:day": 1}}', "limits.transfer:EUR:day is a string of digits"),
    ('{"limits": {"transfer:EUR:day": "-1"}}', "limits.transfer:EUR:day is a string of digits"),
    ('{"limits": {"transfer:EUR:day": "01"}}', "limits.transfer:EUR:day is a string of digits"),
    ('{"limits": {"transfer:EUR:day": "100000000000000001"}}', "at most 100000000000000000"),
    ('{"holders": {"0x01": {}}}', "holders.0x01: a holder is 0x and 64"),
    ('{"limits": {"all:EUR:day": "1", "all:EUR:day": "2"}}', "is no JSON as this server accepts it"),
    ("{", "is no JSON as this server accepts it"),
]


@pytest.mark.parametrize(("text", "wrong"), POLICY_FILES)
def test_the_operators_file_is_read_or_its_place_named(tmp_path, text, wrong):
    file = tmp_path / "limits.json"
    file.write_text(text)
    if wrong is not None:
        with pytest.raises(SettingWrong) as caught:
            open_limits(file, CURRENCIES)
        assert caught.value.fields["name"] == "TANDEM_LIMITS"
        assert wrong in caught.value.fields["reason"]
        return
    policy = open_limits(file, CURRENCIES)
    assert policy.limit(ALICE, KEY) == (500 if "500" in text else 7 if "holders" in text else NO_LIMIT)


def test_without_a_file_the_operator_limits_nothing(tmp_path):
    assert not open_limits(None, CURRENCIES)
    with pytest.raises(SettingWrong):
        open_limits(tmp_path / "nowhere.json", CURRENCIES)
