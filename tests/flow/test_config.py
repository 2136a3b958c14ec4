"""Starting and stopping: what is wrong with kejue.conf is told in one sentence with its line; one
folder has one daemon; a stop lets calls end, and a start goes on with what was left."""
import collections
import signal
import subprocess
import time
import unittest

from flow_engine import BUILD, Flow, TELEPHONY, lines_of, outbound

GOOD = 'http = { enabled = false; };\nplugins = (%s);\n' % (TELEPHONY % "")


def kejued(*options):
    return subprocess.run([BUILD / "kejued", *options], capture_output=True, text=True, timeout=30)


def sentences(result):
    """What is said to the person, without the log."""
    return [line for line in result.stderr.splitlines() if not line.startswith("{")]


class Configuration(Flow):
    def check(self, text, *words, line=None, options=("--check",), codes=(1, 2)):
        (self.dir / "kejue.conf").write_text(text, encoding="utf-8")
        result = kejued("--dir", self.dir, *options)
        told = sentences(result)
        self.assertIn(result.returncode, codes, result.stderr)
        self.assertEqual(len(told), 1, result.stderr)
        if line:
            self.assertIn(f"kejue.conf:{line}", told[0])
        for word in words:
            self.assertIn(word, told[0])
        self.assertEqual(result.stdout, "")
        return told[0]

    def test_a_good_one(self):
        (self.dir / "kejue.conf").write_text(GOOD, encoding="utf-8")
        result = kejued("--dir", self.dir, "--check")
        self.assertEqual((result.returncode, result.stdout), (0, "the configuration is good\n"))
        self.assertFalse((self.dir / "bus.ipc").exists())

    def test_what_the_schema_refuses(self):
        self.check("log_level = \"info\";\nlog_lvel = 1;\n", "log_lvel", line=2, codes=(2,))
        self.check("http = {\n  enabled = true;\n  port = \"80\";\n};\n", "port", line=3, codes=(2,))
        self.check("http = { port = 70000; };\n", "65535", line=1, codes=(2,))
        self.check("trunk = {\n  max_calls = 0;\n};\n", "max_calls", line=2, codes=(2,))
        self.check("\nplugins = (\n { instance = \"telephony\"; } );\n", "plugin", line=3, codes=(2,))

    def test_what_is_no_configuration(self):
        self.check("http = {\n  enabled = ;\n};\n", line=2, codes=(2,))
        (self.dir / "kejue.conf").unlink()
        result = kejued("--dir", self.dir)
        self.assertIn(result.returncode, (1, 2))
        self.assertIn("kejue.conf", result.stderr)

    def test_plugins(self):
        self.check("plugins = (\n  { plugin = \"telefony\"; }\n);\n", "telefony", line=None)
        self.check("plugins = (\n%s\n);\n" % (TELEPHONY % "\n  max_lines = -1;"), "max_lines", line=4)
        self.check("plugins = (\n%s\n);\n" % (TELEPHONY % "\n\n  colour = 1;"), "colour", line=5)
        self.check("plugins = (\n  { plugin = \"whatsapp\";\n    config = {\n"
                   "      numbers = ({ phone_number_id = \"1\"; });\n"
                   "      token = \"@no-such-file\"; }; }\n);\n", "no-such-file")
        two = TELEPHONY % ""
        self.check(f"plugins = (\n{two},\n{two}\n);\n", "telephony")

    def test_options(self):
        result = kejued("--help")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for word in ("--dir", "--check", "--clock", "Exit codes"):
            self.assertIn(word, result.stdout)
        self.assertRegex(kejued("--version").stdout, r"^kejued \d+\.\d+\.\d+\n$")
        (self.dir / "kejue.conf").write_text(GOOD, encoding="utf-8")
        for options in (("--no-such",), ("word",), ("--seed", "x"),
                        ("--dir", self.dir, "--clock", "fast"),
                        ("--dir", self.dir, "--clock", "virtual", "--start", "tomorrow")):
            result = kejued(*options)
            self.assertEqual(result.returncode, 2, (options, result.stderr))
            self.assertNotEqual(result.stderr, "")

    def test_a_second_daemon(self):
        engine = self.engine()
        second = subprocess.run(engine.command(), capture_output=True, text=True, timeout=30)
        self.assertEqual(second.returncode, 1)
        told = sentences(second)
        self.assertEqual(len(told), 1, second.stderr)
        self.assertIn(f"in use by process {engine.process.pid}", told[0])
        self.assertEqual(engine.ask("status")["dialing"], True)


class Stopping(Flow):
    """On a clock that runs 60 times as fast, so that calls are really under way."""

    def campaign(self, engine, count):
        numbers = [f"+49305550{i:02d}001" for i in range(10, 10 + count)]
        outbound(engine, numbers, limits={"per_day": 2, "per_30_days": 6})
        engine.wait(lambda: len(engine.rings()) >= 3, what="calls")
        return numbers

    def check_all_called_once(self, engine, numbers):
        def ended():
            jobs = engine.rows("job.list", kind="call")
            return len(jobs) == len(numbers) and all(j["state"] == "done" for j in jobs)
        engine.wait(ended, 60, "the end of the calls")
        rings = collections.Counter(ring["attempt_id"] for ring in engine.rings())
        self.assertEqual(set(rings.values()), {1})
        self.assertEqual(sorted(ring["to"] for ring in engine.rings()), numbers)
        self.assertEqual(len(engine.rows("decision.list")), len(numbers))

    def test_stop_and_start(self):
        engine = self.engine(clock=60, more="trunk = { max_calls = 5; };")
        numbers = self.campaign(engine, 20)
        begun = time.monotonic()
        self.assertEqual(engine.stop(), 0)
        self.assertLess(time.monotonic() - begun, 25)
        self.assertFalse((self.dir / "bus.ipc").exists())
        early = len(engine.rings())
        self.assertLess(early, 20)
        self.assertGreaterEqual(early, 3)
        engine.start()
        self.check_all_called_once(engine, numbers)

    def test_kill_and_start(self):
        engine = self.engine(clock=60, more="trunk = { max_calls = 5; };")
        numbers = self.campaign(engine, 12)
        engine.kill()
        self.assertTrue((self.dir / "bus.ipc").exists())
        engine.start()
        self.check_all_called_once(engine, numbers)

    def test_a_second_signal_ends_at_once(self):
        engine = self.engine(clock=1)
        self.campaign(engine, 3)
        engine.close_bus()
        engine.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        self.assertIsNone(engine.process.poll())  # it waits for the calls
        self.assertEqual(len(lines_of(self.dir / "rings.jsonl")), 3)
        engine.process.send_signal(signal.SIGTERM)
        self.assertEqual(engine.process.wait(5), 0)


if __name__ == "__main__":
    unittest.main()
