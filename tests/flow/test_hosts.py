"""The hosts of a store, as the doors show them; and the kill switch, which a restart does not undo."""
import json
import os
import subprocess

from flow_engine import BUILD, Flow


class Hosts(Flow):
    def test_a_host_and_its_next_life(self):
        flow = self.engine(clock=None)
        [host] = flow.ask("host.list")["hosts"]
        self.assertEqual((host["state"], host["epoch"], host["self"]), ("live", 1, True))
        shown = subprocess.run([BUILD / "kejuectl", "--json", "hosts"], capture_output=True,
                               text=True, check=True,
                               env={**os.environ, "KEJUE_BUS": f"ipc://{flow.dir}/bus.ipc"})
        self.assertEqual(json.loads(shown.stdout)["hosts"][0]["name"], host["name"])
        flow.ask("dialing.stop")
        flow.stop()
        flow.start()
        [host] = flow.ask("host.list")["hosts"]
        self.assertEqual(host["state"], "live")
        self.assertEqual(host["epoch"], 3)  # it ended, and began
        self.assertFalse(host["dialing"])
        flow.ask("dialing.start")
        self.assertTrue(flow.ask("status")["dialing"])
