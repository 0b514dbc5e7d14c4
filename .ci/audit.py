"""Asks the advisory services about every pin: PyPI's of both locks, npm's of static/package-lock.json.

Exit code 0: asked about all of them, nothing known. 1: something is known, see above. 75: nothing known, but a service
could not be asked about some or all of them; this is no good news, only no news.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
UNASKED = 75


def pip(answer: Any) -> tuple[list[str], str]:
    """(what is known, why not all could be asked about or "") in what `pip-audit --format json` says."""
    found, skipped = [], []
    for one in answer["dependencies"]:
        if "skip_reason" in one:
            skipped.append(one["name"])
        for hole in one.get("vulns", ()):
            fixed = ", ".join(hole["fix_versions"]) or "nowhere"
            found.append(f"{one['name']} {one['version']}: {hole['id']}, mended in {fixed}")
    asked = len(answer["dependencies"]) - len(skipped)
    return found, f"PyPI did not know {len(skipped)} of {asked + len(skipped)} packages" if skipped or not asked else ""


def npm(answer: Any) -> tuple[list[str], str]:
    """The same of what `npm audit --json` says."""
    if "vulnerabilities" not in answer:
        return [], str(answer.get("message") or answer.get("error") or answer)
    return [
        f"{name} {one['range']}: {one['severity']}, "
        + ("; ".join(via["title"] for via in one["via"] if isinstance(via, dict)) or f"by {', '.join(one['via'])}")
        for name, one in answer["vulnerabilities"].items()
    ], ""


def main() -> int:
    # The development lock holds the pins of the product as well.
    locked = [str(Path(sys.executable).parent / "pip-audit"), "--require-hashes", "--disable-pip", "--format", "json"]
    asks = (
        ("PyPI", pip, [*locked, "-r", "requirements-dev.lock"], ROOT),
        ("npm", npm, ["npm", "audit", "--json", "--package-lock-only"], ROOT / "static"),
    )
    known, unasked = False, False
    for name, judge, command, folder in asks:
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        try:
            found, why = judge(json.loads(ran.stdout))
        except (ValueError, KeyError, TypeError):
            # Both print an error and no JSON when they cannot reach their service.
            found, why = [], (ran.stderr.strip().splitlines() or ["it said nothing"])[-1]
        for line in found:
            print(f"{name}: {line}")
        if why:
            print(f"{name}: COULD NOT BE ASKED from here, so nothing is known either way: {why}")
        elif not found:
            print(f"{name}: asked about every pin; no known hole.")
        known, unasked = known or bool(found), unasked or bool(why)
    return 1 if known else UNASKED if unasked else 0


if __name__ == "__main__":
    sys.exit(main())
