#!/usr/bin/env python3
"""Measures what the parts cost, each figure beside a reference taken in the same run.

    bench.py [P1 P2 P4 P5 P6 P6file P7 P8 P9 proof backup attack] [--rows N] [--firms N] [--requests N] [--records N] [--strict]

P1  status query, statement already signed: server CPU against nginx serving the same bytes
P2  the same at the first question: what signing adds, in raw P-256 signatures (x)
P4  a credit.report of one row in XML, ECDSA: decided, durable, its receipt signed; 64 in flight; in raw signatures (x)
P5  the same in JSON, ES256
P6  a list over HTTPS pages, first load and nothing changed: rows per second of CPU, anonymous memory; beside curl
P7  idle with the whole list: anonymous memory, seconds from exec to ready
P8  P1 with the long list against P1 with the short one
proof   a proof that a record is in a journal of --records, and that one journal grew out of another; against 10,000 records
backup  queries answered a second while the long list is copied, against before and behind it, everything busy
P9  one change of the list to twenty partners: signatures, deliveries a second of CPU
attack  p99 of one bank's queries and messages while another partner attacks in five ways, against alone

Prints a table; tests/results/bench.json and bench.md keep it with commit and date. Exits 1 when a measurement
fails, with --strict also when a budget is missed. The programs of GW_BUILD (default: build) are measured.
"""
import argparse
import contextlib
import datetime
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from measure import (BUILD, ROOT, WORK, Load, Nginx, Peak, anonymous_kib, commit, cpu_of, curl_cpu, machine,  # noqa: E402
                     seconds_to_ready, sign_us)
from conftest import Gateway, Pki, bureau_source  # noqa: E402
from attack import attack, request_of  # noqa: E402
from fanout import fanout, waiting  # noqa: E402
from pages import write_lines, write_pages  # noqa: E402

PAGE_SIZE = 500
SPREAD = 1000
PAIRS = 5
SETTINGS = {"net.partner_rate": 1000000, "net.threads": 2}
PATHS = ("P1", "P2", "P4", "P5", "P6", "P6file", "P7", "P8", "P9", "proof", "backup", "attack")
results = []


def note(text):
    print(f"[{datetime.datetime.now():%H:%M:%S}] {text}", file=sys.stderr, flush=True)


def result(path, what, figure, unit, reference, budget, within, **more):
    """One line of the table. `within` is None where there is no budget."""
    results.append({"path": path, "what": what, "figure": round(figure, 3), "unit": unit, "reference": reference, "budget": budget,
                    "within": within, **more})
    note(f"{path} {what}: {figure:.3f} {unit} ({reference})")


class Site:
    """A gateway whose only source is a web server with `rows` rows in pages."""

    def __init__(self, work, pki, rows, name, settings):
        self.rows, self.pki = rows, pki
        note(f"{rows:,} rows as pages")
        self.pages = WORK / f"pages-{rows}"
        self.page_n = write_pages(self.pages, rows, PAGE_SIZE)
        self.bureau = Nginx(work / f"{name}-pages", pki, "bureau-server", self.pages,
                            "location = /quality-enterprises { try_files /$arg_pageNo.json =404; }", 1)
        directory = work / name
        directory.mkdir()
        source = bureau_source(self.bureau, paused=True)
        self.gateway = Gateway(directory, pki, [source], settings | {"policy.admission": "automatic"})
        self.loaded = False
        try:
            self.gateway.start()
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self):
        return self.gateway.process.pid

    @property
    def pattern(self):
        return f"{self.bureau.url}/quality-enterprises?pageNo=[1-{self.page_n}]&pageSize={PAGE_SIZE}"

    def story(self, run):
        try:
            return self.gateway.run(run)
        except OSError as error:
            raise RuntimeError(f"the gateway is gone: {self.gateway.log_text()[-2000:]}") from error

    def run(self, **asked):
        """One run of the list: its story, CPU seconds, MiB of anonymous memory at most."""
        peak, cpu = Peak(self.pid), cpu_of(self.pid)
        status, raw = self.gateway.raw("POST", "/admin/v1/runs", json.dumps({"source": "bureau-sx", **asked}))
        if status != 202:
            raise RuntimeError(f"no run: {raw}")
        name, until = json.loads(raw)["run"], time.monotonic() + 120 + self.rows / 2000
        while (story := self.story(name))["state"] == "running":
            if time.monotonic() > until:
                raise RuntimeError(f"still running: {story}")
            time.sleep(0.1)
        if story["state"] != "done":
            raise RuntimeError(f"the run ended as {story}")
        self.loaded = True
        return story, cpu_of(self.pid) - cpu, peak.stop()

    def load(self):
        if not self.loaded:
            self.run()

    def codes(self, n):
        return (self.pages / "codes.txt").read_text().split()[:n]

    def stop(self):
        self.gateway.stop()
        self.bureau.stop()


# ---- P1: an answer that is already signed

OWN = {"date", "content-length", "connection", "server", "content-type", "etag"}      # nginx writes these itself, or none


def length(headers):
    return sum(len(name) + len(value) + 4 for name, value in headers.items())


def nginx_like(site, work, codes, name, extra=""):
    """nginx with the very bodies that the gateway answers, and a header of the same length."""
    root = work / f"{name}-root"
    folder = root / "v1" / "whitelist"
    folder.mkdir(parents=True)
    for code in codes:
        answer = site.gateway.firm("bank-a", code)
        answer.raise_for_status()
        (folder / code).write_bytes(answer.content)
    extra += ' add_header Last-Modified "";' + "".join(f' add_header {n} "{v}";' for n, v in answer.headers.items() if n.lower() not in OWN)
    plain = Nginx(work / f"{name}-plain", site.pki, "server", root, extra)
    session = site.gateway.session("bank-a")
    told = session.get(f"{plain.url}/v1/whitelist/{codes[-1]}")
    told.raise_for_status()
    plain.stop()
    room = length(answer.headers) - length(told.headers) - len("X-Fill: \r\n")
    if room > 0:
        extra += f' add_header X-Fill "{"x" * room}";'
    return Nginx(work / name, site.pki, "server", root, extra, SETTINGS["net.threads"])


def pairs(ours, theirs, our_pid, their_pid, requests, n=PAIRS):
    """Alternates the two n times; medians of both costs and of the ratio of each pair."""
    a, b, told = [], [], None
    for _ in range(n):
        cost, told = ours.cost(our_pid, requests)
        a.append(cost)
        cost, other = theirs.cost(their_pid, requests)
        b.append(cost)
    told["other_bytes"] = other["bytes"]
    return statistics.median(a), statistics.median(b), statistics.median(x / y for x, y in zip(a, b)), told


def compare(site, work, codes, name, requests, extra=""):
    server = nginx_like(site, work, codes, name, extra)
    paths = [f"/v1/whitelist/{code}" for code in codes]
    with contextlib.ExitStack() as stack:
        stack.callback(server.stop)
        ours, theirs = Load(site.gateway.port, site.pki, paths), Load(server.port, site.pki, paths)
        stack.callback(ours.close), stack.callback(theirs.close)
        ours.ask(len(codes) + 2000), theirs.ask(len(codes) + 2000)
        return pairs(ours, theirs, site.pid, server.pid, requests)


def p1(site, work, options, path="P1"):
    site.load()
    cost = None
    for what, codes, name, extra in (
            (f"{SPREAD:,} firms in turn", site.codes(SPREAD), f"{path}-spread", ""),
            ("one firm", site.codes(1), f"{path}-one", ""),
            (f"{SPREAD:,} firms, nginx with open_file_cache", site.codes(SPREAD), f"{path}-cached", "open_file_cache max=10000 inactive=10m;")):
        ours, theirs, ratio, told = compare(site, work, codes, name, options.requests, extra)
        budget = "≤ 1.15" if name == f"{path}-spread" else ""
        result(path, f"status query, {what}", ratio, "× nginx", f"gateway {ours:.2f} µs, nginx {theirs:.2f} µs a request; "
               f"{told['bytes'] / told['requests']:.0f} and {told['other_bytes'] / told['requests']:.0f} bytes an answer",
               budget, ratio <= 1.15 if budget else None, gateway_us=ours, nginx_us=theirs, p50_us=told["p50_us"], p99_us=told["p99_us"],
               per_second=told["requests"] / told["seconds"])
        cost = cost or ours
    return cost


# ---- P2: signed at the first question

def p2(site, work, options):
    site.load()
    x = sign_us()
    group = 8000
    codes = site.codes(SPREAD + PAIRS * group)[SPREAD:]
    group = len(codes) // PAIRS
    load = Load(site.gateway.port, site.pki, [f"/v1/whitelist/{code}" for code in codes])
    first, again = [], []            # (all, in user mode) a request
    for i in range(PAIRS):
        cost, told = load.cost(site.pid, group, i * group)
        first.append((cost, told["user_us"]))
        repeats = [load.cost(site.pid, group, i * group) for _ in range(4)]
        again.append((statistics.mean(cost for cost, _ in repeats), statistics.mean(told["user_us"] for _, told in repeats)))
    load.close()
    x = (x + sign_us()) / 2
    extra, user = (statistics.median(a[i] - b[i] for a, b in zip(first, again)) / x for i in (0, 1))
    result("P2", "signed at first question, above P1", extra, "x", f"x = {x:.2f} µs; first {statistics.median(first)[0]:.2f} µs, "
           f"again {statistics.median(again)[0]:.2f} µs a request; in user mode alone {user:.2f} x", "≤ 1.3", extra <= 1.3, x_us=x)


# ---- P4, P5: a bank reports a loan

MESSAGES = 2000                      # of one measurement
IN_FLIGHT = 64


def requests_of(site, form, n):
    """Signed before anything is measured; each reports a drawdown on a line of its own."""
    author, codes = site.gateway.author("bank-a"), site.codes(n)
    loan = {"amount_fen": 300000000, "rate_bp": 435, "date": "2026-11-02", "due": "2027-11-01"}
    for i, code in enumerate(codes):
        message = author.write(form, "credit.report", {"rows": [
            {"event": "drawdown", "uscc": code, "credit_no": f"SX{i}", "loan_no": f"JJ{i}", **loan}]})
        yield request_of(message)


def messages(site, path, form, budget):
    site.load()
    note(f"{path}: {PAIRS * MESSAGES:,} messages signed")
    load = Load(site.gateway.port, site.pki, list(requests_of(site, form, (PAIRS + 1) * MESSAGES)), IN_FLIGHT)
    load.ask(MESSAGES)
    x, costs = [sign_us()], []
    for i in range(PAIRS):
        cost, told = load.cost(site.pid, MESSAGES, (i + 1) * MESSAGES)
        costs.append(cost)
        x.append(sign_us())
    load.close()
    cost, x = statistics.median(costs), statistics.median(x)
    result(path, f"credit.report of one row, {form.upper()}, {site.rows:,} firms, {IN_FLIGHT} in flight", cost / x, "x a message",
           f"x = {x:.2f} µs; {cost:.1f} µs a message, p50 {told['p50_us'] / 1000:.1f} ms, p99 {told['p99_us'] / 1000:.1f} ms", f"≤ {budget}",
           cost / x <= budget, x_us=x, per_second=told["requests"] / told["seconds"])


# ---- P6: a long list

def rows_result(site, what, cpu, memory, curl, budget, story, **more):
    rate = site.rows / cpu
    result("P6", what, rate, "rows/s of CPU", f"curl alone: {site.rows / curl:,.0f} rows/s of CPU", f"≥ {budget:,}", rate >= budget,
           cpu=cpu, curl_cpu=curl, duration_ms=story.get("duration_ms"), **more)
    result("P6", f"{what}: anonymous memory", memory, "MiB", "", "≤ 64", memory <= 64)


def p6(site, work, options):
    curl = statistics.median(curl_cpu(site.pki, site.pattern) for _ in range(3))
    story, cpu, memory = site.run()
    if story["counts"]["added"] != site.rows:
        raise RuntimeError(f"not all were added: {story}")
    rows_result(site, f"first load of {site.rows:,} rows", cpu, memory, curl, 50000, story)
    runs = [site.run() for _ in range(3)]
    for story, *_ in runs:
        if story["counts"]["unchanged"] != site.rows:
            raise RuntimeError(f"not all were unchanged: {story}")
    cpu = statistics.median(cpu for _, cpu, _ in runs)
    rows_result(site, "nothing changed, HTTPS pages", cpu, max(memory for *_, memory in runs), curl, 250000, story)


class FileSite(Site):
    """A gateway whose only source is a folder with the list as one NDJSON file."""

    def __init__(self, work, pki, rows, name):
        self.rows, self.pki, self.loaded = rows, pki, False
        note(f"{rows:,} rows as a file")
        self.file = WORK / f"lines-{rows}" / "list.ndjson"
        write_lines(self.file, rows)
        directory = work / name
        directory.mkdir()
        source = {"id": "files", "name": "files", "adapter": "filedrop", "scope": "full", "period": "1d", "paused": True,
                  "settings": {"directory": str(self.file.parent)}}
        self.gateway = Gateway(directory, pki, [source], SETTINGS | {"policy.admission": "automatic"})
        self.gateway.start()

    def run(self):
        return super().run(source="files", file=str(self.file))

    def stop(self):
        self.gateway.stop()


def p6_file(site, work, options):
    story, cpu, memory = site.run()
    if story["counts"]["added"] != site.rows:
        raise RuntimeError(f"not all were added: {story}")
    rate = site.rows / cpu
    result("P6", f"first load of {site.rows:,} rows, NDJSON file", rate, "rows/s of CPU", "", "≥ 50,000", rate >= 50000, cpu=cpu)
    runs = [site.run() for _ in range(3)]
    for story, *_ in runs:
        if story["counts"]["unchanged"] != site.rows:
            raise RuntimeError(f"not all were unchanged: {story}")
    rate = site.rows / statistics.median(cpu for _, cpu, _ in runs)
    result("P6", "nothing changed, NDJSON file", rate, "rows/s of CPU", "", "≥ 400,000", rate >= 400000)
    memory = max(memory, *(memory for *_, memory in runs))
    result("P6", "NDJSON file: anonymous memory", memory, "MiB", "", "≤ 64", memory <= 64)


# ---- P7: at rest

def p7(site, work, options):
    site.load()
    loaded = anonymous_kib(site.pid) / 1024
    times = []
    for _ in range(5):
        site.gateway.stop()
        times.append(seconds_to_ready(site.gateway))
    time.sleep(5)                # at rest: what the start needed has been given back
    idle = anonymous_kib(site.pid) / 1024
    result("P7", f"idle with {site.rows:,} firms: anonymous memory", idle, "MiB", f"{loaded:.1f} MiB before the restart", "≤ 32", idle <= 32)
    seconds = statistics.median(times)
    result("P7", "start to ready", seconds, "s", "of five: " + " ".join(f"{t:.3f}" for t in times), "≤ 0.3", seconds <= 0.3)


# ---- P8: growth

def p8(small, large, work, options):
    small.load(), large.load()
    costs = {}
    loads = {site: Load(site.gateway.port, site.pki, [f"/v1/whitelist/{code}" for code in site.codes(SPREAD)]) for site in (small, large)}
    for site, load in loads.items():
        load.ask(SPREAD + 2000)
        costs[site] = []
    for _ in range(PAIRS):
        for site, load in loads.items():
            costs[site].append(load.cost(site.pid, options.requests)[0])
    for load in loads.values():
        load.close()
    ratio = statistics.median(b / a for a, b in zip(costs[small], costs[large]))
    result("P8", f"P1 at {large.rows:,} firms against {small.rows:,}", ratio, "×", "", "≤ 1.5", ratio <= 1.5)


# ---- all of it

# ---- a backup while queries are asked

BACKUPS = 3


def rate_of(load, requests):
    told = load.ask(requests)
    return told["requests"] / told["seconds"], told["p99_us"]


def rates_while(load, process, requests):
    """Of whole measurements that ended before the process did."""
    told = []
    while process.poll() is None:
        one = rate_of(load, requests)
        if process.poll() is None:
            told.append(one)
    if not told:
        raise RuntimeError("the backup ended before anything was measured: more rows are needed")
    return told


def one_backup(site, load, target, requests):
    """Rates alone and while a backup is made, the one between two of the other; what it made in how many seconds."""
    before = [rate_of(load, requests) for _ in range(PAIRS)]
    began = time.monotonic()
    process = subprocess.Popen([str(BUILD / "bin" / "pledgectl"), "--socket", site.gateway.socket, "--json", "db", "backup", str(target)],
                               stdout=subprocess.PIPE, text=True)
    during = rates_while(load, process, requests)
    made = json.loads(process.stdout.read()) | {"seconds": time.monotonic() - began}
    shutil.rmtree(target)
    alone = before + [rate_of(load, requests) for _ in range(PAIRS)]
    return [statistics.median(rate for rate, _ in rates) for rates in (alone, during)] + [statistics.median(p for _, p in during), made]


def backup(site, work, options):
    site.load()
    codes = site.codes(SPREAD)
    load = Load(site.gateway.port, site.pki, [f"/v1/whitelist/{code}" for code in codes])
    load.ask(len(codes) + 2000)
    rounds = [one_backup(site, load, work / "copy", max(options.requests // 10, 1000)) for _ in range(BACKUPS)]
    load.close()
    slower = statistics.median(alone / during for alone, during, _, _ in rounds)
    _, rate, p99, made = rounds[-1]
    result("backup", f"{site.rows:,} firms: queries a second alone over those while it is made", slower, "×",
           f"{made['bytes'] / 2**20:.0f} MiB in {made['seconds']:.0f} s; then {rate:.0f}/s, p99 {p99 / 1000:.1f} ms", "≤ 1.1", slower <= 1.1)


def table(rows):
    heads = ("path", "what", "figure", "unit", "budget", "", "reference of the same run")
    verdict = {True: "ok", False: "OVER", None: ""}
    lines = [heads] + [(r["path"], r["what"], f"{r['figure']:,.3f}".rstrip("0").rstrip("."), r["unit"], r["budget"], verdict[r["within"]],
                        r["reference"]) for r in rows]
    return lines


def write_results(head):
    folder = ROOT / "tests" / "results"
    folder.mkdir(exist_ok=True)
    (folder / "bench.json").write_text(json.dumps({**head, "results": results}, ensure_ascii=False, indent=1) + "\n")
    lines = table(results)
    text = f"# Measured {head['date']}\n\nCommit {head['commit']}; {head['machine']}. By `sh tests/run.sh long bench`.\n\n"
    text += "".join("| " + " | ".join(line) + " |\n" + ("|---" * len(line) + "|\n" if i == 0 else "") for i, line in enumerate(lines))
    (folder / "bench.md").write_text(text)


def print_table():
    lines = table(results)
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


# ---- proofs

def prove(work, records):
    folder = work / f"journal-{records}"
    told = subprocess.run([str(BUILD / "bin" / "bench_prove"), str(folder), str(records)], capture_output=True, text=True, check=True)
    shutil.rmtree(folder)
    return json.loads(told.stdout)


def proof(work, options):
    x, short, long = sign_us(), prove(work, 10000), prove(work, options.records)
    for what, member in (("a record is in the journal", "proof_us"), ("a journal grew out of another", "growth_us")):
        result("proof", f"{what}, {options.records:,} records", long[member], "µs of CPU", f"{short[member]:.1f} µs at 10,000; x {x:.1f} µs",
               "≤ 40", long[member] <= 40, hashes=long["hashes"])


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", metavar="PATH", help=f"which: {' '.join(PATHS)} (all)")
    parser.add_argument("--rows", type=int, default=1000000, help="the long list (P6 P7 P8)")
    parser.add_argument("--firms", type=int, default=50000, help="the short list (P1 P2 P8)")
    parser.add_argument("--records", type=int, default=10000000, help="the long journal (proof)")
    parser.add_argument("--requests", type=int, default=100000, help="requests of one measurement")
    parser.add_argument("--attack", default="", help="only attacks whose name has this text")
    parser.add_argument("--seconds", type=int, default=10, help="of one measurement while attacked")
    parser.add_argument("--rounds", type=int, default=5, help="pairs of measurements of each attack")
    parser.add_argument("--strict", action="store_true", help="a missed budget is a failure")
    options = parser.parse_args()
    options.paths = options.paths or list(PATHS)
    unknown = set(options.paths) - set(PATHS)
    if unknown:
        parser.error(f"not measured here: {' '.join(sorted(unknown))}")
    return options


def main():
    options = read_options()
    head = {"date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"), "commit": commit(), "machine": machine(),
            "build": str(BUILD.relative_to(ROOT)) if BUILD.is_relative_to(ROOT) else "other"}
    work = pathlib.Path(tempfile.mkdtemp(prefix="bench-"))
    wanted = set(options.paths)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        pki = Pki(work / "pki")

        def site(rows, name, settings=SETTINGS):
            made = Site(work, pki, rows, name, settings)
            stack.callback(made.stop)
            return made

        small = site(options.firms, "short") if wanted & {"P1", "P2", "P8"} else None
        if "P1" in wanted:
            p1(small, work, options)
        if "P2" in wanted:
            p2(small, work, options)
        large = site(options.rows, "long") if wanted & {"P4", "P5", "P6", "P7", "P8", "backup"} else None
        if "P6" in wanted:
            p6(large, work, options)
        if "P4" in wanted:
            messages(large, "P4", "xml", 15)
        if "P5" in wanted:
            messages(large, "P5", "json", 17)
        if "P6file" in wanted:
            files = FileSite(work, pki, options.rows, "files")
            stack.callback(files.stop)
            p6_file(files, work, options)
        if "P7" in wanted:
            p7(large, work, options)
        if "P8" in wanted:
            p8(small, large, work, options)
        if "P9" in wanted:
            fanout(work, pki, result)
            fanout(work, pki, result, receipts=False)
            waiting(work, pki, result)
        if "proof" in wanted:
            proof(work, options)
        if "backup" in wanted:
            backup(large, work, options)
        if "attack" in wanted:
            attacked = site(options.firms, "attacked", {})
            attack(attacked, options, result)
    write_results(head)
    print_table()
    missed = [r for r in results if r["within"] is False]
    return 1 if missed and options.strict else 0


if __name__ == "__main__":
    sys.exit(main())
