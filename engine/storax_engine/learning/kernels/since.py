"""A time stamp as a value: how long ago it was."""

import numpy as np

from storax_engine.learning.kernels.compile import kernel


@kernel
def since(moment: float, time: float) -> float:
    """Seconds from the time to the moment; a time that is still to come is not known yet, so NaN."""
    return moment - time if time <= moment else np.nan
