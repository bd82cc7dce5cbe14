"""Which modules a site can import: those of Python and of installed packages, not files beside the script."""

import importlib.util
import site
import sys
import sysconfig
from functools import lru_cache
from importlib import metadata
from pathlib import Path


@lru_cache(maxsize=1024)
def is_installed(name: str) -> bool:
    """Return whether a module is part of Python, of an installed package, or not known here; False for a mere file."""
    top = name.partition(".")[0]
    if top == "__main__":
        return False
    if top in sys.stdlib_module_names:
        return True
    try:
        spec = sys.modules[top].__spec__ if top in sys.modules else importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        return top not in sys.modules  # the site may have what this machine has not
    places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
    return any(map(_is_of_packages, places)) or top in _distributed()


def _is_of_packages(place: str) -> bool:
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), site.getusersitepackages()}
    return any(Path(place).is_relative_to(folder) for folder in (*folders, *site.getsitepackages()))


@lru_cache(maxsize=1)
def _distributed() -> frozenset[str]:
    """Return the modules of packages that are installed from where they are edited."""
    return frozenset(metadata.packages_distributions())
