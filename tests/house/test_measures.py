"""The code keeps its measures: cycles, layers, lengths, folders, one way to append, plain names."""

import ast
from pathlib import Path

import pytest

from tools.house import allowed, append_path, imports, names, sizes
from tools.house.__main__ import all_checks, main, report
from tools.house.check import Check, Excess
from tools.house.sources import ROOT, Source, hand_written

BODY = "    x = 1\n"


@pytest.fixture(scope="module")
def sources():
    return hand_written()


@pytest.fixture(scope="module")
def checks(sources):
    return all_checks(sources)


def excesses(checks: list[Check]) -> dict[str, list[tuple[str, int]]]:
    """What exceeds a limit, by the title of the check."""
    return {check.title: [(e.name, e.count) for e in check.excesses] for check in checks if check.excesses}


class TestThisRepository:
    def test_exceeds_no_measure_beyond_what_is_allowed(self, checks, sources):
        limits = allowed.load()
        broken = {check.title: excess for check in checks if (excess := allowed.beyond(check, limits))}
        places = [
            use.place for use in names.uses(sources) if use.folder in {e.name for e in broken.get(names.TITLE, ())}
        ]
        assert not broken, "\n".join([*report(checks, limits), *places])

    def test_allows_nothing_without_need(self, checks):
        assert allowed.stale(checks, allowed.load()) == [], "remove it from tools/house/allowed.toml"

    def test_names_a_large_class_only_while_it_is_large(self, sources):
        nodes = [node for source in sources for node in source.nodes if isinstance(node, ast.ClassDef)]
        large = {node.name for node in nodes if sizes.methods(node) > sizes.MAX_METHODS}
        assert sizes.LARGE_CLASSES.keys() - large == set(), "remove it from LARGE_CLASSES"

    def test_fails_the_command_where_a_measure_is_broken(self, tmp_path, capsys):
        entries = tmp_path / "allowed.toml"
        entries.write_text('["import cycles"]\n"storax_core.lifecycle" = 2\n')
        assert main(["--allowed", str(entries)]) == 1
        assert "nothing needs: remove it (import cycles: storax_core.lifecycle)" in capsys.readouterr().out


class TestCycles:
    @pytest.fixture
    def package(self, tmp_path, request) -> Path:
        """A package of two modules; the first imports the second, and the test writes the second."""
        name = f"circle_{request.node.name.split('[')[1].rstrip(']')}"
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
        (tmp_path / name / "first.py").write_text(f"import {name}.second\n")
        return tmp_path / name

    @pytest.mark.parametrize(("text", "closed"), [
        pytest.param("import {0}.first\n", True, id="plain"),
        pytest.param("def late():\n    from {0} import first\n", True, id="in_a_function"),
        pytest.param("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import {0}.first\n", True, id="typing"),
        pytest.param("import json\n", False, id="none"),
    ])  # fmt: skip
    def test_an_import_anywhere_closes_a_cycle(self, package, text, closed):
        (package / "second.py").write_text(text.format(package.name))
        groups = imports.cycles({package.name: package.parent})
        assert groups == ([[f"{package.name}.first", f"{package.name}.second"]] if closed else [])


@pytest.mark.parametrize("missing", imports.LAYERED)
def test_a_package_without_a_complete_contract_of_layers_is_named(missing):
    complete = [{"type": "layers", "containers": [p], "exhaustive": True} for p in imports.LAYERED if p != missing]
    assert imports.without_layers([*complete, {"type": "layers", "containers": [missing]}]) == [Excess(missing, 1)]
    assert imports.without_layers([*complete, {"type": "layers", "containers": [missing], "exhaustive": True}]) == []


class TestSizes:
    def test_a_long_function_counts_without_its_docstring(self):
        text = "def f():\n" + '    """One.\n\n    Two.\n    """\n' + BODY * (sizes.MAX_FUNCTION - 1)
        assert excesses(sizes.checks([Source("core/a.py", text), *short()])) == {}
        longer = excesses(sizes.checks([Source("core/a.py", text + BODY), *short()]))
        assert longer == {"functions of more than 40 lines": [("core/a.py f", 41)]}

    def test_a_long_file_counts_in_packages_and_tests_by_their_own_limits(self):
        long = [Source(f"{folder}/a.py", "x = 1\n" * 601) for folder in ("core", "tools", "tests", "examples")]
        assert excesses(sizes.checks([*long, *short()])) == {
            "files of more than 300 lines": [("core/a.py", 601), ("tools/a.py", 601)],
            "test files of more than 600 lines": [("tests/a.py", 601)],
        }

    def test_a_large_class_counts_unless_its_reason_is_given(self):
        for name, excess in (("Large", [("core/a.py Large", 21)]), ("Query", None)):
            text = f"class {name}:\n" + "".join(f"    def m{i}(self): ...\n" for i in range(21))
            assert excesses(sizes.checks([Source("core/a.py", text)])).get("classes of more than 20 methods") == excess

    def test_a_wide_folder_counts_its_modules_alone(self):
        names = ["__init__", "__main__", *(f"m{i}" for i in range(sizes.MAX_MODULES))]
        folder = [Source(f"core/wide/{name}.py", "") for name in names]
        assert excesses(sizes.checks(folder)) == {}
        wider = excesses(sizes.checks([*folder, Source("core/wide/more.py", "")]))
        assert wider == {"folders of more than 15 modules": [("core/wide", 16)]}

    def test_functions_that_are_long_on_the_whole_count_by_median_and_percentile(self):
        middling = "def f():\n" + BODY * 29
        long = excesses(sizes.checks([Source("core/a.py", middling * 3)]))
        assert long == {"median and 95th percentile of function lengths": [("median", 30), ("95th percentile", 30)]}


def short() -> list[Source]:
    """So many short functions that a single long one is none of the longest twentieth."""
    return [Source("core/short.py", "def g():\n    pass\n" * 100)]


@pytest.mark.parametrize("statement", ["INSERT INTO event_log (a)", "insert  into\n event_log", "UPDATE event_log SET"])
@pytest.mark.parametrize("quotes", ['"""{}"""', 'f"""x {{y}} {}"""'])
def test_a_write_to_the_log_counts_outside_its_folder(statement, quotes):
    text = "y = 1\nsql = " + quotes.format(statement)
    assert excesses(append_path.checks([Source("core/storax_core/log/sql.py", text)])) == {}
    assert list(excesses(append_path.checks([Source("core/storax_core/commands/x.py", text)])).values()) == [
        [("core/storax_core/commands/x.py", 1)]
    ]
    assert excesses(append_path.checks([Source("core/a.py", "sql = 'SELECT * FROM event_log'")])) == {}


def test_a_copy_of_rows_into_a_table_counts_as_a_write_to_the_log():
    (check,) = append_path.checks([Source("core/a.py", "await conn.copy_records_to_table('event_log', records=rows)")])
    assert check.excesses == (Excess("core/a.py", 1, "line 1"),)


class TestWords:
    @pytest.mark.parametrize("text", [
        "def told(): ...", "async def told(): ...", "class Told: ...", "def f(told): ...", "def f(*, told=1): ...",
        "told = 1", "told: int = 1", "_told = 1", "self.told = 1", "for told in (): ...", "[told for told in ()]",
        "with x as told: ...", "import json as told", "if (told := 1): ...", "lambda told: 1",
    ])  # fmt: skip
    def test_a_private_word_counts_where_it_is_bound(self, text):
        assert excesses(names.checks([Source("core/a.py", text)])) == {names.TITLE: [("core", 1)]}

    @pytest.mark.parametrize("text", ["told()", "x = reply.told", "'told'", "f(told=1)", "untold = 1", "# told"])
    def test_a_use_or_a_part_of_a_name_does_not(self, text):
        assert excesses(names.checks([Source("core/a.py", text)])) == {}

    def test_a_word_of_the_language_counts_by_its_kind(self):
        text = "class Room: ...\nroom = 1\ndef room(): ...\ndef order(): ...\norder = 1\n"
        places = [use.place for use in names.uses([Source("core/a.py", text)])]
        assert places == ["core/a.py:1 Room", "core/a.py:4 order"]

    def test_a_term_of_an_interface_is_allowed_in_its_file_alone(self):
        (path, word), *_ = names.TERMS
        text = f"{word} = 1\ntold = 1\n"
        assert [use.word for use in names.uses([Source(path, text), Source("core/a.py", text)])] == [
            "told", word, "told"
        ]  # fmt: skip

    @pytest.mark.parametrize(("path", "word"), names.TERMS)
    def test_every_term_that_is_allowed_is_still_used(self, path, word):
        source = Source("elsewhere.py", (ROOT / path).read_text(encoding="utf-8"))
        assert word in {use.word for use in names.uses([source])}

    def test_the_name_of_a_module_counts(self):
        assert [use.place for use in names.uses([Source("core/orders.py", "")])] == ["core/orders.py:1 orders"]


class TestAllowed:
    CHECK = Check("long files", (Excess("a.py", 340), Excess("b.py", 320)))

    def test_what_grew_or_is_new_is_beyond(self):
        assert allowed.beyond(self.CHECK, {"long files": {"a.py": 340, "b.py": 320}}) == []
        assert allowed.beyond(self.CHECK, {"long files": {"a.py": 339}}) == list(self.CHECK.excesses)

    def test_an_entry_that_nothing_needs_is_named(self):
        entries = {"long files": {"a.py": 340, "gone.py": 310}, "no such check": {"x": 1}}
        assert allowed.stale([self.CHECK], entries) == ["long files: gone.py", "no such check: x"]

    def test_shrinking_lowers_and_removes_and_never_allows_more(self, tmp_path):
        entries = {"long files": {"a.py": 400, "b.py": 310, "gone.py": 310}}
        (tmp_path / "allowed.toml").write_text(allowed.shrink([self.CHECK], entries))
        assert allowed.load(tmp_path / "allowed.toml") == {"long files": {"a.py": 340, "b.py": 310}}
