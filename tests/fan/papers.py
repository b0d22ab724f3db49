"""Certificates, and NATS operators, accounts and users, made with openssl for one test."""

import base64
import hashlib
import json
import os
import subprocess
import time


def openssl(*arguments, given=None):
    return subprocess.run(["openssl", *arguments], input=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          check=True).stdout


class Authority:
    """A CA in a directory; each certificate is NAME.pem with NAME.key."""

    def __init__(self, directory, name):
        self.directory, self.name = directory, name
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                self.path(name, "key"), "-out", self.path(name, "pem"), "-days", "30", "-subj", f"/CN={name}")

    def path(self, name, kind):
        return os.path.join(self.directory, f"{name}.{kind}")

    def certify(self, name, subject_alternative, days=30):
        with open(self.path(name, "ext"), "w") as f:
            f.write(f"subjectAltName={subject_alternative}\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.path(name, "key"),
                "-out", self.path(name, "csr"), "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", self.path(name, "csr"), "-CA", self.path(self.name, "pem"), "-CAkey",
                self.path(self.name, "key"), "-CAcreateserial", "-days", str(days), "-extfile", self.path(name, "ext"),
                "-out", self.path(name, "pem"))


def papers(directory):
    """What both sides need: right ones, and one of each kind of wrong."""
    ca = Authority(directory, "ca")
    ca.certify("server", "DNS:server.example,IP:127.0.0.1")
    ca.certify("expired", "DNS:server.example,IP:127.0.0.1", -1)
    ca.certify("elsewhere", "DNS:elsewhere.example")
    ca.certify("belfry", "DNS:belfry.example")
    Authority(directory, "other").certify("stranger", "DNS:belfry.example")


# ---- NATS: keys are Ed25519 in base32 with a prefix and a sum (nats-io/nkeys), claims are JWTs signed with them

OPERATOR, ACCOUNT, USER, SEED = 14 << 3, 0, 20 << 3, 18 << 3


def crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def nkey(data):
    return base64.b32encode(data + crc16(data).to_bytes(2, "little")).decode().rstrip("=")


def b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Key:
    def __init__(self, directory, name, prefix):
        self.file = os.path.join(directory, f"{name}.nk")
        openssl("genpkey", "-algorithm", "ed25519", "-out", self.file)
        secret = openssl("pkey", "-in", self.file, "-outform", "DER")[-32:]
        self.seed = nkey(bytes([SEED | prefix >> 5, (prefix & 31) << 3]) + secret)
        self.public = nkey(bytes([prefix]) + openssl("pkey", "-in", self.file, "-pubout", "-outform", "DER")[-32:])

    def jwt(self, subject, name, claims, lasts=3600):
        body = {"iat": int(time.time()), "iss": self.public, "name": name, "sub": subject, "nats": dict(claims, version=2)}
        if lasts < 3600:
            body["exp"] = int(time.time()) + lasts
        body["jti"] = base64.b32encode(hashlib.sha256(json.dumps(body).encode()).digest()).decode().rstrip("=")
        text = b64(b'{"typ":"JWT","alg":"ed25519-nkey"}') + "." + b64(json.dumps(body).encode())
        with open(self.file + ".text", "w") as f:
            f.write(text)
        return text + "." + b64(openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.file, "-in", self.file + ".text"))


LIMITS = {k: -1 for k in ("subs", "data", "payload", "imports", "exports", "conn", "leaf", "mem_storage", "disk_storage",
                          "streams", "consumer")}


class Operator:
    """An operator with a system account and one account that has JetStream."""

    def __init__(self, directory, name):
        self.directory = directory
        key = Key(directory, name, OPERATOR)
        system = Key(directory, f"{name}-system", ACCOUNT)
        self.account = Key(directory, f"{name}-account", ACCOUNT)
        self.config = f"operator: {key.jwt(key.public, name, {'type': 'operator', 'system_account': system.public})}\n"
        self.config += f"system_account: {system.public}\nresolver: MEMORY\nresolver_preload: {{\n"
        for account in (system, self.account):
            limits = LIMITS if account is self.account else {k: v for k, v in LIMITS.items() if "storage" not in k}
            claims = {"type": "account", "limits": dict(limits, wildcards=True)}
            self.config += f"  {account.public}: {key.jwt(account.public, name, claims)}\n"
        self.config += "}\n"

    def user(self, name, publish=None, subscribe=None, lasts=3600):
        """The path of a credentials file."""
        key = Key(self.directory, name, USER)
        claims = {"type": "user", "subs": -1, "data": -1, "payload": -1,
                  "pub": {"allow": publish} if publish else {}, "sub": {"allow": subscribe} if subscribe else {}}
        path = os.path.join(self.directory, f"{name}.creds")
        with open(path, "w") as f:
            f.write(f"-----BEGIN NATS USER JWT-----\n{self.account.jwt(key.public, name, claims, lasts)}\n"
                    f"------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n{key.seed}\n"
                    "------END USER NKEY SEED------\n")
        return path
