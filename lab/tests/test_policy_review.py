"""examples/policy-review: the workflow is what its README says, and each command in it runs."""

import base64
import hashlib
import os
import re
import shutil
import subprocess

import pytest
import yaml

from lab import paths

WORKFLOW = paths.ROOT / "examples" / "policy-review" / "policy-review.yml"
"""The workflow."""

STUB = """#!/bin/sh
printf '%s\\n' "$*" >> "$CALLS"
for word in "$@"; do case "$word" in body=@*) cat "${word#body=@}" > "$CALLS.body";; esac; done
case "$*" in *--jq*) cat "$CALLS.known" 2>/dev/null || true;; esac
"""
"""What stands in for `gh` and `sudo`: notes how it was called, and knows the comments that a test says there are."""


def read() -> dict:
    """The workflow as it is parsed."""
    return yaml.safe_load(WORKFLOW.read_text())


def steps(job: str) -> dict:
    """A job's commands by the names of their steps."""
    return {step["name"]: step for step in read()["jobs"][job]["steps"] if "run" in step}


@pytest.fixture
def checkout(tmp_path):
    """A repository with policies, and a merged pull request that allows more."""
    here = tmp_path / "checkout"
    shutil.copytree(paths.ROOT / "policies", here / "policies")
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]

    def git(*words):
        subprocess.run(["git", *who, *words], cwd=here, check=True, capture_output=True)

    git("init", "--quiet", "--initial-branch=main")
    git("add", ".")
    git("commit", "--quiet", "--message=base")
    git("checkout", "--quiet", "-b", "change")
    editors = here / "policies" / "roles" / "zone-editors.cedar"
    editors.write_text(editors.read_text().replace('when { resource.zone like "*prod*" };', 'when { resource.zone like "*" };', 1))
    git("commit", "--quiet", "--all", "--message=wider")
    git("checkout", "--quiet", "main")
    git("merge", "--quiet", "--no-ff", "--message=merged", "change")
    return here


class Runner:
    """What GitHub gives to a step: an environment, and files that collect what steps say."""

    def __init__(self, folder, checkout):
        self.folder, self.checkout = folder, checkout
        (folder / "bin").mkdir()
        self.files = {name: folder / name.lower() for name in ("GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for name in ("gh", "sudo"):
            (folder / "bin" / name).write_text(STUB)
            (folder / "bin" / name).chmod(0o755)
        command = paths.COMMAND
        digest = hashlib.sha256(command.read_bytes()).hexdigest()
        self.environment = dict(os.environ, RUNNER_TEMP=str(folder), CALLS=str(folder / "calls"), NEEDS_LABEL="more",
                                ZONEGATE_URL=command.as_uri(), ZONEGATE_SHA256=digest,
                                PATH=f"{folder / 'bin'}:{os.environ['PATH']}",
                                **{name: str(file) for name, file in self.files.items()})

    def run(self, step: dict, **environment) -> subprocess.CompletedProcess:
        """Runs a step's command as GitHub does."""
        return subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], cwd=self.checkout,
                              env=dict(self.environment, **environment), text=True, check=False, timeout=300,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def outputs(self) -> dict:
        """What steps handed on."""
        return dict(line.split("=", 1) for line in self.files["GITHUB_OUTPUT"].read_text().splitlines())


@pytest.fixture
def runner(tmp_path, checkout):
    """A runner in the checkout."""
    folder = tmp_path / "runner"
    folder.mkdir()
    return Runner(folder, checkout)


def test_rights_are_least_and_actions_are_pinned():
    """No rights but those that a job needs, no secrets, no action that can change, nothing of the request in commands."""
    text, workflow = WORKFLOW.read_text(), read()
    assert workflow["permissions"] == {}
    rights = {name: job["permissions"] for name, job in workflow["jobs"].items()}
    assert rights == {"review": {"contents": "read"}, "comment": {"pull-requests": "write"}}
    # YAML reads the key `on` as true.
    assert list(workflow[True]) == ["pull_request"]
    assert "secrets." not in text and "pull_request_target" not in text
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), step["name"]
            if "uses" in step:
                assert re.fullmatch(r"actions/checkout@[0-9a-f]{40}", step["uses"])
                assert step["with"]["persist-credentials"] is False
    assert not any("uses" in step for step in workflow["jobs"]["comment"]["steps"]), "it runs nothing of the request"
    assert "head.repo.full_name == github.repository" in workflow["jobs"]["comment"]["if"]


def test_each_command_runs(runner):
    """The commands in their order: the report comes out, and the label is asked for."""
    review = steps("review")
    assert list(review) == ["Get the command", "Get the solver", "Check the policies", "Run the decision tables",
                            "Compare decisions", "Ask for the label"]
    for name in ("Get the command", "Get the solver", "Check the policies"):
        done = runner.run(review[name])
        assert done.returncode == 0, (name, done.stdout)
        if name == "Get the command":
            runner.environment["PATH"] = f"{runner.files['GITHUB_PATH'].read_text().strip()}:{runner.environment['PATH']}"
    # The change makes rows of the tables fail, as it should.
    assert runner.run(review["Run the decision tables"]).returncode in (0, 1)
    done = runner.run(review["Compare decisions"])
    assert done.returncode == 0, done.stdout
    outputs = runner.outputs()
    report = base64.b64decode(outputs["report"]).decode()
    assert outputs["code"] == "4" and "more is allowed" in report and "prod&#45;editors" in report
    assert runner.files["GITHUB_STEP_SUMMARY"].read_text() == report
    assert runner.run(review["Ask for the label"]).returncode == 1


def test_a_command_of_another_digest_is_not_run(runner):
    """What was downloaded is held to its digest first."""
    done = runner.run(steps("review")["Get the command"], ZONEGATE_SHA256="0" * 64)
    assert done.returncode != 0 and not runner.files["GITHUB_PATH"].exists()


@pytest.mark.parametrize(("known", "call"), [("", "--method POST repos/o/r/issues/7/comments"),
                                             ("41\n42\n", "--method PATCH repos/o/r/issues/comments/41")])
def test_there_is_one_comment(runner, known, call):
    """The first report is a comment, later ones replace it."""
    (runner.folder / "calls.known").write_text(known)
    step = steps("comment")["Write the comment, or the one that is there again"]
    report = "### Policies: \"more\" is allowed\n\n$(id) `id`\n"
    encoded = base64.b64encode(report.encode()).decode()
    done = runner.run(step, GH_TOKEN="none", REPORT=encoded, REPOSITORY="o/r", NUMBER="7")
    assert done.returncode == 0, done.stdout
    assert call in (runner.folder / "calls").read_text().splitlines()[-1]
    assert (runner.folder / "calls.body").read_text() == "<!-- zonegate policy review -->\n" + report
