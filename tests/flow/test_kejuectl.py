"""kejuectl as a shell uses it: arguments by type, answers for people and as JSON, exit codes, imports
in parts, why, watch, and what a terminal gets."""
import json
import os
import pathlib
import pty
import signal
import subprocess
import fcntl
import struct
import termios
import time
import unittest

from flow_engine import BUILD, DATA, Flow

CTL = str(BUILD / "kejuectl")


class Ctl(Flow):
    def setUp(self):
        super().setUp()
        for name in ("lib", "rules", "hooks"):
            (self.dir / "scripts" / name).mkdir(parents=True)
        self.daemon = self.engine(scripts=self.dir / "scripts")

    def ctl(self, *words, code=0, stdin=None, environment=None, raw=False):
        """Standard output (parsed with --json), or (output, errors) with raw."""
        result = subprocess.run([CTL, "--dir", str(self.dir), *map(str, words)], input=stdin,
                                capture_output=True, text=True, timeout=60,
                                env={**os.environ, **(environment or {})})
        self.assertEqual(result.returncode, code, f"{words}: {result.stdout}{result.stderr}")
        if raw:
            return result.stdout, result.stderr
        return json.loads(result.stdout) if "--json" in words else result.stdout

    def write(self, name, text):
        path = self.dir / name
        path.write_text(text, encoding="utf-8")
        return path


class Asking(Ctl):
    def test_for_people(self):
        text = self.ctl("status")
        self.assertRegex(text, r"(?m)^version +0\.")
        self.assertRegex(text, r"(?m)^dialing +yes$")
        self.assertRegex(text, r"(?m)^clock\n  kind  virtual\n  now   2026-03-02 05:00:00$")
        self.ctl("group.create", "key=b", "name=Grüße 東京")
        self.ctl("group.create", "key=aa", "name=x")
        lines = self.ctl("group.list").splitlines()
        self.assertIn("key", lines[0])
        column = lines[0].index("key")
        self.assertEqual({line[column:].split()[0] for line in lines[1:3]}, {"aa", "b"})
        self.assertTrue(self.ctl("campaign.list").startswith("no campaigns\n"))

    def test_types_come_from_the_schema(self):
        made = self.ctl("--json", "group.create", "key=5", "name=007")
        got = self.ctl("--json", "group.get", f"id={made['id']}")
        self.assertEqual((got["key"], got["name"]), ("5", "007"))
        self.assertEqual(self.ctl("--json", "group.get", made["id"])["key"], "5")  # the one it needs
        token = self.ctl("--json", "token.create", "name=t", "scopes=read,operate")
        self.assertEqual(token["scopes"], ["read", "operate"])
        token = self.ctl("--json", "token.create", "name=t", 'scopes=["admin"]')
        self.assertEqual(token["scopes"], ["admin"])
        self.assertEqual(self.ctl("--json", "group.get", "key=5")["name"], "007")
        made = self.ctl("--json", "campaign.create", "name=1", "group=5", "lead_ids=[1,2]",
                        "limits.per_day=3", 'settings.deep.er=true', code=0)
        got = self.ctl("--json", "campaign.get", f"id={made['id']}")
        self.assertEqual((got["name"], got["limits"]["per_day"]), ("1", 3))
        self.assertIs(got["settings"]["deep"]["er"], True)

    def test_documents_and_files(self):
        self.write("a.json", '{"key": "j", "name": "from file", "description": "x"}')
        self.write("long.txt", "line one\n\"line\" two = 2\n")
        self.ctl("group.create", "-f", self.dir / "a.json", f"description@={self.dir}/long.txt")
        got = self.ctl("--json", "group.list")["groups"][0]
        self.assertEqual((got["name"], got["description"]),
                         ("from file", 'line one\n"line" two = 2\n'))
        self.ctl("group.create", "-f", "-", "key=k2", stdin='{"key": "k1", "name": "N"}')
        self.assertEqual({row["key"] for row in self.ctl("--json", "group.list")["groups"]},
                         {"j", "k2"})

    def errors(self, *words, code, **more):
        return self.ctl(*words, code=code, raw=True, **more)[1]

    def test_exit_codes(self):
        text = self.errors("campaign.get", "id=99", code=1)
        self.assertRegex(text, r"^kejuectl: .*campaign.*; .*\n$")
        text = self.errors("token.create", "scopes=king", "nmae=x", code=1)
        self.assertGreaterEqual(len(text.splitlines()), 2)
        self.assertIn("did you mean status?", self.errors("stauts", code=2))
        self.assertIn("did you mean campaign.", self.errors("campaign", code=2))
        self.errors("status", "nonsense", code=2)
        self.errors("group.get", "=5", code=2)
        self.errors("group.get", "a..b=5", code=2)
        self.errors("group.create", "-f", "/nowhere.json", code=2)
        self.errors("group.create", "-f", "-", stdin="{", code=2)
        self.errors("group.create", "-f", "-", stdin="[]", code=2)
        self.errors("--timeout", "soon", "status", code=2)
        self.errors("--odd", code=2)
        self.errors(code=2)
        self.assertIn("is kejued running?",
                      self.errors("--bus", "ipc:///nowhere/bus.ipc", "status", code=3))
        self.errors("--bus", "nonsense", "status", code=2)
        self.assertIn("no answer within",
                      self.errors("--timeout", "0.3", "event.since", "wait_ms=60000", code=3))
        self.assertIn("not known", self.errors("--token", "x", "status", code=1))
        self.errors("status", code=1, environment={"KEJUE_TOKEN": "x"})

    def test_bus_by_environment(self):
        result = subprocess.run([CTL, "--json", "status"], capture_output=True, text=True,
                                env={**os.environ, "KEJUE_BUS": f"ipc://{self.dir}/bus.ipc"})
        self.assertEqual(json.loads(result.stdout)["host"], "flow")

    def test_once_per_key(self):
        first = self.ctl("--json", "--key", "k", "group.create", "key=a", "name=A")
        self.assertEqual(self.ctl("--json", "--key", "k", "group.create", "key=a", "name=A"), first)
        self.ctl("group.create", "key=a", "name=A", code=1)

    def test_help(self):
        every = self.ctl("help")
        for name in [row["name"] for row in self.daemon.ask("command.list")["commands"]]:
            self.assertIn(f"  {name}", every)
            text = self.ctl("help", name)
            self.assertIn("scope: ", text)
            self.assertIn("Arguments", text)
        self.assertIn("kejuectl call.create lead.phone_number=+4930901820",
                      self.ctl("help", "call.create"))
        self.assertIn("did you mean", self.errors("help", "stauts", code=2))
        self.assertIn("Usage", self.ctl("--help"))
        self.assertIn("kejuectl ", self.ctl("--version"))


class Imports(Ctl):
    def test_leads(self):
        got = self.ctl("--json", "lead.import", DATA / "leads.csv", "list=demo", code=1)
        expected = [line.split(",") for line in
                    (DATA / "leads-expected.csv").read_text(encoding="utf-8").splitlines()[1:]]
        self.assertEqual(got["rows"], len(expected))
        self.assertEqual(got["accepted"],
                         sum(1 for row in expected if row[1] == "accepted"))
        self.assertEqual(got["list"], "demo")
        told = {row["line"] for row in got["refused"]}
        wrong = {int(row[0]) for row in expected if row[1] == "refused"}
        self.assertEqual(wrong - told, set())
        text = self.ctl("lead.import", DATA / "leads.csv", "list=demo", code=1)
        self.assertRegex(text, r"(?m)^accepted +\d+$")
        self.assertRegex(text, r"(?m)^refused: \d+ \w+")
        self.assertLess(len(text.splitlines()), 25)
        self.assertNotIn("\r", text)

    def test_a_broken_file_sends_nothing(self):
        path = self.write("bad.csv", 'phone,name\n+4930901820,Ada\n+4930901821,"open\n' * 3)
        _, errors = self.ctl("lead.import", path, code=1, raw=True)
        self.assertRegex(errors, r"line \d+: .*; nothing was sent")
        for text in ("", "phone,phone\n1,2\n"):
            self.ctl("lead.import", self.write("bad.csv", text), code=1, raw=True)
        (self.dir / "bad.csv").write_bytes(b"phone,name\n+4930901820,\xff\xfe\n")
        self.ctl("lead.import", self.dir / "bad.csv", code=1, raw=True)
        self.ctl("lead.import", "/nowhere.csv", code=2, raw=True)
        self.assertEqual(self.ctl("--json", "lead.list")["leads"], [])

    def test_refusals(self):
        got = self.ctl("--json", "lead.refuse", DATA / "do-not-call.csv")
        rows = len((DATA / "do-not-call.csv").read_text(encoding="utf-8").splitlines()) - 1
        self.assertEqual(got["forbidden"] + got["already"], rows)
        again = self.ctl("--json", "lead.refuse", DATA / "do-not-call.csv")
        self.assertEqual((again["forbidden"], again["already"]), (0, rows))
        path = self.write("few.csv", "Phone;Reason\n030 901820;asked\nnonsense;\n;x\n")
        got = self.ctl("--json", "lead.refuse", path, "country=DE", code=1)
        self.assertEqual(got["forbidden"], 1)
        self.assertEqual([row["line"] for row in got["refused"]], [3, 4])
        self.ctl("lead.refuse", self.write("none.csv", "a,b\n1,2\n"), code=1, raw=True)
        self.ctl("lead.refuse", "phone_number=+4930901899")  # the plain command

    def test_calls(self):
        self.ctl("group.create", "key=g", "name=G")
        self.ctl("assistant.create", "group=g", "name=A", "language=en")
        line = {"external_id": "x1", "lead": {"phone_number": "+4930901820"}, "group": "g",
                "started_at": "2026-02-02T12:00:00Z", "ended_at": "2026-02-02T12:01:00Z",
                "disposition": "no_answer", "language": "en"}
        lines = [json.dumps(line), "{ not json", "", "[1]", json.dumps({**line, "external_id": "x2"}),
                 json.dumps({"external_id": "x3"}), json.dumps(line)]
        for words, stdin in ((("-",), "\n".join(lines)),
                             ((self.write("calls.jsonl", "\n".join(lines)), "group=g"), None)):
            got = self.ctl("--json", "call.import", *words, stdin=stdin, code=1)
            self.assertEqual(got["lines"], 7)
            self.assertEqual(got["accepted"] + got["duplicates"], 3)
            self.assertEqual(sorted(row["line"] for row in got["refused"]), [2, 4, 6])
        self.ctl("call.import", "/nowhere.jsonl", code=2, raw=True)

    def test_the_daemon_goes_away(self):
        rows = "".join(f"+4930901{number:05d}\n" for number in range(20000))
        path = self.write("many.csv", "phone\n" + rows)
        process = subprocess.Popen([CTL, "--dir", str(self.dir), "--timeout", "1", "lead.import",
                                    str(path), "list=m"], stderr=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        time.sleep(0.4)
        self.daemon.kill()
        out, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3)
        self.assertRegex(errors, r"line \d+: stopped behind the rows before this line")
        self.assertRegex(out, r"(?m)^rows +\d+$")


class Watching(Ctl):
    def watch(self, *words):
        process = subprocess.Popen([CTL, "--dir", str(self.dir), *words], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_watch(self):
        self.ctl("group.create", "key=old", "name=O")
        json_lines = self.watch("--json", "--count", "4", "watch", "since=0")
        prefixed = self.watch("--count", "1", "watch", "lead.", "nothing.")
        time.sleep(0.3)
        for key in "abc":
            self.ctl("group.create", f"key={key}", "name=N")
        self.ctl("lead.import", "-f", "-", stdin='{"list":"l","rows":[{"phone":"+4930901820"}]}')
        events = [json.loads(line) for line in json_lines.communicate(timeout=20)[0].splitlines()]
        self.assertEqual([event["number"] for event in events], [1, 2, 3, 4])
        self.assertEqual([event["data"]["key"] for event in events], ["old", "a", "b", "c"])
        text = prefixed.communicate(timeout=20)[0]
        self.assertRegex(text, r"^2026-03-02 05:00:0\d +5  lead\.imported  .*list=l")
        self.assertEqual(len(text.splitlines()), 1)

    def test_watch_over_a_restart(self):
        process = self.watch("--json", "--count", "3", "watch", "since=0")
        self.ctl("group.create", "key=a", "name=N")
        time.sleep(0.2)
        self.daemon.kill()
        self.daemon.start()
        self.ctl("group.create", "key=b", "name=N")  # perhaps before it is back
        time.sleep(0.5)
        self.ctl("group.create", "key=c", "name=N")
        events = [json.loads(line) for line in process.communicate(timeout=20)[0].splitlines()]
        self.assertEqual([event["data"]["key"] for event in events], ["a", "b", "c"])

    def test_why(self):
        self.ctl("lead.import", "-f", "-", stdin='{"rows":[{"phone":"+4930901820",'
                                                 '"first_name":"Ada\\u202e"}]}')
        open_text = self.ctl("why", "+4930901820", "--at", "2026-03-03T10:00:00Z")
        self.assertRegex(open_text, r"^\+4930901820 +lead \d+ +Ada\.? ")
        self.assertIn("as of 2026-03-03 10:00:00 UTC", open_text)
        self.assertIn("may be called: yes", open_text)
        self.assertRegex(open_text, r"(?m)^  ✓ window ")
        self.ctl("lead.refuse", "phone_number=+4930901820", "source=a letter")
        text = self.ctl("why", "+4930901820", "at=2026-03-03T10:00:00Z")
        self.assertIn("may be called: no, stopped by do_not_call", text)
        self.assertRegex(text, r"(?m)^  ✗ do_not_call ")
        self.assertIn("next eligible: never", text)
        self.assertIn("a letter", text)
        self.assertIn("gates", self.ctl("--json", "why", "+4930901820")["now"])
        self.ctl("why", "+4930999999", code=1, raw=True)
        self.ctl("why", code=2, raw=True)

    def test_campaign_watch(self):
        self.ctl("campaign.watch", "99", code=1, raw=True)
        self.ctl("group.create", "key=g", "name=G")
        made = self.ctl("--json", "campaign.create", "name=C", "group=g", "list=none")
        process = self.watch("--json", "campaign.watch", str(made["id"]))
        time.sleep(0.3)
        self.assertIsNone(process.poll())
        self.ctl("campaign.cancel", made["id"])
        stats = json.loads(process.communicate(timeout=20)[0])
        self.assertEqual(stats["status"], "canceled")


class Terminal(Ctl):
    def on_terminal(self, *words, columns=50, environment=None):
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ.update({"TERM": "xterm", **(environment or {})})
            os.execv(CTL, [CTL, "--dir", str(self.dir), *words])
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        text = b""
        try:
            while more := os.read(terminal, 65536):
                text += more
        except OSError:
            pass
        os.waitpid(pid, 0)
        os.close(terminal)
        return text.decode()

    def test_width_and_colour(self):
        for number in range(3):
            self.ctl("group.create", f"key=k{number}", "name=" + "東京Grüße " * 20)
        text = self.on_terminal("group.list")
        self.assertIn("\033[1m", text)
        plain = self.on_terminal("group.list", environment={"NO_COLOR": "1"})
        self.assertNotIn("\033", plain)
        self.assertIn("…", plain)
        for line in plain.splitlines():
            wide = sum(2 if ord(letter) > 0x2e80 else 1 for letter in line)
            self.assertLessEqual(wide, 80, line)

    def test_no_control_characters(self):
        self.ctl("group.create", "-f", "-",
                 stdin='{"key":"k","name":"a\\u001b[31mred\\u0007\\u202ex"}')
        text = self.on_terminal("group.list", environment={"NO_COLOR": "1"}, columns=200)
        self.assertIn("a.[31mred..x", text)

    def test_progress(self):
        rows = "".join(f"+4930901{number:05d}\n" for number in range(2000))
        path = self.write("many.csv", "phone\n" + rows)
        text = self.on_terminal("lead.import", str(path), "list=m")
        self.assertIn("importing [", text)
        self.assertIn("\r", text)
        self.assertRegex(text, r"accepted +2000")


if __name__ == "__main__":
    unittest.main()
