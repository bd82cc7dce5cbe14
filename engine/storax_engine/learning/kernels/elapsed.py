"""The value of a time stamp in features: the seconds elapsed since it."""

import numpy as np

from storax_engine.learning.kernels.compile import kernel


@kernel
def since(moment: float, time: float) -> float:
    """Return the seconds from ``time`` to ``moment``; NaN for a time after the moment, which is not yet known then."""
    return moment - time if time <= moment else np.nan
