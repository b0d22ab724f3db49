#!/usr/bin/env python3
"""alertmanager.py BINARIES [planted]: two clustered Alertmanagers, a receiver of their notifications, and a belfry.

Each alarm is paged, once while nobody is killed; each end is told; and in the end both Alertmanagers show what is open
and nothing else, whoever was killed meanwhile. TOCSIN_FAN_SEED and TOCSIN_FAN_ROUNDS set the kills.
"""

import http.server
import json
import os
import random
import sys
import threading
import time
import urllib.request

import ground

AM = "usr/bin/prometheus-alertmanager"
CONFIG = """route:
  receiver: hook
  group_by: ['...']
  group_wait: 500ms
  group_interval: 500ms
  repeat_interval: 1h
  routes:
  - matchers: ['alertname="TocsinWatchdog"']
    receiver: 'null'
receivers:
- name: 'null'
- name: hook
  webhook_configs:
  - url: http://127.0.0.1:%d/
    send_resolved: true
"""


class Paged:
    """What was paged: for each subject how often as firing and as resolved."""

    def __init__(self):
        self.lock, self.firing, self.resolved = threading.Lock(), {}, {}
        paged = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with paged.lock:
                    for alert in body["alerts"]:
                        counts = paged.firing if alert["status"] == "firing" else paged.resolved
                        subject = alert["labels"].get("subject", "-")
                        counts[subject] = counts.get(subject, 0) + 1
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def all_in(self, what, subjects):
        with self.lock:
            return all(what.get(s, 0) > 0 for s in subjects)


class Managers:
    def __init__(self, directory, hook_port):
        self.web = ground.free_ports(2)
        gossip = ground.free_ports(2)
        self.each = []
        with open(os.path.join(directory, "am.yml"), "w") as f:
            f.write(CONFIG % hook_port)
        for i in range(2):
            arguments = [f"--config.file={directory}/am.yml", f"--storage.path={directory}/am{i}",
                         f"--web.listen-address=127.0.0.1:{self.web[i]}",
                         f"--cluster.listen-address=127.0.0.1:{gossip[i]}",
                         f"--cluster.advertise-address=127.0.0.1:{gossip[i]}",
                         f"--cluster.peer=127.0.0.1:{gossip[1 - i]}", "--cluster.settle-timeout=2s",
                         "--cluster.peer-timeout=1s", "--cluster.reconnect-interval=1s"]
            self.each.append(ground.Peer("alertmanager", AM, arguments, f"{directory}/am{i}.log"))

    def get(self, i, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.web[i]}/api/v2/{path}", timeout=5) as answer:
            return json.load(answer)

    def together(self):
        try:
            return all(len(self.get(i, "status")["cluster"]["peers"]) == 2 for i in range(2))
        except OSError:
            return False

    def shown(self, i):
        """Subjects of what fires there; None while it does not answer."""
        try:
            return {a["labels"].get("subject", a["labels"]["alertname"]) for a in self.get(i, "alerts?active=true")}
        except OSError:
            return None


def raise_alarm(belfry, voice, name):
    """Returns the number of the line that raised it."""
    number = voice.next
    belfry.say(voice.seal("CRIT", "integrity.changed", f"path=/{name}"))
    return number


def end_alarm(belfry, voice, number, name):
    belfry.say(voice.seal("NOTE", "integrity.restored", f"of={number} path=/{name}"))


def nobody_is_killed(belfry, voice, managers, paged):
    names = [f"calm{i}" for i in range(6)]
    numbers = [raise_alarm(belfry, voice, n) for n in names]
    subjects = [f"path=/{n}" for n in names]
    ground.wait_for("paged", lambda: paged.all_in(paged.firing, subjects))
    time.sleep(3)  # a second page from the other one would come now
    with paged.lock:
        twice = [s for s in subjects if paged.firing[s] != 1]
    if twice:
        print(f"FAIL: {twice} paged more than once by two that are clustered")
        sys.exit(1)
    print("ok   each alarm is paged once by two clustered Alertmanagers")
    for n, number in list(zip(names, numbers))[:3]:
        end_alarm(belfry, voice, number, n)
    ground.wait_for("its end paged", lambda: paged.all_in(paged.resolved, subjects[:3]))
    print("ok   and so is its end")
    return set(subjects[3:])


def what_ended_meanwhile_is_paged(belfry, voice, managers, paged, planted):
    for m in managers.each:
        m.end()
    number = raise_alarm(belfry, voice, "short")
    belfry.say(voice.seal("INFO", "agent.beat", "next=60"))
    end_alarm(belfry, voice, number, "short")
    ground.wait_for("on record", lambda: belfry.ask("SELECT count(*) FROM alarms WHERE open = 0 AND subject = "
                                                    "'path=/short'")[0][0] == 1)
    time.sleep(2)
    belfry.kill_beside("belfry-notify")
    for m in managers.each:
        m.start()
    if planted:
        time.sleep(8)
        if not paged.all_in(paged.firing, ["path=/short"]):
            print("found: told before an Alertmanager had accepted it")
            sys.exit(0)
        print("planted bug not found")
        sys.exit(1)
    ground.wait_for("paged late", lambda: paged.all_in(paged.firing, ["path=/short"]))
    ground.wait_for("its end too", lambda: paged.all_in(paged.resolved, ["path=/short"]))
    ground.wait_for("together again", managers.together)
    print("ok   what began and ended while both were away is paged, and its end")


def killed_at_random(belfry, voice, managers, paged, chance, rounds):
    still, over = {}, set()
    for i in range(rounds):
        name = f"wild{i}"
        still[name] = raise_alarm(belfry, voice, name)
        if len(still) > 4:
            name = chance.choice(sorted(still))
            end_alarm(belfry, voice, still.pop(name), name)
            over.add(f"path=/{name}")
        what = chance.randrange(5)
        if what < 2:
            managers.each[what].end()
            time.sleep(chance.random())
            managers.each[what].start()
        elif what == 2:
            belfry.process.end()
            belfry.process.start()
        elif what == 3:
            belfry.kill_beside("belfry-notify")
        time.sleep(chance.random())
    subjects = {f"path=/{n}" for n in still}
    ground.wait_for("all paged", lambda: paged.all_in(paged.firing, subjects | over))
    ground.wait_for("all ends paged", lambda: paged.all_in(paged.resolved, over))
    return subjects


def main():
    planted = "planted" in sys.argv[2:]
    seed = int(os.environ.get("TOCSIN_FAN_SEED", "1"))
    rounds = int(os.environ.get("TOCSIN_FAN_ROUNDS", "12"))
    ground.peers("alertmanager", "prometheus-alertmanager")
    paged = Paged()
    belfry = ground.Belfry(sys.argv[1], "", ("belfry-notify", "belfry-notify-told-early") if planted else None)
    managers = Managers(belfry.dir, paged.server.server_address[1])
    try:
        for m in managers.each:
            m.start()
        ground.wait_for("both there", managers.together)
        place = ",".join(f"http://127.0.0.1:{p}" for p in managers.web)
        belfry.configure(f"Notify pager alertmanager {place} receiver=lab hold=3")
        voice = belfry.pair("web03")
        belfry.process.start()
        belfry.say(voice.seal("INFO", "agent.start", "beat=60"))
        ground.wait_for("the watchdog", lambda: all("TocsinWatchdog" in (managers.shown(i) or ()) for i in range(2)))
        left = set()
        if not planted:
            left |= nobody_is_killed(belfry, voice, managers, paged)
        what_ended_meanwhile_is_paged(belfry, voice, managers, paged, planted)
        left |= killed_at_random(belfry, voice, managers, paged, random.Random(seed), rounds)
        ground.wait_for("both show what is open", lambda: all(
            {s for s in managers.shown(i) or () if s.startswith("path=/")} == left for i in range(2)))
        print(f"ok   {rounds} kills at random (seed {seed}): all is paged, both show what is open and nothing else")
    except SystemExit as end:
        if end.code == 1:
            for name in ("belfry.log", "am0.log", "am1.log"):
                ground.show(belfry.path(name))
            print(belfry.command("status").stdout)
        raise
    finally:
        for m in managers.each:
            m.end()
        belfry.remove()


main()
