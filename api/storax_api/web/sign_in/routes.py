"""Sign in by password or by the one-time link of ``storax open``, sign out, and the choice of light or dark."""

import secrets

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter

from storax_api import auth
from storax_api.requests.body import validate
from storax_api.requests.parameters import only, service_of
from storax_api.web.frame import links
from storax_api.web.frame.forms import Form, PostedForm, read_form, require_own
from storax_api.web.frame.respond import go_to, page
from storax_api.web.frame.templates import THEME_COOKIE, THEMES
from storax_api.web.frame.viewer import (
    DAYS,
    csrf_of,
    drop_cookie,
    is_encrypted,
    set_cookie,
    viewer_of,
)
from storax_core.commands import users
from storax_core.commands.users import Login
from storax_core.database.connections import writing
from storax_core.errors import CoreError, Forbidden, Invalid, TooManyLogins, Unauthorized
from storax_core.log.append import Context

router = APIRouter()
LOGIN: TypeAdapter[Login] = TypeAdapter(Login)
# What ties the login form to the browser that got it, before there is a session.
FORM_COOKIE = "storax_form"
YEAR_SEC = 365 * 86_400


@router.get("/login")
async def login_page(request: Request, next: str = "", ended: str = "") -> Response:  # noqa: A002
    """Show the form; who is signed in goes on at once."""
    try:
        await viewer_of(request)
    except CoreError:
        return _login_form(request, next, ended=bool(ended))
    return go_to(request, links.safe_target(next))


def _login_form(
    request: Request, target: str, *, ended: bool = False, error: CoreError | None = None, username: str = ""
) -> Response:
    secret = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(32)
    fields = {"target": links.safe_target(target), "csrf": csrf_of(secret), "username": username}
    status = 429 if isinstance(error, TooManyLogins) else 422 if isinstance(error, Invalid) else 401 if error else 200
    answer = page(request, "sign_in/login.html", {**fields, "ended": ended, "error": error}, status=status)
    answer.set_cookie(FORM_COOKIE, secret, path=None, httponly=True, samesite="strict", secure=is_encrypted(request))
    if isinstance(error, TooManyLogins):
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


@router.post("/login")
async def login(request: Request) -> Response:
    """Check the password, and sign the browser in."""
    only(request)
    form = await read_form(request)
    _require_form_cookie(request, form)
    try:
        ask: Login = validate(LOGIN, {name: form.value(name) for name in ("username", "password")})
        token = await auth.log_in(request, ask, days=DAYS, name=users.PAGE)
    except (Unauthorized, TooManyLogins, Invalid) as error:
        return _login_form(request, form.value("next"), error=error, username=form.value("username")[:200])
    answer = go_to(request, links.safe_target(form.value("next")))
    set_cookie(request, answer, token["token"])
    return answer


def _require_form_cookie(request: Request, form: Form) -> None:
    secret = request.cookies.get(FORM_COOKIE, "")
    if not secret:
        raise Forbidden("the browser sent no cookie with the form", hint="Allow cookies of this server, and try again.")
    require_own(request, form, csrf_of(secret))


@router.get("/enter")
async def enter(request: Request, code: str) -> Response:
    """Sign in by a one-time link. A link of another site is refused: it could sign a browser in to a stranger."""
    only(request, "code")
    if request.headers.get("sec-fetch-site", "none") != "none":
        raise Forbidden("another page led here", hint="Run `storax open` again, or sign in by password.")
    async with service_of(request).db.worker() as conn, writing(conn):
        token = await users.use_code(conn, code[:200], DAYS)
    answer = go_to(request, "")
    set_cookie(request, answer, token["token"])
    return answer


@router.post("/logout")
async def logout(request: Request, posted: PostedForm) -> Response:
    """Revoke the token of the cookie, and forget it."""
    service, caller = service_of(request), posted.viewer.caller
    async with service.db.owner_writing(caller.owner_id) as conn:
        context = Context(caller.owner_id, f"user:{caller.owner_id}")
        await users.delete_tokens(conn, context, [caller.token_id], {})
    service.forget_tokens([caller.token_id])
    answer = go_to(request, "login")
    drop_cookie(request, answer)
    return answer


@router.post("/theme")
async def theme(request: Request, posted: PostedForm) -> Response:
    """Keep the choice of light, dark or the system's in a cookie."""
    chosen = posted.form.value("theme")
    if chosen not in THEMES:
        raise Invalid(f"there is no theme {chosen[:40]!r}", hint=f"It takes: {', '.join(THEMES)}.")
    answer = go_to(request, links.safe_target(posted.form.value("next")))
    answer.set_cookie(THEME_COOKIE, chosen, max_age=YEAR_SEC, path=None, samesite="lax", secure=is_encrypted(request))
    return answer
