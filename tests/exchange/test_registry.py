"""Registrations of pledges from the agency that keeps their register: as files in a folder, pulled page by page, answered."""
import csv
import io
import json
import pathlib
import subprocess

import openpyxl
import pytest
import requests

from conftest import PARTNERS, PEERS, wait_until
from messages import firm_name, patent
from uscc import code

HEADER = ["序号", "质押登记号", "登记状态", "登记日期", "权利类型", "专利号/注册号", "类别", "名称", "出质人", "出质人统一社会信用代码", "质权人",
          "质权人统一社会信用代码", "被担保债权数额（万元）", "债务履行期限起", "债务履行期限止", "有效期至"]
BANK_A = code(900)


def line(number, right, **changes):
    """One right of a registration as a line of the file."""
    cells = {"质押登记号": number, "登记状态": "登记", "登记日期": "2026/11/3", "权利类型": "专利", "专利号/注册号": right, "名称": "一种装置",
             "出质人": firm_name(1), "出质人统一社会信用代码": code(1), "质权人": "甲银行", "质权人统一社会信用代码": BANK_A,
             "被担保债权数额（万元）": 500.5, "债务履行期限起": "2026年11月1日", "债务履行期限止": 46327, **changes}
    return [cells.get(name) for name in HEADER]


def workbook(rows):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.merge_cells("A1:P1")
    sheet["A1"] = "专利权质押登记情况表"
    for cells in [HEADER, *rows, [], ["合计", f"{len(rows)}项"]]:
        sheet.append(cells)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def put(path, content):
    """Whole or not at all, as a careful agency does."""
    temporary = path.with_name("." + path.name)
    temporary.write_bytes(content)
    temporary.rename(path)


def result(path):
    beside = path.with_name(path.name.split(".")[0] + ".result.csv")
    wait_until(beside.exists, f"{beside.name}")
    return list(csv.DictReader(io.StringIO(beside.read_text("utf-8-sig"))))


def right(gateway, number, who="bank-a", kind="patent", **parameters):
    answer = gateway.ask(who, f"/v1/rights/{kind}/{number}", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def messages(gateway):
    return gateway.admin("operator-1", "/messages").json()["items"]


def run(gateway, *arguments):
    """A person's run, to its end; the command ends as the run did."""
    gateway.ctl("sync", "run", "--source", "registry-ty", "--wait", *arguments, check=False)
    runs = [item for item in gateway.ctl_items("sync", "list") if item["source"] == "registry-ty"]
    return gateway.run_end(runs[0]["id"])


def counts(story):
    return {name: n for name, n in story["counts"].items() if n}


def registration(number, *rights, **changes):
    return {"registration_no": number, "event": "registered", "date": "2026-11-03", "right_kind": "patent",
            "pledgors": [{"uscc": code(1), "name": firm_name(1)}], "pledgee": {"uscc": BANK_A, "name": "甲银行"},
            "rights": [{"number": patent(r)} for r in rights], **changes}


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "drop"
    path.mkdir()
    return path


@pytest.fixture
def make(make_gateway):
    def make(partners=None, **settings):
        return make_gateway(
            sources=[{"id": "registry-ty", "name": "太原代办处", "adapter": "registry", "feeds": "pledge.registration", "period": "1h",
                      "paused": True, "settings": settings}],
            partners={**PARTNERS, "bank-a": {**PARTNERS["bank-a"], "uscc": BANK_A}, **(partners or {})})
    return make


class Registry:
    """The stand-in agency as a process of its own."""

    def __init__(self, pki):
        cert, key = pki.pair("registry-server")
        self.process = subprocess.Popen(["/usr/bin/python3", str(pathlib.Path(PEERS) / "registry.py"), "--cert", cert, "--key", key,
                                         "--ca", pki.ca], stdout=subprocess.PIPE)
        self.info = json.loads(self.process.stdout.readline())
        self.url = self.info["url"]
        self.session = requests.Session()
        self.session.cert, self.session.verify = pki.pair("registry-ty"), pki.ca

    def control(self, **order):
        answer = self.session.post(self.url.replace("/pledges", "/control"), json=order, timeout=20)
        assert answer.status_code == 200, answer.text

    def state(self):
        return self.session.get(self.url.replace("/pledges", "/control"), timeout=20).json()


@pytest.fixture
def registry(pki):
    peer = Registry(pki)
    yield peer
    peer.process.terminate()
    peer.process.wait(10)
    peer.process.stdout.close()


@pytest.mark.asan
def test_a_dropped_workbook_becomes_pledges(make, folder):
    """Good ones are in force for banks, a ruined number and a contradiction are told by row and field, what conflicts waits for
    a person and takes its place when granted; the same file again changes nothing."""
    gateway = make(directory=str(folder), settle="0s")
    put(folder / "一月.xlsx", workbook([line("Y2026140000001", patent(1))]))
    assert counts(run(gateway)) == {"received": 1, "added": 1}
    content = workbook([
        line("Y2026140000002", patent(2)), line("Y2026140000003", 2.0231e11), line("Y2026140000004", patent(1)),
        line("Y2026140000002", patent(3), **{"被担保债权数额（万元）": None}), line("Y2026140000005", patent(5)),
        line("Y2026140000005", patent(6), **{"质权人": "乙银行"})])
    put(folder / "二月.xlsx", content)
    story = run(gateway)
    assert story["state"] == "done" and counts(story) == {"received": 4, "added": 1, "rejected": 2, "doubtful": 1}, story
    both = [right(gateway, patent(n)) for n in (2, 3)]
    assert [(r["pledge"], r["registration_no"], r["since"]) for r in both] == [("pledged", "Y2026140000002", "2026-11-03")] * 2, both
    assert right(gateway, patent(5))["pledge"] == "none_known"
    assert both[0]["source"]["id"] == "registry-ty" and both[0]["source"]["freshness"] == "on_time"
    head, *told = result(folder / "二月.xlsx")
    assert head["code"] == "done" and "待人工 1" in head["text"], head
    waiting = gateway.ctl_items("approve", "list")
    assert [(t["row"], t["code"], t["field"]) for t in told] == [
        ("4", "patent.form", "rights/0/number"), ("5", "pledge.live_elsewhere", "rights"), ("8", "list.row_field", "pledgee")], told
    assert waiting[0]["id"] in told[1]["text"], told
    shown = [(row["name"], row["action"], row.get("approval")) for row in gateway.diff(story["id"])]
    assert ("Y2026140000004", "pending", waiting[0]["id"]) in shown and ("Y2026140000002", "accepted", None) in shown, shown
    gateway.ctl("approve", "grant", waiting[0]["id"], "--comment", "以登记簿为准", who="operator-1")
    wait_until(lambda: right(gateway, patent(1))["registration_no"] == "Y2026140000004", "the granted registration")
    put(folder / "二月再报.xlsx", content)
    story = run(gateway)
    assert counts(story) == {"received": 4, "unchanged": 2, "rejected": 2}, story
    assert right(gateway, patent(1))["registration_no"] == "Y2026140000004"
    before = messages(gateway)
    assert counts(run(gateway)) == {} and messages(gateway) == before


def test_what_was_taken_is_a_message(make, folder):
    """Seen among messages with its form, source, keys and amount; a bank and the agency itself are sent nothing for it."""
    gateway = make(directory=str(folder), settle="0s")
    put(folder / "one.xlsx", workbook([line("Y1", patent(1))]))
    run(gateway)
    message = messages(gateway)[0]
    assert message["id"].startswith("row-") and len(message["id"]) == 52
    assert (message["partner"], message["kind"], message["result"], message["form"]) == ("registry-ty", "pledge.registration", "accepted", "row")
    detail = gateway.admin("operator-1", f"/messages/{message['id']}?partner=registry-ty").json()
    assert "Y1" in json.dumps(detail["keys"]), detail
    mailbox = gateway.ask("registry-ty", "/v1/mailbox").json()
    assert mailbox["messages"] == [], mailbox


def test_csv_in_another_charset_and_json_lines(make, folder):
    """GB18030 and NDJSON mean the same; a changed registration and its end follow the first one."""
    gateway = make(directory=str(folder), settle="0s")
    rows = [line("Y1", patent(1), **{"出质人": "太原䶮科技有限公司", "被担保债权数额（万元）": "1,234.56"})]
    text = io.StringIO()
    csv.writer(text).writerows([["登记表"], HEADER, *rows])
    put(folder / "a.csv", text.getvalue().encode("gb18030"))
    assert counts(run(gateway)) == {"received": 1, "added": 1}
    members = dict(zip(HEADER, line("Y1", patent(1), **{"登记状态": "注销", "登记日期": "20261120"})))
    put(folder / "b.ndjson", json.dumps({n: v for n, v in members.items() if v is not None and not isinstance(v, float)}).encode())
    assert right(gateway, patent(1))["pledge"] == "pledged"
    assert counts(run(gateway)) == {"received": 1, "added": 1}
    assert right(gateway, patent(1))["pledge"] == "none_known"


def test_registrations_are_pulled(make, registry):
    """Page by page with the gateway's certificate; then only what changed since; the same again changes nothing."""
    gateway = make(url=registry.url, page_size=2)
    registry.control(rows=[registration(f"Y{n}", n) for n in range(1, 6)])
    story = run(gateway)
    assert story["state"] == "done" and counts(story) == {"received": 5, "added": 5}, story
    asked = registry.state()
    assert asked["requests"] == 3 and asked["who"] == "ippledge-sx" and "updatedSince" not in asked["query"], asked
    assert right(gateway, patent(5))["registration_no"] == "Y5"
    registry.control(rows=[registration(f"Y{n}", n) for n in range(1, 6)] + [registration("Y1", 1, event="cancelled", date="2026-11-20")])
    story = run(gateway)
    assert counts(story) == {"received": 6, "added": 1, "unchanged": 5}, story
    assert registry.state()["query"]["updatedSince"].endswith("+08:00")
    assert right(gateway, patent(1))["pledge"] == "none_known"


@pytest.mark.parametrize("mode, says", [("500", "status 500"), ("web_page", "list.page"), ("bad_code", "E7"), ("lose_page", "another page")])
def test_a_source_out_of_order_is_told(make, registry, mode, says):
    """No pledge is claimed or ended by an answer that is none; the run tells what came instead."""
    gateway = make(url=registry.url)
    registry.control(rows=[registration("Y1", 1)], mode=mode)
    story = run(gateway)
    assert story["state"] == "failed" and says in story["error"]["detail"], story
    assert right(gateway, patent(1))["pledge"] == "unknown"
    registry.control(mode="normal")
    assert counts(run(gateway)) == {"received": 1, "added": 1}


def test_a_list_that_changes_between_pages_is_begun_anew(make, registry):
    """Another total on a later page is no end and no gap."""
    gateway = make(url=registry.url, page_size=2)
    registry.control(rows=[registration(f"Y{n}", n) for n in range(1, 4)], mode="change_total", times=2)
    story = run(gateway)
    assert story["state"] == "done" and story["counts"]["received"] == 3 and story["restarts"] == 1, story
    assert right(gateway, patent(3))["pledge"] == "pledged"


def test_people_start_pause_and_try(make, folder, tmp_path):
    """A dry run decides nothing; a named file must lie in the adapter's folders; pause and status are those of any source."""
    gateway = make(directory=str(folder), settle="0s")
    put(folder / "one.xlsx", workbook([line("Y1", patent(1))]))
    story = run(gateway, "--dry-run")
    assert story["dry_run"] and counts(story) == {"received": 1, "added": 1}, story
    assert right(gateway, patent(1))["pledge"] == "unknown" and not (folder / "one.result.csv").exists()
    outside = tmp_path / "outside.xlsx"
    outside.write_bytes(workbook([line("Y9", patent(9))]))
    refused = gateway.ctl("sync", "run", "--source", "registry-ty", "--file", str(outside), check=False)
    assert refused.returncode != 0 and right(gateway, patent(9))["pledge"] == "unknown"
    assert counts(run(gateway, "--file", str(folder / "one.xlsx"))) == {"received": 1, "added": 1}
    gateway.ctl("sync", "resume", "registry-ty", who="operator-1")
    gateway.ctl("sync", "pause", "registry-ty", who="operator-1")
    source = json.loads(gateway.raw("GET", "/admin/v1/sources")[1])["items"][0]
    assert source["paused"] and source["feeds"] == "pledge.registration" and "completed_at" in source, source


def test_by_itself_and_through_a_restart(make_gateway, folder):
    """A file is noticed by the period alone; a gateway that starts again goes on, and knows what it took."""
    gateway = make_gateway(sources=[{"id": "registry-ty", "name": "太原代办处", "adapter": "registry", "feeds": "pledge.registration",
                                     "period": "1s", "settings": {"directory": str(folder), "settle": "0s"}}])
    put(folder / "one.xlsx", workbook([line("Y1", patent(1))]))
    result(folder / "one.xlsx")
    assert right(gateway, patent(1))["pledge"] == "pledged"
    gateway.kill()
    gateway.start()
    put(folder / "two.xlsx", workbook([line("Y1", patent(1)), line("Y2", patent(2))]))
    head = result(folder / "two.xlsx")[0]
    assert "新增 1" in head["text"] and "未变 1" in head["text"], head
    rebuilt = gateway.ctl("db", "rebuild", check=False)
    assert rebuilt.returncode == 0, rebuilt.stderr
