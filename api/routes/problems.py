"""Problem types: what each `type` of an error answer means."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from api.errors import NotFound
from api.fields import Answer
from api.problems import MEDIA_TYPE, rows
from fiat.transfer import TRANSIENT


class ProblemAnswer(Answer):
    """RFC 9457. Further members are this case's facts."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: str = Field(examples=["/problems/not_found"])
    title: str = Field(examples=["There is nothing here, or it is not yours."])
    status: int = Field(examples=[404])
    slug: str = Field(examples=["not_found"])


PROBLEM: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A problem (RFC 9457)",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemAnswer"}}},
    }
}
"""Every operation's answer when something is refused."""

_BY_SLUG = {row.slug: row for row in rows()}
_MACHINE = {status.name.lower() for status in TRANSIENT}

router = APIRouter(tags=["problems"], responses=PROBLEM)


@router.get("/problems/{slug}")
async def describe(slug: str) -> ProblemAnswer:
    """What a problem's `type` means. A refusal by the ledger's machine has the machine's own status as its slug."""
    if slug in _MACHINE:
        words = slug.replace("_", " ")
        return ProblemAnswer(type=f"/problems/{slug}", title=f"The ledger refused: {words}.", status=422, slug=slug)
    row = _BY_SLUG.get(slug)
    if row is None:
        raise NotFound("problem")
    return ProblemAnswer(type=f"/problems/{row.slug}", title=row.title, status=row.status, slug=row.slug)
