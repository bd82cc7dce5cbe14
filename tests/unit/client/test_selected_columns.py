"""A selection of columns keeps the important ones, by whatever name the engine shows what it made of them."""

import pytest

from storax.data.container import Container, StarSchema
from storax.data.model import Placeholder
from storax.pipeline.columns import Columns


class Frame:
    """Stands for a data frame: its roles, and which columns it was left with."""

    def __init__(self, name, **roles):
        self.name, self.roles = name, roles

    def refresh(self):
        """It is the only handle of its roles."""

    def drop(self, names):
        kept = {role: [name for name in columns if name not in names] for role, columns in self.roles.items()}
        return Frame(self.name, **kept)


def columns(tables, **importances):
    rows = [
        {"table": table, "name": name, "target": "y", "importance": importance}
        for table, by_name in importances.items()
        for name, importance in by_name.items()
    ]
    return Columns(rows, tables)


def loans():
    return Frame("loans", numerical=["net__price", "net", "age"], join_key=["k"], time_stamp=["t"], target=["y"])


def district():
    return Frame("district", numerical=["income", "size"], categorical=["region"], join_key=["k"])


TABLES = {"population": "population", "district": "district"}
BROUGHT_IN = {"net__price": 0.1, "net": 0.0, "age": 0.0, "district__income": 0.4, "district__region__mean_y": 0.3}


def test_a_column_that_a_join_brought_in_counts_for_its_table():
    schema = StarSchema(loans())
    schema.join(district(), on="k", relationship="many_to_one")
    chosen = columns(TABLES, population=BROUGHT_IN).select(schema, 0.6)
    assert chosen.data_model.district.roles.to_mapping() == {
        "categorical": ["region"],
        "join_key": ["k"],
        "numerical": ["income"],
    }
    assert chosen.data_model.population.roles.numerical == ("net__price",)


def test_the_roles_of_a_selection_are_those_that_the_frames_have_at_that_moment():
    schema, frame = StarSchema(loans()), district()
    schema.join(frame, on="k", relationship="many_to_one")
    frame.roles = {"numerical": ["income"], "categorical": [], "join_key": ["k"], "unused_float": ["size"]}
    chosen = columns(TABLES, population=BROUGHT_IN).select(schema, 1.0)
    assert chosen.data_model.district.roles.to_mapping() == {
        "join_key": ["k"],
        "numerical": ["income"],
        "unused_float": ["size"],
    }


def test_frames_of_a_container_keep_it_too():
    container = Container(loans(), {"district": district()})
    chosen = columns(TABLES, population=BROUGHT_IN).select(container, 0.4)
    assert chosen.peripheral["district"].roles == {
        "numerical": ["income"],
        "categorical": ["region"],
        "join_key": ["k"],
    }
    assert chosen.population.roles["numerical"] == []


@pytest.mark.parametrize(
    ("shown", "kept"),
    [("net__price", "net__price"), ("net__price__missing", "net__price"), ("net__missing", "net")],
)
def test_a_name_with_two_underscores_is_the_column_of_that_name(shown, kept):
    chosen = columns({"population": "population"}, population={shown: 0.9, "age": 0.1}).select(Container(loans()), 0.5)
    assert chosen.population.roles["numerical"] == [kept]


def test_what_cannot_be_selected_takes_no_place_in_the_ranking():
    importances = columns(
        TABLES, population={"t__month": 0.3, "net": 0.1, "age": 0.05}, district={"*": 0.4, "k": 0.1, "size": 0.02}
    )
    chosen = importances.select(Container(loans(), {"district": district()}), 0.34)
    assert chosen.population.roles["numerical"] == ["net"]
    assert chosen.peripheral["district"].roles["numerical"] == []


def test_features_below_a_joined_table_count_for_the_table_that_they_are_made_of():
    tables = {"population": "population", "accounts": "accounts", "moves_2": "moves"}
    schema = StarSchema(loans())
    schema.join(Frame("accounts", join_key=["k"]), on="k")
    moves = Placeholder("moves", {"numerical": ["amount", "fee"], "join_key": ["k"]})
    schema.data_model.add(moves)
    schema.data_model.accounts.join(moves, on="k")
    schema.add(moves=Frame("moves", numerical=["amount", "fee"], join_key=["k"]))
    chosen = columns(tables, accounts={"moves_2__amount__avg": 0.5, "moves_2__count": 0.5}).select(schema, 1.0)
    assert chosen.data_model.moves.roles.numerical == ("amount",)
