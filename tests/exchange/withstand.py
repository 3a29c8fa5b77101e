"""What the dialogues about a hostile world share: runs of any source, orders to a stand-in bureau, a peer of bytes."""
import concurrent.futures
import json
import os
import socket
import ssl
import threading

from conftest import BUILD, Bureau, wait_until


def start_run(gateway, source="bureau-sx", **more):
    status, raw = gateway.raw("POST", "/admin/v1/runs", json.dumps({"source": source, **more}))
    assert status == 202, raw
    return json.loads(raw)["run"]


def run_all(gateway, sources):
    """Starts a run of each source at once and returns {source: story at its end}."""
    started = {source: start_run(gateway, source) for source in sources}
    return {source: gateway.run_end(run, 90) for source, run in started.items()}


def source(name, adapter, settings, **changes):
    return {"id": name, "name": name, "adapter": adapter, "scope": "full", "period": "1d", "paused": True, "settings": settings, **changes}


def order(bureau, **what):
    """One order to the stand-in bureau, as its own description names them."""
    answer = bureau.session.post(f"{bureau.url}/control", json=what, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def was_asked(bureau, page):
    """True when this page was asked for since the bureau hangs on it."""
    state = bureau.session.get(f"{bureau.url}/control", timeout=60).json()
    return state["last_query"].get("pageNo") == str(page)


def bureaus(pki, directory, **arguments):
    """Several stand-in bureaus at once: {name: [argument…]} becomes {name: Bureau}."""
    def begin(name):
        folder = directory / f"peer-{name}"
        folder.mkdir()
        return name, Bureau(pki, folder, *arguments[name])
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return dict(pool.map(begin, arguments))


def status_of(gateway, code, who="bank-a"):
    return gateway.firm(who, code).json()["status"]


def head(gateway):
    return json.loads(gateway.raw("GET", "/admin/v1/journal/head")[1])


def metric(gateway, name):
    text = gateway.raw("GET", "/metrics")[1].decode()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith(name + " ")))


def memory(gateway, field="RssAnon"):
    """kB of the gateway's process."""
    with open(f"/proc/{gateway.process.pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(field))


def sanitized():
    with open(BUILD / "CMakeCache.txt") as f:
        return "GW_SANITIZE:BOOL=ON" in f.read()


def adapters_with_misbehave(directory):
    """A folder of adapters that holds the gateway's own and the one that misbehaves."""
    folder = directory / "adapters"
    folder.mkdir()
    for path in (BUILD / "adapters" / "bureau.so", BUILD / "test-adapters" / "misbehave.so"):
        os.symlink(path, folder / path.name)
    return str(folder)


def whole(gateway):
    """The journal verifies and the state tables are what it says."""
    assert gateway.ctl("journal", "verify").returncode == 0
    assert gateway.ctl_json("db", "rebuild")["equal"] is True


def client_context(pki, who, **versions):
    context = ssl.create_default_context(cafile=pki.ca)
    context.load_cert_chain(*pki.pair(who))
    for name, value in versions.items():
        setattr(context, name, value)
    return context


class Peer:
    """Accepts connections and lets `speak(connection, n)` say what it likes; n counts connections from 1."""

    def __init__(self, speak, pki=None, name="bureau-server"):
        self.context = None
        if pki is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*pki.pair(name))
            self.context.load_verify_locations(pki.ca)
            self.context.verify_mode = ssl.CERT_REQUIRED
        self.speak, self.n = speak, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"{'http' if pki is None else 'https'}://127.0.0.1:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.n += 1
            threading.Thread(target=self.serve, args=(connection, self.n), daemon=True).start()

    def serve(self, connection, n):
        try:
            connection.settimeout(30)
            if self.context is not None:
                connection = self.context.wrap_socket(connection, server_side=True)
            self.speak(connection, n)
        except OSError:
            pass
        finally:
            connection.close()

    def stop(self):
        self.listener.close()


def read_request(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            raise OSError("closed")
        data += more
    return data


__all__ = [name for name in dir() if not name.startswith("_")] + ["wait_until"]
