"""`python3 -m lab.standins P --port N`: one stand-in, until its standard input closes or Ctrl-C."""

import argparse
import json
import sys
import threading
from pathlib import Path

from . import make, names


def main() -> int:
    """Starts it and prints one line of JSON with its ports and its credential."""
    parser = argparse.ArgumentParser(prog="python3 -m lab.standins", description="A stand-in of a provider's DNS API.")
    parser.add_argument("provider", choices=names())
    parser.add_argument("--port", type=int, default=0, help="where it listens on 127.0.0.1 (0: a free port)")
    parser.add_argument("--control-port", type=int, default=0, help="where faults are ordered and the log is read")
    parser.add_argument("--secret", default=None, help="the one credential that it takes")
    parser.add_argument("--certificate", type=Path, help="speak TLS with this certificate")
    parser.add_argument("--key", type=Path, help="and this key")
    chosen = parser.parse_args()
    tls = (chosen.certificate, chosen.key) if chosen.certificate else None
    running = make(chosen.provider, secret=chosen.secret).start(chosen.port, tls, chosen.control_port)
    print(json.dumps({"provider": chosen.provider, "port": running.port, "control_port": running.control_port,
                      "prefix": running.prefix, "secret": running.secret}), flush=True)
    try:
        if sys.stdin.isatty():
            threading.Event().wait()
        sys.stdin.read()
    except KeyboardInterrupt:
        pass
    finally:
        running.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
