"""The README's tour, run as it stands: every kejuectl line must work on a fresh folder."""
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("KEJUE_BUILD_DIR", ROOT / "build" / "release"))


def tour():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    part = text.split("## A tour of five minutes")[1].split("\n## ")[0]
    blocks = re.findall(r"```\n(.*?)```", part, re.S)
    return blocks[0], "".join(blocks[1:3]).splitlines(), blocks[3]


class Tour(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        dir = self.folder.name
        config = (ROOT / "kejue.conf").read_text(encoding="utf-8")
        config = config.replace("port = 8080", "port = 0")  # another test may have it
        (pathlib.Path(dir) / "kejue.conf").write_text(config, encoding="utf-8")
        self.log = open(pathlib.Path(dir) / "log", "wb")
        self.daemon = subprocess.Popen([BUILD / "kejued", "--dir", dir], stdout=subprocess.PIPE,
                                       stderr=self.log)
        ready = self.daemon.stdout.readline().decode()
        self.assertIn("ready", ready)
        self.port = ready.split("http=")[1].strip()
        self.env = {**os.environ, "KEJUE_BUS": f"ipc://{dir}/bus.ipc",
                    "PATH": f"{BUILD}:{os.environ['PATH']}"}

    def tearDown(self):
        self.daemon.terminate()
        time.sleep(0.3)
        self.daemon.terminate()  # twice: live calls are not waited for
        self.daemon.wait(40)
        self.daemon.stdout.close()
        self.log.close()
        self.folder.cleanup()

    def run_line(self, line):
        words = shlex.split(line, comments=True)
        if words[1] == "watch":  # it would never end
            result = subprocess.run(["timeout", "1"] + words, env=self.env, cwd=ROOT,
                                    capture_output=True, text=True)
            self.assertIn(result.returncode, (0, 124), result.stderr)
            return
        result = subprocess.run(words, env=self.env, cwd=ROOT, capture_output=True, text=True,
                                timeout=60)
        # An import that refuses rows says so by its exit code.
        allowed = (0, 1) if "import" in words[1] else (0,)
        self.assertIn(result.returncode, allowed, f"{line}\n{result.stdout}{result.stderr}")
        self.assertTrue(result.stdout.strip(), line)

    def test_every_line(self):
        start, lines, curl = tour()
        self.assertIn("kejued --dir", start)
        commands = [line for line in lines if line.startswith("kejuectl")]
        self.assertGreater(len(commands), 8)
        for line in commands:
            self.run_line(line)
        if shutil.which("curl"):
            script = curl.replace(":8080", f":{self.port}")
            result = subprocess.run(["sh", "-c", script], env=self.env, cwd=ROOT,
                                    capture_output=True, text=True, timeout=60)
            self.assertIn('"attempts"', result.stdout, result.stderr)


class TwoHosts(unittest.TestCase):
    """The tour of two hosts, as one script, twenty times as fast."""

    def test_every_line(self):
        text = (ROOT / "README.md").read_text(encoding="utf-8").split("### Two hosts")[1]
        shell, script = re.findall(r"```\n(.*?)```", text, re.S)[0].split("\n", 1)
        self.assertIn("sleep 45", script)
        with tempfile.TemporaryDirectory() as folder:
            script = script.replace("/tmp/kejue", f"{folder}/kejue")
            script = script.replace("kejued --dir", "kejued --clock 20 --dir")
            # On a busy machine it takes as long as it takes.
            script = script.replace("sleep 2", f"until [ -S {folder}/kejue-$host/events.ipc ]; do sleep 0.1; done")
            script = script.replace("sleep 45", "until kejuectl hosts | grep -q ended; do sleep 0.2; done")
            few = pathlib.Path(folder) / "leads.csv"
            few.write_text("".join((ROOT / "tests/data/leads.csv").read_text().splitlines(True)[:100]))
            script = script.replace("tests/data/leads.csv", str(few))
            words = shlex.split(shell)
            result = subprocess.run([*words[:-1], "bash", "-c", script], cwd=ROOT, capture_output=True,
                                    text=True, timeout=120,
                                    env={**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}"})
        if "MongoDB: skipped" in result.stdout:
            self.skipTest(result.stdout.splitlines()[0])
        self.assertNotIn("kejuectl:", result.stderr)
        first, second = re.findall(r"^ *anna .*\n *bert .*|^ *bert .*\n *anna .*", result.stdout, re.M)
        self.assertEqual((first.count("live"), second.count("live")), (2, 1), result.stdout)
        self.assertIn("ended", second)


if __name__ == "__main__":
    unittest.main()
