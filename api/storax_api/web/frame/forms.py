"""Forms that a page posts: bounded, decoded, and refused unless a page of ours sent them."""

import hmac
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import Depends, Request

from storax_api.requests.parameters import service_of
from storax_api.web.frame.viewer import Viewer, viewer_of
from storax_core import limits
from storax_core.errors import Forbidden, Invalid

FIELDS = 2_000
OWN = ("csrf", "key")  # fields of the frame, which no page reads


@dataclass(frozen=True)
class Form:
    """The fields of a form, in order, and the body that they came in."""

    raw: bytes
    pairs: tuple[tuple[str, str], ...]

    def value(self, name: str) -> str:
        """Return a field's last value; empty where there is none."""
        return next((value for field, value in reversed(self.pairs) if field == name), "")

    def values(self, name: str) -> list[str]:
        """Return all values of a field."""
        return [value for field, value in self.pairs if field == name]

    @property
    def key(self) -> UUID | None:
        """Return the idempotency key of the form: sent twice, it has one effect. Raises Invalid."""
        try:
            return UUID(self.value("key")) if self.value("key") else None
        except ValueError:
            raise Invalid("the form's key is no UUID", hint="Reload the page.") from None


async def read_form(request: Request, limit: int = limits.STRANGER_BODY_BYTES) -> Form:
    """Read a form of any sender. Raises Invalid, and what every body does."""
    raw = await service_of(request).body(request, limit)
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=FIELDS)
    except ValueError as error:
        raise Invalid("this is no form of the page", hint="Reload the page, and send it again.") from error
    return Form(raw, tuple(pairs))


def require_own(request: Request, form: Form, expected: str) -> None:
    """Raise Forbidden for a form that another site sent, or another session."""
    sender = request.headers.get("sec-fetch-site", "same-origin")
    if sender not in ("same-origin", "none") or not hmac.compare_digest(form.value("csrf").encode(), expected.encode()):
        raise Forbidden(
            "this form was not sent by a page of your session", hint="Go back, reload the page, and send it again."
        )


@dataclass(frozen=True)
class Posted:
    """A form of a signed-in user."""

    viewer: Viewer
    form: Form


async def posted(request: Request) -> Posted:
    """Return who sent which form. Raises Unauthorized and Forbidden."""
    viewer = await viewer_of(request)
    form = await read_form(request, limits.QUERY_BODY_BYTES)
    require_own(request, form, viewer.csrf)
    return Posted(viewer, form)


PostedForm = Annotated[Posted, Depends(posted)]
