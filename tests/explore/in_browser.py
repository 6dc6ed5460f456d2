"""Pages in Chromium without a window: a script acts as a user, and leaves what it found in the page."""

import html
import json
import re
import shutil
import subprocess
from urllib.parse import unquote

import pytest

REPORT = """
<script>
window.addEventListener("load", async () => {
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const change = (id, value) => { $(id).value = value; $(id).dispatchEvent(new Event("change", { bubbles: true })); };
  const pointer = (id, type, x, y) => {
    const box = $(id).getBoundingClientRect();
    const at = { clientX: box.left + x * box.width, clientY: box.top + y * box.height, pointerId: 1, bubbles: true };
    $(id).dispatchEvent(new PointerEvent(type, at));
  };
  let found;
  try { found = await (async () => { ACTIONS })(); } catch (error) { found = { error: String(error.stack) }; }
  const out = document.createElement("script");
  out.type = "application/json";
  out.id = "found";
  out.textContent = encodeURIComponent(JSON.stringify(found));
  document.body.append(out);
});
</script>
"""


def chromium():
    """The path of a Chromium, or a skipped test."""
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("Chromium is not installed: nothing shows the page here")


def acted(folder, page, actions, *, more=(), scheme="light"):
    """What a script, the body of an async function, returns after it has acted on a page."""
    file = folder / "acted.html"
    text = page.replace("</body>", "".join(more) + REPORT.replace("ACTIONS", actions) + "</body>")
    file.write_text(text, encoding="utf-8")
    command = [
        *(chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *(f"--user-data-dir={folder / 'profile'}", "--window-size=1200,3000", "--virtual-time-budget=20000"),
        f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}",
        *("--dump-dom", file.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    found = re.search(r'<script type="application/json" id="found">(.*?)</script>', done.stdout)
    assert found, done.stderr[-2000:] + done.stdout[:500]
    answer = json.loads(unquote(html.unescape(found[1])))
    assert not (isinstance(answer, dict) and "error" in answer), answer["error"]
    return answer
