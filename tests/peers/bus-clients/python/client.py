"""A client of the bus in Python with pynng: submits a job and reads its result, or follows events.
It survives a restart of the daemon: REQ asks again by itself, and no event is missed or told twice.

    client.py FOLDER submit KEY          prints {"id": …, "result": …}
    client.py FOLDER follow CURSOR COUNT prints COUNT events after number CURSOR, one a line
"""
import json
import os
import sys
import time

import pynng

LIFE = dict(block_on_dial=False, reconnect_time_min=50, reconnect_time_max=1000)


class Bus:
    def __init__(self, folder):
        self.req = pynng.Req0(dial=f"ipc://{folder}/bus.ipc", recv_timeout=60000, **LIFE)

    def ask(self, cmd, args, key=None):
        message = {"id": "1", "cmd": cmd, "args": args}
        if key:  # the question may arrive twice (REQ repeats it): the work is done once
            message["idempotency_key"] = key
        if os.environ.get("KEJUE_TOKEN"):  # a local client of the daemon's own user needs none
            message["token"] = os.environ["KEJUE_TOKEN"]
        while True:
            self.req.send(json.dumps(message).encode())
            answer = json.loads(self.req.recv())
            if answer["ok"]:
                return answer["result"]
            if answer["error"]["code"] != "unavailable":  # stopping, busy: it may work in a moment
                raise SystemExit(json.dumps(answer["error"]))
            time.sleep(0.1)


def submit(bus, key):
    # A hook that comes with Kejue; `key` belongs to the job and is taken once.
    job = bus.ask("job.submit", {"kind": "hook", "key": key, "payload": {
        "hook": "crm_note.lua:1", "event": {"plan": {"success": "poor"}}}}, key=key)
    while True:
        job = bus.ask("job.get", {"id": job["id"]})
        if job["state"] not in ("waiting", "running"):
            print(json.dumps({"id": job["id"], "state": job["state"], "result": job.get("result")}))
            return
        time.sleep(0.02)


def follow(bus, folder, cursor, count):
    """SUB is fast but may drop; its numbers tell: what is not the next one is fetched."""
    sub = pynng.Sub0(dial=f"ipc://{folder}/events.ipc", topics=b"", recv_timeout=2000, **LIFE)
    last = cursor + count
    while cursor < last:
        for event in bus.ask("event.since", {"cursor": cursor, "limit": 1000})["events"]:
            cursor = tell(event, last)
        while cursor < last:  # until a gap, or a silence in which the last one may have been lost
            try:
                event = json.loads(sub.recv().split(b" ", 1)[1])  # "NAME {…}"
            except pynng.Timeout:
                break
            if event["number"] > cursor + 1:
                break
            if event["number"] == cursor + 1:
                cursor = tell(event, last)


def tell(event, last):
    if event["number"] <= last:
        print(json.dumps({"number": event["number"], "name": event["name"]}), flush=True)
    return event["number"]


if __name__ == "__main__":
    FOLDER, WHAT = sys.argv[1:3]
    if WHAT == "submit":
        submit(Bus(FOLDER), sys.argv[3])
    else:
        follow(Bus(FOLDER), FOLDER, int(sys.argv[3]), int(sys.argv[4]))
