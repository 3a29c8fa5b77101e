#!/usr/bin/env python3
"""Proves gateway/FLOORS from the sources: arrows point down, one public header a module, one owner a library.

    python3 tests/lint/floors.py [ROOT]      prints file:line: message for each breach, exits 1 when there is one
"""
import re
import sys
from pathlib import Path

# Which library of FLOORS an outside header belongs to.
LIBRARIES = {
    r"openssl/": "openssl", r"jansson": "jansson", r"yaml\.h": "yaml-0.1", r"uv(\.h|/)": "libuv", r"curl/": "libcurl",
    r"lmdb\.h": "lmdb", r"systemd/": "libsystemd", r"seccomp\.h": "libseccomp", r"libxml/": "libxml-2.0",
    r"zstd": "libzstd", r"zlib\.h": "zlib", r"zip\.h": "libzip", r"xlsxwriter": "xlsxwriter", r"libpq": "libpq", r"dlfcn\.h": "dl",
}
# What comes with the C library and the kernel, free for everyone.
LIBC = re.compile(r"(sys|linux|net|netinet|arpa|asm)/|(" + "|".join("""
    assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic
    stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype
    aio byteswap dirent endian err execinfo fcntl fnmatch ftw getopt glob grp iconv ifaddrs langinfo libgen malloc
    netdb poll pthread pwd regex sched search semaphore spawn strings sysexits syslog termios ucontext unistd utime
    wordexp""".split()) + r")\.h$")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include\b[ \t]*(?:"([^"]*)"|<([^>]*)>|(.*))')
TOP = 1000000  # main.c and pledgectl.c stand above every floor


def read_floors(root, report):
    """{module: (floor, libraries)}"""
    floors, owners = {}, {}
    path = root / "gateway/FLOORS"
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line[:1].isdigit():
            continue
        floor, module, *libraries = line.split()
        libraries = [name for name in libraries if name != "-"]
        if module in floors:
            report(path, number, f"module {module} is listed twice")
        for name in libraries:
            if name in owners:
                report(path, number, f"library {name} belongs to {owners[name]} already; {module} may not have it too")
            owners.setdefault(name, module)
        floors[module] = (int(floor), libraries)
    return floors


def includes(path):
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, *found.groups()


def sources(folder):
    return sorted(p for p in folder.rglob("*") if p.suffix in (".c", ".h", ".def") and p.is_file())


def judge_module_include(floors, root, module, name):
    """What is wrong with `#include "name"` in a file of `module` (None for the top), or None."""
    if name == "adapters/adapter.h" or (module == "charset" and name == "adapters/common/charset.h"):
        return None
    owner, _, rest = name.partition("/")
    if owner not in floors or not rest:
        return f'"{name}" names no module; write "module/file.h"'
    if not (root / "gateway" / name).is_file():
        return f'"{name}" does not exist'
    if owner == module:
        return None
    floor, mine = floors[owner][0], floors[module][0] if module else TOP
    if floor >= mine:
        where = "the same floor" if floor == mine else "a higher floor"
        return f"{module} (floor {mine}) includes {owner} (floor {floor}): {where}"
    if rest != f"{owner}.h" and not rest.endswith(".def"):
        return f'"{name}" is private to {owner}; its public header is "{owner}/{owner}.h"'
    return None


def judge_outside(floors, module, name):
    """What is wrong with `#include <name>` in `module` (None for the top), or None."""
    library = next((lib for pattern, lib in LIBRARIES.items() if re.match(pattern, name)), None)
    if library is None:
        return None if LIBC.match(name) else f"<{name}> is of no known library; list it in tests/lint/floors.py"
    if module and library in floors[module][1]:
        return None
    owner = next((m for m, (_, libraries) in floors.items() if library in libraries), "no module")
    return f"<{name}> belongs to {library}, which {owner} alone may include"


def check_file(floors, root, module, path, report):
    for number, own, outside, other in includes(path):
        if other is not None:
            report(path, number, "an include must name its file")
            continue
        wrong = judge_outside(floors, module, outside) if own is None else judge_module_include(floors, root, module, own)
        if wrong:
            report(path, number, wrong)


def check_gateway(floors, root, report):
    for folder in sorted(p for p in (root / "gateway").iterdir() if p.is_dir()):
        files = sources(folder)
        if files and folder.name not in floors:
            report(files[0], 1, f"{folder.name} is not listed in gateway/FLOORS")
            continue
        if any(p.suffix == ".c" for p in files) and not (folder / f"{folder.name}.h").is_file():
            report(files[0], 1, f"{folder.name} has no public header {folder.name}/{folder.name}.h")
        for path in files:
            check_file(floors, root, folder.name, path, report)
    for path in sorted((root / "gateway").glob("*.[ch]")):
        check_file(floors, root, None, path, report)


def check_adapters(root, report):
    """An adapter sees adapters/adapter.h, adapters/common, its own files and outside headers; adapter.h only the C library."""
    top = root / "adapters"
    for path in sources(top):
        parts = path.relative_to(top).parts
        folder = top / parts[0] if len(parts) > 1 else None
        for number, own, outside, other in includes(path):
            if other is not None:
                report(path, number, "an include must name its file")
            elif own is None:
                if folder is None and not LIBC.match(outside):
                    report(path, number, f"<{outside}>: {path.name} may include the C library only")
            elif own != "adapters/adapter.h":
                places = [p.resolve() for p in (path.parent / own, root / own) if p.is_file()]
                mine = [folder.resolve(), (top / "common").resolve()] if folder else []
                if not any(home in p.parents for home in mine for p in places):
                    report(path, number, f'"{own}": an adapter includes "adapters/adapter.h", adapters/common and its own files only')


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2])
    breaches = []

    def report(path, line, message):
        breaches.append(f"{path.relative_to(root)}:{line}: {message}")

    floors = read_floors(root, report)
    check_gateway(floors, root, report)
    if (root / "adapters").is_dir():
        check_adapters(root, report)
    print("\n".join(breaches) if breaches else f"floors: {len(floors)} modules, every arrow points down")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
