"""`make conformance`: drives the sandboxes with clients that nobody here wrote.

Each folder `tests/*/conformance` holds a `package.json` naming the vendors' node clients, and
scripts `*.mjs` that use them against the sandbox and exit non-zero when something is not as the
client expects. The packages are installed into a temporary folder; the scripts get

    SALESFORCE_URL  HUBSPOT_URL  SANDBOX_TOKEN

A new sandbox is started for each script, so that none sees another's rows.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
SECONDS_FOR_A_SCRIPT = 300


@contextmanager
def sandbox() -> Iterator[dict[str, str]]:
    """The environment variables of a fresh `fairlead sandbox`, which ends with the block."""
    command = [sys.executable, "-c", "from fairlead.cli import main; main()", "sandbox", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            if not first:
                raise SystemExit("fairlead sandbox did not start")
            about = json.loads(first)
            yield {
                "SALESFORCE_URL": about["salesforce"],
                "HUBSPOT_URL": about["hubspot"],
                "SANDBOX_TOKEN": about["token"],
            }
        finally:
            process.terminate()


def run(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Install a folder's packages once and run each of its scripts."""
    with tempfile.TemporaryDirectory(prefix="fairlead-conformance-") as temporary:
        work = Path(temporary) / "work"
        shutil.copytree(folder, work, ignore=shutil.ignore_patterns("node_modules"))
        verb = "ci" if (work / "package-lock.json").exists() else "install"
        subprocess.run(
            ["npm", verb, "--no-audit", "--no-fund", "--ignore-scripts", "--silent"],
            cwd=work,
            check=True,
        )
        for script in sorted(work.glob("*.mjs")):
            with sandbox() as variables:
                done = subprocess.run(
                    ["node", script.name],
                    cwd=work,
                    env=os.environ | variables,
                    timeout=SECONDS_FOR_A_SCRIPT,
                    check=False,
                )
            yield folder / script.name, done.returncode == 0


def main() -> int:
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            print(f"make conformance needs {tool}", file=sys.stderr)
            return 1
    wanted = sys.argv[1:]
    folders = [
        f
        for f in sorted(TESTS.glob("*/conformance"))
        if not wanted or any(w in str(f) for w in wanted)
    ]
    results = [result for folder in folders for result in run(folder)]
    for script, good in results:
        print(f"{'ok  ' if good else 'FAIL'} {script.relative_to(TESTS)}")
    if not results:
        print("no conformance scripts found under tests/*/conformance", file=sys.stderr)
    return 0 if results and all(good for _, good in results) else 1


if __name__ == "__main__":
    sys.exit(main())
