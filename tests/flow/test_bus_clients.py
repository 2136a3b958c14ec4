"""The example clients of tests/peers/bus-clients, as their readers would run them: a job and its result,
and events through restarts of the daemon without a gap. What a client needs from a registry is fetched
into the build folder; without it or its language, its tests are skipped and say so."""
import json
import os
import shutil
import subprocess
import sys
import unittest

from flow_engine import BUILD, Flow, ROOT

CLIENTS = ROOT / "tests" / "peers" / "bus-clients"
MADE = BUILD / "bus-clients"


def need(program):
    if shutil.which(program) is None:
        raise unittest.SkipTest(f"{program} is not installed")


def fetch(what, command, **options):
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, **options)
    if result.returncode != 0:
        told = (result.stderr or result.stdout).strip().splitlines()[-1:]
        raise unittest.SkipTest(f"{what} cannot be fetched: {' '.join(told)}")


class Client:
    """What every client must do; a class below for each language."""

    environment = {}

    def start(self, *words, token=""):
        environment = {**os.environ, **self.environment, "KEJUE_TOKEN": token}
        process = subprocess.Popen([*self.command, self.dir, *words], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=environment)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
            process.communicate()

    def told(self, process):
        out, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, errors)
        return [json.loads(line) for line in out.splitlines()]

    def make_events(self, engine, names):
        for name in names:
            engine.ask("group.create", key=name, pack="lead-qualification")

    def test_a_job_and_its_result(self):
        engine = self.engine(clock=None)
        first, = self.told(self.start("submit", "one"))
        self.assertEqual((first["state"], first["result"]["value"]), ("done", "nothing to note"))
        self.assertEqual(self.told(self.start("submit", "one")), [first])
        self.assertEqual([job["id"] for job in engine.rows("job.list", kind="hook")], [first["id"]])

    def test_tokens(self):
        engine = self.engine(clock=None)
        good = engine.ask("token.create", name="t", scopes=["operate"])["token"]
        poor = engine.ask("token.create", name="p", scopes=["read"])["token"]
        self.assertEqual(len(self.told(self.start("submit", "one", token=good))), 1)
        for token in ("kejue_guess", poor):
            process = self.start("submit", "two", token=token)
            _, errors = process.communicate(timeout=30)
            self.assertEqual(process.returncode, 1)
            self.assertIn("denied", errors)

    def test_a_daemon_that_is_not_there_yet(self):
        engine = self.engine(clock=None)
        engine.kill()
        process = self.start("submit", "one")
        with self.assertRaises(subprocess.TimeoutExpired):
            process.wait(0.3)
        engine.start()
        self.assertEqual([job["state"] for job in self.told(process)], ["done"])

    def test_events_through_restarts(self):
        engine = self.engine(clock=None)
        process = self.start("follow", "0", "180")
        self.make_events(engine, [f"a{n}" for n in range(60)])
        engine.kill()
        engine.start()
        self.make_events(engine, [f"b{n}" for n in range(60)])  # it is hardly back by then
        self.assertEqual(engine.stop(), 0)
        engine.start()
        self.make_events(engine, [f"c{n}" for n in range(60)])
        self.assertEqual(self.told(process), [{"number": n, "name": "group.created"}
                                              for n in range(1, 181)])
        later = self.told(self.start("follow", "170", "10"))
        self.assertEqual([event["number"] for event in later], list(range(171, 181)))


class Python(Client, Flow):
    @classmethod
    def setUpClass(cls):
        folder, wanted = MADE / "python", CLIENTS / "python" / "requirements.txt"
        cls.command = [sys.executable, CLIENTS / "python" / "client.py"]
        cls.environment = {"PYTHONPATH": str(folder)}
        done = folder / "requirements.txt"  # written last
        if not done.exists() or done.read_bytes() != wanted.read_bytes():
            fetch("pynng", [sys.executable, "-m", "pip", "install", "-q", "--upgrade",
                            "--target", folder, "-r", wanted])
            shutil.copy(wanted, done)


class Go(Client, Flow):
    @classmethod
    def setUpClass(cls):
        need("go")
        cls.command = [MADE / "go" / "client"]
        where = {"cwd": CLIENTS / "go",
                 "env": {**os.environ, "GOPATH": str(MADE / "go"), "GOCACHE": str(MADE / "go" / "cache"),
                         "GOFLAGS": "-modcacherw -buildvcs=false"}}
        fetch("mangos", ["go", "mod", "download"], **where)
        subprocess.run(["go", "build", "-o", cls.command[0], "."], check=True, timeout=300, **where)


class Node(Client, Flow):
    @classmethod
    def setUpClass(cls):
        need("node")
        cls.command = ["node", CLIENTS / "node" / "client.mjs"]


if __name__ == "__main__":
    unittest.main()
