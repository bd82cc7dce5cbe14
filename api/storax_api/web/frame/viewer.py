"""Who looks at a page: the cookie carries a token like any other, so it has the same rights and is revoked alike."""

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Request, Response

from storax_api.identity import scope
from storax_api.requests.parameters import service_of
from storax_api.service import Caller
from storax_core.errors import Unauthorized

DAYS = 14  # for which a browser stays signed in


@dataclass(frozen=True)
class Viewer:
    """A signed-in user, and the token of the cookie."""

    caller: Caller
    token: str

    @property
    def csrf(self) -> str:
        """Return what every form of this viewer carries. Only a page of ours can know it."""
        return csrf_of(self.token)


def csrf_of(secret: str) -> str:
    """Return the token of forms for a secret that a cookie holds."""
    return hmac.new(secret.encode(), b"storax form", sha256).hexdigest()


def cookie_name(request: Request) -> str:
    """Return the name of the session's cookie. Browsers do not keep the ports of a host apart, so it names the port."""
    port = request.headers.get("host", "").rpartition(":")[2]
    return f"storax_session_{port}" if port.isdecimal() else "storax_session"


def is_encrypted(request: Request) -> bool:
    """Whether the browser speaks https to the server, or to a trusted proxy before it."""
    return request.url.scheme == "https"


def set_cookie(request: Request, response: Response, token: str) -> None:
    """Sign the browser in. Without a path the cookie is for ``/ui/`` as the browser sees it, also behind a proxy."""
    response.set_cookie(
        cookie_name(request), token, max_age=DAYS * 86_400, path=None, httponly=True, samesite="lax",
        secure=is_encrypted(request),
    )  # fmt: skip


def drop_cookie(request: Request, response: Response) -> None:
    """Sign the browser out."""
    response.set_cookie(
        cookie_name(request), "", max_age=0, path=None, httponly=True, samesite="lax", secure=is_encrypted(request)
    )


async def viewer_of(request: Request) -> Viewer:
    """Return who looks. Raises Unauthorized, which leads a browser to the login page and back."""
    token = request.cookies.get(cookie_name(request), "")
    if not token:
        raise Unauthorized("you are not signed in", hint="Sign in to go on.")
    try:
        caller = await service_of(request).caller_with(request, token)
    except Unauthorized:
        raise Unauthorized("your session has ended", hint="Sign in to go on.") from None
    scope.require_operation(request, caller)
    request.state.viewer = viewer = Viewer(caller, token)
    return viewer


async def reader_of(request: Request) -> Viewer:
    """Return who looks at a page of queries; waits for the viewer's turn among them, as lists of REST do."""
    viewer = await viewer_of(request)
    await service_of(request).queue_for_query(request, viewer.caller)
    return viewer


SignedIn = Annotated[Viewer, Depends(viewer_of)]
Reader = Annotated[Viewer, Depends(reader_of)]
