"""Events: numbered without gaps, told to whoever waits, still there after a restart, and the same
over the bus and as server-sent events."""
import http.client
import json
import threading
import time
import unittest

from flow_engine import Flow, Refused, outbound

NUMBERS = [f"+49305550{i:02d}001" for i in range(10, 20)]


class Events(Flow):
    def all_events(self, engine, limit=1000):
        events, cursor = [], 0
        while True:
            page = engine.ask("event.since", cursor=cursor, limit=limit)
            if not page["events"]:
                self.assertEqual(page["cursor"], cursor)
                return events
            self.assertLessEqual(len(page["events"]), limit)
            self.assertEqual(page["cursor"], page["events"][-1]["number"])
            events += page["events"]
            cursor = page["cursor"]

    def test_numbered_without_gaps(self):
        engine = self.engine()
        campaign = outbound(engine, NUMBERS)
        engine.run_days(1)
        events = self.all_events(engine)
        self.assertEqual([event["number"] for event in events], list(range(1, len(events) + 1)))
        self.assertEqual(self.all_events(engine, limit=7), events)
        names = [event["name"] for event in events]
        for name, count in (("lead.imported", 1), ("campaign.created", 1), ("campaign.started", 1),
                            ("call.ended", len(NUMBERS)), ("call.analyzed", len(NUMBERS)),
                            ("campaign.ended", 1)):
            self.assertEqual(names.count(name), count, name)
        for event in events:
            if event["name"].startswith("campaign.") and event["name"] != "campaign.created":
                self.assertEqual(event["data"]["campaign_id"], campaign)
        ended = {event["data"]["call_id"]: event["number"] for event in events
                 if event["name"] == "call.ended"}
        analyzed = {event["data"]["call_id"]: event["number"] for event in events
                    if event["name"] == "call.analyzed"}
        self.assertEqual(set(ended), set(analyzed))
        self.assertTrue(all(ended[call] < analyzed[call] for call in ended))
        self.assertTrue(all(a["at"] <= b["at"] for a, b in zip(events, events[1:])))

    def test_the_cursor_outlives_the_daemon(self):
        engine = self.engine()
        outbound(engine, NUMBERS[:5])
        engine.run_days(1)
        before = self.all_events(engine)
        self.assertEqual(engine.stop(), 0)
        engine.start()
        after = self.all_events(engine)
        self.assertEqual(after[:len(before)], before)
        engine.ask("lead.import", rows=[{"phone_number": NUMBERS[9]}], list="more")
        engine.kill()
        engine.start()
        page = engine.ask("event.since", cursor=len(after))
        self.assertEqual([(e["number"], e["name"]) for e in page["events"]],
                         [(len(after) + 1, "lead.imported")])

    def test_waiting(self):
        engine = self.engine(clock=None)
        waiters, answers = 20, []

        def wait():
            bus = engine.other_bus()
            answers.append((bus.ask({"cmd": "event.since", "args": {"wait_ms": 20000}}),
                            time.monotonic()))
            bus.close()

        threads = [threading.Thread(target=wait) for _ in range(waiters)]
        for thread in threads:
            thread.start()
        engine.wait(lambda: engine.ask("status")["requests_open"] > waiters, what="the waiters")
        begun = time.monotonic()
        engine.ask("group.create", key="sales", pack="lead-qualification")
        for thread in threads:
            thread.join(30)
        self.assertEqual(len(answers), waiters)
        for answer, at in answers:
            self.assertEqual([e["name"] for e in answer["result"]["events"]], ["group.created"])
            self.assertLess(at - begun, 5)

        begun = time.monotonic()
        page = engine.ask("event.since", cursor=1, wait_ms=300)
        self.assertEqual(page, {"events": [], "cursor": 1})
        self.assertTrue(0.25 < time.monotonic() - begun < 5)
        for wrong in ({"wait_ms": -1}, {"wait_ms": 10**7}, {"cursor": -1}, {"limit": 0}):
            with self.assertRaises(Refused):
                engine.ask("event.since", **wrong)

    def test_no_waiter_is_passed_over(self):
        """They begin to wait while the event is being written, and are told of it all the same."""
        engine = self.engine(clock=None)
        waiters, writer = [engine.other_bus() for _ in range(64)], engine.other_bus()
        for number in range(30):
            wait = {"cmd": "event.since", "args": {"cursor": number, "wait_ms": 10000}}
            make = {"cmd": "group.create", "args": {"key": f"g{number}", "name": "G"}}
            begun = time.monotonic()
            for bus in waiters[:40]:
                bus.send(wait)
            writer.send(make)
            for bus in waiters[40:]:
                bus.send(wait)
            self.assertTrue(writer.receive()["ok"])
            for bus in waiters:
                page = bus.receive()["result"]
                self.assertEqual([event["number"] for event in page["events"]], [number + 1])
            self.assertLess(time.monotonic() - begun, 5)
        for bus in (*waiters, writer):
            bus.close()

    def test_a_stop_does_not_wait_for_waiters(self):
        engine = self.engine(clock=None)
        bus = engine.other_bus()
        thread = threading.Thread(target=lambda: self.swallow(bus), daemon=True)
        thread.start()
        engine.wait(lambda: engine.ask("status")["requests_open"] > 1, what="the waiter")
        begun = time.monotonic()
        self.assertEqual(engine.stop(), 0)
        self.assertLess(time.monotonic() - begun, 10)
        thread.join(10)
        bus.close()

    @staticmethod
    def swallow(bus):
        try:
            bus.ask({"cmd": "event.since", "args": {"wait_ms": 60000}})
        except (OSError, ConnectionError):
            pass


class Streams(Flow):
    def setUp(self):
        super().setUp()
        self.flow = self.engine(clock=None, http_port=0)
        self.token = self.flow.ask("token.create", name="eye", scopes=["read"])["token"]

    def open(self, last=None, token=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.flow.port, timeout=20)
        headers = {"Authorization": f"Bearer {token or self.token}",
                   "Accept": "text/event-stream"}
        if last is not None:
            headers["Last-Event-ID"] = str(last)
        connection.request("GET", "/api/events", headers=headers)
        answer = connection.getresponse()
        self.addCleanup(connection.close)
        return answer

    def read(self, answer, count):
        events, event = [], {}
        while len(events) < count:
            line = answer.readline().decode().rstrip("\n")
            if line.startswith(":"):
                continue
            if not line and "data" not in event:
                event = {}  # how long to wait before coming back, and nothing else
            elif not line:
                data = json.loads(event["data"])
                self.assertEqual((data["number"], data["name"]),
                                 (int(event["id"]), event["event"]))
                events.append((data["number"], data["name"]))
                event = {}
            elif line:
                name, _, value = line.partition(": ")
                event[name] = value
        return events

    def make(self, *keys):
        for key in keys:
            self.flow.ask("group.create", key=key, pack="lead-qualification")

    def test_server_sent_events(self):
        self.make("one", "two")
        answer = self.open(last=0)
        self.assertEqual(answer.status, 200)
        self.assertTrue(answer.getheader("Content-Type").startswith("text/event-stream"))
        self.assertEqual(self.read(answer, 2), [(1, "group.created"), (2, "group.created")])
        self.make("three")
        self.assertEqual(self.read(answer, 1), [(3, "group.created")])
        again = self.open(last=1)  # a reader that comes back
        self.assertEqual([number for number, _ in self.read(again, 2)], [2, 3])

    def test_after_a_restart(self):
        self.make("one", "two")
        self.read(self.open(last=0), 2)
        self.assertEqual(self.flow.stop(), 0)
        self.flow.start()
        self.make("three")
        self.assertEqual(self.read(self.open(last=2), 1), [(3, "group.created")])

    def test_without_a_token(self):
        self.assertEqual(self.open(last=0, token="kejue_guess").status, 401)
        self.assertEqual(self.flow.http("GET", "/api/events")[0], 401)


if __name__ == "__main__":
    unittest.main()
