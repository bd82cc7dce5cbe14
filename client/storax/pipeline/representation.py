"""How a pipeline looks: what it is made of, and how well it last did. Nothing is asked of the engine for it."""

from typing import Any

from storax._engine.declaration import declared
from storax._orm import notebook
from storax.pipeline.state import PipelineState, listed


def text(pipe: PipelineState) -> str:
    """On one line."""
    attributes = {
        "name": pipe.name, "id": pipe.id, "edition": pipe.edition, "tags": pipe.tags,
        "feature_learners": kinds(pipe.feature_learners), "predictors": kinds(pipe.predictors),
    }  # fmt: skip
    return f"Pipeline({', '.join(f'{key}={value!r}' for key, value in attributes.items())})"


def html(pipe: PipelineState) -> str:
    """For a notebook: escaped, no scripts; the data model below."""
    parts = {
        word: ", ".join(kinds(getattr(pipe, word)))
        for word in ("preprocessors", "feature_learners", "feature_selectors", "predictors")
    }
    known = {"targets": ", ".join(pipe.targets), "latest score": latest(pipe)} if pipe.fitted else {}
    rows = {"name": pipe.name, "id": pipe.id, "edition": pipe.edition, "tags": ", ".join(pipe.tags), **parts, **known}
    model = pipe.data_model._repr_html_() if pipe.data_model is not None else ""
    return notebook.card("Pipeline", {key: value for key, value in rows.items() if value != ""}) + model


def kinds(parts: Any) -> list[str]:
    """What the parts are called."""
    return [str(declared(part)["kind"]) for part in listed(parts)]


def latest(pipe: PipelineState) -> str:
    """Return the numbers of the latest score as text."""
    scores = pipe.scores[-1] if pipe.scores else {}
    return ", ".join(f"{key} {value:.4g}" for key, value in scores.items() if isinstance(value, float))
