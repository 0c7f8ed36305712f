"""Sign-in texts: EIP-4361's own examples, what viem writes, and everything that is not quite one."""

from __future__ import annotations

import pytest

from chain.address import Address
from wallet.errors import BytesNotUnderstood
from wallet.siwe import SignInText

ADDRESS = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"
FULL = f"""example.com wants you to sign in with your Ethereum account:
{ADDRESS}

I accept the ExampleOrg Terms of Service: https://example.com/tos

URI: https://example.com/login
Version: 1
Chain ID: 1
Nonce: 32891756
Issued At: 2021-09-30T16:25:24Z
Resources:
- ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/
- https://example.com/my-web2-claim.json"""
BARE = f"""https://127.0.0.1:8000 wants you to sign in with your Ethereum account:
{ADDRESS}


URI: https://127.0.0.1:8000
Version: 1
Chain ID: 31337
Nonce: abcdEFGH0
Issued At: 2026-01-02T03:04:05.678+08:00
Expiration Time: 2026-01-02T04:04:05Z
Not Before: 2026-01-02T03:04:05Z
Request ID: """


def test_the_standards_example():
    read = SignInText.parse(FULL)
    assert (read.domain, read.address, read.chain_id, read.nonce) == ("example.com", ADDRESS, 1, "32891756")
    assert read.statement == "I accept the ExampleOrg Terms of Service: https://example.com/tos"
    assert read.resources is not None and len(read.resources) == 2
    assert read.text == FULL


def test_without_a_statement_and_with_every_time():
    read = SignInText.parse(BARE)
    assert (read.scheme, read.domain, read.statement, read.request_id) == ("https", "127.0.0.1:8000", None, "")
    assert read.expiration_time == "2026-01-02T04:04:05Z"
    assert read.text == BARE


def test_no_resource_at_all_is_still_a_list():
    assert SignInText.parse(FULL.split("\n- ")[0]).resources == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (" wants you to sign in", " wants you to  sign in"),
        ("example.com wants", " wants"),
        ("example.com wants", "exa mple.com wants"),
        ("example.com wants", "example.com/login wants"),
        ("example.com wants", "exámple.com wants"),
        ("example.com wants", "1x://example.com wants"),
        (ADDRESS, ADDRESS.lower()),
        (ADDRESS, ADDRESS[:-1]),
        (ADDRESS, ADDRESS + " "),
        ("\n\nI accept", "\nI accept"),
        ("tos\n\nURI", "tos\nURI"),
        ("tos\n\nURI", "tos\n\n\nURI"),
        ("I accept", "I\u202eaccept"),
        ("I accept", 'I "accept"'),
        ("URI: https", "URI:https"),
        ("URI: https://example.com/login", "URI: example.com"),
        ("URI: https://example.com/login", "URI: https://example.com/lo gin"),
        ("Version: 1", "Version: 2"),
        ("Version: 1", "version: 1"),
        ("Version: 1\n", ""),
        ("Version: 1\nChain ID: 1", "Chain ID: 1\nVersion: 1"),
        ("Chain ID: 1", "Chain ID: 01"),
        ("Chain ID: 1", "Chain ID: 0x1"),
        ("Chain ID: 1", "Chain ID: 99999999999999999999"),
        ("Chain ID: 1", "Chain ID: １"),
        ("Nonce: 32891756", "Nonce: 3289175"),
        ("Nonce: 32891756", "Nonce: 3289175-"),
        ("Nonce: 32891756", "Nonce: 32891756\nNonce: 32891756"),
        ("2021-09-30T16:25:24Z", "2021-09-31T16:25:24Z"),
        ("2021-09-30T16:25:24Z", "2021-09-30 16:25:24Z"),
        ("2021-09-30T16:25:24Z", "2021-09-30T16:25:24"),
        ("2021-09-30T16:25:24Z", "1633019124"),
        ("Resources:", "Resources: "),
        ("\n- ipfs", "\n-ipfs"),
        ("\n- ipfs", "\n- \n- ipfs"),
        ("my-web2-claim.json", "my-web2-claim.json\n"),
        ("my-web2-claim.json", "my-web2-claim.json\nMore: 1"),
        ("Issued At", "More: 1\nIssued At"),
        ("\n", "\r\n"),
    ],
)
def test_anything_else_is_refused(old, new):
    assert old in FULL
    with pytest.raises(BytesNotUnderstood) as caught:
        SignInText.parse(FULL.replace(old, new))
    assert caught.value.kind == "sign-in"


@pytest.mark.parametrize("text", ["", "\n" * 20, "x" * 5000, FULL + "\n- a:" * 2000])
def test_texts_of_other_shapes_are_refused(text):
    with pytest.raises(BytesNotUnderstood):
        SignInText.parse(text)


def test_a_statement_cannot_smuggle_lines():
    with pytest.raises(BytesNotUnderstood):
        SignInText(
            domain="example.com",
            address=Address(ADDRESS),
            uri="https://example.com",
            chain_id=1,
            nonce="12345678",
            issued_at="2021-09-30T16:25:24Z",
            statement="Hello\n\nURI: https://evil.example",
        )
