"""Hooks through the daemon's doors: a lead that arrives starts one; its steps go out over HTTP, once each,
wherever the host is killed between or in the middle of them; schedules and recurring jobs take their turns."""
import http.server
import json
import shutil
import threading
import unittest

from flow_engine import ROOT, TELEPHONY, Flow

WELCOME = """return kejue.hook { on = "lead.arrived", uses = {}, run = function(ev)
  local function post(name)
    local answer, err = kejue.http({ url = "http://127.0.0.1:%d/" .. name,
                                     body = { lead = ev.lead.id, step = name } }, { key = name })
    return answer and answer.json.number, err
  end
  local one, err = post("one")
  if not one then return kejue.retry("1m", err) end
  kejue.store.put("welcome/" .. ev.lead.id, { one = one })
  local both = kejue.store.get("welcome/" .. ev.lead.id)
  local two = post("two")
  kejue.job.submit({ kind = "kind.count", key = "count:" .. ev.lead.id, payload = { of = ev.lead.id } })
  local three = post("three")
  return { both.one, two, three }
end }
"""
COUNT = """return { kejue.kind { name = "count", uses = {}, run = function(ev)
    local seen, revision = kejue.store.get("seen")
    local n = (seen and seen.n or 0) + 1
    kejue.store.put("seen", { n = n }, { revision = revision })
    return n
  end },
  kejue.hook { on = "schedule", every = "1h", run = function(ev)
    local n = (kejue.store.get("hours") or { n = 0 }).n + 1
    kejue.store.put("hours", { n = n })
    if n == 1 then kejue.job.every("6h", { kind = "kind.count", key = "sixth" }) end
    return n
  end } }
"""


class Team:
    """A service of the customer's own: counts what arrives; `at(number, moment)` may end the daemon."""

    def __init__(self):
        self.got, self.at, lock = [], lambda number, moment: None, threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(handler):
                body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
                with lock:
                    self.got.append((body["step"], body["lead"], handler.headers["Idempotency-Key"]))
                    number = len(self.got)
                self.at(number, "before")
                text = json.dumps({"number": number}).encode()
                try:
                    handler.send_response(200)
                    handler.send_header("Content-Type", "application/json")
                    handler.send_header("Content-Length", str(len(text)))
                    handler.end_headers()
                    handler.wfile.write(text)
                except OSError:
                    pass  # nobody there any more
                self.at(number, "after")

            def log_message(handler, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Hooks(Flow):
    def setUp(self):
        super().setUp()
        self.team = Team()
        self.addCleanup(self.team.stop)
        self.scripts = self.dir / "scripts"
        shutil.copytree(ROOT / "scripts", self.scripts)
        (self.scripts / "hooks" / "welcome.lua").write_text(WELCOME % self.team.port)
        (self.scripts / "hooks" / "count.lua").write_text(COUNT)

    def begin(self, **options):
        way_out = ('{ instance = "http"; plugin = "http"; config = { addresses = '
                   f'["http://127.0.0.1:{self.team.port}"]; }}; }}')
        return self.engine(plugins=TELEPHONY % "" + ", " + way_out, scripts=self.scripts, **options)

    def jobs(self, engine, kind, begin):
        """Whole, those whose key begins so."""
        return [engine.ask("job.get", id=job["id"]) for job in engine.rows("job.list", kind=kind)
                if job["key"].startswith(begin)]

    def welcome(self, engine):
        jobs = self.jobs(engine, "hook", "hook:welcome.lua:1:")
        self.assertEqual(len(jobs), 1)
        return jobs[0]

    def test_a_lead_arrives(self):
        engine = self.begin()
        rows = [{"phone_number": "+4930901820", "first_name": "Ada"}]
        engine.ask("lead.import", rows=rows, list="spring")
        engine.ask("lead.import", rows=rows, list="spring")  # it has arrived already
        engine.run_days(1)
        job = self.welcome(engine)
        self.assertEqual((job["state"], job["result"]["value"]), ("done", [1, 2, 3]))
        self.assertEqual([got[0] for got in self.team.got], ["one", "two", "three"])
        self.assertEqual(len({got[2] for got in self.team.got}), 3, "each step has its own key")
        counted = self.jobs(engine, "kind.count", "count:")
        self.assertEqual([job["state"] for job in counted], ["done"])

    def test_a_recorded_call_is_history(self):
        engine = self.begin()
        call = json.loads((ROOT / "tests/data/recorded-calls.jsonl").read_text().splitlines()[0])
        engine.ask("group.create", key="sales", pack="lead-qualification")
        engine.ask("assistant.create", group="sales", name="Anna", language="en", company="Sunrise")
        engine.ask("call.import", calls=[call], group="sales")
        engine.run_days(1)
        self.assertEqual(self.team.got, [])

    def test_no_way_out(self):
        engine = self.engine(scripts=self.scripts)
        engine.ask("lead.import", rows=[{"phone_number": "+4930901820"}], list="spring")
        engine.run_until("2026-03-02T05:00:30Z")
        self.assertIn('add plugin = "http"', self.welcome(engine)["reason"])

    def test_turns(self):
        engine = self.begin()
        engine.run_until("2026-03-03T05:30:00Z")
        hours = self.jobs(engine, "hook", "schedule:count.lua:2")
        self.assertEqual([(job["turns"], job["state"]) for job in hours], [(24, "waiting")])
        sixth = self.jobs(engine, "kind.count", "sixth")
        self.assertEqual([(job["turns"], job["result"]["value"]) for job in sixth], [(3, 3)])
        engine.ask("rules.reload")  # adds no second one
        (self.scripts / "hooks" / "count.lua").unlink()
        engine.ask("rules.reload")
        engine.run_until("2026-03-03T12:00:00Z")
        ended = engine.ask("job.get", id=hours[0]["id"])
        self.assertEqual((ended["state"], ended["turns"]), ("failed", 24))
        (self.scripts / "hooks" / "count.lua").write_text(COUNT.replace('"1h"', '"2h"'))
        engine.ask("rules.reload")
        engine.run_until("2026-03-03T16:30:00Z")
        again = engine.ask("job.get", id=hours[0]["id"])
        self.assertEqual((again["state"], again["turns"], again["every_ms"]),
                         ("waiting", 26, 7200000))

    def test_a_crm_tells(self):
        (self.scripts / "hooks" / "won.lua").write_text(
            'return kejue.hook { on = "crm.event", run = function(ev) return ev.data.body.deal end }')
        (self.dir / "crm.token").write_text("a word of our own")
        crm = ('{ instance = "crm"; plugin = "crm-connectors"; config = { url = "http://127.0.0.1:9";'
               ' event_token = "@crm.token"; event_key = "id"; }; }')
        engine = self.engine(plugins=TELEPHONY % "" + ", " + crm, scripts=self.scripts, http_port=0)

        def tell(body, token="a word of our own"):
            return engine.http("POST", "/hooks/crm/event", body, {"X-Webhook-Token": token})[0]

        self.assertEqual(tell('{"id": 7, "deal": "won"}', token="guessed"), 401)
        self.assertEqual(tell('{"id": 7'), 400)
        self.assertEqual(tell('{"id": 7, "deal": "won"}'), 202)
        self.assertEqual(tell('{"id": 7, "deal": "won", "sent": 2}'), 202)  # it repeats itself
        for end in "12":  # long names of their own are told apart to the end
            self.assertEqual(tell(json.dumps({"id": "x" * 300 + end, "deal": end})), 202)
        engine.run_days(1)
        jobs = self.jobs(engine, "hook", "hook:won.lua:1:")
        self.assertEqual([(job["state"], job["result"]["value"]) for job in jobs],
                         [("done", "won"), ("done", "1"), ("done", "2")])

    def kill_at(self, number, moment):
        """One life ends at that moment; what the next makes of it."""
        self.dir = self.scripts.parent / f"{number}-{moment}"
        self.dir.mkdir()
        engine = self.begin(clock=None)
        died = threading.Event()

        def at(now, when):
            if (now, when) == (number, moment) and not died.is_set():
                died.set()
                engine.process.kill()

        self.team.got.clear()
        self.team.at = at
        engine.ask("lead.import", rows=[{"phone_number": "+4930901820"}], list="spring")
        self.assertTrue(died.wait(20))
        engine.kill()
        engine.start()
        job = engine.wait(lambda: self.over(engine), what="the end of the hook")
        engine.stop()
        return job

    def over(self, engine):
        job = self.welcome(engine)
        return job if job["state"] in ("done", "parked", "failed", "dead") else None

    def test_killed_between_any_two_steps(self):
        for number in (1, 2, 3):
            for moment in ("before", "after"):
                with self.subTest(step=number, moment=moment):
                    job = self.kill_at(number, moment)
                    steps = [got[0] for got in self.team.got]
                    self.assertEqual(sorted(steps), sorted(set(steps)), "a step went out twice")
                    # Cut off while the other side had it: nobody can know, so a person looks.
                    if job["state"] == "parked":
                        self.assertIn("was under way when the host ended", job["reason"])
                    else:
                        self.assertEqual((job["state"], steps), ("done", ["one", "two", "three"]))
                    if moment == "before":
                        self.assertEqual(job["state"], "parked")


if __name__ == "__main__":
    unittest.main()
