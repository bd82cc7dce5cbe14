"""``install(app)``: the pages below ``/ui/`` of the API's process."""

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.exceptions import HTTPException

from storax_api.errors import Pages
from storax_api.web.frame import assets, live
from storax_api.web.frame.errors import problem_page
from storax_api.web.frame.links import ROOT
from storax_api.web.pages import PAGES
from storax_api.web.sign_in import routes as sign_in


def install(app: FastAPI) -> None:
    """Add the pages, their files, and errors as pages; ``GET /`` leads a browser to them."""
    router = APIRouter(prefix=ROOT.rstrip("/"), include_in_schema=False)
    for part in (assets.router, live.router, sign_in.router, *(page.router for page in PAGES)):
        router.include_router(part)
    app.include_router(router)
    app.state.problem_pages = Pages(ROOT, problem_page)
    app.state.navigation = tuple((page.title, page.path) for page in PAGES if page.title)

    @app.get("/", include_in_schema=False)
    async def start(request: Request) -> Response:
        """Lead a browser to the page; a client of REST finds nothing here."""
        if "text/html" not in request.headers.get("accept", ""):
            raise HTTPException(404)
        return Response(None, 307, {"Location": "ui/", "Vary": "Accept"})
