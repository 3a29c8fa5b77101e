#!/usr/bin/env python3
"""A long list as pages of the bureau's default dialect, written once as files that a web server can hand out.

    pages.py DIRECTORY ROWS [PAGE_SIZE]      DIRECTORY/1.json, 2.json …, and codes.txt with the codes in list order

Firms stand in the order in which offices certify them, not in code order: that is the harder case for a store.
"""
import datetime
import json
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "peers"))
import uscc  # noqa: E402

VERSION = "2026-11"
INDUSTRIES = ("C2669", "C3360", "I6510", "M7320", "C2710", "A0190", "E4710", "F5110")
LEVELS = ("省级", "市级")


def row(number, year, days):
    """Firm `number` as the bureau tells it; `days` are dates as text from 100 days ago."""
    return (f'{{"uscc":"{uscc.code(number)}","name":"山西示例{number:07d}号科技有限公司","regionCode":"{uscc.REGIONS[number % 7]}",'
            f'"industryCode":"{INDUSTRIES[number % 8]}","scale":"{1 + number % 4}","level":"{LEVELS[number % 2]}","batch":"{year}-1",'
            f'"documentNo":"晋民营发〔{year}〕{1 + number % 30}号","certifiedOn":"{days[10 + number % 60]}",'
            f'"validUntil":"{days[400 + number % 400]}","status":"certified"}}')


def write_page(directory, number, rows, total, size):
    head = json.dumps({"listVersion": VERSION, "total": total, "pageNo": number, "pageSize": size})[:-1]
    (directory / f"{number}.json").write_text(
        f'{{"code":"0","message":"ok","data":{head},"rows":[' + ",\n".join(rows) + "]}}", encoding="utf-8")


def write_lines(path, rows):
    """The same list as NDJSON, a row a line, in the same order; unless it is there already."""
    path = pathlib.Path(path)
    today = datetime.date.today()
    done = path.with_suffix(".whole")
    if path.exists() and done.exists() and done.read_text() == f"{rows} {today}":
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    days = [str(today + datetime.timedelta(n - 100)) for n in range(800)]
    numbers = list(range(rows))
    random.Random(rows).shuffle(numbers)
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(row(n, today.year, days) + "\n" for n in numbers)
    done.write_text(f"{rows} {today}")


def write_pages(directory, rows, size=500):
    """Writes the pages unless a whole set is there; returns how many pages there are."""
    directory = pathlib.Path(directory)
    today = datetime.date.today()
    pages = -(-rows // size)
    done = directory / "whole"
    if done.exists() and done.read_text() == f"{rows} {size} {today}":
        return pages
    directory.mkdir(parents=True, exist_ok=True)
    done.unlink(missing_ok=True)
    days = [str(today + datetime.timedelta(n - 100)) for n in range(800)]
    numbers = list(range(rows))
    random.Random(rows).shuffle(numbers)
    for page in range(pages):
        write_page(directory, page + 1, [row(n, today.year, days) for n in numbers[page * size:(page + 1) * size]], rows, size)
    (directory / "codes.txt").write_text("".join(uscc.code(n) + "\n" for n in numbers))
    done.write_text(f"{rows} {size} {today}")
    return pages


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    print(write_pages(sys.argv[1], int(sys.argv[2]), *map(int, sys.argv[3:])))
