"""Runs and their rows as lists that are read page by page and searched."""
import json

import pytest
from lists import certified, firms

pytestmark = pytest.mark.asan


def items(gateway, path):
    """All items of a list, two a page, and how many pages there were."""
    found, after, pages = [], "", 0
    while True:
        status, raw = gateway.raw("GET", f"/admin/v1{path}{'&' if '?' in path else '?'}limit=2" + (f"&after={after}" if after else ""))
        assert status == 200, raw
        page = json.loads(raw)
        assert len(page["items"]) <= 2
        found += page["items"]
        pages += 1
        if not page["more"]:
            return found, pages
        after = page["next"].replace("#", "%23")


@pytest.fixture
def loaded(gateway, bureau):
    """Three runs: done, failed, done; the last one with five rows of which nobody can read the code."""
    bureau.control(rows=firms(6), version="2026-11")
    assert gateway.sync()["state"] == "done"
    bureau.control(mode="html")
    assert gateway.sync()["state"] == "failed"
    bureau.control(mode="normal")
    bureau.control(rows=firms(6) + [certified(9, uscc=f"91140105MA000000{i}X") for i in range(5)], version="2026-12")
    assert gateway.sync()["counts"]["rejected"] == 5
    return gateway


def test_runs_are_found_by_state_and_page_by_page(loaded):
    """Newest first, each run once, whatever is asked for."""
    every, pages = items(loaded, "/runs")
    assert [run["state"] for run in every] == ["done", "failed", "done"] and pages == 2
    assert [run["id"] for run in items(loaded, "/runs?state=failed")[0]] == [every[1]["id"]]
    assert len(items(loaded, "/runs?state=done&source=bureau-sx")[0]) == 2
    assert items(loaded, "/runs?state=done&source=elsewhere")[0] == []
    assert items(loaded, "/runs?state=nonsense")[0] == []


def test_rows_without_a_code_are_read_page_by_page(loaded):
    """More refused rows than fit a page: each comes once."""
    run = items(loaded, "/runs")[0][0]["id"]
    rows, pages = items(loaded, f"/runs/{run}/diff?action=rejected")
    assert [row["line"] for row in rows] == [7, 8, 9, 10, 11] and pages == 3
    assert {row["action"] for row in rows} == {"rejected"}
    assert items(loaded, f"/runs/{run}/diff?action=withdraw")[0] == []
    assert len(items(loaded, f"/runs/{run}/diff")[0]) >= 5
