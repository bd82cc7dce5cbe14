"""What a pipeline was fitted with, out of the JSON that the engine keeps: the one place where names become classes."""

from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields
from typing import Any

from storax import feature_learning, loss_functions, predictors, preprocessors
from storax._engine.declaration import Declaration
from storax.data.model import DataModel, Join, Placeholder

_PARTS = ("preprocessors", "feature_learners", "feature_selectors", "predictors")
_HOMES = (preprocessors, feature_learning, predictors, loss_functions)
_CLASSES: dict[str, type[Declaration]] = {
    part_class.__name__: part_class
    for home in _HOMES
    for part_class in (getattr(home, name) for name in home.__all__)
    if isinstance(part_class, type) and issubclass(part_class, Declaration)
}


def hyperparameters(params: Mapping[str, Any]) -> dict[str, Any]:
    """All attributes of a pipeline that ``fit`` sends, by name. Sent again, they are the same JSON."""
    return {
        "data_model": _model(params["data_model"], params.get("roles") or {}, stated_roles(params)),
        **{word: [part(one) for one in params.get(word) or ()] for word in _PARTS},
        "loss_function": part(params.get("loss_function")),
        "include_categorical": bool(params.get("include_categorical", False)),
        "share_selected_features": params.get("share_selected_features", 0.5),
    }


def stated_roles(params: Mapping[str, Any]) -> dict[str, Any]:
    """Roles by table that the placeholders stated; those of the other tables are what the data frames have."""
    roles = params.get("roles") or {}
    return {name: columns for name, columns in roles.items() if name in params.get("stated", roles)}


def part(spec: Any) -> Any:
    """A learner, predictor, preprocessor or loss function; JSON that is of no class of this version stays JSON."""
    kind = _CLASSES.get(str(spec.get("kind"))) if isinstance(spec, Mapping) else None
    if kind is None:
        return dict(spec) if isinstance(spec, Mapping) else spec
    parameters = {key: value for key, value in spec.items() if key != "kind"}
    needed = {f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING}
    known = {f.name for f in fields(kind)}
    if not needed <= set(parameters) <= known:
        return dict(spec)
    return kind(**{name: _value(name, parameters.get(name)) for name in known})  # one that was None was not sent


def _value(name: str, value: Any) -> Any:
    if name == "loss_function" and isinstance(value, str):
        return part({"kind": value})
    return tuple(value) if isinstance(value, list) else value


def _model(spec: Mapping[str, Any], roles: Mapping[str, Any], stated: Collection[str]) -> DataModel:
    model = DataModel(_placeholder(spec, roles, stated))
    below = list(model.population.joins)
    while below:
        right = below.pop(0).right
        if right.name != model.population.name:
            model.peripheral.setdefault(right.name, right)
        below += right.joins
    return model


def _placeholder(spec: Mapping[str, Any], roles: Mapping[str, Any], stated: Collection[str]) -> Placeholder:
    placeholder = Placeholder(spec["table"], roles.get(spec["table"]))
    placeholder.stated = spec["table"] in stated  # the other roles are those of the last fit
    for join in spec["joins"]:
        more = {key: value for key, value in join.items() if key not in ("right", "on", "time_stamps")}
        stamps = tuple(join["time_stamps"]) if join["time_stamps"] else None
        on = tuple((left, right) for left, right in join["on"])
        placeholder.joins.append(Join(_placeholder(join["right"], roles, stated), on, stamps, **more))
    return placeholder
