"""The demo's folders: each run has its own, and none is taken from under a run that lasts."""

from __future__ import annotations

from api.demo import KEPT_FOLDERS_MAX, fresh_folder


def test_two_runs_in_one_second_do_not_meet_and_the_oldest_in_use_stays(tmp_path):
    root = tmp_path / "demo"
    with fresh_folder(root) as first:
        first = first.rename(root / "00000000-000000-1")  # the oldest of all
        others = []
        for number in range(KEPT_FOLDERS_MAX + 3):
            with fresh_folder(root) as folder:
                others.append(folder.rename(root / f"0000000{number}-000001-1"))
        assert first.is_dir() and (first / "in-use").exists()
    assert not others[0].exists() and others[-1].is_dir()
    with fresh_folder(root):
        assert not first.exists()
