"""The sample entries beside the adapters are what a gateway takes."""
import subprocess

import pytest
from conftest import BUILD, ROOT, Gateway, Pki

SAMPLES = sorted((ROOT / "adapters").glob("*/sample.yaml"))


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.parent.name)
def test_sample_is_an_entry(pki, tmp_path, sample):
    """With certificates of this test in their place, --check finds no fault in it."""
    (pki / "ippublic-sx.secret").write_text("TEST-SECRET-32-CHARS-ABCDEFGHIJKL\n")
    gateway = Gateway(tmp_path, pki, [])
    entry = sample.read_text(encoding="utf-8")
    assert f"adapter: {sample.parent.name}\n" in entry
    folder = tmp_path / "folder"
    folder.mkdir()
    is_source = "\nsources:" in entry
    for place in ("/etc/pledged/partners", "/etc/pledged/pki"):
        entry = entry.replace(f"{place}/", f"{pki.dir}/")
    entry = entry.replace("/srv/pledged/registry-inbox", str(folder))
    gateway.write("sources.yaml" if is_source else "partners.yaml", entry)
    checked = subprocess.run([str(BUILD / "bin" / "pledged"), "--config", str(tmp_path / "pledged.yaml"), "--check"],
                             capture_output=True, text=True, env=gateway.environment(), timeout=60)
    assert checked.returncode == 0, checked.stdout + checked.stderr
