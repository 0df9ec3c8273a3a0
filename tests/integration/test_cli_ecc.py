# SPDX-License-Identifier: Apache-2.0
"""pluton-cli ecc beside openssl(1), both ways: each reads the keys and signatures of the other."""

import json
import os
import stat
import unittest

from private import Files, Private, pattern, run

MIB = 1 << 20
CURVES = {"p256": "P-256", "p384": "P-384", "p521": "P-521"}
HASHES = {"p256": "sha256", "p384": "sha384", "p521": "sha512"}
NAMES = [*CURVES, "ed25519", "x25519"]
SECRETS = {"p256": 32, "p384": 48, "p521": 66, "x25519": 32}
INVALID = b"the signature does not match"


def setUpModule():
    global daemon
    daemon = Private()


def tearDownModule():
    daemon.close()


class Ecc(Files):
    def ecc(self, verb, *options, status=0, **more):
        done = daemon.cli("ecc", verb, *options, **more)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stderr == b"", status == 0, done.stderr)
        return done

    def openssl(self, *arguments, status=0, **more):
        done = run("openssl", *arguments, **more)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout

    def pair(self, curve, name="key", form="pem"):
        """Ours: paths of a private and a public key."""
        key, public = self.path(f"{name}.{form}"), self.path(f"{name}.pub.{form}")
        self.ecc("generate", "--curve", curve, "--format", form, "--out", key)
        self.ecc("public", "--key", key, "--format", form, "--out", public)
        return key, public

    def openssl_pair(self, curve, name="theirs", form="pem"):
        key, public = self.path(f"{name}.{form}"), self.path(f"{name}.pub.{form}")
        how = (["EC", "-pkeyopt", f"ec_paramgen_curve:{CURVES[curve]}"] if curve in CURVES
               else [curve.upper()])
        self.openssl("genpkey", "-algorithm", *how, "-outform", form, "-out", key)
        self.openssl("pkey", "-in", key, "-pubout", "-outform", form, "-out", public)
        return key, public


class Keys(Ecc):
    def test_openssl_reads_our_keys_in_pem_and_der_and_finds_the_same_public_key(self):
        for curve in NAMES:
            for form in ("pem", "der"):
                key, public = self.pair(curve, curve, form)
                self.openssl("pkey", "-in", key, "-check", "-noout")
                self.assertEqual(self.openssl("pkey", "-in", key, "-pubout", "-outform", form),
                                 self.read(f"{curve}.pub.{form}"))
                self.openssl("pkey", "-pubin", "-in", public, "-pubcheck", "-noout")

    def test_our_keys_are_byte_for_byte_what_openssl_writes(self):
        for curve in NAMES:
            key, _ = self.pair(curve, curve)
            self.assertEqual(self.openssl("pkcs8", "-topk8", "-nocrypt", "-in", key),
                             self.read(f"{curve}.pem"))

    def test_we_read_keys_of_openssl_and_find_the_same_public_key(self):
        for curve in NAMES:
            for form in ("pem", "der"):
                key, _ = self.openssl_pair(curve, curve, form)
                done = self.ecc("public", "--key", key, "--format", form)
                self.assertEqual(done.stdout, self.read(f"{curve}.pub.{form}"))

    def test_sec1_keys_and_compressed_points_are_read_too(self):
        old = self.path("old.pem")
        self.openssl("ecparam", "-name", "prime256v1", "-genkey", "-out", old)
        wanted = self.openssl("ec", "-in", old, "-pubout")
        self.assertEqual(self.ecc("public", "--key", old).stdout, wanted)
        short = self.path("short.pem")
        self.openssl("ec", "-in", old, "-pubout", "-conv_form", "compressed", "-out", short)
        signature = self.path("signature")
        self.ecc("sign", "--key", old, "--out", signature, input=b"x")
        self.ecc("verify", "--key", short, "--signature", signature, input=b"x")

    def test_a_private_key_is_its_owners_alone_also_in_a_file_that_was_there(self):
        path = self.write("old", b"something else")
        os.chmod(path, 0o666)
        for name in ("old", "new"):
            self.ecc("generate", "--curve", "p256", "--out", self.path(name))
            self.assertEqual(stat.S_IMODE(os.stat(self.path(name)).st_mode), 0o600)

    def test_a_generated_key_goes_to_standard_output_without_a_name(self):
        done = self.ecc("generate", "--curve", "ed25519")
        self.assertTrue(done.stdout.startswith(b"-----BEGIN PRIVATE KEY-----\n"))

    def test_what_is_no_key_is_refused_with_its_name(self):
        path = self.write("no key", b"nothing of the kind")
        for options in (("public", "--key", path), ("sign", "--key", path),
                        ("verify", "--key", path, "--signature", path)):
            done = self.ecc(*options, status=1)
            self.assertRegex(done.stderr, b"no (private|public) key, .*no key: it is neither PEM "
                                          b"nor DER .*\\(EINVAL\\)")

    def test_a_private_key_stands_for_its_public_one_and_not_the_other_way(self):
        key, public = self.openssl_pair("p256")
        data = self.write("data", b"what is signed")
        signature = self.path("signature")
        self.ecc("sign", "--key", key, "--in", data, "--out", signature)
        self.ecc("verify", "--key", key, "--signature", signature, "--in", data)
        done = self.ecc("sign", "--key", public, "--in", data, status=1)
        self.assertIn(b"the key is public, give the private one", done.stderr)

    def test_a_public_key_off_its_curve_is_called_that(self):
        key, _ = self.openssl_pair("p256")
        public = self.path("off.der")
        self.openssl("pkey", "-in", key, "-pubout", "-outform", "DER", "-out", public)
        with open(public, "r+b") as file:
            point = bytearray(file.read())
            point[-1] ^= 1
            file.seek(0)
            file.write(point)
        done = self.ecc("ecdh", "--key", key, "--peer", public, status=1)
        self.assertIn(b"its point is not on its curve", done.stderr)

    def test_a_key_with_a_password_is_refused_and_nobody_is_asked(self):
        key, _ = self.openssl_pair("p256")
        locked = self.path("locked.pem")
        self.openssl("pkcs8", "-topk8", "-in", key, "-passout", "pass:secret", "-out", locked)
        done = self.ecc("public", "--key", locked, status=1)
        self.assertIn(b"without a password", done.stderr)

    def test_keys_of_other_kinds_are_refused(self):
        for algorithm in (["RSA"], ["ED448"], ["EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"]):
            key = self.path("other.pem")
            self.openssl("genpkey", "-algorithm", *algorithm, "-out", key)
            done = self.ecc("public", "--key", key, status=1)
            self.assertIn(b"it is of another kind or curve", done.stderr)


class Signatures(Ecc):
    def test_openssl_dgst_verifies_our_signatures_of_files_of_any_size(self):
        for curve in CURVES:
            key, public = self.pair(curve, curve)
            for size in (0, 1, 1000, 3 * MIB + 7):
                data, signature = self.write("data", pattern(size)), self.path("signature")
                self.ecc("sign", "--key", key, "--in", data, "--out", signature)
                self.openssl("dgst", f"-{HASHES[curve]}", "-verify", public, "-signature",
                             signature, data)

    def test_we_verify_signatures_of_openssl_dgst_with_every_hash(self):
        data, signature = self.write("data", pattern(100000)), self.path("signature")
        for curve in CURVES:
            key, public = self.openssl_pair(curve, curve)
            for name in ("sha1", "sha224", "sha256", "sha384", "sha512", "sha3-256", "sha3-512"):
                self.openssl("dgst", f"-{name}", "-sign", key, "-out", signature, data)
                done = self.ecc("verify", "--key", public, "--signature", signature, "--in", data,
                                "--hash", name)
                self.assertEqual(done.stdout, b"verified\n")

    def test_ed25519_both_ways(self):
        key, public = self.pair("ed25519")
        theirs, their_public = self.openssl_pair("ed25519")
        for size in (0, 1, 1000, 16384):
            data, signature = self.write("data", pattern(size)), self.path("signature")
            self.ecc("sign", "--key", key, "--in", data, "--out", signature)
            self.assertEqual(len(self.read("signature")), 64)
            if size:  # openssl pkeyutl reads no empty file
                self.openssl("pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", public, "-in",
                             data, "-sigfile", signature)
                self.openssl("pkeyutl", "-sign", "-rawin", "-inkey", theirs, "-in", data, "-out",
                             signature)
                self.ecc("verify", "--key", their_public, "--signature", signature, "--in", data)

    def test_a_long_ed25519_message_is_verified_but_not_signed(self):
        key, _ = self.pair("ed25519")
        theirs, public = self.openssl_pair("ed25519")
        data, signature = self.write("data", pattern(2 * MIB)), self.path("signature")
        self.openssl("pkeyutl", "-sign", "-rawin", "-inkey", theirs, "-in", data, "-out", signature)
        self.ecc("verify", "--key", public, "--signature", signature, "--in", data)
        done = self.ecc("sign", "--key", key, "--in", data, status=1)
        self.assertIn(b"at most 16384 bytes", done.stderr)
        done = self.ecc("sign", "--key", key, status=1, input=pattern(16385))
        self.assertIn(b"at most 16384 bytes", done.stderr)

    def test_raw_signatures_are_two_numbers_of_the_fields_width(self):
        for curve in CURVES:
            key, public = self.pair(curve, curve)
            signature = self.path("signature")
            self.ecc("sign", "--key", key, "--format", "raw", "--out", signature, input=b"abc")
            self.assertEqual(len(self.read("signature")), 2 * SECRETS[curve])
            self.ecc("verify", "--key", public, "--format", "raw", "--signature", signature,
                     input=b"abc")
            self.ecc("verify", "--key", public, "--signature", signature, input=b"abc", status=1)

    def test_a_changed_file_or_signature_is_not_valid_and_the_status_is_1(self):
        for curve in [*CURVES, "ed25519"]:
            key, public = self.pair(curve, curve)
            signature = self.path("signature")
            self.ecc("sign", "--key", key, "--out", signature, input=b"abc")
            done = self.ecc("verify", "--key", public, "--signature", signature, input=b"abd",
                            status=1)
            self.assertIn(INVALID, done.stderr)
            self.assertEqual(done.stdout, b"")
            bad = bytearray(self.read("signature"))
            bad[-1 if curve in CURVES else 5] ^= 1
            self.write("signature", bad)
            done = self.ecc("verify", "--key", public, "--signature", signature, input=b"abc",
                            status=1)
            self.assertIn(INVALID, done.stderr)

    def test_der_with_something_behind_it_or_in_another_encoding_is_refused(self):
        key, public = self.pair("p256")
        signature = self.path("signature")
        self.ecc("sign", "--key", key, "--out", signature, input=b"abc")
        good = self.read("signature")
        for bad in (good + b"\0", good[:-1], b"", b"\x30\x81" + good[1:], b"x" * 2000):
            self.write("signature", bad)
            done = self.ecc("verify", "--key", public, "--signature", signature, input=b"abc",
                            status=1)
            self.assertIn(b"no signature of p256", done.stderr)

    def test_sha1_is_verified_but_never_signed_with(self):
        key, _ = self.pair("p256")
        done = self.ecc("sign", "--key", key, "--hash", "sha1", input=b"abc", status=1)
        self.assertIn(b"28, 32, 48 or 64", done.stderr)

    def test_x25519_keys_sign_nothing(self):
        key, public = self.pair("x25519")
        self.assertIn(b"(ENOSUPPORT)",
                      self.ecc("sign", "--key", key, input=b"abc", status=1).stderr)
        self.assertIn(b"x25519 has none", self.ecc("verify", "--key", public, "--signature", key,
                                                   input=b"abc", status=1).stderr)


class Agreement(Ecc):
    def test_we_and_openssl_agree_on_the_same_secret(self):
        for curve, size in SECRETS.items():
            key, public = self.pair(curve, curve)
            theirs, their_public = self.openssl_pair(curve, f"{curve}.theirs")
            secret = self.path("secret")
            self.ecc("ecdh", "--key", key, "--peer", their_public, "--out", secret)
            self.assertEqual(stat.S_IMODE(os.stat(secret).st_mode), 0o600)
            self.assertEqual(len(self.read("secret")), size)
            self.assertEqual(self.openssl("pkeyutl", "-derive", "-inkey", theirs, "-peerkey",
                                          public), self.read("secret"))

    def test_keys_of_two_curves_share_nothing(self):
        key, _ = self.pair("p256", "one")
        _, public = self.pair("p384", "two")
        done = self.ecc("ecdh", "--key", key, "--peer", public, status=1)
        self.assertIn(b"another curve", done.stderr)

    def test_a_point_of_small_order_is_refused(self):
        key, public = self.pair("x25519", form="der")
        self.write("small", self.read("key.pub.der")[:-32] + bytes(32))
        done = self.ecc("ecdh", "--key", key, "--peer", self.path("small"), status=1)
        self.assertIn(b"all zeros", done.stderr)


class Json(Ecc):
    def answer(self, verb, *options, **more):
        return json.loads(self.ecc(verb, *options, "--json", **more).stdout)

    def test_json_says_what_was_written_or_the_bytes_in_hexadecimal(self):
        key = self.path("key.pem")
        self.assertEqual(self.answer("generate", "--curve", "ed25519", "--out", key),
                         {"curve": "ed25519", "out": key})
        public = self.answer("public", "--key", key)
        self.assertTrue(public["public"].startswith("-----BEGIN PUBLIC KEY-----"))
        self.write("public.pem", public["public"].encode())
        signature = bytes.fromhex(self.answer("sign", "--key", key, input=b"abc")["signature"])
        self.assertEqual(self.answer("verify", "--key", self.path("public.pem"), "--signature",
                                     self.write("signature", signature), input=b"abc"),
                         {"verified": True})

    def test_a_secret_never_goes_into_json(self):
        done = self.ecc("generate", "--curve", "p256", "--json", status=2)
        self.assertIn(b"name a file", done.stderr)
        key, public = self.pair("p256")
        done = self.ecc("ecdh", "--key", key, "--peer", public, "--json", status=2)
        self.assertIn(b"name a file", done.stderr)


class Usage(Ecc):
    def test_what_is_missing_or_unknown_is_named(self):
        key, _ = self.pair("ed25519")
        for options, words in ((("generate",), b"the curve is missing, --curve"),
                               (("generate", "--curve", "p224"), b"no such curve, p224"),
                               (("generate", "--curve", "p256", "--format", "raw"),
                                b"no such format, raw, use pem or der"),
                               (("public",), b"the private key, --key, is missing"),
                               (("sign",), b"the private key, --key, is missing"),
                               (("sign", "--key", key, "--hash", "sha256"), b"leave it out"),
                               (("sign", "--key", key, "--format", "pem"),
                                b"no such format, pem, use der or raw"),
                               (("verify", "--key", key), b"--signature, is missing"),
                               (("ecdh", "--key", key), b"--peer, is missing"),
                               (("frob",), b"no such command, frob")):
            self.assertIn(words, self.ecc(*options, status=2).stderr)

    def test_standard_input_is_read_once(self):
        key, public = self.pair("ed25519")
        signature = self.path("signature")
        self.ecc("sign", "--key", key, "--out", signature, input=b"")
        twice = b"more than one input on standard input, -, name files"
        for options, name in ((("sign", "--key", "-"), "key.pem"),
                              (("sign", "--key", "-", "--in", "-"), "key.pem"),
                              (("verify", "--key", "-", "--signature", signature), "key.pub.pem"),
                              (("verify", "--key", public, "--signature", "-"), "signature"),
                              (("verify", "--key", "-", "--signature", "-", "--in", public),
                               "key.pub.pem"),
                              (("ecdh", "--key", "-", "--peer", "-"), "key.pem")):
            done = self.ecc(*options, input=self.read(name), status=2)
            self.assertEqual(done.stdout, b"")
            self.assertIn(twice, done.stderr)

    def test_each_input_may_be_the_one_on_standard_input(self):
        key, public = self.pair("p256")
        data, signature = self.write("data", b"abc"), self.path("signature")
        private = self.read("key.pem")
        self.ecc("sign", "--key", "-", "--in", data, "--out", signature, input=private)
        for options, name in ((("--key", "-", "--signature", signature, "--in", data),
                               "key.pub.pem"),
                              (("--key", public, "--signature", "-", "--in", data), "signature"),
                              (("--key", public, "--signature", signature), "data")):
            self.ecc("verify", *options, input=self.read(name))
        secret = self.ecc("ecdh", "--key", "-", "--peer", public, input=private).stdout
        done = self.ecc("ecdh", "--key", key, "--peer", "-", input=self.read("key.pub.pem"))
        self.assertEqual(done.stdout, secret)

    def test_a_key_that_is_no_number_of_its_curve_is_refused_by_the_daemon(self):
        key, _ = self.pair("p256", form="der")
        data = self.read("key.der")
        at = data.index(b"\x04\x20") + 2
        for number in (bytes(32), b"\xff" * 32):
            self.write("bad.der", data[:at] + number + data[at + 32:])
            done = self.ecc("sign", "--key", self.path("bad.der"), input=b"abc", status=1)
            self.assertRegex(done.stderr, b"no private key|not below the order")


if __name__ == "__main__":
    unittest.main()
