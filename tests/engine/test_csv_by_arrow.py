"""The reader of large CSV files gives the values that DuckDB's gives, or leaves the file to it."""

import random

import pytest

from storax_engine.command_progress import Work
from storax_engine.frames import readers
from storax_engine.frames.columns import Database
from storax_engine.frames.readers import CsvFormat

CELLS = ["", "a", "b c", " padded ", '"quoted, once"', '"two\nlines"', '"say ""so"""', "é", "NA", "null", "nan", '""']
NUMBERS = ["", "0", "-7", " 12", "12 ", "1.5", "-0.25", "1e3", "123456789012345678901", "nan", "inf", "0x1F", "word"]
TIMES = ["", "2013-01-01 05:17:00", "2013-01-01T05:17:00", "2013-01-01 05:17:00.25", "2013-01-01", "01/02/2013", "noon"]
WHOLE = ["", "1", "-20", "300"]


@pytest.fixture(autouse=True)
def every_file_is_large(monkeypatch):
    monkeypatch.setattr("storax_engine.frames.csv_by_arrow.LARGE", 0)


def both(path, **form):
    csv_format = CsvFormat(**form)
    detected = readers._header(str(path), csv_format)[0]
    wanted = sorted(form.get("wanted", ()))
    fast = readers._read_large(str(path), detected, wanted, Database(), Work())
    return fast, lambda: readers.table_of(readers._read(str(path), detected, wanted, Database(), Work(), sample=-1))


@pytest.mark.parametrize("seed", range(25))
def test_what_it_reads_is_what_duckdb_reads(tmp_path, seed):
    print("seed", seed)
    draw = random.Random(seed)
    odd = draw.random() < 0.5
    columns = [
        draw.sample(CELLS, draw.randint(1, len(CELLS))),
        draw.sample(NUMBERS, draw.randint(1, len(NUMBERS))) if odd else ["", "1.5", "-2", "1e-3"],
        draw.sample(TIMES, draw.randint(1, len(TIMES))) if odd else TIMES[1:2],
        WHOLE,
    ]
    lines = [",".join(draw.choice(values) for values in columns) for _ in range(200)]
    path = tmp_path / "x.csv"
    path.write_text("\n".join(["w,n,t,i", *lines]) + draw.choice(["", "\n"]), encoding="utf-8")
    fast, plain = both(path)
    assert odd or "\n" in "".join(columns[0]) or fast is not None
    if fast is not None:
        assert readers.table_of(fast).to_pylist() == plain().to_pylist()


def test_chosen_columns_other_separators_and_lines_above_the_header(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("made by hand\nk;v;w\n1;'a;b';\n2;'c''d';x\n", encoding="utf-8")
    fast, plain = both(path, sep=";", quote="'", skip=1, wanted=frozenset({"v", "k"}))
    assert fast is not None
    assert readers.table_of(fast).to_pylist() == plain().to_pylist() == [{"k": 1, "v": "a;b"}, {"k": 2, "v": "c'd"}]


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2\n3\n",
        "a,b\n1,2\n3,4,5\n",
        "a,b\n1,true\n2,false\n",
        "a\n1\n\n2\n",
        "a,b\n1,2\n\xff,3\n",
        'a,b\n1,"x\n2,y\n',
        'a,b\n1,"x',
        'a,b\n1,"x\n2,y\n3,"z\n',
    ],
    ids=["short", "long", "truths", "one column", "no UTF-8", "open quote", "open quote at the end", "two open quotes"],
)
def test_what_is_not_plain_is_left_to_duckdb(tmp_path, text):
    path = tmp_path / "x.csv"
    path.write_bytes(text.encode("latin-1"))
    form, header = readers._header(str(path), CsvFormat())
    types = dict.fromkeys(header, "BOOLEAN" if "true" in text else "VARCHAR")
    assert (
        readers.csv_by_arrow.read(str(path), types, header, Work(), sep=form.sep, quote=form.quote, skip=form.skip)
        is None
    )


def test_a_text_after_many_numbers_is_read_as_texts_all_of_them(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("k,v\n" + "".join(f"{i},{i}\n" for i in range(30_000)) + "30000,last\n", encoding="utf-8")
    table = readers.read_csv([str(path)], CsvFormat(), Database(), Work())
    assert table.column("v")[0].as_py() == "0"
    assert table.column("v")[30_000].as_py() == "last"
