"""Feature learning in buckets: for tables that do not fit into memory, or that several machines shall share.

``prepare_fit``, then ``compute`` for each bucket, then ``fit``; or ``prepare_transform``, ``compute``, ``blocks``.
"""

from storax_engine.learning.buckets.steps import (
    blocks,
    compute,
    fit,
    is_computed,
    is_prepared,
    prepare_fit,
    prepare_transform,
)

__all__ = ["blocks", "compute", "fit", "is_computed", "is_prepared", "prepare_fit", "prepare_transform"]
