#!/usr/bin/env python3
"""Samples of every kind, good and broken, in both forms, made from the XSDs alone.

    python3 samples.py SCHEMAS OUT COUNT      COUNT samples a kind into OUT/<kind>/, named N.xml and N.json

OUT/<kind>/list has a line for each: name, what was done to it, and which forms exist and whether each is good
("xml=1 json=1"). A good one comes with what the gateway should write for it, N.want.xml and N.want.json. xmllint, which
knows the XSD but not the gateway, must agree with every verdict about XML that is a matter of the XSD.
"""
import json
import random
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

XS = "{http://www.w3.org/2001/XMLSchema}"
NS = "urn:cn:sx:ip-pledge:1"
INTEGERS = {"integer", "long", "int", "short", "positiveInteger", "nonNegativeInteger"}
WORDS = ["山西杏花村汾酒厂股份有限公司", "晋民营发〔2026〕1号", "A & B <Ltd>", 'say "hi"', "𠮷野家", "ＡＢＣ公司", "x", "a>b]]", "O'Neil", "14-01.2", "é"]
SPECIAL = {
    "MessageId": ["m-1", "r-17", "A.b_c:d-9"], "Kind": [], "PartnerId": ["bank-a", "bureau-sx"], "ReceiverId": ["ippledge-sx", "*"],
    "Traceparent": ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"], "Sha256": ["0123456789abcdef" * 4],
    "Octets": ["", "Zg==", "Zm8=", "Zm9v" * 20], "Url": ["https://example.cn/a?b=c&d=e"], "Jws": ["eyJhbGciOiJFUzI1NiJ9..c2lnbmF0dXJl"], "Version": [1],
    "Time": ["2026-11-24T10:00:00+08:00", "2026-11-24T02:00:00Z", "2026-11-24T10:00:00.125+08:00"],
}
rng = random.Random(20261124)


class Lib:
    """The types of one XSD with common.xsd."""

    def __init__(self, folder, name):
        self.simple, self.complex = {}, {}
        for file in (folder / "common.xsd", folder / name):
            root = ET.parse(file).getroot()
            for node in root:
                if node.tag == XS + "simpleType":
                    self.simple[node.get("name")] = node.find(XS + "restriction")
                elif node.tag == XS + "complexType":
                    self.complex[node.get("name")] = [self.field(e) for e in node.find(XS + "sequence")]

    @staticmethod
    def field(node):
        many = node.get("maxOccurs") == "unbounded"
        said = node.find(f"{XS}annotation/{XS}appinfo")
        name = re.sub(r"(?<!^)([A-Z])", r"_\1", node.get("name")).lower()
        if many:
            name = name[:-3] + "s_zh" if name.endswith("_zh") else name + "s"
        return {"xml": node.get("name"), "json": said.text if said is not None else name, "type": node.get("type"),
                "optional": node.get("minOccurs") == "0", "list": many}

    def base(self, name):
        while name in self.simple:
            name = self.simple[name].get("base")
        return name.replace("xs:", "")

    def facet(self, name, facet):
        node = self.simple[name].find(XS + facet) if name in self.simple else None
        return node.get("value") if node is not None else None


def good_value(lib, name):
    words = [e.get("value") for e in lib.simple[name].findall(XS + "enumeration")]
    base = lib.base(name)
    if words or SPECIAL.get(name):
        return rng.choice(words or SPECIAL[name])
    if base in INTEGERS:
        low, high = int(lib.facet(name, "minInclusive") or 0), int(lib.facet(name, "maxInclusive") or 10**6)
        return rng.choice([low, high, rng.randint(low, high)])
    if base == "boolean":
        return rng.random() < 0.5
    if base == "date":
        return f"{rng.randint(1990, 2040)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
    limit = int(lib.facet(name, "maxLength"))
    return rng.choice([rng.choice(WORDS), "名" * limit, (rng.choice(WORDS) * 200)[:rng.randint(1, limit)].strip() or "x"])


def good_object(lib, name, depth=0):
    out = {}
    for f in lib.complex[name]:
        if f["optional"] and rng.random() < 0.5:
            continue
        make = (lambda: good_object(lib, f["type"], depth + 1)) if f["type"] in lib.complex else (lambda: good_value(lib, f["type"]))
        out[f["json"]] = [make() for _ in range(rng.randint(1, 3))] if f["list"] else make()
    return out


def text_of(value):
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


class Raw(str):
    """A value written as it stands, in XML or JSON."""


def to_xml(lib, name, value, tag, top=""):
    """Elements in the order of the XSD; members that it does not know come last."""
    if isinstance(value, Raw):
        return f"<{tag}{top}>{value}</{tag}>"
    if not isinstance(value, dict):
        return f"<{tag}{top}>{escape(text_of(value))}</{tag}>"
    fields = lib.complex.get(name, [])
    inner, known = "", {f["json"] for f in fields}
    for f in fields:
        if f["json"] in value:
            items = value[f["json"]] if f["list"] and isinstance(value[f["json"]], list) else [value[f["json"]]]
            inner += "".join(to_xml(lib, f["type"], item, f["xml"]) for item in items)
    inner += "".join(to_xml(lib, "", item, key[:1].upper() + key[1:]) for key, item in value.items() if key not in known)
    return f"<{tag}{top}>{inner}</{tag}>"


def message_xml(lib, value):
    return to_xml(lib, "Message", value, "Message", f' xmlns="{NS}"')


def ordered(lib, name, value):
    """As the gateway writes it: members in the order of the XSD."""
    if name not in lib.complex:
        return value
    out = {}
    for f in lib.complex[name]:
        if f["json"] in value:
            item = value[f["json"]]
            out[f["json"]] = [ordered(lib, f["type"], i) for i in item] if f["list"] else ordered(lib, f["type"], item)
    return out


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def shuffled(value):
    if isinstance(value, list):
        return [shuffled(v) for v in value]
    if isinstance(value, dict):
        keys = list(value)
        rng.shuffle(keys)
        return {k: shuffled(value[k]) for k in keys}
    return value


def places(lib, name, value):
    """(container, key, field) of every member in the message, item by item in lists."""
    for f in lib.complex[name]:
        if f["json"] not in value:
            continue
        item = value[f["json"]]
        yield value, f["json"], f, name
        inner = item if f["list"] else [item]
        for i, part in enumerate(inner):
            if f["type"] in lib.complex:
                yield from places(lib, f["type"], part)
            elif f["list"]:
                yield item, i, dict(f, list=False, item=True), name


def bad_values(lib, name):
    """(what, value) for a simple type: wrong in both forms alike."""
    base = lib.base(name)
    if base in INTEGERS:
        low, high = lib.facet(name, "minInclusive") or "0", lib.facet(name, "maxInclusive")
        return [("less", int(low) - 1), ("more", int(high) + 1), ("fraction", 1.5), ("text", "12a")]
    if base == "boolean":
        return [("word", "yes")]
    bad = [("blank", "   "), ("empty", "")]
    if base in ("date", "dateTime"):
        return bad + [("day", "2026-02-30"), ("short", "2026-3-1"), ("slashes", "2026/03/01"), ("long", "长期"), ("zone", "2026-03-01Z")]
    if name == "Octets":
        return [("base64", "***"), ("padding", "Zg=="[::-1])]
    if lib.simple[name].find(XS + "enumeration") is not None:
        return bad + [("word", "granted?"), ("case", lib.simple[name].find(XS + "enumeration").get("value").upper())]
    if name in SPECIAL:
        return bad + [("character", "含 空格")]
    return bad + [("length", "名" * (int(lib.facet(name, "maxLength")) + 1))]


def break_both(lib, message):
    """Breaks a good message in a way that both forms can show; says how."""
    spots = [p for p in places(lib, "Message", message) if p[1] not in ("kind", "version") or rng.random() < 0.1]
    where, key, field, owner = rng.choice(spots)
    how = rng.choice(["drop", "unknown", "value", "value", "value", "value", "shape"])
    if how == "drop" and not field.get("item") and not field["optional"]:
        del where[key]
        return f"{owner}.{field['json']} dropped"
    if how == "unknown" and isinstance(where, dict):
        where["extra"] = "x"
        return f"{owner} with an unknown member"
    if how == "shape":
        if field["type"] in lib.complex and not field["list"]:
            where[key] = "text"
        elif not field["list"]:
            where[key] = {"inner": "x"}
        elif not field["optional"]:
            where[key] = []
        else:
            where[key] = {"inner": "x"}
        return f"{owner}.{field['json']} of another shape"
    simple = [s for s in spots if s[2]["type"] in lib.simple and not s[2]["list"]]
    where, key, field, owner = rng.choice(simple)
    what, value = rng.choice(bad_values(lib, field["type"]))
    where[key] = value
    return f"{owner}.{field['json']}: {what}"


def break_json(lib, message):
    spots = [p for p in places(lib, "Message", message)]
    where, key, field, owner = rng.choice(spots)
    integer = lib.base(field["type"]) in INTEGERS
    if field["list"]:
        where[key] = rng.choice([None, {"0": where[key][0]}, where[key] + [None], [where[key]]])
    elif field["type"] in lib.complex:
        where[key] = rng.choice([None, [where[key]], 1])
    elif integer:
        where[key] = rng.choice([None, str(where[key]), float(where[key]) + 0.5, [where[key]], True])
    elif lib.base(field["type"]) == "boolean":
        where[key] = rng.choice([None, 1, "true"])
    else:
        where[key] = rng.choice([None, 5, True, [where[key]], "a\u0001b", "\ufffe"])
    return compact(message), f"JSON alone: {owner}.{field['json']}"


def break_xml(lib, message):
    """(text, what, by the XSD)"""
    text = message_xml(lib, message)
    leaf = rng.choice(re.findall(r"<(\w+)>[^<]+</\1>", text.split("<Envelope>")[1]) or ["Id"])
    xsi = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    return rng.choice([
        (text.replace(f"<{leaf}>", f'<{leaf} a="b">', 1), "an attribute", True),
        (text.replace(f"<{leaf}>", f"<{leaf}><!-- -->", 1), "a comment in a value", False),
        (text.replace(f"<{leaf}>", f"<{leaf}><![CDATA[]]>", 1), "a CDATA section beside a value", False),
        (text.replace("<Body>", "<Body>text"), "text between members", True),
        (text.replace("<Envelope>", f'<Envelope {xsi} xsi:type="Envelope">'), "xsi:type", False),
        (text.replace("<Message ", f'<Message {xsi} xsi:schemaLocation="{NS} http://127.0.0.1:9/x.xsd" '), "xsi:schemaLocation", False),
        (text.replace(f"<{leaf}>", f'<{leaf} xmlns="urn:other">', 1), "another namespace", True),
        (re.sub(r"(<Id>.*?</Id>)(<Kind>.*?</Kind>)", r"\2\1", text, count=1), "another order", True),
        (re.sub(r"(<Sender>.*?</Sender>)", r"\1\1", text, count=1), "an element twice", True),
        (text.replace("<Body>", "<body>").replace("</Body>", "</body>"), "a JSON name", True),
    ])


def dress_xml(lib, message):
    """Good XML as others write it: prefixes, white space, CDATA, references, a declaration, comments between."""
    text = message_xml(lib, message)
    leaves = re.findall(r"<(\w+)>([^<&]{1,40})</\1>", text)
    tag, value = rng.choice(leaves)
    return rng.choice([
        ('<?xml version="1.0" encoding="utf-8"?>\n' + text, "a declaration"),
        (text.replace(f"<{tag}>{value}</{tag}>", f"<{tag}><![CDATA[{value}]]></{tag}>", 1), "CDATA around a value"),
        (text.replace(f">{value}<", f">\n   {value}\t<", 1), "white space around a value"),
        (text.replace("><", ">\n  <"), "indented"),
        (re.sub(r"<(/?)(\w)", r"<\1m:\2", text).replace("xmlns=", "xmlns:m="), "a prefix"),
        (text.replace(f">{value}<", ">" + "".join(f"&#x{ord(c):x};" for c in value) + "<", 1), "character references"),
        (text.replace("<Body>", "<!-- body --><Body>"), "a comment between members"),
    ])


def good_message(lib, kind, body):
    message = {"envelope": good_object(lib, "Envelope"), "body": good_object(lib, body)}
    message["envelope"].update(kind=kind, version=1)
    return message


def sample(lib, kind, body):
    """(what, xml, json, xml good, json good, the XSD says so, wanted)"""
    message = good_message(lib, kind, body)
    want = (message_xml(lib, message), compact(ordered(lib, "Message", message)))
    turn = rng.random()
    if turn < 0.25:
        return "good", want[0], compact(shuffled(message)), True, True, True, want
    if turn < 0.40:
        text, what = dress_xml(lib, message)
        return what, text, compact(shuffled(message)), True, True, True, want
    if turn < 0.75:
        what = break_both(lib, message)
        return what, message_xml(lib, message), compact(shuffled(message)), False, False, True, None
    if turn < 0.88:
        text, what = break_json(lib, message)
        return what, None, text, None, False, True, None
    text, what, by_xsd = break_xml(lib, message)
    return what, text, None, False, None, by_xsd, None


def check_xmllint(schema, folder, verdicts):
    """xmllint says "FILE validates" or "FILE fails to validate"."""
    files = [str(folder / f"{name}.xml") for name in verdicts]
    run = subprocess.run(["xmllint", "--noout", "--nonet", "--schema", str(schema), *files], capture_output=True, text=True)
    said = dict(re.findall(r"^(\S+) (validates|fails to validate)$", run.stderr, re.M))
    wrong = [f"{schema.name}: {name}: xmllint {said.get(file)}, expected {'good' if verdicts[name] else 'broken'}"
             for name, file in zip(verdicts, files) if said.get(file) != ("validates" if verdicts[name] else "fails to validate")]
    return wrong


def main():
    schemas, out, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    wrong = []
    for line in (schemas / "catalog.csv").read_text().splitlines():
        if line.startswith(("#", "kind,")):
            continue
        kind, xsd = line.split(",")[0], line.split(",")[4]
        lib = Lib(schemas, xsd)
        body = next(f["type"] for f in lib.complex["Message"] if f["xml"] == "Body")
        folder = out / kind
        folder.mkdir(parents=True)
        rows, verdicts = [], {}
        for n in range(count):
            what, xml, text, xml_good, json_good, by_xsd, want = sample(lib, kind, body)
            if xml is not None:
                (folder / f"{n}.xml").write_text(xml)
                if by_xsd:
                    verdicts[n] = xml_good
            if text is not None:
                (folder / f"{n}.json").write_text(text)
            if want:
                (folder / f"{n}.want.xml").write_text(want[0])
                (folder / f"{n}.want.json").write_text(want[1])
            flag = {True: "1", False: "0", None: "-"}
            rows.append(f"{n}\t{flag[xml_good]}\t{flag[json_good]}\t{what}")
        (folder / "list").write_text("\n".join(rows) + "\n")
        wrong += check_xmllint(schemas / xsd, folder, verdicts)
    print("\n".join(wrong[:20]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
