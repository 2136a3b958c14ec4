"""Two kejued on one MongoDB, a campaign between them: one is killed, one hangs past its lease, one is
drained, and the carrier's own log shows that nobody was rung twice; limits hold over both; the events
of both are told from either, also those of the one that died."""
import collections
import datetime
import http.client
import os
import pathlib
import signal
import subprocess
import time
import unittest

from flow_engine import BUILD, MONDAY, TELEPHONY, Engine, Flow, lines_of, outbound
from test_mongo import database_name, section, setUpModule, tearDownModule  # noqa: F401: the server

SPEED = 10  # a lease of 30 s takes three
TRUNK = "trunk = { max_calls = 12; dials_per_second = 1; };"
CONCURRENT = 8
ENDINGS = ("01", "13", "21", "22", "23")  # people who talk, and calls that are over soon


class Pair(Flow):
    def setUp(self):
        super().setUp()
        self.database, self.began = database_name(self), time.monotonic()
        self.hosts = {}

    def host(self, name, clock=SPEED, **options):
        """kejued `name`, its clock where the other's is; the carrier (its log) is the same for both."""
        passed = (time.monotonic() - self.began) * (clock or 1)
        start = datetime.datetime.fromisoformat(MONDAY.replace("Z", "+00:00")) + \
            datetime.timedelta(seconds=passed)
        folder = self.dir / name
        folder.mkdir(exist_ok=True)
        plugins = (TELEPHONY % "").replace('"rings.jsonl"', f'"{self.dir}/rings.jsonl"')
        engine = Engine(folder, plugins=plugins, clock=clock, host=name, seed=len(name),
                        clock_start=start.strftime("%Y-%m-%dT%H:%M:%SZ"),
                        more=TRUNK + section(self.database), **options)
        self.addCleanup(self.check_log, engine)
        self.addCleanup(engine.stop)
        self.hosts[name] = engine.start()
        return engine

    def state(self, engine, name):
        [host] = [host for host in engine.ask("host.list")["hosts"] if host["name"] == name]
        return host

    def calls_of(self, name):
        return self.state(self.hosts[name], name)["calls"]

    def wait_taken(self, engine, name):
        engine.wait(lambda: self.state(engine, name)["state"] == "ended", 30, f"the end of {name}")


class Campaign(Pair):
    def events(self, engine):
        cursor, events = {}, []
        while True:
            page = engine.ask("event.since", cursor=cursor, limit=200)
            if not page["events"]:
                return events, page["cursor"]
            events, cursor = events + page["events"], page["cursor"]

    def kill(self, a, b):
        """A host dies with calls in flight: the other takes them over."""
        a.wait(lambda: self.calls_of("bert") > 0, 20, "a call of bert")
        self.assertEqual(sorted(host["state"] for host in a.ask("host.list")["hosts"]), ["live", "live"])
        b.kill()
        self.wait_taken(a, "bert")
        self.assertEqual(self.state(a, "bert")["taken_by"], "anna")

    def hang(self, a):
        """It stands still past its lease: it is taken over, and ends when it finds out."""
        b = self.host("bert")
        self.assertEqual(self.state(b, "bert")["state"], "live")
        a.wait(lambda: self.calls_of("bert") > 0, 20, "a call of bert")
        b.close_bus()
        os.kill(b.process.pid, signal.SIGSTOP)
        self.wait_taken(a, "bert")
        os.kill(b.process.pid, signal.SIGCONT)
        b.process.wait(30)
        self.assertNotEqual(b.process.returncode, 0)  # its supervisor starts it again
        self.assertIn("was taken over", b.log_text())
        b.process.stdout.close()
        b.log.close()

    def drain(self, a):
        """It is asked to end: what it runs is the other's, without waiting for its lease."""
        b = self.host("bert")
        b.wait(lambda: self.calls_of("anna") > 0 and self.calls_of("bert") >= 0, 20, "a call of anna")
        self.assertEqual(a.stop(), 0)
        self.assertEqual(self.state(b, "anna")["state"], "ended")
        self.assertNotIn("taken_by", self.state(b, "anna"))
        return b

    def test_campaign(self):
        numbers = [f"+4930{9000 + i}0{ENDINGS[i % len(ENDINGS)]}" for i in range(36)]
        a, b = self.host("anna"), self.host("bert")
        outbound(a, numbers, retry={"gaps_minutes": [], "max_attempts": 1},
                 limits={"per_day": 5, "per_30_days": 20, "max_concurrent": CONCURRENT})
        self.kill(a, b)
        self.hang(a)
        b = self.drain(a)
        b.wait(lambda: b.ask("campaign.stats", id=1)["status"] == "completed", 90, "the campaign's end")
        self.check_rings(numbers)
        self.check_calls(b, numbers)
        self.check_events(b)

    def check_rings(self, numbers):
        rings = lines_of(self.dir / "rings.jsonl")
        attempts = collections.Counter(ring["attempt_id"] for ring in rings)
        self.assertEqual([attempt for attempt, count in attempts.items() if count > 1], [])
        rung = collections.Counter(ring["to"] for ring in rings)  # one attempt each
        self.assertEqual([number for number, count in rung.items() if count > 1], [])
        self.assertGreaterEqual(len(rung), len(numbers) - 4)  # who was not rung is parked: see below
        instants = sorted(ring["at_ms"] for ring in rings)
        for i, first in enumerate(instants):  # the pace is that of both together
            within = sum(first <= instant < first + 20000 for instant in instants[i:])
            self.assertLessEqual(within, 20 + 4)

    def check_calls(self, engine, numbers):
        jobs = engine.rows("job.list", kind="call")
        self.assertEqual(len(jobs), len(numbers))
        states = collections.Counter(job["state"] for job in jobs)
        self.assertEqual(set(states) - {"done", "failed", "parked"}, set())
        calls = {call["key"]: call for call in engine.rows("call.list")}
        rung = {ring["attempt_id"] for ring in lines_of(self.dir / "rings.jsonl")}
        for key, call in calls.items():  # one that came too late for its permit was given back
            self.assertIn(call["state"], ("ended",) if key in rung else ("canceled", "ended"))
            self.assertTrue(key in rung or not call.get("duration_ms"), call)
        self.assertLessEqual(rung, set(calls))
        spans = []
        for ring in lines_of(self.dir / "rings.jsonl"):
            ended = calls[ring["attempt_id"]].get("ended_at")
            if ended:
                end = datetime.datetime.fromisoformat(ended.replace("Z", "+00:00")).timestamp() * 1000
                spans.append((ring["at_ms"] + 2000, end - 2000))  # the clocks differ a little
        for start, _ in spans:
            self.assertLessEqual(sum(one <= start < two for one, two in spans), CONCURRENT)

    def check_events(self, engine):
        events, cursor = self.events(engine)
        self.assertEqual(set(cursor), {"anna", "bert"})
        for name, last in cursor.items():
            seen = [event["number"] for event in events if event["host"] == name]
            self.assertEqual(seen, list(range(last - len(seen) + 1, last + 1)))
        ended = collections.Counter(event["data"]["call_id"] for event in events
                                    if event["name"] == "call.ended")
        self.assertEqual(set(ended.values()), {1})
        # One that was closed before it left (a host was taken over in between) is no call to tell of.
        self.assertEqual(set(ended), {call["key"] for call in engine.rows("call.list")
                                      if call["state"] == "ended" and not call.get("unsent")})
        shown = subprocess.run([BUILD / "kejuectl", "hosts"], capture_output=True, text=True, check=True,
                               env={**os.environ, "KEJUE_BUS": f"ipc://{engine.dir}/bus.ipc"}).stdout
        self.assertIn("anna", shown)
        self.assertIn("bert", shown)


class Doors(Pair):
    """What is done at one host's door is known at the other's, within the time that is promised."""

    def test_tokens_and_events(self):
        a, b = self.host("anna", clock=None), self.host("bert", clock=None, http_port=0)
        now = b.ask("event.since", cursor="now")
        self.assertEqual(now["events"], [])
        bus = b.other_bus()
        self.addCleanup(bus.close)
        bus.send({"id": "1", "cmd": "event.since", "args": {"cursor": now["cursor"], "wait_ms": 20000}})
        made = a.ask("token.create", name="t", scopes=["read"])
        bearer = {"Authorization": f"Bearer {made['token']}", "Content-Type": "application/json"}

        def status():
            return b.http("POST", "/api/commands/status", "{}", bearer)[0]
        self.assertEqual(status(), 200)
        link = http.client.HTTPConnection("127.0.0.1", b.port, timeout=10)
        self.addCleanup(link.close)
        link.request("GET", "/api/events", headers=bearer)
        stream = link.getresponse()  # it is open: from now on
        a.ask("group.create", key="sales", pack="lead-qualification")
        start = time.monotonic()
        self.assertEqual(status(), 200)
        a.ask("token.revoke", id=made["id"])
        self.check_told(bus.receive()["result"], made=time.monotonic() - start)
        lines = iter(stream.readline, b"")
        self.assertIn(b"id: 1\n", lines)
        self.assertEqual(next(lines), b"event: group.created\n")
        while status() == 200:  # five seconds after the first look at it
            self.assertLess(time.monotonic() - start, 7)
            time.sleep(0.05)
        # An integer is a place in one host's events: of the host asked, if it is 0.
        self.assertEqual(b.ask("event.since", cursor=0)["events"], [])
        b.ask("group.create", key="support", pack="lead-qualification")
        [event] = b.ask("event.since", cursor=0)["events"]
        self.assertEqual((event["host"], event["number"]), ("bert", (1 << 40) + 1))
        self.assertEqual(b.ask("event.since", cursor=event["number"])["events"], [])
        both = a.ask("event.since", cursor={})
        self.assertEqual([event["host"] for event in both["events"]], ["anna", "bert"])
        self.assertEqual(a.ask("event.since", cursor=both["cursor"])["events"], [])

    def check_told(self, page, made):
        [event] = page["events"]
        self.assertEqual((event["name"], event["host"]), ("group.created", "anna"))
        self.assertEqual(page["cursor"], {"anna": event["number"]})
        self.assertLess(made, 5)  # it looks each second


if __name__ == "__main__":
    unittest.main()
