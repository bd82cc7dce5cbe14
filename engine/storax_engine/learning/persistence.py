"""A trained pipeline as a folder: one JSON file, and each predictor in its library's own format. Nothing is pickled."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from storax_engine.learning import plan
from storax_engine.learning.errors import BadData
from storax_engine.learning.features import feature
from storax_engine.learning.plan import Plan
from storax_engine.learning.predictors import registry
from storax_engine.learning.predictors.base import Predictor
from storax_engine.learning.preparation import Preparation
from storax_engine.learning.state import State

FILE = "learned.json"


def write(folder: Path | str, read: Plan, preparation: Preparation, state: State) -> None:
    """Write a trained pipeline into a folder, which is made if it is not there."""
    home = Path(folder)
    home.mkdir(parents=True, exist_ok=True)
    for target, models in state.models.items():
        for i, (_, model) in enumerate(models):
            place = _place(home, read.targets.index(target), i)
            place.mkdir(parents=True, exist_ok=True)
            model.save(place)
    schemas = {name: schema.serialize().to_pybytes().hex() for name, schema in state.schemas.items()}
    text = {
        "version": feature.version(state.features),
        "spec": read.spec,
        "preparation": preparation.states,
        "features": [f.to_json() for f in state.features],
        "correlations": [[None if np.isnan(v) else v for v in row] for row in state.correlations.tolist()],
        "vocabularies": state.vocabularies,
        "schemas": schemas,
        "kinds": state.kinds,
        "warnings": state.warnings,
        "models": {target: [kind for kind, _ in models] for target, models in state.models.items()},
    }
    (home / FILE).write_text(json.dumps(text, indent=1))


def read(folder: Path | str) -> tuple[Plan, Preparation, State]:
    """Read the trained pipeline that ``write`` wrote.

    Raises ``BadData`` where the folder holds no pipeline, or one of a newer version.
    """
    home = Path(folder)
    try:
        text = json.loads((home / FILE).read_text())
    except (OSError, ValueError) as error:
        raise BadData(f"{home} holds no trained pipeline: {error}") from error
    if (version := text.get("version")) not in feature.VERSIONS:
        raise BadData(f"{home} was written by another version of the engine ({version}, not {feature.VERSIONS[-1]})")
    parsed = plan.read(text["spec"], is_saved=True)
    state = State(
        features=[feature.from_json(f) for f in text["features"]],
        correlations=_matrix(text["correlations"], len(parsed.targets)),
        vocabularies=text["vocabularies"],
        schemas={name: pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(s))) for name, s in text["schemas"].items()},
        kinds=text["kinds"],
        warnings=text.get("warnings", []),
        models={t: _models(home, parsed.targets.index(t), kinds) for t, kinds in text["models"].items()},
    )
    return parsed, Preparation(parsed, text["preparation"]), state


def _models(home: Path, target: int, kinds: list[str]) -> list[tuple[str, Predictor]]:
    return [(kind, registry.load(kind, _place(home, target, i))) for i, kind in enumerate(kinds)]


def _place(home: Path, target: int, i: int) -> Path:
    return home / f"target-{target}" / f"predictor-{i}"


def _matrix(rows: list[list[Any]], width: int) -> Any:
    filled = [[np.nan if v is None else v for v in row] for row in rows]
    return np.array(filled, np.float64).reshape(len(rows), width)
