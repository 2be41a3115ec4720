"""How fast the explorers of the book answer: `python tools/bench_book.py [lesson ...]`, such as gae.

The pages come from the built book, without a kernel. Every control of every explorer is put on up to five places,
and each time the page's own clock runs from the event to the frame that shows the new picture. Printed per lesson:
the median of each explorer's moves, the slowest explorer first.
"""

import statistics
import sys
import tempfile
from pathlib import Path

import book
import screenshot

TIMES = """async explorer => {
    const image = explorer.querySelector("img"), times = [];
    const frame = () => new Promise(requestAnimationFrame);
    for (const input of explorer.querySelectorAll(":is(input, select):enabled")) {
        const box = input.type === "checkbox";
        const last = box ? 1 : input.tagName === "SELECT" ? input.options.length - 1 : Number(input.max);
        for (const place of new Set([last, 0, Math.floor(last / 2), Math.min(1, last), Math.max(0, last - 1)])) {
            await frame();
            const begun = performance.now();
            if (box) input.checked = place === 1; else input.value = place;
            input.dispatchEvent(new Event("input", { bubbles: true }));
            await image.decode();
            await frame();
            times.push(performance.now() - begun);
        }
        explorer.querySelector("button").click();
    }
    return times;
}"""


def measure(only=()):
    """Build the book, and print a line for each of its lessons."""
    print("book: milliseconds of the clock from a move to the new picture, median of each explorer")
    with tempfile.TemporaryDirectory(prefix="rlcourse-bench-") as folder, screenshot.browser_page() as page:
        out = book.build(Path(folder) / "book", only)
        for path in sorted(out.glob("[0-9]*.html")):
            page.goto(path.as_uri(), wait_until="load")
            medians = []
            for explorer in page.locator(".rlx").all():
                explorer.hover()
                page.wait_for_function("explorer => 'ready' in explorer.dataset", arg=explorer.element_handle())
                medians.append(statistics.median(explorer.evaluate(TIMES)))
            row = ", ".join(f"{median:.0f}" for median in sorted(medians, reverse=True))
            print(f"  {path.stem:26s} {row}", flush=True)


if __name__ == "__main__":
    measure(sys.argv[1:])
