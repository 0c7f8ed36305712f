"""The log of decisions and the counters' file: added to, cut, torn, rotated, and changed behind the signer's back."""

from __future__ import annotations

import json

import pytest

from wallet.errors import StateUnusable
from wallet.policy_counters import Counters, Moment
from wallet.policy_decision import Charge, Key
from wallet.policy_files import LOG_BYTES_MAX, LOGS_MAX, PolicyFiles, log_content
from wallet.policy_log import check, is_own, line_of, read_line, requests_of

KEY = b"k" * 32


@pytest.fixture
def files(tmp_path):
    return PolicyFiles(tmp_path, KEY)


def written(files, count=5):
    for number in range(count):
        files.append({"event": "decision", "serial": number, "request": {"n": number}})
    return files.log.read_bytes()


def test_each_line_holds_the_one_before(files):
    content = written(files)
    found = check(content)
    assert [entry["n"] for entry in found.entries] == [1, 2, 3, 4, 5]
    assert (found.faults, found.is_torn) == ((), False)
    assert all(is_own(entry, KEY) and not is_own(entry, b"x" * 32) for entry in found.entries)
    assert len(requests_of(found.entries)) == 5 and files.last() == found.entries[-1]


@pytest.mark.parametrize("fault", ["changed", "removed", "moved", "added"])
def test_a_line_that_was_touched_breaks_the_chain(files, fault):
    lines = written(files).splitlines(keepends=True)
    if fault == "changed":
        lines[2] = lines[2].replace(b'"serial":2', b'"serial":9')
    elif fault == "removed":
        del lines[2]
    elif fault == "moved":
        lines[1], lines[2] = lines[2], lines[1]
    else:
        lines.insert(2, line_of({"event": "decision"}, None, b"x" * 32))
    assert check(b"".join(lines)).faults


def test_a_line_without_the_signers_tag_is_not_the_last_one(files):
    content = written(files)
    forged = line_of({"event": "decision", "serial": 0}, read_line(content.splitlines()[-1]), b"x" * 32)
    files.log.write_bytes(content + forged)
    assert check(files.log.read_bytes()).faults == (), "anybody can count and hash"
    assert files.last()["serial"] == 4
    files.append({"event": "decision", "serial": 5})
    assert check(files.log.read_bytes()).faults, "but the signer goes on from its own"


def test_a_torn_line_is_left_out_and_cut_off_by_the_next(files):
    content = written(files)
    whole = content[: content.rstrip(b"\n").rfind(b"\n") + 1]
    for cut in (len(content) - 1, len(whole) + 1):
        files.log.write_bytes(content[:cut])
        torn = check(log_content(files.folder))
        assert (len(torn.entries), torn.is_torn, torn.faults) == (4, True, ())
        assert files.last()["n"] == 4
        files.append({"event": "decision", "serial": 9})
        again = check(log_content(files.folder))
        assert ([entry["n"] for entry in again.entries], again.is_torn, again.faults) == ([1, 2, 3, 4, 5], False, ())


def test_the_log_is_bounded_and_goes_on_over_its_files(files):
    text = "x" * 50_000
    for number in range(5 * LOG_BYTES_MAX // 50_000):
        files.append({"event": "decision", "serial": number, "text": text})
    names = sorted(path.name for path in files.folder.glob("policy.log*"))
    assert names == ["policy.log", *(f"policy.log.{n}" for n in range(1, LOGS_MAX))]
    found = check(log_content(files.folder))
    assert found.faults == () and found.entries[0]["n"] > 1
    assert len(log_content(files.folder)) < LOGS_MAX * (LOG_BYTES_MAX + 100_000)


def test_a_request_that_is_too_long_is_left_out_of_its_entry(files):
    files.append({"event": "decision", "serial": 0, "request": {"text": "x" * 100_000}})
    assert files.last()["request"] is None


def counters():
    return Counters("p", 2, 5).at(Moment(1_790_000_000, "b", 1)).reserved([Charge(Key("r1", "coin"), 7)])


def test_counters_read_back_and_what_was_not_written_by_us_does_not(files):
    assert files.read() is None
    files.write(counters())
    assert files.read() == counters()
    assert PolicyFiles(files.folder, b"x" * 32).read() is None
    whole = files.counters.read_text()
    for touched in (whole.replace('"7"', '"0"'), whole[:-20], "", "[]", whole.replace('"tag"', '"tug"')):
        files.counters.write_text(touched)
        assert files.read() is None
    assert files.counters.stat().st_mode & 0o777 == 0o600
    assert json.loads(whole)["counts"] == {"r1 coin": {str(1_790_000_000 // 600): "7"}}


def test_what_cannot_be_written_is_told(files):
    files.counters.mkdir()
    with pytest.raises(StateUnusable):
        files.write(counters())
    files.log.mkdir()
    with pytest.raises(StateUnusable):
        files.append({"event": "decision"})
