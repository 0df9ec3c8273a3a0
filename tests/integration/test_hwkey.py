# SPDX-License-Identifier: Apache-2.0
"""Hardware keys: fuses, slots that outlive the daemon, keys used by number, and traces of none."""

import array
import hashlib
import hmac
import itertools
import json
import os
import re
import secrets
import signal
import stat
import subprocess
import unittest

from cryptography.hazmat.primitives import keywrap
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (Encoding, NoEncryption, PrivateFormat,
                                                          PublicFormat)
from plutond import Daemon
from private import CLI, DEADLINE, environment, is_sanitized

MESSAGE = b"what is said with a key that nobody sees"
IV = "000102030405060708090a0b0c0d0e0f"


def cli(daemon, *arguments, **options):
    return subprocess.run([CLI, *arguments], env=environment(PLUTON_ADDRESS=daemon.address),
                          capture_output=True, timeout=DEADLINE, check=False,
                          **{"input": b"", **options})


def key_bytes(size=32):
    """Nothing like it is anywhere by chance."""
    return secrets.token_bytes(size)


def forge(path, change):
    """Another record in an area whose checksums are right (docs/nvmem-format.md)."""
    with open(path, "rb") as file:
        header, data = file.read(256), file.read()
    data = change(data)
    header = header[:192] + hashlib.sha256(data).digest()
    with open(path, "wb") as file:
        file.write(header + hashlib.sha256(header).digest() + data)


class Keys(unittest.TestCase):
    config = ""

    def setUp(self):
        self.daemon = Daemon(config="[app]\nfolders = /nonexistent\n" + self.config)
        self.daemon.__enter__()
        self.addCleanup(self.daemon.__exit__)

    def restart(self):
        self.assertEqual(self.daemon.stop(), 0, self.daemon.log)
        self.daemon.start()

    def run_cli(self, *arguments, **options):
        return cli(self.daemon, *arguments, **options)

    def done(self, *arguments, **options):
        result = self.run_cli(*arguments, **options)
        self.assertEqual(result.returncode, 0, result)
        return result.stdout

    def refused(self, error, *arguments, **options):
        result = self.run_cli(*arguments, **options)
        self.assertEqual(result.returncode, 1, result)
        self.assertIn(f"({error})".encode(), result.stderr)
        return result.stderr.decode()

    def path(self, name, data=None):
        path = f"{self.daemon.directory}/{name}"
        if data is not None:
            with open(path, "wb") as file:
                file.write(data)
        return path

    def fill(self, *arguments):
        return self.done("key", *arguments).decode().strip()

    def import_key(self, kind, key, *options):
        """By a file, as a command line would be one more place to search."""
        return self.fill("import", kind, "--key-file", self.path("key", key), *options)

    def record(self, slot):
        return f"{self.daemon.state}/nv/hwkey/uid-{os.getuid()}.{slot}"


class Slots(Keys):
    def test_what_a_slot_does_is_what_its_key_does(self):
        key = key_bytes()
        slot = self.import_key("secret", key)
        for name in ("sha256", "sha3-512"):
            self.assertEqual(self.done("mac", f"hmac-{name}", "--key-slot", slot, input=MESSAGE),
                             hmac.new(key, MESSAGE, name.replace("-", "_")).hexdigest().encode()
                             + b"  -\n")
        for size in (16, 24, 32):
            key = key_bytes(size)
            slot = self.import_key(f"aes{8 * size}", key, "--usage", "encrypt,decrypt,mac")
            for how in (["--mode", "ctr", "--iv-hex", IV], ["--mode", "cbc", "--iv-hex", IV],
                        ["--mode", "ecb"], ["--mode", "gcm", "--iv-hex", IV[:24]],
                        ["--mode", "ccm", "--iv-hex", IV[:24]]):
                sealed = self.done("aes", "encrypt", *how, "--key-slot", slot, input=MESSAGE)
                self.assertEqual(sealed, self.done("aes", "encrypt", *how, "--key-hex", key.hex(),
                                                   input=MESSAGE))
                self.assertEqual(self.done("aes", "decrypt", *how, "--key-slot", slot,
                                           input=sealed), MESSAGE)
            self.assertEqual(self.done("mac", "cmac", "--key-slot", slot, input=MESSAGE),
                             self.done("mac", "cmac", "--key-hex", key.hex(), input=MESSAGE))

    def test_slots_survive_a_restart_and_those_of_this_boot_do_not(self):
        kept = self.fill("generate", "secret")
        gone = self.fill("generate", "secret", "--policy", "this-boot")
        before = self.done("mac", "hmac-sha256", "--key-slot", kept, input=MESSAGE)
        self.assertTrue(os.path.exists(self.record(kept)))
        self.assertFalse(os.path.exists(self.record(gone)))
        self.restart()
        self.assertEqual(self.done("mac", "hmac-sha256", "--key-slot", kept, input=MESSAGE), before)
        self.refused("ENODEVICE", "mac", "hmac-sha256", "--key-slot", gone, input=MESSAGE)

    def test_a_deleted_key_is_gone_for_good(self):
        slot = self.fill("generate", "secret")
        self.done("key", "delete", slot)
        self.refused("ENODEVICE", "mac", "hmac-sha256", "--key-slot", slot, input=MESSAGE)
        self.refused("ENODEVICE", "key", "delete", slot)
        self.restart()
        self.assertEqual(json.loads(self.done("key", "list", "--json")), {"keys": []})

    def test_a_tampered_record_is_refused_for_its_slot_only_and_can_be_deleted(self):
        slots = [self.fill("generate", "secret") for _ in range(4)]
        intact = self.done("mac", "hmac-sha256", "--key-slot", slots[0], input=MESSAGE)
        self.daemon.stop()
        forge(self.record(slots[1]), lambda data: data[:-40] + bytes([data[-40] ^ 1]) + data[-39:])
        with open(self.record(slots[3]), "rb") as other:
            record = other.read()
        forge(self.record(slots[2]), lambda data: record[256:])  # sound, but another slot's
        self.daemon.start()
        for slot in (slots[0], slots[3]):
            self.done("mac", "hmac-sha256", "--key-slot", slot, input=MESSAGE)
        self.assertEqual(self.done("mac", "hmac-sha256", "--key-slot", slots[0], input=MESSAGE),
                         intact)
        rows = json.loads(self.done("key", "list", "--json"))["keys"]
        self.assertEqual([row["damaged"] for row in rows], [False, True, True, False])
        for slot in slots[1:3]:
            said = self.refused("EFAIL", "mac", "hmac-sha256", "--key-slot", slot, input=MESSAGE)
            self.assertIn("damaged", said)
            self.refused("EALREADY", "key", "generate", "secret", "--slot", slot)
            self.done("key", "delete", slot)
            self.assertEqual(self.fill("generate", "secret"), slot)
        self.daemon.stop()
        self.assertIn(f"uid-{os.getuid()}.{slots[1]} is damaged", self.daemon.log)

    def test_a_damaged_slot_is_called_that_wherever_it_is_named(self):
        pairs = [self.fill("generate", kind) for kind in ("p256", "rsa2048")]
        self.daemon.stop()
        for slot in pairs:
            forge(self.record(slot), lambda data: data[:-1] + bytes([data[-1] ^ 1]))
        self.daemon.start()
        for slot, noun in zip(pairs, ("ecc", "rsa")):
            self.assertIn("it is damaged, restore", self.refused(
                "EFAIL", noun, "sign", "--key-slot", slot, input=MESSAGE))
            self.assertIn("from a backup", self.refused("EFAIL", "key", "public", slot))
        rows = json.loads(self.done("key", "list", "--json"))["keys"]
        self.assertEqual([row["policy"] for row in rows], ["unknown", "unknown"])

    def test_attributes_in_a_record_cannot_be_changed(self):
        slot = self.fill("generate", "aes256", "--usage", "decrypt")
        self.daemon.stop()
        forge(self.record(slot), lambda data: data[:6] + b"\3\0" + data[8:])  # usage: + encrypt
        self.daemon.start()
        self.refused("EFAIL", "aes", "encrypt", "--mode", "ecb", "--key-slot", slot)
        self.refused("EFAIL", "aes", "decrypt", "--mode", "ecb", "--key-slot", slot)

    def test_a_file_that_the_disk_damaged_is_left_for_its_backup(self):
        slot = self.fill("generate", "secret")
        self.daemon.stop()
        with open(self.record(slot), "r+b") as file:
            whole = file.read()
            file.seek(-1, os.SEEK_END)
            file.write(bytes([whole[-1] ^ 1]))
        self.daemon.start()
        self.refused("EFAIL", "mac", "hmac-sha256", "--key-slot", slot, input=MESSAGE)
        self.assertIn("from a backup", self.refused("EFAIL", "key", "delete", slot))
        self.daemon.stop()
        self.assertIn(f"uid-{os.getuid()}.{slot} cannot be read", self.daemon.log)
        self.assertNotIn("can only be deleted", self.daemon.log)
        with open(self.record(slot), "wb") as file:
            file.write(whole)
        self.daemon.start()
        self.done("mac", "hmac-sha256", "--key-slot", slot, input=MESSAGE)

    def test_a_size_that_no_secret_has_is_refused_with_those_that_it_has(self):
        for size in (0, 129):
            self.assertIn(f"a secret has 1 to 128 bytes, not {size}",
                          self.refused("ESIZE", "key", "generate", "secret", "--size", str(size)))

    def test_a_usage_or_policy_that_forbids_it_is_said_to_the_owner(self):
        slot = self.fill("generate", "aes256", "--usage", "decrypt")
        how = ["--mode", "ctr", "--iv-hex", IV, "--key-slot", slot]
        self.assertIn("its usage forbids it",
                      self.refused("EINVAL", "aes", "encrypt", *how, input=MESSAGE))
        self.done("aes", "decrypt", *how, input=MESSAGE)
        self.assertIn("another type", self.refused("EINVAL", "mac", "hmac-sha256", "--key-slot",
                                                   slot, input=MESSAGE))
        slot = self.fill("generate", "aes256", "--policy", "engine-iv")
        for mode in ("ctr", "cbc"):
            how = ["--mode", mode, "--iv-hex", IV, "--key-slot", slot]
            for verb in ("encrypt", "decrypt"):
                self.assertIn("gcm only", self.refused("EINVAL", "aes", verb, *how,
                                                       input=MESSAGE[:32]))
        self.assertIn("no iv from outside",
                      self.refused("EINVAL", "aes", "encrypt", "--mode", "gcm", "--iv-hex",
                                   IV[:24], "--key-slot", slot, input=MESSAGE))

    def test_a_derived_key_is_the_same_again_and_another_for_anything_else(self):
        def derived(*options):
            slot = self.fill("derive", "aes256", "--usage", "mac", *options)
            mac = self.done("mac", "cmac", "--key-slot", slot, input=MESSAGE)
            self.done("key", "delete", slot)
            return mac

        first = derived("--label", "a")
        self.assertEqual(derived("--label", "a", "--slot", "9"), first)
        others = [derived("--label", "b"), derived("--label", "a", "--policy", "exportable"),
                  derived("--label", "a", "--usage", "mac,encrypt")]
        self.assertEqual(len({first, *others}), 4)
        self.restart()
        self.assertEqual(derived("--label", "a"), first)
        with Daemon(config="[app]\nfolders = /nonexistent\n") as other:
            slot = cli(other, "key", "derive", "aes256", "--usage", "mac", "--label",
                       "a").stdout.decode().strip()
            self.assertNotEqual(cli(other, "mac", "cmac", "--key-slot", slot,
                                    input=MESSAGE).stdout, first)

    def test_wrapped_is_what_rfc_5649_says_and_comes_back(self):
        wrapping, key = key_bytes(), key_bytes(24)
        w = self.import_key("aes256", wrapping, "--usage", "wrap")
        k = self.import_key("aes192", key, "--usage", "mac", "--policy", "exportable")
        wrapped = self.done("key", "wrap", k, "--with", w)
        self.assertEqual(keywrap.aes_key_unwrap_with_padding(wrapping, wrapped), key)
        ours = keywrap.aes_key_wrap_with_padding(wrapping, key)
        self.assertEqual(ours, wrapped)
        again = self.done("key", "unwrap", "aes192", "--with", w, "--usage", "mac",
                          input=ours).decode().strip()
        self.assertEqual(self.done("mac", "cmac", "--key-slot", again, input=MESSAGE),
                         self.done("mac", "cmac", "--key-slot", k, input=MESSAGE))
        changed = bytes([ours[0] ^ 1]) + ours[1:]
        self.refused("EINVAL", "key", "unwrap", "aes192", "--with", w, "--usage", "mac",
                     input=changed)
        secret = self.fill("generate", "secret")
        self.assertIn("never exported", self.refused("EINVAL", "key", "wrap", secret, "--with", w))
        self.assertIn("not for wrapping", self.refused("EINVAL", "key", "wrap", k, "--with", again))

    def test_the_public_part_is_that_of_the_imported_key(self):
        for kind, make in (("p256", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
                           ("ed25519", ["-algorithm", "ED25519"]),
                           ("x25519", ["-algorithm", "X25519"]),
                           ("rsa2048", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])):
            pem = self.path("pair.pem")
            subprocess.run(["openssl", "genpkey", *make, "-out", pem], check=True,
                           capture_output=True, timeout=DEADLINE)
            wanted = subprocess.run(["openssl", "pkey", "-in", pem, "-pubout"], check=True,
                                    capture_output=True, timeout=DEADLINE).stdout
            slot = self.fill("import", kind, "--key-file", pem)
            self.assertEqual(self.done("key", "public", slot), wanted)
            self.restart()
            self.assertEqual(self.done("key", "public", slot), wanted)


CURVES = {"p256": ("EC", "P-256"), "p384": ("EC", "P-384"), "p521": ("EC", "P-521"),
          "ed25519": ("ED25519", None), "x25519": ("X25519", None)}


class Pairs(Keys):
    """Keys of curves, beside openssl(1)."""

    def openssl(self, *arguments, **options):
        done = subprocess.run(["openssl", *arguments], capture_output=True, timeout=DEADLINE,
                              check=False, **options)
        self.assertEqual(done.returncode, 0, done)
        return done.stdout

    def pair(self, curve, name):
        """Files of openssl's: a private key and its public one."""
        algorithm, group = CURVES[curve]
        key, public = self.path(f"{name}.pem"), self.path(f"{name}.pub.pem")
        self.openssl("genpkey", "-algorithm", algorithm,
                     *(["-pkeyopt", f"ec_paramgen_curve:{group}"] if group else []), "-out", key)
        self.openssl("pkey", "-in", key, "-pubout", "-out", public)
        return key, public

    def slot_with(self, curve, file, usage):
        return self.fill("import", curve, "--key-file", file, "--usage", usage)

    def test_openssl_verifies_what_a_slot_signs_and_the_public_key_is_the_same(self):
        message, signature = self.path("message", MESSAGE), self.path("signature")
        for curve, hashed in (("p256", "sha256"), ("p384", "sha384"), ("p521", "sha512")):
            key, public = self.pair(curve, curve)
            slot = self.slot_with(curve, key, "sign")
            self.done("ecc", "sign", "--key-slot", slot, "--in", message, "--out", signature)
            self.openssl("dgst", f"-{hashed}", "-verify", public, "-signature", signature, message)
            self.assertEqual(self.done("ecc", "public", "--key-slot", slot),
                             self.done("key", "public", slot))
            self.assertEqual(self.done("ecc", "public", "--key-slot", slot),
                             self.openssl("pkey", "-in", key, "-pubout"))
        key, public = self.pair("ed25519", "ed25519")
        slot = self.slot_with("ed25519", key, "sign")
        ours = self.done("ecc", "sign", "--key-slot", slot, "--in", message)
        self.assertEqual(ours, self.openssl("pkeyutl", "-sign", "-rawin", "-inkey", key, "-in",
                                            message))

    def test_a_key_that_was_made_in_a_slot_signs_for_its_public_key(self):
        message, signature = self.path("message", MESSAGE), self.path("signature")
        slot = self.fill("generate", "p256", "--usage", "sign")
        public = self.path("public.pem", self.done("key", "public", slot))
        for _ in range(2):
            self.done("ecc", "sign", "--key-slot", slot, "--in", message, "--out", signature)
            self.openssl("dgst", "-sha256", "-verify", public, "-signature", signature, message)
            self.done("ecc", "verify", "--key", public, "--signature", signature, "--in", message)
            self.restart()

    def test_a_slot_agrees_with_openssl_on_the_same_secret_whoever_asks(self):
        secret = self.path("secret")
        for curve in ("p256", "p384", "p521", "x25519"):
            key, public = self.pair(curve, "mine")
            theirs, their_public = self.pair(curve, "theirs")
            slot = self.slot_with(curve, key, "derive")
            self.done("ecc", "ecdh", "--key-slot", slot, "--peer", their_public, "--out", secret)
            with open(secret, "rb") as file:
                self.assertEqual(file.read(), self.openssl(
                    "pkeyutl", "-derive", "-inkey", theirs, "-peerkey", public))

    def test_a_curve_slot_says_what_it_is_not_for(self):
        message = self.path("message", MESSAGE)
        key, public = self.pair("p256", "p256")
        signs, agrees = (self.slot_with("p256", key, usage) for usage in ("sign", "derive"))
        self.assertIn("its usage forbids it",
                      self.refused("EINVAL", "ecc", "sign", "--key-slot", agrees, "--in", message))
        self.assertIn("its usage forbids it",
                      self.refused("EINVAL", "ecc", "ecdh", "--key-slot", signs, "--peer", public))
        _, other = self.pair("p384", "p384")
        self.assertIn("another curve than p384",
                      self.refused("EINVAL", "ecc", "ecdh", "--key-slot", agrees, "--peer", other))
        aes = self.fill("generate", "aes256")
        self.assertIn("another type",
                      self.refused("EINVAL", "ecc", "ecdh", "--key-slot", aes, "--peer", public))
        self.assertIn("no key of a curve",
                      self.refused("EINVAL", "ecc", "sign", "--key-slot", aes, "--in", message))
        for verb in (["sign", "--in", message], ["public"], ["ecdh", "--peer", public]):
            result = self.run_cli("ecc", *verb, "--key-slot", signs, "--key", key)
            self.assertEqual(result.returncode, 2, result)
            self.assertIn(b"two keys", result.stderr)
            self.assertEqual(self.run_cli("ecc", *verb, "--key-slot", "0").returncode, 2)


class RsaKeys(Keys):
    """Keys of RSA, beside openssl(1)."""

    openssl = Pairs.openssl

    def pair(self, bits):
        key, public = self.path("rsa.pem"), self.path("rsa.pub.pem")
        self.openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}", "-out",
                     key)
        self.openssl("pkey", "-in", key, "-pubout", "-out", public)
        return key, public

    def slot_with(self, bits, key, usage):
        return self.fill("import", f"rsa{bits}", "--key-file", key, "--usage", usage)

    def test_openssl_verifies_what_a_slot_signs(self):
        message, signature = self.path("message", MESSAGE), self.path("signature")
        for bits in (2048, 3072, 4096):
            key, public = self.pair(bits)
            slot = self.slot_with(bits, key, "sign")
            for options, theirs in (
                    (["--padding", "pkcs1"], []),
                    (["--padding", "pss"], ["-sigopt", "rsa_padding_mode:pss",
                                            "-sigopt", "rsa_pss_saltlen:digest"]),
                    (["--salt", "7", "--mgf-hash", "sha1"], [
                        "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:7",
                        "-sigopt", "rsa_mgf1_md:sha1"])):
                self.done("rsa", "sign", "--key-slot", slot, *options, "--in", message, "--out",
                          signature)
                self.openssl("dgst", "-sha256", *theirs, "-verify", public, "-signature",
                             signature, message)
            self.done("key", "delete", slot)

    def test_a_slot_decrypts_what_openssl_encrypts(self):
        key, public = self.pair(2048)
        slot = self.slot_with(2048, key, "decrypt")
        for options, theirs in (
                (["--padding", "pkcs1"], ["rsa_padding_mode:pkcs1"]),
                ([], ["rsa_padding_mode:oaep", "rsa_oaep_md:sha256"]),
                (["--hash", "sha512", "--mgf-hash", "sha1", "--label-hex", "6162"],
                 ["rsa_padding_mode:oaep", "rsa_oaep_md:sha512", "rsa_mgf1_md:sha1",
                  "rsa_oaep_label:6162"])):
            sealed = self.openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", public,
                                  *(word for option in theirs for word in ("-pkeyopt", option)),
                                  input=MESSAGE)
            self.assertEqual(self.done("rsa", "decrypt", "--key-slot", slot, *options,
                                       input=sealed), MESSAGE)
        self.refused("EINVAL", "rsa", "decrypt", "--key-slot", slot, input=sealed)

    def test_an_rsa_slot_says_what_it_is_not_for(self):
        key, _ = self.pair(2048)
        signs, decrypts = (self.slot_with(2048, key, usage) for usage in ("sign", "decrypt"))
        for padding in ("pkcs1", "pss"):
            self.assertIn("its usage forbids it", self.refused(
                "EINVAL", "rsa", "sign", "--padding", padding, "--key-slot", decrypts))
        for padding in ("pkcs1", "oaep"):
            self.assertIn("its usage forbids it", self.refused(
                "EINVAL", "rsa", "decrypt", "--padding", padding, "--key-slot", signs,
                input=bytes(256)))
        aes = self.fill("generate", "aes256")
        self.assertIn("no RSA key", self.refused("EINVAL", "rsa", "sign", "--key-slot", aes))
        self.assertIn("another type", self.refused("EINVAL", "rsa", "decrypt", "--key-slot", aes,
                                                   input=bytes(256)))
        for verb in ("sign", "decrypt"):
            both = self.run_cli("rsa", verb, "--key-slot", signs, "--key", key)
            self.assertEqual((both.returncode, b"two keys" in both.stderr), (2, True), both)
            self.assertEqual(self.run_cli("rsa", verb, "--key-slot", "0").returncode, 2)


class Derivations(Keys):
    """Keys from keys in slots: what openssl(1) makes of the same bytes."""

    def openssl(self, name, length, *options):
        done = subprocess.run(["openssl", "kdf", "-keylen", str(length), "-binary",
                               *(word for option in options for word in ("-kdfopt", option)),
                               name], capture_output=True, timeout=DEADLINE, check=False)
        self.assertEqual(done.returncode, 0, done)
        return done.stdout

    def test_hkdf_of_a_slot_is_openssls_of_its_key_whole_and_in_steps(self):
        for size in (1, 32, 128):
            key = key_bytes(size)
            slot = self.import_key("secret", key, "--usage", "derive")
            secret = f"hexkey:{key.hex()}"
            for name in ("sha256", "sha3-512"):
                def ours(*options):
                    return self.done("kdf", "hkdf", "--hash", name, "--raw", "--key-slot", slot,
                                     *options)

                self.assertEqual(ours("--salt-hex", "0102", "--info", "disk", "--length", "77"),
                                 self.openssl("HKDF", 77, f"digest:{name}", secret,
                                              "hexsalt:0102", "info:disk"))
                block = hashlib.new(name.replace("-", "_")).digest_size
                self.assertEqual(ours("--salt-hex", "0102", "--step", "extract"),
                                 self.openssl("HKDF", block, f"digest:{name}", secret,
                                              "hexsalt:0102", "mode:EXTRACT_ONLY"))
                self.assertEqual(ours("--info", "disk", "--step", "expand", "--length", "100"),
                                 self.openssl("HKDF", 100, f"digest:{name}", secret, "info:disk",
                                              "mode:EXPAND_ONLY"))

    def test_the_counter_mode_of_a_slot_is_openssls_of_its_key(self):
        text = ["salt:disk", "info:1"]
        options = ["--label", "disk", "--context", "1", "--length", "65", "--raw"]
        key = key_bytes(20)
        slot = self.import_key("secret", key, "--usage", "derive")
        self.assertEqual(self.done("kdf", "sp800-108", "--key-slot", slot, *options),
                         self.openssl("KBKDF", 65, "mac:HMAC", "digest:SHA256",
                                      f"hexkey:{key.hex()}", *text))
        for size in (16, 24, 32):
            key = key_bytes(size)
            slot = self.import_key(f"aes{8 * size}", key, "--usage", "derive")
            self.assertEqual(self.done("kdf", "sp800-108", "--prf", "cmac", "--key-slot", slot,
                                       *options),
                             self.openssl("KBKDF", 65, "mac:CMAC", f"cipher:AES-{8 * size}-CBC",
                                          f"hexkey:{key.hex()}", *text))
        fixed = ["--fixed-hex", "0011223344", "--raw"]
        key = key_bytes()
        slot = self.import_key("secret", key, "--usage", "derive")
        self.assertEqual(self.done("kdf", "sp800-108", "--key-slot", slot, *fixed),
                         hmac.new(key, bytes.fromhex("000000010011223344"), "sha256").digest())

    def test_a_slot_that_is_not_for_derivation_says_so(self):
        counter = ["kdf", "sp800-108", "--key-slot"]
        for command in (["kdf", "hkdf", "--key-slot"], counter):
            self.assertIn("its usage forbids it", self.refused(
                "EINVAL", *command, self.fill("generate", "secret", "--usage", "mac")))
            self.assertIn("another type", self.refused(
                "EINVAL", *command, self.fill("generate", "aes128", "--usage", "derive")))
        self.refused("EINVAL", "key", "generate", "aes256", "--usage", "derive",
                     "--policy", "engine-iv")
        slot = self.fill("generate", "secret", "--usage", "derive")
        self.assertIn("another type", self.refused("EINVAL", *counter, slot, "--prf", "cmac"))
        self.done("key", "delete", slot)
        self.assertIn("pluton-cli key list", self.refused("ENODEVICE", *counter, slot))
        both = self.run_cli(*counter, slot, "--key-hex", "00")
        self.assertEqual((both.returncode, b"two keys" in both.stderr), (2, True), both)


class Owners(Keys):
    @unittest.skipUnless(os.getuid() == 0, "only root can be somebody else")
    def test_to_others_a_slot_is_as_empty_as_one_that_never_was(self):
        slot = self.fill("generate", "secret")
        os.chmod(self.daemon.directory, 0o755)
        peer = self.path("peer.pem", self.done("ecc", "public", "--key", "-", input=self.done(
            "ecc", "generate", "--curve", "p256")))
        os.chmod(peer, 0o644)
        for command in (("mac", "hmac-sha256", "--key-slot"), ("key", "delete"), ("key", "public"),
                        ("key", "wrap", "--with", "1"), ("ecc", "sign", "--key-slot"),
                        ("rsa", "sign", "--key-slot"), ("rsa", "decrypt", "--key-slot"),
                        ("ecc", "public", "--key-slot"), ("kdf", "hkdf", "--key-slot"),
                        ("kdf", "sp800-108", "--prf", "cmac", "--key-slot"),
                        ("ecc", "ecdh", "--peer", peer, "--key-slot")):
            answers = []
            for number in (slot, "77"):
                result = self.run_cli(*command, number, user=65534, group=65534, extra_groups=[],
                                      input=bytes(256))
                self.assertEqual(result.returncode, 1, result)
                answers.append(re.sub(rb"\b%d\b" % int(number), b"N", result.stderr))
            self.assertEqual(*answers)
        listed = self.run_cli("key", "list", "--json", user=65534, group=65534, extra_groups=[])
        self.assertEqual(json.loads(listed.stdout), {"keys": []})
        other = self.run_cli("key", "generate", "secret", user=65534, group=65534, extra_groups=[])
        self.assertEqual(other.stdout, b"1\n")
        self.assertNotEqual(
            self.run_cli("mac", "hmac-sha256", "--key-slot", "1", user=65534, group=65534,
                         extra_groups=[]).stdout,
            self.done("mac", "hmac-sha256", "--key-slot", "1"))


class Limits(Keys):
    config = "[hwkey]\nslots = 5\nslots_per_owner = 3\n"

    def test_an_owner_gets_as_many_slots_as_the_limit_says_and_no_more(self):
        for number in "123":
            self.assertEqual(self.fill("generate", "secret"), number)
        self.assertIn("slots_per_owner", self.refused("ENOMEM", "key", "generate", "secret"))
        self.done("key", "delete", "2")
        self.assertEqual(self.fill("generate", "secret"), "2")

    @unittest.skipUnless(os.getuid() == 0, "only root can be somebody else")
    def test_all_owners_together_get_as_many_as_there_are(self):
        os.chmod(self.daemon.directory, 0o755)
        for _ in range(3):
            self.fill("generate", "secret")
        results = [self.run_cli("key", "generate", "secret", user=65534, group=65534,
                                extra_groups=[]) for _ in range(3)]
        self.assertEqual([result.returncode for result in results], [0, 0, 1])
        self.assertIn(b"all 5 key slots are taken", results[2].stderr)


class Fuses(Keys):
    def fuses(self):
        return f"{self.daemon.state}/fuses"

    def bits(self):
        with open(self.fuses(), "rb") as file:
            return file.read()

    def write(self, bits):
        with open(self.fuses(), "wb") as file:
            file.write(bits)

    def assert_no_keys(self, *words):
        """The daemon serves, but no keys, and says why; nothing was written."""
        self.daemon.start()
        self.refused("ENODEVICE", "key", "list")
        self.refused("ENODEVICE", "key", "generate", "secret", "--policy", "this-boot")
        self.assertEqual(self.run_cli("random", "8").returncode, 0)
        self.daemon.stop()
        for word in words:
            self.assertIn(word, self.daemon.log)

    def test_they_are_burnt_at_the_first_start_and_then_only_read(self):
        status = os.stat(self.fuses())
        self.assertEqual((stat.S_IMODE(status.st_mode), status.st_size), (0o600, 256))
        bits = self.bits()
        self.assertEqual(bits[:8], b"PLFUSES1")
        self.assertEqual(bytes(a ^ b for a, b in zip(bits[32:64], bits[64:96])), b"\xff" * 32)
        self.restart()
        self.assertEqual(self.bits(), bits)
        with Daemon(config="[app]\nfolders = /nonexistent\n") as other:
            with open(f"{other.state}/fuses", "rb") as file:
                self.assertNotEqual(file.read(), bits)

    def test_damaged_short_or_long_ones_are_refused_and_left_as_they_are(self):
        slot = self.fill("generate", "secret")
        before = self.done("mac", "hmac-sha256", "--key-slot", slot, input=MESSAGE)
        bits = self.bits()
        self.daemon.stop()
        flipped = bytearray(bits)
        flipped[40] |= ~flipped[40] & 0xff or 1
        flipped[64 + 8] |= flipped[40]
        for damaged in (bits[:255], b"", bits + b"\0", bytes(flipped), bits[:200] + b"\1" +
                        bits[201:], bytes(256)):
            self.write(damaged)
            self.assert_no_keys("no hardware keys", "is damaged", "from a backup")
            self.assertEqual(self.bits(), damaged)
        self.write(bits)
        self.daemon.start()
        self.assertEqual(self.done("mac", "hmac-sha256", "--key-slot", slot, input=MESSAGE), before)

    def test_what_others_can_read_is_refused_with_what_to_do(self):
        self.daemon.stop()
        os.chmod(self.fuses(), 0o640)
        self.assert_no_keys("mode 0640", "chmod 0600")

    @unittest.skipUnless(os.getuid() == 0, "only root gives files away")
    def test_what_belongs_to_somebody_else_is_refused(self):
        self.daemon.stop()
        os.chown(self.fuses(), 65534, 65534)
        self.assert_no_keys("belongs to uid 65534", "chown")

    def test_lost_ones_are_not_burnt_anew_while_keys_are_kept(self):
        self.fill("generate", "secret")
        self.daemon.stop()
        os.unlink(self.fuses())
        self.assert_no_keys("is gone, but keys are kept")
        self.assertFalse(os.path.exists(self.fuses()))

    def test_a_credential_takes_their_place(self):
        secret = key_bytes()
        self.daemon.stop()
        os.unlink(self.fuses())
        folder = self.path("credentials")
        os.mkdir(folder)
        credential = f"{folder}/pluton.device-secret"
        with open(credential, "wb") as file:
            file.write(secret)
        self.daemon.environment["CREDENTIALS_DIRECTORY"] = folder
        self.daemon.start()
        slot = self.fill("derive", "secret", "--label", "x")
        first = self.done("mac", "hmac-sha256", "--key-slot", slot, input=MESSAGE)
        self.assertFalse(os.path.exists(self.fuses()))
        self.restart()
        self.assertEqual(self.done("mac", "hmac-sha256", "--key-slot", slot, input=MESSAGE), first)
        self.daemon.stop()
        with open(credential, "wb") as file:
            file.write(secret[:31])
        self.assert_no_keys("31 bytes instead of 32")

    def test_a_credential_that_cannot_be_opened_is_not_replaced_by_a_fresh_secret(self):
        self.daemon.stop()
        os.unlink(self.fuses())
        folder = self.path("credentials")
        os.mkdir(folder)
        os.symlink("pluton.device-secret", f"{folder}/pluton.device-secret")
        self.daemon.environment["CREDENTIALS_DIRECTORY"] = folder
        self.assert_no_keys("the credential pluton.device-secret cannot be opened")
        self.assertFalse(os.path.exists(self.fuses()))


PAGE = os.sysconf("SC_PAGE_SIZE")
PRESENT = 0xc0 << 56  # in memory, or swapped out


def pages_of(pagemap, start, end):
    """Ranges of a mapping that ever had something in them."""
    pagemap.seek(start // PAGE * 8)
    entries = array.array("Q", pagemap.read((end - start) // PAGE * 8))
    for there, group in itertools.groupby(range(len(entries)),
                                          lambda i: bool(entries[i] & PRESENT)):
        pages = list(group)
        if there:
            yield start + pages[0] * PAGE, len(pages) * PAGE


def memory_of(pid):
    """All that a process has in memory, but for what cannot be read at all."""
    found = []
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, \
            open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pagemap, \
            open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            start, end = (int(x, 16) for x in line.split()[0].split("-"))
            if line.rstrip().endswith(("[vvar]", "[vsyscall]")):
                continue
            for place, size in pages_of(pagemap, start, end):
                memory.seek(place)
                found.append(memory.read(size))
    return b"\0".join(found)


def files_under(folder):
    found = []
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if stat.S_ISREG(os.lstat(path).st_mode):
                with open(path, "rb") as file:
                    found.append(file.read())
    return b"\0".join(found)


def traces(key, haystack):
    """How often the key, or a good part of it, is there."""
    return sum(haystack.count(key[i:i + 12]) for i in range(0, len(key) - 11, 4))


@unittest.skipUnless(os.getuid() == 0, "only root reads another process's memory")
@unittest.skipIf(is_sanitized(), "a sanitizer keeps what was freed")
class Traces(Keys):
    """A search for planted keys, whole or in good part."""

    def use(self, kind, slot):
        if kind == "secret":
            self.done("mac", "hmac-sha256", "--key-slot", slot, input=MESSAGE * 5000)
        else:
            for mode in ("ctr", "cbc", "ecb"):
                iv = [] if mode == "ecb" else ["--iv-hex", IV]
                self.done("aes", "encrypt", "--mode", mode, *iv, "--key-slot", slot,
                          input=MESSAGE * 5000)
            self.done("aes", "encrypt", "--mode", "gcm", "--iv-hex", IV[:24], "--key-slot", slot,
                      input=MESSAGE)
            self.done("mac", "cmac", "--key-slot", slot, input=MESSAGE * 5000)
            self.done("kdf", "sp800-108", "--prf", "cmac", "--key-slot", slot)

    def options(self, kind):
        return ["--usage", "mac,derive" if kind == "secret" else "encrypt,decrypt,mac,derive"]

    def forget_file(self):
        os.unlink(self.path("key"))

    def test_the_search_finds_a_resident_key_and_nothing_of_it_once_it_is_deleted(self):
        for kind in ("secret", "aes256"):
            key = key_bytes()
            slot = self.import_key(kind, key, *self.options(kind))
            self.forget_file()
            self.use(kind, slot)
            # the positive control, and the documented exception: the slot itself, once
            self.assertEqual(memory_of(self.daemon.pid).count(key), 1)
            self.assertEqual(traces(key, files_under(self.daemon.state)), 0)
            self.done("key", "delete", slot)
            self.assertEqual(traces(key, memory_of(self.daemon.pid)), 0)
            self.assertEqual(traces(key, files_under(self.daemon.state)), 0)

    def test_key_pairs_that_were_used_leave_nothing_either(self):
        private = ec.generate_private_key(ec.SECP256R1())
        parts = rsa.generate_private_key(65537, 2048)
        number = private.private_numbers().private_value.to_bytes(32, "big")
        prime = parts.private_numbers().p.to_bytes(128, "big")
        for kind, key, secret, usage, uses in (
                ("p256", private, number, "sign,derive",
                 (["ecc", "sign"], ["ecc", "public"],
                  ["ecc", "ecdh", "--peer", self.path("peer.pem", private.public_key().public_bytes(
                      Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))])),
                ("rsa2048", parts, prime, "sign,decrypt",
                 (["rsa", "sign"], ["rsa", "sign", "--padding", "pkcs1"],
                  ["rsa", "decrypt", "--padding", "pkcs1"]))):
            slot = self.import_key(kind, key.private_bytes(Encoding.DER, PrivateFormat.PKCS8,
                                                           NoEncryption()), "--usage", usage)
            self.forget_file()
            for use in uses:
                data = bytes(255) + b"\2" if "decrypt" in use else MESSAGE
                self.done(*use, "--key-slot", slot, input=data)
            self.assertEqual(memory_of(self.daemon.pid).count(secret), 1)
            self.assertEqual(memory_of(self.daemon.pid).count(secret[::-1]), 0)
            self.assertEqual(traces(secret, files_under(self.daemon.state)), 0)
            self.done("key", "delete", slot)
            self.assertEqual(traces(secret, memory_of(self.daemon.pid)), 0)
            self.assertEqual(traces(secret[::-1], memory_of(self.daemon.pid)), 0)

    def test_a_refused_import_leaves_nothing(self):
        key = key_bytes()
        self.import_key("secret", key_bytes(), "--slot", "3")
        self.path("key", key)
        self.refused("EALREADY", "key", "import", "secret", "--key-file", self.path("key"),
                     "--slot", "3")
        self.refused("EINVAL", "key", "import", "aes256", "--usage", "sign", "--key-file",
                     self.path("key"))
        self.forget_file()
        self.assertEqual(traces(key, memory_of(self.daemon.pid)), 0)

    def test_a_client_that_is_killed_leaves_its_slot_and_nothing_else(self):
        key = key_bytes()
        slot = self.import_key("secret", key)
        self.forget_file()
        client = subprocess.Popen([CLI, "mac", "hmac-sha256", "--key-slot", slot],
                                  env=environment(PLUTON_ADDRESS=self.daemon.address),
                                  stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.addCleanup(client.stdin.close)
        client.stdin.write(MESSAGE * 100000)  # more than a pipe holds: it is well under way
        client.stdin.flush()
        self.assertEqual(traces(key, memory_of(client.pid)), 0)
        client.send_signal(signal.SIGKILL)
        client.wait(DEADLINE)
        self.done("mac", "hmac-sha256", "--key-slot", slot, input=MESSAGE)
        self.assertEqual(memory_of(self.daemon.pid).count(key), 1)
        self.done("key", "delete", slot)
        self.assertEqual(traces(key, memory_of(self.daemon.pid)), 0)

    def test_libpluton_keeps_nothing_of_a_key_that_it_sent(self):
        client = subprocess.Popen([f"{os.environ['PLUTON_BUILD']}/hwkey_client"],
                                  env=environment(PLUTON_ADDRESS=self.daemon.address),
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(client.stdout.close)
        self.addCleanup(client.stdin.close)
        slot, disguised = client.stdout.readline().decode().split()
        key = bytes(byte ^ 0xa5 for byte in bytes.fromhex(disguised))
        memory = memory_of(client.pid)
        self.assertGreater(memory.count(bytes.fromhex(disguised)), 0)  # the search finds things
        self.assertEqual(traces(key, memory), 0)
        client.send_signal(signal.SIGKILL)
        client.wait(DEADLINE)
        self.assertEqual(self.done("mac", "hmac-sha256", "--key-slot", slot, input=MESSAGE),
                         hmac.new(key, MESSAGE, "sha256").hexdigest().encode() + b"  -\n")
        self.assertEqual(memory_of(self.daemon.pid).count(key), 1)
        self.done("key", "delete", slot)
        self.assertEqual(traces(key, memory_of(self.daemon.pid)), 0)

    def test_a_key_that_was_wrapped_or_derived_with_is_not_left_behind(self):
        wrapping, key = key_bytes(), key_bytes()
        w = self.import_key("aes256", wrapping, "--usage", "wrap")
        k = self.import_key("aes256", key, "--policy", "exportable")
        self.forget_file()
        wrapped = self.done("key", "wrap", k, "--with", w)
        again = self.done("key", "unwrap", "aes256", "--with", w, input=wrapped).decode().strip()
        self.assertEqual(memory_of(self.daemon.pid).count(key), 2)
        for slot in (w, k, again):
            self.done("key", "delete", slot)
        self.assertEqual(traces(key, memory_of(self.daemon.pid)), 0)
        self.assertEqual(traces(wrapping, memory_of(self.daemon.pid)), 0)

    def test_the_device_secret_is_not_in_memory(self):
        with open(f"{self.daemon.state}/fuses", "rb") as file:
            secret = file.read()[32:64]
        self.fill("derive", "secret", "--label", "x")
        self.assertEqual(traces(secret, memory_of(self.daemon.pid)), 0)


if __name__ == "__main__":
    unittest.main()
