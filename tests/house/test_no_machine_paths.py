"""What is committed knows no machine: no path of somebody's disk, no name of somebody's package index."""

import re
import subprocess
import sys
from urllib.parse import urlsplit

from house.repository import names, text_of

# Put together at run time, so that this file does not fail its own test.
PLACES = re.compile(
    r"(?<![\w.~-])/(?:" + "|".join(("wo" + "rk", "ro" + "ot", "ho" + "me/[a-z]{2,}", "Us" + "ers")) + r")(?:/|\b)"
)
PUBLIC = {"pypi.org", "files.pythonhosted.org", "test.pypi.org", "localhost", "127.0.0.1"}


def test_no_path_of_a_machine():
    places = [f"{n}: {m.group()}" for n in names() for m in PLACES.finditer(text_of(n))]
    assert places == []


def test_no_name_of_a_package_index():
    configuration = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True
    ).stdout
    addresses = [urlsplit(word) for word in re.findall(r"\w+://[^\s'\"]+", configuration)]
    hosts = {a.hostname for a in addresses if a.hostname} - PUBLIC
    folders = {a.path for a in addresses if a.scheme == "file"}
    places = [f"{n}: {word}" for n in names() for word in hosts | folders if word in text_of(n)]
    assert places == []
