"""Every door with what it must refuse: wrong JSON, wrong schema, unknown commands, too much, wrong
tokens, half a message. The daemon answers with one shape of error and stays up."""
import http.client
import json
import re
import socket
import struct
import subprocess
import threading
import time
import unittest

from flow_engine import Bus, Flow, Refused


class Doors(Flow):
    def setUp(self):
        super().setUp()
        for name in ("lib", "rules", "hooks"):
            (self.dir / "scripts" / name).mkdir(parents=True)
        self.daemon = self.engine(clock=None, http_port=0, scripts=self.dir / "scripts")
        self.token = self.make_token("operate")

    def make_token(self, *scopes):
        bus = self.daemon.other_bus()
        answer = bus.ask({"cmd": "token.create", "args": {"name": "t", "scopes": list(scopes)}})
        bus.close()
        return answer["result"]["token"]

    def alive(self):
        self.assertIsNone(self.daemon.process.poll(), self.daemon.log_text()[-2000:])
        self.assertIn("version", self.daemon.ask("status"))

    def post(self, name, body, token=None, **headers):
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        sent = {"Content-Type": "application/json", "Authorization": f"Bearer {token or self.token}"}
        sent.update({key.replace("_", "-"): value for key, value in headers.items()})
        status, answer = self.daemon.http("POST", f"/api/commands/{name}", body, sent)
        return status, json.loads(answer)

    def raw(self, data, wait=5):
        """Bytes as they are; everything that comes back."""
        with socket.create_connection(("127.0.0.1", self.daemon.port), timeout=wait) as link:
            link.sendall(data)
            answer = b""
            try:
                while more := link.recv(65536):
                    answer += more
            except (TimeoutError, ConnectionResetError):
                pass
            return answer


class BusDoor(Doors):
    def code(self, message):
        bus = Bus(self.daemon.dir / "bus.ipc", 10)
        try:
            answer = bus.ask(message)
        finally:
            bus.close()
        self.assertFalse(answer["ok"])
        self.assertEqual(set(answer["error"]) - {"code", "place", "text", "hint", "faults"}, set())
        return answer["error"]["code"]

    def test_refusals(self):
        for message, code in (
                ([], "schema"), ({}, "schema"), ({"cmd": 5}, "schema"),
                ({"cmd": "status", "args": []}, "schema"), ({"cmd": "stauts"}, "not_found"),
                ({"cmd": "lead.why", "args": {}}, "schema"),
                ({"cmd": "lead.why", "args": {"who": "+49301", "odd": 1}}, "schema"),
                ({"cmd": "status", "token": "wrong"}, "denied"),
                ({"cmd": "status", "args": {"x": [0] * 20000}}, "limit"),
                ({"cmd": "status", "args": {"x": "y" * 2000000}}, "limit")):
            self.assertEqual(self.code(message), code, str(message)[:80])
        self.alive()

    def test_faults_have_places(self):
        with self.assertRaises(Refused) as caught:
            self.daemon.ask("token.create", scopes=["king"], nmae="x")
        self.assertEqual(caught.exception.code, "schema")
        self.assertGreaterEqual(len(caught.exception.faults), 2)
        self.assertTrue(any(fault["pointer"] == "/scopes/0" for fault in caught.exception.faults))

    def test_many_jobs(self):
        later = {"kind": "hook", "due": "2038-01-01T00:00:00Z"}
        jobs = [{**later, "key": f"k{number % 900}", "priority": number % 101,
                 "payload": {"number": number}} for number in range(1000)]
        rows = self.daemon.ask("job.submit", jobs=jobs)["jobs"]
        self.assertEqual([row["created"] for row in rows], [True] * 900 + [False] * 100)
        self.assertEqual([row["id"] for row in rows[900:]], [row["id"] for row in rows[:100]])
        self.assertEqual(len({row["id"] for row in rows}), 900)
        for number in (0, 512, 899):
            job = self.daemon.ask("job.get", id=rows[number]["id"])
            self.assertEqual((job["key"], job["priority"], job["payload"]["number"], job["state"]),
                             (f"k{number}", number % 101, number, "waiting"))
        one = self.daemon.ask("job.submit", **later, key="k5")
        self.assertEqual(one, {"id": rows[5]["id"], "created": False})
        status, answer = self.post("job.submit", {"jobs": [later] * 3})
        self.assertEqual((status, [row["created"] for row in answer["jobs"]]), (200, [True] * 3))

    def test_many_jobs_or_none(self):
        later = {"kind": "hook", "due": "2038-01-01T00:00:00Z"}
        for jobs, code, place in (
                ([later, {"kin": "hook"}], "schema", "/jobs/1/kin"),
                ([later, later, {**later, "priority": 101}], "schema", "/jobs/2/priority"),
                ([later, "hook"], "schema", "/jobs/1"), ([], "schema", "/jobs"),
                ([later] * 1001, "schema", "/jobs"), ({"0": later}, "schema", "/jobs"),
                ([later, {"kind": "nonsense"}], "invalid", "/jobs/1/kind"),
                ([later, {"kind": "call"}], "invalid", "/jobs/1/kind"),
                ([{**later, "payload": {"x": [0] * 60}}] * 1000, "limit", "/args")):
            with self.assertRaises(Refused) as caught:
                self.daemon.ask("job.submit", jobs=jobs)
            self.assertEqual((caught.exception.code, caught.exception.place), (code, place))
        with self.assertRaises(Refused):
            self.daemon.ask("job.submit", kind="hook", jobs=[later])
        self.assertEqual(self.daemon.ask("job.list")["jobs"], [])

    def connect(self, name="bus.ipc"):
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(5)
        link.connect(str(self.daemon.dir / name))
        return link

    def test_broken_frames(self):
        hello = b"\0SP\0" + struct.pack(">HH", 0x30, 0)
        frame = b"\1" + struct.pack(">Q", 40)
        for data in (b"", b"\0", b"GET / HTTP/1.1\r\n\r\n", hello[:5], hello, hello + frame,
                     hello + frame + b'\x80\0\0\1{"cmd":', hello + b"\1" + b"\xff" * 8,
                     hello + b"\7" + struct.pack(">Q", 4) + b"abcd",
                     hello + b"\1" + struct.pack(">Q", 2) + b"ab",
                     hello + b"\1" + struct.pack(">Q", 9) + b"\x80\0\0\1\xff\xfe{}}"):
            for name in ("bus.ipc", "events.ipc"):
                link = self.connect(name)
                link.sendall(data)
                link.close()
        self.alive()

    def test_waiting_clients_go(self):
        for _ in range(40):
            bus = self.daemon.other_bus()
            message = json.dumps({"cmd": "event.since", "args": {"wait_ms": 200, "cursor": 99}})
            body = struct.pack(">I", 0x80000001) + message.encode()
            bus.socket.sendall(b"\1" + struct.pack(">Q", len(body)) + body)
            bus.close()
        time.sleep(0.4)
        self.alive()


class HttpDoor(Doors):
    def test_refusals(self):
        read_only = self.make_token("read")
        for name, body, token, status, code in (
                ("status", b"{", None, 400, "parse"),
                ("status", b"\xff\xfe", None, 400, "parse"),
                ("status", b'{"a":1,"a":2}', None, 400, "parse"),
                ("status", [], None, 422, "schema"),
                ("lead.why", {}, None, 422, "schema"),
                ("no.such", {}, None, 404, "not_found"),
                ("status", {}, "wrong", 401, "denied"),
                ("token.list", {}, None, 403, "denied"),
                ("dialing.stop", {}, read_only, 403, "denied"),
                ("campaign.get", {"id": 99}, None, 404, "not_found"),
                ("campaign.start", {"id": 99}, None, 404, "not_found"),
                ("status", {"x": "y" * 2000000}, None, 413, "limit"),
                ("status", {"x": [0] * 20000}, None, 413, "limit")):
            got, answer = self.post(name, body, token)
            self.assertEqual((got, answer["error"]["code"]), (status, code), f"{name} {body!r:.60}")
        self.alive()

    def test_every_command_refuses_nonsense(self):
        token = self.make_token("admin")
        names = [row["name"] for row in self.daemon.ask("command.list")["commands"]]
        self.assertGreater(len(names), 40)
        for name in names:
            status, answer = self.post(name, {"no_such_argument": {"deep": [1, None, "x"]}}, token)
            self.assertEqual(status, 422, f"{name}: {answer}")
            self.assertEqual(self.post(name, "[1, 2]", token)[0], 422, name)
            self.assertEqual(self.daemon.http("GET", f"/api/commands/{name}")[0], 405, name)
        self.alive()

    def test_smuggling(self):
        head = f"Host: x\r\nAuthorization: Bearer {self.token}\r\nContent-Type: application/json\r\n"
        inner = f"POST /api/commands/dialing.stop HTTP/1.1\r\n{head}Content-Length: 2\r\n\r\n{{}}"
        for framing, body in (
                (f"Content-Length: {len(inner) + 5}\r\nTransfer-Encoding: chunked\r\n",
                 "0\r\n\r\n" + inner),
                ("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n" + inner),
                ("Transfer-Encoding: chunked\r\n", "0\r\n\r\n" + inner),
                ("Transfer-Encoding : chunked\r\nContent-Length: 0\r\n", inner),
                ("Content-Length: 0\r\nContent-Length: 50\r\n", inner),
                ("Content-Length: 0\r\n Content-Length: 50\r\n", inner),
                ("Content-Length: 0x0\r\n", inner), ("Content-Length: -1\r\n", inner)):
            answer = self.raw(f"POST /api/commands/status HTTP/1.1\r\n{head}{framing}\r\n{body}"
                              .encode(), wait=1)
            self.assertNotIn(b" 200 OK", answer, framing)
        self.assertTrue(self.daemon.ask("status")["dialing"])

    def test_half_requests(self):
        head = (f"POST /api/commands/status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                f"{self.token}\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{{")
        links = []
        for length in range(1, len(head), 7):
            link = socket.create_connection(("127.0.0.1", self.daemon.port))
            link.sendall(head[:length].encode())
            links.append(link)
        self.alive()  # they hold nobody up
        self.assertEqual(self.post("status", {})[0], 200)
        for link in links:
            link.close()
        self.alive()

    def test_a_revoked_token(self):
        self.assertEqual(self.post("status", {})[0], 200)
        tokens = self.daemon.ask("token.list")["tokens"]
        self.daemon.ask("token.revoke", id=tokens[0]["id"])
        self.assertEqual(self.post("status", {})[0], 401)
        self.token = self.make_token("read")
        self.assertEqual([self.post("status", {})[0] for _ in range(3)], [200] * 3)
        self.assertEqual(self.post("dialing.stop", {})[0], 403)

    def test_once_per_key(self):
        first = self.post("group.create", {"key": "a", "name": "A"}, Idempotency_Key="k")
        again = self.post("group.create", {"key": "a", "name": "A"}, Idempotency_Key="k")
        other = self.post("group.create", {"key": "a", "name": "A"}, Idempotency_Key="k2")
        self.assertEqual(first, again)
        self.assertEqual(first[0], 200)
        self.assertEqual((other[0], other[1]["error"]["code"]), (409, "exists"))

    def test_large_import(self):
        rows = [{"phone_number": f"+4930901{number:05d}", "notes": "x" * 500}
                for number in range(3000)]
        status, answer = self.post("lead.import", {"list": "large", "rows": rows})
        self.assertEqual(status, 200, answer)
        self.assertEqual(answer["rows"], 3000)
        self.alive()

    def test_hooks(self):
        for method in ("GET", "POST", "PUT", "DELETE"):
            status, _ = self.daemon.http(method, "/hooks/telephony/none?x=1",
                                         b"x" if method in ("POST", "PUT") else None)
            self.assertEqual(status, 404, method)
        self.assertEqual(self.daemon.http("POST", "/hooks/", b"x")[0], 404)
        self.assertEqual(self.daemon.http("POST", "/hooks/a/b", b"x" * 1100000)[0], 413)
        self.alive()

    def test_many_clients(self):
        wrong = []

        def client():
            link = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=30)
            for _ in range(50):
                link.request("POST", "/api/commands/status", "{}", {
                    "Content-Type": "application/json", "Authorization": f"Bearer {self.token}"})
                answer = link.getresponse()
                if answer.status != 200 or "version" not in json.loads(answer.read()):
                    wrong.append(answer.status)
            link.close()

        threads = [threading.Thread(target=client) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


class Watching(Doors):
    def test_health_and_metrics(self):
        self.post("status", {})
        self.post("no.such", {})
        self.assertEqual(self.daemon.http("GET", "/healthz"), (200, b'{"ok":true}\n'))
        status, text = self.daemon.http("GET", "/metrics")
        self.assertEqual(status, 200)
        names = set()
        for line in text.decode().splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) kejue_\w+ .+'
                                   r'|kejue_\w+(\{\w+="[^"\n]*"(,\w+="[^"\n]*")*\})? -?[0-9.e+-]+)$')
            names.add(re.split(r"[ {]", line)[0])
        for name in ("up", "running", "store_pending", "requests_total", "requests_failed_total",
                     "events_total", "plugin_calls_total", "http_connections"):
            self.assertIn(f"kejue_{name}", names)
        self.assertIn('kejue_requests_total{command="status"}', text.decode())

    def open_stream(self, **headers):
        link = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=20)
        link.request("GET", "/api/events", headers={"Authorization": f"Bearer {self.token}",
                                                    **headers})
        answer = link.getresponse()
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.getheader("Content-Type"), "text/event-stream")
        self.addCleanup(link.close)
        return answer

    @staticmethod
    def next_event(stream):
        event = {}
        while True:
            line = stream.readline().decode().rstrip("\n")
            if not line and "data" in event:
                return int(event["id"]), event["event"], json.loads(event["data"])
            name, _, value = line.partition(": ")
            event[name] = value

    def test_stream_without_gap_or_double(self):
        live = self.open_stream()
        done = threading.Event()

        def make():
            for number in range(300):
                self.post("group.create", {"key": f"g{number}", "name": "G"})
            done.set()

        thread = threading.Thread(target=make)
        thread.start()
        seen, stream = [], live
        while len(seen) < 300:
            number, name, data = self.next_event(stream)
            seen.append(number)
            self.assertEqual((name, data["number"], data["name"]), (name, number, name))
            if len(seen) % 70 == 0:  # as a browser does after a lost connection
                stream = self.open_stream(**{"Last-Event-ID": str(number)})
        thread.join()
        self.assertEqual(seen, list(range(seen[0], seen[0] + 300)))

    def test_slow_reader(self):
        slow = socket.create_connection(("127.0.0.1", self.daemon.port))
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(f"GET /api/events?cursor=0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                     f"{self.token}\r\n\r\n".encode())
        for number in range(60):
            self.post("group.create", {"key": f"s{number}", "name": "S" * 100})
        self.alive()
        slow.close()

    def test_stream_after_kill(self):
        stream = self.open_stream()
        self.post("group.create", {"key": "a", "name": "A"})
        last, _, _ = self.next_event(stream)
        self.daemon.kill()
        self.daemon.start()
        self.post("group.create", {"key": "b", "name": "B"})
        number, name, _ = self.next_event(self.open_stream(**{"Last-Event-ID": str(last)}))
        self.assertEqual((number, name), (last + 1, "group.created"))

    def test_stop_with_everything_open(self):
        streams = [self.open_stream() for _ in range(5)]
        waiting = []
        for _ in range(5):
            link = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=20)
            link.request("POST", "/api/commands/event.since", '{"cursor":999,"wait_ms":30000}', {
                "Content-Type": "application/json", "Authorization": f"Bearer {self.token}"})
            waiting.append(link)
        time.sleep(0.1)
        begin = time.monotonic()
        self.assertEqual(self.daemon.stop(), 0)
        self.assertLess(time.monotonic() - begin, 10)
        for link in waiting:
            link.close()
        self.assertEqual(len(streams), 5)

    def test_second_daemon_on_the_same_port(self):
        self.daemon.close_bus()
        text = self.daemon.conf.read_text(encoding="utf-8")
        other = self.dir / "other"
        other.mkdir()
        (other / "kejue.conf").write_text(re.sub(r"port = \d+", f"port = {self.daemon.port}", text),
                                          encoding="utf-8")
        result = subprocess.run([self.daemon.command()[0], "--dir", other], capture_output=True,
                                text=True, timeout=30)
        self.assertEqual(result.returncode, 1)
        self.assertIn("cannot be listened on", result.stderr)
        self.alive()


if __name__ == "__main__":
    unittest.main()
