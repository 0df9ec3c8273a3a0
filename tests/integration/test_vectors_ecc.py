# SPDX-License-Identifier: Apache-2.0
"""Published vectors for elliptic curves, through a daemon: NIST's CAVP for FIPS 186-3 and SP 800-56A
(EC keys, ECDSA, ECDH), RFC 8032 (Ed25519) and RFC 7748 (X25519) as Debian's
python3-cryptography-vectors has them, and Wycheproof's, where they lie beside the sources.

Vectors that the daemon cannot be asked are counted apart, by the capability that they need; what it
refuses, by the refusal's words."""

import collections
import hashlib
import json
import os
import re
import unittest

from client import Client, Refused
from private import Private
from vectors import DEBIAN, WYCHEPROOF, Books, need

ECC = 0x80000005
GENERATE, PUBLIC, SIGN, VERIFY, AGREE = range(1, 6)
CURVES = {"P-256": (1, 32), "P-384": (2, 48), "P-521": (3, 66)}
ED25519, X25519 = 4, 5
HASHES = {"SHA-1": "sha1", "SHA-224": "sha224", "SHA-256": "sha256", "SHA-384": "sha384",
          "SHA-512": "sha512"}

CAVP = f"{DEBIAN}/asymmetric"
# SubjectPublicKeyInfo of an uncompressed point on P-256, before x and y
SPKI_P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")

PKCS8_P256 = bytes.fromhex("3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420")


books = Books("elliptic curves")


def setUpModule():
    global daemon, client, window, memory
    daemon = Private()
    client = Client(daemon.address)
    window, memory = client.add_window(1 << 16)


def tearDownModule():
    client.socket.close()
    daemon.close()
    books.print()


def perform(command, curve, *slots):
    return client.perform(ECC, command, [curve], slots)[2]


def share(data):
    """A slot for data in the window; None for nothing."""
    memory[:len(data)] = data
    return (window, 0, len(data)) if data else None


def public_key(curve, key, size):
    return perform(PUBLIC, curve, key, size)


def verify(curve, public, data, signature):
    """Whether it is valid; anything but a plain no is an error."""
    try:
        perform(VERIFY, curve, None, public, share(data), signature)
        return True
    except Refused as refused:
        if refused.error != "INVAL":
            raise
        return False


def agree(curve, key, public, size):
    """None: refused as no point."""
    try:
        return perform(AGREE, curve, key, public, None, None, size)
    except Refused as refused:
        if refused.error != "INVAL":
            raise
        return None


def sections(path):
    """(section's name, {name: value}) of a file of NIST's, one for each group of lines."""
    section, fields = None, {}
    with open(path, encoding="ascii") as file:
        for line in [*file, ""]:
            line = line.strip()
            if line.startswith("[") and not line.startswith("[B."):  # B.: how keys were made
                section, fields = line[1:-1], {}
            elif " = " in line:
                name, value = line.split(" = ", 1)
                fields[name] = value
            elif not line and len(fields) > 1 and section:
                yield section, fields
                fields = {}


class Vectors(unittest.TestCase):
    def setUp(self):
        self.done = collections.Counter()

    def tearDown(self):
        name = self.id().rpartition(".")[2].removeprefix("test_").replace("_", " ")
        for what, count in self.done.items():
            books.use(f"{name}: {what}", count)

    def of_curve(self, path):
        """(curve, size, rest of the section's name, fields); other curves are counted apart."""
        for section, fields in sections(path):
            name, _, rest = section.partition(",")
            if name in CURVES:
                yield *CURVES[name], rest, fields
            else:
                books.set_apart("a curve that is none of P-256, P-384 and P-521")


def number(text, size):
    return int(text, 16).to_bytes(size, "big")


def point(fields, size, prefix="Q"):
    return number(fields[f"{prefix}x"], size) + number(fields[f"{prefix}y"], size)


class Nist(Vectors):
    def test_key_pairs_of_fips_186(self):
        for curve, size, _, fields in self.of_curve(need(CAVP, "ECDSA/FIPS_186-3/KeyPair.rsp")):
            if "d" in fields:
                self.assertEqual(public_key(curve, number(fields["d"], size), 2 * size),
                                 point(fields, size))
                self.done["key pairs"] += 1
        self.assertGreaterEqual(self.done["key pairs"], 30)

    def test_public_key_validation_of_fips_186(self):
        for curve, size, _, fields in self.of_curve(need(CAVP, "ECDSA/FIPS_186-3/PKV.rsp")):
            valid = fields["Result"].startswith("P")
            coordinates = [int(fields["Qx"], 16), int(fields["Qy"], 16)]
            if max(coordinates) >> (8 * size):
                self.assertFalse(valid)  # it does not fit the interface at all
                self.done["too wide to ask"] += 1
                continue
            secret = agree(curve, number("3", size), point(fields, size), size)
            self.assertEqual(secret is not None, valid, fields)
            self.done["points" if valid else "no points"] += 1
        self.assertGreaterEqual(self.done["no points"] + self.done["too wide to ask"], 12)

    def test_signature_verification_of_fips_186(self):
        path = need(CAVP, "ECDSA/FIPS_186-3/SigVer.rsp")
        for curve, size, hash_name, fields in self.of_curve(path):
            digest = hashlib.new(HASHES[hash_name], bytes.fromhex(fields["Msg"])).digest()
            signature = number(fields["R"], size) + number(fields["S"], size)
            valid = fields["Result"].startswith("P")
            self.assertEqual(verify(curve, point(fields, size), digest, signature), valid, fields)
            self.done["valid" if valid else "invalid"] += 1
        self.assertGreaterEqual(self.done["valid"], 30)
        self.assertGreaterEqual(self.done["invalid"], 100)

    def test_signature_generation_of_fips_186(self):
        path = need(CAVP, "ECDSA/FIPS_186-3/SigGen.txt")
        for curve, size, hash_name, fields in self.of_curve(path):
            digest = hashlib.new(HASHES[hash_name], bytes.fromhex(fields["Msg"])).digest()
            key, public = number(fields["d"], size), point(fields, size)
            signature = number(fields["R"], size) + number(fields["S"], size)
            self.assertEqual(public_key(curve, key, 2 * size), public)
            self.assertTrue(verify(curve, public, digest, signature))
            if len(digest) == 20:
                books.refuse(self, "^input has 20 bytes, a digest has 28, 32, 48 or 64$", perform,
                             SIGN, curve, key, None, digest, 2 * size)
                continue
            own = perform(SIGN, curve, key, None, digest, 2 * size)
            self.assertTrue(verify(curve, public, digest, own))
            self.done["signatures"] += 1
        self.assertGreaterEqual(self.done["signatures"], 150)

    def test_key_agreement_of_sp_800_56a(self):
        names = {"EC": "P-256", "ED": "P-384", "EE": "P-521"}
        for role in ("init", "resp"):
            path = need(CAVP, f"ECDH/KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_{role}.fax")
            for section, fields in sections(path):
                if "Result" not in fields:
                    continue
                name = names.get(section.partition(" ")[0])
                if not name:
                    books.set_apart("a curve that is none of P-256, P-384 and P-521")
                    continue
                self.check_agreement(*CURVES[name], section, fields)
        self.assertGreaterEqual(self.done["agreed"], 50)
        self.assertGreaterEqual(self.done["found out"], 20)

    def check_agreement(self, curve, size, section, fields):
        """Who did something wrong is found out: by a refusal, or by another number."""
        key = number(fields["dsIUT"], size)
        secret = agree(curve, key, point(fields, size, "QsCAVS"), size)
        hashed = hashlib.new(section.rpartition(" ")[2].lower(), secret or b"").hexdigest()
        right = (secret is not None and secret == number(fields["Z"], size)
                 and hashed == fields["CAVSHashZZ"]
                 and public_key(curve, key, 2 * size) == point(fields, size, "QsIUT"))
        self.assertEqual(right, fields["Result"].startswith("P"), fields)
        self.done["agreed" if right else "found out"] += 1


class Rfc(Vectors):
    def test_ed25519_of_rfc_8032_and_a_thousand_others(self):
        with open(need(CAVP, "Ed25519/sign.input"), encoding="ascii") as file:
            for line in file:
                key, public, message, signed = map(bytes.fromhex, line.split(":")[:4])
                key, signature = key[:32], signed[:64]
                self.assertEqual(public_key(ED25519, key, 32), public)
                self.assertEqual(perform(SIGN, ED25519, key, None, share(message), 64), signature)
                self.assertTrue(verify(ED25519, public, message, signature))
                self.assertFalse(verify(ED25519, public, message + b"x", signature))
                self.done["signatures"] += 1
        self.assertGreaterEqual(self.done["signatures"], 1000)

    def test_x25519_of_rfc_7748(self):
        with open(need(CAVP, "X25519/rfc7748.txt"), encoding="ascii") as file:
            groups = re.findall(r"INPUT_SCALAR = (\w+)\nINPUT_U = (\w+)\nOUTPUT_U = (\w+)",
                                file.read())
        for scalar, u, output in groups:
            self.assertEqual(agree(X25519, bytes.fromhex(scalar), bytes.fromhex(u), 32).hex(),
                             output)
            self.done["secrets"] += 1
        self.assertGreaterEqual(self.done["secrets"], 2)


def read_tests(name):
    with open(need(WYCHEPROOF, name), encoding="utf-8") as file:
        for group in json.load(file)["testGroups"]:
            for test in group["tests"]:
                yield group, test


def parse_der(der):
    """(r, s) of SEQUENCE { INTEGER, INTEGER } in the one DER encoding; None: it is another."""
    def encode(value):
        size = value.bit_length() // 8 + 1
        return bytes([2, size]) + value.to_bytes(size, "big")

    found = re.fullmatch(rb"\x30(.)\x02(.)(.*)", der, re.DOTALL)
    if not found:
        return None
    length, rest = found[2][0], found[3]
    numbers = [int.from_bytes(part, "big") for part in (rest[:length], rest[length + 2:])]
    body = b"".join(map(encode, numbers))
    return numbers if len(body) < 128 and bytes([0x30, len(body)]) + body == der else None


class Wycheproof(Vectors):
    def test_ecdsa_on_p256(self):
        for group, test in read_tests("ecdsa_secp256r1_sha256_test.json"):
            public = bytes.fromhex(group["publicKey"]["uncompressed"])[1:]
            message, der = bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])
            numbers, valid = parse_der(der), test["result"] == "valid"
            if not numbers or max(numbers) >> 256:
                self.assertFalse(valid, test)  # as pluton-cli says, too:
                self.assertEqual(self.cli(group, message, der), 1, test)
                self.done["refused by pluton-cli"] += 1
                continue
            signature = b"".join(value.to_bytes(32, "big") for value in numbers)
            digest = hashlib.sha256(message).digest()
            self.assertEqual(verify(1, public, digest, signature), valid, test)
            self.done[test["result"]] += 1
        self.assertGreaterEqual(self.done["valid"], 100)
        self.assertGreaterEqual(self.done["invalid"], 30)

    def cli(self, group, message, der):
        paths = [daemon.path(name) for name in ("public.pem", "signature")]
        for path, data in zip(paths, (group["publicKeyPem"].encode(), der)):
            with open(path, "wb") as file:
                file.write(data)
        return daemon.cli("ecc", "verify", "--key", paths[0], "--signature", paths[1],
                          input=message).returncode

    def test_ecdh_on_p256(self):
        for _, test in read_tests("ecdh_secp256r1_test.json"):
            public, key = bytes.fromhex(test["public"]), number(test["private"], 32)
            if len(public) == len(SPKI_P256) + 64 and public.startswith(SPKI_P256):
                how, secret = "", agree(1, key, public[len(SPKI_P256):], 32)
            else:  # it is for pluton-cli to take apart
                how, secret = " by pluton-cli", self.cli_agree(key, public)
            right = {"valid": (test["shared"],), "acceptable": (None, test["shared"]),
                     "invalid": (None,)}[test["result"]]
            self.assertIn(secret and secret.hex(), right, test)
            if test["result"] == "acceptable" and secret is None:
                books.set_apart("parameters of a curve in place of its name, or odd encodings")
            self.done[test["result"] + how] += 1
        self.assertGreaterEqual(self.done["valid"], 200)

    @staticmethod
    def cli_agree(key, public):
        paths = [daemon.path(name) for name in ("key", "public")]
        for path, data in zip(paths, (PKCS8_P256 + key, public)):
            with open(path, "wb") as file:
                file.write(data)
        done = daemon.cli("ecc", "ecdh", "--key", paths[0], "--peer", paths[1])
        return done.stdout if done.returncode == 0 else None


if __name__ == "__main__":
    unittest.main()
