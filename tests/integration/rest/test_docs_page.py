"""The page at /docs works where there is no other host."""

import re
from urllib.parse import urljoin

from world import ANYBODY, World

OUTSIDE = re.compile(r"""(?:src|href|url\()\s*[=:(]?\s*["']?\s*(?:https?:)?//""", re.IGNORECASE)


def test_the_docs_page_loads_nothing_from_outside(world: World) -> None:
    page = ANYBODY.get(f"{world.url}/docs")
    assert page.status_code == 200
    assert "//" not in page.text.replace("<!DOCTYPE html>", ""), page.text
    assert "jsdelivr" not in page.text
    wanted = [urljoin(f"{world.url}/docs", at) for at in re.findall(r'(?:src|href)="([^"]+)"', page.text)]
    files = [at for at in wanted if not at.startswith("data:")]
    assert len(files) == 3
    for address in files:
        assert address.startswith(world.url)
        answer = ANYBODY.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["content-type"].split(";")[0] in ("text/css", "text/javascript"), address
        assert not OUTSIDE.search(answer.text) or address.endswith("swagger-ui-bundle.js"), address


def test_the_docs_page_may_speak_to_its_own_host_alone(world: World) -> None:
    policy = ANYBODY.get(f"{world.url}/docs").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert "http" not in policy
    assert "connect-src 'self'" in policy


def test_the_docs_page_starts_with_the_document_of_this_server(world: World) -> None:
    start = ANYBODY.get(f"{world.url}/docs-start.js").text
    assert 'url: "openapi.json"' in start
    assert "validatorUrl: null" in start
    assert ANYBODY.get(f"{world.url}/openapi.json").json()["openapi"].startswith("3.1")
