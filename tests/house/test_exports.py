"""The names that scripts import: all there, all documented, the same from ``storax`` and from ``storax.api``."""

import inspect

import pytest

import storax
from house.repository import text_of
from storax import api, errors

# Names of the package alone: errors, its version, handles of what lives in the engine, modules.
OWN = {"StoraxError", "StoraxWarning", "__version__", "DataFrame", "Pipeline", "set_project", *storax._MODULES}


def test_storax_and_storax_api_name_the_same_things():
    assert set(storax.__all__) - OWN == set(api.__all__)
    assert all(getattr(storax, n) is getattr(api, n) for n in api.__all__)


def test_the_names_of_the_contract_are_among_them():
    assert {"Site", "App", "Job", "BatchJob", "TransferItem", "EventLog", "Session"} <= set(api.__all__)
    assert api.ApplicationDefinition is api.App


def test_names_are_sorted_and_dir_shows_only_them():
    assert storax.__all__ == sorted(storax.__all__, key=lambda n: (not n.isupper(), not n[0].isupper(), n))
    assert dir(storax) == sorted(storax.__all__)


@pytest.mark.parametrize("name", storax.__all__)
def test_a_name_is_documented(name):
    thing = getattr(storax, name)
    if inspect.isclass(thing) or inspect.isfunction(thing) or inspect.ismodule(thing):
        assert len(inspect.getdoc(thing) or "") > 20, f"{name} has no docstring"
    assert f"`{name}`" in text_of("docs/python-api.md"), f"{name} is missing in docs/python-api.md"


@pytest.mark.parametrize("name", [n for n, t in vars(api).items() if inspect.isclass(t) and n in api.__all__])
def test_every_public_method_of_a_class_is_documented(name):
    kind = getattr(api, name)
    mute = [
        method
        for method, thing in inspect.getmembers(kind)
        if not method.startswith("_") and inspect.isfunction(thing) and not inspect.getdoc(thing)
    ]
    assert mute == []


def test_every_error_says_what_it_is_and_stands_in_one_tree():
    kinds = [
        t for n, t in vars(errors).items() if inspect.isclass(t) and issubclass(t, Exception) and not n.startswith("_")
    ]
    for kind in kinds:
        assert kind.__doc__, kind
        assert issubclass(kind, (errors.StoraxError, errors.StoraxWarning)), kind
        assert kind.__name__ in (errors.__doc__ or "") or issubclass(kind, Warning), f"{kind} is not drawn in the tree"
