"""Addresses of the API, of its documentation, and of what a load balancer asks."""

from __future__ import annotations

from django.urls import path, re_path

from dashboard.access import Right
from dashboard.api import (
    diagnostics,
    docs,
    drafts,
    files,
    health,
    installation,
    nodes,
    people,
    problems,
    runs,
    traces,
    versions,
    workflows,
)
from dashboard.api.not_available import not_available_yet as later

VIEW, RUN, DEPLOY, EDIT, RESOURCES, ADMIN = (
    Right.VIEW,
    Right.RUN,
    Right.DEPLOY,
    Right.EDIT,
    Right.RESOURCES,
    Right.ADMIN,
)

WORKFLOW = "workflows/<slug:slug>/"
RUN_ADDRESS = "runs/<str:run_id>/"
NODE = f"{RUN_ADDRESS}nodes/<str:node>/"

# Calls of the contract that are not built yet.
LATER = [
    path(f"{WORKFLOW}versions/<int:a>/diff/<int:b>/", later("diff", "versions", "diff_versions", GET=VIEW).as_view()),
    path(
        f"{WORKFLOW}deployments/<str:deployment>/promote/",
        later("promote", "deployments", "promote_deployment", POST=DEPLOY).as_view(),
    ),
    path(
        f"{WORKFLOW}deployments/<str:deployment>/abort/",
        later("abort", "deployments", "abort_deployment", POST=DEPLOY).as_view(),
    ),
    path(f"{WORKFLOW}export/", later("export", "workflows", "export_workflow", GET=VIEW).as_view()),
    path("import/", later("import", "workflows", "import_workflows", POST=EDIT).as_view()),
    path(f"{RUN_ADDRESS}pause/", later("pause", "runs", "pause_run", POST=RUN).as_view()),
    path(f"{RUN_ADDRESS}resume/", later("resume", "runs", "resume_run", POST=RUN).as_view()),
    path(f"{NODE}approve/", later("approve", "nodes", "approve_node", POST=RUN).as_view()),
    path(f"{NODE}reject/", later("reject", "nodes", "reject_node", POST=RUN).as_view()),
    path("alerts/", later("alerts", "installation", "list_alerts", GET=VIEW).as_view()),
    path("secrets/", later("secrets", "installation", "secrets", GET=VIEW, POST=RESOURCES).as_view()),
    path("connections/", later("connections", "installation", "connections", GET=VIEW, POST=RESOURCES).as_view()),
    path("schedules/", later("schedules", "installation", "schedules", GET=VIEW, POST=EDIT).as_view()),
]

CALLS = [
    path("workflows/", workflows.Workflows.as_view()),
    path(WORKFLOW, workflows.Workflow.as_view()),
    path(f"{WORKFLOW}draft/", drafts.Draft.as_view()),
    path(f"{WORKFLOW}validate/", workflows.Validate.as_view()),
    path(f"{WORKFLOW}versions/", versions.Versions.as_view()),
    path(f"{WORKFLOW}versions/<int:number>/", versions.Version.as_view()),
    path(f"{WORKFLOW}deployments/", versions.Deployments.as_view()),
    path(f"{WORKFLOW}rollback/", versions.Rollback.as_view()),
    path(f"{WORKFLOW}runs/", runs.Launches.as_view()),
    path("runs/", runs.Runs.as_view()),
    path(RUN_ADDRESS, runs.Run.as_view()),
    path(f"{RUN_ADDRESS}nodes/", nodes.Nodes.as_view()),
    path(NODE, nodes.Node.as_view()),
    path(f"{NODE}output/", nodes.Output.as_view()),
    path(f"{NODE}output/download/", nodes.Download.as_view()),
    path(f"{NODE}attempts/", nodes.Attempts.as_view()),
    path(f"{NODE}stack/", traces.Stack.as_view()),
    path(f"{NODE}history/", traces.History.as_view()),
    path(f"{NODE}samples/", traces.Samples.as_view()),
    path(f"{NODE}cancel/", runs.CancelNode.as_view()),
    path(f"{NODE}retry/", runs.RetryNode.as_view()),
    path(f"{NODE}skip/", runs.SkipNode.as_view()),
    path(f"{RUN_ADDRESS}logs/", nodes.Logs.as_view()),
    path(f"{RUN_ADDRESS}diagnostics/", diagnostics.Diagnostics.as_view()),
    path(f"{RUN_ADDRESS}timeline/", traces.Timeline.as_view()),
    path(f"{RUN_ADDRESS}cancel/", runs.CancelRun.as_view()),
    path(f"{RUN_ADDRESS}retry/", runs.RetryRun.as_view()),
    path("node-types/", installation.NodeTypes.as_view()),
    path("pools/", installation.Pools.as_view()),
    path("pools/<str:name>/", installation.Pool.as_view()),
    path("workers/", installation.Workers.as_view()),
    path("workers/<str:name>/drain/", installation.DrainWorker.as_view()),
    path("workers/<str:name>/resume/", installation.ResumeWorker.as_view()),
    path("files/", files.FileList.as_view()),
    path("files/<path:path>", files.File.as_view()),
    path("tokens/", people.Tokens.as_view()),
    path("tokens/<int:token_id>/", people.Token.as_view()),
    path("users/", people.Users.as_view()),
    path("users/<str:username>/", people.User.as_view()),
    path("audit/", installation.Audit.as_view()),
    path("schema/", docs.Schema.as_view(), name="api-schema"),
    *LATER,
]

urlpatterns = [
    path("healthz", health.Healthz.as_view()),
    path("readyz", health.Readyz.as_view()),
    path("metrics", health.Metrics.as_view()),
    path("api/docs/", docs.Docs.as_view(), name="api-docs"),
    *[path(f"api/v1/{call.pattern}", call.callback, name=call.name) for call in CALLS],
    # Everything else under /api/: a problem document, never a page.
    re_path(r"^api/(?P<path>[\s\S]*)\Z", problems.unknown_address),
]
