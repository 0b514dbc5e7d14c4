"""Details of audit entries as text, in both languages."""

from typing import Any

import pytest
from django.utils import translation

from dashboard.presenters.audit import details_text
from dashboard.presenters.states import audit_action_text

CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("user_created", {"user": "ann", "role": "editor"}, "account ann, role Editor", "帳號 ann，角色編輯者"),
    (
        "user_changed",
        {"user": "ann", "role": "admin", "from": "viewer", "active": False, "password": "changed"},
        "account ann, role Viewer → Admin, closed, new password",
        "帳號 ann，角色檢視者 → 管理員，已停用，已變更密碼",
    ),
    ("signed_in", {"with": "link", "address": "::1"}, "with a login link, from ::1", "使用登入連結，來自 ::1"),
    ("sign_in_failed", {"address": "10.0.0.7"}, "from 10.0.0.7", "來自 10.0.0.7"),
    ("pool_created", {"pool": "mail", "slots": 5}, "pool mail, 5 slots", "資源池 mail，5 個名額"),
    (
        "pool_resized",
        {"pool": "mail", "from": 1, "to": 5},
        "pool mail, 1 slot → 5 slots",
        "資源池 mail，1 個名額 → 5 個名額",
    ),
    ("worker_drained", {"worker": "w1"}, "worker w1", "工作程序 w1"),
    (
        "token_created",
        {"user": "ann", "token": 3, "name": "job", "scopes": ["read", "run"]},
        "account ann, token job, may: read, run",
        "帳號 ann，權杖 job，權限：read、run",
    ),
    (
        "workflow_changed",
        {"name": {"from": "A", "to": "B"}, "tags": {"from": [], "to": ["x", "y"]}},
        "name: A → B, tags: – → x, y",
        "名稱：A → B，標籤：– → x、y",
    ),
    (
        "run_retried",
        {"nodes": ["a", "b"], "from": "start", "policy": {"a": {"memory_mb": 500}}},
        "nodes a, b, from the start, a: memory 500 MiB",
        "節點 a、b，從頭開始，a：記憶體 500 MiB",
    ),
    ("run_deleted", {"state": "failed", "version": 4}, "Failed, v4", "失敗，v4"),
    ("deployed", {"strategy": "immediate", "colour": "blue"}, "", ""),
]


@pytest.mark.parametrize(("action", "details", "english", "chinese"), CASES, ids=[case[0] for case in CASES])
def test_details_are_said_in_the_language_of_the_reader(action, details, english, chinese):
    with translation.override("en"):
        assert details_text(action, details) == english
    with translation.override("zh-hant"):
        assert details_text(action, details) == chinese


@pytest.mark.parametrize("action", [case[0] for case in CASES])
def test_an_entry_without_details_can_be_shown(action):
    assert audit_action_text(action)
    assert isinstance(details_text(action, {}), str)
