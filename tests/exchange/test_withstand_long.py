"""Long searches of people hold neither banks nor probes up, nor the end of the gateway."""
import json
import os
import signal
import time

import pytest

from conftest import UnixConnection, wait_until
from lists import certified

OLD = time.strftime("%Y%m%dT000000Z-0000000001.log", time.gmtime(time.time() - 30 * 86400))


@pytest.fixture
def endless(make_gateway, bureau):
    """A gateway with one worker and an access log whose oldest segment does not come to an end: it is a pipe."""
    bureau.control(rows=[certified(0)], version="1")
    gateway = make_gateway(settings={"net.workers": 1, "net.threads": 1})
    assert gateway.sync("initial")["state"] == "done"
    (gateway.data / "access" / f"{OLD}.sha256").write_text(f"{'0' * 64}  {OLD}\n")
    os.mkfifo(gateway.data / "access" / OLD, 0o600)
    yield gateway
    if gateway.process.poll() is None:
        gateway.kill()


def let_go(gateway):
    """Whoever waits at the pipe now gets on."""
    try:
        os.close(os.open(gateway.data / "access" / OLD, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        pass


def search(gateway):
    """The request is with the gateway when this returns; what is asked later by TLS arrives later."""
    connection = UnixConnection(gateway.socket)
    connection.request("GET", "/admin/v1/access")
    return connection


def test_searches_leave_the_workers_to_banks_and_probes(endless):
    gateway, searches = endless, [search(endless) for _ in range(3)]
    answer = gateway.firm("bank-b", certified(0)["uscc"])       # SM2 is signed on a worker
    assert answer.status_code == 200, answer.text
    assert gateway.raw("GET", "/readyz")[0] == 200
    for connection in searches:
        connection.close()


def test_searches_are_bounded_and_end_with_the_gateway(endless):
    gateway, searches = endless, [search(endless) for _ in range(20)]
    answer = searches[-1].getresponse()
    assert (answer.status, json.loads(answer.read())["code"]) == (503, "busy.queue")
    gateway.process.send_signal(signal.SIGTERM)
    wait_until(lambda: "notice stop " in gateway.log_text(), "the stop to begin")
    let_go(gateway)
    assert gateway.process.wait(20) == 0
    for connection in searches:
        connection.close()
