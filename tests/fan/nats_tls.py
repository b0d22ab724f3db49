#!/usr/bin/env python3
"""nats_tls.py BINARIES: NATS servers that ask for TLS, a client certificate and credentials that an operator signed.

A publisher for each way to have it wrong waits and says why, and nothing of it is in the stream; a server that would do
without TLS is told nothing at all. With what is right, and renewed credentials and a reload, all is published and the hub,
over TLS as well, knows it.
"""

import json
import re
import shutil
import socket
import sys
import threading

import ground
import papers

SERVER = "usr/sbin/nats-server"
CONFIG = """server_name: %s
listen: 127.0.0.1:%d
jetstream { store_dir: "%s/js-%s" }
tls { cert_file: "%s/%s.pem", key_file: "%s/%s.key", ca_file: "%s/ca.pem", verify: true }
%s"""


class Server:
    def __init__(self, directory, certificate, operator):
        self.port = ground.free_ports(1)[0]
        conf = f"{directory}/{certificate}.conf"
        with open(conf, "w") as f:
            f.write(CONFIG % (certificate, self.port, directory, certificate, directory, certificate, directory, certificate,
                              directory, operator.config))
        self.process = ground.Peer("nats", SERVER, ["-c", conf], f"{directory}/{certificate}.log")
        self.process.start()

    def there(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
            return True
        except OSError:
            return False


class Plain:
    """Somebody in a server's place who says that he does without TLS; keeps what he hears."""

    def __init__(self):
        self.heard, self.came = b"", 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            s = self.socket.accept()[0]
            s.settimeout(2)
            self.came += 1
            try:
                s.sendall(b'INFO {"server_id":"X","version":"2.9.10","proto":1,"max_payload":1048576,"headers":true,'
                          b'"jetstream":true,"auth_required":true,"nonce":"aaaaaaaaaaa"}\r\n')
                while got := s.recv(4096):
                    self.heard += got
            except OSError:
                pass
            s.close()


def why_of(belfry, name):
    """What it waits for, as people are told."""
    found = re.search(rf"^notifier {name} \(nats\): (WAITS|NOT RUNNING): (.*); \d+ wait, told last never$",
                      belfry.command("status").stdout, re.M)
    return found.group(2) if found else ""


def sites_of(hub):
    try:
        return {s["site"]: s["proved"] for s in json.loads(hub.command("sites", "--json").stdout)["sites"]}
    except ValueError:
        return {}


def main():
    ground.peers("nats", "nats-server")
    belfry, hub = ground.Belfry(sys.argv[1], ""), ground.Belfry(sys.argv[1], "")
    at = belfry.path
    papers.papers(belfry.dir)
    operator, stranger = papers.Operator(belfry.dir, "operator"), papers.Operator(belfry.dir, "nobody")
    ams1 = operator.user("ams1", ["tocsin.ams1.>"], ["_INBOX.>"])
    operator.user("past", ["tocsin.ams1.>"], ["_INBOX.>"], lasts=-60)
    stranger.user("foreign")
    operator.user("hubuser")
    shutil.copy(at("foreign.creds"), at("mine.creds"))
    plain = Plain()
    right, expired, elsewhere = (Server(belfry.dir, c, operator) for c in ("server", "expired", "elsewhere"))
    try:
        ground.wait_for("all there", lambda: all(s.there() for s in (right, expired, elsewhere)))
        ours = f"cert={at('belfry.pem')} key={at('belfry.key')}"
        trusted, creds = f"ca={at('ca.pem')}", f"creds={ams1}"
        hub.configure(f"Hub tls://127.0.0.1:{right.port} {trusted} {ours} creds={at('hubuser.creds')}")
        hub.process.argv[-1] = "hub"
        hub.process.start()
        wrong = {
            "authority": (right, f"ca={at('other.pem')} {ours} {creds}", "unable to get local issuer certificate"),
            "name": (elsewhere, f"{trusted} {ours} {creds}", "IP address mismatch"),
            "expired": (expired, f"{trusted} {ours} {creds}", "certificate has expired"),
            "nobody": (right, f"{trusted} {creds}", "closed by the server"),
            "stranger": (right, f"{trusted} cert={at('stranger.pem')} key={at('stranger.key')} {creds}", "closed by the server"),
            "foreign": (right, f"{trusted} {ours} creds={at('mine.creds')}", "Authorization Violation"),
            "past": (right, f"{trusted} {ours} creds={at('past.creds')}", "Authorization Violation"),
            "clear": (plain, f"{trusted} {ours} {creds}", "Secure Connection not available"),
            "nofile": (right, f"{trusted} {ours} creds={at('none')}", "none: No such file"),
        }
        belfry.configure("\n".join(f"Notify {n} nats tls://127.0.0.1:{s.port} {o} site=ams1" for n, (s, o, _) in wrong.items()))
        voice = belfry.pair("web03")
        belfry.process.start()
        belfry.say(voice.seal("INFO", "agent.start", "beat=600"), voice.seal("CRIT", "integrity.changed", "path=/a"))
        for name, (_, _, why) in wrong.items():
            ground.wait_for(f"{name} waits for: {why}", lambda: why in why_of(belfry, name))
            print(f"ok   {name}: {why_of(belfry, name)}")
        if plain.came == 0 or plain.heard:
            print(f"FAIL: in clear, in {plain.came} connections: {plain.heard!r}")
            sys.exit(1)
        if sites_of(hub):
            print(f"FAIL: told all the same: {sites_of(hub)}")
            sys.exit(1)
        shutil.copy(ams1, at("mine.creds"))
        answer = belfry.command("reload").stdout
        if "9 notifiers: 0 added, 0 removed, 0 changed, 1 with other certificates or keys" not in answer:
            print(f"FAIL: the reload says: {answer}")
            sys.exit(1)
        ground.wait_for("the hub knows", lambda: sites_of(hub) == {"ams1": 2})
        print("ok   renewed credentials are taken by a reload, what waited is published, and the hub reads it over TLS")
        belfry.configure(f"Notify foreign nats tls://127.0.0.1:{right.port} {trusted} {ours} creds={ams1} site=fra2")
        belfry.command("reload")
        belfry.say(voice.seal("INFO", "agent.beat", "next=60"))
        ground.wait_for("what it may not publish is said", lambda: "WAITS: stream: " in belfry.command("status").stdout)
        if sites_of(hub) != {"ams1": 2}:
            print(f"FAIL: a site has spoken for another: {sites_of(hub)}")
            sys.exit(1)
        print("ok   a site that may not publish as another is told so")
    except SystemExit as end:
        if end.code == 1:
            ground.show(at("belfry.log"))
            ground.show(hub.path("belfry.log"))
            ground.show(at("server.log"), 8)
            print(belfry.command("status").stdout)
        raise
    finally:
        for s in (right, expired, elsewhere):
            s.process.end()
        hub.remove()
        belfry.remove()


main()
