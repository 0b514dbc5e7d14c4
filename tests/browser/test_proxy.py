"""The product as a team has it: behind a TLS proxy, under a name of its own."""

import re

import pytest
from playwright.sync_api import expect

from tests.conftest import CHROMIUM
from tests.support.templates import running
from tests.support.tls import TlsProxy, certificate
from tests.support.wait import wait_until

NAME = "flows.example"


@pytest.fixture
def driver(chromium):
    """The browser's driver, which lives once in a process; `chromium` has started it."""
    return chromium.browser_type


@pytest.mark.long
def test_sign_in_runs_and_live_updates_work_behind_a_tls_proxy(driver, tmp_path):
    settings = {"ALLOWED_HOSTS": NAME, "INTERLOCK_TRUST_PROXY": "1"}
    with running(tmp_path / "home", **settings) as product:
        said = wait_until(lambda: text if "Stop with" in (text := product.log.read_text()) else "")
        assert (
            f"Interlock is ready: https://{NAME} (through the proxy, which forwards to http://127.0.0.1:{product.port})"
            in said
        )
        found = re.search(rf"https://{NAME}(/sign-in/link/\S+)", said)
        assert found, said
        proxy = TlsProxy(product.port, certificate(tmp_path, NAME))
        outside = f"https://{NAME}:{proxy.port}"
        browser = driver.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", f"--host-resolver-rules=MAP {NAME} 127.0.0.1"],
        )
        try:
            context = browser.new_context(ignore_https_errors=True)
            page = context.new_page()
            page.goto(outside + found.group(1))
            page.get_by_role("button", name="Sign in as").click()
            page.wait_for_url(f"{outside}/")
            assert all(cookie["secure"] for cookie in context.cookies()), context.cookies()
            page.get_by_role("link", name="Run Flight delays").click()
            page.get_by_role("dialog").get_by_role("button", name="Run v1").click()
            page.wait_for_url(re.compile(r"/runs/\d+/"))
            expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
            expect(page.locator("[data-run-state]")).to_have_text("Succeeded", timeout=30_000)
        finally:
            browser.close()
            proxy.close()
        assert product.call("GET", "/readyz", token=False).status == 200
        link = product.command("login-link", "--user", "admin").stdout
        assert link.startswith(f"https://{NAME}/sign-in/link/")
