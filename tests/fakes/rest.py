"""A scripted server for the client: answers by the script, and keeps the requests. It speaks JSON, no sockets."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import httpx

from storax import Client, Job

Answer = Any
URL = "http://storax.test"
NO_ROWS = {"columns": [], "rows": [], "next": None, "count": None}


@dataclass(frozen=True)
class Request:
    """One request as it arrived."""

    method: str
    path: str
    body: Any
    params: dict[str, str]
    headers: httpx.Headers


@dataclass
class Script(httpx.BaseTransport):
    """``on(method, path, answers...)``: one after the other, the last for ever.

    An answer is JSON (status 200), a tuple (status, JSON) or (status, JSON, headers), an exception to raise, or a
    function of the request that gives one of these.
    """

    requests: list[Request] = field(default_factory=list)
    routes: dict[tuple[str, str], list[Answer]] = field(default_factory=dict)

    def on(self, method: str, path: str, *answers: Answer) -> "Script":
        """Script the answers of one route, path behind /api/v1."""
        self.routes[method, path] = list(answers)
        return self

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        raw = request.read()
        path = request.url.path.removeprefix("/api/v1")
        params = dict(parse_qsl(request.url.query.decode()))
        sent = Request(request.method, path, json.loads(raw) if raw else None, params, request.headers)
        answers = self.routes.get((sent.method, path))
        if path == "/sites/query" and not answers:
            return _response(NO_ROWS)  # a look for absent agents, which few tests are about
        self.requests.append(sent)
        assert answers, f"no answer scripted for {sent.method} {path}"
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return _response(answer(sent) if callable(answer) else answer)

    @property
    def last(self) -> Request:
        """The latest request."""
        return self.requests[-1]

    def bodies(self, path: str) -> list[Any]:
        """Bodies of all requests to a path."""
        return [a.body for a in self.requests if a.path == path]


def _response(answer: Answer) -> httpx.Response:
    if isinstance(answer, Exception):
        raise answer
    if isinstance(answer, httpx.Response):
        return answer
    status, body, *headers = answer if isinstance(answer, tuple) else (200, answer)
    content = b"" if body is None else json.dumps(body).encode()
    return httpx.Response(status, content=content, headers=headers[0] if headers else {})


def client_of(script: Script, **options: Any) -> Client:
    """A client that talks to the script."""
    return Client(URL, "stx_test", transport=script, **options)


def rows(
    model: type[Any], *objects: dict[str, Any], next_: str | None = None, count: int | None = None
) -> dict[str, Any]:
    """A page in the compact form, in the server's order of columns."""
    columns = list(model._columns)
    return {"columns": columns, "rows": [[o.get(c) for c in columns] for o in objects], "next": next_, "count": count}


def job(number: int, **fields: Any) -> dict[str, Any]:
    """A job as the server tells it."""
    row = {"id": number, "app_id": 1, "site_id": 1, "workdir": f"w/{number}", "state": "PREPROCESSED", "version": 1}
    row |= {"tags": {}, "parameters": {}, "data": {}, "num_nodes": 1, "parent_ids": [], "return_value": None}
    row |= {"creation_date": "2026-01-01T00:00:00Z", "last_update": "2026-01-01T00:00:00Z"}
    return dict.fromkeys(Job._columns) | row | fields


def problem(status: int, code: str, detail: str = "no", **more: Any) -> tuple[int, dict[str, Any]]:
    """A problem-details answer."""
    return status, {"type": "about:blank", "title": code, "status": status, "detail": detail, "code": code, **more}
