"""A list longer than memory holds at once: put aside in parts, told as one."""
import random

from lists import firms

ROWS = 70000                       # parts hold 65,536 rows at most


def shuffled(rows):
    random.Random(1).shuffle(rows)
    return rows


def test_a_long_list_in_any_order_is_applied_whole(gateway, bureau):
    """Firms in no order: all are added; the same list again changes nothing."""
    bureau.control(rows=shuffled(firms(ROWS)), version="v1")
    run = gateway.sync()
    assert run["state"] == "done" and run["counts"]["added"] == ROWS, run
    again = gateway.sync()
    assert again["state"] == "done" and again["counts"]["unchanged"] == ROWS, again


def test_what_stands_twice_is_found_however_far_apart(gateway, bureau):
    """The first rows stand once more at the end: one the same, one different, one three times."""
    rows = shuffled(firms(ROWS))
    same, other, thrice = rows[0], rows[1], rows[2]
    ending = [same, {**other, "name": "另一家有限公司"}, {**thrice, "level": "市级"}, {**thrice, "level": "县级"}]
    bureau.control(rows=rows + ending, version="v1")
    run = gateway.sync()
    assert run["state"] == "done", run
    assert run["counts"]["received"] == ROWS + 4 and run["counts"]["added"] == ROWS - 2, run
    assert run["counts"]["rejected"] == 2 + 3, run
    told = {item["uscc"]: item for item in gateway.diff(run["id"]) if item["action"] == "rejected"}
    assert set(told) == {other["uscc"], thrice["uscc"]}, told
    assert all(item["code"] == "list.row_conflict" for item in told.values()), told
    assert gateway.firm("bank-a", same["uscc"]).json()["status"] == "listed"
    assert gateway.firm("bank-a", other["uscc"]).json()["status"] == "not_listed"
