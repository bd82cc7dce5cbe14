"""Subroles: which parts of a pipeline may use a column. A column may have none, one or several.

``df.set_subroles("emails", subroles.only.email)``, ``df.set_subroles("plan", subroles.exclude.mapping)``
"""


class exclude:  # noqa: N801  the name that scripts know
    """A column is left out by one part of a pipeline; all others may use it.

    ``predictors`` leaves out the population's own column, for feature selectors too. ``multirel``, ``relboost`` and
    ``relmt`` are refused: these learners are not offered.
    """

    category_trimmer = "exclude category trimmer"
    fastprop = "exclude fastprop"
    feature_learners = "exclude feature learners"
    imputation = "exclude imputation"
    mapping = "exclude mapping"
    multirel = "exclude multirel"
    predictors = "exclude predictors"
    preprocessors = "exclude preprocessors"
    relboost = "exclude relboost"
    relmt = "exclude relmt"
    seasonal = "exclude seasonal"
    text_field_splitter = "exclude text field splitter"


class include:  # noqa: N801  the name that scripts know
    """A column is used by one preprocessor, and by all other parts as well.

    As soon as a column of any table of the data model asks for ``EmailDomain`` or ``Substring``, it uses such columns
    alone.
    """

    email = "include email"
    substring = "include substring"


class only:  # noqa: N801  the name that scripts know
    """A column is used by one preprocessor, and by no other part; what is made of it may be used by all."""

    email = "only email"
    substring = "only substring"


def _subroles(group: type) -> list[str]:
    return [value for name, value in vars(group).items() if not name.startswith("_")]


without_effect = {
    exclude.multirel: "Multirel is not offered",
    exclude.relboost: "Relboost is not offered",
    exclude.relmt: "RelMT is not offered",
}
all_subroles = tuple(
    subrole for group in (exclude, include, only) for subrole in _subroles(group) if subrole not in without_effect
)
