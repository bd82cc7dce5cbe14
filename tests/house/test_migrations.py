"""A migration leaves the schema usable by the release before: it adds, and takes nothing away in the same step."""

import ast
import re
from pathlib import Path

import pytest

from house.repository import ROOT

VERSIONS = sorted((ROOT / "alembic" / "versions").glob("*.py"))
# Migrations that take away or tighten what no supported release uses any more, by revision, with the reason.
CONTRACTING = {"0008": "a field of the Job that was one of the App until then; before the first release"}
CALLS = {
    "drop_column": "drops a column",
    "drop_table": "drops a table",
    "rename_table": "renames a table",
    "create_check_constraint": "adds a constraint",
    "create_foreign_key": "adds a constraint",
    "create_unique_constraint": "adds a constraint",
    "create_exclude_constraint": "adds a constraint",
}
TIGHTER = {
    "new_column_name": "renames a column",
    "type_": "changes the type of a column",
    "server_default": "changes a default",
}
STATEMENTS = {
    r"\bDROP\s+(TABLE|COLUMN|SCHEMA|TYPE)\b": "drops it",
    r"\bALTER\s+TABLE\b[^;]*\bDROP\s+(?!CONSTRAINT\b|NOT\b|DEFAULT\b|EXPRESSION\b)": "drops a column",
    r"\bALTER\s+(TABLE|COLUMN|FUNCTION|SEQUENCE)\b[^;]*\bRENAME\b": "renames it",
    r"\bSET\s+NOT\s+NULL\b": "refuses null",
    r"\bALTER\s+TABLE\b[^;]*\bALTER\b[^;]*\bTYPE\b": "changes the type of a column",
    r"\bALTER\s+TABLE\b[^;]*\bADD\s+(CONSTRAINT|CHECK|UNIQUE|PRIMARY|FOREIGN|EXCLUDE)\b": "adds a constraint",
    r"\bALTER\s+TABLE\b[^;]*\bADD\s+(?!CONSTRAINT\b)[^;,]*\bNOT\s+NULL\b(?![^;,]*\bDEFAULT\b)": "adds a column that needs a value",
    r"\bCREATE\s+UNIQUE\s+INDEX\b": "adds a unique index",
}


def objections(source: str) -> list[str]:
    """Return what a migration's ``upgrade`` does that code of the release before cannot bear."""
    new_tables: set[str] = set()
    out = []
    module = ast.parse(source)
    calls = [
        node
        for part in module.body
        if not (isinstance(part, ast.FunctionDef) and part.name == "downgrade")
        for node in ast.walk(part)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    for call in sorted(calls, key=lambda node: node.lineno):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if name == "create_table":
            new_tables.add(ast.unparse(call.args[0]))
        out += [f"line {call.lineno} {what}" for what in _objections_to(name, call, new_tables)]
    return out


def _objections_to(name: str, call: ast.Call, new_tables: set[str]) -> list[str]:
    options = {option.arg: option.value for option in call.keywords}
    table = ast.unparse(call.args[1]) if name == "create_index" and len(call.args) > 1 else ""
    if name in CALLS:
        return [CALLS[name]]
    if name == "create_index" and _is(options.get("unique"), True) and table not in new_tables:
        return ["adds a unique index"]
    if name == "alter_column":
        tighter = [what for option, what in TIGHTER.items() if option in options]
        return tighter + (["refuses null"] if _is(options.get("nullable"), False) else [])
    if name == "add_column":
        return [
            "adds a column that needs a value"
            for column in ast.walk(call)
            if isinstance(column, ast.Call) and ast.unparse(column.func).endswith("Column")
            if any(o.arg == "nullable" and _is(o.value, False) for o in column.keywords)
            if not any(o.arg == "server_default" for o in column.keywords)
        ]
    if name == "execute" and call.args:
        sql = _text(call.args[0])
        return [what for pattern, what in STATEMENTS.items() if re.search(pattern, sql, re.IGNORECASE)]
    return []


def _is(node: ast.expr | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _text(node: ast.expr) -> str:
    """Return the constant parts of the SQL, with a name in place of each value that is put in."""
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "x" for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else ast.unparse(node)


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_the_release_before_works_on_what_a_migration_leaves(path: Path) -> None:
    if path.stem.partition("_")[0] in CONTRACTING:
        assert objections(path.read_text()), "it takes nothing away: remove it from CONTRACTING"
        return
    assert objections(path.read_text()) == [], (
        "add what is new in this release, and take the old away in the next, which lists its revision in CONTRACTING"
    )


@pytest.mark.parametrize(
    ("line", "objection"),
    [
        ('op.drop_column("job", "workdir")', "drops a column"),
        ('op.drop_table("job")', "drops a table"),
        ('op.rename_table("job", "task")', "renames a table"),
        ('op.alter_column("job", "workdir", new_column_name="folder")', "renames a column"),
        ('op.alter_column("job", "workdir", nullable=False)', "refuses null"),
        ('op.alter_column("job", "workdir", type_=sa.Integer())', "changes the type of a column"),
        ('op.alter_column("job", "workdir", server_default=None)', "changes a default"),
        ('op.add_column("job", sa.Column("x", sa.Text(), nullable=False))', "adds a column that needs a value"),
        ('op.create_check_constraint("c", "job", "id > 0")', "adds a constraint"),
        ('op.create_index("i", "job", ["workdir"], unique=True)', "adds a unique index"),
        ('op.execute("ALTER TABLE job DROP workdir")', "drops a column"),
        ('op.execute(f"ALTER TABLE {table} DROP COLUMN workdir")', "drops it"),
        ('op.execute("ALTER TABLE job RENAME workdir TO folder")', "renames it"),
        ('op.execute("ALTER TABLE job ALTER workdir SET NOT NULL")', "refuses null"),
        ('op.execute("ALTER TABLE job ALTER COLUMN id TYPE int")', "changes the type of a column"),
        ('op.execute("ALTER TABLE job ADD x text NOT NULL")', "adds a column that needs a value"),
        ('op.execute("ALTER TABLE job ADD CONSTRAINT c CHECK (id > 0)")', "adds a constraint"),
        ('op.execute("create unique index i on job (workdir)")', "adds a unique index"),
    ],
)
def test_what_takes_away_or_tightens_in_one_step_is_refused(line: str, objection: str) -> None:
    assert f"line 2 {objection}" in objections(f"def upgrade():\n    {line}\n")


@pytest.mark.parametrize(
    "line",
    [
        'op.add_column("job", sa.Column("x", sa.Text(), nullable=True))',
        'op.add_column("job", sa.Column("x", sa.Text(), server_default="", nullable=False))',
        'op.create_table("new", sa.Column("x", sa.Text(), nullable=False))',
        'op.create_index("i", "job", ["workdir"])',
        'op.execute("ALTER TABLE job ALTER workdir DROP NOT NULL")',
        "op.execute(\"ALTER TABLE job ADD x text NOT NULL DEFAULT ''\")",
        'op.execute("DROP INDEX i")',
    ],
)
def test_what_adds_passes(line: str) -> None:
    assert objections(f"def upgrade():\n    {line}\n\n\ndef downgrade():\n    op.drop_column('job', 'x')\n") == []


def test_a_unique_index_of_a_new_table_passes() -> None:
    lines = 'op.create_table("new")\n    op.create_index("i", "new", ["x"], unique=True)'
    assert objections(f"def upgrade():\n    {lines}\n") == []
