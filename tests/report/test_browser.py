"""The pages in a browser, as narrow as a phone: they never scroll sideways, wide tables do within their boxes."""

import re
import shutil
import subprocess

import pytest

from liuli.report import write_inspection, write_report

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
MEASURE = """<script>
const widths = [innerWidth, document.documentElement.scrollWidth,
  ...[...document.querySelectorAll(".wide, .card, pre")].map(box => Math.ceil(box.getBoundingClientRect().right))];
parent.postMessage(widths.join(" "), "*");
</script>"""
FRAME = """<!DOCTYPE html><script>
addEventListener("message", event => { document.documentElement.dataset.widths = event.data; });
</script><iframe src="report.html" style="border: 0; width: %dpx; height: 900px"></iframe>"""  # windows are wider

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


def widths(path, width):
    """The width of the frame, that of the page, and the right edge of every box that may scroll."""
    path.write_text(path.read_text("utf-8").replace("</body>", f"{MEASURE}</body>"), "utf-8")
    frame = path.with_name("frame.html")
    frame.write_text(FRAME % width, "utf-8")
    options = (f"--user-data-dir={path.parent / 'browser'}", "--virtual-time-budget=5000", "--dump-dom", frame.as_uri())
    shown = subprocess.run([CHROMIUM, *QUIET, *options], check=True, capture_output=True, text=True, timeout=120).stdout
    return [int(n) for n in re.search(r'data-widths="([\d ]+)"', shown)[1].split()]


@pytest.mark.parametrize("task", ["digits", "diabetes", "mixed"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_fits_a_phone(request, task, language, tmp_path):
    given = request.getfixturevalue(task)[0]
    facts = {"command": "liuli train " + "a/very/long/path" * 8 + " --target y", "data": "d" * 90}
    path = write_report(tmp_path / "report.html", **{**given, "language": language, "facts": facts})
    window, page, *boxes = widths(path, 360)
    assert window == 360 and page <= window
    assert boxes and max(boxes) <= window


@pytest.mark.parametrize("task", ["digits", "mixed"])
def test_the_page_of_an_inspection_fits_a_phone(request, task, tmp_path):
    given = request.getfixturevalue(task)[0]
    path = write_inspection(tmp_path / "report.html", given["model"], given["test"], name="n" * 90)
    path.write_text(path.read_text("utf-8").replace("<details>", "<details open>"), "utf-8")
    window, page, *boxes = widths(path, 360)
    assert window == 360 and page <= window
    assert boxes and max(boxes) <= window
