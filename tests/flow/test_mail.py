"""A mail with a list starts the campaign: once per Message-ID, whatever is delivered twice and
whenever the daemon dies; mails of strangers and automata start nothing."""
import email.message
import email.policy
import os
import unittest

from flow_engine import Flow, TELEPHONY

TRIGGER = """%s,
  { instance = "mail"; plugin = "email-trigger";
    config = { maildir = "%s"; senders = ("boss@acme.example", "@sales.example");
               subject = "Leads"; campaign = 1; country = "DE"; poll_ms = 60000; }; }"""
CSV = "phone_number,first_name,language\n030 90182020,Ada,de\n+4930901822,Bob,de\n"


def mail(message_id, sender="Boss <boss@acme.example>", subject="New Leads for today", csv=CSV,
         **headers):
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message["From"], message["To"], message["Subject"] = sender, "kejue@acme.example", subject
    message["Date"] = "Mon, 02 Mar 2026 08:00:00 +0100"
    message["Message-ID"] = f"<{message_id}@acme.example>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("Please call these today.\n")
    if csv:
        message.add_attachment(csv.encode(), maintype="text", subtype="csv", filename="leads.csv")
    return message.as_bytes()


class Mail(Flow):
    def setUp(self):
        super().setUp()
        self.maildir = self.dir / "Maildir"
        for name in ("new", "cur", "tmp"):
            (self.maildir / name).mkdir(parents=True)
        self.count = 0

    def deliver(self, data):
        """As a mail server does: written aside, then renamed."""
        self.count += 1
        name = f"17725{self.count:05d}.M{self.count}P1.host"
        (self.maildir / "tmp" / name).write_bytes(data)
        os.rename(self.maildir / "tmp" / name, self.maildir / "new" / name)
        return name

    def start_engine(self):
        engine = self.engine(plugins=TRIGGER % (TELEPHONY % "", self.maildir))
        if not engine.ask("campaign.list")["campaigns"]:
            engine.ask("group.create", key="sales", pack="lead-qualification")
            engine.ask("assistant.create", group="sales", name="Anna", language="de",
                       company="Acme", from_number="+4930901820")
            made = engine.ask("campaign.create", name="Mail", group="sales", list="mail",
                              limits={"per_day": 5, "per_30_days": 20})
            self.assertEqual(made["id"], 1)
        return engine

    def calls(self, engine):
        """Call jobs by number."""
        return sorted(job["to"] for job in engine.rows("job.list", kind="call"))

    def poll(self, engine):
        now = engine.ask("status")["clock"]["now"]
        hour, minute = int(now[11:13]), int(now[14:16]) + 3
        engine.run_until(f"{now[:11]}{hour + minute // 60:02d}:{minute % 60:02d}:00Z")

    def new_mails(self):
        return sorted(os.listdir(self.maildir / "new"))

    def test_once_per_message(self):
        engine = self.start_engine()
        self.deliver(mail("one"))
        self.poll(engine)
        numbers = ["+493090182020", "+4930901822"]
        self.assertEqual(self.calls(engine), numbers)
        self.assertEqual(engine.ask("campaign.get", id=1)["status"], "active")
        self.assertEqual(self.new_mails(), [])
        lists = {lead["list"] for lead in engine.rows("lead.list")}
        self.assertEqual(len(lists), 1)
        self.assertTrue(lists.pop().startswith("email:"))

        self.deliver(mail("one"))  # the same mail once more, under another file name
        self.poll(engine)
        self.assertEqual(self.calls(engine), numbers)
        self.assertEqual(self.new_mails(), [])

        # Another mail for the campaign that runs already: only its leads are new.
        self.deliver(mail("two", csv="phone_number,language\n+4930901823,de\n"))
        self.poll(engine)
        self.assertEqual(self.calls(engine), sorted(numbers + ["+4930901823"]))
        started = [event for event in engine.ask("event.since", limit=1000)["events"]
                   if event["name"] == "campaign.started"]
        self.assertEqual(len(started), 1)

    def test_a_mail_for_a_campaign_that_is_over(self):
        """Yesterday's leads are done with; today's mail makes the campaign active again."""
        engine = self.start_engine()
        self.deliver(mail("one", csv="phone_number,language\n+4930555010001,de\n"))
        engine.run_days(2)
        self.assertEqual(engine.ask("campaign.get", id=1)["status"], "completed")
        self.deliver(mail("two", csv="phone_number,language\n+4930555020001,de\n"))
        self.poll(engine)
        self.assertEqual(self.new_mails(), [])
        self.assertEqual(engine.ask("campaign.get", id=1)["status"], "active")
        engine.run_days(2)
        campaign = engine.ask("campaign.get", id=1)
        self.assertEqual((campaign["status"], campaign["calls_scheduled"]), ("completed", 2))
        self.assertEqual([ring["to"] for ring in engine.rings()],
                         ["+4930555010001", "+4930555020001"])

    def test_kill_between_polls(self):
        engine = self.start_engine()
        name = self.deliver(mail("one"))
        self.poll(engine)
        numbers = self.calls(engine)
        self.assertEqual(len(numbers), 2)
        engine.kill()
        # As if it had died before the mail was moved.
        done = [entry for entry in os.listdir(self.maildir / "cur") if entry.startswith(name)]
        os.rename(self.maildir / "cur" / done[0], self.maildir / "new" / name)
        self.deliver(mail("one"))
        self.deliver(mail("two", csv="phone_number,language\n+4930901823,de\n"))
        engine.start()
        self.poll(engine)
        self.assertEqual(self.calls(engine), sorted(numbers + ["+4930901823"]))
        self.assertEqual(self.new_mails(), [])

    def test_strangers_and_automata(self):
        engine = self.start_engine()
        self.deliver(mail("a", sender="Mallory <boss@acme.example.evil.example>"))
        self.deliver(mail("b", sender='"boss@acme.example" <mallory@evil.example>'))
        self.deliver(mail("c", subject="Lunch?"))
        self.deliver(mail("d", subject="Re: Leads", Auto_Submitted="auto-replied"))
        self.poll(engine)
        self.assertEqual(self.calls(engine), [])
        self.assertEqual(engine.rows("lead.list"), [])
        self.assertEqual(engine.ask("campaign.get", id=1)["status"], "draft")
        self.assertEqual(len(self.new_mails()), 4)  # left for whom they are meant

        self.deliver(mail("e", sender="Eve <eve@sales.example>"))
        self.poll(engine)
        self.assertEqual(len(self.calls(engine)), 2)

    def test_a_mail_that_cannot_be_used_is_told(self):
        engine = self.start_engine()
        self.deliver(mail("f", csv="phone_number\nno number\n"))
        self.deliver(mail("g", csv='phone_number\n"+4930901822\n'))
        self.deliver(mail("h", csv=None))
        self.poll(engine)
        self.assertEqual(self.calls(engine), [])
        text = engine.log_text()
        for message, reason in (("f@", "no_lead_accepted"), ("g@", "leads_refused"),
                                ("h@", "no_leads")):
            told = [line for line in text.splitlines() if message in line and reason in line]
            self.assertEqual(len(told), 1, (message, reason, text[-2000:]))
        self.poll(engine)  # told once
        self.assertEqual(engine.log_text().count("no_lead_accepted"), 1)


if __name__ == "__main__":
    unittest.main()
