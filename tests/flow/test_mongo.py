"""kejued on MongoDB: the same campaign comes out as on the embedded store, a kill rings nobody twice,
an outage is told and passes, the configuration is told what is wrong without a password, and
--copy-store carries everything over and back."""
import contextlib
import hashlib
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import time
import unittest

from flow_engine import BUILD, Engine, Flow, Refused, outbound

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "peers"))
import mongo_peer  # noqa: E402

NUMBERS = [f"+4930{9000 + i}01" for i in range(30)]
SERVER = None


def setUpModule():
    global SERVER
    try:
        SERVER = mongo_peer.start()
    except (mongo_peer.Unavailable, OSError) as why:
        raise unittest.SkipTest(f"MongoDB: {why}") from why


def tearDownModule():
    if SERVER:
        SERVER.stop()


def section(database, uri=None, kind="mongodb"):
    unsafe = "" if SERVER.safe else " allow_unsafe_store = true;"
    return f'store = {{ type = "{kind}"; uri = "{uri or SERVER.uri}"; database = "{database}";{unsafe} }};'


def database_name(test):
    return "flow_" + hashlib.sha256(f"{os.getpid()} {test.id()}".encode()).hexdigest()[:16]


def kejued(folder, *options):
    return subprocess.run([BUILD / "kejued", "--dir", folder, *options], capture_output=True, text=True,
                          timeout=120, check=False)


def documents(path):
    """All of an embedded store: table, id, version, workspace, bytes."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        tables = [row[0] for row in db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('sequences', 'meta')")]
        return {table: db.execute(f'SELECT id, version, workspace, doc FROM "{table}" ORDER BY id').fetchall()
                for table in tables}


class Campaign(Flow):
    def finish(self, engine):
        engine.run_until("2026-03-02T12:00:00Z")
        stats = engine.ask("campaign.stats", id=1)
        events = engine.ask("event.since", cursor=0, limit=1000)["events"]
        self.assertEqual([event["number"] for event in events], list(range(1, len(events) + 1)))
        self.assertEqual(stats["status"], "completed")
        del stats["ended_at"]  # hosts that share a store look at it a beat later
        return stats

    def rung(self, engine):
        return sorted(ring["attempt_id"] for ring in engine.rings())

    def test_same_as_embedded(self):
        stats = []
        for store in ("", section(database_name(self))):
            folder = self.dir / f"store{len(stats)}"
            folder.mkdir()
            engine = Engine(folder, more=store).start()
            self.addCleanup(engine.stop)
            outbound(engine, NUMBERS)
            stats.append((self.finish(engine), len(engine.rings())))
            self.check_log(engine)
            engine.stop()
        self.assertEqual(stats[0], stats[1])

    def test_kill_rings_nobody_twice(self):
        engine = self.engine(more=section(database_name(self)))
        outbound(engine, NUMBERS)
        for minute in range(1, 6):
            engine.run_until(f"2026-03-02T05:0{minute}:30Z")
            engine.kill()
            engine.start()
        self.finish(engine)
        rings = self.rung(engine)
        self.assertGreater(len(rings), len(NUMBERS))
        self.assertEqual(len(rings), len(set(rings)))

    def test_outage_passes(self):
        proxy = mongo_peer.Proxy(SERVER, 1)
        self.addCleanup(proxy.stop)
        engine = self.engine(more=section(database_name(self), proxy.uri), clock=None)
        made = engine.ask("group.create", key="before", pack="lead-qualification")
        for fault in ("down", "hang"):
            proxy.tell(fault)
            with self.assertRaises(Refused) as refused:
                engine.ask("group.create", key="during", pack="lead-qualification")
            self.assertEqual(refused.exception.code, "unavailable")
            start = time.monotonic()
            with self.assertRaises(Refused):  # the breaker is open: at once
                engine.ask("group.list")
            self.assertLess(time.monotonic() - start, 1)
            proxy.tell("up")
            groups = engine.wait(lambda: self.groups(engine), 5, "the database")
            self.assertIn(made["id"], [group["id"] for group in groups])

    def groups(self, engine):
        try:
            return engine.ask("group.list")["groups"]
        except Refused:
            return None


class Configuration(Flow):
    def check(self, store, status, *texts):
        Engine(self.dir, more=store)
        result = kejued(self.dir, "--check")
        self.assertEqual(result.returncode, status, result.stderr)
        for text in texts:
            self.assertIn(text, result.stdout + result.stderr)
        self.assertNotIn("geheim", result.stdout + result.stderr)

    def test_check(self):
        secret = self.dir / "mongodb.uri"
        self.check('store = { type = "mongodb"; };', 2, "kejue.conf:7", "store.uri", "@mongodb.uri")
        self.check(section("x", "mongodb://u:geheim@127.0.0.1/"), 2, "kejue.conf:7", "into a file")
        self.check(section("x", "@mongodb.uri"), 2, "kejue.conf:7", "cannot be read")
        secret.write_text("mongodb:/u:geheim@127.0.0.1/\n", encoding="utf-8")
        self.check(section("x", "@mongodb.uri"), 2, "is not one")
        secret.write_text("mongodb://u:geheim@127.0.0.1:1/?serverSelectionTimeoutMS=300\n", encoding="utf-8")
        self.check(section("x", "@mongodb.uri"), 1, "x at 127.0.0.1:1", "does not answer")
        self.check(section("x", "@mongodb.uri").replace("uri =", "url ="), 2, "url")
        secret.write_text(SERVER.uri + "\n", encoding="utf-8")
        self.check(section(database_name(self), "@mongodb.uri"), 0, "the configuration is good")

    def test_standalone_is_refused(self):
        if SERVER.safe:
            self.skipTest("this server is a replica set")
        self.check(section("x").replace("true", "false"), 1, "replica set", "allow_unsafe_store")


class Copy(Flow):
    def fill(self, folder, store=""):
        engine = Engine(folder, more=store).start()
        self.addCleanup(engine.stop)
        outbound(engine, NUMBERS)
        engine.run_until("2026-03-02T05:02:00Z")
        engine.stop()

    def steps(self, name):
        """What the command store.copy tells an operator to run."""
        engine = Engine(self.dir).start()
        self.addCleanup(engine.stop)
        with self.assertRaises(Refused) as refused:
            engine.ask("store.copy", to="mongodb")
        self.assertIn("store.uri", str(refused.exception))
        engine.stop()
        engine = Engine(self.dir, more=section(name, kind="sqlite")).start()
        self.addCleanup(engine.stop)
        told = engine.ask("store.copy", to="mongodb")
        self.assertEqual((told["from"], told["to"]), ("sqlite", "mongodb"))
        self.assertEqual(told["steps"][0], f"kill {engine.process.pid}")
        with self.assertRaises(Refused):
            engine.ask("store.copy", to="sqlite")
        engine.stop()
        return told["steps"]

    def test_there_and_back(self):
        name = database_name(self)
        self.fill(self.dir)
        steps = self.steps(name)
        before = documents(self.dir / "kejue.db")
        count = sum(map(len, before.values()))
        self.assertGreater(count, 200)
        conf = Engine(self.dir, more=section(name)).conf
        there = subprocess.run(["sh", "-c", steps[1]], capture_output=True, text=True, check=False, timeout=120,
                               env={**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}"})
        self.assertEqual(there.returncode, 0, there.stderr)
        self.assertIn(f"verified: {count} documents", there.stdout)
        self.assertIn(f"leads: {len(NUMBERS)} documents, {len(NUMBERS)} copied", there.stdout)

        again = kejued(self.dir, "--copy-store", "mongodb")  # the target is a store of its own now
        self.assertEqual(again.returncode, 1)
        self.assertIn("not empty", again.stderr)

        (self.dir / "kejue.db").unlink()
        back = kejued(self.dir, "--copy-store", "sqlite")
        self.assertEqual(back.returncode, 0, back.stderr)
        self.assertEqual(documents(self.dir / "kejue.db"), before)
        # And the campaign goes on where it was, on either.
        self.assertTrue(conf.exists())
        engine = self.engine(more=section(name))
        engine.run_until("2026-03-02T12:00:00Z")
        self.assertEqual(engine.ask("campaign.stats", id=1)["status"], "completed")
        self.assertEqual(engine.ask("lead.import", list="more", rows=[{"phone_number": "+493055999001"}])
                         ["accepted"], 1)

    def test_interrupted(self):
        name = database_name(self)
        self.fill(self.dir)
        before = documents(self.dir / "kejue.db")
        proxy = mongo_peer.Proxy(SERVER, 3)
        self.addCleanup(proxy.stop)
        proxy.tell("chance 0 0 0.5")  # slow, so that the kill comes in the middle
        Engine(self.dir, more=section(name, proxy.uri))
        copying = subprocess.Popen([BUILD / "kejued", "--dir", self.dir, "--copy-store", "mongodb"],
                                   stdout=subprocess.PIPE, text=True)
        self.assertIn("documents", copying.stdout.readline())
        copying.send_signal(signal.SIGKILL)
        copying.wait(20)
        copying.stdout.close()
        proxy.tell("chance 0 0 0")

        refused = kejued(self.dir)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("unfinished copy", refused.stderr)
        Engine(self.dir, more=section(name))
        resumed = kejued(self.dir, "--copy-store", "mongodb")
        self.assertEqual(resumed.returncode, 0, resumed.stderr)
        self.assertIn(f"jobs: {len(before['jobs'])} documents, 0 copied", resumed.stdout)
        self.assertIn(f"verified: {sum(map(len, before.values()))} documents", resumed.stdout)


if __name__ == "__main__":
    unittest.main()
