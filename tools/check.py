"""Everything that is checked without running the portal and without the network: `make check`.

All checks run, whatever the first says; the words of those that fail are shown.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from portal.embedded import temporary_cluster

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = Path(sys.executable).parent
CHECKS = {
    "style": [PROGRAMS / "ruff", "check", "."],
    "format": [PROGRAMS / "ruff", "format", "--check", "."],
    "types": [PROGRAMS / "mypy"],
    "layers": [PROGRAMS / "lint-imports", "--no-cache"],
    "templates": [PROGRAMS / "djlint", "templates", "--lint", "--quiet"],
    "locks": [sys.executable, "tools/lock.py", "--check"],
}


def main() -> int:
    failed = [name for name, command in CHECKS.items() if not passes(name, command, dict(os.environ))]
    if not migrations_match_the_models():
        failed.append("migrations")
    if failed:
        print(f"\nFailed: {', '.join(failed)}", file=sys.stderr)
        return 1
    print("\nEverything is in order.")
    return 0


def migrations_match_the_models() -> bool:
    """Bring an empty database up to date by the migrations and compare it with the models."""
    with temporary_cluster() as cluster:
        cluster.create_database("check")
        environ = dict(os.environ) | {
            "PORTAL_ENVIRONMENT": "test",
            "DATABASE_URL": cluster.portal_url("check"),
            "MIGRATION_DATABASE_URL": cluster.owner_url("check"),
        }
        portal = [sys.executable, "-m", "portal.cli", "db"]
        return passes("migrations run", [*portal, "upgrade"], environ) and passes(
            "migrations match the models", [*portal, "check"], environ
        )


def passes(name: str, command: list[str | Path], environ: dict[str, str]) -> bool:
    """Run one check, and say how it went."""
    started = time.monotonic()
    print(f"{name} ...", end="", flush=True)
    done = subprocess.run(
        command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    print(f" {'failed' if done.returncode else 'ok'} ({time.monotonic() - started:.1f} s)")
    if done.returncode:
        print(done.stdout + done.stderr)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
