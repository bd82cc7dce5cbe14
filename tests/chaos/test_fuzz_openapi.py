"""schemathesis over every operation of the OpenAPI document: no answer is 500, and none has another owner's data."""

import os
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from needs import needs
from storax_api.app import create_app
from storax_core.settings import Settings
from waiting import eventually
from world import User, World

pytestmark = needs("fuzz")
SEED = int(os.environ.get("STORAX_SEED", random.SystemRandom().randrange(2**32)))
EXAMPLES = int(os.environ.get("STORAX_FUZZ_EXAMPLES", "60"))
CANARY = "canary9f3a"
WAITS = {"wait": 0.05, "timeout": 0.05}
DOCUMENT = create_app(Settings()).openapi()
OPERATIONS = sorted((path, method) for path, methods in DOCUMENT["paths"].items() for method in methods)


def one_of_everything(user: User, word: str) -> list[int]:
    """Create rows of every kind whose texts have a word. Returns their ids."""
    site = user.site(word, path=f"/{word}")
    slots = {"f": {"direction": "in", "required": False}}
    app = user.app(
        site, name=word.capitalize(), description=word, transfers=slots, parameters={"x": {"required": False}}
    )
    job = user.job(
        app, tags={word: word}, workdir=word, data={word: word}, parameters={"x": word}, transfers={"f": f"{word}:/f"}
    )
    project = user.post("/projects/", {"name": word})["id"]
    frame = user.post("/data-frames/", {"project_id": project, "name": word})["id"]
    pipeline = user.post("/pipelines/", {"project_id": project, "name": word, "edition": 1})["id"]
    batch_job = user.post("/batch-jobs/", {"site_id": site})["id"]
    (token,) = (row["id"] for row in user.get("/tokens/")["results"])
    transfers = [row["id"] for row in user.get("/transfers/")["results"]]
    return [site, app, job["id"], project, frame, pipeline, batch_job, token, user.session(site), user.id, *transfers]


class Attack:
    """A user who tries everything, also on the rows of another, whose texts have the canary."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.victim = world.user(CANARY)
        self.foreign = one_of_everything(self.victim, CANARY)
        self.http = requests.Session()
        self.statuses: Counter[int] = Counter()
        self.begin()

    def begin(self) -> None:
        """Become a new user, for the one before may have revoked the own token."""
        self.user = self._world.user()
        self.own = one_of_everything(self.user, f"own{self.user.id}")

    def send(self, case: Any, rng: random.Random) -> requests.Response:
        """Send a generated request with the attacker's token and ids that mean something."""
        case.path_parameters = {name: self._id(rng, value) for name, value in (case.path_parameters or {}).items()}
        case.query = {
            name: WAITS.get(name, self._seasoned(rng, name, value)) for name, value in (case.query or {}).items()
        }
        if isinstance(case.body, dict | list):
            case.body = self._seasoned(rng, "", case.body)
        arguments = case.as_transport_kwargs(base_url=self._world.url)
        arguments["headers"] = {**arguments.get("headers", {}), "Authorization": f"Bearer {self.user.token}"}
        answer = self.http.request(**arguments, stream=True, timeout=60)
        self.statuses[answer.status_code] += 1
        return answer

    def _id(self, rng: random.Random, value: Any) -> Any:
        return rng.choice([value, rng.choice(self.own), rng.choice(self.foreign), rng.choice(self.foreign)])

    def _seasoned(self, rng: random.Random, name: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._seasoned(rng, str(key), inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._seasoned(rng, name, inner) for inner in value]
        named = name.endswith(("id", "ids")) and isinstance(value, int)
        return self._id(rng, value) if named and rng.random() < 0.7 else value


@pytest.fixture(scope="module")
def attack(world: World) -> Iterator[Attack]:
    """At the end nothing of the victim has changed, and not all calls were refused."""
    attack = Attack(world)
    before = attack.victim.events()
    yield attack
    attack.http.close()
    print(dict(attack.statuses))
    assert any(status < 400 for status in attack.statuses)
    eventually(lambda: attack.victim.events() == before)


@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=str)
def test_no_generated_request_is_answered_with_500_or_with_anothers_data(
    attack: Attack, path: str, method: str
) -> None:
    import schemathesis

    operation = schemathesis.openapi.from_dict(DOCUMENT)[path][method.upper()]

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(), number=st.integers(0, 2**32))
    def run(case: Any, number: int) -> None:
        with attack.send(case, random.Random(number)) as answer:
            streams = answer.headers.get("content-type", "").startswith("text/event-stream")
            text = next(answer.iter_content(200), b"") if streams else answer.content
        assert answer.status_code < 500 or (answer.status_code == 503 and "retry-after" in answer.headers), text[:2000]
        assert CANARY.encode() not in text.lower(), f"another owner's data: {text[:2000]!r}"
        if answer.status_code == 401:
            attack.begin()

    print(f"replay with STORAX_SEED={SEED}")
    run()
