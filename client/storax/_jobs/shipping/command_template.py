"""A command template as arguments with places for the parameters of a Job. ``sync()`` and every site parse it.

Without a shell the template is split into arguments first and the ``{{ name }}`` places are filled afterwards, so that
a value is always inside one argument. With ``use_shell`` a value never becomes shell text at all: each place turns into
``"${STORAX_PARAM_name}"`` and the value travels in the environment. Only a template that itself evaluates a parameter
(``eval``, another ``sh -c``) could make code of it, and that is its author's word, not the submitter's.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from storax._jobs.parameters import PLACEHOLDER

VARIABLE = "STORAX_PARAM_"
# Programs that run an argument as code, after an option such as -c, -lc or -e.
INTERPRETER = re.compile(
    r"(?:|.*/)(?:(?:ba|da|k|z|c|tc|fi|a)?sh|python[\d.]*|perl|ruby|node|awk|gawk|mawk|lua|Rscript)"
)
CODE_OPTION = re.compile(r"-[A-Za-z]*[ceE]|--eval|--command")
QUOTED = re.compile(r"'[^']*'" r"|\\." r'|"(?:\\.|[^"\\])*"', re.DOTALL)
EXPANDED = re.compile(r"\$[A-Za-z_{(]\w*|`")
# Whole words that only a shell understands: pipes, lists, redirections, the home folder.
SHELL_WORD = re.compile(
    r"\|&?|&|\S*(?:&&|\|\|)\S*|\S*;|\d*(?:>>?|<<?)(?:&?\d+|&)?|&>>?\S*|\d*>>?[^>=]\S*|<[^<>=]+|~(?:/\S*)?"
)
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=\S*")


class CommandError(ValueError):
    """The template or a parameter cannot become a command; the message says which and why."""


@dataclass(frozen=True)
class Command:
    """A checked template: ``arguments`` holds, for each argument, text and place names in turn, text first."""

    arguments: tuple[tuple[str, ...], ...]
    names: tuple[str, ...]
    use_shell: bool

    def fill(self, values: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        """The argument list, and the environment that carries the values of a shell command."""
        if self.use_shell:
            return [argument[0] for argument in self.arguments], {VARIABLE + name: values[name] for name in self.names}
        return [_filled(argument, values) for argument in self.arguments], {}


def parse(template: str, *, use_shell: bool = False) -> Command:
    """Check a template.

    Raises:
        CommandError: it is empty, has an unclosed quote, a place that is more than a name, or (with a shell) a place
            where the shell would not keep the value whole.
    """
    text = PLACEHOLDER.sub(r"{{\1}}", template)
    bare = PLACEHOLDER.sub("", text)
    if "{{" in bare or "{%" in bare:
        raise CommandError(f"command template {template[:120]!r}: only plain {{{{ name }}}} places are allowed")
    if "\0" in text or (not bare.strip() and not PLACEHOLDER.search(text)):
        raise CommandError(f"command template {template[:120]!r} is empty or holds a NUL")
    names = tuple(dict.fromkeys(PLACEHOLDER.findall(text)))
    if use_shell:
        return Command((("/bin/sh",), ("-c",), (_shell_text(text),)), names, use_shell=True)
    try:
        argv = shlex.split(text)
    except ValueError as error:
        raise CommandError(f"command template {template[:120]!r}: {error}; close the quote") from error
    _refuse_code(argv)
    return Command(tuple(tuple(PLACEHOLDER.split(word)) for word in argv), names, use_shell=False)


def _refuse_code(argv: list[str]) -> None:
    """A value inside the code that an interpreter runs would be code itself."""
    for place, word in enumerate(argv[2:], start=2):
        runs_code = CODE_OPTION.fullmatch(argv[place - 1]) and any(map(INTERPRETER.fullmatch, argv[: place - 1]))
        if runs_code and (place_match := PLACEHOLDER.search(word)):
            name = place_match.group(1)
            raise CommandError(
                f"command template: place {{{{ {name} }}}} stands inside code for {argv[0]}; hand it over"
                f" as an argument behind the code, as in: sh -c 'echo \"$1\"' sh {{{{ {name} }}}}"
            )


def check(template: str, *, use_shell: bool) -> None:
    """Check the template of a definition: parse it, and refuse what would run otherwise than it reads.

    Raises:
        CommandError: as ``parse``; a quote of a shell command is not closed; or a word needs a shell.
    """
    parse(template, use_shell=use_shell)
    if not use_shell:
        _refuse_shell_words(template)
    elif "<<" not in template and (quote := _surrounding(template, len(template))):
        raise CommandError(f"command template {template[:120]!r} ends {quote}; close the quote")


def _refuse_shell_words(template: str) -> None:
    bare = QUOTED.sub(_expansions, PLACEHOLDER.sub("_", template))
    parts = bare.split()
    wrong = [word for word in parts if SHELL_WORD.fullmatch(word)] + EXPANDED.findall(bare)
    if len(parts) > 1 and ASSIGNMENT.fullmatch(parts[0]):
        wrong.append(parts[0])
    if wrong:
        raise CommandError(
            f"command template: without a shell {wrong[0]!r} is plain text; set use_shell = True, or write it"
            " in single quotes if it is meant so"
        )


def _expansions(quoted: re.Match[str]) -> str:
    """What a shell would still expand inside quotes."""
    text = quoted.group()
    return "_" + "".join(EXPANDED.findall(re.sub(r"\\.", "", text, flags=re.DOTALL))) if text[0] == '"' else "_"


def _filled(argument: tuple[str, ...], values: Mapping[str, str]) -> str:
    if len(argument) == 1:
        return argument[0]
    return "".join(values[part] if place % 2 else part for place, part in enumerate(argument))


def _shell_text(text: str) -> str:
    """Each place as a quoted variable, once it is sure that no quote of the template surrounds it."""
    for match in PLACEHOLDER.finditer(text):
        around = _surrounding(text, match.start())
        if around:
            name = match.group(1)
            raise CommandError(
                f"command template: place {{{{ {name} }}}} stands {around}; write it outside: it comes quoted"
            )
    return PLACEHOLDER.sub(rf'"${{{VARIABLE}\1}}"', text)


def _surrounding(text: str, end: int) -> str:
    """What a POSIX shell would see around position ``end``; empty when nothing."""
    quote, place = "", 0
    while place < end:
        char = text[place]
        if char == "\\" and quote != "'":
            if place + 1 == end:
                return "behind a backslash"
            place += 1
        elif char in "'\"":
            quote = "" if quote == char else quote or char
        elif char == "#" and not quote and (place == 0 or text[place - 1] in " \t\n;&|("):
            place = _line_end(text, place, end)
        place += 1
    if quote:
        return f"inside {quote} quotes"
    before = text[:end]
    return "inside (( arithmetic ))" if before.count("((") > before.count("))") else ""


def _line_end(text: str, place: int, end: int) -> int:
    newline = text.find("\n", place)
    return end if newline < 0 else newline
