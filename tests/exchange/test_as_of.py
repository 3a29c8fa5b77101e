"""What was told is told again years later: answers about a past moment."""
import json
import urllib.parse

import pytest

from conftest import wait_until
from lists import certified
from messages import certification
from test_keys import key_set, verify
from test_time import DAY, today

pytestmark = pytest.mark.asan

# of the signing, not of the moment
OF_SIGNING = {"id", "head", "this_update", "next_update", "corrected_by"}


def told(answer):
    assert answer.status_code == 200, answer.text
    return {m: v for m, v in answer.json().items() if m not in OF_SIGNING}


def ask(gateway, i, as_of=None, who="bank-a", **kw):
    path = f"/v1/whitelist/{certified(i)['uscc']}" + (f"?as_of={urllib.parse.quote(as_of)}" if as_of else "")
    return gateway.ask(who, path, **kw)


def act(gateway, what, i, *more):
    proposed = gateway.ctl_json("list", "propose", what, certified(i)["uscc"], "--reason", "notice 17", *more, who="operator-1")
    gateway.ctl("approve", "grant", proposed["approval"], "--comment", "seen", who="operator-2")


class Story:
    """Days on which things happen, and what was told on each of firms 0 … 4. Time passes while the gateway is down: a clock that
    is set from a file slips now and then, and here each second counts."""

    def __init__(self, gateway, bureau):
        self.gateway, self.bureau, self.kept = gateway, bureau, []
        self.seconds = 0
        self.env = {m: v for m, v in gateway.environment().items() if m not in ("FAKETIME_TIMESTAMP_FILE", "FAKETIME_NO_CACHE")}
        gateway.environment = lambda: {**self.env, "FAKETIME": f"+{self.seconds}"}
        gateway.start()

    def pass_time(self, seconds):
        self.gateway.stop()
        self.seconds += seconds
        self.gateway.start()

    def sync(self, version, rows):
        self.bureau.control(rows=rows, version=version)
        assert self.gateway.sync()["state"] == "done"

    def keep(self):
        """A minute later, so that no other change has this second."""
        self.pass_time(60)
        for i in range(5):
            for who in ("bank-a", "onestop-sx"):
                now = ask(self.gateway, i, who=who)
                self.kept.append((i, who, now.json()["as_of"], told(now)))
        self.pass_time(60)
        return max(at for _, _, at, _ in self.kept)

    def retell(self):
        for i, who, at, was in self.kept:
            assert told(ask(self.gateway, i, at, who)) == was, (i, who, at)


@pytest.fixture
def story(make_gateway, bureau):
    return Story(make_gateway(clock=True, start=False), bureau)


def row(i, **changes):
    return certified(i, **changes)


def test_every_answer_is_told_again_as_it_was(story):
    """Grants, amendments, a suspension, an expiry, new contacts, new rules, restarts: each old answer comes again."""
    story.sync("v1", [row(0, validUntil=today(2)), row(1), row(2)])
    story.keep()
    story.pass_time(DAY)
    act(story.gateway, "suspend", 1, "--ground", "abnormal_operation")
    story.keep()
    story.sync("v2", [row(0, validUntil=today(2)), row(1, level="市级"), row(2), row(3)])
    story.keep()
    story.gateway.write_rules({"version": "2026-2", "disclose_grounds": "full"})
    assert story.gateway.reload()[0] == 200
    story.keep()
    story.pass_time(2 * DAY)
    wait_until(lambda: ask(story.gateway, 0).json()["status"] == "expired", "the expiry", 90)
    story.keep()
    story.pass_time(6 * DAY)
    story.keep()
    statuses = {was["status"] for _, _, _, was in story.kept}
    assert statuses == {"listed", "suspended", "expired", "not_listed"}
    assert {was["source"]["freshness"] for _, _, _, was in story.kept} == {"on_time", "delayed", "stale"}
    assert len({was["rules"] for _, _, _, was in story.kept}) == 2
    # the rules of the first days are known by name; what a version of that name says is in the file of today
    for i, who, at, was in story.kept:
        now = told(ask(story.gateway, i, at, who))
        hidden = {m: v for m, v in was.items() if not m.startswith("reasons")}
        assert {m: v for m, v in now.items() if not m.startswith("reasons")} == hidden, (i, who, at)


def test_the_same_rules_file_tells_exactly_the_same(story):
    """With the file still there, also reasons and disclosure are as they were."""
    story.sync("v1", [row(1), row(2)])
    story.keep()
    act(story.gateway, "suspend", 1, "--ground", "serious_dishonesty")
    story.keep()
    act(story.gateway, "lift", 1, "--ground", "serious_dishonesty")
    story.keep()
    story.sync("v2", [row(1), row(2), row(3)])
    story.keep()
    story.retell()


def test_what_a_bureau_pushed_is_told_with_its_contact_of_then(story):
    """A firm certified by message: the source is the bureau, its contact its last message up to then."""
    story.sync("v1", [row(1)])

    def push(i):
        rows = {"list_version": f"p{i}", "rows": [certification(i)]}
        answer = story.gateway.post_message("bureau-ty", story.gateway.author("bureau-ty").json("certification.batch", rows))
        assert answer.status_code == 200, answer.text

    push(2)
    story.keep()
    story.pass_time(DAY)
    push(3)
    story.keep()
    contacts = {was["source"]["completed_at"] for i, _, _, was in story.kept if i == 2}
    assert len(contacts) == 2 and {was["source"]["id"] for i, _, _, was in story.kept if i == 2} == {"bureau-ty"}
    story.retell()


def test_an_answer_about_the_past_is_signed_now_and_not_kept(story):
    """Signature of today over as_of of then; no next_update, no ETag, never 304, each with an id of its own."""
    story.sync("v1", [row(1)])
    at = story.keep()
    story.pass_time(DAY)
    keys = key_set(story.gateway)
    first, again = ask(story.gateway, 1, at), ask(story.gateway, 1, at, headers={"If-None-Match": "*"})
    for answer in (first, again):
        assert answer.status_code == 200 and "ETag" not in answer.headers
        verify(keys, answer.content, answer.headers["x-jws-signature"], "ES256")
        body = answer.json()
        assert body["as_of"] == at and "next_update" not in body and body["this_update"] > at and body["head"] >= body["sequence"] > 0
        assert list(body)[-2:] == ["as_of", "this_update"]
    assert first.json()["id"] != again.json()["id"]
    for form in ("application/jose", "application/xml"):
        for who in ("bank-a", "bank-b"):
            answer = ask(story.gateway, 1, at, who, headers={"Accept": form})
            assert answer.status_code == 200 and answer.headers["Content-Type"].startswith(form) and "ETag" not in answer.headers
    assert "<AsOf>" + at in answer.text and "NextUpdate" not in answer.text
    # what is asked about now is not disturbed by it
    assert "next_update" in ask(story.gateway, 1).json()
    lines = [line for line in story.gateway.ctl_items("access", "find", "--uscc", certified(1)["uscc"]) if line["time"] > at]
    assert [line["status"] for line in lines].count(200) >= 7


def test_a_later_correction_is_named(story):
    """Whoever was told wrongly finds the record that put it right; whoever was told rightly does not."""
    story.sync("v1", [row(1)])
    right = story.keep()
    act(story.gateway, "suspend", 1, "--ground", "abnormal_operation")
    wrong = story.keep()
    assert "corrected_by" not in ask(story.gateway, 1, wrong).json()
    act(story.gateway, "restore", 1)
    after = story.keep()
    fixed = story.gateway.ctl_items("list", "history", certified(1)["uscc"])[-1]
    assert fixed["action"] == "restore", fixed
    answer = ask(story.gateway, 1, wrong).json()
    assert answer["status"] == "suspended" and answer["corrected_by"] == fixed["seq"] and list(answer)[-1] == "corrected_by"
    assert "corrected_by" not in ask(story.gateway, 1, right).json() and "corrected_by" not in ask(story.gateway, 1, after).json()
    shown = story.gateway.ctl_json("list", "get", certified(1)["uscc"], "--as-of", wrong)
    assert shown["listing"]["status"] == "suspended" and shown["corrected_by"] == fixed["seq"] and shown["as_of"] == wrong


def test_moments_that_cannot_be_asked_about(story):
    """The future, no time at all, before there was anything to tell; each refusal is in the access log."""
    story.sync("v1", [row(1)])
    at = story.keep()
    code = certified(1)["uscc"]
    for bad in (today(1) + "T00:00:00+08:00", "yesterday", ""):
        answer = ask(story.gateway, 1, bad) if bad else story.gateway.ask("bank-a", f"/v1/whitelist/{code}?as_of=")
        assert answer.status_code == 422 and answer.json()["code"] == "http.query", answer.text
        assert answer.json()["errors"][0]["place"] == "as_of"
        done = story.gateway.ctl("list", "get", code, "--as-of", bad or "x", check=False)
        assert done.returncode == 2, done.stderr
    early = ask(story.gateway, 1, "2026-01-15T00:00:00Z")
    assert early.status_code == 503 and early.json()["code"] == "source.stale", early.text
    assert story.gateway.ctl("list", "get", code, "--as-of", "2020-01-01", check=False).returncode == 5
    outcomes = [line["outcome"] for line in story.gateway.ctl_items("access", "find", "--uscc", code)]
    assert outcomes.count("http.query") == 3 and outcomes.count("source.stale") == 1, outcomes
    # other ways to write the same moment
    utc = at.replace("+08:00", "+00:00")
    hour = (int(at[11:13]) - 8) % 24
    if int(at[11:13]) >= 8:
        assert told(ask(story.gateway, 1, f"{utc[:11]}{hour:02d}{utc[13:]}"))["as_of"] == at
    raw = story.gateway.ask("bank-a", f"/v1/whitelist/{code}?as_of={at.replace('+', '%2B')}")
    assert raw.json()["as_of"] == at
    assert json.loads(story.gateway.ctl("--json", "list", "get", code, "--as-of", "1min").stdout)["listing"]["status"] == "listed"
