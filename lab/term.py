"""What a person sees: plain lines in a pipe, colours and a progress bar on a terminal."""

import shutil
import sys
import threading
import time

ON_TERMINAL = sys.stdout.isatty()
"""Whether colours and a moving bar make sense."""

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "36"}


def paint(text: str, style: str) -> str:
    """The text in a colour, on a terminal; otherwise the text."""
    return f"\033[{_CODES[style]}m{text}\033[0m" if ON_TERMINAL else text


def say(text: str = "") -> None:
    """Prints one line at once."""
    print(text, flush=True)


def fail(text: str) -> "SystemExit":
    """An error for a person, to be raised; ends the program with status 1."""
    return SystemExit(f"{paint('error:', 'red')} {text}")


class Steps:
    """A list of named steps with a bar: `with steps.step("Envoy"):` draws it, times it and marks it done."""

    def __init__(self, total: int):
        """For so many steps in all."""
        self.total, self.done = total, 0

    def step(self, name: str) -> "_Step":
        """One step, as a context manager."""
        return _Step(self, name)

    def skip(self, name: str) -> None:
        """Counts a step that had nothing to do."""
        self.done += 1
        say(f"  {paint('✓', 'green') if ON_TERMINAL else 'ok'} {name}")


class _Step:
    """One step of `Steps`: redraws its line each 0.2 s on a terminal."""

    def __init__(self, steps: Steps, name: str):
        """The step of this name."""
        self.steps, self.name, self.note = steps, name, ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._draw, daemon=True)

    def __enter__(self) -> "_Step":
        """Begins the step."""
        self.began = time.monotonic()
        if ON_TERMINAL:
            self._thread.start()
        else:
            say(f"  .. {self.name}")
        return self

    def __exit__(self, kind, error, trace) -> None:
        """Ends the step, well or badly."""
        self._over.set()
        if ON_TERMINAL:
            self._thread.join()
            print("\r\033[K", end="")
        self.steps.done += 1
        seconds = f"{time.monotonic() - self.began:.1f} s"
        mark = (paint("✗", "red") if kind else paint("✓", "green")) if ON_TERMINAL else ("failed" if kind else "ok")
        say(f"  {mark} {self.name} {paint('(' + seconds + ')', 'dim')}")

    def _draw(self) -> None:
        """Redraws the bar until the step is over."""
        width = 24
        while not self._over.wait(0.2):
            filled = width * self.steps.done // max(self.steps.total, 1)
            bar = "█" * filled + "░" * (width - filled)
            line = f"  {bar} {self.name} {self.note} {time.monotonic() - self.began:.0f} s"
            print("\r\033[K" + line[: shutil.get_terminal_size().columns - 1], end="", flush=True)
