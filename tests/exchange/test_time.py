"""Time: freshness is computed and carried, expiry happens on its day, clock steps harm nothing."""
import datetime

import pytest

from conftest import wait_until
from lists import certified, firms

DAY = 86400


def today(plus=0):
    tz = datetime.timezone(datetime.timedelta(hours=8))
    return (datetime.datetime.now(tz) + datetime.timedelta(days=plus)).strftime("%Y-%m-%d")


@pytest.fixture
def timed(make_gateway, bureau):
    gateway = make_gateway(clock=True)
    bureau.control(rows=[certified(0, validUntil=today(2)), *[certified(i) for i in range(1, 6)]], version="v1")
    assert gateway.sync()["state"] == "done"
    return gateway


def statement(gateway, i=1):
    return gateway.firm("bank-a", certified(i)["uscc"])


def test_freshness_goes_from_on_time_to_refused(timed):
    """on_time, delayed after two periods, stale after 7 days, 503 source.stale after 30."""
    for days, expected in ((1, "on_time"), (3, "delayed"), (8, "stale")):
        timed.set_clock(days * DAY)
        assert statement(timed).json()["source"]["freshness"] == expected, days
    timed.set_clock(31 * DAY)
    answer = statement(timed)
    assert answer.status_code == 503 and answer.json()["code"] == "source.stale" and answer.json()["detail_zh"]
    timed.set_clock(0)
    assert statement(timed).json()["source"]["freshness"] == "on_time"


def test_next_update_never_outlives_what_it_says(timed):
    """The statement ends when freshness or validity changes, at the latest."""
    s = statement(timed, 0).json()
    assert s["next_update"] <= today(3) + "T00:00:00+08:00"
    assert s["next_update"] > s["this_update"]


def test_before_the_first_list_nothing_is_guessed(gateway):
    """No list was ever applied: not listed would be a guess, so 503."""
    answer = gateway.firm("bank-a", certified(0)["uscc"])
    assert answer.status_code == 503 and answer.json()["code"] == "source.stale"


@pytest.mark.asan
def test_expiry_on_its_day_while_running(timed):
    """valid_until is inclusive: the next day the firm is expired, by a record of its own."""
    timed.set_clock(1 * DAY)
    assert statement(timed, 0).json()["status"] == "listed"
    timed.set_clock(3 * DAY)
    expired = wait_until(lambda: (lambda s: s if s["status"] == "expired" else None)(statement(timed, 0).json()), "the expiry", 90)
    assert expired["reasons"] == ["expired"] and expired["since"] == today(3)
    assert statement(timed).json()["status"] == "listed"


def test_expiry_while_the_daemon_was_down(timed):
    """It is written before ready, due at the day it was due."""
    timed.stop()
    timed.set_clock(5 * DAY)
    timed.start()
    assert statement(timed, 0).json()["status"] == "expired"
    last = timed.ctl_items("list", "history", certified(0)["uscc"])[-1]
    assert last["to"] == "expired" and last["actor"]["kind"] == "timer", last


def test_the_clock_steps_back_and_forth(timed, bureau):
    """Times of the journal never run backwards; syncs and answers go on."""
    timed.set_clock(20 * DAY)
    bureau.control(rows=[certified(i) for i in range(1, 8)], version="v2")
    assert timed.sync()["state"] == "done"
    timed.set_clock(19 * DAY)
    bureau.control(rows=[certified(i) for i in range(1, 9)], version="v3")
    assert timed.sync()["state"] == "done"
    assert statement(timed, 8).json()["status"] == "listed"
    assert timed.ctl("journal", "verify").returncode == 0
    assert timed.ctl_json("db", "rebuild")["equal"] is True
