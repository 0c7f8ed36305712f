"""What a person is shown when a client asks for something that is no signature, or for several. Pure.

Nothing here has bytes to be signed, so its digest is that of the review itself: an answer to another review than the
one that was seen does not count.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from chain.address import Address
from chain.keccak import keccak256
from wallet.asking import Client
from wallet.dapp_params import Asset, NewChain
from wallet.plain_text import visible
from wallet.review import Caution, Fact, Label, Review, Source, Title

_DOMAIN = b"tandem prompt 1\n"


def asked_by(client: Client) -> tuple[Fact, ...]:
    """A page by its origin; a program by its name, process and executable."""
    process = client.process
    told = [Fact(Label.ASKED_BY, visible(client.name), Source.LIST)] if client.name else []
    if process is not None:
        told += [
            Fact(Label.PROCESS, visible(f"{process.name} ({process.pid})"), Source.LIST),
            Fact(Label.EXECUTABLE, visible(process.executable), Source.LIST),
        ]
    return tuple(told)


def with_asker(shown: Review, client: Client) -> Review:
    """A review of bytes, which does not know yet who asks for them."""
    facts = tuple(fact for fact in shown.facts if fact.label is not Label.ASKED_BY)
    return replace(shown, facts=(*asked_by(client), *facts))


def review_connect(client: Client, accounts: Sequence[Address], network: str) -> Review:
    """May this client see these accounts, and ask?"""
    facts = (
        *asked_by(client),
        *(Fact(Label.KEY, account, Source.LIST) for account in accounts),
        Fact(Label.NETWORK, network, Source.LIST),
    )
    return _of(Title.CONNECT, client, facts)


def review_switch_chain(client: Client, before: str, after: str) -> Review:
    facts = (*asked_by(client), Fact(Label.BEFORE, before, Source.LIST), Fact(Label.NETWORK, after, Source.LIST))
    return _of(Title.SWITCH_CHAIN, client, facts)


def review_add_chain(client: Client, new: NewChain) -> Review:
    """Everything but the id, which the node itself told, is what the page says."""
    facts = (
        *asked_by(client),
        Fact(Label.NETWORK, f"{visible(new.name)} ({new.chain_id})", Source.CLAIMED),
        Fact(Label.NODE, visible(new.url), Source.CLAIMED),
        Fact(Label.COIN, visible(new.symbol), Source.CLAIMED),
    )
    return _of(Title.ADD_CHAIN, client, facts)


def review_watch_asset(client: Client, asset: Asset, network: str) -> Review:
    told = [
        (Label.COIN, asset.symbol),
        (Label.DECIMALS, str(asset.decimals) if asset.standard == "ERC20" else ""),
        (Label.TOKEN_ID, asset.token_id),
    ]
    facts = (
        *asked_by(client),
        Fact(Label.CONTRACT, asset.address, Source.CLAIMED),
        Fact(Label.TYPE, asset.standard, Source.CLAIMED),
        *(Fact(label, visible(value), Source.CLAIMED) for label, value in told if value),
        Fact(Label.NETWORK, network, Source.LIST),
    )
    return _of(Title.WATCH_ASSET, client, facts)


def review_calls(client: Client, reviews: Sequence[Review]) -> Review:
    """Several transactions, one after another: every fact of each, numbered; every warning."""
    facts = [*asked_by(client), Fact(Label.TRANSACTIONS, str(len(reviews)), Source.BYTES)]
    for number, shown in enumerate(reviews, 1):
        facts += [
            replace(fact, about=f"{number}.{fact.about}" if fact.about else str(number))
            for fact in shown.facts
            if fact.label is not Label.ASKED_BY
        ]
    cautions = tuple(dict.fromkeys(caution for shown in reviews for caution in shown.cautions))
    refused = next((shown.refused for shown in reviews if shown.refused is not None), None)
    digest = keccak256(_DOMAIN + b"".join(shown.digest for shown in reviews))
    return Review(Title.CALLS, digest, tuple(facts), _host(client), cautions, refused=refused)


def _of(title: Title, client: Client, facts: tuple[Fact, ...], cautions: tuple[Caution, ...] = ()) -> Review:
    told = [title, client.key, [fact.to_json() for fact in facts]]
    digest = keccak256(_DOMAIN + json.dumps(told, separators=(",", ":")).encode())
    return Review(title, digest, facts, _host(client), cautions)


def _host(client: Client) -> str:
    """Whose claims the claimed facts are."""
    return client.name or (client.process.name if client.process else "")
