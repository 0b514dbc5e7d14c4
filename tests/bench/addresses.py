"""Everything that reads history, by URL, for `bench history`."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from tests.bench.http import Product


def addresses(product: Product) -> dict[str, str]:
    """Return {name: path} for the workflows of `long_history` or `many_runs`."""
    newest = {slug: _newest(product, workflow=slug) for slug in ("daily", "report", "batch")}
    ago = int(product.call("GET", f"/api/v1/runs/?{urlencode({'until': _ago(14 * 86400)})}")["results"][0]["id"])
    run, node = newest["daily"], _node(product, newest["daily"])
    failed = _newest(product, workflow="flaky", state="failed")
    of_run, of_failed = f"/runs/{run}/", f"/runs/{failed}/"
    of_node, api = f"{of_run}nodes/{node}/panel/", f"/api/v1/runs/{run}/"
    lists = {
        "": "",
        "second page": "page=2",
        "page 200": "page=200",
        "two weeks back": f"page=2000&before={ago}",
        "succeeded": "state=succeeded",
        "bad": "state=bad",
        "cancelled": "state=cancelled",
        "open (there is none)": "state=open",
        "a workflow": "workflow=daily",
        "bad of a workflow": "workflow=daily&state=bad",
        "a workflow that does not fail, bad": "workflow=hourly&state=bad",
        "a version": "workflow=daily&version=1",
        "by one who started some": "by=ann",
        "by one who started some, bad": "by=ann&state=bad",
        "by one who started none": "by=nobody",
        "by one, of a workflow": "by=ann&workflow=batch",
    }
    pages = {"overview": "/"}
    pages |= {f"run list: {name}" if name else "run list": f"/runs/?{query}" for name, query in lists.items()}
    pages |= {
        "run: 5 nodes": of_run,
        "run: 50 nodes with logs": f"/runs/{newest['report']}/",
        "run: 1,000 nodes": f"/runs/{newest['batch']}/",
        "run: failed": of_failed,
        "run: its part": f"{of_run}summary/",
        "run: its part, failed": f"{of_failed}summary/",
        "run: graph": f"{of_run}graph/",
        "run: events": f"{of_run}events/",
        "run: usual times": f"{of_run}usual/",
        "run: log": f"/runs/{newest['report']}/logs/index/",
        "run: search in its log": f"/runs/{newest['report']}/logs/search/?q=row",
        "node: why": f"{of_node}?tab=why",
        "node: why, failed": f"{of_failed}nodes/{_node(product, failed)}/panel/?tab=why",
        "node: output": f"{of_node}?tab=output",
        "node: attempts": f"{of_node}?tab=attempts",
        "node: history": f"{of_node}?tab=history",
        "workflows": "/workflows/",
        "workflow": "/workflows/daily/",
        "workflow: two weeks back": f"/workflows/daily/?page=2000&before={ago}",
        "workflow: versions": "/workflows/daily/versions/",
        "workflow: versions, the last of which fails": "/workflows/flaky/versions/",
        "workflow: what differs": "/workflows/daily/versions/2/compare/1/",
        "workflow: definition": "/workflows/batch/definition/",
        "workflow: settings": "/workflows/daily/settings/",
        "workflow: roll back": "/workflows/daily/versions/1/rollback/",
        "workflow: run": "/workflows/daily/run/",
        "workflow: run the draft": "/workflows/hourly/run/?draft=1",
        "editor": "/workflows/hourly/edit/",
        "editor: known outputs": "/workflows/daily/edit/outputs/",
        "editor: facts about nodes": "/workflows/daily/edit/node-facts/",
        "resources": "/resources/",
        "audit": "/audit/",
        "find": "/find/?q=daily",
        "find a run": f"/find/?q={run}",
        "API runs": "/api/v1/runs/",
        "API runs: failed": "/api/v1/runs/?state=failed,timed_out",
        "API runs: cancelled or failed of a workflow": "/api/v1/runs/?workflow=daily&state=cancelled,failed",
        "API runs: drafts": "/api/v1/runs/?draft=true",
        "API runs: of the last minute": f"/api/v1/runs/?{urlencode({'since': _ago(60)})}",
        "API runs: before three weeks": f"/api/v1/runs/?{urlencode({'until': _ago(21 * 86400)})}",
        "API runs: of a workflow, before three weeks": (
            f"/api/v1/runs/?{urlencode({'workflow': 'batch', 'until': _ago(21 * 86400)})}"
        ),
        "API runs: failed on a day": (
            f"/api/v1/runs/?{urlencode({'state': 'failed', 'since': _ago(15 * 86400), 'until': _ago(14 * 86400)})}"
        ),
        "API run": api,
        "API nodes of a run": f"{api}nodes/",
        "API timeline": f"{api}timeline/",
        "API diagnostics of a failed run": f"/api/v1/runs/{failed}/diagnostics/",
        "API history of a node": f"{api}nodes/{node}/history/",
        "API samples of a node": f"{api}nodes/{node}/samples/",
        "API log of a run": f"{api}logs/",
        "API workflows": "/api/v1/workflows/",
        "API pools": "/api/v1/pools/",
        "API audit": "/api/v1/audit/",
    }
    return pages


def _newest(product: Product, **filters: str) -> str:
    return str(product.call("GET", f"/api/v1/runs/?{urlencode({**filters, 'limit': 1})}")["results"][0]["id"])


def _node(product: Product, run: str) -> str:
    return str(product.call("GET", f"/api/v1/runs/{run}/nodes/")["results"][0]["node"])


def _ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()
