"""Pearson's correlation of many columns with one target, over the rows where the column is known."""

from typing import Any

import numpy as np

from storax_engine.learning.kernels.compile import kernel


@kernel
def correlations(columns: Any, target: Any) -> Any:
    """One for each row of ``columns``; NaN where the column or the target does not vary."""
    out = np.full(columns.shape[0], np.nan)
    for c in range(columns.shape[0]):
        n, sx, sy = 0, 0.0, 0.0
        for i in range(target.size):
            x = columns[c, i]
            if x == x:
                n += 1
                sx += x
                sy += target[i]
        if n < 2:
            continue
        mx, my = sx / n, sy / n
        sxx, syy, sxy = 0.0, 0.0, 0.0
        for i in range(target.size):
            x = columns[c, i]
            if x == x:
                sxx += (x - mx) ** 2
                syy += (target[i] - my) ** 2
                sxy += (x - mx) * (target[i] - my)
        if sxx > 0 and syy > 0:
            out[c] = sxy / np.sqrt(sxx * syy)
    return out
