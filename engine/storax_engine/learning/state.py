"""What a fit has learned, apart from the preprocessors."""

from dataclasses import dataclass, field

import pyarrow as pa

from storax_engine.learning.features.feature import Feature
from storax_engine.learning.predictors.base import Predictor
from storax_engine.learning.tables.columns import Floats


@dataclass
class State:
    """What was learned. ``correlations[i, t]``: of feature i with target t. Models are (kind, model) by target.

    ``kinds`` are those of each placeholder's columns as preprocessed and joined. ``warnings`` are sentences about
    joins that find nothing, or compare what differs.
    """

    features: list[Feature]
    correlations: Floats
    vocabularies: dict[str, list[str]] = field(default_factory=dict)
    schemas: dict[str, pa.Schema] = field(default_factory=dict)
    kinds: dict[str, dict[str, str]] = field(default_factory=dict)
    models: dict[str, list[tuple[str, Predictor]]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
