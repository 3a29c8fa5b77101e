"""What a process costs, and the programs that are measured against: load generator, nginx, curl, a raw signature."""
import contextlib
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "exchange"))
from conftest import BUILD, ROOT, free_port, wait_until  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")
WORK = BUILD / "bench"


def times_of(pid):
    """utime and stime in seconds of a process with all its threads, also ended ones, and of its living children."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    user, system = int(fields[11]) / TICK, int(fields[12]) / TICK
    for child in children:
        of_child = times_of(child)
        user, system = user + of_child[0], system + of_child[1]
    return user, system


def cpu_of(pid):
    return sum(times_of(pid))


def anonymous_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    raise RuntimeError(f"no RssAnon of {pid}")


class Peak(threading.Thread):
    """Samples a process's anonymous memory until told to stop."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.kib, self.ending = pid, 0, threading.Event()
        self.start()

    def run(self):
        while not self.ending.wait(0.02):
            with contextlib.suppress(RuntimeError, OSError):     # it has ended; the caller will notice
                self.kib = max(self.kib, anonymous_kib(self.pid))

    def stop(self):
        self.ending.set()
        self.join()
        return self.kib / 1024


def program(name):
    """Builds tests/bench/NAME.c beside the other build results."""
    WORK.mkdir(parents=True, exist_ok=True)
    source, binary = HERE / f"{name}.c", WORK / name
    if not binary.exists() or binary.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-o", str(binary), str(source), "-lssl", "-lcrypto"], check=True)
    return str(binary)


def sign_us():
    """x: CPU microseconds of one raw ECDSA P-256 signature."""
    return float(subprocess.run([program("sign")], capture_output=True, text=True, check=True).stdout)


class Load:
    """Kept-alive connections to a server; ask() tells what `count` requests were answered by."""

    def __init__(self, port, pki, paths, connections=32, who="bank-a", before=()):
        WORK.mkdir(parents=True, exist_ok=True)
        if isinstance(paths[0], bytes):        # whole requests
            self.file = WORK / f"{port}-{who}.requests"
            with open(self.file, "wb") as file:
                file.writelines(b"%08d" % len(r) + r for r in paths)
        else:
            self.file = WORK / f"paths-{port}-{who}"
            self.file.write_text("".join(p + "\n" for p in paths))
        cert, key = pki.pair(who)
        self.process = subprocess.Popen([*before, program("load"), str(port), cert, key, pki.ca, str(connections), str(self.file)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.line("ready")

    def line(self, expected=None):
        line = self.process.stdout.readline().strip()
        if not line or (expected and line != expected):
            raise RuntimeError(f"the load generator said {line!r}")
        return line

    def command(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.line())

    def ask(self, count, first=0, rate=0):
        """As fast as it is answered; or at so many a second, with latency from when each was due."""
        told = self.command(f"{count} {first} {rate}")
        if told["ok"] != count:
            raise RuntimeError(f"{count - told['ok']} of {count} answers were not 200")
        return told

    def flood(self, seconds, first=0):
        """As fast as its connections allow for so long, whatever is answered."""
        return self.command(f"flood {seconds} {first}")

    def cost(self, pid, count, first=0):
        """Server CPU in microseconds a request, and what the generator saw."""
        before = times_of(pid)
        told = self.ask(count, first)
        user, system = (b - a for a, b in zip(before, times_of(pid)))
        told["user_us"] = user / count * 1e6
        return (user + system) / count * 1e6, told

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)
        self.file.unlink()


NGINX = """daemon off;
{user}worker_processes {workers};
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
events {{ worker_connections 4096; }}
http {{
    types {{ application/json json; }}
    default_type application/json;
    access_log {dir}/access.log combined;
    client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3; uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
    sendfile on;
    tcp_nopush on;
    etag off;
    server_tokens off;
    max_ranges 0;
    server {{
        listen 127.0.0.1:{port} ssl reuseport;
        ssl_certificate {cert};
        ssl_certificate_key {key};
        ssl_client_certificate {ca};
        ssl_verify_client on;
        ssl_protocols TLSv1.2 TLSv1.3;
        root {root};
        {extra}
    }}
}}
"""


class Nginx:
    """Debian's nginx with the gateway's TLS settings: one listener a worker, client certificates required."""

    def __init__(self, directory, pki, identity, root, extra="", workers=2):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        cert, key = pki.pair(identity)
        user = "user root;\n" if os.geteuid() == 0 else ""
        (self.dir / "nginx.conf").write_text(NGINX.format(dir=self.dir, user=user, workers=workers, port=self.port, cert=cert, key=key,
                                                          ca=pki.ca, root=root, extra=extra))
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-p", str(self.dir), "-e", str(self.dir / "start.log"),
                                         "-c", str(self.dir / "nginx.conf")],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self.listens, "nginx to listen")

    def listens(self):
        if self.process.poll() is not None:
            raise RuntimeError("nginx ended: " + (self.dir / "start.log").read_text() + (self.dir / "error.log").read_text())
        return (self.dir / "nginx.pid").exists() and (self.dir / "nginx.pid").read_text().strip() != ""

    @property
    def pid(self):
        return self.process.pid

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            self.process.wait(10)


def curl_cpu(pki, url):
    """CPU seconds curl takes to download a URL pattern with the gateway's own certificate."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["curl", "-sS", "--fail", "--cert", str(pki / "gateway-client.pem"), "--key", str(pki / "gateway-client.key"),
                    "--cacert", pki.ca, "-o", "/dev/null", url], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def seconds_to_ready(gateway):
    """From exec to the first 200 of readyz."""
    gateway.sessions.clear()
    begun = time.monotonic()
    gateway.launch()
    while not gateway.ready():
        if time.monotonic() - begun > 60:
            raise RuntimeError("not ready within a minute")
        time.sleep(0.001)
    return time.monotonic() - begun


def commit():
    def git(*arguments):
        return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True).stdout.strip()
    changed = git("status", "--porcelain", "--", "gateway", "adapters", "schemas")
    return git("rev-parse", "--short", "HEAD") + (" with changes" if changed else "")


def machine():
    model = [line.split(":")[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return f"{model[0] if model else 'unknown'}, {os.cpu_count()} cores"
