"""Reloading and stopping while clients ask all the time."""
import http.client
import json
import signal
import threading

import pytest

from conftest import PARTNERS
from lists import certified, firms
from withstand import client_context, metric, wait_until

FRESH_EACH = 25                         # a new connection after so many requests


class Client(threading.Thread):
    """Asks without a pause and remembers how each request ended."""

    def __init__(self, gateway, who):
        super().__init__(daemon=True)
        self.gateway, self.who, self.context = gateway, who, client_context(gateway.pki, who)
        self.answered, self.refused, self.closed, self.broken = [], [], 0, []
        self.ending = threading.Event()

    def run(self):
        connection, n = None, 0
        while not self.ending.is_set():
            if connection is None or n % FRESH_EACH == 0:
                if connection is not None:
                    connection.close()
                connection = http.client.HTTPSConnection("127.0.0.1", self.gateway.port, context=self.context, timeout=20)
            n += 1
            try:
                connection.request("GET", f"/v1/whitelist/{certified(n % 3)['uscc']}")
                answer = connection.getresponse()
            except (ConnectionError, http.client.RemoteDisconnected, OSError) as error:
                connection = self.lost(error)
                continue
            connection = self.read(connection, answer)
        if connection is not None:
            connection.close()

    def lost(self, error):
        """The connection ended before a byte of an answer came."""
        if isinstance(error, TimeoutError):
            self.broken.append(repr(error))
        self.closed += 1
        if isinstance(error, ConnectionRefusedError):
            self.ending.set()
        return None

    def read(self, connection, answer):
        try:
            body = answer.read()
            assert json.loads(body)
        except Exception as error:  # noqa: BLE001  half an answer is what must not be
            self.broken.append(repr(error))
            return None
        (self.answered if answer.status == 200 else self.refused).append((answer.status, answer.headers["X-Request-Id"], body))
        return None if answer.will_close else connection


@pytest.fixture
def asked(make_gateway, bureau):
    gateway = make_gateway(settings={"net.partner_rate": 100000})
    bureau.control(rows=firms(3), version="v1")
    assert gateway.sync()["state"] == "done"
    clients = [Client(gateway, "bank-a"), Client(gateway, "bank-b")]
    for client in clients:
        client.start()
    wait_until(lambda: all(len(client.answered) > 20 for client in clients), "the clients to be at it")
    yield gateway, clients
    for client in clients:
        client.ending.set()
        client.join(30)


@pytest.mark.asan
def test_fifty_reloads_fail_no_request(asked):
    """By signal and by route, with changed files each time: every request of two banks is answered 200 on a connection that stays."""
    gateway, clients = asked
    generation = metric(gateway, "pledged_config_generation")
    for n in range(50):
        gateway.write_partners({**PARTNERS, "bank-a": {**PARTNERS["bank-a"], "name": f"甲银行{n}"}})
        if n % 2:
            gateway.process.send_signal(signal.SIGHUP)
        else:
            status, raw = gateway.reload()
            assert status == 200, raw
        wait_until(lambda: metric(gateway, "pledged_config_generation") > generation, "the reload")
        generation = metric(gateway, "pledged_config_generation")
    for client in clients:
        client.ending.set()
        client.join(30)
        assert not client.broken and not client.refused and client.closed == 0, (client.who, client.closed, client.refused[:2], client.broken[:2])
        assert len(client.answered) > 50


def test_a_faulty_reload_under_load_fails_no_request(asked):
    """Files that cannot be used, ten times: refused with a reason, the old ones stay in force for everybody."""
    gateway, clients = asked
    good = (gateway.dir / "partners.yaml").read_text()
    for n in range(10):
        gateway.write("partners.yaml", good.replace("- bank\n", "- banker\n", 1) if n % 2 else "partners: [")
        status, raw = gateway.reload()
        assert status == 422 and b"partners.yaml:" in raw, raw
    gateway.write("partners.yaml", good)
    assert gateway.reload()[0] == 200
    for client in clients:
        client.ending.set()
        client.join(30)
        assert not client.broken and not client.refused and client.closed == 0, (client.who, client.closed, client.refused[:2], client.broken[:2])


@pytest.mark.asan
def test_a_stop_under_load_answers_or_closes(asked):
    """SIGTERM: exit 0; no answer is cut in its middle; whatever was answered is in the access log."""
    gateway, clients = asked
    assert gateway.stop() == 0, gateway.log_text()[-3000:]
    for client in clients:
        client.join(30)
        assert not client.is_alive() and not client.broken, client.broken[:3]
        assert all(status == 503 and json.loads(body)["code"] == "busy.stopping" for status, _, body in client.refused), client.refused[:3]
    logged = set()
    for segment in (gateway.data / "access").glob("*.log"):
        logged.update(json.loads(line)["request_id"] for line in segment.read_bytes().rstrip(b"\0").splitlines())
    missing = [request for client in clients for _, request, _ in client.answered if request not in logged]
    assert not missing, missing[:5]
    gateway.start()
    assert gateway.firm("bank-a", certified(0)["uscc"]).status_code == 200


def test_two_signals_are_one_stop(asked):
    """SIGTERM and SIGINT behind each other under load: still in order, still 0."""
    gateway, _ = asked
    gateway.process.send_signal(signal.SIGTERM)
    gateway.process.send_signal(signal.SIGHUP)
    gateway.process.send_signal(signal.SIGTERM)
    assert gateway.process.wait(30) == 0, gateway.log_text()[-2000:]
