#!/usr/bin/env python3
"""alertmanager_tls.py BINARIES: Alertmanagers that ask for TLS, a client certificate and a password.

A notifier for each way to have it wrong waits and says why, and what it would tell arrives nowhere; with what is right
put in its place and a reload, it arrives. Belfry is not started again.
"""

import json
import re
import shutil
import ssl
import sys
import urllib.request

import ground
import papers

AM = "usr/bin/prometheus-alertmanager"
CONFIG = "route: { receiver: 'null' }\nreceivers: [ { name: 'null' } ]\n"
WEB = """tls_server_config:
  cert_file: %s.pem
  key_file: %s.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.pem
basic_auth_users:
  belfry: $2b$04$/4OR4schc/80P6TX4p56SerpKFcq/6xtlLbemlsLD1EndLKpJ/sya
"""


class Manager:
    def __init__(self, directory, certificate):
        self.directory, self.port = directory, ground.free_ports(1)[0]
        with open(f"{directory}/am.yml", "w") as f:
            f.write(CONFIG)
        with open(f"{directory}/web-{certificate}.yml", "w") as f:
            f.write(WEB % (certificate, certificate))
        self.process = ground.Peer("alertmanager", AM, [
            f"--config.file={directory}/am.yml", f"--storage.path={directory}/am-{certificate}",
            f"--web.config.file={directory}/web-{certificate}.yml", f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address="], f"{directory}/am-{certificate}.log")
        self.process.start()

    def subjects(self):
        """What fires there; None while it does not answer."""
        context = ssl.create_default_context(cafile=f"{self.directory}/ca.pem")
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(f"{self.directory}/belfry.pem", f"{self.directory}/belfry.key")
        ask = urllib.request.Request(f"https://127.0.0.1:{self.port}/api/v2/alerts",
                                     headers={"Authorization": "Basic YmVsZnJ5OnNlY3JldA=="})
        try:
            with urllib.request.urlopen(ask, timeout=5, context=context) as answer:
                return {a["labels"].get("subject", a["labels"]["alertname"]) for a in json.load(answer)}
        except OSError:
            return None


def why_of(belfry, name):
    """What it waits for, as people are told."""
    found = re.search(rf"^notifier {name} \(\w+\): (WAITS|NOT RUNNING): (.*); \d+ wait, told last never$",
                      belfry.command("status").stdout, re.M)
    return found.group(2) if found else ""


def main():
    ground.peers("alertmanager", "prometheus-alertmanager")
    belfry = ground.Belfry(sys.argv[1], "")
    at = belfry.path
    papers.papers(belfry.dir)
    for name, text in (("auth", "belfry:secret\n"), ("badauth", "belfry:guess\n")):
        with open(at(name), "w") as f:
            f.write(text)
    for kind in ("pem", "key"):
        shutil.copy(at(f"stranger.{kind}"), at(f"mine.{kind}"))
    right, expired, elsewhere = (Manager(belfry.dir, c) for c in ("server", "expired", "elsewhere"))
    try:
        ground.wait_for("all there", lambda: None not in [m.subjects() for m in (right, expired, elsewhere)])
        ours = f"cert={at('belfry.pem')} key={at('belfry.key')}"
        trusted, auth = f"ca={at('ca.pem')}", f"auth={at('auth')}"
        wrong = {
            "authority": (right, f"ca={at('other.pem')} {ours} {auth}", "certificate"),
            "name": (elsewhere, f"{trusted} {ours} {auth}", "subject name"),
            "expired": (expired, f"{trusted} {ours} {auth}", "certificate has expired"),
            "nobody": (right, f"{trusted} {auth}", "alert"),
            "stranger": (right, f"{trusted} cert={at('mine.pem')} key={at('mine.key')} {auth}", "alert"),
            "guess": (right, f"{trusted} {ours} auth={at('badauth')}", "HTTP 401"),
            "nofile": (right, f"{trusted} {ours} auth={at('none')}", "none: No such file"),
        }
        belfry.configure("\n".join(f"Notify {n} alertmanager https://127.0.0.1:{m.port} {o} receiver={n}"
                                   for n, (m, o, _) in wrong.items()))
        voice = belfry.pair("web03")
        belfry.process.start()
        belfry.say(voice.seal("INFO", "agent.start", "beat=600"), voice.seal("CRIT", "integrity.changed", "path=/a"))
        for name, (_, _, why) in wrong.items():
            ground.wait_for(f"{name} waits for: {why}", lambda: why in why_of(belfry, name))
            print(f"ok   {name}: {why_of(belfry, name)}")
        if any(m.subjects() for m in (right, expired, elsewhere)):
            print(f"FAIL: told all the same: {[m.subjects() for m in (right, expired, elsewhere)]}")
            sys.exit(1)
        for kind in ("pem", "key"):
            shutil.copy(at(f"belfry.{kind}"), at(f"mine.{kind}"))
        answer = belfry.command("reload").stdout
        if "7 notifiers: 0 added, 0 removed, 0 changed, 1 with other certificates or keys" not in answer:
            print(f"FAIL: the reload says: {answer}")
            sys.exit(1)
        ground.wait_for("told with the renewed certificate", lambda: "path=/a" in (right.subjects() or ()))
        print("ok   a renewed certificate is taken by a reload, and what waited is told")
        belfry.configure(f"Notify guess alertmanager https://127.0.0.1:{right.port} {trusted} {ours} {auth} receiver=right")
        belfry.command("reload")
        belfry.say(voice.seal("CRIT", "integrity.changed", "path=/b"))
        ground.wait_for("told with the right password", lambda: "path=/b" in (right.subjects() or ()))
        ground.wait_for("all is well", lambda: "notifier guess (alertmanager): up;" in belfry.command("status").stdout)
        print("ok   so is the right password")
    except SystemExit as end:
        if end.code == 1:
            ground.show(at("belfry.log"))
            print(belfry.command("status").stdout)
        raise
    finally:
        for m in (right, expired, elsewhere):
            m.process.end()
        belfry.remove()


main()
