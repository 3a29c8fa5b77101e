"""Bytes changed behind the gateway's back are found, offline and by name."""
import ctypes
import ctypes.util

import pytest

from lists import certified, firms

MDB_NOSUBDIR, MDB_CREATE = 0x4000, 0x40000


class Val(ctypes.Structure):
    _fields_ = [("n", ctypes.c_size_t), ("p", ctypes.c_void_p)]


class Lmdb:
    """Just enough of liblmdb to read and overwrite one value of one table of a stopped gateway."""

    def __init__(self, directory):
        self.lib = ctypes.CDLL("liblmdb.so.0")
        self.env = ctypes.c_void_p()
        self.call("mdb_env_create", ctypes.byref(self.env))
        self.call("mdb_env_set_maxdbs", self.env, 64)
        self.call("mdb_env_set_mapsize", self.env, ctypes.c_size_t(1 << 30))
        self.call("mdb_env_open", self.env, str(directory).encode(), 0, 0o600)

    def call(self, name, *arguments):
        rc = getattr(self.lib, name)(*arguments)
        assert rc == 0, f"{name}: {rc}"

    def change(self, table, key, how):
        """Replaces table[key] by how(bytes); None deletes it."""
        txn, dbi, value = ctypes.c_void_p(), ctypes.c_uint(), Val()
        k = Val(len(key), ctypes.cast(ctypes.c_char_p(key), ctypes.c_void_p))
        self.call("mdb_txn_begin", self.env, None, 0, ctypes.byref(txn))
        self.call("mdb_dbi_open", txn, table.encode(), 0, ctypes.byref(dbi))
        self.call("mdb_get", txn, dbi, ctypes.byref(k), ctypes.byref(value))
        old = ctypes.string_at(value.p, value.n)
        new = how(old)
        if new is None:
            self.call("mdb_del", txn, dbi, ctypes.byref(k), None)
        else:
            v = Val(len(new), ctypes.cast(ctypes.c_char_p(new), ctypes.c_void_p))
            self.call("mdb_put", txn, dbi, ctypes.byref(k), ctypes.byref(v), 0)
        self.call("mdb_txn_commit", txn)
        self.lib.mdb_env_close(self.env)
        return old


def environment_of(data):
    return next(path.parent for path in data.rglob("data.mdb"))


def flip(at):
    return lambda old: old[:at] + bytes([old[at] ^ 1]) + old[at + 1:]


def sequence(n):
    return n.to_bytes(8, "big")


@pytest.fixture
def stopped(gateway, bureau):
    bureau.control(rows=firms(12), version="v1")
    assert gateway.sync()["state"] == "done"
    assert gateway.stop() == 0
    return gateway


def verify(gateway):
    return gateway.ctl("journal", "verify", "--config", str(gateway.dir / "pledged.yaml"), check=False)


@pytest.mark.asan
@pytest.mark.parametrize("table, how, words", [
    ("record", flip(0), "salt"), ("record", flip(40), "record"), ("record", lambda old: old[:-1], "record"), ("record", lambda old: None, "record"),
    ("leaf", flip(10), "leaf"), ("leaf", flip(-1), "leaf"), ("leaf", lambda old: None, "leaf"),
], ids=["salt", "content", "cut", "gone", "leaf-time", "leaf-commitment", "leaf-gone"])
def test_a_changed_record_is_named(stopped, table, how, words):
    """One bit of record 7: exit 8 and the number 7, without a daemon; with its bytes back it verifies."""
    assert verify(stopped).returncode == 0
    old = Lmdb(environment_of(stopped.data)).change(table, sequence(7), how)
    done = verify(stopped)
    told = done.stdout + done.stderr
    assert done.returncode == 8 and "7" in told and ("journal.broken" in told or "store.corrupt" in told), (done.returncode, told)
    if old is not None and how(old) is not None:
        Lmdb(environment_of(stopped.data)).change(table, sequence(7), lambda _: old)
        assert verify(stopped).returncode == 0


def test_a_changed_record_is_told_by_a_running_gateway_too(stopped):
    """The daemon verifies on request with the same verdict, and rebuild does not quietly agree."""
    Lmdb(environment_of(stopped.data)).change("record", sequence(7), flip(-3))
    stopped.start()
    done = stopped.ctl("journal", "verify", check=False)
    assert done.returncode == 8 and "7" in done.stdout + done.stderr, (done.returncode, done.stdout, done.stderr)


def test_a_changed_state_is_found_by_rebuilding(stopped):
    """A firm's stored state was edited: rebuild from the journal differs and names the table and the code."""
    code = certified(3)["uscc"]
    Lmdb(environment_of(stopped.data)).change("firm", code.encode(), flip(-3))
    stopped.start()
    done = stopped.ctl("db", "rebuild", check=False)
    told = done.stdout + done.stderr
    assert done.returncode == 8 and "firm" in told and (code in told or code.encode().hex() in told), (done.returncode, told)


def test_a_changed_access_line_is_found(stopped):
    """A line of the access log was edited: the next start tells which, and the log is not silently continued as if whole."""
    stopped.start()
    for i in range(5):
        assert stopped.firm("bank-a", certified(i)["uscc"]).status_code == 200
    stopped.stop()
    segment = sorted((stopped.data / "access").glob("*.log"))[0]
    bytes_ = segment.read_bytes()
    segment.write_bytes(bytes_.replace(b'"bank-a"', b'"bank-b"', 1))
    stopped.launch()
    code = None
    try:
        stopped.wait_ready(10)
    except AssertionError:
        code = stopped.process.poll()
    told = stopped.log_text()
    assert "access.broken" in told and segment.name in told, told[-2000:]
    assert code in (None, 1, 8)
