"""`tandem sign-message` and `tandem verify-message`: texts under a chain account's key (EIP-191)."""

from __future__ import annotations

import sys

import click

from chain.address import Address
from fiat.errors import OrderSignatureWrong
from fiat.signature import recover
from wallet.cli.own import own_account
from wallet.cli.register import open_wallet
from wallet.cli.running import Json, Run, command
from wallet.cli.show import approve
from wallet.cli.waiting import wait
from wallet.errors import InputMalformed, SignatureDiffers
from wallet.purse import TOKENS
from wallet.review import Known
from wallet.review_messages import review_message
from wallet.signable import read_message
from wallet.texts import _

MESSAGE_BYTES_MAX = 64 * 1024
ORIGIN = "tandem sign-message"


@command("sign-message", _("Sign a text with an account's key, for whoever wants proof that it is yours."), asks=True)
@click.argument("text", required=False)
@click.option("--hex", "as_hex", is_flag=True, help=_("the text is bytes, as 0x and hex digits"))
@click.option("--from", "account", default="0", help=_("which account signs: its name, address or number"))
def sign_message(run: Run, text: str | None, as_hex: bool, account: str) -> None:
    """Without a text, or with `-`, it comes from stdin."""
    data = message_bytes(text, as_hex)
    signer = own_account(run, account).address
    signature = wait(_sign(run, data, signer))
    answer: Json = {"address": signer, "signature": "0x" + signature.hex()}
    run.answer(answer, lambda: click.echo(answer["signature"]))


async def _sign(run: Run, data: bytes, account: Address) -> bytes:
    async with open_wallet(run) as wallet:
        own = frozenset((await wallet.keys()).accounts)
        known = Known(TOKENS, own)
        shown = review_message(data, account=account, known=known, origin=ORIGIN, host=run.config.server_host)
        if shown.refused is not None:
            raise InputMalformed("message", "", "it would sign in to your server: `tandem login` does that")
        approve(run, shown, _("Sign?"))
        return await (await wallet.signer()).sign_message(data, account, shown.digest)


@command("verify-message", _("Was this text signed with this address's key?"))
@click.argument("text")
@click.argument("signature")
@click.argument("address")
@click.option("--hex", "as_hex", is_flag=True, help=_("the text is bytes, as 0x and hex digits"))
def verify_message(run: Run, text: str, signature: str, address: str, as_hex: bool) -> None:
    wanted, signed = Address(address), _signature(signature)
    try:
        found = Address.from_bytes(recover(read_message(message_bytes(text, as_hex)).digest, signed))
    except OrderSignatureWrong:
        raise InputMalformed("signature", signature[:80], "65 bytes in hex, as wallets make them") from None
    if found != wanted:
        raise SignatureDiffers(wanted, found)
    run.answer(
        {"address": found, "valid": True}, lambda: click.echo(_("Yes: {address} signed it.").format(address=found))
    )


def message_bytes(text: str | None, as_hex: bool) -> bytes:
    """Raises InputMalformed."""
    given = sys.stdin.read(2 * MESSAGE_BYTES_MAX) if text in (None, "-") else text or ""
    try:
        data = bytes.fromhex(given.strip().removeprefix("0x")) if as_hex else given.encode()
    except ValueError:
        raise InputMalformed("message", given[:40], "0x and hex digits are expected") from None
    if len(data) > MESSAGE_BYTES_MAX:
        raise InputMalformed("message", given[:40], "at most 64 KiB")
    return data


def _signature(text: str) -> bytes:
    """With 0 and 1 for the last byte as some write it. Raises InputMalformed."""
    try:
        raw = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raw = b""
    if len(raw) != 65:
        raise InputMalformed("signature", text[:80], "65 bytes in hex, as wallets make them")
    return raw[:64] + bytes([raw[64] + 27 if raw[64] < 2 else raw[64]])
