"""The bill of materials names what is locked, all of it and nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import sys

from tests.platform.runs import ROOT


def test_every_locked_package_is_in_the_bill_of_materials() -> None:
    printed = subprocess.run([sys.executable, "tools/sbom.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    document = json.loads(printed.stdout)
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    named = {component["purl"] for component in document["components"]}
    lock = (ROOT / "requirements.lock").read_text()
    locked = {f"pkg:pypi/{name}@{version}" for name, version in re.findall(r"^([\w.-]+)==([^ ;\\]+)", lock, re.M)}
    scripts = json.loads((ROOT / "static" / "package.json").read_text())["dependencies"]
    assert named == locked | {f"pkg:npm/{name}@{version}" for name, version in scripts.items()}
    python = [component for component in document["components"] if component["purl"].startswith("pkg:pypi/")]
    assert all(component["properties"] for component in python)
