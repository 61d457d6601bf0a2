"""The chat page in a browser, against a real server over a tiny run.

Pictures go to the folder that JSARAG_SHOTS names. With JSARAG_SHOTS_RUN beside it, a finished run, the pictures of the
documentation are made with its models.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
import uvicorn

import jsarag
from jsarag.cli.main import main
from jsarag.files import read_jsonl
from jsarag.serving import ServingConfig, app
from tests import world
from tests.test_report.test_browser import CHROMIUM, CONTRAST, OPTIONS, OVERLAPS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Request

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH (Debian: apt install chromium)")

QUESTION = "where is the red lamp ?"
PAGE = Path(jsarag.__file__).parent / "serving" / "page"
HOSTILE = {
    "id": "hostile/<b>1</b>",
    "title": "<script>document.title = 'taken'</script>",
    "text": "<img src=x onerror=\"document.title = 'taken'\"> "
    "\x1b[31mred\x1b[0m \u202eback to front\u202c \u05d0\u05d1 " + "Donaudampfschifffahrt" * 30,
    "source": "javascript:document.title='taken'",
    "page": 3,
}


class Gate:
    """An application that, while it is shut, sends of an answer the first part alone: its passages."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.open = threading.Event()
        self.open.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        parts = 0

        async def held(message: Any) -> None:
            nonlocal parts
            if message["type"] == "http.response.body":
                parts += 1
                if parts > 1:
                    await anyio.to_thread.run_sync(self.open.wait)
            await send(message)

        answers = scope["type"] == "http" and scope["path"] == "/v1/chat/completions"
        await self.app(scope, receive, held if answers else send)


@dataclass
class Served:
    """A server that runs."""

    url: str
    run: Path
    feedback: Path
    gate: Gate


@contextmanager
def serving(run: Path, folder: Path, feedback: Path, keys: tuple[str, ...] = ()) -> Iterator[Served]:
    gate = Gate(app(jsarag.Run.load(run), ServingConfig(runs=folder, feedback=feedback, keys=keys)))
    door = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(gate, log_level="error", lifespan="on", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
    thread.start()
    try:
        yield Served(f"http://127.0.0.1:{door.getsockname()[1]}/", run, feedback, gate)
    finally:
        gate.open.set()
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def served(
    data: Path, encoder_model: Path, causal_model: Path, run_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """Two runs: one over a dozen passages; the one that is served, over these, a hostile one and 30 more."""
    folder = tmp_path_factory.mktemp("page")
    shutil.copytree(run_folder, folder / "runs" / "other")
    shutil.copytree(data, folder / "data")
    more = [
        {"id": f"more/{i}", "title": "store", "text": f"box {i} of the store", "source": "a/box.pdf", "page": i}
        for i in range(30)
    ]
    with (folder / "data" / "passages.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(passage) + "\n" for passage in [HOSTILE, *more])
    options = world.options(folder / "data", encoder_model, causal_model, folder / "runs" / "mine")
    short = (
        "--loop.steps",
        "4",
        "--loop.keep",
        "last",
        "--evaluation.before",
        "false",
        "--evaluation.closed_book",
        "false",
    )
    assert main(["train", *options, *short]) == 0
    with serving(folder / "runs" / "mine", folder / "runs", folder / "feedback.jsonl") as started:
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield opened
        opened.close()


@dataclass
class Tab:
    """A page that is watched: what it logs, what its policy stops, whom it asks."""

    page: Page
    url: str
    problems: list[str] = field(default_factory=list)

    def watch(self) -> None:
        def request(asked: Any) -> None:
            if not asked.url.startswith((self.url, "data:", "blob:")):
                self.problems.append(f"asked {asked.url}")

        self.page.on("console", lambda message: self.problems.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", request)
        self.page.add_init_script(
            "addEventListener('securitypolicyviolation', (e) => console.error('policy: ' + e.violatedDirective))"
        )

    def ask(self, question: str = QUESTION) -> Locator:
        """Ask, and wait for the end of the answer; returns its turn."""
        self.page.fill("#question", question)
        self.page.keyboard.press("Enter")
        turn = self.page.locator(".turn").last
        turn.locator(".answer:not([aria-busy])").wait_for(state="attached")
        return turn


Opened = Callable[..., Tab]


def sent(request: Request) -> list[dict[str, str]]:
    """The messages of a question."""
    body: dict[str, Any] = json.loads(request.post_data or "")
    messages: list[dict[str, str]] = body["messages"]
    return messages


@pytest.fixture
def opened(browser: Browser, served: Served) -> Iterator[Opened]:
    """Opens the page at a view, as wide as told; at the end nothing may have gone wrong that was not expected."""
    tabs: list[Tab] = []

    def opener(view: str = "", width: int = 1280, scheme: Any = "light") -> Tab:
        page = browser.new_context(
            viewport={"width": width, "height": 860}, color_scheme=scheme, reduced_motion="reduce", locale="en-GB"
        ).new_page()
        tab = Tab(page, served.url)
        tab.watch()
        tabs.append(tab)
        page.goto(served.url + view)
        page.get_by_text("Run mine").wait_for()
        return tab

    yield opener
    for tab in tabs:
        tab.page.context.close()
        assert tab.problems == []


def events(*chunks: dict[str, Any], done: bool = True) -> str:
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + ("data: [DONE]\n\n" if done else "")


def completion(answer: str, passages: list[dict[str, Any]], *, declined: bool = False) -> str:
    """A streamed completion, as the server would send it."""
    head = {"choices": [{"delta": {"role": "assistant", "content": ""}, "finish_reason": None}], "passages": passages}
    text = [{"choices": [{"delta": {"content": piece}, "finish_reason": None}]} for piece in answer]
    return events(head, *text, {"choices": [{"delta": {}, "finish_reason": "stop"}], "declined": declined})


@contextmanager
def answered(tab: Tab, **reply: Any) -> Iterator[None]:
    """Questions get this reply instead of the server's."""
    tab.page.route("**/v1/chat/completions", lambda route: route.fulfill(**reply))
    yield
    tab.page.unroute("**/v1/chat/completions")


def answering(tab: Tab, answer: str, *texts: str, **more: Any) -> Locator:
    """The turn of a question that is answered so, from passages with these texts."""
    passages = [
        {"id": str(i), "title": "", "text": text, "probability": 1 / len(texts), "score": 0.0}
        for i, text in enumerate(texts)
    ]
    with answered(tab, body=completion(answer, passages, **more), content_type="text/event-stream"):
        return tab.ask("anything")


# ---------------------------------------------------------------- ask


def test_an_answer_streams_in_beside_its_passages(opened: Opened, served: Served) -> None:
    tab = opened()
    turn = tab.ask()
    answer = jsarag.Run.load(served.run, always=True).ask(QUESTION)
    assert turn.locator(".answer").inner_text().strip() == answer.text.strip()
    assert turn.locator(".question").inner_text() == QUESTION
    assert turn.locator("summary").inner_text() == f"{len(answer.passages)} passages"
    for i, h in enumerate(answer.passages):
        item = turn.locator(".trained .passage").nth(i)
        assert item.locator(".share").inner_text() == f"{round(100 * h.probability)} %"
        assert item.locator(".title").inner_text() == h.passage.title
        assert item.locator(".text").inner_text() == h.passage.text
        assert h.passage.id in item.locator(".origin").inner_text()
        bar, filled = (item.locator(name).bounding_box() for name in (".bar", ".bar i"))
        assert bar is not None
        assert filled is not None
        assert filled["width"] / bar["width"] == pytest.approx(h.probability, abs=0.01)


def test_a_follow_up_brings_what_was_said_before(opened: Opened) -> None:
    tab = opened()
    first = tab.ask().locator(".answer").text_content()
    with tab.page.expect_request("**/v1/chat/completions") as asked:
        turn = tab.ask("and the blue one ?")
    assert sent(asked.value) == [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": first},
        {"role": "user", "content": "and the blue one ?"},
    ]
    with tab.page.expect_request("**/retrieve") as retrieving:
        turn.locator(".switch input").check()
    assert sent(retrieving.value) == sent(asked.value)
    turn.locator(".untrained .passage").first.wait_for()
    assert turn.locator(".evidence").evaluate("(one) => one.open")
    assert not tab.page.locator(".evidence").first.evaluate("(one) => one.open")  # folded, to make room
    tab.page.click("#clear")
    assert tab.page.locator(".turn").count() == 0
    with tab.page.expect_request("**/v1/chat/completions") as asked:
        tab.ask()
    assert len(sent(asked.value)) == 1


@pytest.mark.parametrize("way", ["button", "Escape"])
def test_an_answer_can_be_stopped(opened: Opened, served: Served, way: str) -> None:
    tab = opened()
    served.gate.open.clear()
    tab.page.fill("#question", QUESTION)
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector(".passage")  # these come before the words
    assert tab.page.locator(".answer").get_attribute("aria-busy") == "true"
    if way == "button":
        tab.page.click("#stop")
    else:
        tab.page.keyboard.press("Escape")
    assert tab.page.locator(".state").inner_text() == "Stopped"
    assert tab.page.locator("#send").is_visible()
    served.gate.open.set()
    tab.page.click(".again")
    tab.page.wait_for_selector(".actions:not([hidden])")
    assert tab.page.locator(".turn").count() == 1


def test_enter_sends_and_shift_enter_starts_a_line(opened: Opened) -> None:
    tab = opened()
    for key in ("Enter", " ", "Enter"):
        tab.page.keyboard.press(key)
    assert tab.page.locator(".turn").count() == 0  # nothing is no question
    tab.page.fill("#question", "")
    tab.page.keyboard.type("where is")
    tab.page.keyboard.press("Shift+Enter")
    tab.page.keyboard.type("the lamp ?")
    assert tab.page.input_value("#question") == "where is\nthe lamp ?"
    tab.page.keyboard.press("Enter")
    assert tab.page.locator(".question").inner_text() == "where is\nthe lamp ?"
    tab.page.wait_for_selector(".actions:not([hidden])")


def test_a_declined_answer_looks_different_and_says_why(opened: Opened) -> None:
    turn = answering(
        opened(), "The documents do not hold the answer.", "of the answer hold the documents", declined=True
    )
    assert "declined" in (turn.get_attribute("class") or "")
    assert turn.locator(".state").inner_text() == "Declined"
    assert "too little evidence" in turn.locator(".why").inner_text()
    assert turn.locator("mark").count() == 0


def test_the_answer_is_copied(opened: Opened) -> None:
    tab = opened()
    tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    turn = tab.ask()
    turn.locator(".copy").click()
    turn.get_by_text("Copied.").wait_for()
    assert tab.page.evaluate("navigator.clipboard.readText()") == turn.locator(".answer").text_content()


# ---------------------------------------------------------------- marked words

MARKS: list[tuple[str, list[str], list[list[str]]]] = [
    # a run of three words, as long as can be; whatever the case and the signs between
    ("It is open from nine to five.", ["We are OPEN, from nine to five: daily."], [["OPEN, from nine to five"]]),
    # two common words are chance, a number and a rare name are not
    ("of the Mirrigan at 45", ["one of the", "Mirrigan, not 450", "for 45 tallies"], [[], ["Mirrigan"], ["45"]]),
    # a word that most passages have tells nothing
    ("a tally Stroud", ["tally Stroud", "Stroud", "Stroud"], [["tally Stroud"], [], []]),
    # a word of a longer run is no find of its own
    ("slept three nights", ["slept three nights", "three bolts", "x", "y"], [["slept three nights"], [], [], []]),
    # the whole of a short answer; but not each "no"
    ("nine", ["after nine days", "ninety"], [["nine"], []]),
    ("No", ["no dogs, no cats"], [[]]),
    # scripts without spaces
    ("東京です", ["日本の首都は東京です。", "京都"], [["東京です"], []]),
    ("", ["some text"], [[]]),
]


def test_words_of_the_answer_are_marked_where_they_stand(opened: Opened) -> None:
    tab = opened()
    for answer, texts, expected in MARKS:
        turn = answering(tab, answer, *texts)
        found = [item.locator("mark").all_inner_texts() for item in turn.locator(".passage").all()]
        assert found == expected, answer
        assert [item.locator(".text").inner_text() for item in turn.locator(".passage").all()] == texts


def test_a_passage_lights_up_its_words_in_the_answer(opened: Opened) -> None:
    tab = opened()
    turn = answering(tab, "open from nine, says Mirrigan", "it is open from nine", "Mirrigan is here " * 20)
    lit = "[...(CSS.highlights.get('said') ?? [])].map(String)"
    tab.page.mouse.move(0, 0)
    assert tab.page.evaluate(lit) == []
    turn.locator(".passage").first.hover()
    assert tab.page.evaluate(lit) == ["open from nine"]
    turn.locator(".passage").last.locator("a").focus()
    assert tab.page.evaluate(lit) == ["Mirrigan"]


# ---------------------------------------------------------------- the untrained retriever


def _tied(identity: str, scores: dict[str, float]) -> bool:
    """Whether another passage has the same score."""
    return sum(abs(score - scores.get(identity, math.inf)) < 1e-4 for score in scores.values()) > 1


def test_the_switch_shows_what_the_untrained_retriever_would_have_brought(opened: Opened, served: Served) -> None:
    tab = opened()
    turn = tab.ask()
    turn.locator(".switch input").check()
    turn.locator(".untrained .passage").first.wait_for()
    depth = 20
    trained, untrained = (
        {
            h.passage.id: h.score
            for h in jsarag.Run.load(served.run, weights=weights).pipeline.retrieve([QUESTION], depth)[0]
        }
        for weights in ("best", "untrained")
    )
    for side, here, there, verb in (("trained", trained, untrained, "was"), ("untrained", untrained, trained, "now")):
        items = turn.locator(f".{side} .passage").all()
        assert len(items) == 5
        for rank, (item, score) in enumerate(zip(items, here.values(), strict=False), 1):
            identity = item.locator(".origin a").last.inner_text().replace("\n", "")
            assert here[identity] == pytest.approx(score)
            if any(_tied(identity, scores) for scores in (here, there)):  # which of them comes first is open
                continue
            other = list(there).index(identity) + 1 if identity in there else None
            expected = "same" if other == rank else f"{verb} {other or f'past {depth}'}"
            assert item.locator(".move").inner_text() == expected
    assert sum(int(share.strip("< %")) for share in turn.locator(".untrained .share").all_inner_texts()) in range(
        97, 104
    )
    turn.locator(".switch input").uncheck()
    assert not turn.locator(".untrained").is_visible()
    assert turn.locator(".trained .move:not([hidden])").count() == 0


# ---------------------------------------------------------------- feedback


def test_a_thumb_and_a_correction_are_kept(opened: Opened, served: Served) -> None:
    def kept() -> list[dict[str, Any]]:
        return [row for _, row in read_jsonl(served.feedback)] if served.feedback.exists() else []

    tab, before = opened(), len(kept())
    turn = tab.ask()
    answer = turn.locator(".answer").text_content()
    with tab.page.expect_request("**/feedback") as told:
        turn.get_by_role("button", name="Good answer").click()
    shown = turn.locator(".trained .origin a").all_inner_texts()
    assert json.loads(told.value.post_data or "")["passages"] == shown
    turn.get_by_text("The judgement is kept.").wait_for()
    assert turn.get_by_role("button", name="Good answer").get_attribute("aria-pressed") == "true"
    turn = tab.ask("and the blue one ?")
    turn.get_by_role("button", name="Bad answer").click()
    turn.get_by_role("textbox").fill("in the tower")
    turn.get_by_role("button", name="Send").click()
    turn.get_by_text("The correction is kept.").wait_for()
    good, bad = kept()[before:]
    assert (good["question"], good["thumbs"]) == (QUESTION, "up")
    assert answer in good.values()
    assert (bad["question"], bad["thumbs"]) == ("and the blue one ?", "down")
    assert "in the tower" in bad.values()
    assert [turn["text"] for turn in bad["history"]] == [QUESTION, answer]


# ---------------------------------------------------------------- browse, search, runs


def test_the_knowledge_base_is_browsed_and_searched(opened: Opened, served: Served) -> None:
    tab = opened("#passages")
    page = tab.page
    page.wait_for_selector("#shelf .passage")
    assert page.inner_text("#found") == "1–20 of 43"
    page.click("#next")
    page.get_by_text("21–40 of 43").wait_for()
    page.click("#next")
    page.get_by_text("41–43 of 43").wait_for()
    assert page.locator("#shelf .passage").last.locator(".origin").inner_text() == "box.pdf · page 29 · more/29"
    assert not page.locator("#next").is_visible()
    page.click("#previous")
    page.get_by_text("21–40 of 43").wait_for()
    for _ in range(3):
        page.go_back()
    page.get_by_text("1–20 of 43").wait_for()
    page.fill("#search", "BLUE lamp")
    page.get_by_text("1–1 of 1").wait_for()
    assert page.locator("#shelf mark").all_inner_texts() == ["lamp", "blue", "lamp"]
    page.fill("#search", "no such words")
    page.get_by_text("No passage has all of these words.").wait_for()
    page.goto(served.url + "#passages?search=tower&offset=2")
    page.get_by_text("3–12 of 12").wait_for()
    assert page.input_value("#search") == "tower"
    page.locator("#shelf .origin a").first.click()
    page.get_by_text("One passage", exact=True).wait_for()
    assert page.locator("#shelf .title").all_inner_texts() == ["lamp"]
    page.get_by_text("All passages").click()
    page.get_by_text("1–20 of 43").wait_for()


def test_a_passage_that_is_not_there_is_told(opened: Opened) -> None:
    tab = opened("#passages/lamp/purple")
    tab.page.get_by_text("lamp/purple").wait_for()
    assert tab.problems.pop().endswith("404 (Not Found)")


def test_runs_lead_to_reports_and_comparisons(opened: Opened) -> None:
    tab = opened("#runs")
    page = tab.page
    page.wait_for_selector(".run")
    assert sorted(page.locator(".name").all_inner_texts()) == ["mine", "other"]
    mine = page.locator(".run", has_text="mine")
    assert mine.locator(".tag").inner_text() == "jsa · served here"
    headline = mine.locator(".headline").inner_text()
    assert headline
    with page.expect_popup() as popup:
        mine.get_by_text("Report").click()
    popup.value.get_by_text(headline).first.wait_for()
    assert popup.value.evaluate("getComputedStyle(document.querySelector('main')).maxWidth") == "1120px"  # styled
    assert page.locator("#compare").get_attribute("href") is None
    page.check("input[value=mine]")
    page.check("input[value=other]")
    with page.expect_popup() as popup:
        page.click("#compare")
    popup.value.get_by_text("Comparison of runs").first.wait_for()
    assert popup.value.inner_text("body").count("(1 run") == 2


# ---------------------------------------------------------------- keyboard, screen readers


def walk(page: Page, to: str, key: str = "Tab") -> None:
    """Press a key until the focus is on what a selector names; it must be seen wherever it stands."""
    for _ in range(60):
        page.keyboard.press(key)
        at = "document.activeElement"
        if page.evaluate(f"{at} === document.body"):
            continue
        assert page.evaluate(f"getComputedStyle({at}).outline").endswith("solid 3px"), page.evaluate(f"{at}.outerHTML")
        box = page.evaluate(f"{at}.getBoundingClientRect().toJSON()")
        assert (box["top"], box["bottom"]) == (pytest.approx(430, abs=430), pytest.approx(430, abs=430)), to
        if page.evaluate(f"{at}.matches({json.dumps(to)})"):
            return
    raise AssertionError(f"{key} never comes to {to}")


def test_everything_can_be_done_without_a_mouse(opened: Opened, served: Served) -> None:
    tab = opened()
    page = tab.page
    page.keyboard.type(QUESTION)  # the focus is there from the beginning
    page.keyboard.press("Enter")
    page.wait_for_selector(".actions:not([hidden])")
    walk(page, ".switch input", "Shift+Tab")
    page.keyboard.press("Space")
    page.wait_for_selector(".untrained .passage")
    walk(page, "summary", "Shift+Tab")
    walk(page, ".down-vote", "Shift+Tab")
    page.keyboard.press("Enter")
    page.keyboard.type("in the tower")  # the focus goes to the field
    walk(page, ".correction button.primary")
    page.keyboard.press("Enter")
    page.get_by_text("The correction is kept.").wait_for()
    walk(page, "header a[href='#passages']", "Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#shelf .passage")
    walk(page, "#search")
    page.keyboard.type("store")
    page.keyboard.press("Enter")
    page.get_by_text("1–20 of 30").wait_for()
    walk(page, "header a[href='#runs']", "Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".run")
    walk(page, "input[value=mine]")
    page.keyboard.press("Space")
    walk(page, ".report")
    with page.expect_popup() as popup:
        page.keyboard.press("Enter")
    assert popup.value.url == f"{served.url}runs/mine/report"
    walk(page, "input[value=other]")
    page.keyboard.press("Space")
    walk(page, "#compare")


def test_what_a_screen_reader_is_told(opened: Opened) -> None:
    tab = opened()
    page = tab.page
    assert page.get_by_role("banner").count() == page.get_by_role("main").count() == 1
    assert page.get_by_role("navigation", name="Views").get_by_role("link").count() == 3
    assert page.get_by_role("link", name="Ask").get_attribute("aria-current") == "page"
    assert page.get_by_role("textbox", name="Question").count() == 1
    turn = answering(tab, "It costs 4.5 tallies. Pay at the hatch", "4.5 tallies")
    # By sentences, not by tokens: the answer came in 38 pieces.
    assert page.locator("#announced p").all_text_contents() == ["It costs 4.5 tallies.", "Pay at the hatch"]
    assert page.locator("#announced").get_attribute("role") == "log"
    assert turn.get_by_role("switch", name="What the untrained retriever would have brought").count() == 1
    assert turn.locator(".answer").get_attribute("aria-live") is None
    unnamed = page.evaluate(
        "[...document.querySelectorAll('main :is(button, input, textarea)')].filter((one) => one.checkVisibility() &&"
        " !(one.textContent.trim() || one.ariaLabel || one.labels?.length)).map((one) => one.outerHTML)"
    )
    assert unnamed == []
    levels = page.evaluate(
        "[...document.querySelectorAll('h1, h2, h3, h4, h5')].filter((one) => one.checkVisibility())"
        ".map((one) => one.tagName)"
    )
    assert levels[:3] == ["H1", "H2", "H3"]


# ---------------------------------------------------------------- what goes wrong


def refused(tab: Tab, status: int, code: str | None = None, **headers: str) -> str:
    """What the page says where the server refuses a question."""
    body = json.dumps(
        {"error": {"message": "decoding.mode: expected another", "type": "x", "param": None, "code": code}}
    )
    with answered(tab, status=status, body=body, headers=headers):
        turn = tab.ask()
    assert tab.problems.pop().startswith("Failed to load resource")
    assert turn.locator(".again").is_visible()
    return turn.locator(".state").inner_text()


def test_refusals_are_told_in_plain_words(opened: Opened) -> None:
    tab = opened()
    assert refused(tab, 429, **{"Retry-After": "7"}).endswith("Ask again in 7 seconds.")
    assert "shorter question" in refused(tab, 413)
    assert "longer than the server allows" in refused(tab, 504)
    assert "stopping" in refused(tab, 503, "closing")
    assert "shorter question" in refused(tab, 400, "context_length_exceeded")
    assert refused(tab, 400) == "decoding.mode: expected another"
    with tab.page.expect_request("**/v1/chat/completions") as asked:
        tab.page.locator(".again").last.click()
    assert len(sent(asked.value)) == 1  # what was refused is not part of the conversation
    tab.page.wait_for_selector(".actions:not([hidden])")


def test_a_server_that_is_gone_is_told(opened: Opened) -> None:
    tab = opened()
    tab.page.route("**/v1/chat/completions", lambda route: route.abort())
    assert "does not answer" in tab.ask().locator(".state").inner_text()
    assert tab.problems.pop().startswith("Failed to load resource")
    tab.page.unroute("**/v1/chat/completions")
    for body, message in (
        (completion("half", []).replace("data: [DONE]\n\n", ""), "The connection ended before the answer did."),
        (events({"error": {"message": "out of memory"}}), "out of memory"),
    ):
        with answered(tab, body=body, content_type="text/event-stream"):
            assert tab.ask().locator(".state").inner_text().startswith(message)
    with tab.page.expect_request("**/v1/chat/completions") as asked:
        tab.ask()
    assert len(sent(asked.value)) == 1  # half an answer is not part of the conversation


def test_a_key_is_asked_for_and_kept_for_the_tab(browser: Browser, served: Served, tmp_path: Path) -> None:
    page = browser.new_page()
    with serving(served.run, served.run.parent, tmp_path / "feedback.jsonl", keys=("right",)) as locked:
        page.goto(locked.url)
        dialog = page.get_by_role("dialog", name="The server asks for a key.")
        dialog.get_by_label("Key").fill("wrong")
        dialog.get_by_role("button", name="Use this key").click()
        dialog.get_by_text("does not take this key").wait_for()
        dialog.get_by_label("Key").fill("right")
        page.keyboard.press("Enter")
        page.get_by_text("Run mine").wait_for()
        kept = "[Object.values(sessionStorage), Object.values(localStorage), document.cookie]"
        assert page.evaluate(kept) == [["right"], [], ""]
        page.reload()
        page.get_by_text("Run mine").wait_for()
        assert not page.locator("dialog").is_visible()
        Tab(page, locked.url).ask().locator(".passage").first.wait_for()
        page.goto(locked.url + "#runs")
        with page.expect_download() as saved:  # a link cannot send the key
            page.locator(".run", has_text="mine").get_by_text("Report").click()
        assert saved.value.suggested_filename == "mine.html"
        assert Path(saved.value.path()).read_bytes() == (served.run / "report.html").read_bytes()
        page.close()


def test_the_page_works_in_a_folder_of_a_proxy(browser: Browser, served: Served) -> None:
    page = browser.new_page()
    inside = served.url + "documents/"
    page.route(
        f"{inside}**",
        lambda route: route.fulfill(response=route.fetch(url=route.request.url.replace(inside, served.url))),
    )
    page.goto(inside)
    Tab(page, inside).ask().locator(".passage").first.wait_for()
    page.click("header a[href='#runs']")
    page.wait_for_selector(".run")
    assert page.evaluate("document.querySelector('.report').href") == f"{inside}runs/mine/report"
    page.close()


# ---------------------------------------------------------------- hostile text, widths, colours, policy


def test_hostile_passages_are_text(opened: Opened) -> None:
    tab = opened("#passages?search=Donaudampf", 390)
    page = tab.page
    page.wait_for_selector("#shelf .passage")
    assert page.inner_text("#shelf .title") == HOSTILE["title"]
    shown = page.locator("#shelf .text").text_content()
    assert shown == str(HOSTILE["text"]).replace("\x1b", "\ufffd").replace("\u202e", "\ufffd")
    assert page.locator("#shelf :is(script, img, b)").count() == 0
    assert page.locator("#shelf .origin a").count() == 1  # the source is no link
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.click("#shelf .origin a")
    page.get_by_text("One passage", exact=True).wait_for()
    turn = answering(opened("", 390), str(HOSTILE["text"]), str(HOSTILE["text"]), str(HOSTILE["title"]))
    assert turn.locator(":is(script, img)").count() == 0
    assert turn.page.evaluate("document.documentElement.scrollWidth") == 390
    assert turn.page.title() == "mine: ask"
    assert page.title() == "mine: passages"


def in_every_state(tab: Tab) -> Iterator[str]:
    """Bring the page into its states, one after the other."""
    page = tab.page
    yield "start"
    turn = answering(tab, "It costs 45 tallies a Plank", "a Plank at 45 tallies", str(HOSTILE["text"]), "more " * 60)
    turn.locator(".passage").first.hover()
    yield "ask"
    tab.ask().locator(".switch input").check()
    page.wait_for_selector(".untrained .passage")
    page.locator(".down-vote").last.click()
    yield "compare"
    answering(tab, "The documents do not hold the answer.", "text", declined=True)
    yield "declined"
    refused(tab, 429)
    yield "refused"
    page.goto(tab.url + "#passages?search=tower")
    page.wait_for_selector("#shelf .passage")
    yield "passages"
    page.goto(tab.url + "#runs")
    page.wait_for_selector(".run")
    page.check("input[value=mine]")
    yield "runs"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light")])
def test_the_page_fits_and_can_be_read(opened: Opened, width: int, scheme: str) -> None:
    tab = opened("", width, scheme)
    for state in in_every_state(tab):
        if shots := os.environ.get("JSARAG_SHOTS"):
            tab.page.screenshot(path=Path(shots) / f"page-{state}-{width}-{scheme}.png", caret="hide")
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width, state
        assert tab.page.evaluate(CONTRAST) == [], state
        if scheme == "light":
            # The field for the question lies over what is scrolled under it.
            composer = "document.querySelector('#composer').style.position"
            tab.page.evaluate(f"{composer} = 'static'")
            assert tab.page.evaluate(OVERLAPS) == [], state
            tab.page.evaluate(f"{composer} = ''")


@pytest.mark.skipif("JSARAG_SHOTS_RUN" not in os.environ, reason="JSARAG_SHOTS_RUN names no run")
def test_pictures_of_the_documentation(browser: Browser, tmp_path: Path) -> None:
    run, shots = Path(os.environ["JSARAG_SHOTS_RUN"]), Path(os.environ["JSARAG_SHOTS"])
    looks: tuple[tuple[int, Any], ...] = ((1120, "light"), (390, "dark"))
    with serving(run, run.parent, tmp_path / "feedback.jsonl") as served:
        for width, scheme in looks:
            size: Any = {"width": width, "height": 720}
            page = browser.new_page(viewport=size, color_scheme=scheme, reduced_motion="reduce")
            page.goto(served.url)
            turn = Tab(page, served.url).ask("What is the name of the fuel barge?")
            turn.locator(".passage").first.hover()
            page.screenshot(path=shots / f"serve-ask-{scheme}.png", caret="hide")
            turn.locator(".switch input").check()
            turn.locator(".untrained .passage").first.wait_for()
            page.screenshot(path=shots / f"serve-compare-{scheme}.png", caret="hide")
            for view, ready in (("passages?search=barge", "#shelf mark"), ("runs", ".run")):
                page.goto(f"{served.url}#{view}")
                page.wait_for_selector(ready)
                page.screenshot(path=shots / f"serve-{view.split('?')[0]}-{scheme}.png", caret="hide")
            page.close()


def test_the_policy_stops_what_is_not_of_the_page(opened: Opened) -> None:
    """The checks of each test themselves: an inline script, a style and another host are stopped and noticed."""
    tab = opened()
    tab.page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'),"
        " {textContent: 'document.title = \"taken\"'}))"
    )
    tab.page.evaluate("document.querySelector('h1').setAttribute('style', 'color: red')")
    tab.page.evaluate("fetch('http://127.0.0.2:9/').catch(() => {})")
    tab.page.wait_for_timeout(0)
    told = "\n".join(tab.problems)
    assert "policy: script-src-elem" in told
    assert "policy: style-src-attr" in told
    assert "policy: connect-src" in told
    assert tab.page.title() == "mine: ask"
    tab.problems.clear()


def test_the_colours_are_those_of_the_reports() -> None:
    def palette(text: str) -> list[dict[str, str]]:
        blocks = [block.split("}")[0] for block in text.split(":root {")[1:]]
        pairs = ((part.split(":") for part in block.split(";") if ":" in part) for block in blocks)
        return [{name.strip(): value.strip() for name, value in block} for block in pairs]

    mine = palette((PAGE / "page.css").read_text(encoding="utf-8"))
    theirs = palette((PAGE.parents[1] / "report" / "style.html").read_text(encoding="utf-8"))
    assert len(mine) == len(theirs) == 2
    for one, other in zip(mine, theirs, strict=True):
        assert one.items() <= other.items()
