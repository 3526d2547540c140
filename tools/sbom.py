"""The bill of materials of what runs: every locked package with its hashes, and the scripts of the pages, as CycloneDX.

`make sbom` prints it. It is made from the lock files alone, so that it says what is installed and needs no network.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from locks import ROOT

LOCKED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE | re.IGNORECASE)
HASHES = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def main() -> int:
    json.dump(bill_of_materials(), sys.stdout, indent=1)
    print()
    return 0


def bill_of_materials() -> dict[str, Any]:
    """Return the document (CycloneDX 1.6)."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "km-portal"}},
        "components": [*_packages(), *_scripts()],
    }


def _packages() -> list[dict[str, Any]]:
    text = (ROOT / "requirements.lock").read_text()
    found = list(LOCKED.finditer(text))
    ends = [following.start() for following in found[1:]] + [len(text)]
    return [
        _component("pypi", match[1].lower(), match[2], HASHES.findall(text, match.end(), end))
        for match, end in zip(found, ends, strict=True)
    ]


def _scripts() -> list[dict[str, Any]]:
    package = json.loads((ROOT / "static" / "package.json").read_text())
    return [_component("npm", name, version, []) for name, version in package["dependencies"].items()]


def _component(kind: str, name: str, version: str, hashes: list[str]) -> dict[str, Any]:
    """Return one package; its hashes are those of all files that may be installed of it."""
    described: dict[str, Any] = {
        "type": "library",
        "name": name,
        "version": version,
        "purl": f"pkg:{kind}/{name}@{version}",
        "bom-ref": f"{kind}:{name}",
    }
    if hashes:
        described["properties"] = [{"name": "portal:locked-sha256", "value": value} for value in hashes]
    return described


if __name__ == "__main__":
    sys.exit(main())
