"""What sync() makes of a definition: the whole App, also what the class no longer says; its template is checked."""

import pytest

from fakes.rest import Script, rows
from storax import App, Site
from storax._jobs.shipping.command_template import CommandError, check
from storax.errors import InvalidInput

DEFAULTS = {name: field.default for name, field in App._fields.items() if field.creatable}
STORED = dict.fromkeys(App._columns) | DEFAULTS | {
    "id": 7, "site_id": 4, "name": "Changed", "version": 3, "command_template": "old {{ x }}", "use_shell": True,
    "hooks": ["preprocess"], "source_code": "class Changed(App): ...", "description": "Old.", "python_exe": "/py",
    "parameters": {"x": {"required": True}}, "transfers": {"in": {"required": True}}, "cleanup_files": ["*.dat"],
    "environment": {"A": "1"}, "shell_preamble": "module load a", "max_attempts": 5, "max_losses": 3, "retry_delay_sec": 9,
    "retry_exit_codes": [3], "retry_on_timeout": False,
}  # fmt: skip


@pytest.fixture
def script():
    site = rows(Site, {"id": 4, "name": "laptop"})
    site |= {"columns": ["name", "id"], "rows": [["laptop", 4]]}
    script = Script().on("POST", "/sites/query", site).on("POST", "/apps/query", rows(App, STORED))
    return script.on("PATCH", "/apps/7", STORED)


def test_sync_returns_what_the_class_no_longer_says_to_its_default(client, script):
    class Changed(App):
        site = "laptop"
        command_template = "true"

    Changed.sync()
    sent = dict(script.last.body)
    assert sent.pop("source_code").startswith("class Changed(App)")
    assert sent == {
        "command_template": "true", "use_shell": False, "hooks": [], "description": "", "python_exe": None,
        "parameters": {}, "transfers": {}, "cleanup_files": [], "environment": {}, "shell_preamble": "",
        "max_attempts": 1, "max_losses": DEFAULTS["max_losses"], "retry_delay_sec": 0, "retry_exit_codes": [], "retry_on_timeout": True,
    }  # fmt: skip


def test_fields_come_from_all_base_classes_and_mixins_in_their_order():
    class Retried:
        max_attempts = 4
        environment_variables = {"A": "mixin"}
        site_id = "is of no concern"

    class First(App):
        command_template = "first"
        retry_delay_sec = 3

    class Second(App):
        command_template = "second"
        cleanup_files = ["*.tmp"]

    class Both(Retried, First, Second):
        site = "laptop"

    body = Both._definition()
    assert (body["command_template"], body["retry_delay_sec"], body["cleanup_files"]) == ("first", 3, ["*.tmp"])
    assert (body["max_attempts"], body["environment"]) == (4, {"A": "mixin"})
    assert "site_id" not in body

    class Wrong:
        max_attempts = "many"

    with pytest.raises(InvalidInput, match=r"Wrongly\.max_attempts"):
        type("Wrongly", (Wrong, App), {"command_template": "true"})


@pytest.mark.parametrize(
    ("template", "word"),
    [
        ("cat a | sort", "|"),
        ("echo a > out.txt && echo b", ">"),
        ("prog >out.txt", ">out.txt"),
        ("prog 2>&1", "2>&1"),
        ("prog <in.txt", "<in.txt"),
        ("prog &", "&"),
        ("make&&make install", "make&&make"),
        ("cd sub; ls", "sub;"),
        ("echo $HOME", "$HOME"),
        ('echo "in ${HOME}"', "${HOME"),
        ("echo $(date)", "$(date"),
        ("echo `date`", "`"),
        ("~/bin/prog {{ x }}", "~/bin/prog"),
        ("THREADS=4 prog", "THREADS=4"),
    ],
)
def test_a_word_that_needs_a_shell_is_refused_without_one(template, word):
    with pytest.raises(CommandError) as refused:
        check(template, use_shell=False)
    assert f"without a shell {word!r} is plain text; set use_shell = True" in str(refused.value)
    check(template, use_shell=True)


@pytest.mark.parametrize(
    "template",
    [
        "grep '|' file",
        r"find . -exec rm {} \;",
        "awk '{print $1 > \"out\"}' file",
        "curl http://x/?a=1&b=2",
        "prog -> {{ x }} <{{ y }}> 100% a=b",
        "sh -c 'cd sub && ls > \"$1\"' sh {{ x }}",
        'prog "\\$HOME" "a | b; c" cost=$5 ^a$',
        "prog 'a b' \"{{ x }}\" x>=1",
    ],
)
def test_what_is_meant_as_plain_text_is_taken(template):
    check(template, use_shell=False)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"command_template": "echo 'open"}, "No closing quotation; close the quote"),
        ({"command_template": "echo 'open", "use_shell": True}, "ends inside ' quotes; close the quote"),
        ({"command_template": "echo '{{ n }}'", "use_shell": True}, "stands inside ' quotes; write it outside"),
        ({"command_template": "sh -c 'echo {{ n }}'"}, "stands inside code for sh; hand it over as an argument"),
        ({"command_template": "echo {{ n | upper }}"}, "only plain {{ name }} places are allowed"),
        ({"command_template": "a | b"}, "set use_shell = True, or write it in single quotes"),
    ],
)
def test_a_template_is_parsed_by_sync(client, body, message):
    definition = type("Tried", (App,), {"site": "laptop", **body})
    with pytest.raises(InvalidInput, match="Tried: command template") as refused:
        definition.sync()
    assert message in str(refused.value)


def test_a_loaded_definition_does_not_delete_the_hooks_that_it_has_not(client, script):
    with pytest.raises(InvalidInput, match=r"was loaded, and sync\(\) would delete its hooks"):
        App.load_by_name("Changed").sync()
    assert not [request for request in script.requests if request.method == "PATCH"]
