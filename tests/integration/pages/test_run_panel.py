"""The node panel of a run's page: each tab for each state and role, and the calls of its buttons."""

import html
import itertools
import re
from datetime import timedelta

import pytest

from dashboard.presenters.sentences import html_with_times
from engine import clock
from engine.models import Attempt, Leader, NodeRun, Run, Sample, Stack
from engine.states import NODE_STATES
from tests.integration.pages.panels import CODE, ERROR, at, calls, panel, run_of, stored_stack
from tests.support.factories import document, python
from tests.support.people import ROLES
from versions.actions import publish, workflows
from versions.actions.launch import launch

TABS = ("why", "output", "attempts", "config", "history")


# --- each tab, each state, each role -----------------------------------------------------------------------------


@pytest.mark.parametrize("state", list(NODE_STATES))
@pytest.mark.parametrize("tab", TABS)
def test_each_tab_shows_each_state_with_the_actions_of_the_role(nightly, browser, state, tab):
    run = run_of(nightly, state)
    base = f"/api/v1/runs/{run.pk}/nodes/work"
    for role in ROLES:
        shown = panel(browser, role, run, tab)
        assert f'?tab={tab}" aria-current="true"' in shown
        assert "Work &lt;b&gt;hard" in shown
        assert "<b>hard" not in shown
        assert not re.findall(r"<[^>]+\son[a-z]+=|<[^>]+\sstyle=|<script", shown)
        sent = [path for _method, path, _body in calls(shown)]
        if role == "viewer" or tab != "why":
            assert sent == []
            continue
        assert (f"{base}/cancel/" in sent) == (state in ("pending", "ready", "running", "waiting", "retrying"))
        again = state in ("failed", "timed_out", "cancelled", "upstream_failed", "retrying")
        if again:
            assert f"{base}/retry/" in sent
        if state in ("succeeded", "skipped", "pending", "ready"):
            assert f"{base}/retry/" not in sent


def test_a_stuck_node_shows_cause_evidence_and_actions(nightly, browser):
    run = run_of(nightly, "running", seconds=81)
    stored_stack(run)
    shown = panel(browser, "operator", run, "why")
    assert re.search(r"Taking 8\.\d times as long as expected", shown)
    assert re.search(r'<time datetime="[^"]+" data-form="time" title="[^"]+ UTC">\d\d:\d\d:\d\d</time>', shown)
    assert not re.search(r"\d\d:\d\d:\d\d UTC[^\"]", shown), "a time in a zone that is not the reader's"
    assert 'data-finding="blocked_on_socket"' in shown
    assert '<span class="mono">127.0.0.1:5433</span>' in shown
    first = calls(shown)[0]
    assert first[0] == "POST"
    assert first[1] == f"/api/v1/runs/{run.pk}/nodes/work/retry/"
    assert first[2]["policy"]["soft_timeout"] > 10
    assert re.search(r'class="btn small primary" data-call-method', shown)
    assert f'data-stack-path="/api/v1/runs/{run.pk}/nodes/work/stack/"' in shown
    # A destructive action shows its impact beside the button.
    assert "is stopped with all its processes" in shown
    # A viewer sees the same cause, and may look at the stacks.
    viewed = panel(browser, "viewer", run, "why")
    assert 'data-finding="blocked_on_socket"' in viewed
    assert "data-call-path" not in viewed
    assert "data-stack-path" in viewed
    assert "retry-with" not in viewed


def test_a_running_node_shows_limits_usage_and_dependents(nightly, browser):
    run = run_of(nightly, "running", seconds=100)
    Sample.objects.create(run=run, node="work", attempt=1, at=at(1), cpu_percent=12.4, memory_bytes=184 * 1024 * 1024)
    Sample.objects.create(run=run, node="work", attempt=1, at=at(0), cpu_percent=3.2, memory_bytes=184 * 1024 * 1024)
    other = run_of(nightly, "ready")
    shown = panel(browser, "viewer", run, "why")
    assert re.search(
        r"Soft limit</dt><dd>in <span data-until=\"[^\"]+\">3 m (1\d|20) s</span>, then it is asked to save and stop",
        shown,
    )
    assert "then it is killed" in shown
    assert "184 MiB" in shown
    assert "of 512" in shown
    assert "3 %" in shown
    assert shown.count('d="M0.0') == 2
    assert len(re.findall(r"depends on Work", shown)) == 10
    assert "and 4 more" in shown
    assert f'href="/runs/{other.pk}/nodes/work/"' in shown
    assert "1 slot of warehouse" in shown


def test_a_passed_limit_is_shown_as_reached(nightly, browser):
    run = run_of(nightly, "running", seconds=301)
    assert re.search(r"reached <span data-since", panel(browser, "viewer", run, "why"))


def test_a_waiting_node_names_its_conditions_and_links_the_holder(nightly, browser):
    holder = run_of(nightly, "running", seconds=60)
    run = run_of(nightly, "ready", seconds=30)
    shown = panel(browser, "editor", run, "why")
    assert 'data-finding="pool_full"' in shown
    assert f'href="/runs/{holder.pk}/nodes/work/"' in shown
    assert ("PATCH", "/api/v1/pools/warehouse/", {"slots": 2}) in calls(shown)
    # Only editors resize pools; an operator gets the actions of an operator.
    viewed = calls(panel(browser, "operator", run, "why"))
    assert not [path for _method, path, _body in viewed if "/pools/" in path]
    assert [path for _method, path, _body in viewed if path.endswith("/cancel/")]


def test_a_node_that_waits_for_its_next_attempt_leads_with_the_wait_and_shows_the_last_error_below(nightly, browser):
    run_of(nightly, "running", seconds=60)
    run = run_of(nightly, "ready", seconds=30)
    NodeRun.objects.filter(run=run, node="work").update(error=ERROR)
    shown = panel(browser, "viewer", run, "why")
    assert "data-error-lead" not in shown
    assert shown.index('data-finding="pool_full"') < shown.index("Last attempt") < shown.index("KeyError in line 5")


def test_a_failure_of_the_authors_code_offers_first_to_edit_the_node_at_its_line(nightly, browser):
    run = run_of(nightly, "failed")
    link = f'href="/workflows/{run.workflow}/edit/?node=work&amp;line={ERROR["line"]}"'
    for role in ("editor", "admin"):
        acts = panel(browser, role, run, "why").partition("data-acts")[2]
        assert link in acts
        assert acts.index("Edit this node") < acts.index("Retry")
    for role in ("viewer", "operator"):
        assert "Edit this node" not in panel(browser, role, run, "why")


def test_a_failure_leads_with_its_error_line_and_a_remedy(nightly, browser):
    run = run_of(nightly, "failed")
    shown = panel(browser, "operator", run, "why")
    assert "data-error-lead>KeyError in line 5, &#x27;&lt;i&gt;&#x27; is not there<" in shown
    assert re.search(r'class="ln hit"><span class="no">5</span>    return x\[', shown)
    assert 'data-finding="failed_key_error"' in shown
    assert ("POST", f"/api/v1/runs/{run.pk}/nodes/work/retry/", {}) in calls(shown)
    assert 'id="retry-with"' in shown


def test_a_rollback_to_a_working_version_is_offered_with_its_reason(nightly, browser):
    from versions import queries
    from versions.actions import deploy

    run_of(nightly, "succeeded")
    changed = document([python("work", CODE + "\n", retries=0)])
    publish.publish(nightly, changed, by="x")
    deploy.deploy(nightly, 2, by="x")
    run = run_of(nightly, "failed")
    shown = panel(browser, "operator", run, "why")
    assert "Roll back to v1" in shown
    load = re.search(r'data-load="(/workflows/nightly/versions/1/rollback/[^"]+)"', shown)
    assert load
    form = browser("operator").get(html.unescape(load[1])).content.decode()
    assert re.search(r'name="reason" value="v2 has been failing since run \d+', form)
    assert f'name="next" value="/runs/{run.pk}/nodes/work/"' in form
    assert "rollback" not in panel(browser, "viewer", run, "why")
    assert queries.workflow_dict(nightly)["live"]["version"] == 2


def test_the_chosen_stacks_are_open_and_the_others_are_linked(nightly, browser):
    run = run_of(nightly, "running", seconds=2)
    old = stored_stack(run, why="asked", moves=True)
    Stack.objects.filter(pk=old.pk).update(taken_at=at(60))
    newest = stored_stack(run)
    shown = panel(browser, "viewer", run, "why", stack="newest")
    assert f'data-stack="{newest.pk}" open' in shown
    assert "Not moving: identical in 3 samples" in shown
    assert "waits for data from 127.0.0.1:5433" in shown
    assert re.search(r'<li class="mine"><span class="fn">parse</span>.*?<code>return x\[&#x27;&lt;i&gt;', shown)
    assert "sleep &lt;600&gt;" in shown
    assert f"stack={old.pk}" in shown
    other = panel(browser, "viewer", run, "why", stack=str(old.pk))
    assert f'data-stack="{old.pk}" open' in other
    assert "Moving: changed between 3 samples" in other
    assert " open" not in re.findall(r"<details class=\"taken\"[^>]*>", panel(browser, "viewer", run, "why"))[0]


def test_stacks_are_requested_without_scripts(nightly, browser, monkeypatch):
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    run = run_of(nightly, "running")
    stored_stack(run, why="asked")
    answer = browser("viewer").post(f"/runs/{run.pk}/nodes/work/stack/")
    assert answer["Location"] == f"/runs/{run.pk}/nodes/work/?tab=why&stack=newest#stacks"
    ended = run_of(nightly, "failed")
    assert (
        "has no live stack traces"
        in browser("viewer").post(f"/runs/{ended.pk}/nodes/work/stack/", follow=True).content.decode()
    )


def test_texts_of_users_are_escaped_and_bounded(db, browser):
    evil = "<img src=x onerror=alert(1)>\u202e\u0007🎉"
    Leader.objects.create(pk=1, beat_at=clock.now() + timedelta(seconds=30))
    workflow = workflows.create(evil, slug="evil", by=evil)
    made = document([python("work", f"# {evil}\ndef main(inputs, ctx):\n    return 1\n"), "after"], "work>after")
    made["nodes"][0] |= {"name": evil, "notes": evil * 50}
    made["nodes"][1]["name"] = evil
    publish.publish(workflow, made, by=evil)
    error = {**ERROR, "message": evil + "x" * 8000, "traceback": f'File "{evil}", line 1\n    {evil}\n' * 20}
    failed = run_of(workflow, "failed")
    NodeRun.objects.filter(run=failed).update(error=error)
    Attempt.objects.filter(run=failed).update(error=error, worker=evil)
    frame = {"file": evil, "line": 1, "function": evil, "source": evil + "y" * 100_000, "author": True}
    thread = {"id": 1, "name": evil * 1000, "waits_on": {"kind": "other", "message": evil}, "frames": [frame] * 300}
    stack = stored_stack(failed)
    body = {"samples": [{"threads": [thread] * 3}], "children": [{"pid": 1, "command": evil * 1000, "state": evil}]}
    Stack.objects.filter(pk=stack.pk).update(body=body)
    running = run_of(workflow, "running", progress={"fraction": 0.5, "message": evil + "z" * 100_000})
    value = {"kind": "json", "value": evil * 4000, "bytes": 150_000, "ports": [evil]}
    succeeded = run_of(workflow, "succeeded", output=value)
    for tab, run in itertools.product(TABS, (failed, running, succeeded)):
        shown = panel(browser, "operator", run, tab)
        assert "<img" not in shown, tab
        assert "\u202e" not in shown, tab
        assert "\u0007" not in shown, tab
        assert len(shown) < 200_000, (tab, len(shown))


# --- attempts, config, history -----------------------------------------------------------------------------------


def test_attempts_show_wait_process_usage_receipt_and_mark_the_authors_lines(nightly, browser):
    shown = panel(browser, "viewer", run_of(nightly, "cancelled"), "attempts")
    assert "Stopped 3 processes in 0.2 s, 1 slot released." in shown
    assert "pid 41207 on this host" in shown
    assert re.search(r"Waited</dt><dd>1\.5 s", shown)
    assert "peak 20 MiB" in shown
    failed = panel(browser, "viewer", run_of(nightly, "failed"), "attempts")
    assert failed.count('class="ln author"') == 2
    assert failed.count('class="ln source"') == 2
    assert "&quot;&lt;work&gt;&quot;, line 5" in failed


def test_many_attempts_come_fifty_at_a_time(nightly, browser):
    run = run_of(nightly, "failed")
    rows = Attempt.objects.get(run=run)
    for number in range(2, 121):
        rows.pk, rows.number = None, number
        rows.save()
    NodeRun.objects.filter(run=run, node="work").update(attempt=120)
    shown = panel(browser, "viewer", run, "attempts")
    assert len(re.findall(r"<article", shown)) == 50
    assert "before=71" in shown
    assert "Attempt 70<" in panel(browser, "viewer", run, "attempts", before=71)


def test_config_highlights_code_and_marks_changed_fields(nightly, browser):
    run = run_of(nightly, "failed")
    run.altered = {"work": {"soft_timeout": 60, "hard_timeout": 90}}
    run.save()
    shown = panel(browser, "viewer", run, "config")
    assert '<span class="kw">def</span> main' in shown
    assert 'x[<span class="str">&#x27;&lt;i&gt;&#x27;</span>]' in shown
    assert re.search(r"soft_timeout</dt><dd>60 .*changed in this run.*was 300", shown)
    assert re.search(r"retries</dt><dd>1<", shown)
    assert "lost_retries" not in shown


def test_history_shows_the_last_runs_with_median_and_expected_duration(nightly, browser):
    for seconds in (2, 4, 9):
        run_of(nightly, "succeeded", seconds=seconds)
    run = run_of(nightly, "failed", seconds=30)
    shown = panel(browser, "viewer", run, "history")
    assert shown.count("<rect") == 4
    assert "data-median>4 s" in shown
    assert re.search(r"Expected</dt><dd>10 s .*set by the author", shown)
    assert len(re.findall(r'<td><a class="text" href="/runs/\d+/nodes/work/">', shown)) == 4


# --- the run itself ----------------------------------------------------------------------------------------------


def test_the_summary_shows_findings_with_links(nightly, browser):
    run = run_of(nightly, "failed")
    shown = browser("operator").get(f"/runs/{run.pk}/summary/").content.decode()
    assert f'href="/runs/{run.pk}/nodes/work/"' in shown
    assert "failed: KeyError in line 5" in shown
    stuck = run_of(nightly, "running", seconds=50)
    stored_stack(stuck)
    viewed = browser("viewer").get(f"/runs/{stuck.pk}/summary/").content.decode()
    assert 'data-finding="blocked_on_socket"' in viewed
    assert "Waiting nodes" in viewed
    normal = run_of(nightly, "running", seconds=1)
    Run.objects.filter(pk=stuck.pk).update(state="cancelled")
    NodeRun.objects.filter(run=stuck).update(state="cancelled", claim="")
    assert "No problems." in browser("viewer").get(f"/runs/{normal.pk}/summary/").content.decode()


def test_all_waiting_nodes_are_counted(db, browser):
    workflow = workflows.create("Wide", slug="wide", by="x")
    publish.publish(workflow, document(["first", *(f"n{n}" for n in range(1500))], "first>n0"), by="x")
    run = launch(workflow, by="x")
    NodeRun.objects.bulk_create(NodeRun(run=run, node=f"n{n}", state="ready", ready_at=at(2)) for n in range(1, 400))
    NodeRun.objects.create(run=run, node="first", state="running", attempt=1, claim="c", started_at=at(1))
    Run.objects.filter(pk=run.pk).update(
        state="running", started_at=at(3), counts={"running": 1, "ready": 399, "pending": 1101}
    )
    shown = browser("viewer").get(f"/runs/{run.pk}/summary/").content.decode()
    rows = re.findall(r'<tr><td>([^<]+)</td><td class="num">([\d,]+)</td></tr>', shown)
    assert sum(int(n.replace(",", "")) for _, n in rows) == 1500


@pytest.mark.parametrize("state", ["failed", "retrying"])
def test_an_error_appears_once_on_its_card(nightly, browser, state):
    shown = panel(browser, "viewer", run_of(nightly, state), "why")
    card = shown[shown.index("<article") : shown.index("</article>")]
    assert card.count("is not there") == 1
    assert re.search(r"Attempt 1 in .* (ended|failed) at ", card)


def test_iso_times_in_sentences_are_time_elements():
    shown = html_with_times("Retry 1 of 5 starts at 2026-11-29T16:00:52.474495Z. <b>")
    assert re.fullmatch(r"Retry 1 of 5 starts at <time [^>]+>16:00:52 UTC</time>\. &lt;b&gt;", shown)


# --- how often the database is asked -----------------------------------------------------------------------------


@pytest.mark.parametrize("tab", TABS)
def test_a_tab_takes_as_many_queries_for_many_rows(nightly, browser, tab, django_assert_max_num_queries):
    viewer = browser("viewer")
    run = run_of(nightly, "running", seconds=50)
    url = f"/runs/{run.pk}/nodes/work/panel/?tab={tab}"

    def more(count: int) -> None:
        for _ in range(count):
            run_of(nightly, "ready")
            stored_stack(run)
            Sample.objects.create(run=run, node="work", attempt=1, at=at(1), cpu_percent=1, memory_bytes=1)

    more(2)
    viewer.get(url)
    with django_assert_max_num_queries(32) as few:
        viewer.get(url)
    queries = len(few.captured_queries)
    more(14)
    # If more nodes wait than are listed, they are counted.
    with django_assert_max_num_queries(queries + 1):
        viewer.get(url)


def test_the_panel_writes_nothing(nightly, browser, django_assert_max_num_queries):
    run, admin = run_of(nightly, "running", seconds=50), browser("admin")
    stored_stack(run)
    for url in (*(f"nodes/work/panel/?tab={tab}" for tab in TABS), "summary/"):
        with django_assert_max_num_queries(40) as queries:
            admin.get(f"/runs/{run.pk}/{url}")
        assert not [query for query in queries.captured_queries if re.match(r"\s*(INSERT|UPDATE|DELETE)", query["sql"])]


@pytest.mark.parametrize(("state", "shown"), [("running", True), ("pending", True), ("succeeded", False)])
def test_a_missing_scheduler_is_shown_while_a_node_has_not_ended(nightly, browser, state, shown):
    run = run_of(nightly, state)
    Leader.objects.update(beat_at=at(60))
    assert ("The scheduler has not responded for" in panel(browser, "viewer", run, "why")) == shown
