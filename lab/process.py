"""Programs that the lab starts: each in its own session, with a log, stopped by its process id and never by name."""

import ctypes
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from . import paths, term

_given_ports: set = set()


def free_port() -> int:
    """A port of 127.0.0.1 that is free for TCP and UDP and was not given out by this process before."""
    for _ in range(200):
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given_ports:
            _given_ports.add(port)
            return port
    raise term.fail("no free port on 127.0.0.1")


def require_free(port: int, what: str) -> int:
    """The port, if nobody listens on it; otherwise an error that says what to do."""
    with socket.socket() as tcp:
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tcp.bind(("127.0.0.1", port))
        except OSError:
            raise term.fail(f"Port {port} on 127.0.0.1, wanted for {what}, is taken by another program. "
                            f"Choose another: PORT={port + 100} make run") from None
    return port


def end_with_parent() -> None:
    """In the child: be told to end when the lab dies, even by SIGKILL (Linux only, best effort)."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


class Program:
    """One running program."""

    def __init__(self, name: str, argv: list, log: Path, environment: dict | None = None, folder: Path | None = None):
        """Starts it; its output goes to the end of the log."""
        self.name, self.log = name, log
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log_start = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                [str(word) for word in argv], stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                env=dict(os.environ, **(environment or {})), cwd=folder or paths.ROOT,
                start_new_session=True, preexec_fn=end_with_parent)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._child.pid

    def runs(self) -> bool:
        """Whether it still runs."""
        return self._child.poll() is None

    def output(self) -> str:
        """What it has printed since it was started."""
        with self.log.open("rb") as file:
            file.seek(self.log_start)
            return file.read().decode(errors="replace")

    def wait_until(self, ready, what: str, seconds: float = 20) -> None:
        """Waits until `ready()` is true; an error with the end of its log if it ends or takes too long."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            if ready():
                return
            if not self.runs():
                break
            time.sleep(0.02)
        state = "does not get ready" if self.runs() else f"ended with status {self._child.returncode}"
        tail = "\n  ".join(self.output().splitlines()[-12:])
        self.stop()
        raise term.fail(f"{self.name} {state} ({what}); the end of {self.log}:\n  {tail}")

    def stop(self) -> None:
        """Ends it, at first politely."""
        if self.runs():
            self._child.terminate()
            try:
                self._child.wait(5)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()

    def cpu_seconds(self) -> float:
        """The CPU time that it has used so far, of all its threads, by the clock that Linux keeps for each process."""
        cpu_clock = 2   # CPUCLOCK_SCHED, in clock_getcpuclockid(3)
        return time.clock_gettime(~self.pid << 3 | cpu_clock)
