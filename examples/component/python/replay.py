"""What a new bundle would have decided otherwise: the audit log of a gate, asked again.

    python replay.py zonegate_component.wasm new-bundle.json gate.log

A log has neither keys nor bodies, so what requests meant is asked again, by the key that had proved itself and at the
time of the line. Lines are Envoy's access log or what `session.audit()` gave, which has no time: then it is now.
Exit codes: 0 nothing changes, 4 decisions change, 1 the bundle is refused or a file cannot be read.
"""

import argparse
import json
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path

from zonegate import Bundle, Engine, Misuse, Problems, Question, now

OPERATION_CHARACTERS_MAX = 300
"""Where a log cuts an operation short."""


class Replay:
    """Asks records again, and counts what changes and what could not be asked."""

    def __init__(self, bundle: Bundle, encrypted: bool):
        """`encrypted` is whether clients came by TLS, which no record tells."""
        self.bundle, self.encrypted = bundle, encrypted
        self.changes, self.skipped, self.asked, self.partly = Counter(), Counter(), 0, 0

    def line(self, text: str) -> None:
        """One line of a log, with whatever a collector has put before its record."""
        _, brace, rest = text.partition("{")
        try:
            around = json.loads(brace + rest)
            record = around.get("zonegate", around)
            decision = record["decision"]
            at = around.get("time")
            at = int(datetime.fromisoformat(at).timestamp() * 1000) if at else now()
        except (ValueError, KeyError, AttributeError, TypeError):
            self.skipped["no record of the gate"] += 1
            return
        denied = record.get("denied_operation")
        if decision == "gate":
            self.skipped["the gate spoke for itself"] += 1
        elif decision == "deny" and denied is None:
            self.skipped[f"denied without asking policies: {record.get('reason')}"] += 1
        else:
            # The denied operation is the last word on a request, even where it is not among the first of the record.
            operations = record["operations"] + ([denied] if denied and denied not in record["operations"] else [])
            self.record(record, operations, around.get("method"), at)

    def record(self, record: dict, operations: list, method: str | None, at: int) -> None:
        """Asks one record's operations again."""
        if any(len(operation) >= OPERATION_CHARACTERS_MAX for operation in operations):
            self.skipped["an operation was cut short by the log"] += 1
            return
        cost = max(record["cost"], len(operations))
        question = Question(
            key=record["key"], provider=record["provider"], account=record["account"], client=record["client"],
            encrypted=self.encrypted, method=method, route=record["route"], operations=operations, cost=cost)
        try:
            allowed, policies, reason = self.bundle.ask(question, at)
        except Misuse as misuse:
            wrong = misuse.args[0]
            self.skipped[f"cannot be asked, {wrong.tag} {wrong.payload}"] += 1
            return
        self.asked += 1
        self.partly += cost > len(operations)
        if allowed == (record["decision"] == "allow"):
            return
        was, by = ("allowed" if record["decision"] == "allow" else f"denied ({record['reason']})"), ", ".join(policies)
        would = f"allowed by {by}" if allowed else f"denied ({reason}{' by ' + by if by else ''})"
        what = record.get("denied_operation") or operations[0]
        more = "" if len(operations) == 1 else f" and {cost - 1} more"
        self.changes[f"{record['key']}: {what}{more}\n    was {was}, would be {would}"] += 1

    def report(self) -> str:
        """What is to be told."""
        lines = [f"{change}{'' if count == 1 else f', {count} times'}" for change, count in self.changes.items()]
        lines.append(f"{sum(self.changes.values())} of {self.asked} requests would be decided otherwise.")
        if self.partly:
            lines.append(f"Of {self.partly} the log has only the first operations; the others were not asked.")
        lines += [f"Not asked: {count}, {why}." for why, count in sorted(self.skipped.items())]
        return "\n".join(lines)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("component", type=Path, help="zonegate_component.wasm")
    parser.add_argument("bundle", type=Path, help="the new bundle, as `zonegate bundle --bare` writes it")
    parser.add_argument("log", type=Path, nargs="+", help="audit logs, one record in a line")
    parser.add_argument("--plain", action="store_true", help="clients did not come by TLS")
    arguments = parser.parse_args()
    try:
        replay = Replay(Engine(arguments.component).load(arguments.bundle.read_bytes()), not arguments.plain)
        for log in arguments.log:
            for line in filter(str.strip, log.read_text(errors="replace").splitlines()):
                replay.line(line)
    except (OSError, Problems) as problem:
        print(problem, file=sys.stderr)
        return 1
    print(replay.report())
    return 4 if replay.changes else 0


if __name__ == "__main__":
    sys.exit(main())
