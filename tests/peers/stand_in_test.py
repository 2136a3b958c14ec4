"""The stand-in itself: does it refuse what the vendors refuse, and fail as it is told?

Usage: stand_in_test.py PATH-OF-kejue-stand-in
"""
import hashlib
import hmac
import http.client
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading

TEMPLATE = {
    "messaging_product": "whatsapp", "to": "+4915112345678", "type": "template",
    "template": {"name": "visit", "language": {"code": "de"}, "components": [
        {"type": "body", "parameters": [
            {"type": "text", "parameter_name": "name", "text": "Anna"}]}]},
    "biz_opaque_callback_data": "41-2-0"}
SCHEMA = {"type": "object", "properties": {
    "owner": {"type": ["boolean", "null"]}, "kind": {"$ref": "#/$defs/kind"}},
    "$defs": {"kind": {"enum": ["p", "q"]}}}


class Hooks(http.server.BaseHTTPRequestHandler):
    got, ready = [], threading.Event()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        mac = hmac.new(b"topsecret", body, hashlib.sha256).hexdigest()
        signed = self.headers["X-Hub-Signature-256"] == "sha256=" + mac
        value = json.loads(body)["entry"][0]["changes"][0]["value"]
        Hooks.got.append((signed, value))
        self.send_response(503 if len(Hooks.got) == 1 else 200)
        self.end_headers()
        if len(Hooks.got) == 8:
            Hooks.ready.set()

    def log_message(self, *_):
        pass


class Peer:
    def __init__(self, program, *options):
        self.process = subprocess.Popen([program, *options], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])

    def ask(self, path, body, headers=None, method="POST"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, json.dumps(body), headers or {})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read()), answer.getheader("Retry-After")
        except (http.client.RemoteDisconnected, ConnectionResetError):
            return None, {}, None
        finally:
            connection.close()

    def stop(self):
        self.process.terminate()
        self.process.stdout.close()
        assert self.process.wait(10) == 0


def changed(**fields):
    return {**TEMPLATE, **fields}


def check_whatsapp(peer):
    path, bearer = "/v23.0/111/messages", {"Authorization": "Bearer t"}
    status, answer, _ = peer.ask(path, TEMPLATE, bearer)
    assert status == 200 and answer["messages"][0]["id"] == "wamid.41-2-0", answer
    _, answer, _ = peer.ask(path, TEMPLATE, bearer)
    assert answer["messages"][0]["id"] == "wamid.41-2-0.2", answer
    refused = [
        (401, 190, TEMPLATE, {}),
        (401, 190, TEMPLATE, {"Authorization": "Bearer expired"}),
        (400, 100, changed(messaging_product="sms"), bearer),
        (400, 131009, changed(to="nobody"), bearer),
        (400, 131008, changed(type="text"), bearer),
        (404, 132001, changed(template={"name": "no", "language": {"code": "de"}}), bearer),
        (400, 132000, changed(template={"name": "visit", "language": {"code": "de"}}), bearer),
    ]
    for status, code, body, headers in refused:
        got, answer, _ = peer.ask(path, body, headers)
        assert (got, answer["error"]["code"]) == (status, code), (got, answer)
    peer.ask("/_control", {"vendor": "whatsapp", "status": 429, "code": 130429, "retry_after": 3})
    status, answer, wait = peer.ask(path, TEMPLATE, bearer)
    assert (status, answer["error"]["code"], wait) == (429, 130429, "3")
    for drop in ("before", "after"):
        peer.ask("/_control", {"drop": drop})
        assert peer.ask(path, changed(biz_opaque_callback_data=drop), bearer)[0] is None
    assert peer.ask("/_control", {"nothing": 1})[0] == 400


def check_openai(peer):
    path, bearer = "/v1/chat/completions", {"Authorization": "Bearer t"}
    ask = {"model": "m", "messages": [{"role": "user", "content": "owns the house"}],
           "response_format": {"type": "json_schema",
                               "json_schema": {"name": "f", "schema": SCHEMA}}}
    status, answer, _ = peer.ask(path, ask, bearer)
    content = json.loads(answer["choices"][0]["message"]["content"])
    assert status == 200 and content == {"owner": True, "kind": "p"}, answer
    ask["messages"][0]["content"] = "says nothing"
    _, answer, _ = peer.ask(path, ask, bearer)
    assert json.loads(answer["choices"][0]["message"]["content"])["owner"] is None
    assert peer.ask(path, ask)[0] == 401
    assert peer.ask(path, {"model": "m", "messages": []}, bearer)[0] == 400
    assert peer.ask(path, {**ask, "response_format": {"type": "json_schema"}}, bearer)[0] == 400


def check_crm(peer):
    first = peer.ask("/crm/contacts", {"a": 1}, {"Idempotency-Key": "k"})[1]
    again = peer.ask("/crm/contacts", {"a": 1}, {"Idempotency-Key": "k"})[1]
    assert first["id"] == again["id"] and "repeated" not in first and again["repeated"]
    assert peer.ask("/crm/contacts", {})[0] == 400
    assert peer.ask("/crm/contacts", {"a": 1}, method="GET")[0] == 405
    assert peer.ask("/elsewhere", {"a": 1})[0] == 404


def check_hooks():
    assert Hooks.ready.wait(20), Hooks.got
    assert all(signed for signed, _ in Hooks.got)
    told = [value["statuses"][0] for _, value in Hooks.got if "statuses" in value]
    assert told[0] == told[1]  # 503 brought it again
    assert [s["status"] for s in told[1:7]] == ["read", "read", "delivered", "delivered",
                                                "sent", "sent"], told
    assert told[0]["biz_opaque_callback_data"] == "41-2-0"


def main():
    server = http.server.HTTPServer(("127.0.0.1", 0), Hooks)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        def put(name, text):
            path = os.path.join(folder, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            return path
        log = os.path.join(folder, "log")
        peer = Peer(
            sys.argv[1], "--log", log,
            "--templates", put("templates", '[{"name":"visit","language":"de","names":["name"]}]'),
            "--answers", put("answers", '[{"contains":"owns the house","answer":{"owner":true}}]'),
            "--webhook", f"http://127.0.0.1:{server.server_port}/hook",
            "--webhook-secret", put("secret", "topsecret\n"),
            "--webhook-twice", "--webhook-reordered", "--webhook-delay-ms", "1")
        check_whatsapp(peer)
        check_openai(peer)
        check_crm(peer)
        check_hooks()
        peer.stop()
        with open(log, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
    ids = [line["id"] for line in lines if line["vendor"] == "whatsapp"]
    # "before" was never taken, "after" was
    assert ids == ["wamid.41-2-0", "wamid.41-2-0.2", "wamid.after"], ids
    assert [line["n"] for line in lines] == list(range(1, len(lines) + 1))
    server.shutdown()
    print("ok")


main()
