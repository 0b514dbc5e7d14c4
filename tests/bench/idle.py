"""`bench idle`: seconds of a start, memory, CPU and writes of an idle product, and its installed size."""

import importlib.metadata
import importlib.util
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.inspect import procfs
from tests.bench.http import Product
from tests.bench.parts import Missing, Options
from tests.bench.stats import case

SETTLE_SECONDS = 30.0
IDLE_SECONDS = 60.0
LOOK_SECONDS = 0.05
"""Changes of files that are closer together count as one write."""
SAMPLE = "flight-delays"


def measure(options: Options) -> dict[str, Any]:
    if not Path("/proc/self/smaps_rollup").exists():
        raise Missing("Memory, CPU and writes are read from /proc, which this system does not have.")
    distributions = _distributions()
    cases = [
        case("installed", "MB", [sum(map(_size, distributions.values())) / 1e6], distributions=len(distributions)),
    ]
    first: list[float] = []
    later: list[float] = []
    for number in range(options.repeat):
        options.progress(f"start {number + 1} of {options.repeat}")
        home = options.folder / f"idle-{number}"
        for starts in (first, later):
            product = Product(home)
            starts.append(product.start_seconds)
            if number < options.repeat - 1 or starts is first:
                product.stop()
    cases += [case("start: first of a home", "s", first), case("start: later", "s", later)]
    try:
        cases += _at_rest(options, product, home)
    finally:
        product.stop()
    return {"cases": cases}


def _at_rest(options: Options, product: Product, home: Path) -> list[dict[str, Any]]:
    options.progress(f"memory after {SETTLE_SECONDS:g} s")
    time.sleep(SETTLE_SECONDS)
    cases = [_memory(product, f"memory: {SETTLE_SECONDS:g} s after ready")]
    options.progress(f"CPU and writes over {IDLE_SECONDS:g} s")
    before = _cpu_ticks(product)
    writes = _writes(home, IDLE_SECONDS)
    after = _cpu_ticks(product)
    cases.append(
        case(
            f"CPU over {IDLE_SECONDS:g} s",
            "% of a core",
            [_percent(sum(after.values()) - sum(before.values()))],
            (),
            **{role: _percent(ticks - before.get(role, 0)) for role, ticks in after.items()},
        )
    )
    files = {name: count for name, count in writes.items() if name}
    cases.append(case(f"writes over {IDLE_SECONDS:g} s", "writes", [writes[""]], (), **files))
    options.progress(f"memory {IDLE_SECONDS:g} s after the sample ran")
    run = product.call("POST", f"/api/v1/workflows/{SAMPLE}/runs/?wait=50", {})
    if run["state"] != "succeeded":
        raise RuntimeError(f"The sample's run is {run['state']}: {run['counts']}.")
    time.sleep(IDLE_SECONDS)
    cases.append(_memory(product, f"memory: {IDLE_SECONDS:g} s after the sample ran"))
    return cases


def lines(report: dict[str, Any]) -> list[str]:
    machine = report["machine"]
    output = [f"Python {machine['python']}, {machine['cores']} cores; starts are medians of {report['repeat']}"]
    for made in report["cases"]:
        output.append(f"{made['name']:44}{made['value']:>10,.4g} {made['unit']}")
        more = [f"{key} {value:,.3g}" for key, value in made.items() if key not in ("name", "unit", "value", "all")]
        if more:
            output.append(f"{'':4}{', '.join(more)}")
    return output


def _processes(product: Product) -> Iterator[tuple[str, int]]:
    """Yield (role, pid) of all processes of the product."""
    pids = [product.process.pid]
    for pid in pids:
        pids += procfs.children(pid)
        command = (procfs.read(f"/proc/{pid}/cmdline") or b"").replace(b"\0", b" ").decode(errors="replace")
        found = re.search(r"child\.py (\w+)|engine/(\w+)/", command)
        role = "parent" if pid == product.process.pid else (found[1] or found[2]) if found else "other"
        yield role, pid


def _memory(product: Product, name: str) -> dict[str, Any]:
    """Return the proportional set size of all processes together, and by role."""
    kinds: dict[str, Any] = {}
    count = 0
    for role, pid in _processes(product):
        if (size := procfs.proportional_bytes(pid)) is not None:
            count += 1
            kinds[role] = kinds.get(role, 0.0) + size / 2**20
    return case(name, "MiB", [sum(kinds.values())], (), processes=count, **kinds)


def _cpu_ticks(product: Product) -> dict[str, int]:
    ticks: dict[str, int] = {}
    for role, pid in _processes(product):
        if (one := procfs.process(pid)) is not None:
            ticks[role] = ticks.get(role, 0) + one.cpu_ticks
    return ticks


def _percent(ticks: int) -> float:
    return ticks / procfs.TICKS_PER_SECOND / IDLE_SECONDS * 100


def _writes(home: Path, seconds: float) -> dict[str, int]:
    """Return how often each file below `home` changed, and under "" how often any did."""
    counts = {"": 0}
    seen = _stamps(home)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(LOOK_SECONDS)
        now = _stamps(home)
        changed = [name for name in seen.keys() | now.keys() if seen.get(name) != now.get(name)]
        for name in [*changed, ""] if changed else []:
            counts[name] = counts.get(name, 0) + 1
        seen = now
    return counts


def _stamps(home: Path) -> dict[str, tuple[int, int]]:
    found = {}
    for path in home.rglob("*"):
        try:
            stat = path.stat()
        except OSError:
            continue
        if path.is_file():
            found[str(path.relative_to(home))] = (stat.st_mtime_ns, stat.st_size)
    return found


def _distributions() -> dict[str, importlib.metadata.Distribution]:
    """Return the product's requirements by name: what `make install` installs."""
    found: dict[str, importlib.metadata.Distribution] = {}
    names = ["interlock"]
    for name in names:
        try:
            found[name] = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # For another platform.
        for needed in found[name].requires or ():
            word = re.match(r"[\w.-]+", needed)
            assert word is not None
            key = re.sub(r"[-_.]+", "-", word[0]).lower()
            if "extra ==" not in needed and key not in names:
                names.append(key)
    del found["interlock"]
    return found


def _size(distribution: importlib.metadata.Distribution) -> int:
    """Return the bytes of its files, including bytecode."""
    paths = {Path(str(distribution.locate_file(file))) for file in distribution.files or ()}
    # Not every installer lists the bytecode.
    paths |= {Path(importlib.util.cache_from_source(path)) for path in paths if path.suffix == ".py"}
    return sum(path.stat().st_size for path in paths if path.is_file())
