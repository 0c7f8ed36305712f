"""`tandem sign` and `tandem broadcast`: signed on a machine without a network, sent from one without a key.

`tandem send ... --offline FILE` writes the first of the two files.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import click

from chain.errors import TransactionUnseen, WrongChain
from chain.transaction import SignedTransaction
from wallet.cli.new_file import write_new
from wallet.cli.register import open_wallet
from wallet.cli.relay import tell_sending
from wallet.cli.running import Json, Run, command
from wallet.cli.send import check_somebody_is_there
from wallet.cli.show import approve
from wallet.cli.waiting import wait
from wallet.errors import AccountUnknown, InputMalformed, StateUnusable
from wallet.own_transactions import OwnTransactions
from wallet.texts import _
from wallet.tokens import RECEIPT_SECONDS, check_chain, node_of
from wallet.unsigned import FILE_BYTES_MAX, Unsigned, read_signed, read_unsigned, signed_json


@command("sign", _("Sign a transaction from a file of `send --offline`; needs no network."), asks=True)
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def sign(run: Run, file: Path, out: Path) -> None:
    found = read_unsigned(_text(file))
    if out.exists():
        raise StateUnusable(str(out), _("it is there already"))
    check_somebody_is_there(run)
    signed = wait(_sign(run, found))
    write_new(out, json.dumps(signed_json(signed), indent=1))
    answer: Json = {"file": str(out), "transaction": signed.hash_hex}
    run.answer(answer, lambda: click.echo(_("Signed, in {file}: `tandem broadcast` sends it.").format(**answer)))


async def _sign(run: Run, found: Unsigned) -> SignedTransaction:
    sender = found.request.sender
    assert sender is not None
    async with open_wallet(run) as wallet:
        signer = await wallet.signer()
        if sender not in (await signer.status()).accounts:
            raise AccountUnknown(sender)
        plan = await OwnTransactions(wallet).plan(found.request)
        approve(run, plan.review, _("Sign?"))
        return await signer.sign_transaction(found.request.unsigned_payload, sender, plan.review.digest)


@command("broadcast", _("Send a transaction that was signed elsewhere; needs no key."))
@click.argument("file", type=click.Path(path_type=Path))
def broadcast(run: Run, file: Path) -> None:
    signed = read_signed(_text(file))
    answer = wait(_broadcast(run, signed))
    sentences = {
        "done": _("Done, in block {block}: {transaction}"),
        "sent": _("Sent; no block has it yet: {transaction}"),
        "failed": _("The chain took the transaction and undid it; only the fee was paid: {transaction}"),
    }
    run.answer(answer, lambda: click.echo(sentences[answer["state"]].format(**answer)))


async def _broadcast(run: Run, signed: SignedTransaction) -> Json:
    async with open_wallet(run) as wallet:
        network = wallet.purse.network
        if network.chain_id != signed.request.chain_id:
            raise WrongChain(signed.request.chain_id, network.chain_id)
        tell_sending(run, network)
        async with node_of(network) as node:
            await check_chain(node, wallet.purse)
            await node.send_raw(signed.raw)
            sent: Json = {"state": "sent", "transaction": signed.hash_hex, "block": None}
            try:
                receipt = await node.wait_for_receipt(signed.hash, RECEIPT_SECONDS)
            except (TransactionUnseen, asyncio.CancelledError):
                return sent
    return {**sent, "state": "done" if receipt.succeeded else "failed", "block": receipt.block_number}


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(FILE_BYTES_MAX + 1).decode()
    except (OSError, UnicodeDecodeError):
        raise InputMalformed("file", str(file), "the file cannot be read") from None
