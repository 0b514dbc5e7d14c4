"""Text of people and programs stays text in a real browser, and the policy of the pages is never violated."""

import re
from typing import Any

from playwright.sync_api import expect

PAYLOADS = [
    "<script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    '"><svg onload=window.hacked=1>',
    "{{ 7*7 }}{% now 'Y' %}",
    "javascript:window.hacked=1",
    "</textarea></script><script>window.hacked=1</script>",
    "🎉 文字 \u202egnp.exe\u2066",
    "' onfocus=window.hacked=1 autofocus x='",
]
EVIL = " ".join(PAYLOADS)
RETURNS = f"def main(inputs, ctx):\n    return {{{EVIL!r}: {EVIL!r}}}\n"
PRINT_LINES = """
import sys
def main(inputs, ctx):
    print("\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07 \\x1b[2J end")
    ctx.log(EVIL, level="warning")
    ctx.progress(0.5, EVIL)
    raise ValueError(EVIL)
"""


def test_markup_and_scripts_in_texts_of_users_are_shown_as_text(person):
    product = person.product
    code = f"EVIL = {EVIL!r}\n{PRINT_LINES}"
    definition: dict[str, Any] = {
        "schema": "interlock/1",
        "inputs": {
            "type": "object",
            "properties": {"text": {"type": "string", "title": EVIL, "description": EVIL, "default": EVIL}},
        },
        "nodes": [
            {"id": "rows", "type": "python", "name": EVIL[:199], "config": {"code": RETURNS}},
            {"id": "bad", "type": "python", "name": EVIL[:199], "notes": EVIL, "config": {"code": code}},
        ],
        "edges": [{"source": "rows", "target": "bad"}],
    }  # fmt: skip
    product.api(
        "POST", "workflows/", {"name": EVIL[:200], "slug": "evil", "description": EVIL, "tags": [EVIL[:60], "<b>"]}
    )
    product.api("POST", "workflows/evil/versions/", {"definition": definition, "message": EVIL})
    definition["nodes"][0]["notes"] = "changed"
    product.api("POST", "workflows/evil/versions/", {"definition": definition, "message": EVIL})
    product.api("POST", "workflows/evil/deployments/", {"version": 2})
    run = product.api("POST", "workflows/evil/runs/", {"inputs": {"text": EVIL}})["id"]
    assert product.ended(run)["state"] == "failed"
    product.api("POST", "workflows/evil/rollback/", {"version": 1, "reason": EVIL})
    # A draft with problems that quote what is wrong.
    page = person.page
    for path in (
        "/",
        "/workflows/",
        "/workflows/?q=" + "%3Cscript%3E",
        "/workflows/evil/",
        "/workflows/evil/versions/",
        "/workflows/evil/definition/",
        "/workflows/evil/settings/",
        "/workflows/evil/edit/",
        "/workflows/evil/run/",
        "/runs/",
        "/audit/",
        f"/runs/{run}/",
        f"/runs/{run}/nodes/rows/",
        f"/runs/{run}/nodes/bad/?tab=attempts",
        f"/runs/{run}/nodes/bad/?tab=config",
    ):
        person.go(path)
        expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
        assert page.evaluate("[window.hacked ?? null, window.violations]") == [None, []], path
        assert page.locator("main img, main iframe, main script:not([type='application/json'])").count() == 0, path

    # The parts that scripts fill: log lines, palette, problems, dialogs, popovers.
    person.go(f"/runs/{run}/")
    expect(page.locator("[data-logs] .line.warning")).to_contain_text("<script>window.hacked=1</script>")
    expect(page.locator("[data-logs] .ansi-1")).to_have_text("red")
    expect(page.locator("[data-logs] .line", has_text="red")).to_contain_text("\\u001b]0;title\\u0007")
    assert "\u202e" not in page.locator("main").inner_text()
    page.get_by_role("tab", name=re.compile("^Nodes")).click()
    page.locator('[data-node-rows] [data-node="rows"]').click()
    expect(page.locator("[data-output-value]")).to_contain_text("<img src=x")
    page.keyboard.press("Control+k")
    page.get_by_label("Find anything").last.fill("<script>")
    expect(page.locator("#palette [role=option]").first).to_contain_text("<script>")
    page.keyboard.press("Escape")
    person.go("/workflows/evil/versions/")
    page.locator('#v2 button[popovertarget="back-2"]').click()
    expect(page.locator("#back-2 form")).to_be_visible()
    person.go("/workflows/evil/edit/text/")
    page.get_by_label("Definition as JSON").fill(
        '{"nodes": [{"id": "<img src=x onerror=window.hacked=1>", "type": "<script>"}], "edges": []}'
    )
    expect(page.locator("[data-problem-list]")).to_contain_text("<script>")
    assert page.evaluate("[window.hacked ?? null, window.violations]") == [None, []]


def test_unknown_workflows_and_runs_have_a_page_that_says_so(person):
    person.expected += ["404", "Failed to load resource"]
    page = person.go("/workflows/%3Cscript%3Ealert(1)%3C/script%3E/")
    expect(page.get_by_role("heading", name="Page not found")).to_be_visible()
    page = person.go("/runs/999999999/")
    expect(page.get_by_text("There is no run 999999999.")).to_be_visible()
    page.get_by_role("link", name=re.compile("overview", re.IGNORECASE)).last.click()
    page.wait_for_url(person.at("/"))
