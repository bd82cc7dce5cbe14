"""Browsers for tests of the web page: one without JavaScript (cookies, links, forms, the page as a tree), and pictures."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx

from world import NO_TLS, World

VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
PASSWORD = "correct horse battery staple"


@dataclass
class Element:
    """An element of a page, with the text below it."""

    tag: str
    attributes: dict[str, str]
    parent: "Element | None" = None
    text: str = ""

    def ancestor(self, tag: str) -> "Element | None":
        """Return the nearest element of this tag around it."""
        above = self.parent
        while above is not None and above.tag != tag:
            above = above.parent
        return above


class Tree(HTMLParser):
    """All elements of a page, in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {k: v or "" for k, v in attrs}, self._open[-1] if self._open else None)
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {k: v or "" for k, v in attrs}, self._open[-1] if self._open else None))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data


@dataclass
class Form:
    """A form of a page: where it goes, and its fields as a browser would send them untouched."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)


class Page:
    """An answer, read as a page."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer, self.url, self.status = answer, str(answer.url), answer.status_code
        self.html = answer.text
        self.elements = Tree(self.html).elements

    @property
    def text(self) -> str:
        """Return what a reader sees, spaces collapsed."""
        return " ".join(" ".join(e.text for e in self.elements if e.tag == "body").split())

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Return the elements of this tag with these attributes."""
        return [e for e in self.elements if e.tag == tag and attributes.items() <= e.attributes.items()]

    def links(self) -> dict[str, str]:
        """Return the absolute address of each link, by its text."""
        return {" ".join(e.text.split()): urljoin(self.url, e.attributes.get("href", "")) for e in self.all("a")}

    def form(self, action: str) -> Form:
        """Return the form whose address ends like this."""
        (element,) = [e for e in self.all("form") if e.attributes.get("action", "").partition("?")[0].endswith(action)]
        return self._read(element)

    def form_of(self, row: str) -> Form:
        """Return the form in the row of a table with this id."""
        (element,) = [e for e in self.all("form") if (tr := e.ancestor("tr")) and tr.attributes.get("id") == row]
        return self._read(element)

    def _read(self, element: Element) -> Form:
        address = urljoin(self.url, element.attributes["action"])
        fields = [
            (e.attributes["name"], e.attributes.get("value", ""))
            for e in self.all("input")
            if e.ancestor("form") is element and "name" in e.attributes
            if e.attributes.get("type") != "checkbox" or "checked" in e.attributes
        ]
        return Form(address, element.attributes.get("method", "get"), fields)


class Browser:
    """One browser: it keeps cookies and follows redirects."""

    def __init__(self, world: World) -> None:
        self.http = httpx.Client(
            base_url=f"{world.url}/ui/",
            timeout=70,
            verify=NO_TLS,
            follow_redirects=True,
            headers={"Accept": "text/html"},
        )

    def open(self, path: str = "", **headers: str) -> Page:
        """Open an address below /ui/."""
        return Page(self.http.get(path, headers=headers))

    def part(self, path: str) -> httpx.Response:
        """Ask for a part of a page, as htmx does."""
        return self.http.get(path, headers={"HX-Request": "true"}, follow_redirects=False)

    def send(self, form: Form, *, without: str = "", **values: str) -> Page:
        """Send a form with other values; ``without`` leaves one field out."""
        fields = [(n, v) for n, v in form.fields if n not in values and n != without] + list(values.items())
        if form.method == "get":
            return Page(self.http.get(form.action, params=fields))
        data: dict[str, list[str]] = {}
        for name, value in fields:
            data.setdefault(name, []).append(value)
        return Page(self.http.post(form.action, data=data))

    def sign_in(self, name: str, password: str = PASSWORD) -> Page:
        """Sign in on the login page."""
        return self.send(self.open("login").form("login"), username=name, password=password)

    def close(self) -> None:
        """Close the connections."""
        self.http.close()


def take_picture(page: Any, path: Path, *, full_page: bool = False) -> None:
    """Take a screenshot. On a busy machine Chromium sometimes has none at first, and then says so."""
    from playwright.sync_api import Error

    for tries_left in (2, 1, 0):
        try:
            page.screenshot(path=path, full_page=full_page)
        except Error as error:
            if not tries_left or "Unable to capture screenshot" not in str(error):
                raise
            page.wait_for_timeout(500)
        else:
            return
