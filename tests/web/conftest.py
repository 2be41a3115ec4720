"""A Chromium for all tests of the slides and the book, and pages that are cut off from the network."""

import contextlib
import functools
import http.server
import os
import re
import threading

import pytest
from filelock import FileLock
from playwright.sync_api import sync_playwright

import book
import contents
import screenshot

HERE = re.compile(r"(file|data|blob|about):|https?://(127\.0\.0\.1|localhost)[:/]")


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium, without which nothing here can be tested."""
    path = screenshot.find_chromium()
    if path is None:
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say("no Chromium on the path: install it (Debian, Ubuntu: apt-get install chromium) to run the browser tests")
    arguments = ["--disable-dev-shm-usage", "--disable-gpu", "--force-color-profile=srgb"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium refuses to sandbox itself for root
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=arguments)
        yield found
        found.close()


@pytest.fixture
def offline(browser):
    """offline(url, width=..., height=..., theme=...) opens a file:// or http://127.0.0.1 page with the network cut.

    Every request to anywhere else is aborted and noted in page.foreign; page.errors holds what the console
    says in anger.
    """
    contexts = []

    def open_page(url, width=1280, height=900, theme="light"):
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
        contexts.append(context)
        page = context.new_page()
        page.foreign, page.errors = [], []
        page.on("console", lambda message: message.type == "error" and page.errors.append(message.text))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("request", lambda request: HERE.match(request.url) or page.foreign.append(request.url))
        context.route(lambda url: not HERE.match(url), lambda route: route.abort())
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def served(folder):
    """The address of a plain static server of a folder."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@pytest.fixture(scope="session")
def serve():
    """with serve(folder) as address: ..."""
    return served


def once(tmp_path_factory, name, make):
    """A folder that the first worker of a run makes and all others read."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    folder = tmp_path_factory.getbasetemp().parent / f"{name}-{run}" if run else tmp_path_factory.mktemp("web") / name
    done = folder.with_name(f"{folder.name}.done")
    with FileLock(f"{folder}.lock"):
        if not done.exists():
            make(folder)
            done.touch()
    return folder


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The folder of the book, of a course that nobody has published yet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(contents.ADDRESS, "repository", contents.PLACEHOLDER)
        return once(tmp_path_factory, "book", book.build)


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """The folder of the book of one lesson, of a course that somebody has published."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(contents.ADDRESS, "repository", "someone/course")
        patch.setitem(contents.ADDRESS, "branch", "main")
        return once(tmp_path_factory, "published", lambda folder: book.build(folder, ["advantage"]))
