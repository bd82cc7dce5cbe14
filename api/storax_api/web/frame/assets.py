"""The page's scripts and styles: our own and the vendored ones, read once, named by their content, kept for ever."""

import gzip
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, Request, Response

from storax_core.errors import NotFound

FOLDER = Path(__file__).parents[1] / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FOR_EVER = "public, max-age=31536000, immutable"
router = APIRouter()


@dataclass(frozen=True)
class Asset:
    """One file: as it is, compressed, and a digest of its content."""

    body: bytes
    compressed: bytes
    media_type: str
    digest: str


@cache
def assets() -> dict[str, Asset]:
    """Return every file that is served, by its path below the folder."""
    paths = sorted(path for path in FOLDER.rglob("*") if path.suffix in TYPES)
    return {path.relative_to(FOLDER).as_posix(): _read(path) for path in paths}


def _read(path: Path) -> Asset:
    body = path.read_bytes()
    return Asset(body, gzip.compress(body, 9, mtime=0), TYPES[path.suffix], sha256(body).hexdigest()[:16])


def address(name: str) -> str:
    """Return a file's address below ``/ui/``."""
    return f"static/{assets()[name].digest}/{name}"


@router.get("/static/{digest}/{name:path}")
async def static(request: Request, digest: str, name: str) -> Response:
    """Serve a file. A page of another release may ask for another digest: it gets this one, and does not keep it."""
    asset = assets().get(name)
    if asset is None:
        raise NotFound(f"the page has no file {name[:80]!r}", hint="Reload the page.")
    packed = "gzip" in request.headers.get("accept-encoding", "")
    headers = {
        "Cache-Control": FOR_EVER if digest == asset.digest else "no-cache",
        "X-Content-Type-Options": "nosniff",
        "Vary": "Accept-Encoding",
        **({"Content-Encoding": "gzip"} if packed else {}),
    }
    return Response(asset.compressed if packed else asset.body, headers=headers, media_type=asset.media_type)
