"""What the flow suites share: kejued and the vendors' stand-in in a folder of their own, driven only
through their doors. The bus is spoken here in plain Python (nng's REQ over a local socket), so that
a question costs no process; every answer and event is held against its schema (KEJUE_CHECK)."""
import hashlib
import http.client
import json
import os
import pathlib
import random
import signal
import socket
import sqlite3
import struct
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("KEJUE_BUILD_DIR", ROOT / "build" / "release"))
DATA = ROOT / "tests" / "data"
LONG = os.environ.get("KEJUE_TEST_LONG") == "1"  # tools/test --long
MONDAY = "2026-03-02T05:00:00Z"
TELEPHONY = """{ instance = "telephony"; plugin = "telephony";
    config = { driver = "simulated"; ring_log = "rings.jsonl"; force_by_suffix = true; %s }; }"""


class Refused(Exception):
    """An error answer: code, place, text, hint, faults."""

    def __init__(self, error):
        super().__init__(json.dumps(error))
        self.code, self.place = error.get("code"), error.get("place", "")
        self.text, self.faults = error.get("text", ""), error.get("faults", [])


class Bus:
    """One request at a time over nng's REQ protocol (RFC: mapping for IPC)."""

    def __init__(self, path, timeout):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(str(path))
            self.socket.sendall(b"\0SP\0" + struct.pack(">HH", 0x30, 0))
            if self.read(8) != b"\0SP\0" + struct.pack(">HH", 0x31, 0):
                raise ConnectionError("no REP socket there")
        except OSError:
            self.socket.close()
            raise
        self.number = 0

    def read(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise ConnectionError("the daemon has closed the bus")
            data += more
        return data

    def ask(self, message):
        self.send(message)
        return self.receive()

    def send(self, message):
        self.number += 1
        body = struct.pack(">I", 0x80000000 | self.number) + json.dumps(message).encode()
        self.socket.sendall(b"\1" + struct.pack(">Q", len(body)) + body)

    def receive(self):
        while True:  # an answer to an older question is passed over
            _, length = struct.unpack(">BQ", self.read(9))
            answer = self.read(length)
            if struct.unpack(">I", answer[:4])[0] & 0x7FFFFFFF == self.number:
                return json.loads(answer[4:])

    def close(self):
        self.socket.close()


class StandIn:
    """kejue-stand-in; what it took stands in its log."""

    def __init__(self, folder, *options):
        self.log = pathlib.Path(folder) / "stand-in.jsonl"
        self.process = subprocess.Popen(
            [BUILD / "kejue-stand-in", "--port", "0", "--log", self.log, *options],
            stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[-1])

    def plan(self, **rule):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("POST", "/_control", json.dumps(rule))
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        connection.close()

    def taken(self):
        return lines_of(self.log)

    def stop(self):
        stop_process(self.process)
        self.process.stdout.close()


class Engine:
    """kejued on a folder. `plugins` is the text of the sections; `clock` None means the real one."""

    def __init__(self, folder, plugins=TELEPHONY % "", clock="virtual", http_port=None, more="",
                 scripts=ROOT / "scripts", seed=1, env=None, host="flow", clock_start=MONDAY):
        self.dir = pathlib.Path(folder)
        self.env = env or {}
        self.clock, self.seed, self.clock_start = clock, seed, clock_start
        self.process = self.bus = None
        http_text = "false" if http_port is None else f"true; port = {http_port}"
        self.conf = self.dir / "kejue.conf"
        self.conf.write_text(
            f'host_name = "{host}";\nlog_level = "info";\nhttp = {{ enabled = {http_text}; }};\n'
            f'scripts_dir = "{scripts}";\nplugin_dir = "{BUILD}/plugins";\n'
            f"simulation = {{ allow_money = true; }};\n{more}\nplugins = ({plugins});\n",
            encoding="utf-8")

    def command(self):
        command = [BUILD / "kejued", "--dir", self.dir, "--seed", str(self.seed)]
        if self.clock:
            command += ["--clock", str(self.clock), "--start", self.clock_start]
        return command

    def spawn(self):
        """Begins to start."""
        self.log = open(self.dir / "kejued.log", "ab")
        # A build with ASan takes the libraries that tests put before it.
        env = {"ASAN_OPTIONS": "verify_asan_link_order=0", **os.environ, "KEJUE_CHECK": "1", **self.env}
        self.process = subprocess.Popen(self.command(), stdout=subprocess.PIPE, stderr=self.log,
                                        text=True, env=env)

    def start(self):
        self.spawn()
        ready = self.process.stdout.readline()
        if "ready" not in ready:
            self.process.wait(20)
            raise AssertionError("kejued did not start:\n" + self.log_text()[-3000:])
        self.port = int(ready.rsplit("http=", 1)[1])
        return self

    def ask(self, command, /, _key=None, _timeout=120, **args):
        if self.bus is None:
            self.bus = Bus(self.dir / "bus.ipc", _timeout)
        message = {"id": "1", "cmd": command, "args": args}
        if _key:
            message["idempotency_key"] = _key
        answer = self.bus.ask(message)
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

    def other_bus(self, timeout=60):
        """A further client, for what waits."""
        return Bus(self.dir / "bus.ipc", timeout)

    def http(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def rows(self, command, /, **args):
        """All pages of a list command."""
        noun, rows, after = command.split(".")[0] + "s", [], 0
        while True:
            page = self.ask(command, after=after, limit=1000, **args)
            rows += page[noun]
            after = page.get("next")
            if not after:
                return rows

    def run_until(self, instant):
        return self.ask("clock.run", until=instant)["now"]

    def run_days(self, days):
        return self.ask("clock.run", days=days)["now"]

    def wait(self, ready, seconds=20, what="it"):
        """For the real clock: until ready() tells something true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = ready()
            if found:
                return found
            time.sleep(0.02)
        raise AssertionError(f"{what} did not come:\n" + self.log_text()[-2000:])

    def close_bus(self):
        if self.bus:
            self.bus.close()
            self.bus = None

    def kill(self):
        self.close_bus()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)
        # libmongoc's counters, which only a clean end removes: the next process of this number would
        # complain.
        pathlib.Path(f"/dev/shm/mongoc-{self.process.pid}").unlink(missing_ok=True)
        self.process.stdout.close()
        self.log.close()

    def stop(self):
        """The exit code."""
        self.close_bus()
        if self.process is None:
            return None
        code = stop_process(self.process)
        self.process.stdout.close()
        self.log.close()
        return code

    def log_text(self):
        path = self.dir / "kejued.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def rings(self):
        return lines_of(self.dir / "rings.jsonl")

    def faults(self):
        """Log lines that no flow may produce, a sanitizer's with the frames after it."""
        found = []
        lines = self.log_text().splitlines()
        for at, line in enumerate(lines):
            if "runtime error" in line or "ERROR: " in line and "Sanitizer" in line:
                found.append("\n".join(lines[at:at + 40]))
            elif '"room":"check"' in line or "does not match its schema" in line:
                found.append(line)
        return found


def stored(folder):
    """A sum of each table of the store, but for the hosts', who renew their leases."""
    base = sqlite3.connect(f"file:{folder / 'kejue.db'}?mode=ro", uri=True)
    tables = [name for (name,) in base.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table'") if name != "hosts"]
    sums = {table: hashlib.sha256(repr(base.execute(
        f'SELECT * FROM "{table}" ORDER BY 1, 2').fetchall()).encode()).hexdigest()
        for table in tables}
    base.close()
    return sums


class Flow(unittest.TestCase):
    """A suite on one engine; at the end its log must be clean."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="kejue-flow-")
        self.addCleanup(self.folder.cleanup)
        self.dir = pathlib.Path(self.folder.name)

    def engine(self, **options):
        engine = Engine(self.dir, **options)
        self.addCleanup(self.check_log, engine)
        self.addCleanup(engine.stop)
        return engine.start()

    def stand_in(self, *options):
        peer = StandIn(self.dir, *options)
        self.addCleanup(peer.stop)
        return peer

    def check_log(self, engine):
        self.assertEqual(engine.faults(), [])


def stop_process(process):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait(20)


def lines_of(path):
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def new_seed():
    """For tests that throw dice; told, so that they can be repeated."""
    seed = int(os.environ.get("KEJUE_TEST_SEED", random.SystemRandom().randrange(1, 1 << 31)))
    print(f"\nseed {seed} (KEJUE_TEST_SEED={seed} throws the same dice again)", flush=True)
    return seed


def outbound(engine, numbers, name="Spring", key="sales", **campaign):
    """A group, an assistant, leads and a started campaign; the campaign's id."""
    if not any(group["key"] == key for group in engine.ask("group.list")["groups"]):
        engine.ask("group.create", key=key, pack="lead-qualification", whatsapp_enabled=True)
        engine.ask("assistant.create", group=key, name="Anna", language="en", company="Sunrise",
                   first_message="Hello, this is Anna, an AI assistant.",
                   from_number="+4930901820")
    rows = [{"phone_number": number, "first_name": "Ada", "last_name": "L", "company": "Acme",
             "language": "en"} if isinstance(number, str) else number for number in numbers]
    taken = engine.ask("lead.import", rows=rows, list=name)
    assert taken["accepted"] == len(numbers), taken
    settings = {"schedule": {"windows": [{"days": [0, 1, 2, 3, 4, 5, 6], "from": "00:00",
                                          "to": "24:00"}]},
                "retry": {"gaps_minutes": [240], "max_attempts": 2},
                "limits": {"per_day": 5, "per_30_days": 20}}
    made = engine.ask("campaign.create", name=name, group=key, list=name, **{**settings, **campaign})
    engine.ask("campaign.start", id=made["id"])
    return made["id"]
