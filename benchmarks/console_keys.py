"""How long a label takes from the key press to the next message on the screen: python -m benchmarks.console_keys

Debian's Chromium in a desktop and in a phone window shows the labelling page of a real console. Each message is
labelled by two keys, as people do it: a digit chooses, and the same digit saves. The time is that of the browser,
`performance.now()`, from the second key press to the first frame after the next text is in the page. Meanwhile the
labels go out in the background.
"""

import argparse
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, sync_playwright

from benchmarks.table import machine, print_rows
from tests.browser.filling import filled_workspace
from tests.browser.screens import Desk, Labelling, Look, chromium_options, screen
from tests.service import served

_PRESSES = 50
_MOST_MS = 50.0
_WATCH = """
() => {
  window.times = [];
  let began = null;
  addEventListener("keydown", (event) => { if (/^Digit/.test(event.code)) began = performance.now(); }, true);
  new MutationObserver(() => {
    if (began === null) return;
    const start = began;
    requestAnimationFrame(() => {
      // The frame is painted after this callback; a task behind it runs when that has been done.
      const channel = new MessageChannel();
      channel.port1.onmessage = () => window.times.push(performance.now() - start);
      channel.port2.postMessage(null);
    });
    began = null;
  }).observe(document.querySelector("#text"), { childList: true });
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    looks = [Look("desktop", "ru"), Look("phone", "ru")]
    with sync_playwright() as playwright, playwright.chromium.launch(**chromium_options()) as browser:
        measured = {}
        for look in looks:
            with TemporaryDirectory() as folder:
                place = filled_workspace(Path(folder) / "bank")
                place.database.dispose()
                with (
                    served(place.folder, Path(folder) / "log", command="console") as running,
                    screen(browser, running.address, look) as context,
                ):
                    measured[look.window] = _times_ms(context.new_page(), look)
        version = browser.version
    rows = []
    for window, times in measured.items():
        cuts = statistics.quantiles(times, n=20)
        rows.append((window, str(len(times)), *(f"{one:.1f}" for one in (cuts[9], cuts[18], max(times)))))
    print_rows(
        f"From the key press to the next message, Chromium {version}, {machine()}; wanted: {_MOST_MS:.0f} ms",
        ("window", "labels", "median ms", "p95 ms", "longest ms"),
        rows,
    )


def _times_ms(page: Page, look: Look) -> list[float]:
    desk = Desk(page, look, "keys")
    desk.sign_in("anton")
    labelling = Labelling(desk)
    page.evaluate(_WATCH)
    for number in range(_PRESSES):
        labelling.label("Digit1", "Digit1")
        page.wait_for_function("(n) => window.times.length === n", arg=number + 1)
    times: list[float] = page.evaluate("window.times")
    return times


if __name__ == "__main__":
    main()
