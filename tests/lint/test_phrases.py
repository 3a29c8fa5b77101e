#!/usr/bin/env python3
"""Writes small trees in each way that phrases.py forbids and expects it to say so, with file and line."""
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]

GOOD_TABLE = '''PHRASE("no room for %d", "没有 %d 的空间")
PHRASE("the member is missing", "缺少该成员")
PHRASE("; it goes on", "；继续")
PHRASE("open", "打开")
PHRASE("%" PRId64 " is too much", "%" PRId64 " 过多")
PHRASE("a text is expected", "应为文本")
PHRASE("a " "number is expected", "应为数值")
PHRASE("%zu pieces", "%zu 件")
PHRASE("an urn:x is expected", "应为 urn:x")
'''
GOOD_CODE = '''#define NAME "urn:x"
static bool fail(struct err *err, const char *detail)
{
    return err_set(err, ERR_IO, NULL, "%s", detail);
}

bool fail_at(struct err *err, int at, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool fail_at(struct err *err, int at, const char *format, ...)
{
    char text[99];
    vsnprintf(text, sizeof text, format, args);
    return fail(err, text);
}

bool good(struct err *err)
{
    static const char *const expected[] = {[0] = "a text is expected", [1] = "a number is expected"};
    /* err_set(err, ERR_IO, NULL, "a comment says nothing"); */
    err_set(err, ERR_IO, "/a place", "no room for %d", 3);
    err_set(err, ERR_IO, NULL, "%s%s", name("a name of ours"), more ? "; it goes on" : "");
    err_set(err, ERR_IO, NULL, "%" PRId64 " is too much", a);
    err_set(err, ERR_IO, NULL, "%s: %llu", "word", a);
    err_set(err, ERR_IO, NULL, "/pointer");
    fail_at(err, 3, "%zu pieces", n);
    fail_at(err, 3, "an " NAME " is expected");
    fail(err, expected[i]);
    log_event(LOG_INFO, "event", "a log is English");
    return fail(err, "the member is missing") || err_errno(err, ERR_IO, NULL, "open");
}
'''

# (what is broken, added to the table, added to the code, what must be said)
CASES = [
    ("a format without an entry", "", 'bool f(struct err *err)\n{\n    return err_set(err, E, NULL, "no %s", x);\n}\n',
     'gateway/m/m.c:3: "no %s" is not in'),
    ("a context", "", 'bool f(struct err *err)\n{\n    return err_context(err, "while here");\n}\n', '"while here" is not in'),
    ("what failed", "", 'bool f(struct err *err)\n{\n    return err_errno(err, E, p, "bind");\n}\n', '"bind" is not in'),
    ("either side of a choice", "", 'bool f(struct err *err)\n{\n    return err_set(err, E, p, a ? "the member is missing" : "gone");\n}\n',
     '"gone" is not in'),
    ("a sentence among the arguments", "", 'bool f(struct err *err)\n{\n    return err_set(err, E, p, "%s", "it is gone");\n}\n',
     '"it is gone" is not in'),
    ("a sentence handed on", "", 'bool f(struct err *err)\n{\n    return fail(err, "it is gone");\n}\n', '"it is gone" is not in'),
    ("a format handed on", "", 'bool f(struct err *err)\n{\n    return fail_at(err, 1, "it is %d", 1);\n}\n', '"it is %d" is not in'),
    ("a sentence in a variable", "", 'bool f(struct err *err)\n{\n    const char *why = a ? "one day" : NULL;\n'
     '    return fail(err, why);\n}\n', 'gateway/m/m.c:3: "one day" is not in'),
    ("a sentence that a function returns", "", 'static const char *word(int i)\n{\n    return i ? "one day" : NULL;\n}\n\n'
     'bool f(struct err *err)\n{\n    return fail(err, word(1));\n}\n', 'gateway/m/m.c:3: "one day" is not in'),
    ("a sentence in a table", "", 'static const struct { int code; const char *detail; } words[] = {{1, "one day"}};\n\n'
     'bool f(struct err *err)\n{\n    return fail(err, words[0].detail);\n}\n', 'gateway/m/m.c:1: "one day" is not in'),
    ("an entry that nothing says", 'PHRASE("never said", "从未说过")\n', "", 'gateway/base/phrase.def:10: nothing says "never said"'),
    ("an entry twice", 'PHRASE("open", "开")\n', "", '"open" is listed twice'),
    ("other conversions", 'PHRASE("%d of %s", "%s 的 %d")\n', 'const char *f = "%d of %s";\n', "has other conversions than"),
    ("a conversion too few", 'PHRASE("%d days", "日")\n', 'const char *f = "%d days";\n', "has other conversions than"),
    ("a conversion that is not printed", 'PHRASE("%5d days", "%5d 日")\n', 'const char *f = "%5d days";\n', "%5d is not printed"),
    ("English twice", 'PHRASE("days", "days")\n', 'const char *f = "days";\n', "is the same in both languages"),
]


def run(folder, table, code):
    for name, text in (("gateway/base/phrase.def", GOOD_TABLE + table), ("gateway/m/m.c", code + GOOD_CODE)):
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    done = subprocess.run([sys.executable, ROOT / "tests/lint/phrases.py", folder], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        code, said = run(folder, "", "")
        if code != 0:
            print(f"FAILED what is allowed: {said}")
            failed += 1
        for what, table, source, want in CASES:
            code, said = run(folder, table, source)
            if code != 1 or want not in said:
                print(f"FAILED {what}: exit {code}, said: {said}")
                failed += 1
    print(f"{len(CASES) + 1 - failed} of {len(CASES) + 1} passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
