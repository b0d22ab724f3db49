#!/usr/bin/env python3
"""nats.py BINARIES [planted]: three clustered NATS servers with JetStream, two sites, and a hub.

Each row of each site's ledger is in the stream, and once; the hub knows them all, whoever was killed meanwhile: the leader
of the stream, belfries, publishers, the hub. TOCSIN_FAN_SEED and TOCSIN_FAN_ROUNDS set the kills.
"""

import base64
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import ground

SERVER = "usr/sbin/nats-server"
CONFIG = """server_name: n%d
listen: 127.0.0.1:%d
http: 127.0.0.1:%d
jetstream { store_dir: "%s/js%d" }
cluster { name: lab, listen: 127.0.0.1:%d, routes: [%s] }
authorization { users: [
  { user: hub, password: secret }
  { user: ams1, password: one, permissions: { publish: ["tocsin.ams1.>"], subscribe: ["_INBOX.>"] } }
  { user: fra2, password: two, permissions: { publish: ["tocsin.fra2.>"], subscribe: ["_INBOX.>"] } }
] }
"""


class Cluster:
    def __init__(self, directory):
        ports = ground.free_ports(9)
        self.client, self.http, routes = ports[:3], ports[3:6], ports[6:]
        self.each = []
        all_routes = ", ".join(f"nats://127.0.0.1:{p}" for p in routes)
        for i in range(3):
            conf = f"{directory}/n{i}.conf"
            with open(conf, "w") as f:
                f.write(CONFIG % (i, self.client[i], self.http[i], directory, i, routes[i], all_routes))
            self.each.append(ground.Peer("nats", SERVER, ["-c", conf], f"{directory}/n{i}.log"))
        self.place = ",".join(f"nats://127.0.0.1:{p}" for p in self.client)

    def ask(self, i, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http[i]}/{path}", timeout=5) as answer:
            return json.load(answer)

    def ready(self):
        try:
            return any("leader" in self.ask(i, "jsz").get("meta_cluster", {}) for i in range(3)) and all(
                self.ask(i, "healthz").get("status") == "ok" for i in range(3))
        except OSError:
            return False

    def stream(self):
        """What the servers know of the stream: its leader's number and how many messages it has."""
        for i in range(3):
            try:
                for account in self.ask(i, "jsz?accounts=true&streams=true").get("account_details", []):
                    for stream in account.get("stream_detail", []):
                        if stream["name"] == "TOCSIN" and stream.get("cluster", {}).get("leader") == f"n{i}":
                            return i, stream["state"]["messages"]
            except OSError:
                pass
        return None, 0


def read_all(port, count):
    """Every message of the stream as (subject, id, text), each asked for by its sequence."""
    s = socket.create_connection(("127.0.0.1", port), timeout=20)
    f = s.makefile("rb")
    f.readline()
    s.sendall(b'CONNECT {"verbose":false,"user":"hub","pass":"secret","headers":true,"no_responders":true}\r\nSUB re.> 1\r\n')
    out = []
    for sequence in range(1, count + 1):
        ask = json.dumps({"seq": sequence})
        s.sendall(f"PUB $JS.API.STREAM.MSG.GET.TOCSIN re.{sequence} {len(ask)}\r\n{ask}\r\n".encode())
        words = f.readline().split()
        while words and words[0] != b"MSG":
            if words[0] == b"PING":
                s.sendall(b"PONG\r\n")
            if words[0] == b"HMSG":
                raise OSError("no server answers for the stream")
            words = f.readline().split()
        message = json.loads(f.read(int(words[-1]) + 2)).get("message")
        if message is None:
            raise OSError(f"message {sequence} is not there")
        heads = base64.b64decode(message.get("hdrs", "")).decode().split("\r\n")
        ids = [h[12:].strip() for h in heads if h.startswith("Nats-Msg-Id:")]
        out.append((message["subject"], ids[0] if ids else "", base64.b64decode(message.get("data", "")).decode()))
    s.close()
    return out


class Site:
    def __init__(self, binaries, cluster, name, password, planted):
        self.name = name
        self.belfry = ground.Belfry(binaries, "", ("belfry-nats", "belfry-nats-told-early") if planted else None)
        with open(self.belfry.path("auth"), "w") as f:
            f.write(f"{name}:{password}\n")
        self.belfry.configure(f"Notify cluster nats {cluster.place} site={name} auth={self.belfry.path('auth')}")
        self.voices = [self.belfry.pair(f"{name}-h{i}") for i in range(3)]
        self.raised = []

    def say(self, chance, count):
        for _ in range(count):
            voice = chance.choice(self.voices)
            what = chance.randrange(8)
            if what == 0:
                self.raised.append((voice, voice.next))
                self.belfry.say(voice.seal("CRIT", "integrity.changed", f"path=/{voice.next}"))
            elif what == 1 and self.raised:
                voice, number = self.raised.pop()
                self.belfry.say(voice.seal("NOTE", "integrity.restored", f"of={number}"))
            else:
                self.belfry.say(voice.seal("INFO", "agent.beat", "next=60"))

    def rows(self):
        """What its ledger says was proved, and the alarms that are open."""
        return (self.belfry.ask("SELECT host, session, nonce, number FROM lines"),
                self.belfry.ask("SELECT id FROM alarms WHERE open = 1"),
                self.belfry.ask("SELECT count(*) FROM events")[0][0])

    def published(self):
        place = self.belfry.ask("SELECT lines, events, notices FROM notifiers WHERE name = 'cluster' "
                                "AND NOT EXISTS (SELECT 1 FROM behind WHERE notifier = 'cluster')")
        rows = self.belfry.ask("SELECT (SELECT coalesce(max(id), 0) FROM lines), (SELECT coalesce(max(id), 0) FROM events), "
                               "(SELECT coalesce(max(seq), 0) FROM notices)")
        said = sum(v.next for v in self.voices)
        return place == rows and len(self.belfry.ask("SELECT id FROM lines")) == said


def judge(sites, hub, messages):
    """What is missing, twice or wrong, as texts."""
    bad = []
    ids = [i for _, i, _ in messages]
    if len(ids) != len(set(ids)):
        bad.append(f"{len(ids) - len(set(ids))} messages are in the stream twice")
    seen = {}
    for subject, _, text in messages:
        site, kind = subject.split(".")[1:3]
        seen.setdefault((site, kind), []).append(text.split("\t"))
    state = json.loads(hub.command("sites", "--json").stdout)
    view = {s["site"]: s for s in state["sites"]}
    for site in sites:
        lines, alarms, _ = site.rows()
        want = {f"{session}-{nonce}.{number}-{number}" + host for host, session, nonce, number in lines}
        have = {t[9] + t[6] for t in seen.get((site.name, "line"), [])}
        if want - have:
            bad.append(f"{site.name}: {len(want - have)} of {len(want)} proved lines are not in the stream")
        if have - want:
            bad.append(f"{site.name}: {len(have - want)} lines in the stream are not on record")
        known = view.get(site.name, {"proved": 0, "hosts": []})
        if known["proved"] != len(want):
            bad.append(f"{site.name}: the hub knows {known['proved']} of {len(want)} lines")
        open_there = sorted(a["id"] for a in state["alarms"] if a["site"] == site.name)
        if open_there != sorted(a[0] for a in alarms):
            bad.append(f"{site.name}: open are {sorted(a[0] for a in alarms)}, the hub says {open_there}")
    if state["refused"] or state["missed"]:
        bad.append(f"the hub refused {state['refused']} and missed {state['missed']}")
    return bad


def kill_leader(chance, cluster, sites):
    """And the publishers while nobody acknowledges. Returns the server that is down."""
    leader = cluster.stream()[0]
    leader = leader if leader is not None else 0
    cluster.each[leader].end()
    for site in sites:
        site.say(chance, 40)
    time.sleep(1.5)
    for site in sites:
        site.belfry.kill_beside("belfry-nats")
    print(f"     the stream's leader, n{leader}, was killed, and the publishers while nobody acknowledged")
    return leader


def disturb(chance, cluster, sites, hub, i, rounds, planted):
    if i == rounds // 2:
        for _ in range(2 if planted else 0):
            ground.wait_for("all published", lambda: all(s.published() for s in sites))
            cluster.each[kill_leader(chance, cluster, sites)].start()
            ground.wait_for("a leader again", lambda: cluster.ready() and cluster.stream()[0] is not None)
        return kill_leader(chance, cluster, sites)
    what = chance.randrange(6) if not planted else 5
    site = chance.choice(sites)
    if what == 0:
        site.belfry.process.end()
        site.belfry.process.start()
    elif what in (1, 2):
        site.belfry.kill_beside("belfry-nats")
    elif what == 3:
        hub.end(chance.choice((signal.SIGKILL, signal.SIGTERM)))
        hub.start()
    return None


def main():
    planted = "planted" in sys.argv[2:]
    chance = random.Random(int(os.environ.get("TOCSIN_FAN_SEED", "1")))
    rounds = int(os.environ.get("TOCSIN_FAN_ROUNDS", "20"))
    ground.peers("nats", "nats-server")
    station = ground.Belfry(sys.argv[1], "")
    cluster = Cluster(station.dir)
    with open(station.path("auth"), "w") as f:
        f.write("hub:secret\n")
    station.configure(f"Hub {cluster.place} auth={station.path('auth')} replicas=3")
    station.process.argv[-1] = "hub"
    sites = []
    try:
        for n in cluster.each:
            n.start()
        ground.wait_for("the cluster", cluster.ready)
        station.process.start()
        ground.wait_for("the stream", lambda: cluster.stream()[0] is not None)
        sites = [Site(sys.argv[1], cluster, "ams1", "one", planted), Site(sys.argv[1], cluster, "fra2", "two", planted)]
        for s in sites:
            s.belfry.process.start()
        down = None
        for i in range(rounds):
            for s in sites:
                s.say(chance, 40)
            gone = disturb(chance, cluster, sites, station.process, i, rounds, planted)
            if gone is not None:
                down = gone
            time.sleep(chance.random() * 0.5)
        ground.wait_for("all published with one server less", lambda: all(s.published() for s in sites))
        if down is not None:
            cluster.each[down].start()
        ground.wait_for("the cluster again", cluster.ready)
        messages = []
        until = time.monotonic() + (30 if planted else ground.PATIENCE)
        bad = ["nothing was read"]
        while bad and time.monotonic() < until:
            try:
                messages = read_all(cluster.client[0], cluster.stream()[1])
                bad = judge(sites, station, messages)
            except (OSError, ValueError) as e:
                bad = [str(e)]
            if planted and any("not in the stream" in b for b in bad):
                break
            time.sleep(0.5)
        if planted:
            lost = [b for b in bad if "not in the stream" in b]
            print(f"found: {lost[0]}" if lost else f"planted bug not found: {bad}")
            sys.exit(0 if lost else 1)
        if bad:
            print("FAIL " + "; ".join(bad))
            sys.exit(1)
        total = sum(len(s.rows()[0]) for s in sites)
        print(f"ok   {total} proved lines of two sites are in the stream once each ({len(messages)} messages), the hub knows "
              "them all and what is open")
    except SystemExit as end:
        if end.code == 1:
            for s in sites:
                ground.show(s.belfry.path("belfry.log"))
                print(s.belfry.command("status").stdout)
            ground.show(station.path("belfry.log"))
            print(station.command("sites").stdout[:3000])
        raise
    finally:
        for n in cluster.each:
            n.end()
        for s in sites:
            s.belfry.remove()
        station.remove()


main()
