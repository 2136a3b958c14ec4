"""The database file and what may happen to it: damage, a newer version, a folder that cannot be written,
a second daemon, kill -9 in the middle of everything. One sentence says what is wrong; nothing that was
acknowledged is lost, and nothing is done twice."""
import datetime
import json
import os
import random
import sqlite3
import struct
import subprocess
import threading
import time
import unittest

from flow_engine import Engine, Flow, Refused

LATER = "2030-01-01T00:00:00Z"


class Database(Flow):
    def setUp(self):
        super().setUp()
        self.file = self.dir / "kejue.db"

    def submit(self, engine, key, size=3000):
        return engine.ask("job.submit", kind="hook", key=key, due=LATER,
                          payload={"text": "x" * size})["id"]

    def check_start_refused(self, engine, *words):
        result = subprocess.run(engine.command(), capture_output=True, text=True, timeout=60)
        told = [line for line in result.stderr.splitlines() if not line.startswith("{")]
        self.assertEqual((result.returncode, len(told)), (1, 1), result.stderr)
        for word in words:
            self.assertIn(str(word), told[0])

    def page_size(self):
        with open(self.file, "rb") as file:
            return struct.unpack(">16xH", file.read(18))[0]

    def damage(self, page):
        size = self.page_size()
        with open(self.file, "r+b") as file:
            file.seek((page - 1) * size)
            file.write(b"Z" * size)

    def leaves_of_jobs(self):
        """The leaf pages of the table of jobs, in the order of their ids."""
        with sqlite3.connect(self.file) as sql:
            root, = sql.execute("SELECT rootpage FROM sqlite_master WHERE name = 'jobs'").fetchone()
        sql.close()
        data, size = self.file.read_bytes(), self.page_size()

        def leaves(page):
            body = data[(page - 1) * size:page * size]
            if body[0] == 13:
                return [page]
            self.assertEqual(body[0], 5)  # the inner node of a table
            count, = struct.unpack(">H", body[3:5])
            children = [struct.unpack(">I", body[at:at + 4])[0]
                        for at in struct.unpack(f">{count}H", body[12:12 + 2 * count])]
            children += struct.unpack(">I", body[8:12])  # the last one
            return [leaf for child in children for leaf in leaves(child)]

        return leaves(root)

    # --- at the start ---

    def test_a_damaged_page(self):
        engine = self.engine(clock=None)
        for number in range(100):
            self.submit(engine, f"k{number}")
        engine.stop()
        whole = self.file.read_bytes()
        leaves = self.leaves_of_jobs()
        self.assertGreater(len(leaves), 20)
        self.damage(leaves[len(leaves) // 2])
        self.check_start_refused(engine, self.file, "is damaged", "; restore it from a backup")
        self.file.write_bytes(whole[:len(whole) // 2])
        self.check_start_refused(engine, self.file, "is damaged", "backup")
        self.file.write_bytes(whole)
        engine.start()
        self.assertEqual(len(engine.rows("job.list")), 100)

    def test_a_newer_version(self):
        engine = self.engine(clock=None)
        engine.stop()
        with sqlite3.connect(self.file) as sql:
            (doc,), = sql.execute("SELECT doc FROM meta WHERE key = 'format'").fetchall()
            at = doc.index(b"\x12format\0") + 8  # an int64 of that name
            mine, = struct.unpack("<q", doc[at:at + 8])
            newer = doc[:at] + struct.pack("<q", mine + 7) + doc[at + 8:]
            sql.execute("UPDATE meta SET doc = ? WHERE key = 'format'", (newer,))
        sql.close()
        self.check_start_refused(engine, self.file, f"format {mine + 7}", f"up to {mine}", "install")

    def test_a_folder_that_cannot_be_written(self):
        engine = self.engine(clock=None)
        self.submit(engine, "one")
        engine.stop()
        if subprocess.run(["mount", "--bind", self.dir, self.dir], capture_output=True).returncode:
            self.skipTest("a read-only mount needs root and mount")
        self.addCleanup(subprocess.run, ["umount", self.dir], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", self.dir], check=True)
        self.check_start_refused(engine, self.file, "Read-only file system", "write access")

    def test_a_second_daemon_on_the_same_bus(self):
        engine = self.engine(clock=None)
        self.submit(engine, "one")
        folder = self.dir / "other"
        folder.mkdir()
        other = Engine(folder, clock=None, more=f'run_dir = "{self.dir}";')
        self.check_start_refused(other, self.dir / "bus.ipc", "another kejued")
        self.submit(engine, "two")
        self.assertEqual(len(engine.rows("job.list")), 2)
        bus = engine.other_bus()  # the door still leads to the first
        self.assertTrue(bus.ask({"cmd": "job.get", "args": {"key": "two"}})["ok"])
        bus.close()

    # --- while it runs ---

    def test_damage_met_while_running(self):
        """More than is read through at the start (64 MiB), and the damage lies in the midst of it."""
        engine = self.engine(clock=None)
        ids = [self.submit(engine, f"k{number}", 900000) for number in range(80)]
        ids += [self.submit(engine, f"s{number}") for number in range(200)]
        engine.stop()
        self.assertGreater(self.file.stat().st_size, 66 << 20)
        leaves = self.leaves_of_jobs()
        self.damage(leaves[len(leaves) // 2])
        engine.start()
        refused, good = [], []
        for number in ids:
            try:
                good.append(engine.ask("job.get", id=number)["id"])
            except Refused as error:
                refused.append(json.loads(str(error)))
        self.assertTrue(0 < len(refused) < 100, len(refused))
        self.assertEqual(len(good) + len(refused), len(ids))
        for error in refused:
            self.assertEqual((error["code"], error["place"]), ("io", str(self.file)))
            self.assertIn("malformed", error["text"])
            self.assertIn("restore the file from a backup", error["hint"])
        lost = next(number for number in ids if number not in good)
        with self.assertRaises(Refused):  # no work from there is acknowledged
            engine.ask("job.cancel", id=lost)
        for number in (good[0], good[-1]):  # and the rest goes on
            engine.ask("job.cancel", id=number)
        fresh = self.submit(engine, "fresh")
        self.assertEqual(engine.ask("job.get", id=fresh)["key"], "fresh")
        told = [line for line in engine.log_text().splitlines() if '"room":"store"' in line]
        self.assertIn("backup", told[0])
        self.assertLess(len(told), 5)  # not a line for each

    def test_damage_in_the_way_of_the_queue(self):
        """Jobs that come due lie on the damaged page. Nothing of theirs is claimed; the daemon says so,
        answers what else is asked, and does not try in a loop."""
        engine = self.engine(clock=None)
        due = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=8)
        for number in range(80):
            self.submit(engine, f"k{number}", 900000)
        engine.ask("job.submit", jobs=[
            {"kind": "hook", "key": f"s{number}", "due": due.isoformat(),
             "payload": {"text": "x" * 3000}} for number in range(60)])
        engine.stop()
        leaves = self.leaves_of_jobs()
        self.damage(leaves[-len(leaves) // 4])
        engine.start()
        engine.wait(lambda: '"room":"queue"' in engine.log_text(), what="a word of the queue")
        before = self.cpu(engine)
        time.sleep(2)
        self.assertLess(self.cpu(engine) - before, 0.5)
        fresh = engine.wait(lambda: self.submit_or_none(engine, "fresh"), 5, "a place of its own")
        self.assertEqual(engine.ask("job.get", id=fresh)["state"], "waiting")
        self.assertLess(len(engine.log_text().splitlines()), 40)
        begun = time.monotonic()
        self.assertEqual(engine.stop(), 0)
        self.assertLess(time.monotonic() - begun, 10)

    def submit_or_none(self, engine, key):
        """None when it met the claim that fails, once a second: their group fails as a whole."""
        try:
            return self.submit(engine, key)
        except Refused as refused:
            self.assertEqual(refused.code, "io")
            return None

    @staticmethod
    def cpu(engine):
        """Seconds of both kinds."""
        with open(f"/proc/{engine.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # --- kill -9 ---

    def test_kill_while_work_comes_in(self):
        """Clients submit as fast as they can, by idempotency key alone; the daemon is killed again and
        again. A client that got no answer asks again with the same key after the restart."""
        engine = self.engine(clock=None)
        engine.ask("group.create", key="sales", pack="lead-qualification")
        assistant = engine.ask("assistant.create", group="sales", name="Anna", language="en",
                               company="Sunrise", first_message="Hello.",
                               from_number="+4930901820")["id"]
        engine.ask("lead.import", rows=[{"phone_number": "+493055510001"}], list="l")
        call = {"lead_id": 1, "call": {"assistant_id": assistant, "schedule_at": LATER}}
        job = {"kind": "hook", "due": LATER}
        acknowledged, unanswered, repeated = {}, {}, 0

        def submit(bus, who, key):
            unanswered[who] = key
            cmd, args = ("call.create", call) if key.endswith("call") else ("job.submit", job)
            answer = bus.ask({"cmd": cmd, "args": args, "idempotency_key": key})
            self.assertTrue(answer["ok"], answer)
            acknowledged[key] = answer["result"].get("job_id", answer["result"]["id"])
            del unanswered[who]

        def client(turn, who, bus):
            try:
                for number in range(10**6):
                    submit(bus, who, f"{turn}-{who}-{number}-{('job', 'call')[number % 2]}")
            except OSError:
                bus.close()

        chance, rounds = random.Random(7), 12
        for turn in range(rounds):
            threads = [threading.Thread(target=client, args=(turn, who, engine.other_bus()))
                       for who in range(8)]
            for thread in threads:
                thread.start()
            time.sleep(chance.uniform(0.05, 0.25))
            engine.kill()
            for thread in threads:
                thread.join(30)
            engine.start()
            engine.ask("status")
            repeated += len(unanswered)
            for who, key in list(unanswered.items()):
                submit(engine.bus, who, key)
        ids = list(acknowledged.values())
        self.assertGreater(len(ids), 20 * rounds)
        self.assertGreater(repeated, rounds)
        self.assertEqual(len(set(ids)), len(ids))
        self.assertEqual({job["id"] for job in engine.rows("job.list")}, set(ids))


if __name__ == "__main__":
    unittest.main()
