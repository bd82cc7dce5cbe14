"""Column shapes that several resources share."""

from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import BigInteger, DateTime, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field

from storax_core.resources.base import EQ, TIME, Mark
from storax_core.resources.types import BigId

ROW_ID = Mark(filter=(*EQ, "gt", "lt"), order=True)
STAMP = Mark(filter=TIME, order=True, derived=True)


class Xid8(UserDefinedType[str]):
    """Postgres' 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The type's SQL name."""
        return "xid8"


ischema_names["xid8"] = Xid8  # by which a migrated schema is compared with the declarations


def big(doc: str, **kw: Any) -> Any:
    """A bigint column."""
    return Field(sa_type=BigInteger, description=doc, **kw)


def text(doc: str, **kw: Any) -> Any:
    """A text column."""
    return Field(sa_type=Text, description=doc, **kw)


def json(doc: str, factory: Any = dict, **kw: Any) -> Any:
    """A jsonb column, an empty object (or list) by default."""
    return Field(sa_type=JSONB, default_factory=factory, nullable=False, description=doc, **kw)


def when(doc: str, **kw: Any) -> Any:
    """A timestamptz column."""
    return Field(sa_type=DateTime(timezone=True), description=doc, **kw)


Id = Annotated[BigId, ROW_ID]
Version = Annotated[int, Mark(filter=("eq",))]
Stamp = Annotated[datetime, STAMP]
