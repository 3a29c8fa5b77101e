#!/usr/bin/env python3
"""The lint of schemas must be silent about the sources and tell of each breach made in a copy."""
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
BREACHES = [
    ("catalog.csv", "echo-1.xsd", "echo-2.xsd", "the file of echo"),
    ("catalog.csv", "\necho,", "\n#echo,", "no line of the catalogue names it"),
    ("catalog.csv", "kind,version", "version,kind", "its columns"),
    ("echo-1.xsd", 'minOccurs="0"', 'minOccurs="2"', "minOccurs"),
    ("echo-1.xsd", 'minOccurs="0"', 'maxOccurs="5"', "maxOccurs"),
    ("echo-1.xsd", 'minOccurs="0"', 'nillable="true"', "nillable"),
    ("echo-1.xsd", "sequence>", "choice>", "choice may not stand"),
    ("echo-1.xsd", 'schemaLocation="common.xsd"', 'schemaLocation="receipt-1.xsd"', "nothing else"),
    ("echo-1.xsd", "任意文字", "any", "Text is not documented"),
    ("echo-1.xsd", 'type="Text"', "", "a named type"),
    ("receipt-1.xsd", "</xs:sequence>", "<xs:any/></xs:sequence>", "any may not stand"),
    ("common.xsd", '<xs:documentation xml:lang="en">a trademark</xs:documentation>', "", "trademark is not documented"),
    ("common.xsd", "</xs:schema>", "", "no element found"),
]


def lint(root):
    run = subprocess.run([sys.executable, str(ROOT / "tests/lint/schemas.py"), str(root)], capture_output=True, text=True)
    return run.returncode, run.stdout


def main():
    failures = []
    status, out = lint(ROOT)
    if status:
        failures.append(out)
    for name, old, new, told in BREACHES:
        with tempfile.TemporaryDirectory() as copy:
            shutil.copytree(ROOT / "schemas", Path(copy) / "schemas")
            path = Path(copy) / "schemas" / name
            text = path.read_text()
            if old not in text:
                failures.append(f"{name} has no {old!r}")
            path.write_text(text.replace(old, new))
            status, out = lint(copy)
            if not status or told not in out:
                failures.append(f"{name}: {old!r} became {new!r} and was not told: {out}")
    print("\n".join(failures) if failures else f"{len(BREACHES)} breaches, each told")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
