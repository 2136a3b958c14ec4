"""When the store cannot write: a full disk, a file that may not grow, a file made read-only. Nothing new
is acknowledged, everybody is told why in the same words, nothing acknowledged is lost, and when the
cause has gone the work goes on by itself."""
import json
import os
import subprocess
import unittest

from flow_engine import Flow, Refused

LATER = "2030-01-01T00:00:00Z"
PAGE = 4096


def run_or_skip(command, why):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise unittest.SkipTest(f"{why}: {result.stderr.strip()}")


class StoreFaults(Flow):
    def setUp(self):
        super().setUp()
        self.store = self.dir / "store"
        self.store.mkdir()
        self.acknowledged = {}

    def start(self):
        self.daemon = self.engine(clock=None, http_port=0,
                                  more=f'store = {{ file = "{self.store}/kejue.db"; }};')
        self.token = self.daemon.ask("token.create", name="t", scopes=["operate"])["token"]

    def submit(self, key, size=20000):
        """By a key of its own and with an idempotency key."""
        made = self.daemon.ask("job.submit", _key=f"i-{key}", kind="hook", key=key, due=LATER,
                               payload={"hook": "crm_note.lua:1", "text": "x" * size})
        self.acknowledged[key] = made["id"]
        return made["created"]

    def refused(self, key, size=20000):
        with self.assertRaises(Refused) as caught:
            self.submit(key, size)
        return caught.exception

    def fill(self):
        """Submits until it is refused; the key that was, and why."""
        for number in range(2000):
            try:
                self.submit(f"fill-{number}")
            except Refused as error:
                return f"fill-{number}", error
        self.fail("the store never became full")

    def check_told(self, error, code, *words):
        """The bus said `error`; HTTP and the log say the same."""
        said = json.loads(str(error))
        self.assertEqual((said["code"], said["place"]), (code, f"{self.store}/kejue.db"))
        for word in words:
            self.assertIn(word, said["text"])
        self.assertNotEqual(said.get("hint", ""), "")
        for headers in ({}, {"Idempotency-Key": "over-http"}):
            status, body = self.daemon.http(
                "POST", "/api/commands/job.submit",
                json.dumps({"kind": "hook", "key": "over-http", "due": LATER,
                            "payload": {"text": "x" * 100000}}),
                {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json",
                 **headers})
            self.assertEqual((status, json.loads(body)["error"]),
                             (503 if code == "full" else 500, said))
        logged = [json.loads(line) for line in self.daemon.log_text().splitlines()
                  if '"room":"store"' in line]
        self.assertEqual([line["text"] for line in logged if line["level"] == "error"],
                         [said["text"]])

    def check_kept(self):
        """What is there is what was acknowledged, once each."""
        jobs = self.daemon.rows("job.list", kind="hook")
        self.assertEqual({job["key"]: job["id"] for job in jobs}, self.acknowledged)
        self.assertEqual(len(jobs), len(self.acknowledged))

    def check_goes_on(self, key, *more):
        """The cause has gone: refused ones are taken now, once, and a restart finds all."""
        for again in (key, *more):
            self.assertTrue(self.submit(again), again)
            self.assertTrue(self.submit(again), again)  # the stored answer, not a second job
        self.check_kept()
        self.daemon.wait(lambda: self.submit(key) and
                         "takes writes again" in self.daemon.log_text(), what="the end of it")
        self.daemon.kill()
        self.daemon.start()
        self.check_kept()
        self.submit("after the restart")
        self.assertEqual(self.daemon.stop(), 0)
        self.daemon.start()
        self.check_kept()

    # --- a full disk ---

    def small_disk(self, size="3m"):
        run_or_skip(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.store],
                    "a small disk needs root and mount")
        self.addCleanup(subprocess.run, ["umount", self.store], check=True)

    def resize(self, pages):
        subprocess.run(["mount", "-o", f"remount,size={pages * PAGE}", self.store], check=True)

    def test_full_disk(self):
        self.small_disk()
        self.start()
        key, error = self.fill()
        self.check_told(error, "full", "no space is left", "nothing of it was written")
        self.check_kept()  # and reading works
        self.resize(10000)
        self.check_goes_on(key)

    def test_room_for_the_key_but_not_for_the_job(self):
        """The disk grows page by page: so a request gets a little further each time, and fails at each
        of its writes once. However far it got, its key is free for another try."""
        self.small_disk()
        self.start()
        self.fill()
        pages = (3 << 20) // PAGE
        keys = [f"step-{number}" for number in range(24)]
        for number, key in enumerate(keys):
            self.resize(pages + number)
            self.assertEqual(self.refused(key, 200000).code, "full", key)
        self.resize(10000)
        self.check_goes_on(*keys)

    def test_start_on_a_full_disk(self):
        self.small_disk()
        self.start()
        self.submit("one")
        self.daemon.stop()
        with open(self.store / "fill", "wb", buffering=0) as fill:
            try:
                while fill.write(bytes(PAGE)):
                    pass
            except OSError:
                pass
        result = subprocess.run(self.daemon.command(), capture_output=True, text=True, timeout=30)
        told = [line for line in result.stderr.splitlines() if not line.startswith("{")]
        self.assertEqual((result.returncode, len(told)), (1, 1), result.stderr)
        self.assertIn(f"{self.store}/kejue.db", told[0])
        self.assertIn("no space is left", told[0])
        os.remove(self.store / "fill")
        self.daemon.start()
        self.check_kept()

    # --- a file that may not grow ---

    def test_file_size_limit(self):
        self.start()
        pid = str(self.daemon.process.pid)
        run_or_skip(["prlimit", "--pid", pid, "--fsize=2000000:unlimited"], "prlimit is needed")
        key, error = self.fill()
        self.check_told(error, "full", "no space is left")
        self.check_kept()
        subprocess.run(["prlimit", "--pid", pid, "--fsize=unlimited:unlimited"], check=True)
        self.check_goes_on(key)

    # --- read-only while it runs ---

    def test_made_read_only(self):
        self.start()
        self.submit("one")
        files = [self.store / name for name in ("kejue.db", "kejue.db-wal")]
        self.addCleanup(subprocess.run, ["chattr", "-i", *files], capture_output=True)
        run_or_skip(["chattr", "+i", *files], "making a file immutable needs root and ext4 or the like")
        error = self.refused("two")
        self.check_told(error, "io", "nothing of it was written", "Operation not permitted")
        self.check_kept()
        subprocess.run(["chattr", "-i", *files], check=True)
        self.check_goes_on("two")


if __name__ == "__main__":
    unittest.main()
