#!/usr/bin/env python3
"""Proves schemas/: each line of the catalogue has its XSD and each XSD its line, only the subset that means the same in
JSON is used, and every element, type and word is documented in English and Chinese.

    python3 tests/lint/schemas.py [ROOT]      prints file: message for each breach, exits 1 when there is one
"""
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

XS = "{http://www.w3.org/2001/XMLSchema}"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
CHILDREN = {
    "schema": "include simpleType complexType element", "include": "", "annotation": "documentation appinfo",
    "documentation": "", "appinfo": "", "simpleType": "annotation restriction", "complexType": "annotation sequence",
    "restriction": "enumeration pattern length minLength maxLength minInclusive maxInclusive", "enumeration": "annotation",
    "pattern": "", "length": "", "minLength": "", "maxLength": "", "minInclusive": "", "maxInclusive": "",
    "sequence": "element", "element": "annotation",
}
ATTRIBUTES = {"element": {"name", "type", "minOccurs", "maxOccurs"}, "schema": {"targetNamespace", "elementFormDefault", "version"},
              "simpleType": {"name"}, "complexType": {"name"}, "restriction": {"base"}, "include": {"schemaLocation"}}
OCCURS = {"minOccurs": {"0", "1"}, "maxOccurs": {"1", "unbounded"}}
DOCUMENTED = {"simpleType", "complexType", "element", "enumeration"}
COLUMNS = "kind,version,direction,roles,xsd,receipt,order,max_age,retention,visible_to,keys".split(",")


def check_documented(node, report):
    texts = {d.get(LANG): (d.text or "").strip() for d in node.findall(f"{XS}annotation/{XS}documentation")}
    name = node.get("name") or node.get("value")
    if not texts.get("en") or not re.search(r"[\u4e00-\u9fff]", texts.get("zh", "")):
        report(f"{name} is not documented in English and Chinese")


def check_node(node, report):
    tag = node.tag.replace(XS, "")
    if tag in DOCUMENTED:
        check_documented(node, report)
    for name, value in node.attrib.items():
        if name != LANG and name not in ATTRIBUTES.get(tag, {"value"}) or value not in OCCURS.get(name, {value}):
            report(f"{tag} {node.get('name', '')} has {name}=\"{value}\"")
    if tag == "element" and not (node.get("name") and node.get("type")):
        report("an element has a name and a named type")
    for child in node:
        if child.tag.replace(XS, "") not in CHILDREN.get(tag, "").split():
            report(f"{child.tag.replace(XS, '')} may not stand in {tag}")
        check_node(child, report)


def check_xsd(path, report):
    def about(message):
        report(path.name, message)
    try:
        root = ET.parse(path).getroot()
    except ET.ParseError as error:
        return about(str(error))
    locations = [node.get("schemaLocation") for node in root.findall(XS + "include")]
    if locations != ([] if path.name == "common.xsd" else ["common.xsd"]):
        about("common.xsd, and nothing else, is included")
    check_node(root, about)
    return None


def check_catalogue(folder, report):
    lines = [line for line in (folder / "catalog.csv").read_text().splitlines() if line and not line.startswith("#")]
    if lines[0].split(",") != COLUMNS:
        report("catalog.csv", "its columns are " + ",".join(COLUMNS))
    listed = {"common.xsd"}
    for fields in (line.split(",") for line in lines[1:]):
        if len(fields) != len(COLUMNS):
            report("catalog.csv", f"{fields[0]} has {len(fields)} columns")
            continue
        listed.add(fields[4])
        if fields[4] != f"{fields[0]}-{fields[1]}.xsd":
            report("catalog.csv", f"the file of {fields[0]} is {fields[0]}-{fields[1]}.xsd")
        if not (folder / fields[4]).is_file():
            report("catalog.csv", f"{fields[4]} is missing")
    for path in sorted(folder.glob("*.xsd")):
        if path.name not in listed:
            report(path.name, "no line of the catalogue names it")


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2])
    folder, breaches = root / "schemas", []

    def report(name, message):
        breaches.append(f"schemas/{name}: {message}")

    check_catalogue(folder, report)
    files = sorted(folder.glob("*.xsd"))
    for path in files:
        check_xsd(path, report)
    print("\n".join(breaches) if breaches else f"schemas: {len(files)} files, all in the subset and documented")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
