"""WhatsApp from the end of a call to the vendor's word that it was read: the right template, moved
forward only by signed webhooks, and each failure of the vendor ends as it must."""
import hashlib
import hmac
import json
import socket
import unittest

from flow_engine import Flow, TELEPHONY, outbound

GOOD = "+4930555010001"  # interested, to the end: README of the telephony plugin
WHATSAPP = """%s,
  { instance = "whatsapp"; plugin = "whatsapp";
    config = { url = "http://127.0.0.1:%d"; numbers = ({ phone_number_id = "100200300"; });
               token = "@wa.token"; app_secret = "@wa.secret"; verify_token = "@wa.verify"; }; }"""
SECRET = b"app-secret-of-the-flow"
HOOK = "/hooks/whatsapp/webhook"


def status_update(message_id, status, at=1772452800, **more):
    return {"object": "whatsapp_business_account", "entry": [{"id": "4195", "changes": [{
        "field": "messages", "value": {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15550783881", "phone_number_id": "100200300"},
            "statuses": [{"id": message_id, "status": status, "timestamp": str(at),
                          "recipient_id": GOOD[1:], **more}]}}]}]}


class Vendor(Flow):
    def write_secrets(self):
        for name, text in (("wa.token", b"token"), ("wa.secret", SECRET),
                           ("wa.verify", b"let-me-in")):
            (self.dir / name).write_bytes(text)
            (self.dir / name).chmod(0o600)

    def begin(self, *options, port=0):
        self.write_secrets()
        self.peer = self.stand_in(*options)
        self.flow = self.engine(plugins=WHATSAPP % (TELEPHONY % "", self.peer.port), http_port=port)


class Webhooks(Vendor):
    def statuses(self, *options):
        """The vendor's own webhooks, as fast as it can: none may be lost."""
        with socket.socket() as probe:  # the vendor must know the port before the daemon runs
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.begin("--webhook", f"http://127.0.0.1:{port}{HOOK}",
                   "--webhook-secret", self.dir / "wa.secret", *options, port=port)
        numbers = [f"+49305550{i:02d}001" for i in range(10, 30)]
        outbound(self.flow, numbers)
        self.flow.run_until("2026-03-02T06:00:00Z")
        sent = len(self.peer.taken())
        self.assertGreater(sent, len(numbers) / 2)

        def all_read():
            rows = self.flow.rows("message.list")
            return len(rows) == sent and all(row["status"] == "read" for row in rows)
        self.flow.wait(all_read, 15, "the last status of each message")

    def test_in_order(self):
        self.statuses("--webhook-delay-ms", "0")

    def test_twice_and_turned_round(self):
        self.statuses("--webhook-delay-ms", "0", "--webhook-twice", "--webhook-reordered")


class WhatsApp(Vendor):
    def setUp(self):
        super().setUp()
        self.begin()

    def effects(self):
        return self.flow.rows("job.list", kind="effect")

    def messages(self):
        return self.flow.rows("message.list")

    def hook(self, body, secret=SECRET, header=None):
        data = json.dumps(body).encode()
        signature = header or "sha256=" + hmac.new(secret, data, hashlib.sha256).hexdigest()
        return self.flow.http("POST", HOOK, data, {"Content-Type": "application/json",
                                                   "X-Hub-Signature-256": signature})[0]

    def send_one(self):
        outbound(self.flow, [GOOD])
        self.flow.run_until("2026-03-02T06:00:00Z")
        self.assertEqual([message["status"] for message in self.messages()], ["accepted"])
        return self.messages()[0]["key"]

    def test_the_right_template(self):
        rows = [{"phone_number": GOOD, "first_name": "Ada", "company": "Acme", "language": "en"},
                {"phone_number": "+4930555020001", "first_name": "Jörg", "company": "Süd GmbH",
                 "language": "de"},
                {"phone_number": "+4930555030001", "first_name": "Eva", "language": "de"},
                {"phone_number": "+4930555040022", "first_name": "Out", "language": "en"}]
        self.flow.ask("group.create", key="sales", pack="lead-qualification",
                      whatsapp_enabled=True)
        for name, language in (("Anna", "en"), ("Jonas", "de")):
            self.flow.ask("assistant.create", group="sales", name=name, language=language,
                          company="Sunrise", from_number="+4930901820")
        outbound(self.flow, rows, retry={"gaps_minutes": [], "max_attempts": 1})
        self.flow.run_until("2026-03-02T06:00:00Z")
        sent = {row["body"]["to"]: row["body"]["template"] for row in self.peer.taken()}
        told = {number: (template["name"], template["language"]["code"],
                         [p["text"] for component in template.get("components", [])
                          for p in component["parameters"]])
                for number, template in sent.items()}
        self.assertEqual(told, {
            GOOD: ("offer_information", "en", ["Ada", "Acme"]),
            "+4930555020001": ("offer_information", "de", ["Jörg", "Süd GmbH"]),
            "+4930555030001": ("offer_information_plain", "de", []),  # no company is known
            "+4930555040022": ("missed_call", "en", [])})
        self.assertEqual(len(self.peer.taken()), 4)
        messages = {message["to"]: message for message in self.messages()}
        self.assertEqual({to: (m["template"], m["language"]) for to, m in messages.items()},
                         {to: (name, language) for to, (name, language, _) in told.items()})
        for kind in ("call", "effect"):
            self.assertEqual({job["state"] for job in self.flow.rows("job.list", kind=kind)},
                             {"done"})

    def test_handshake(self):
        query = "?hub.mode=subscribe&hub.challenge=4711&hub.verify_token="
        self.assertEqual(self.flow.http("GET", HOOK + query + "let-me-in"), (200, b"4711"))
        status, body = self.flow.http("GET", HOOK + query + "guess")
        self.assertIn(status, (401, 403))
        self.assertNotIn(b"4711", body)

    def test_statuses_move_forward_only(self):
        key = self.send_one()
        self.assertEqual(self.hook(status_update(key, "delivered")), 200)
        self.assertEqual(self.messages()[0]["status"], "delivered")
        for late in ("sent", "delivered", "failed"):  # reordered, doubled, contradicted
            self.assertEqual(self.hook(status_update(key, late)), 200)
            self.assertEqual(self.messages()[0]["status"], "delivered")
        for _ in range(2):
            self.assertEqual(self.hook(status_update(key, "read")), 200)
        self.assertEqual(self.messages()[0]["status"], "read")
        moved = [event["data"]["status"] for event in
                 self.flow.ask("event.since", limit=1000)["events"]
                 if event["name"] == "message.status"]
        self.assertEqual(moved, ["delivered", "read"])
        self.assertEqual(len(self.messages()), 1)

    def test_forgeries_change_nothing(self):
        key = self.send_one()
        update = status_update(key, "read")
        events = self.flow.ask("event.since", limit=1000)["cursor"]
        self.assertIn(self.hook(update, secret=b"guess"), (401, 403))
        self.assertIn(self.hook(update, header="sha256=" + "0" * 64), (401, 403))
        self.assertIn(self.hook(update, header="sha256="), (401, 403))
        data = json.dumps(update).encode()
        self.assertIn(self.flow.http("POST", HOOK, data)[0], (401, 403))
        signed = hmac.new(SECRET, data, hashlib.sha256).hexdigest()
        self.assertIn(self.flow.http("POST", HOOK, data + b" ",
                                     {"X-Hub-Signature-256": "sha256=" + signed})[0], (401, 403))
        self.assertEqual(self.messages()[0]["status"], "accepted")
        self.assertEqual(self.flow.ask("event.since", limit=1000)["cursor"], events)
        self.assertEqual(self.hook(status_update("wamid.of-nobody", "read")), 200)
        self.assertEqual(len(self.messages()), 1)

    def test_an_answer_of_the_user(self):
        body = status_update("x", "sent")
        value = body["entry"][0]["changes"][0]["value"]
        del value["statuses"]
        value["contacts"] = [{"wa_id": GOOD[1:], "profile": {"name": "Ada"}}]
        value["messages"] = [{"from": GOOD[1:], "id": "wamid.in1", "timestamp": "1772452800",
                              "type": "text", "text": {"body": "Yes, please"}}]
        for _ in range(2):
            self.assertEqual(self.hook(body), 200)
        self.assertEqual([(m["direction"], m["from"], m["text"]) for m in self.messages()],
                         [("inbound", GOOD, "Yes, please")])

    def test_stop_is_a_refusal_for_every_channel(self):
        body = status_update("x", "sent")
        value = body["entry"][0]["changes"][0]["value"]
        del value["statuses"]
        value["contacts"] = [{"wa_id": GOOD[1:], "profile": {"name": "Ada"}}]
        value["messages"] = [{"from": GOOD[1:], "id": "wamid.in1", "timestamp": "1772452800",
                              "type": "text", "text": {"body": "Stop"}}]
        self.assertEqual(self.hook(body), 200)
        outbound(self.flow, [GOOD])
        self.flow.run_until("2026-03-02T06:00:00Z")
        told = self.flow.ask("lead.why", who=GOOD)
        self.assertEqual(told["now"]["gate"], "opt_out")
        self.assertEqual([(r["source"], r["evidence"]) for r in told["refusals"]],
                         [("wamid.in1", "Stop")])
        self.assertEqual((self.flow.rings(), self.peer.taken()), ([], []))

    def test_refused_between_the_call_and_the_message(self):
        self.peer.plan(vendor="whatsapp", next=1, status=429, code=130429, retry_after=600,
                       message="Rate limit hit")
        outbound(self.flow, [GOOD])
        self.flow.run_until("2026-03-02T05:05:00Z")
        self.assertEqual([job["state"] for job in self.effects()], ["waiting"])
        self.flow.ask("lead.refuse", phone_number=GOOD, kind="consent_revoked",
                      source="letter of 3 May", evidence="I withdraw my consent.")
        self.flow.run_until("2026-03-02T07:00:00Z")
        followed = self.flow.ask("lead.why", who=GOOD)["follow_ups"]
        sends = [job for job in followed if job.get("verb") == "whatsapp.send_template"]
        self.assertEqual([job["state"] for job in sends], ["failed"])
        self.assertIn("not sent: revocation of consent", sends[0]["reason"])
        self.assertIn("letter of 3 May", sends[0]["reason"])
        self.assertEqual((self.peer.taken(), self.messages()), ([], []))

    def test_too_many_requests(self):
        self.peer.plan(vendor="whatsapp", next=2, status=429, code=130429, retry_after=60,
                       message="Rate limit hit")
        outbound(self.flow, [GOOD])
        for minute, state in ((1, "waiting"), (2, "waiting"), (3, "done")):  # when it was told to
            self.flow.run_until(f"2026-03-02T05:0{minute}:10Z")
            self.assertEqual([job["state"] for job in self.effects()], [state])
            self.assertEqual(len(self.peer.taken()), state == "done")
            if state == "waiting":
                self.assertIn("Rate limit hit", self.effects()[0]["reason"])
        self.assertEqual(len(self.peer.taken()), 1)
        self.assertEqual(len(self.messages()), 1)

    def test_a_user_who_cannot_be_reached(self):
        self.peer.plan(vendor="whatsapp", status=400, code=131026, message="Message undeliverable")
        outbound(self.flow, [GOOD])
        self.flow.run_until("2026-03-03T05:00:00Z")
        jobs = self.effects()
        self.assertEqual([job["state"] for job in jobs], ["failed"])
        self.assertIn("Message undeliverable", jobs[0]["reason"])
        self.assertEqual((self.peer.taken(), self.messages()), ([], []))

    def test_unknown_is_parked_until_somebody_looks(self):
        self.peer.plan(vendor="whatsapp", status=500, code=131000, message="Something went wrong")
        outbound(self.flow, [GOOD])
        self.flow.run_until("2026-03-03T05:00:00Z")
        jobs = self.effects()
        self.assertEqual([job["state"] for job in jobs], ["parked"])
        self.assertIn("job.retry", jobs[0]["reason"])
        self.assertEqual((self.peer.taken(), self.messages()), ([], []))
        self.flow.ask("job.retry", id=jobs[0]["id"])
        self.flow.run_until("2026-03-03T06:00:00Z")
        self.assertEqual([job["state"] for job in self.effects()], ["done"])
        self.assertEqual(len(self.peer.taken()), 1)

    def test_a_lost_answer_is_never_sent_twice(self):
        self.peer.plan(vendor="whatsapp", drop="after")
        outbound(self.flow, [GOOD])
        self.flow.run_until("2026-03-04T05:00:00Z")
        self.assertEqual([job["state"] for job in self.effects()], ["parked"])
        self.assertEqual(len(self.peer.taken()), 1)

    def test_a_group_without_whatsapp_sends_nothing(self):
        self.flow.ask("group.create", key="quiet", pack="lead-qualification",
                      whatsapp_enabled=False)
        self.flow.ask("assistant.create", group="quiet", name="Anna", language="en",
                      from_number="+4930901820")
        outbound(self.flow, [GOOD], key="quiet")
        self.flow.run_until("2026-03-03T05:00:00Z")
        self.assertEqual(self.effects(), [])
        self.assertEqual(self.peer.taken(), [])
        self.assertEqual(len(self.flow.rows("decision.list")), 1)


if __name__ == "__main__":
    unittest.main()
