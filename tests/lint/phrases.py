#!/usr/bin/env python3
"""Proves gateway/base/phrase.def from the sources: what an error says in English, it says in Chinese.

    python3 tests/lint/phrases.py [ROOT]      prints file:line: message for each breach, exits 1 when there is one

A text is what stands where err_set, err_context, err_errno or err_phrase take one, and where a function takes one that
hands it on to them: those are found, not listed.
"""
import re
import sys
from pathlib import Path

TABLE = "gateway/base/phrase.def"
# Where the functions that everything ends in take a text: {the number of the argument: whether it is looked up as it is}. What
# is printed into a text is looked up only when it has a space: a name that is a word of the table stays a name.
ROOTS = {"err_set": {3: True}, "err_set_v": {3: True}, "err_context": {1: True}, "err_errno": {3: True}, "err_phrase": {0: True}}
# What a parameter that holds a sentence is called; a name, key or path is not one.
SENTENCE = {"format", "what", "why", "why_en", "detail", "text", "reason", "expected", "message"}
MACROS = {"PRId64": "ld", "PRIu64": "lu", "PRIx64": "lx", "PRIi64": "li", "PRIu32": "u", "PRId32": "d"}
LITERAL = r'"(?:\\.|[^"\\\n])*"'
TEXT = re.compile(rf'(?:{LITERAL}|\b[A-Z][A-Za-z0-9_]+\b)(?:\s*(?:{LITERAL}|\b[A-Z][A-Za-z0-9_]+\b))*')
FUNCTION = re.compile(r"^ *(?P<head>[a-z_][\w \*]*?)\b(?P<name>\w+)\((?P<parameters>[^;{}]*?)\)\s*\{(?P<body>.*?)^\}", re.M | re.S)
KNOWN = re.compile(r"%(?:\.(?:\*|\d+))?(?:ll|l|z)?[csdiux]")


def blank_comments(source):
    """The source with comments, attributes and includes made blank, lines kept."""
    pattern = re.compile(rf"/\*.*?\*/|//[^\n]*|__attribute__\(\((?:[^()]|\([^()]*\))*\)\)|#include[^\n]*|({LITERAL}|'(?:\\.|[^'\\\n])*')", re.S)
    return pattern.sub(lambda m: m.group(1) or re.sub(r"[^\n]", " ", m.group(0)), source)


def arguments(source, start):
    """The arguments of the call whose bracket opened just before `start`, as (offset, text)."""
    found, depth, at, begin = [], 1, start, start
    while at < len(source):
        token = re.compile(rf"{LITERAL}|'(?:\\.|[^'\\\n])*'|.", re.S).match(source, at).group(0)
        depth += (token in "([{") - (token in ")]}") if len(token) == 1 else 0
        if depth == 0 or (token == "," and depth == 1):
            found.append((begin, source[begin:at]))
            begin = at + len(token)
        if depth == 0:
            return found
        at += len(token)
    return found


def without_calls(text):
    """An argument without what is handed to functions inside it, offsets kept."""
    for call in reversed(list(re.finditer(r"\b\w+\(", text))):
        inner = arguments(text, call.end())
        end = inner[-1][0] + len(inner[-1][1])
        text = text[:call.end()] + re.sub(r"[^\n]", " ", text[call.end():end]) + text[end:]
    return text


def join(run, macros):
    """The text of neighbouring literals and macros, or None when a macro is not a text."""
    parts = re.findall(rf"{LITERAL}|\w+", run)
    if not any(part.startswith('"') for part in parts):
        return None
    values = [part[1:-1] if part.startswith('"') else macros.get(part) for part in parts]
    return None if None in values else "".join(values)


def texts(text, macros):
    """The literals of an argument, with their offsets."""
    for run in TEXT.finditer(without_calls(text)):
        value = join(run.group(0), macros)
        if value is not None:
            yield run.start(), value


def says_something(text):
    """True when a reader meets words; a JSON Pointer or a value alone has none."""
    return not text.startswith("/") and re.search(r"[A-Za-z]{2}", KNOWN.sub("", text)) is not None


def conversions(text):
    return [m.group(0) for m in re.finditer(r"%%|%[-+ #0]*\d*(?:\.(?:\*|\d+))?(?:hh|h|ll|l|z|j|t|L)?[a-zA-Z*]", text)
            if m.group(0) != "%%"]


class Source:
    def __init__(self, path):
        self.path = path
        self.code = blank_comments(path.read_text())
        self.functions = [(m["name"], "static" in m["head"], m["parameters"], m.start("body"), m["body"])
                          for m in FUNCTION.finditer(self.code)]
        self.speakers = {}          # static functions of this file: name -> places of texts

    def line(self, offset):
        return self.code.count("\n", 0, offset) + 1

    def calls(self, names):
        """(name, arguments) of each call of one of `names` inside a function."""
        pattern = re.compile(r"\b(" + "|".join(map(re.escape, names)) + r")\(")
        for name, is_static, parameters, start, body in self.functions:
            for call in pattern.finditer(self.code, start, start + len(body)):
                yield (name, is_static, parameters), call.group(1), arguments(self.code, call.end())


def handed_on(given, places, parameters):
    """{name: whether it is looked up as it is} of what a call hands on to a function with texts at `places`."""
    handed = {text.strip(): places.get(at, False) for at, (_, text) in enumerate(given) if at >= min(places)}
    if "..." in parameters:
        handed["format"] = True
    return handed


def find_speakers(sources, everywhere):
    """Adds every function that hands one of its parameters on as a text, until none is new."""
    changed = True
    while changed:
        changed = False
        for source in sources:
            known = {**everywhere, **source.speakers}
            for (name, is_static, parameters), called, given in source.calls(known):
                handed = handed_on(given, known[called], parameters)
                home = source.speakers if is_static else everywhere
                for at, parameter in enumerate(parameters.split(",")):
                    word = re.search(r"(\w+)\W*$", parameter)
                    word = word.group(1) if word and "char" in parameter else None
                    if word in SENTENCE and word in handed and home.get(name, {}).get(at) in (None, False) \
                            and home.get(name, {}).get(at) is not handed[word]:
                        home.setdefault(name, {})[at] = handed[word]
                        changed = True


def assigned(source, sources, argument, macros):
    """The literals that a variable, member or array has been given, where the argument is one; in its module only."""
    name = re.fullmatch(r"\s*(?:\w+(?:->|\.))*(\w+)(?:\[[^\]]*\](?:\.\w+)?)?\s*", argument)
    if not name:
        return
    pattern = re.compile(rf"\b{name.group(1)}(?:\[[^\]]*\])? = ([^;]*);")
    for other in sources:
        if other.path.parent == source.path.parent and ("." in argument or "->" in argument or other is source):
            for given in pattern.finditer(other.code):
                for at, value in texts(given.group(1), macros):
                    yield other, given.start(1) + at, value


def returned(source, sources, argument, macros):
    """The literals that a function of the same file returns, where the argument is a call of one."""
    call = re.match(r"\s*(\w+)\(", argument)
    for name, _, _, start, body in source.functions if call else []:
        if name == call.group(1):
            for given in re.finditer(r"\breturn ([^;]*);", body):
                for at, value in texts(given.group(1), macros):
                    yield source, start + given.start(1) + at, value
                yield from assigned(source, sources, given.group(1), macros)


def wanted(sources, macros, everywhere):
    """{text: (source, offset)} of what must stand in the table."""
    found = {}
    for source in sources:
        known = {**everywhere, **source.speakers}
        for _, called, given in source.calls(known):
            for at, (offset, argument) in enumerate(given):
                whole = known[called].get(at)
                said = [(source, offset + inside, value) for inside, value in texts(argument, macros)]
                said += assigned(source, sources, argument, macros) if at >= min(known[called]) else []
                said += returned(source, sources, argument, macros) if whole is not None else []
                for where, place, value in said if at >= min(known[called]) else []:
                    if says_something(value) and (whole or " " in value.strip()):
                        found.setdefault(value, (where, place))
    return found


def read_table(root, report):
    path = root / TABLE
    code, table = blank_comments(path.read_text()), {}
    for entry in re.finditer(r"^PHRASE\(", code, re.M):
        line = code.count("\n", 0, entry.start()) + 1
        pair = [join(text.strip(), MACROS) for _, text in arguments(code, entry.end())]
        if len(pair) != 2 or None in pair:
            report(path, line, "two texts are expected")
        elif pair[0] in table:
            report(path, line, f'"{pair[0]}" is listed twice')
        else:
            table[pair[0]] = (line, pair[1])
    return path, table


def check_table(path, table, report):
    for en, (line, zh) in table.items():
        if conversions(en) != conversions(zh):
            report(path, line, f'"{zh}" has other conversions than "{en}"')
        for conversion in conversions(en):
            if not KNOWN.fullmatch(conversion):
                report(path, line, f"{conversion} is not printed in Chinese; see phrase_render")
        if says_something(en) and en == zh:
            report(path, line, f'"{en}" is the same in both languages')


def read_macros(sources):
    macros = dict(MACROS)
    for source in sources:
        for name, value in re.findall(rf"^#define (\w+) +((?:{LITERAL}\s*)+)$", source.code, re.M):
            macros[name] = join(value, {})
    return macros


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2])
    breaches = []

    def report(path, line, message):
        breaches.append(f"{path.relative_to(root)}:{line}: {message}")

    sources = [Source(p) for p in sorted((root / "gateway").rglob("*.[ch]"))]
    macros = read_macros(sources)
    everywhere = {name: dict(places) for name, places in ROOTS.items()}
    find_speakers(sources, everywhere)
    path, table = read_table(root, report)
    check_table(path, table, report)
    for value, (source, offset) in wanted(sources, macros, everywhere).items():
        if value not in table:
            report(source.path, source.line(offset), f'"{value}" is not in {TABLE}')
    everything = {value for source in sources for _, value in texts_everywhere(source, macros)}
    for en, (line, _) in table.items():
        if en not in everything:
            report(path, line, f'nothing says "{en}"')
    print("\n".join(breaches) if breaches else f"phrases: {len(table)} in both languages")
    return 1 if breaches else 0


def texts_everywhere(source, macros):
    for run in TEXT.finditer(source.code):
        value = join(run.group(0), macros)
        if value is not None:
            yield run.start(), value


if __name__ == "__main__":
    sys.exit(main())
