"""A platform in memory, as far as waiting sees it: jobs with states, an event log, and the stream over it."""

import json
import queue
import threading
from collections.abc import Iterator
from typing import Any

import httpx

from fakes.rest import Request, Script, job, problem, rows
from storax import Job
from storax.models.job_rules import FINAL, UNSUCCESSFUL


class Wire:
    """What httpx tells of a socket, for one open stream."""

    def __init__(self, platform: "Platform", after: int | None) -> None:
        self.inbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._platform = platform
        self.inbox.put(b": ready\n\n")
        for event in platform.log if after is not None else []:
            if event["position"] > (after or 0):
                self.tell(event)

    def get_extra_info(self, _: str) -> "Wire":
        return self

    def close(self) -> None:
        self.inbox.put(None)

    def shutdown(self, _: int) -> None:
        self.inbox.put(None)

    def tell(self, event: dict[str, Any]) -> None:
        if event["to_state"] in FINAL:
            text = json.dumps(event).encode()
            self.inbox.put(b"id: %d\nevent: job.state_changed\ndata: %s\n\n" % (event["position"], text))


class Body(httpx.SyncByteStream):
    """The endless answer."""

    def __init__(self, platform: "Platform", wire: Wire) -> None:
        self._platform, self._wire = platform, wire

    def __iter__(self) -> Iterator[bytes]:
        while (chunk := self._wire.inbox.get()) is not None:
            yield chunk

    def close(self) -> None:
        with self._platform.guard:
            self._platform.wires.discard(self._wire)


class Platform(Script):
    """Jobs 1, 2, 3, ...; ``end`` and ``delete`` are what happens to them."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: dict[int, dict[str, Any]] = {}
        self.log: list[dict[str, Any]] = []
        self.wires: set[Wire] = set()
        self.streaming = True
        self.refusing: Exception | None = None
        self.guard = threading.RLock()
        self.on("POST", "/jobs/", self._create).on("POST", "/jobs/query", self._query)
        self.on("GET", "/events/stream", self._stream).on("POST", "/events/query", self._events)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.refusing:
            raise self.refusing
        with self.guard:
            path = request.url.path.removeprefix("/api/v1")
            if path.startswith("/jobs/") and path[6:].isdigit():
                number = int(path[6:])
                row = self.jobs.get(number)
                answer = row or problem(404, "not_found", f"job {number} does not exist")
                self.on(
                    request.method, path, (lambda a: self._patch(number, a)) if request.method == "PATCH" else answer
                )
            return super().handle_request(request)

    # ---- what happens ------------------------------------------------------------------------------------------------

    def append(self, number: int, to_state: str | None, **data: Any) -> int:
        with self.guard:
            event = {
                "position": len(self.log) + 1,
                "entity": "job",
                "entity_id": number,
                "to_state": to_state,
                "data": data,
            }
            self.log.append(event)
            for wire in self.wires:
                wire.tell(event)
            return int(event["position"])

    def end(self, number: int, state: str = "JOB_FINISHED", value: Any = None, **data: Any) -> None:
        with self.guard:
            self.jobs[number] |= {"state": state, "return_value": value}
            self.append(number, state, **data)

    def delete(self, number: int) -> None:
        with self.guard:
            del self.jobs[number]
            self.append(number, None)

    def later(self, seconds: float, what: Any, *args: Any) -> None:
        timer = threading.Timer(seconds, what, args)
        timer.daemon = True
        timer.start()

    def cut(self) -> None:
        """Break every open stream."""
        with self.guard:
            for wire in list(self.wires):
                wire.shutdown(0)

    # ---- routes ------------------------------------------------------------------------------------------------------

    def _create(self, request: Request) -> Any:
        single = isinstance(request.body, dict)
        created = []
        for row in [request.body] if single else request.body:
            number = len(self.jobs) + 1
            self.jobs[number] = job(number, **row)
            position = self.append(number, "PREPROCESSED")
            created.append([number, 1, "PREPROCESSED"])
        headers = {"X-Storax-Position": str(position)}
        if single:
            return 201, self.jobs[created[0][0]], headers
        return 201, {"columns": ["id", "site_id", "state"], "rows": created}, headers

    def _patch(self, number: int, request: Request) -> Any:
        self.jobs[number] |= request.body
        return 200, self.jobs[number], {"X-Storax-Position": str(self.append(number, request.body.get("state")))}

    def _query(self, request: Request) -> Any:
        ids = request.body["filter"].get("id", list(self.jobs))
        ids = ids if isinstance(ids, list) else [ids]
        jobs = [self.jobs[i] for i in ids if i in self.jobs]
        if fields := request.body.get("fields"):
            return {"columns": fields, "rows": [[j[f] for f in fields] for j in jobs], "next": None, "count": None}
        return rows(Job, *jobs)

    def _events(self, request: Request) -> Any:
        number = request.body["filter"]["job_id"]
        failures = [e for e in self.log if e["entity_id"] == number and e["to_state"] in UNSUCCESSFUL]
        columns = ["position", "id", "to_state", "data"]
        return {
            "columns": columns,
            "rows": [[e["position"], e["position"], e["to_state"], e["data"]] for e in failures[-1:]],
            "next": None,
        }

    def _stream(self, request: Request) -> Any:
        if not self.streaming:
            return problem(404, "not_found", "no stream here")
        after = request.headers.get("last-event-id")
        wire = Wire(self, int(after) if after else None)
        self.wires.add(wire)
        return httpx.Response(200, stream=Body(self, wire), extensions={"network_stream": wire})
