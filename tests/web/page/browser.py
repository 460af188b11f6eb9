"""Debian's chromium, headless, driven over its DevTools protocol through a pipe: no driver, no port, no dependency.

Rule 1: one browser per test session, one fresh page per test; nothing is kept between pages.
Rule 2: what a page fetches, writes to its console and throws is recorded from before its first byte.
Rule 3: nothing waits a fixed time: `until` asks again and again, and fails with what it saw last.

The protocol: https://chromedevtools.github.io/devtools-protocol/; messages are JSON, each ended by a NUL, on the file
descriptors 3 (to the browser) and 4 (from it).
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any

NAMES = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome")
PATIENCE = 60.0
"""Seconds; says nothing of speed, only that the machine may be busy."""
CHANGED = "ERR_NETWORK_CHANGED"
"""chromium drops its connections when an interface of the machine comes or goes, as those of containers do."""
KEYS = {
    "Tab": (9, ""),
    "Enter": (13, "\r"),
    "Home": (36, ""),
    "End": (35, ""),
    "ArrowLeft": (37, ""),
    "ArrowUp": (38, ""),
    "ArrowRight": (39, ""),
    "ArrowDown": (40, ""),
}
_SHIFT, _CONTROL = 8, 2


def find() -> str | None:
    """The path of a chromium on this machine."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class BrowserError(Exception):
    """The browser ended, or said no."""


class Browser:
    """The browser's process and the pipe to it."""

    def __init__(self, path: str, profile: Path) -> None:
        self._log = profile / "chromium.log"
        with self._log.open("wb") as log:
            self._process = self._started(path, profile, log)
        self._unread = b""
        self._number = 0
        self._pages: dict[str, Page] = {}

    @staticmethod
    def _started(path: str, profile: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [
                *("sh", "-c", 'exec "$@" 3<&0 4>&1 0</dev/null 1>/dev/null', "sh", path, "--headless"),
                *("--remote-debugging-pipe", f"--user-data-dir={profile}", "--no-first-run", "--disable-gpu"),
                *("--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update"),
                *(
                    "--hide-scrollbars",
                    "--lang=en-US",
                    *(("--no-sandbox",) if os.geteuid() == 0 else ()),
                    "about:blank",
                ),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def page(self, *, width: int = 1280, height: int = 900, dark: bool = False) -> Page:
        """A fresh page with storage of its own."""
        context = self.ask("Target.createBrowserContext")["browserContextId"]
        target = self.ask("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session, context)
        page.prepare(width=width, height=height, dark=dark)
        return page

    def forget(self, page: Page) -> None:
        """Close a page and all it has stored."""
        self.ask("Target.disposeBrowserContext", browserContextId=page.context)
        del self._pages[page.session]

    def ask(self, method: str, /, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its reply; events that come meanwhile go to their pages."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": params, **({"sessionId": session} if session else {})}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\0")
        self._process.stdin.flush()
        deadline = time.monotonic() + PATIENCE
        while True:
            reply = self._read(deadline)
            if reply.get("id") == number:
                if "error" in reply:
                    raise BrowserError(f"{method}: {reply['error']}")
                result: dict[str, Any] = reply["result"]
                return result
            if (page := self._pages.get(reply.get("sessionId", ""))) is not None:
                page.note(reply["method"], reply["params"])

    def _read(self, deadline: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while b"\0" not in self._unread:
            if not select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise BrowserError(f"the browser did not answer in {PATIENCE:.0f} s: {self._log.read_text()[-2000:]}")
            piece = os.read(descriptor, 1 << 20)
            if not piece:
                raise BrowserError(f"the browser ended: {self._log.read_text()[-2000:]}")
            self._unread += piece
        message, self._unread = self._unread.split(b"\0", 1)
        reply: dict[str, Any] = json.loads(message)
        return reply


class Page:
    """One tab."""

    def __init__(self, browser: Browser, session: str, context: str) -> None:
        self._browser = browser
        self.session = session
        self.context = context
        self.requests: list[str] = []
        """URLs asked for, in order."""
        self.complaints: list[str] = []
        """Errors and warnings of the console, exceptions, and what the content security policy forbade."""
        self._changed = 0

    def prepare(self, *, width: int, height: int, dark: bool) -> None:
        for domain in ("Page", "Runtime", "Network", "Log", "Performance"):
            self.ask(f"{domain}.enable")
        self.resize(width, height)
        self.media(prefers_color_scheme="dark" if dark else "light")
        self.ask("Emulation.setFocusEmulationEnabled", enabled=True)

    def ask(self, method: str, /, **params: Any) -> dict[str, Any]:
        return self._browser.ask(method, session=self.session, **params)

    def note(self, event: str, said: dict[str, Any]) -> None:
        """Take note of an event of this page."""
        if CHANGED in str(said):
            self._changed += 1
        elif event == "Network.requestWillBeSent":
            self.requests.append(said["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            details = said["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description") or details["text"])
        elif event == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning", "assert"):
            self.complaints.append(" ".join(str(argument.get("value", argument)) for argument in said["args"]))
        elif event == "Log.entryAdded" and said["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{said['entry']['text']} {said['entry'].get('url', '')}")

    def close(self) -> None:
        self._browser.forget(self)

    def resize(self, width: int, height: int) -> None:
        """Give the page a screen of this size, in CSS pixels."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def media(self, **features: str) -> None:
        """Emulate media features, as `prefers_color_scheme="dark"`."""
        wanted = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.ask("Emulation.setEmulatedMedia", features=wanted)

    def open(self, url: str) -> None:
        """Go to `url`; return when its scripts have run. What was dropped on the way is loaded again."""
        changed = -1
        while changed != self._changed:
            changed = self._changed
            self.ask("Page.navigate", url="about:blank")  # the same page with another hash would not be loaded
            self.ask("Page.navigate", url=url)
            self.until("document.readyState === 'complete'", f"{url} is loaded")

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression; a promise is awaited, an exception raised."""
        said = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in said:
            details = said["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description") or details["text"])
        return said["result"].get("value")

    def text(self, selector: str) -> str:
        """The visible text of the first element that matches; "" if none does."""
        return str(self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    def until(self, condition: str, what: str, seconds: float = PATIENCE) -> None:
        """Wait until a JavaScript expression is true."""
        deadline = time.monotonic() + seconds
        while not self.run(condition):
            if time.monotonic() > deadline:
                seen = self.run("document.body.innerText")[:1500]
                raise AssertionError(f"never came true within {seconds:.0f} s: {what}; the page says: {seen}")
            time.sleep(0.03)

    def until_text(self, selector: str, words: str, seconds: float = PATIENCE) -> None:
        """Wait until the first element that matches shows `words`."""
        wanted = f"(document.querySelector({json.dumps(selector)})?.innerText ?? '').includes({json.dumps(words)})"
        self.until(wanted, f"{selector} shows {words!r}", seconds)

    def press(self, key: str, *, shift: bool = False, control: bool = False) -> None:
        """Press and release a key of `KEYS` where the focus is."""
        code, text = KEYS[key]
        held = (_SHIFT if shift else 0) | (_CONTROL if control else 0)
        about = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": held}
        self.ask("Input.dispatchKeyEvent", type="keyDown", **about, **({"text": text} if text else {}))
        self.ask("Input.dispatchKeyEvent", type="keyUp", **about)

    def type(self, text: str) -> None:
        """Type text where the focus is."""
        self.ask("Input.insertText", text=text)

    def focused(self) -> str:
        """What has the focus: its id, or the text that it shows."""
        return str(self.run("document.activeElement.id || document.activeElement.innerText.trim()"))

    def screenshot(self, path: Path, *, whole: bool = True) -> None:
        """Save what the page shows as a PNG; `whole`: with what is below the fold."""
        path.parent.mkdir(parents=True, exist_ok=True)
        said = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole, optimizeForSpeed=False)
        path.write_bytes(base64.b64decode(said["data"]))
