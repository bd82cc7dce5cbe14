"""Preprocessors: what is done to columns before features are made of them."""

from dataclasses import InitVar, dataclass

from storax._engine.declaration import Declaration
from storax.errors import InvalidInput

__all__ = [
    "CategoryTrimmer",
    "EmailDomain",
    "Imputation",
    "Mapping",
    "Seasonal",
    "Substring",
    "TextFieldSplitter",
]


@dataclass(frozen=True)
class Seasonal(Declaration):
    """Month, weekday, hour and minute of each time stamp as numbers, where they vary in the training data.

    Args:
        disable_year: True alone: the year is always left out, for a model cannot learn from one that it has not seen.

    Raises:
        InvalidInput: ``disable_year`` is False.
    """

    disable_year: InitVar[bool] = True
    disable_month: bool = False
    disable_weekday: bool = False
    disable_hour: bool = False
    disable_minute: bool = False

    def __post_init__(self, disable_year: bool) -> None:
        if not disable_year:
            raise InvalidInput(
                "Seasonal always leaves the year out: a model cannot learn from one that it has not seen.",
                hint='Leave disable_year away. df.add(df["t"].year(), "year", role="numerical") makes a column of it.',
            )


@dataclass(frozen=True)
class EmailDomain(Declaration):
    """The domain of each text column that holds mail addresses, as a category.

    Where a column has the subrole ``include.email`` or ``only.email``: of such text columns alone, whatever they hold.
    """


@dataclass(frozen=True)
class Substring(Declaration):
    """A part of each category as a further category: ``length`` characters from ``begin`` (the first is 0).

    Args:
        columns: which columns. Where empty, those with the subrole ``include.substring`` or ``only.substring``; where
            no table has such a column, all categorical and text ones.
    """

    begin: int
    length: int
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Imputation(Declaration):
    """The training data's mean in place of a missing number; ``add_dummies`` also says where one was missing."""

    add_dummies: bool = False


@dataclass(frozen=True)
class CategoryTrimmer(Declaration):
    """Categories that are rare in the training data become one, ``(trimmed)``.

    Args:
        max_num_categories: how many are kept at most. Default 999.
        min_freq: how often one must be seen to be kept. Default 30.
    """

    max_num_categories: int = 999
    min_freq: int = 30


@dataclass(frozen=True)
class Mapping(Declaration):
    """The mean of each target per category, smoothed; each training row's comes from other rows.

    Args:
        min_freq: the weight, in rows, of the overall mean in each category's. Default 30.
        folds: number of folds of the training data. Default 5.
    """

    min_freq: int = 30
    folds: int = 5


@dataclass(frozen=True)
class TextFieldSplitter(Declaration):
    """For each text column, a number per frequent word: 1 where the text has it.

    Args:
        vocab_size: how many words, the most frequent first. Default 100.
    """

    vocab_size: int = 100
