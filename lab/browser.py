"""A real browser without a window: Debian's Chromium, driven by its DevTools protocol over a pair of pipes.

Nothing but the standard library is needed, and no port is opened.
https://chromedevtools.github.io/devtools-protocol (read 2026-11-21)
"""

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

from . import process

PATIENCE_S = 60
"""How long an answer is awaited; a busy machine starts a browser slowly."""


class Browser:
    """One running Chromium with one page: `with Browser(folder) as page: page.open(file)`."""

    def __init__(self, folder: Path, width: int = 1600, height: int = 900):
        """Starts it, with a profile of its own in the folder."""
        self.folder, self.size = folder, (width, height)
        self.events: list = []
        self._number, self._rest, self._session = 0, b"", None
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "Browser":
        """Starts the program and waits for its page."""
        read_here, written_there = os.pipe()
        read_there, written_here = os.pipe()
        # The browser reads commands from descriptor 3 and answers on 4; whatever is there now must not be in the way.
        high = [fcntl.fcntl(one, fcntl.F_DUPFD, 20) for one in (read_there, written_there)]

        def place() -> None:
            """In the child: the two pipes where Chromium looks for them."""
            process.end_with_parent()
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        binary = shutil.which("chromium")
        assert binary, "chromium is missing: run `make setup` first"
        options = ["--headless", "--remote-debugging-pipe", "--disable-gpu", "--no-first-run", "--disable-extensions",
                   "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
                   "--hide-scrollbars", f"--user-data-dir={self.folder / 'profile'}",
                   f"--window-size={self.size[0]},{self.size[1]}"]
        if os.geteuid() == 0:
            options.append("--no-sandbox")  # Chromium's own sandbox refuses root.
        with (self.folder / "chromium.log").open("wb") as log:
            self._child = subprocess.Popen([binary, *options, "about:blank"], stdin=subprocess.DEVNULL, stdout=log,
                                           stderr=log, close_fds=False, preexec_fn=place, start_new_session=True)
        for one in (read_there, written_there, *high):
            os.close(one)
        self._read, self._write = read_here, written_here
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")
        self.ask("Emulation.setDeviceMetricsOverride", width=self.size[0], height=self.size[1], deviceScaleFactor=1,
                 mobile=False)
        return self

    def __exit__(self, *_error) -> None:
        """Ends it."""
        self._session = None
        with contextlib.suppress(AssertionError, OSError):
            self.ask("Browser.close")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(10)
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()
        os.close(self._read)
        os.close(self._write)
        shutil.rmtree(self.folder / "profile", ignore_errors=True)

    def _message(self, until: float) -> dict:
        """The next message of the browser."""
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(0.0, until - time.monotonic()))
            assert ready, f"the browser did not answer within {PATIENCE_S} s; see {self.folder / 'chromium.log'}"
            chunk = os.read(self._read, 1 << 16)
            assert chunk, f"the browser ended; see {self.folder / 'chromium.log'}"
            self._rest += chunk
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def ask(self, method: str, **parameters) -> dict:
        """Sends a command and gives its result; events that come meanwhile are kept."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._write, json.dumps(command).encode() + b"\0")
        until = time.monotonic() + PATIENCE_S
        while True:
            message = self._message(until)
            if message.get("id") == self._number:
                assert "error" not in message, f"{method}: {message['error']}"
                return message["result"]
            self.events.append(message)

    def open(self, file: Path) -> None:
        """Opens a file and waits until it is loaded."""
        self.ask("Page.navigate", url=file.resolve().as_uri())
        self.wait("document.readyState === 'complete'")

    def run(self, script: str):
        """The value of a script."""
        result = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in result, f"{script}: {result['exceptionDetails']}"
        return result["result"].get("value")

    def wait(self, script: str) -> None:
        """Waits until a script says true."""
        until = time.monotonic() + PATIENCE_S
        while not self.run(script):
            assert time.monotonic() < until, f"never true: {script}"
            time.sleep(0.05)

    def click(self, selector: str) -> None:
        """Presses and releases the mouse in the middle of an element."""
        place = self.run(f"(() => {{ const box = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
                         " return [box.x + box.width / 2, box.y + box.height / 2]; })()")
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def type(self, text: str) -> None:
        """Types into what has the focus."""
        self.ask("Input.insertText", text=text)

    def press(self, key: str, code: int) -> None:
        """Presses a key that is no letter."""
        text = {"text": "\r"} if key == "Enter" else {}
        self.ask("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, windowsVirtualKeyCode=code, **text)
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)

    def picture(self, name: str) -> Path:
        """A screenshot, as a file in the folder."""
        file = self.folder / f"{name}.png"
        file.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))
        return file

    def complaints(self) -> list:
        """What the console and the script engine complained about."""
        self.run("0")
        wrong = []
        for event in self.events:
            method, details = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                wrong.append(details["exceptionDetails"].get("exception", {}).get("description") or str(details))
            if method == "Runtime.consoleAPICalled" and details["type"] in ("error", "warning", "assert"):
                wrong.append(str(details["args"]))
            if method == "Log.entryAdded" and details["entry"]["level"] in ("error", "warning"):
                wrong.append(details["entry"]["text"])
        return wrong

    def requests(self) -> list:
        """The addresses that were asked for."""
        self.run("0")
        sent = (event for event in self.events if event.get("method") == "Network.requestWillBeSent")
        return [event["params"]["request"]["url"] for event in sent]
