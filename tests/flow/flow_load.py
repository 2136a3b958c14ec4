"""Load for the suites that disturb the daemon: calls keep coming, each under a key of its own, and at the
end nothing that was acknowledged may be missing, and nothing may have rung that should not have."""
import collections
import contextlib
import datetime
import itertools
import sqlite3
import time

from flow_engine import TELEPHONY, Refused, lines_of
from test_demo import decode

GAP_MINUTES = 5
ANY_TIME = {"windows": [{"from": "00:00", "to": "24:00"}]}
FINAL = {"done", "failed", "parked", "dead"}


def carrier(settings):
    """The simulated carrier by chance, with its truth kept apart."""
    plain = TELEPHONY.replace("force_by_suffix = true; ", "")
    return plain % f'truth_file = "truth.jsonl"; {settings}'


def prepare(engine):
    engine.ask("group.create", key="sales", pack="lead-qualification")
    engine.ask("assistant.create", group="sales", name="Anna", language="en", company="Sunrise",
               from_number="+4930901820")


class Feeder:
    """Asks for one call after the other. What was on its way when the daemon was disturbed is asked
    again, by its key."""

    def __init__(self, digits=""):
        self.numbers, self.digits = itertools.count(1), digits
        self.open, self.jobs = None, {}  # number -> id of the acknowledged job

    def feed(self, engine):
        if self.open is None:
            first = 90000 if self.digits else 9000000
            self.open = f"+4930{first + next(self.numbers)}{self.digits}"
        made = engine.ask("call.create", _key=self.open, lead={"phone_number": self.open, "language": "en"},
                          call={"assistant_group_id": "sales", "context": "load", "schedule": ANY_TIME,
                                "retry": {"gaps_minutes": [GAP_MINUTES], "max_attempts": 2},
                                "limits": {"per_day": 5, "per_30_days": 20}})
        self.jobs[self.open] = made["job_id"]
        self.open = None

    def feed_for(self, engine, seconds, pause):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(Refused):  # the store is away: the same again
                self.feed(engine)
            time.sleep(pause)


def settle(engine, hours=240):
    """Starts it once more, on a virtual clock, until the last callback and look-up is over."""
    if engine.clock is None:
        engine.clock_start = datetime.datetime.now(datetime.timezone.utc).isoformat()
    engine.clock = "virtual"
    engine.start()
    now = datetime.datetime.fromisoformat(engine.run_days(0))
    engine.run_until((now + datetime.timedelta(hours=hours)).isoformat())


def check(test, engine, feeder):
    """With the daemon stopped, in its file: nobody twice, nothing lost, nothing held; what it came to."""
    store = documents(engine.dir / "kejue.db")
    test.assertEqual({job["state"] for job in store["jobs"]} - FINAL, set())
    given_up = [job for job in store["jobs"] if job["state"] in ("parked", "dead")]
    test.assertEqual([job for job in given_up if not job.get("reason")], [])
    jobs = [job for job in store["jobs"] if job["kind"] == "call"]
    parked = check_jobs(test, feeder, jobs)
    rings = check_rings(test, engine, store["calls"], {job.get("attempt_id") for job in parked})
    test.assertEqual([row for row in store["limits"] if row.get("slots")], [], "lines that are held")
    test.assertEqual([row["key"] for row in store["numbers"] if row.get("open_attempt")], [])
    return collections.Counter(jobs=len(jobs), rings=rings, attempts=len(store["calls"]),
                               parked=len(parked))


def check_jobs(test, feeder, jobs):
    """What was acknowledged is there, once, and over; those that a person must look at."""
    found = {job.get("id", job.get("_id")): job for job in jobs}
    lost = [number for number, job in feeder.jobs.items() if found.get(job, {}).get("to") != number]
    test.assertEqual(lost, [], "acknowledged, and not there")
    test.assertEqual(len(jobs), len({job["to"] for job in jobs}), "two jobs for one request")
    test.assertEqual({job["state"] for job in jobs} - FINAL, set())
    return [job for job in jobs if job["state"] in ("parked", "dead")]


def check_rings(test, engine, calls, unsure=()):
    """No attempt rang twice; what rang is known as what it was, but for those nobody is sure of."""
    rings, calls = engine.rings(), {call["key"]: call for call in calls}
    truth = {line["attempt_id"]: line for line in lines_of(engine.dir / "truth.jsonl")}
    twice = [i for i, n in collections.Counter(ring["attempt_id"] for ring in rings).items() if n > 1]
    test.assertEqual(twice, [], "rang twice for one attempt")
    check_gaps(test, rings)
    for ring in rings:
        call = calls[ring["attempt_id"]]
        if call["key"] not in unsure:
            test.assertEqual((call["state"], call.get("disposition"), call.get("unsent")),
                             ("ended", truth[call["key"]]["disposition"], None), call["key"])
    return len(rings)


def check_gaps(test, rings):
    """Under a new attempt a number rings again only after its gap: else somebody believed that the
    first had not rung."""
    before = {}
    for ring in sorted(rings, key=lambda ring: ring["at_ms"]):
        if ring["to"] in before:
            gap = ring["at_ms"] - before[ring["to"]]["at_ms"]
            test.assertGreaterEqual(gap, (GAP_MINUTES - 1) * 60000, (before[ring["to"]], ring))
        before[ring["to"]] = ring


def documents(path):
    with contextlib.closing(sqlite3.connect(path)) as db:
        found = {}
        for table in ("jobs", "calls", "numbers", "limits"):
            found[table] = [{"_id": row[0], **decode(row[1])}
                            for row in db.execute(f"SELECT id, doc FROM {table}")]
        return found
