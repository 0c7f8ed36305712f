"""Authorities: which are the same place, however they are written."""

from __future__ import annotations

import pytest

from wallet.hosts import host_port, names_host


@pytest.mark.parametrize(
    ("place", "host"),
    [
        ("127.0.0.1:8000", "127.0.0.1:8000"),
        ("localhost:8000", "127.0.0.1:8000"),
        ("[::1]:8000", "localhost:8000"),
        ("user@Tandem.Example", "tandem.example"),
        ("tandem.example.:443/v1", "tandem.example"),
        ("tandem.example", "tandem.example:80"),
    ],
)
def test_the_same_place(place, host):
    assert names_host(place, host)


@pytest.mark.parametrize(
    ("place", "host"),
    [
        ("127.0.0.1:8001", "127.0.0.1:8000"),
        ("tandem.example:8443", "tandem.example"),
        ("tandem.example.evil.example", "tandem.example"),
        ("tandem.example@evil.example", "tandem.example"),
        ("", "tandem.example"),
        ("[", "tandem.example"),
        ("tandem.example:99999", "tandem.example"),
    ],
)
def test_another_place(place, host):
    assert not names_host(place, host)


def test_what_cannot_be_read_is_no_host():
    assert host_port("[") == (None, None)
    assert host_port("a.example:8000") == ("a.example", 8000)
