#!/usr/bin/env python3
"""Breaks a copy of the tree in each way that floors.py forbids and expects it to say so, with file and line."""
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]

# (what is broken, file, text appended or None for a new FLOORS line, what must be said)
CASES = [
    ("an arrow up", "gateway/base/x.c", '#include "ident/ident.h"\n', "gateway/base/x.c:1: base (floor 0) includes ident (floor 1): a higher floor"),
    ("an arrow along", "gateway/ident/x.c", '\n#include "json/json.h"\n', "gateway/ident/x.c:2: ident (floor 1) includes json (floor 1): the same floor"),
    ("an arrow up from a table", "gateway/base/x.def", '#include "ident/ident.h"\n', "gateway/base/x.def:1: base (floor 0)"),
    ("a private header", "gateway/jws/x.c", '#include "ident/internal.h"\n', '"ident/internal.h" is private to ident'),
    ("a private header from the top", "gateway/main.c", '#include "ident/internal.h"\n', '"ident/internal.h" is private to ident'),
    ("a name without a folder", "gateway/ident/x.c", '#include "internal.h"\n', '"internal.h" names no module'),
    ("a file that is not there", "gateway/ident/x.c", '#include "base/gone.h"\n', '"base/gone.h" does not exist'),
    ("a foreign library", "gateway/ident/x.c", "#  include <openssl/evp.h>\n", "gateway/ident/x.c:1: <openssl/evp.h> belongs to openssl, which crypto alone may include"),
    ("a foreign library at the top", "gateway/main.c", "#include <jansson.h>\n", "<jansson.h> belongs to jansson, which json alone may include"),
    ("a library nobody has", "gateway/ident/x.c", "#include <libpq-fe.h>\n", "belongs to libpq, which no module alone may include"),
    ("an unknown library", "gateway/ident/x.c", "#include <event2/event.h>\n", "<event2/event.h> is of no known library"),
    ("an include without a name", "gateway/ident/x.c", "#include WHAT\n", "an include must name its file"),
    ("a folder not listed", "gateway/stray/x.c", "", "gateway/stray/x.c:1: stray is not listed in gateway/FLOORS"),
    ("two owners", "gateway/FLOORS", "2  second   openssl\n", "library openssl belongs to crypto already; second may not have it too"),
    ("a module listed twice", "gateway/FLOORS", "5  ident    -\n", "module ident is listed twice"),
    ("no public header", "gateway/FLOORS", "2  second   -\n", "second has no public header second/second.h"),
    ("an adapter that looks inside", "adapters/spy/x.c", '#include "base/base.h"\n', 'adapters/spy/x.c:1: "base/base.h": an adapter includes'),
    ("an adapter that climbs", "adapters/spy/x.c", '#include "../../gateway/base/base.h"\n', "an adapter includes"),
    ("an adapter that leans on another", "adapters/spy/x.c", '#include "adapters/other/x.h"\n', "an adapter includes"),
    ("common that leans on an adapter", "adapters/common/x.c", '#include "adapters/other/x.h"\n', "an adapter includes"),
    ("a module that borrows from adapters", "gateway/jws/x.c", '#include "adapters/common/charset.h"\n', '"adapters/common/charset.h" names no module'),
    ("a library in the adapter interface", "adapters/adapter.h", "#include <curl/curl.h>\n", "adapter.h may include the C library only"),
]

# What is allowed and must stay silent.
GOOD = {
    "gateway/jws/x.c": '#include <pthread.h>\n#include <sys/stat.h>\n#include "base/base.h"\n#include "base/err.def"\n'
                       '#include "crypto/crypto.h"\n#include "jws/x.h"\n',
    "gateway/jws/x.h": '#include "ident/ident.h"\n',
    "gateway/host/x.c": '#include <dlfcn.h>\n#include "adapters/adapter.h"\n',
    "gateway/charset/x.c": '#include "adapters/common/charset.h"\n',
    "gateway/main.c": '#include "base/base.h"\n',
    "adapters/spy/x.c": '#include <curl/curl.h>\n#include "adapters/adapter.h"\n#include "y.h"\n#include "adapters/spy/y.h"\n',
    "adapters/common/z.h": '#include "adapters/common/w.h"\n',
    "adapters/common/w.h": "",
    "adapters/spy/y.h": '#include "adapters/common/z.h"\n',
    "adapters/other/x.h": "",
}


def run(root):
    done = subprocess.run([sys.executable, ROOT / "tests/lint/floors.py", root], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def append(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(text)


def fresh(folder):
    root = Path(folder)
    shutil.rmtree(root)
    for part in ("gateway", "adapters"):
        shutil.copytree(ROOT / part, root / part)
    for name, text in GOOD.items():
        append(root, name, text)
    return root


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        code, said = run(fresh(folder))
        if code != 0:
            print(f"FAILED what is allowed: {said}")
            failed += 1
        for what, name, text, want in CASES:
            root = fresh(folder)
            if name.endswith("x.c"):
                (root / name).unlink(missing_ok=True)
            append(root, name, text)
            if what == "no public header":
                append(root, "gateway/second/x.c", "")
            code, said = run(root)
            if code != 1 or want not in said:
                print(f"FAILED {what}: exit {code}, said: {said}")
                failed += 1
    print(f"{len(CASES) + 1 - failed} of {len(CASES) + 1} passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
