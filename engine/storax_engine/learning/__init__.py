"""Feature learning on relational data: Arrow tables and a description in, features and predictions out.

Pure: no server, no sockets, no state beyond what a call returns. ``fit(spec, tables)`` gives a ``Trained``.
"""

from storax_engine.learning import buckets
from storax_engine.learning.checking import check
from storax_engine.learning.errors import BadData, BadPlan, Cancelled, LearningError
from storax_engine.learning.trained import Trained, load
from storax_engine.learning.training import fit

__all__ = ["BadData", "BadPlan", "Cancelled", "LearningError", "Trained", "buckets", "check", "fit", "load"]
