"""A pod as the kubelet would run it, without a cluster: a manifest's volumes as folders, its arguments for a real Envoy.

The kubelet writes a volume of a ConfigMap, a Secret or several of them into a fresh folder beside the last one, lets the
names of files lead into it by the link `..data`, and replaces that link by one rename (`atomic_writer.go` of Kubernetes).
That rename is all that Envoy sees of a change, so it is what has to be tried.
What differs from a cluster: paths and addresses lie elsewhere, users and namespaces are those of the lab.
"""

import os
import shutil
import ssl
import tempfile
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from . import paths, process, term, web

_SERIAL = count(1)


def volume(folder: Path, files: dict, mode: int = 0o644) -> None:
    """Writes or replaces a volume's files (name to bytes) as the kubelet does."""
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "..data"
    old = data.resolve() if data.is_symlink() else None
    fresh = folder / f"..2026_11_22_10_00_00.{next(_SERIAL):010}"
    fresh.mkdir()
    for name, content in files.items():
        (fresh / name).write_bytes(content)
        (fresh / name).chmod(mode)
    (folder / "..data_tmp").symlink_to(fresh.name)
    os.replace(folder / "..data_tmp", data)
    for name in files:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    for stale in {each.name for each in folder.iterdir() if not each.name.startswith("..")} - set(files):
        (folder / stale).unlink()
    if old:
        shutil.rmtree(old)


def sources(each: dict) -> list:
    """The kinds and names of the ConfigMaps and Secrets that a volume of a manifest is made of."""
    parts = each["projected"]["sources"] if "projected" in each else [each]
    found = [("ConfigMap", part["configMap"]["name"]) for part in parts if "configMap" in part]
    return found + [("Secret", part["secret"].get("secretName") or part["secret"]["name"]) for part in parts if "secret" in part]


@dataclass(frozen=True)
class Elsewhere:
    """What lies elsewhere than in a cluster: files of the image, and pieces of text such as addresses."""

    image: dict
    text: dict


class Pod:
    """One pod of a deployment with one container, which is an Envoy; `objects` are the ConfigMaps and Secrets that there are.

    `objects` maps a kind and a name to files: `{("ConfigMap", "zonegate-bundle"): {"zonegate.json": b"..."}}`.
    """

    def __init__(self, folder: Path, documents: list, objects: dict, elsewhere: Elsewhere):
        """Makes the volumes; `start` runs the container."""
        self.folder, self.objects, self.elsewhere = folder, dict(objects), elsewhere
        deployment = next(each for each in documents if each["kind"] == "Deployment")
        self.spec = deployment["spec"]["template"]["spec"]
        self.container, = self.spec["containers"]
        # An `emptyDir` lies in a short place of its own: the address of a unix socket has room for 107 bytes.
        self.places = {each["name"]: Path(tempfile.mkdtemp(prefix="zonegate-")) if "emptyDir" in each
                       else folder / "volumes" / each["name"] for each in self.spec["volumes"]}
        self.folders = {each["mountPath"]: self.places[each["name"]] for each in self.container["volumeMounts"]}
        for each in self.spec["volumes"]:
            self._mount(each)
        self.program = None

    def replace(self, kind: str, name: str, files: dict) -> None:
        """Gives a ConfigMap or Secret other files, and brings every volume that has it up to date."""
        self.objects[kind, name] = files
        for each in self.spec["volumes"]:
            if (kind, name) in sources(each):
                self._mount(each)

    def start(self) -> "Pod":
        """Runs the container's command with its arguments."""
        words = [self.relocated(word) for word in (*self.container["command"], *self.container["args"])]
        if words[0] != "envoy":
            raise term.fail(f"the lab runs `envoy` for a container, and this one wants `{words[0]}`")
        self.program = process.Program("Envoy", [paths.envoy_binary(), *words[1:], "--file-flush-interval-msec", 100],
                                       self.folder / "envoy.log")
        return self

    def relocated(self, text: str) -> str:
        """A text with every path and address put where it lies here; longer ones first, because one can begin another."""
        moved = {**self.folders, **self.elsewhere.image}
        for documented in sorted(moved, key=len, reverse=True):
            text = text.replace(documented, str(moved[documented]))
        for documented, ours in self.elsewhere.text.items():
            text = text.replace(documented, ours)
        return text

    def port(self, name: str) -> int:
        """Where a port of the container, by its name, is listened on here."""
        documented = next(each["containerPort"] for each in self.container["ports"] if each["name"] == name)
        moved = self.relocated(f"address: 0.0.0.0, port_value: {documented}")
        return int(moved.rpartition(" ")[2])

    def probe(self) -> int:
        """What the readiness probe is answered; 0 where nobody listens. The kubelet believes any certificate."""
        asked = self.container["readinessProbe"]["httpGet"]
        host = next(each["value"] for each in asked["httpHeaders"] if each["name"] == "Host")
        believing = ssl.create_default_context()
        believing.check_hostname, believing.verify_mode = False, ssl.CERT_NONE
        try:
            return web.ask_tls(self.port(asked["port"]), host, believing, "GET", asked["path"]).status
        except OSError:
            return 0

    def stop(self) -> None:
        """Ends it, as the kubelet does: by SIGTERM."""
        if self.program:
            self.program.stop()
        for each in self.spec["volumes"]:
            if "emptyDir" in each:
                shutil.rmtree(self.places[each["name"]], ignore_errors=True)

    def _mount(self, each: dict) -> None:
        """Writes a volume with what its objects have now."""
        if "emptyDir" in each:
            return
        files = {}
        for part in each["projected"]["sources"] if "projected" in each else [each]:
            (kind, name), = sources(part)
            content = self.objects[kind, name]
            settings = part.get("configMap") or part["secret"]
            items = settings.get("items") or [{"key": key, "path": key} for key in content]
            files.update({item["path"]: content[item["key"]] for item in items})
        mode = next((part["defaultMode"] for part in (each.get("projected", {}), each.get("secret", {}), each.get("configMap", {}))
                     if "defaultMode" in part), 0o644)
        volume(self.places[each["name"]], {name: self._moved(content) for name, content in files.items()}, mode)

    def _moved(self, content: bytes) -> bytes:
        """A file's content with its paths and addresses put elsewhere."""
        return self.relocated(content.decode()).encode()
