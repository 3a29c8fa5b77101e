"""The steps of adapters/README.md, done as they stand there: copy the template, build it, check it, let it run."""
import os
import re
import shutil
import subprocess

import yaml

from conftest import BUILD, ROOT

SOURCE = (ROOT / "adapters" / "README.md").read_text()


def block(language):
    return re.search(rf"```{language}\n(.*?)```", SOURCE, re.S).group(1)


def test_an_adapter_in_twenty_minutes(make_gateway, tmp_path):
    """A newcomer's adapter is built, checked, loaded, and its firm is listed."""
    shutil.copytree(ROOT / "adapters", tmp_path / "adapters")
    done = subprocess.run(["sh", "-eu"], input=block("sh"), cwd=tmp_path, text=True, capture_output=True, timeout=120,
                          env={**os.environ, "PATH": f"{BUILD / 'bin'}:{os.environ['PATH']}", "ASAN_OPTIONS": "detect_leaks=0"})
    assert done.returncode == 0 and "mybureau" in done.stdout, done.stdout + done.stderr
    lists = tmp_path / "lists"
    lists.mkdir()
    shutil.copy(ROOT / "adapters" / "template" / "sample.txt", lists / "list.txt")
    source = yaml.safe_load(block("yaml"))[0]
    source["settings"]["directory"] = str(lists)
    gateway = make_gateway(sources=[{**source, "paused": True}], settings={"adapters.directory": str(tmp_path)})
    run = gateway.ctl_json("sync", "run", "--source", "my-bureau", "--wait")
    assert run["state"] == "done" and run["counts"]["added"] == 1, run
    assert gateway.firm("bank-a", "91140106MA00PFCM02").json()["name"] == "山西示例科技有限公司"
