"""What `cmake --install` lays down: complete, safe to run, documented, and an example that starts."""
import os
import pathlib
import re
import shutil
import stat
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("GW_BUILD", ROOT / "build")).resolve()
PAGES = {"pledged": 8, "pledgectl": 1, "pledged.yaml": 5}
MODES = {
    "usr/sbin/pledged": 0o755, "usr/bin/pledgectl": 0o755, "usr/lib/pledged/adapters/bureau.so": 0o644,
    "usr/lib/pledged/schemas/catalog.csv": 0o644, "usr/lib/pledged/schemas/common.xsd": 0o644,
    "usr/lib/systemd/system/pledged.service": 0o644, "usr/lib/sysusers.d/pledged.conf": 0o644,
    "usr/lib/tmpfiles.d/pledged.conf": 0o644, "usr/share/doc/pledged/README.md": 0o644,
    **{f"usr/share/man/man{section}/{name}.{section}": 0o644 for name, section in PAGES.items()},
    **{f"usr/share/doc/pledged/examples/{name}.yaml": 0o644 for name in ("pledged", "rules", "partners", "operators", "sources")},
}


def run(*words, **more):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60, **more)
    assert done.returncode == 0, f"{words}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """A root directory with the installation in it."""
    place = tmp_path_factory.mktemp("system")
    run("cmake", "--install", BUILD, "--prefix", "/usr", env={**os.environ, "DESTDIR": str(place)})
    return place


def shown(system, name):
    """A manual page as a reader sees it, its lines joined."""
    section = PAGES[name]
    text = run("mandoc", "-T", "utf8", "-O", "width=1000", system / f"usr/share/man/man{section}/{name}.{section}")
    return re.sub(r".\x08", "", text)


def test_everything_is_there(system):
    """Each file where Debian expects it, readable by all, writable by its owner; nothing in /etc, nothing of the tests."""
    modes = {str(path.relative_to(system)): stat.S_IMODE(path.stat().st_mode) for path in system.rglob("*") if path.is_file()}
    assert {name: modes.get(name) for name in MODES} == MODES
    assert not [name for name in modes if name.startswith("etc/") or "misbehave" in name]


def test_nothing_names_the_place_it_was_built(system):
    for path in system.rglob("*"):
        if path.is_file() and path.suffix in (".yaml", ".service", ".conf"):
            text = path.read_text()
            assert str(BUILD) not in text and str(system) not in text and "@" not in re.sub(r"=?~?@(system-service|privileged|resources)", "", text), path


def test_another_prefix(tmp_path):
    """The unit and the example name the places of their own installation."""
    run("cmake", "--install", BUILD, "--prefix", "/opt/gw", env={**os.environ, "DESTDIR": str(tmp_path)})
    assert "ExecStart=/opt/gw/sbin/pledged " in (tmp_path / "opt/gw/lib/systemd/system/pledged.service").read_text()
    assert "/opt/gw/lib/pledged/schemas" in (tmp_path / "opt/gw/share/doc/pledged/examples/pledged.yaml").read_text()
    assert "/opt/gw/lib/pledged/adapters" in (tmp_path / "opt/gw/share/doc/pledged/examples/pledged.yaml").read_text()


def test_unit_is_confined(system):
    """The service manager's own judgement: exposure 2.0 of 10 at most."""
    unit = system / "usr/lib/systemd/system/pledged.service"
    run("systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", unit)


def test_unit_is_understood(system):
    """No line of the unit is unknown or ignored, and its program exists."""
    told = subprocess.run(["systemd-analyze", "verify", f"--root={system}", "--man=no", "pledged.service"], capture_output=True, text=True,
                          timeout=60).stderr
    assert not re.search(r"pledged\.service:\d+:", told) and "sbin/pledged" not in told, told


@pytest.mark.skipif(os.geteuid() != 0, reason="making a user in a root directory needs root")
def test_user_and_folders(system, tmp_path):
    """The user cannot log in; keys and data are readable by that user alone, the socket's folder by all."""
    shutil.copytree(system / "usr/lib", tmp_path / "usr/lib")
    (tmp_path / "etc").mkdir()
    run("systemd-sysusers", f"--root={tmp_path}", "pledged.conf")
    entry = next(line for line in (tmp_path / "etc/passwd").read_text().splitlines() if line.startswith("pledged:")).split(":")
    user = int(entry[2])
    assert entry[6] == "/usr/sbin/nologin" and 0 < user < 1000
    run("systemd-tmpfiles", f"--root={tmp_path}", "--create", "pledged.conf")
    folders = {name: (tmp_path / name).stat() for name in ("etc/pledged", "etc/pledged/pki", "var/lib/pledged", "run/pledged")}
    assert {name: (stat.S_IMODE(info.st_mode), info.st_uid) for name, info in folders.items()} == {
        "etc/pledged": (0o755, 0), "etc/pledged/pki": (0o700, user), "var/lib/pledged": (0o700, user), "run/pledged": (0o755, user)}


def test_example_starts(system, tmp_path):
    """The example configuration has no fault once there are certificates."""
    shutil.copytree(system / "usr/share/doc/pledged/examples", tmp_path / "etc")
    run("sh", ROOT / "certs/make-dev-pki.sh", tmp_path / "etc/pki")
    config = tmp_path / "etc/pledged.yaml"
    text = config.read_text()
    for place, mine in (("/var/lib/pledged", tmp_path / "data"), ("/run/pledged", tmp_path), ("/usr/lib/pledged", f"{system}/usr/lib/pledged")):
        assert place in text
        text = text.replace(place, str(mine))
    config.write_text(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:0", text))
    run(system / "usr/sbin/pledged", "--config", config, "--check")


@pytest.mark.parametrize("name", PAGES)
def test_page_is_well_formed(system, name):
    section = PAGES[name]
    run("mandoc", "-T", "lint", "-W", "warning", system / f"usr/share/man/man{section}/{name}.{section}")


def test_pages_tell_every_setting(system):
    """A setting of the table, whatever its kind, is in pledged.yaml(5) with both languages and its default."""
    page = shown(system, "pledged.yaml")
    rows = re.findall(r'^SETTING_\w+\(\w+, "([^"]+)", (NULL|"[^"]*"|\w+),.*"([^"]*)", "([^"]*)"\)$',
                      (ROOT / "gateway/config/settings.def").read_text(), re.M)
    assert len(rows) == (ROOT / "gateway/config/settings.def").read_text().count("\nSETTING_")
    for path, fallback, english, chinese in rows:
        found = re.search(rf"^ +{re.escape(path)}\n((?: {{9,}}.*\n)+)", page, re.M)
        assert found, f"{path} is not in the page"
        assert english in found[1] and chinese in found[1], path
        assert fallback == "NULL" or f"default {fallback.strip(chr(34))}." in found[1], found[0]


def test_pages_tell_every_command(system):
    """What `pledgectl help` lists is in pledgectl(1)."""
    page = shown(system, "pledgectl")
    listed = run(system / "usr/bin/pledgectl", "help", "--lang", "en").split("Options of every command")[0]
    commands = [line[2:].split("  ")[0].strip() for line in listed.splitlines() if line.startswith("  ")]
    assert len(commands) > 20
    for words in commands:
        assert re.search(rf"^ +{re.escape(words)}( |$)", page, re.M), f"{words} is not in the page"
