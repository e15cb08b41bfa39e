"""The deepest policies that `zonegate check` lets pass run inside Envoy, and anything deeper is refused with its line.

docs/limits.md says how far the limits are from where Envoy's WebAssembly gives up.
"""

import re

import pytest

from lab import gate as whole
from lab import packed

from .conftest import ZONES

ACTIONS = '[Action::"zone.list", Action::"zone.read", Action::"record.read"]'
"""A listing asks the policy on the way there and, for each zone, on the way back."""

BRACKETS, UNARY, IFS, OPERATORS, ACCESSES, TOGETHER = 24, 8, 24, 64, 64, 112
"""The limits of engine/src/policy/depth.rs."""

TRUE = "context.operations > 0"
"""Not a literal: Cedar folds those while it parses."""


def parentheses(depth: int) -> str:
    """Brackets: the clause's own is one of them."""
    return "(" * (depth - 1) + TRUE + ")" * (depth - 1)


def records(depth: int) -> str:
    """Records and access to what is in them."""
    return "{a:" * (depth - 1) + TRUE + "}.a" * (depth - 1)


def negations(length: int) -> str:
    """`!` before one another; more than four without a bracket are an error of the language."""
    return f"!(!(!(!({'!' * (length - 4)}({TRUE})))))"


def conditionals(count: int) -> str:
    """`if` in the `else` of another."""
    return "if context.tls then true else " * count + TRUE


def conjunctions(count: int) -> str:
    """`&&`; the clause itself is one more."""
    return " && ".join([TRUE] * count)


def disjunctions(count: int) -> str:
    """`||`, all but the last false."""
    return " || ".join(["context.tls"] * (count - 1) + [TRUE])


def sums(count: int) -> str:
    """`+`."""
    return " + ".join(["context.operations"] * count) + " > 0"


def clauses(count: int) -> str:
    """`when` and `unless`."""
    return TRUE + " } unless { context.tls" * (count - 1)


def methods(count: int) -> str:
    """Method calls, of which the first access is the one to the context."""
    return "context.now" + '.offset(duration("0s"))' * (count - 1) + ' != datetime("1970-01-01")'


def everything(total: int) -> str:
    """All together, each inside the one before: records, `if`, negations, comparisons and operators."""
    text, levels = TRUE, 11
    for _ in range(levels):
        text = f"!!{{a: if {text} && !context.tls then true else false}}.a != false"
    # A level counts nine: three its bracket, three `!`, an `if`, an operator and an access.
    # The clause counts one and its bracket three; the chain of accesses begins with the innermost operand's own.
    rest = total - 9 * levels - 5
    return text + f" && {TRUE}" * rest


AT_LIMIT = {
    "parentheses": (parentheses, BRACKETS, "brackets are nested"),
    "records": (records, BRACKETS, "brackets are nested"),
    "negations": (negations, UNARY, "stand before one another"),
    "conditionals": (conditionals, IFS, "`if`"),
    "conjunctions": (conjunctions, OPERATORS, "operators and clauses"),
    "disjunctions": (disjunctions, OPERATORS, "operators and clauses"),
    "sums": (sums, OPERATORS, "operators and clauses"),
    "clauses": (clauses, OPERATORS, "operators and clauses"),
    "methods": (methods, ACCESSES, "member accesses"),
    "everything": (everything, TOGETHER, "together"),
}
"""How each is built, the most of it that may be, and what is said of one more."""


def write(policies, conditions: dict) -> None:
    """One file with one policy for each condition; the conditions stand in lines 4, 9, 14 and so on."""
    policies.joinpath("deep.cedar").write_text("".join(
        f'@id("deep-{name}")\n@doc("For a test: as deep as may be.")\n'
        f'permit (principal in Role::"all-zones", action in {ACTIONS}, resource)\nwhen {{ {text} }};\n\n'
        for name, text in conditions.items()))
    manifest = policies / "manifest.toml"
    if "deep.cedar" not in manifest.read_text():
        manifest.write_text(manifest.read_text().replace("files = [", 'files = [\n  "deep.cedar",', 1))


def with_deep_policy(discovery: str) -> str:
    """The discovery file with one operator too many in deep.cedar, and a digest that fits."""
    bundle = packed.Bundle.of(discovery)
    texts = packed.rows(bundle.sections[packed.TEXTS])
    deep = conjunctions(OPERATORS + 1).encode()
    bundle.sections[packed.TEXTS] = packed.list_of(
        [text.replace(TRUE.encode(), deep) if b'"deep-first"' in text else text for text in texts])
    return bundle.into(discovery)


def test_policies_at_every_limit_are_loaded_and_decide(another_gate, policies, keys):
    """All of them in one bundle: each permits, so none was left out, failed or trapped."""
    write(policies, {name: build(limit) for name, (build, limit, _) in AT_LIMIT.items()})
    gate = another_gate(policies=policies)
    for _ in range(3):
        answer = gate.ask("GET", ZONES, key=keys["demoallzones"])
        assert answer.status == 200 and len(answer.json) > 3, answer.text
    deciding = []

    def written() -> bool:
        """Whether the audit log has all three requests; Envoy writes it a little later."""
        records = [record.get("zonegate") or {} for record in gate.audit_records()]
        deciding[:] = [record["policies"] for record in records if record.get("key")]
        return len(deciding) == 3

    gate.program.wait_until(written, "waiting for the audit records")
    assert {f"deep-{name}" for name in AT_LIMIT} <= set(deciding[0]), deciding[0]
    log = gate.program.output()
    assert not re.search("RuntimeError|failed to load|proxy_on_", log), log[-2000:]
    assert gate.counter("wasm.zonegate.vm_reload") == 0


@pytest.mark.parametrize("name", AT_LIMIT)
def test_one_more_is_refused_with_its_line(policies, built, name):
    """The command names file and line before the filter ever sees it."""
    build, limit, says = AT_LIMIT[name]
    write(policies, {"first": TRUE, name: build(limit + 1)})
    done = whole.zonegate("check", policies)
    said = done.stdout + done.stderr
    assert done.returncode != 0 and says in said and re.search(r"deep\.cedar:9\b", said), said


def test_the_filter_refuses_what_the_command_would(another_gate, policies, keys):
    """A bundle made by other means is refused too, without a trap, and the one before goes on."""
    write(policies, {"first": TRUE})
    gate = another_gate(policies=policies)
    packed = gate.folder / "packed.json"
    assert whole.pack(packed, policies).returncode == 0
    gate.write_bundle(with_deep_policy(packed.read_text()))
    gate.program.wait_until(lambda: "operators and clauses" in gate.program.output(), "waiting for the refusal")
    assert "RuntimeError" not in gate.program.output()
    assert gate.ask("GET", ZONES, key=keys["demoallzones"]).status == 200
