"""SIGTERM under load, at random moments: nothing rings any more, kejued ends by itself with 0 within its
limit (kejued(8): 20 s for what is under way, 3 for the lease, 2 for the last answers), and the next
start goes on where it was, with nothing lost or rung twice.

10 times by default and 50 with KEJUE_TEST_LONG=1, on a clock that runs 60 times as fast; with
KEJUE_TEST_LONG=1 also on the wall clock with calls that outlast the limit, and always once on a disk that is
full."""
import collections
import contextlib
import os
import random
import signal
import threading
import time
import unittest

import flow_load as load
from flow_engine import BUILD, LONG, Flow, Refused, new_seed

TIMES, SPEED = (50 if LONG else 10), 60
DRAIN_S, LAST_ANSWERS_S = 23, 2
SLACK_S = 3  # what a busy machine needs to take a process down
TRUNK = "trunk = { max_calls = 60; dials_per_second = 5; };"


class Stop(Flow):
    def begin(self, clock, **options):
        self.seed = new_seed()
        self.dice = random.Random(self.seed)
        engine = self.engine(plugins=load.carrier("faults = { lost_reply = 0.05; };"), clock=clock,
                             more=TRUNK, seed=self.seed, **options)
        load.prepare(engine)
        return engine, load.Feeder()

    def terminate(self, engine, feeder, after, limit):
        """Load, SIGTERM into it, load until the door closes; how long it took to end."""
        told = []

        def tell():
            told.append(time.monotonic())
            engine.process.send_signal(signal.SIGTERM)

        timer = threading.Timer(after, tell)
        timer.start()
        with contextlib.suppress(OSError):
            while True:
                with contextlib.suppress(Refused):  # it is ending, or its disk is full
                    feeder.feed(engine)
                time.sleep(0.01)
                if told and time.monotonic() - told[0] > 0.2:
                    break
        timer.join()
        rings = len(engine.rings())
        code = engine.process.wait(limit + 10)
        took = time.monotonic() - told[0]
        engine.stop()
        self.assertEqual(code, 0)
        self.assertLess(took, limit)
        self.assertEqual(len(engine.rings()), rings, "rang while it was ending")
        return took

    def test_sigterm(self):
        engine, feeder = self.begin(SPEED)
        limit, took = DRAIN_S / SPEED + LAST_ANSWERS_S + SLACK_S, []
        for turn in range(TIMES):
            if turn:
                engine.start()
            took.append(self.terminate(engine, feeder, self.dice.uniform(0.05, 0.5), limit))
        load.settle(engine)
        self.assertEqual(engine.stop(), 0)
        print(f"SIGTERM: {dict(load.check(self, engine, feeder))}; ended after {max(took):.2f} s at most, "
              f"at {SPEED} times the speed", flush=True)

    @unittest.skipUnless(LONG, "takes half a minute")
    def test_wall_clock(self):
        engine, feeder = self.begin(None)
        took = self.terminate(engine, feeder, 4, DRAIN_S + LAST_ANSWERS_S + SLACK_S)
        self.assertGreater(took, 20)  # calls were under way
        load.settle(engine)
        self.assertEqual(engine.stop(), 0)
        load.check(self, engine, feeder)
        print(f"SIGTERM on the wall clock: ended after {took:.1f} s", flush=True)

    def test_full_disk(self):
        disk = os.open(self.dir / "disk", os.O_RDWR | os.O_CREAT)
        self.addCleanup(os.close, disk)
        os.pwrite(disk, b"-", 0)
        engine, feeder = self.begin(SPEED, env={"LD_PRELOAD": str(BUILD / "bad-disk.so"),
                                                "KEJUE_BAD_DISK": str(self.dir / "disk")})
        full = threading.Timer(0.7, os.pwrite, (disk, b"f", 0))
        full.start()
        self.terminate(engine, feeder, 1, DRAIN_S / SPEED + LAST_ANSWERS_S + SLACK_S)
        full.join()
        os.pwrite(disk, b"-", 0)
        load.settle(engine)
        self.assertEqual(engine.stop(), 0)
        load.check(self, engine, feeder)


if __name__ == "__main__":
    unittest.main()
