"""The store fails under load, in eight ways, and comes back: new dials stop at once (nothing rings later
than a permit may be old), within five seconds they leave again, and nothing acknowledged is lost.

The embedded store fails on a disk that is full, broken, read-only or hangs (tests/peers/bad_disk.c); MongoDB behind
tests/peers/fault_proxy.py, which refuses, hangs, takes the right to write away, or says that it is primary
no longer. By default each once, for a second or two; with KEJUE_TEST_LONG=1 50 outages, and one of ten
minutes on each store. What lasts ten minutes in a second is tests/unit/engine/outage_world_test.c."""
import collections
import os
import pathlib
import random
import sys
import threading
import time
import unittest

import flow_load as load
from flow_engine import BUILD, LONG, TELEPHONY, Flow, Refused, new_seed

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "peers"))
import mongo_peer  # noqa: E402

ROUNDS = (7, 6) if LONG else (1, 1)  # of four faults each: 28 and 24 with --long
PERMIT_MS, CARRIER_MS = 5000, 250  # so old may a permit be; so long takes a call to the carrier
BACK_S = 5
STOP_S = 25 + 3  # kejued(8), and what a busy machine needs
TRUNK = "trunk = { max_calls = 40; dials_per_second = 20; };"
SHORT_CALL = "025"  # no such number: over in a few seconds, and for good


class Source(threading.Thread):
    """Asks for calls all the time, and counts how often it was refused."""

    def __init__(self, engine):
        super().__init__(daemon=True)
        self.engine, self.feeder = engine, load.Feeder(SHORT_CALL)
        self.refusals, self.ending, self.failed = collections.Counter(), threading.Event(), None

    def run(self):
        try:
            while not self.ending.is_set():
                try:
                    self.feeder.feed(self.engine)
                except Refused as refused:
                    self.refusals[refused.code] += 1
                time.sleep(0.06)
        except Exception as failed:  # told by stop()
            self.failed = failed

    def stop(self):
        self.ending.set()
        self.join(60)
        if self.failed:
            raise self.failed


class Outages(Flow):
    def begin(self, **options):
        engine = self.engine(plugins=TELEPHONY % 'truth_file = "truth.jsonl";', clock=None, **options)
        load.prepare(engine)
        source = Source(engine)
        source.start()
        self.addCleanup(source.ending.set)
        engine.wait(lambda: len(engine.rings()) > 5, what="load")
        return engine, source

    def outage(self, engine, set_fault, seconds):
        """How long calls still left, and how long until they left again, in ms."""
        set_fault(True)
        went = time.time() * 1000
        time.sleep(seconds)
        back = time.time() * 1000
        set_fault(False)
        returned = engine.wait(lambda: [ring["at_ms"] for ring in engine.rings()[-3:]
                                        if ring["at_ms"] >= back], 30, "a call after the outage")
        late = [ring["at_ms"] - went for ring in engine.rings() if went < ring["at_ms"] < back]
        return max(late, default=0), min(returned) - back

    def several(self, name, engine, source, faults, rounds):
        dice, found = random.Random(new_seed()), []
        for kind in [kind for _ in range(rounds) for kind in faults]:
            stopped, back = self.outage(engine, faults[kind], dice.uniform(0.4, 3 if LONG else 1))
            found.append((stopped, back))
            self.assertLess(stopped, PERMIT_MS + CARRIER_MS, kind)
            self.assertLess(back, 1000 * BACK_S, kind)
            time.sleep(dice.uniform(0.1, 0.5))
        print(f"{name}: {len(found)} outages; the last call left {max(a for a, _ in found):.0f} ms "
              f"into one, the first {max(b for _, b in found):.0f} ms after one; "
              f"{sum(source.refusals.values())} requests were refused", flush=True)

    def ten_minutes(self, name, engine, set_fault):
        stopped, back = self.outage(engine, set_fault, 600)
        print(f"{name}: ten minutes; the last call left {stopped:.0f} ms into it, the first {back:.0f} ms "
              f"after it", flush=True)
        self.assertLess(stopped, PERMIT_MS + CARRIER_MS)
        self.assertLess(back, 1000 * BACK_S)

    def finish(self, engine, source, away):
        """Whatever was acknowledged comes to its end, and rang as often as it should. With --long it is
        told to end during one more outage."""
        source.stop()
        away(LONG)
        start = time.monotonic()
        self.assertEqual(engine.stop(), 0)
        self.assertLess(time.monotonic() - start, STOP_S)
        away(False)
        load.settle(engine, hours=1)
        jobs = engine.rows("job.list", kind="call")
        calls = engine.rows("call.list")
        self.assertEqual(engine.stop(), 0)
        load.check_rings(self, engine, calls)
        parked = load.check_jobs(self, source.feeder, jobs)
        self.assertEqual([(job["id"], job.get("reason")) for job in parked], [])
        print(f"{len(jobs)} jobs, {len(engine.rings())} rings", flush=True)


class Disk(Outages):
    def test_disk(self):
        control = os.open(self.dir / "disk", os.O_RDWR | os.O_CREAT)
        self.addCleanup(os.close, control)
        os.pwrite(control, b"-", 0)

        def fault(letter):
            return lambda on: os.pwrite(control, letter if on else b"-", 0)

        engine, source = self.begin(more=TRUNK, env={"LD_PRELOAD": str(BUILD / "bad-disk.so"),
                                                     "KEJUE_BAD_DISK": str(self.dir / "disk")})
        faults = {"full": fault(b"f"), "io": fault(b"i"), "read-only": fault(b"r"), "hang": fault(b"h")}
        self.several("disk", engine, source, faults, ROUNDS[0])
        if LONG:
            self.ten_minutes("full disk", engine, faults["full"])
        self.finish(engine, source, faults["full"])
        load.check(self, engine, source.feeder)


class Mongo(Outages):
    def test_mongo(self):
        try:
            server = mongo_peer.start()
        except (mongo_peer.Unavailable, OSError) as why:
            raise unittest.SkipTest(f"MongoDB: {why}") from why
        self.addCleanup(server.stop)
        proxy = mongo_peer.Proxy(server, 1)
        self.addCleanup(proxy.stop)

        def fault(mode):
            return lambda on: proxy.tell(mode if on else "up")

        store = (f'store = {{ type = "mongodb"; uri = "{proxy.uri}"; database = "flow_outage_{id(self)}";'
                 f'{"" if server.safe else " allow_unsafe_store = true;"} }};')
        engine, source = self.begin(more=TRUNK + store)
        faults = {mode: fault(mode) for mode in ("down", "hang", "readonly", "stepdown")}
        self.several("MongoDB", engine, source, faults, ROUNDS[1])
        if LONG:
            self.ten_minutes("MongoDB away", engine, faults["down"])
        self.finish(engine, source, faults["down"])


if __name__ == "__main__":
    unittest.main()
