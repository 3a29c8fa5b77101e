"""Lists as files: dropped into a folder or named by a person, listed, and answered beside the file."""
import csv
import io
import json
import os

import openpyxl
import pytest

from conftest import wait_until
from lists import certified
from uscc import code

HEADER = ["序号", "统一社会信用代码", "企业名称", "所在县区", "所属地市", "批次", "文号", "认定日期", "有效期至", "状态"]


def row(i, **changes):
    """Firm i as a row of the file."""
    cells = {"序号": i + 1, "统一社会信用代码": code(i), "企业名称": f"山西示例第{i}号有限公司", "所在县区": "小店区", "所属地市": "太原市",
             "批次": "2026-1", "文号": "晋民营发〔2026〕1号", "认定日期": "2026/3/1", "有效期至": "长期", "状态": "有效", **changes}
    return [cells[name] for name in HEADER]


def put(path, content):
    """Whole or not at all, as a careful bureau does."""
    temporary = path.with_name("." + path.name)
    temporary.write_bytes(content)
    temporary.rename(path)


def put_xlsx(path, rows):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.merge_cells("A1:J1")
    sheet["A1"] = "山西省优质民营企业名单"
    for cells in [[], HEADER, *rows, [], ["合计", f"{len(rows)}家"]]:
        sheet.append(cells)
    content = io.BytesIO()
    book.save(content)
    put(path, content.getvalue())


def put_csv(path, rows, encoding="utf-8"):
    text = io.StringIO()
    csv.writer(text).writerows([["名单"], HEADER, *rows])
    put(path, text.getvalue().encode(encoding))


def result(path):
    """Rows of the result beside the file, as soon as it is there."""
    beside = path.with_name(path.name.split(".")[0] + ".result.csv")
    wait_until(beside.exists, f"{beside.name}")
    return list(csv.DictReader(io.StringIO(beside.read_text("utf-8-sig"))))


def status(gateway, i):
    """What a bank is told; batches alone do not make a whole list, so of a firm that is in none nothing can be said."""
    answer = gateway.firm("bank-a", code(i))
    return answer.json()["status"] if answer.status_code == 200 else answer.json()["code"]


UNSAID = "source.stale"


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "drop"
    path.mkdir()
    return path


@pytest.fixture
def make(make_gateway, folder, tmp_path):
    def make(inbox=None, settle="0s", **source):
        settings = {"directory": str(folder), "settle": settle, **({"inbox_directory": str(inbox)} if inbox else {})}
        return make_gateway(sources=[{"id": "bureau-sx", "name": "省民营经济发展局", "adapter": "filedrop", "period": "1d",
                                      "paused": True, "settings": settings, **source}])
    return make


@pytest.mark.asan
def test_a_dropped_workbook_is_listed_and_answered(make, folder):
    """Noticed by itself; the good firms are listed, each bad row is told by its place in the sheet, nothing is read twice."""
    path = folder / "名单.xlsx"
    put_xlsx(path, [row(0), row(1, **{"统一社会信用代码": 9.1140105e17}), row(2, **{"所在县区": "火星区"}), row(3, **{"认定日期": 46082})])
    gateway = make(period="1s", paused=False)
    lines = result(path)
    assert status(gateway, 0) == "listed" and status(gateway, 3) == "listed" and status(gateway, 2) == UNSAID
    assert gateway.firm("bank-a", code(3)).json()["certification"]["valid_from"] == "2026-03-01"
    assert lines[0]["row"] == "" and lines[0]["code"] == "done" and "收到 4 行" in lines[0]["text"], lines
    assert [(line["row"], line["code"], line["field"]) for line in lines[1:]] == [
        ("5", "uscc.spreadsheet_number", "uscc"), ("6", "list.row_field", "region_code")], lines
    runs = len(gateway.ctl_items("sync", "list"))
    wait_until(lambda: len(gateway.ctl_items("sync", "list")) > runs, "the next look at the folder")
    assert gateway.ctl_items("sync", "list")[0]["counts"]["received"] == 0


@pytest.mark.asan
def test_a_second_batch_leaves_the_first_listed(make, folder):
    """The scope of files is their batch, without saying so; also from GB18030."""
    gateway = make()
    put_csv(folder / "first.csv", [row(i) for i in range(3)])
    assert gateway.sync()["counts"]["added"] == 3
    result(folder / "first.csv")
    put_csv(folder / "second.csv", [row(i, **{"批次": "2026-2", "企业名称": f"第二批䶮{i}公司"}) for i in (3, 4)], "gb18030")
    run = gateway.sync()
    assert run["counts"]["added"] == 2 and run["counts"]["absent"] == 0, run
    assert gateway.firm("bank-a", code(3)).json()["name"] == "第二批䶮3公司"
    assert [status(gateway, i) for i in range(5)] == ["listed"] * 5
    assert "second.csv" in run["origin"]


def test_an_empty_folder_is_contact_and_no_list(make, folder):
    """Nothing to read is no empty list, even where a list should be whole."""
    gateway = make(scope="full")
    put_csv(folder / "first.csv", [row(0)])
    gateway.sync()
    result(folder / "first.csv")
    run = gateway.sync()
    assert run["state"] == "done" and run["counts"]["received"] == 0 and "origin" not in run, run
    assert status(gateway, 0) == "listed"


@pytest.mark.asan
def test_a_named_file_dry_and_for_good(make, folder):
    """A dry run shows what would change and changes nothing; import takes the file in and waits."""
    gateway = make(settle="1h")
    path = folder / "list.ndjson"
    put(path, b"".join(json.dumps(certified(i)).encode() + b"\n" for i in range(4)))
    done = gateway.ctl_json("sync", "run", "--source", "bureau-sx", "--file", str(path), "--dry-run", "--wait")
    assert done["counts"]["added"] == 4 and done["dry_run"], done
    assert status(gateway, 0) == UNSAID and not (folder / "list.result.csv").exists()
    done = gateway.ctl_json("list", "import", str(folder / "." / path.name), "--source", "bureau-sx")
    assert done["counts"]["added"] == 4 and status(gateway, 3) == "listed"
    assert result(path)[0]["code"] == "done"


def test_only_files_of_the_sources_folders_are_read(make, folder, tmp_path):
    """Neither another folder, nor a way out of it, nor a link; the second folder is read when named."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    gateway = make(inbox=inbox)
    secret = tmp_path / "secret.csv"
    put_csv(secret, [row(0)])
    (folder / "link.csv").symlink_to(secret)
    for path in (secret, folder / ".." / "secret.csv", folder):
        done = gateway.ctl("sync", "run", "--source", "bureau-sx", "--file", str(path), check=False)
        assert done.returncode == 2 and "run.file" in done.stderr, done
    answer, raw = gateway.raw("POST", "/admin/v1/runs", json.dumps({"source": "bureau-sx", "file": f"{folder}/../secret.csv"}))
    assert answer == 422 and b"run.file" in raw
    done = gateway.ctl("list", "import", str(folder / "link.csv"), "--source", "bureau-sx", check=False)
    assert done.returncode == 1 and status(gateway, 0) == UNSAID, done
    put_csv(inbox / "named.csv", [row(1)])
    assert gateway.sync()["counts"]["received"] == 0
    gateway.ctl("list", "import", str(inbox / "named.csv"), "--source", "bureau-sx")
    assert status(gateway, 1) == "listed" and result(inbox / "named.csv")[0]["code"] == "done"


def test_what_is_no_list_is_told_once(make, folder):
    """The result says why; the file is not tried again until it changes."""
    gateway = make()
    path = folder / "letter.xlsx"
    put(path, b"no workbook at all")
    run = gateway.sync()
    assert run["state"] in ("failed", "incomplete") and run["error"]["code"] == "adapter.rejected", run
    lines = result(path)
    assert lines[0]["code"] == "adapter.rejected" and "not a workbook" in lines[0]["text"], lines
    assert gateway.sync()["counts"]["received"] == 0
    put_xlsx(path, [row(0)])
    os.utime(path, (1, 1))
    assert gateway.sync()["counts"]["added"] == 1


def test_a_held_file_says_so_and_then_what_came_of_it(make, folder):
    """Too many withdrawals wait for a person; the result is written again after the decision."""
    gateway = make()
    put_csv(folder / "a.csv", [row(i) for i in range(10)])
    gateway.sync()
    result(folder / "a.csv")
    put_csv(folder / "b.csv", [row(i, **{"状态": "撤销"}) for i in range(5)])
    run = gateway.sync()
    assert run["state"] == "held" and result(folder / "b.csv")[0]["code"] == "held", run
    assert status(gateway, 0) == "listed"
    assert gateway.sync()["counts"]["received"] == 0, "a held file must not be taken again"
    approval = gateway.run(run["id"])["approval"]
    gateway.ctl("approve", "grant", approval, "--comment", "核实", who="operator-1")
    wait_until(lambda: result(folder / "b.csv")[0]["code"] == "done", "the second result")
    assert status(gateway, 0) == "removed"


def test_formulas_without_values_and_hidden_sheets(make, folder):
    """A workbook that no spreadsheet ever calculated: told row by row, never guessed."""
    book = openpyxl.Workbook()
    old, sheet = book.active, book.create_sheet("名单")
    old.append(HEADER)
    old.append(row(9))
    old.sheet_state = "hidden"
    sheet.append(HEADER)
    sheet.append(row(0, **{"企业名称": '="山西"&"公司"'}))
    sheet.append(row(1))
    content = io.BytesIO()
    book.save(content)
    put(folder / "f.xlsx", content.getvalue())
    gateway = make()
    run = gateway.sync()
    assert run["counts"]["rejected"] == 1 and run["counts"]["added"] == 1, run
    assert [line["row"] for line in result(folder / "f.xlsx")[1:]] == ["2"]


def test_export_gives_every_firm(make, folder):
    """As lines of JSON, and as CSV that a spreadsheet opens."""
    gateway = make()
    put_csv(folder / "a.csv", [row(i, **{"企业名称": f'山西"{i}",公司'}) for i in range(700)])
    assert gateway.sync()["counts"]["added"] == 700
    lines = [json.loads(line) for line in gateway.ctl("list", "export").stdout.splitlines()]
    assert sorted(line["uscc"] for line in lines) == sorted(code(i) for i in range(700))
    text = gateway.ctl("list", "export", "--format", "csv", "--state", "listed").stdout
    assert text.startswith("\ufeffuscc,name,")
    table = list(csv.DictReader(io.StringIO(text[1:])))
    assert len(table) == 700 and {line["name"] for line in table} == {f'山西"{i}",公司' for i in range(700)}
