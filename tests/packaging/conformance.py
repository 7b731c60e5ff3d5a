"""`make conformance`: drives the sandboxes with clients that nobody here wrote.

`tests/<crm>_sandbox/conformance/*.mjs` use a vendor's or third party's node client against the
sandbox and exit non-zero when something is not as the client expects. Each script is called

    node SCRIPT BASE_URL TOKEN

in a temporary folder into which the packages were installed that its first lines name ("npm i
jsforce@3.10.16"). A new sandbox is started for each, so that none sees another's rows.
"""

from __future__ import annotations

import json
import re
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
    """What a fresh `fairlead sandbox --json` says of itself; it ends with the block."""
    command = [sys.executable, "-c", "from fairlead.cli import main; main()", "sandbox", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            if not first:
                raise SystemExit("fairlead sandbox did not start")
            yield json.loads(first)
        finally:
            process.terminate()


def run(script: Path) -> bool:
    """Install what the script names, and run it against a new sandbox of its CRM."""
    crm = script.parts[-3].removesuffix("_sandbox")
    packages = re.findall(r"npm i(?:nstall)? ((?:@?[\w./-]+@[\w.^~-]+ ?)+)", script.read_text())
    if not packages:
        print(f"{script}: names no package; write '// npm i NAME@VERSION' at its top")
        return False
    with tempfile.TemporaryDirectory(prefix="fairlead-conformance-") as work:
        shutil.copy(script, work)
        Path(work, "package.json").write_text('{"private": true, "type": "module"}\n')
        quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
        subprocess.run(["npm", "install", *quiet, *packages[0].split()], cwd=work, check=True)
        with sandbox() as about:
            done = subprocess.run(
                ["node", script.name, about[crm], about["token"]],
                cwd=work,
                timeout=SECONDS_FOR_A_SCRIPT,
                check=False,
            )
        return done.returncode == 0


def main() -> int:
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            print(f"make conformance needs {tool}", file=sys.stderr)
            return 1
    wanted = sys.argv[1:]
    scripts = [
        s
        for s in sorted(TESTS.glob("*_sandbox/conformance/*.mjs"))
        if not wanted or any(w in str(s) for w in wanted)
    ]
    results = [(script, run(script)) for script in scripts]
    for script, good in results:
        print(f"{'ok  ' if good else 'FAIL'} {script.relative_to(TESTS)}")
    if not results:
        print("no conformance scripts found under tests/*_sandbox/conformance", file=sys.stderr)
    return 0 if results and all(good for _, good in results) else 1


if __name__ == "__main__":
    sys.exit(main())
