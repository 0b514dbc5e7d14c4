"""Finding a node by its name among 10,000."""

from typing import Any

from tests.bench import probe, workflows
from tests.bench.page_bench import PageBench
from tests.bench.stats import case

NODES = 10_000
FOUND = ".cvsearch [role=option]"


def measure(bench: PageBench) -> list[dict[str, Any]]:
    """Measure from the key that completes a name to the frame that shows it in the list, and the slowest of all
    keys."""
    run = bench.start(bench.publish(workflows.layers(NODES, 3)))
    bench.ended(run)
    last, worst = [], []
    with bench.visitor(probe.FRAMES, probe.REACTION) as visitor:
        page = visitor.page
        page.goto(visitor.at(f"/runs/{run}/"))
        visitor.until(probe.drawn())
        for number in range(bench.options.repeat):
            name = f"n{7001 + 13 * number}"
            page.locator(probe.CANVAS).get_by_role("button", name="Find a node").click()
            took = []
            for end in range(1, len(name) + 1):
                probe.react(page, "keydown", FOUND, name[:end])
                page.keyboard.press(name[end - 1])
                took.append(probe.reaction(page))
            last.append(took[-1])
            worst.append(max(took))
            page.keyboard.press("Enter")
            page.wait_for_url(f"**/nodes/{name}/**")
    return [case("find: a name among 10,000 nodes", "ms", last, worst_key=max(worst))]
