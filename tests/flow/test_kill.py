"""kill -9 at random moments, under load and with a carrier that loses 5 % of its replies: no attempt
rings twice, no acknowledged job is lost, and what is parked (less than 1 %) says why.

30 kills by default, 1,000 with KEJUE_TEST_LONG=1, in rounds of 100 on a store of their own. Repeated with
KEJUE_TEST_SEED the dice fall the same; the machine's own timing does not."""
import collections
import contextlib
import random
import threading
import time
import unittest

import flow_load as load
from flow_engine import LONG, Engine, Flow, new_seed

KILLS, ROUND = (1000, 100) if LONG else (30, 30)
SPEED = 300  # an hour in 12 s
TRUNK = "trunk = { max_calls = 60; dials_per_second = 5; };"


class KillNine(Flow):
    def test_kill_nine(self):
        seed, total = new_seed(), collections.Counter()
        for first in range(0, KILLS, ROUND):
            folder = self.dir / str(first)
            folder.mkdir()
            engine = Engine(folder, plugins=load.carrier("faults = { lost_reply = 0.05; };"),
                            clock=SPEED, more=TRUNK, seed=seed + first)
            self.addCleanup(engine.stop)
            total += self.round(engine, random.Random(seed + first))
            self.check_log(engine)
            print(f"kill -9: {dict(total)}", flush=True)
        self.assertLess(total["parked"], 0.01 * total["attempts"])
        self.assertGreater(total["rings"], 2 * KILLS)

    def round(self, engine, dice):
        feeder, early = load.Feeder(), 0
        engine.start()
        load.prepare(engine)
        self.feed_and_kill(engine, feeder, dice)
        for _ in range(ROUND - 1):
            if dice.random() < 0.15:  # while it starts and recovers
                engine.spawn()
                time.sleep(dice.uniform(0, 0.15))
                early += 1
                engine.kill()
            else:
                engine.start()
                self.feed_and_kill(engine, feeder, dice)
        load.settle(engine)
        self.assertEqual(engine.stop(), 0)
        return load.check(self, engine, feeder) + collections.Counter(kills=ROUND, early=early)

    def feed_and_kill(self, engine, feeder, dice):
        killer = threading.Timer(dice.uniform(0.02, 0.5), engine.process.kill)
        killer.start()
        with contextlib.suppress(OSError):
            while True:
                feeder.feed(engine)
                time.sleep(0.01)
        killer.join()
        engine.kill()


if __name__ == "__main__":
    unittest.main()
