"""Whether and how progress bars are shown.

``storax.utilities.progress.DISABLE = True`` hides them in this process, False shows them even in a pipe; with
``FORCE_TEXTUAL_OUTPUT = True`` they are text in a notebook too. ``STORAX_PROGRESS`` does the first for all scripts.
"""

import sys
from types import ModuleType

from storax._runtime import progress


class _Switches(ModuleType):
    @property
    def DISABLE(self) -> bool:  # noqa: N802  the name that scripts know
        """Whether bars are hidden."""
        return not progress.shown()

    @DISABLE.setter
    def DISABLE(self, hidden: bool) -> None:  # noqa: N802
        progress.switches.visible = not hidden

    @property
    def FORCE_TEXTUAL_OUTPUT(self) -> bool:  # noqa: N802
        """Whether bars are text where they could be widgets."""
        return progress.switches.text

    @FORCE_TEXTUAL_OUTPUT.setter
    def FORCE_TEXTUAL_OUTPUT(self, text: bool) -> None:  # noqa: N802
        progress.switches.text = bool(text)


sys.modules[__name__].__class__ = _Switches
