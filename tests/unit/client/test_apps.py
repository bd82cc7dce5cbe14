"""App definitions: what a class body says, what goes to the server, how Jobs find their App and check parameters."""

import pytest

from fakes.rest import Script, job, problem, rows
from storax import App, ApplicationDefinition, Job, Site, api, errors
from storax._orm.rows import from_object


class Hello(App):
    """Says hello."""

    site = "laptop"
    command_template = "echo {{ name }} {{greeting}}"
    parameters = {"greeting": {"required": False, "default": "hi"}}
    environment_variables = {"LANG": "C"}


class Square(App):
    site = "laptop"

    def run(self, x, power=2):
        return x**power


def app(number, **fields):
    defaults = {"site_id": 4, "name": "Hello", "parameters": {}, "command_template": "true", "version": 1, "hooks": []}
    unset = {name: field.default for name, field in App._fields.items() if field.creatable}
    return dict.fromkeys(App._columns) | unset | {"id": number} | defaults | fields


KNOWN = app(7, parameters={"name": {"required": True}, "greeting": {"required": False, "default": "hi"}})


@pytest.fixture
def script():
    script = Script().on("POST", "/sites/query", lambda request: _sites(request.body))
    script.on("POST", "/apps/query", rows(App, KNOWN))
    return script.on("POST", "/jobs/", (201, job(1)))


def _sites(body):
    reply = rows(Site, {"id": 4, "name": "laptop"}, {"id": 5, "name": "cluster"})
    if fields := body.get("fields"):
        indices = [reply["columns"].index(f) for f in fields]
        reply = reply | {"columns": fields, "rows": [[r[p] for p in indices] for r in reply["rows"]]}
    return reply


def test_a_definition_shows_what_it_says():
    assert Hello.command_template == "echo {{ name }} {{greeting}}"
    assert Hello.environment == {"LANG": "C"}
    assert Hello.site == "laptop"
    assert ApplicationDefinition is App


def test_sync_creates_what_is_not_there(client, script):
    script.on("POST", "/apps/query", rows(App)).on("POST", "/apps/", (201, KNOWN))
    stored = Hello.sync()
    assert stored.id == 7
    body = dict(script.last.body)
    assert body.pop("source_code").startswith("class Hello(App):")
    assert body == {
        "site_id": 4,
        "name": "Hello",
        "description": "Says hello.",
        "command_template": "echo {{ name }} {{greeting}}",
        "parameters": {"name": {"required": True}, "greeting": {"required": False, "default": "hi"}},
        "environment": {"LANG": "C"},
        "hooks": [],
    }


def test_sync_of_what_is_the_same_changes_nothing(client, script):
    from storax._jobs.source import plain_source as _source

    same = {"description": "Says hello.", "command_template": Hello.command_template, "environment": {"LANG": "C"}}
    script.on("POST", "/apps/query", rows(App, KNOWN | same | {"source_code": _source(Hello)}))
    assert Hello.sync().id == 7
    assert {a.path for a in script.requests} == {"/sites/query", "/apps/query"}


def test_sync_sends_what_is_different(client, script):
    script.on("PATCH", "/apps/7", KNOWN)
    Hello.sync()
    assert script.last.body["description"] == "Says hello."
    assert "parameters" not in script.last.body


def test_a_field_that_is_set_after_the_class_body_is_published_too(client, script):
    class Late(App):
        site = "laptop"
        command_template = "true"

    Late.cleanup_files = ["*.tmp"]
    script.on("POST", "/apps/query", rows(App))
    script.on("POST", "/apps/", lambda request: (201, app(8) | request.body))
    Late.sync()
    assert script.last.body["cleanup_files"] == ["*.tmp"]
    assert Late.cleanup_files == ["*.tmp"]
    Late.cleanup_files = 5
    with pytest.raises(errors.InvalidInput, match=r"Late.cleanup_files"):
        Late.sync()


def test_a_renamed_definition_keeps_its_app(client, script):
    script.on("PATCH", "/apps/7", KNOWN)
    Hello.sync(rename_from="Hi")
    names = [b["filter"]["name"] for b in script.bodies("/apps/query")]
    assert names == ["Hi"]


def test_a_function_is_described_by_its_signature_and_its_source(client, script):
    script.on("POST", "/apps/query", rows(App)).on("POST", "/apps/", (201, app(8, name="Square")))
    Square.sync()
    assert script.last.body["parameters"] == {"x": {"required": True}, "power": {"required": False, "default": 2}}
    assert "return x**power" in script.last.body["source_code"]
    assert script.last.body["command_template"] is None


def define(**body):
    return type("Broken", (App,), body)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: define(site="laptop").sync(), "neither command_template nor run"),
        (
            lambda: define(site="laptop", comand_template="x").sync(),
            "sets 'comand_template'. Did you mean 'command_template'",
        ),
        (
            lambda: define(site="laptop", command_template="x", run=lambda self: 1).sync(),
            "both command_template and run",
        ),
        (lambda: define(command_template="x").sync(), "does not name its site"),
        (lambda: define(site="labtop", command_template="x").sync(), "no site 'labtop'. Did you mean 'laptop'"),
        (lambda: define(command_template=3.5j), "Broken.command_template"),
        (lambda: define(version=3), "cannot set version"),
        (lambda: define(site_id=3), "Set site="),
    ],
)
def test_a_wrong_definition_is_refused_with_the_reason(client, make, message):
    with pytest.raises(errors.InvalidInput, match=message):
        make()


def test_a_job_finds_its_app_by_name_once(client, script):
    script.on(
        "POST",
        "/jobs/",
        (201, {"columns": ["id", "site_id", "state"], "rows": [[i, 4, "READY"] for i in range(1, 51)]}),
    )
    jobs = [Job(app="Hello", workdir="a", parameters={"name": "x"}) for _ in range(50)]
    Job.objects.bulk_create(jobs)
    assert len(script.bodies("/apps/query")) == 1
    assert {row["app_id"] for row in script.bodies("/jobs/")[-1]} == {7}
    assert jobs[0].app.name == "Hello"
    assert len(script.bodies("/apps/query")) == 1


def test_site_name_tells_apps_of_one_name_apart(client, script):
    script.on("POST", "/apps/query", rows(App, KNOWN, app(9, site_id=5)), rows(App, app(9, site_id=5)))
    with pytest.raises(errors.InvalidInput, match=r"Several sites have an App 'Hello': .*Name the site: site_name="):
        Job(app="Hello", workdir="a").save()
    Job(app="Hello", site_name="cluster", workdir="a").save()
    assert script.bodies("/apps/query")[-1]["filter"] == {"name": "Hello", "site_id": 5}
    assert script.bodies("/jobs/")[-1]["app_id"] == 9


def test_an_unknown_app_is_an_error_with_the_nearest_name(client, script):
    names = {"columns": ["name"], "rows": [["Hello"], ["Square"]], "next": None, "count": None}
    script.on("POST", "/apps/query", rows(App), names)
    with pytest.raises(errors.InvalidInput, match=r"There is no App 'Helo'. Did you mean 'Hello'\?"):
        Job(app="Helo", workdir="a").save()


def test_a_definition_that_was_never_stored_says_so(client, script):
    script.on("POST", "/apps/query", rows(App), {"columns": ["name"], "rows": [], "next": None, "count": None})
    with pytest.raises(errors.InvalidInput, match=r"Call Hello.sync\(\) to store it there"):
        Job(app=Hello, workdir="a", parameters={"name": "x"}).save()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "App 'Hello' needs the parameter 'name'"),
        ({"name": 1, "greting": 2}, "no parameter 'greting'. Did you mean 'greeting'"),
    ],
)
def test_parameters_are_checked_as_soon_as_the_app_is_known(client, script, parameters, message):
    with pytest.raises(errors.InvalidInput, match=message):
        Job(app=Hello, workdir="a", parameters=parameters)
    with pytest.raises(errors.InvalidInput, match=message):
        Job(app=from_object(App, KNOWN, client), workdir="a", parameters=parameters)
    with pytest.raises(errors.InvalidInput, match=message):
        Job(app="Hello", workdir="a", parameters=parameters).save()
    Job(app="Hello", workdir="a", parameters={"name": 1}).save()
    with pytest.raises(errors.InvalidInput, match=message):
        Job(app_id=7, workdir="a", parameters=parameters).save()


def test_an_app_that_was_recreated_is_resolved_again(client, script):
    Job(app="Hello", workdir="a", parameters={"name": 1}).save()
    script.on("POST", "/apps/query", rows(App, KNOWN | {"id": 8}))
    script.on("POST", "/jobs/", problem(422, "invalid", "App 7 does not exist"), (201, job(2)))
    Job(app="Hello", workdir="a", parameters={"name": 1}).save()
    assert script.last.body["app_id"] == 8


def test_a_refusal_for_another_reason_is_not_repeated(client, script):
    script.on("POST", "/jobs/", problem(422, "invalid", "workdir: must stay inside"))
    with pytest.raises(errors.InvalidInput, match="must stay inside"):
        Job(app="Hello", workdir="..", parameters={"name": 1}).save()
    assert len(script.bodies("/jobs/")) == 1


@pytest.mark.parametrize(
    ("name", "instead"),
    [("JobMode", '"mpi" or "serial"'), ("AppParameter", "parameters = "), ("site_config", "Site.objects.get")],
)
def test_a_name_of_balsam_that_is_not_there_names_what_is(name, instead):
    with pytest.raises(ImportError, match=f"storax.api has no {name}. .*{instead}"):
        getattr(api, name)
    with pytest.raises(AttributeError, match="has no attribute 'JobMood'"):
        api.JobMood  # noqa: B018


def test_a_name_in_place_of_an_id_says_how_an_app_is_named(client):
    with pytest.raises(errors.InvalidInput, match=r"app_id='Hello' is no id\. Name the App: app='Hello'"):
        Job(app_id="Hello", workdir="w")
    assert Job(app_id="12", workdir="w").app_id == 12


def test_submit_makes_a_job_of_parameters_and_fields(client, script):
    submitted = Hello.submit("runs/1", name="ada", num_nodes=2, tags={"a": "b"})
    assert submitted.id == 1
    expected = {"app_id": 7, "workdir": "runs/1", "parameters": {"name": "ada"}, "num_nodes": 2, "tags": {"a": "b"}}
    assert script.bodies("/jobs/")[-1] == expected
    unsaved = Hello.submit("runs/1", name="ada", save=False)
    assert unsaved.id is None
    with pytest.raises(errors.InvalidInput, match="no parameter 'nam'"):
        Hello.submit("runs/1", nam="ada", name="x")


def test_submit_works_on_an_app_that_was_read(client, script):
    from_object(App, KNOWN, client).submit("runs/1", name="ada")
    assert script.bodies("/jobs/")[-1]["app_id"] == 7


def test_a_name_that_is_a_field_and_a_parameter_means_the_parameter(client, script):
    class Tagged(App):
        site = "laptop"
        command_template = "x {{ tags }}"

    script.on("POST", "/apps/query", rows(App, app(9, name="Tagged", parameters={"tags": {"required": True}})))
    Tagged.submit("a", tags="t")
    assert script.bodies("/jobs/")[-1]["parameters"] == {"tags": "t"}


def test_definitions_can_be_loaded(client, script):
    template = {"command_template": "echo {{ name }}"}
    script.on("POST", "/apps/query", rows(App, KNOWN | template)).on("GET", "/apps/7", KNOWN | template)
    for loaded in (App.load_by_name("Hello"), App.load_by_id(7), App.load_by_site("laptop")["Hello"]):
        assert (loaded.__name__, loaded.command_template, loaded.site) == ("Hello", "echo {{ name }}", 4)
        assert loaded.submit("a", name="x").id == 1
