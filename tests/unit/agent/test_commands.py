"""No parameter of a job ever becomes an argument, an option of the shell, or code."""

import random
import subprocess

import pytest

from storax_agent.prepare.command import VARIABLE, CommandError, parse, value_text, values_of

NASTY = [
    '', ' ', '-rf', '--', '-', '$(touch CANARY)', '`touch CANARY`', '; touch CANARY', '| touch CANARY',
    '&& touch CANARY', '|| touch CANARY', '\ntouch CANARY\n', "'; touch CANARY; '", '"; touch CANARY; "', "'", '"',
    '\\', "\\'", 'a\tb', '*', '~', '${IFS}touch${IFS}CANARY', '$HOME', '$STORAX_JOB_ID', '{{ other }}', '{% raw %}',
    '<(touch CANARY)', '>CANARY', '2>CANARY', 'CANARY\r\n', 'é漢字😀', 'a b c', '$((1+1))', 'a[$(touch CANARY)]', '!!',
    '#', '%s', '\x1b[31m', '\x01\x7f', "$'\\x41'",
]  # fmt: skip


def payloads(number: int, *, seed: int = 20260117) -> list[str]:
    """The list above and random joins of its parts; the seed makes them the same each time."""
    chance = random.Random(seed)
    rest = ["".join(chance.choice(NASTY) for _ in range(chance.randint(1, 4))) for _ in range(number - len(NASTY))]
    return [*NASTY, *rest]


def test_a_value_stays_one_argument_whatever_it_holds():
    command = parse("prog {{ a }} --out={{ a }}.txt 'fixed arg' \"x {{ a }} y\"")
    for text in payloads(500):
        argv, environment = command.fill({"a": text})
        assert argv == ["prog", text, f"--out={text}.txt", "fixed arg", f"x {text} y"]
        assert environment == {}


SHELL_TEMPLATES = [
    "printf '%s\\n' {{ a }}",
    "x={{ a }}; printf '%s\\n' \"$x\"",
    "printf '%s\\n' {{ a }} # it's a comment with an apostrophe",
    "printf '%s\\n' pre{{ a }}post",
    "case {{ a }} in *) printf '%s\\n' {{ a }};; esac",
    "printf '%s\\n' $(printf '%s' {{ a }} | cat)",
    "cat <<END\n{{ a }}\nEND\n",
    "for i in {{ a }}; do printf '%s\\n' \"$i\"; done >/dev/null",
]


@pytest.mark.parametrize("template", SHELL_TEMPLATES)
def test_no_value_becomes_shell_code(template, tmp_path):
    command = parse(template, use_shell=True)
    always, _ = command.fill({"a": "x"})
    for text in payloads(500 // len(SHELL_TEMPLATES) + len(NASTY)):
        argv, environment = command.fill({"a": text})
        assert argv == always
        assert argv[:2] == ["/bin/sh", "-c"]
        subprocess.run(
            argv, env={"PATH": "/usr/bin:/bin", **environment}, cwd=tmp_path, capture_output=True, check=False
        )
        assert list(tmp_path.iterdir()) == [], f"{text!r} left its canary"


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_quoted_variable_carries_the_value_whole(shell, tmp_path):
    argv, environment = parse("printf '%s' {{ a }}", use_shell=True).fill({"a": "one  'two' $x\n"})
    done = subprocess.run([shell, *argv[1:]], env=environment, cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout == b"one  'two' $x\n"
    assert environment == {VARIABLE + "a": "one  'two' $x\n"}


@pytest.mark.parametrize(
    "template",
    [
        "echo '{{ a }}'", 'echo "{{ a }}"', "bash -c 'echo {{ a }}'", 'echo "x $(echo {{ a }})"', "echo \\{{ a }}",
        "echo 'it is' 'x{{ a }}'", "echo $(( {{ a }} + 1 ))", "if (( {{ a }} > 1 )); then true; fi",
    ],
)  # fmt: skip
def test_a_place_inside_quotes_is_refused_with_the_way_out(template):
    with pytest.raises(CommandError, match="write it outside"):
        parse(template, use_shell=True)


@pytest.mark.parametrize(
    "template", ["", "   ", "{{ a b }}", "{{ a|upper }}", "{{ 1 }}", "{% if x %}", "echo '", "a\0b", "{{a.b}}"]
)
def test_a_template_that_is_more_than_names_is_refused(template):
    with pytest.raises(CommandError):
        parse(template)


def test_a_missing_parameter_is_named():
    command = parse("x {{ needed }} {{ kept }}")
    declared = {"kept": {"required": False, "default": 7}}
    assert values_of(command, {"needed": [1, "é"]}, declared) == {"needed": '[1, "é"]', "kept": "7"}
    with pytest.raises(CommandError, match="'needed' is missing"):
        values_of(command, {"kept": 1}, declared)


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
def test_a_value_that_no_program_can_be_given_is_refused(value):
    with pytest.raises(CommandError, match="'a'"):
        values_of(parse("x {{ a }}"), {"a": value}, {})


def test_values_read_as_people_write_them():
    assert [value_text(value) for value in ("x", 1, 1.5, True, None, {"a": [1]})] == [
        "x",
        "1",
        "1.5",
        "True",
        "None",
        '{"a": [1]}',
    ]


@pytest.mark.parametrize(
    "template", ["sh -c 'echo {{ x }}'", "/bin/bash -lc 'a {{x}}'", "env A=1 python3 -c 'print({{ x }})'"]
)
def test_a_place_inside_an_interpreters_code_is_refused(template: str) -> None:
    with pytest.raises(CommandError, match="hand it over as an argument"):
        parse(template)


def test_a_place_behind_the_code_is_an_argument() -> None:
    assert parse("sh -c 'echo \"$1\"' sh {{ x }}").fill({"x": "$(id)"})[0] == ["sh", "-c", 'echo "$1"', "sh", "$(id)"]


@pytest.mark.parametrize(
    "template", ["sh -c {{ a }}", "bash -lc 'echo {{ a }}'", "env X=1 python3 -c {{ a }}", "perl -e {{ a }}"]
)
def test_a_place_inside_the_code_of_an_interpreter_is_refused(template):
    with pytest.raises(CommandError, match="inside code"):
        parse(template)


def test_a_place_behind_the_code_of_an_interpreter_is_an_argument():
    argv, _ = parse("sh -c 'echo \"$1\"' sh {{ a }}").fill({"a": "$(id)"})
    assert argv == ["sh", "-c", 'echo "$1"', "sh", "$(id)"]
