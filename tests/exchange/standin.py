"""The stand-in banks and platforms of tests/peers as processes of their own, told what to do and asked what they saw."""
import json
import pathlib
import subprocess
import urllib.request

from conftest import PEERS, wait_until

PROGRAMS = {  # program: its TLS identity
    "bank": "bank-server", "bank_tcp": "bank-server", "onestop": "platform-server", "ippublic": "platform-server",
}


class StandIn:
    """StandIn(pki, directory, "bank", "bank-a"): takes the gateway's messages as this partner. It keeps port, messages and
    log in `directory` over kill() and start()."""

    def __init__(self, pki, directory, program, name, *arguments, gateway="gateway-sign"):
        self.dir = pathlib.Path(directory) / f"stand-in-{name}"
        self.dir.mkdir(exist_ok=True)
        self.name, self.info = name, {"port": 0}
        cert, key = pki.pair(PROGRAMS[program])
        sign_cert, sign_key = pki.pair(f"{name}-sign")
        self.words = [
            "/usr/bin/python3", str(PEERS / f"{program}.py"), "--name", name, "--cert", cert, "--key", key, "--ca", pki.ca,
            "--sign-cert", sign_cert, "--sign-key", sign_key, "--gateway-cert", str(pki / f"{gateway}.pem"),
            "--store", str(self.dir / "store"), "--log", str(self.dir / "log.jsonl"), *arguments]
        self.start()

    def start(self):
        self.process = subprocess.Popen([*self.words, "--port", str(self.info["port"])], stdout=subprocess.PIPE)
        self.info = json.loads(self.process.stdout.readline())
        self.url = self.info["url"]

    def ask(self, path, order=None):
        data = None if order is None else json.dumps(order).encode()
        with urllib.request.urlopen(self.info["control"] + path, data, timeout=60) as answer:
            return json.load(answer)

    def behave(self, *orders):
        """Forgets what it was told before; each order as tests/peers/README.md has it."""
        self.ask("/control", {"clear": True, "behave": list(orders)})

    def seen(self, **wanted):
        """Its log since the first start, in order; only the lines with these members."""
        with open(self.dir / "log.jsonl", encoding="utf-8") as lines:
            return [line for line in map(json.loads, lines) if all(line.get(k) == v for k, v in wanted.items())]

    def wait_for(self, what, **wanted):
        """The first line of its log with these members."""
        return wait_until(lambda: self.seen(**wanted), what)[0]

    def kill(self):
        self.process.kill()
        self.process.wait(10)
        self.process.stdout.close()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
        self.process.stdout.close()
