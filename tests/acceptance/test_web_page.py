"""The web page in a real Chromium: it asks no other host, keeps its policy, is readable and live, at every width."""

import base64
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from browsing import PASSWORD, take_picture
from house.repository import ROOT
from needs import needs, program, require
from proxy import Proxy
from tools.vendor_web.packages import TESTED
from world import User, World

pytestmark = needs("browser")
SHOTS = ROOT / "build" / "screenshots"  # looked at by people, after each change of a page
# Without these Chromium talks to its maker at each start. Root has no sandbox.
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]  # fmt: skip
SLOWEST_MS = 120_000  # for one step, on a machine that is busy
WIDTHS = {"desk": 1280, "tablet": 768, "phone": 360}
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202egnp.exe"


@pytest.fixture(scope="module")
def chromium(world: World) -> Iterator[Any]:
    """One Chromium for all tests of this file. Its driver runs a loop in this thread, so it starts after the servers."""
    require("browser", "chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program("chromium"), args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def user(world: World) -> User:
    """A user with a password."""
    return world.user("alice", password=PASSWORD)


@pytest.fixture(scope="module")
def jobs(user: User) -> dict[str, int]:
    """Jobs in many states, one of each kind by name."""
    site = user.site("cluster", path="/scratch/alice/site")
    user.site("laptop of Ægir with a rather long name")
    parameters = {"charge": {"required": False, "default": "0"}}
    app = user.app(site, name="Relax", command_template="relax --charge {{ charge }}", parameters=parameters)
    many = user.jobs(app, 60, tags={"campaign": "surface-7", "step": "relax"}, max_attempts=2)
    session = user.session(site)
    leased = user.acquire(session, 30)
    user.finish(session, *leased[:12])
    error = {"message": "exit code 139", "stderr_tail": 'File "relax.py", line 7\nMemoryError: \x1b[31mout of memory'}
    for job in leased[12:20]:
        user.report(session, job, "RUNNING", "RUN_ERROR", data=error, return_code=139)
    for job in leased[20:26]:
        user.report(session, job, "RUNNING")
    again = user.acquire(session, 8)
    for job in again:
        user.report(session, job, "RUNNING", "RUN_ERROR", data=error, return_code=139)
    parent = user.job(app, workdir="parents/first")["id"]
    children = [user.job(app, workdir=f"children/{n}", parent_ids=[parent])["id"] for n in range(5)]
    evil = user.job(app, workdir="x" * 150 + "/deep", tags={"evil": EVIL}, parameters={"charge": EVIL * 3})["id"]
    user.post("/jobs/cancel", {"filter": {"id": many[-3:]}})
    kinds = {"failed": again[0]["id"], "running": leased[20]["id"], "finished": leased[0]["id"], "evil": evil}
    return {**kinds, "parent": parent, "waiting": children[0], "app": app, "site": site}


class Tab:
    """A tab in which the user is signed in, and what went wrong in it."""

    def __init__(self, context: Any, url: str) -> None:
        self.url, self.problems = url, list[str]()
        context.set_default_timeout(SLOWEST_MS)
        self.page = context.new_page()
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: self.problems.append(f"dialog: {dialog.message}"))
        self.page.on("request", self._check)

    def _note(self, message: Any) -> None:
        refused = "Content Security Policy" in message.text
        expected = any(text in message.text for text in ("Failed to load resource", "htmx:sse:error"))  # of what is cut
        if refused or (message.type == "error" and not expected):
            self.problems.append(message.text)

    def _check(self, request: Any) -> None:
        if not request.url.startswith((f"{self.url}/", "data:", "blob:")):
            self.problems.append(f"asked for {request.url}")

    def open(self, path: str) -> Any:
        """Open an address below /ui/, and return the page."""
        self.page.goto(f"{self.url}/ui/{path}")
        return self.page

    def sign_in(self) -> None:
        """Sign in on the login page."""
        page = self.open("login")
        page.fill("[name=username]", "alice")
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        page.wait_for_selector(".account")


Tabs = Callable[..., Any]


@pytest.fixture
def tabs(chromium: Any, world: World, user: User) -> Tabs:
    """Open tabs: ``with tabs(width=360, color_scheme="dark") as tab``. Each must end without a problem."""

    @contextmanager
    def open_tab(*, width: int = 1280, url: str = "", **settings: Any) -> Iterator[Tab]:
        context = chromium.new_context(viewport={"width": width, "height": 900}, **settings)
        tab = Tab(context, url or world.url)
        tab.sign_in()
        yield tab
        context.close()
        assert not tab.problems

    return open_tab


def audit(page: Any) -> list[str]:
    """Return what axe finds that is serious or critical."""
    page.evaluate((TESTED / "axe.min.js").read_text(encoding="utf-8"))
    rules = page.evaluate("axe.run()")["violations"]
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in rules
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


@pytest.mark.slow("every page at three widths, light and dark, with axe and a picture")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", WIDTHS)
def test_every_page_is_readable_at_every_width_in_light_and_dark(
    tabs: Tabs, jobs: dict[str, int], size: str, scheme: str
) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    paths = {
        "overview": "", "jobs": "jobs?limit=12", "jobs-filtered": "jobs?state=FAILED&tags=campaign:surface-7",
        "jobs-none": "jobs?state=RUN_DONE", "jobs-wrong": "jobs?stat=FAILED", "confirm": "jobs/confirm?action=retry",
        "change": f"jobs/confirm?action=change&id={jobs['waiting']}", "admin": "admin",
        "job-failed": f"jobs/{jobs['failed']}", "job-evil": f"jobs/{jobs['evil']}", "job-waiting": f"jobs/{jobs['waiting']}",
        "job-events": f"jobs/{jobs['failed']}?events=full", "missing": "jobs/999999999",
    }  # fmt: skip
    failures = []
    with tabs(width=WIDTHS[size], color_scheme=scheme) as tab:
        for name, path in paths.items():
            page = tab.open(path)
            if name.startswith("jobs-wrong"):
                page.wait_for_selector("details.filters[open]")
            take_picture(page, SHOTS / f"{name}-{size}-{scheme}.png", full_page=True)
            failures += [f"{name}: {line}" for line in audit(page)]
            beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            failures += [f"{name}: {beyond} pixels beyond the window"] if beyond > 0 else []
        page = tab.open("")
        page.click(".account summary")
        take_picture(page, SHOTS / f"menu-{size}-{scheme}.png")
        page.click("text=Sign out")
        page.wait_for_selector("[name=password]")
        take_picture(page, SHOTS / f"login-{size}-{scheme}.png")
        failures += audit(page)
    assert not failures


def test_a_choice_of_theme_wins_over_the_system_and_stays(tabs: Tabs, jobs: dict[str, int]) -> None:
    with tabs(color_scheme="light") as tab:
        page = tab.open("jobs?state=FAILED")
        light = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        page.click(".account summary")
        page.click("text=Dark")
        page.wait_for_selector("html[data-theme=dark]")
        assert page.url.endswith("jobs?state=FAILED")
        assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != light
        tab.open(f"jobs/{jobs['failed']}").wait_for_selector("html[data-theme=dark]")


def test_pages_renew_themselves_also_after_a_cut(tabs: Tabs, world: World, user: User, jobs: dict[str, int]) -> None:
    with Proxy(world.url) as proxy, tabs(url=proxy.url) as tab:
        page = tab.open(f"jobs?app_id={jobs['app']}&tags=live:yes")
        page.wait_for_selector("text=No job matches.")
        (first,) = user.jobs(jobs["app"], 1, tags={"live": "yes"})
        page.wait_for_selector(f"#job-{first}")
        proxy.cut()
        page.wait_for_selector("#live-note:visible")
        (second,) = user.jobs(jobs["app"], 1, tags={"live": "yes"})
        proxy.heal()
        page.wait_for_selector(f"#job-{second}")
        page.wait_for_selector("#live-note", state="hidden")
        page.check(f"#job-{first} input")
        user.post("/jobs/cancel", {"filter": {"id": [first, second]}})
        page.wait_for_timeout(4000)  # marked rows do not move under the hand
        assert page.is_checked(f"#job-{first} input")
        page.uncheck(f"#job-{first} input")
        user.jobs(jobs["app"], 1, tags={"live": "yes"})
        page.wait_for_selector(f"#job-{first} >> text=CANCELLED")


def test_a_session_that_ended_says_so_on_the_open_page(tabs: Tabs, user: User, jobs: dict[str, int]) -> None:
    with tabs() as tab:
        page = tab.open("jobs")
        newest = user.get("/tokens/", ordering="-id", limit=1)["results"][0]
        assert newest["name"] == "web page"
        user.delete(f"/tokens/{newest['id']}")
        page.wait_for_selector("#live-note >> text=Your session has ended")
        page.click("#live-note >> text=Sign in")
        page.wait_for_selector("[name=password]")


def test_an_output_is_followed_while_it_grows(tabs: Tabs, user: User, jobs: dict[str, int]) -> None:
    text = bytearray(b"step 1\n\x1b[32mgreen\x1b[0m <b>bold</b>\n")

    def answer_once() -> None:
        """Do what the agent of the site does: answer requests for windows of files."""
        for ask in user.post(f"/sites/{jobs['site']}/file-requests", {}, params={"wait": 1})["requests"]:
            start = max(0, len(text) + ask["offset"]) if ask["offset"] < 0 else ask["offset"]
            window = bytes(text[start : start + ask["size"]]) if ask["stream"] == "stdout" else b""
            reply = {
                "id": ask["id"],
                "size": len(text),
                "offset": start,
                "inode": 7,
                "data": base64.b64encode(window).decode(),
            }
            user.post(f"/sites/{jobs['site']}/file-replies", {"replies": [reply]})

    with tabs() as tab:
        page = tab.open(f"jobs/{jobs['running']}")
        box = page.locator("#output-stdout pre")
        seen = ""
        for _ in range(60):
            answer_once()
            seen = box.inner_text() if box.count() else ""
            if "step 2" in seen:
                break
            if "step 1" in seen and len(text) < 50:
                text.extend("step 2 ü\n".encode())
        assert "step 1\ngreen <b>bold</b>\nstep 2 ü" in seen
        assert page.locator("#output-stdout b").count() == 0
        take_picture(page, SHOTS / "output.png", full_page=True)


def test_the_keyboard_is_enough(tabs: Tabs, jobs: dict[str, int]) -> None:
    with tabs() as tab:
        page = tab.open("jobs?limit=5")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        for _ in range(30):
            page.keyboard.press("Tab")
            if (
                page.evaluate("document.activeElement.name") == "id"
                and page.evaluate("document.activeElement.type") == "checkbox"
            ):
                break
        page.keyboard.press("Space")
        page.focus("button[value=cancel]")
        page.keyboard.press("Enter")
        page.wait_for_selector("h1:has-text('Cancel')")


def test_without_javascript_a_failed_job_is_found_and_retried(tabs: Tabs, user: User, jobs: dict[str, int]) -> None:
    with tabs(java_script_enabled=False) as tab:
        page = tab.open("jobs")
        page.click("details.filters summary")
        page.check("[name=state][value=FAILED]")
        page.click("text=Show")
        page.check(f"#job-{jobs['failed']} input")
        page.click("button[value=retry]")
        assert "Retry 1 job?" in page.inner_text("h1")
        page.click("main form button")
        assert "1 job will run again" in page.inner_text(".box.good")
        assert user.states(jobs["failed"]) == ["RESTART_READY"]


def test_the_page_of_the_one_time_link_does_not_keep_the_code(chromium: Any, world: World, user: User) -> None:
    code = user.post("/auth/login-codes", {})["code"]
    context = chromium.new_context()
    context.set_default_timeout(SLOWEST_MS)
    page = context.new_page()
    page.goto(f"{world.url}/ui/enter?code={code}")
    page.wait_for_selector(".account")
    assert re.fullmatch(re.escape(f"{world.url}/ui/"), page.url)
    context.close()
