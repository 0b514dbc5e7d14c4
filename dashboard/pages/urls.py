"""Addresses of the pages."""

from __future__ import annotations

from django.urls import path
from django.views.decorators.cache import cache_control
from django.views.i18n import JavaScriptCatalog

from dashboard.pages import (
    account,
    audit,
    deploy,
    editor,
    find,
    graph,
    launch,
    overview,
    resources,
    runs,
    signin,
    users,
    workflows,
)

# The words of the scripts; the address names language and content, so it may be kept.
catalogue = cache_control(public=True, max_age=86400)(JavaScriptCatalog.as_view(packages=["dashboard"]))

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("sign-in/", signin.sign_in, name="sign-in"),
    path("sign-in/link/<str:raw>/", signin.login_link, name="login-link"),
    path("sign-out/", signin.sign_out, name="sign-out"),
    path("workflows/", workflows.index, name="workflows"),
    path("workflows/new/", workflows.new, name="workflow-new"),
    path("workflows/<slug:slug>/", workflows.runs, name="workflow"),
    path("workflows/<slug:slug>/versions/", workflows.versions, name="workflow-versions"),
    path("workflows/<slug:slug>/versions/<int:number>/", workflows.definition, name="workflow-version"),
    path("workflows/<slug:slug>/versions/<int:number>/rollback/", deploy.rollback, name="workflow-rollback"),
    path("workflows/<slug:slug>/versions/<int:number>/deploy/", deploy.deploy, name="workflow-deploy"),
    path("workflows/<slug:slug>/definition/", workflows.definition, name="workflow-definition"),
    path("workflows/<slug:slug>/settings/", workflows.settings, name="workflow-settings"),
    path("workflows/<slug:slug>/archive/", workflows.archive, name="workflow-archive"),
    path("workflows/<slug:slug>/duplicate/", workflows.duplicate, name="workflow-duplicate"),
    path("workflows/<slug:slug>/delete/", workflows.delete, name="workflow-delete"),
    path("workflows/<slug:slug>/edit/", editor.edit, name="workflow-edit"),
    path("workflows/<slug:slug>/edit/publish/", editor.publish, name="workflow-publish"),
    path("workflows/<slug:slug>/edit/publish/form/", editor.publish_form, name="workflow-publish-form"),
    path("workflows/<slug:slug>/edit/discard/", editor.discard, name="workflow-discard"),
    path("workflows/<slug:slug>/edit/rebase/", editor.rebase, name="workflow-rebase"),
    path("workflows/<slug:slug>/run/", launch.run, name="workflow-run"),
    path("runs/", runs.index, name="runs"),
    path("runs/<int:run_id>/", runs.run, name="run"),
    path("runs/<int:run_id>/graph/", graph.graph, name="run-graph"),
    path("runs/<int:run_id>/summary/", runs.summary, name="run-summary"),
    path("runs/<int:run_id>/cancel/", runs.cancel, name="run-cancel"),
    path("runs/<int:run_id>/retry/", runs.retry, name="run-retry"),
    path("runs/<int:run_id>/again/", runs.again, name="run-again"),
    path("runs/<int:run_id>/delete/", runs.delete, name="run-delete"),
    path("runs/<int:run_id>/nodes/<str:node>/", runs.run, name="run-node"),
    path("runs/<int:run_id>/nodes/<str:node>/panel/", runs.panel, name="run-panel"),
    path("runs/<int:run_id>/nodes/<str:node>/output/", runs.output, name="run-output"),
    path("runs/<int:run_id>/nodes/<str:node>/cancel/", runs.cancel_node, name="run-node-cancel"),
    path("runs/<int:run_id>/nodes/<str:node>/retry/", runs.retry_node, name="run-node-retry"),
    path("resources/", resources.index, name="resources"),
    path("resources/pools/", resources.create, name="pool-create"),
    path("resources/pools/<str:name>/", resources.resize, name="pool-resize"),
    path("resources/pools/<str:name>/delete/", resources.delete, name="pool-delete"),
    path("audit/", audit.index, name="audit"),
    path("account/", account.index, name="account"),
    path("account/password/", account.password, name="account-password"),
    path("account/tokens/", account.create_token, name="account-tokens"),
    path("account/tokens/<int:token_id>/delete/", account.delete_token, name="account-token-delete"),
    path("account/theme/", account.theme, name="theme"),
    path("account/language/", account.language, name="language"),
    path("users/", users.index, name="users"),
    path("users/:new/", users.create, name="user-create"),
    path("users/<str:username>/", users.change, name="user"),
    path("users/<str:username>/link/", users.login_link, name="user-link"),
    path("find/", find.find, name="find"),
    path("catalogue.js", catalogue, name="catalogue"),
]
