"""What holds for the source of every page, before a browser opens it."""

import re
from pathlib import Path

import pytest

import storax_api.web

WEB = Path(storax_api.web.__file__).parent
TEMPLATES = sorted(WEB.rglob("*.html"))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_table_that_may_scroll_can_be_scrolled_by_keyboard(template: Path) -> None:
    boxes = re.findall(r'<div class="table[^>]*>', template.read_text())
    assert [box for box in boxes if 'tabindex="0"' not in box] == []


def test_there_are_tables() -> None:
    assert sum(template.read_text().count('class="table') for template in TEMPLATES) > 20
