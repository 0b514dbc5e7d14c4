"""URLs of the API, its documentation and the health checks."""

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
from dashboard.api.not_available import not_available_yet

VIEW, RUN, DEPLOY, EDIT, RESOURCES, ADMIN = (
    Right.VIEW,
    Right.RUN,
    Right.DEPLOY,
    Right.EDIT,
    Right.RESOURCES,
    Right.ADMIN,
)

WORKFLOW = "workflows/<slug:slug>/"
RUN_PATH = "runs/<str:run_id>/"
NODE = f"{RUN_PATH}nodes/<str:node>/"

# Calls of the contract that are not built yet.
NOT_AVAILABLE = [
    path(
        f"{WORKFLOW}versions/<int:a>/diff/<int:b>/",
        not_available_yet("diff", "versions", "diff_versions", GET=VIEW).as_view(),
    ),
    path(
        f"{WORKFLOW}deployments/<str:deployment>/promote/",
        not_available_yet("promote", "deployments", "promote_deployment", POST=DEPLOY).as_view(),
    ),
    path(
        f"{WORKFLOW}deployments/<str:deployment>/abort/",
        not_available_yet("abort", "deployments", "abort_deployment", POST=DEPLOY).as_view(),
    ),
    path(f"{WORKFLOW}export/", not_available_yet("export", "workflows", "export_workflow", GET=VIEW).as_view()),
    path("import/", not_available_yet("import", "workflows", "import_workflows", POST=EDIT).as_view()),
    path(f"{RUN_PATH}pause/", not_available_yet("pause", "runs", "pause_run", POST=RUN).as_view()),
    path(f"{RUN_PATH}resume/", not_available_yet("resume", "runs", "resume_run", POST=RUN).as_view()),
    path(f"{NODE}approve/", not_available_yet("approve", "nodes", "approve_node", POST=RUN).as_view()),
    path(f"{NODE}reject/", not_available_yet("reject", "nodes", "reject_node", POST=RUN).as_view()),
    path("alerts/", not_available_yet("alerts", "installation", "list_alerts", GET=VIEW).as_view()),
    path("secrets/", not_available_yet("secrets", "installation", "secrets", GET=VIEW, POST=RESOURCES).as_view()),
    path(
        "connections/",
        not_available_yet("connections", "installation", "connections", GET=VIEW, POST=RESOURCES).as_view(),
    ),
    path("schedules/", not_available_yet("schedules", "installation", "schedules", GET=VIEW, POST=EDIT).as_view()),
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
    path(RUN_PATH, runs.Run.as_view()),
    path(f"{RUN_PATH}nodes/", nodes.Nodes.as_view()),
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
    path(f"{RUN_PATH}logs/", nodes.Logs.as_view()),
    path(f"{RUN_PATH}diagnostics/", diagnostics.Diagnostics.as_view()),
    path(f"{RUN_PATH}timeline/", traces.Timeline.as_view()),
    path(f"{RUN_PATH}cancel/", runs.CancelRun.as_view()),
    path(f"{RUN_PATH}retry/", runs.RetryRun.as_view()),
    path(f"{RUN_PATH}rerun/", runs.RerunRun.as_view()),
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
    path("sessions/", people.Sessions.as_view()),
    path("sessions/<str:session_id>/", people.Session.as_view()),
    path("users/", people.Users.as_view()),
    path("users/<str:username>/", people.User.as_view()),
    path("audit/", installation.Audit.as_view()),
    path("schema/", docs.Schema.as_view(), name="api-schema"),
    *NOT_AVAILABLE,
]

urlpatterns = [
    path("healthz", health.Healthz.as_view()),
    path("readyz", health.Readyz.as_view()),
    path("metrics", health.Metrics.as_view()),
    path("api/docs/", docs.Docs.as_view(), name="api-docs"),
    *[path(f"api/v1/{call.pattern}", call.callback, name=call.name) for call in CALLS],
    # Everything else under /api/ gets a problem document, never a page.
    re_path(r"^api/(?P<path>[\s\S]*)\Z", problems.unknown_address),
]
