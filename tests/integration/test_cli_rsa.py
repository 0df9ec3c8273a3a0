# SPDX-License-Identifier: Apache-2.0
"""pluton-cli rsa: keys that openssl takes and gives, signatures and ciphers both ways with it, what
goes wrong in clear words, and a generation that ends with its command."""

import json
import os
import signal
import stat
import subprocess
import time
import unittest

from private import DEADLINE, Private, run

HASHES = ("sha1", "sha224", "sha256", "sha384", "sha512", "sha3-256", "sha3-384", "sha3-512")
DATA = bytes(range(256)) * 5000 + b"tail"


def setUpModule():
    global daemon
    daemon = Private(config="[hil]\nchecker = yes\n")
    keep("data", DATA)
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", at("key"))
    openssl("pkey", "-in", at("key"), "-pubout", "-out", at("public"))


def tearDownModule():
    daemon.close()


def at(name):
    return daemon.path(name)


def keep(name, data):
    with open(at(name), "wb") as file:
        file.write(data)
    return at(name)


def read(name):
    with open(at(name), "rb") as file:
        return file.read()


def openssl(*arguments, **options):
    return run("openssl", *arguments, **options)


class Rsa(unittest.TestCase):
    def rsa(self, *arguments, **options):
        """Succeeds, and says nothing about it on stderr."""
        done = daemon.cli("rsa", *arguments, **options)
        self.assertEqual((done.returncode, done.stderr), (0, b""), arguments)
        return done.stdout

    def refused(self, words, *arguments, status=1, **options):
        done = daemon.cli("rsa", *arguments, **options)
        self.assertEqual((done.returncode, done.stdout), (status, b""), done.stderr)
        self.assertIn(words, done.stderr.decode())
        return done.stderr.decode()


class Keys(Rsa):
    def test_a_new_key_is_one_that_openssl_finds_right(self):
        for bits in ("2048", "3072"):
            self.rsa("generate", "--bits", bits, "--out", at("new"))
            checked = openssl("pkey", "-in", at("new"), "-check", "-noout", "-text")
            self.assertEqual(checked.returncode, 0)
            self.assertIn(f"Private-Key: ({bits} bit, 2 primes)".encode(), checked.stdout)
            self.assertIn(b"publicExponent: 65537 (0x10001)", checked.stdout)

    def test_nobody_else_can_read_a_private_key_even_if_its_file_was_there(self):
        path = keep("open", b"")
        os.chmod(path, 0o666)
        self.rsa("generate", "--bits", "2048", "--out", path)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.rsa("generate", "--bits", "2048", "--out", at("fresh"))
        self.assertEqual(stat.S_IMODE(os.stat(at("fresh")).st_mode), 0o600)

    def test_another_exponent_is_in_the_key(self):
        key = self.rsa("generate", "--bits", "2048", "--exponent", "65539", "--format", "der")
        self.assertIn(b"publicExponent: 65539",
                      openssl("pkey", "-inform", "DER", "-noout", "-text", input=key).stdout)

    def test_the_public_half_is_what_openssl_makes_of_it_in_both_forms(self):
        self.assertEqual(self.rsa("public", "--key", at("key")), read("public"))
        self.assertEqual(self.rsa("public", "--key", at("public")), read("public"))
        wanted = openssl("pkey", "-in", at("key"), "-pubout", "-outform", "DER").stdout
        self.assertEqual(self.rsa("public", "--key", at("key"), "--format", "der"), wanted)

    def test_keys_are_read_in_every_form_that_openssl_writes(self):
        for arguments in (["pkey", "-outform", "DER"], ["rsa", "-traditional"],
                          ["rsa", "-traditional", "-outform", "DER"], ["pkey", "-pubout"],
                          ["pkey", "-pubout", "-outform", "DER"], ["rsa", "-RSAPublicKey_out"]):
            key = openssl(*arguments, "-in", at("key")).stdout
            self.assertEqual(self.rsa("public", "--key", "-", input=key), read("public"),
                             arguments)

    def test_what_is_no_rsa_key_is_refused_by_name_and_reason(self):
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
                at("ec"))
        openssl("pkey", "-in", at("key"), "-aes-128-cbc", "-passout", "pass:x", "-out", at("locked"))
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1536", "-out",
                at("odd"))
        for name, words in (("ec", "it is a key, but not of RSA"),
                            ("locked", "it has a passphrase"),
                            ("odd", "it has 1536 bits"),
                            ("data", "cannot use the key")):
            self.assertIn(at(name), self.refused(words, "public", "--key", at(name)))
        self.refused("neither PEM nor DER", "public", "--key", "-", input=b"")
        self.refused("(ENOENT)", "public", "--key", at("nowhere"))

    def test_json_names_what_was_made(self):
        done = json.loads(self.rsa("generate", "--bits", "2048", "--out", at("json"), "--json"))
        self.assertEqual(done, {"bits": 2048, "exponent": 65537, "out": at("json")})
        self.refused("--out -, name a file", "generate", "--json", status=2)

    def test_bits_and_exponents_that_no_key_has_are_refused(self):
        self.refused("1024 bits", "generate", "--bits", "1024")
        self.refused("(ENOSUPPORT)", "generate", "--bits", "2047")
        self.refused("at least 65537", "generate", "--exponent", "3")
        self.refused("at least 65537", "generate", "--exponent", "65538")
        self.refused("is too large", "generate", "--bits", "8192", status=2)
        self.refused("is not a number", "generate", "--bits", "many", status=2)


class Signatures(Rsa):
    def test_openssl_verifies_every_hash_by_both_paddings(self):
        for name in HASHES:
            for padding, options in (("pkcs1", []),
                                     ("pss", ["-sigopt", "rsa_padding_mode:pss", "-sigopt",
                                              "rsa_pss_saltlen:digest"])):
                self.rsa("sign", "--key", at("key"), "--hash", name, "--padding", padding, "--in",
                         at("data"), "--out", at("sig"))
                done = openssl("dgst", f"-{name}", "-verify", at("public"), "-signature", at("sig"),
                               *options, at("data"))
                self.assertEqual(done.stdout, b"Verified OK\n", (name, padding))

    def test_what_openssl_signs_is_verified_for_every_hash_by_both_paddings(self):
        for name in HASHES:
            for padding, options in (("pkcs1", []),
                                     ("pss", ["-sigopt", "rsa_padding_mode:pss", "-sigopt",
                                              "rsa_pss_saltlen:digest"])):
                openssl("dgst", f"-{name}", "-sign", at("key"), "-out", at("sig"), *options,
                        at("data"))
                done = self.rsa("verify", "--key", at("public"), "--signature", at("sig"),
                                "--hash", name, "--padding", padding, "--in", at("data"))
                self.assertEqual(done, b"verified\n", (name, padding))

    def test_salts_and_hashes_of_mgf1_are_those_of_openssl(self):
        for salt in ("0", "11", "222"):
            self.rsa("sign", "--key", at("key"), "--salt", salt, "--mgf-hash", "sha1", "--in",
                     at("data"), "--out", at("sig"))
            options = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", f"rsa_pss_saltlen:{salt}",
                       "-sigopt", "rsa_mgf1_md:sha1"]
            done = openssl("dgst", "-sha256", "-verify", at("public"), "-signature", at("sig"),
                           *options, at("data"))
            self.assertEqual(done.stdout, b"Verified OK\n")
            line = ["verify", "--key", at("public"), "--signature", at("sig"), "--in", at("data"),
                    "--mgf-hash", "sha1"]
            self.assertEqual(self.rsa(*line, "--salt", "any"), b"verified\n")
            self.refused("the signature does not match", *line, "--salt", "12")

    def test_any_salt_is_for_verifying_only(self):
        self.rsa("generate", "--bits", "2048", "--out", at("salted"))
        self.refused("is for verifying", "sign", "--key", at("salted"), "--salt", "any",
                     input=b"", status=2)

    def test_a_changed_file_signature_or_key_is_not_verified(self):
        self.rsa("sign", "--key", at("key"), "--in", at("data"), "--out", at("sig"))
        line = ["verify", "--key", at("public"), "--signature"]
        self.refused("the signature does not match", *line, at("sig"), input=DATA + b"x")
        changed = bytearray(read("sig"))
        changed[100] ^= 1
        self.refused("the signature does not match", *line, keep("changed", changed), "--in",
                     at("data"))
        self.refused("signature has 255 bytes", *line, keep("short", changed[1:]), "--in",
                     at("data"))
        self.refused("is too long", *line, keep("long", changed * 2), "--in", at("data"))
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out",
                at("other"))
        self.refused("the signature does not match", "verify", "--key", at("other"), "--signature",
                     at("sig"), "--in", at("data"))

    def test_json_says_verified(self):
        self.rsa("sign", "--key", at("key"), "--in", at("data"), "--out", at("sig"))
        done = self.rsa("verify", "--key", at("key"), "--signature", at("sig"), "--in", at("data"),
                        "--json")
        self.assertEqual(json.loads(done),
                         {"padding": "pss", "in": at("data"), "verified": True})

    def test_a_public_key_does_not_sign(self):
        self.refused("the key is public", "sign", "--key", at("public"), "--in", at("data"))

    def test_a_key_whose_numbers_do_not_belong_together_does_not_sign(self):
        key = openssl("pkey", "-in", at("key"), "-outform", "DER").stdout
        text = openssl("pkey", "-in", at("key"), "-noout", "-text").stdout.decode()
        digits = text.split("prime1:")[1].split("prime2:")[0]
        prime = bytes.fromhex("".join(digits.split()).replace(":", "")).lstrip(b"\0")
        place = key.index(prime) + 64
        broken = key[:place] + bytes([key[place] ^ 1]) + key[place + 1:]
        self.refused("the primes of the key do not multiply to its modulus", "sign", "--key",
                     keep("broken", broken), "--in", at("data"))


class Ciphers(Rsa):
    def test_openssl_decrypts_what_was_encrypted(self):
        for options, words in ((["--padding", "pkcs1"], ["rsa_padding_mode:pkcs1"]),
                               ([], ["rsa_padding_mode:oaep", "rsa_oaep_md:sha256"]),
                               (["--hash", "sha512", "--mgf-hash", "sha1", "--label-hex", "abcd"],
                                ["rsa_padding_mode:oaep", "rsa_oaep_md:sha512",
                                 "rsa_mgf1_md:sha1", "rsa_oaep_label:abcd"])):
            for message in (b"", b"a", b"some secret " * 10):
                cipher = self.rsa("encrypt", "--key", at("public"), *options, input=message)
                pkeyopts = [word for text in words for word in ("-pkeyopt", text)]
                done = openssl("pkeyutl", "-decrypt", "-inkey", at("key"), *pkeyopts, input=cipher)
                self.assertEqual((done.returncode, done.stdout), (0, message), options)

    def test_what_openssl_encrypts_is_decrypted(self):
        for options, words in ((["--padding", "pkcs1"], ["rsa_padding_mode:pkcs1"]),
                               ([], ["rsa_padding_mode:oaep", "rsa_oaep_md:sha256"]),
                               (["--hash", "sha3-384", "--mgf-hash", "sha1"],
                                ["rsa_padding_mode:oaep", "rsa_oaep_md:sha3-384",
                                 "rsa_mgf1_md:sha1"])):
            for message in (b"a", b"some secret " * 10):
                pkeyopts = [word for text in words for word in ("-pkeyopt", text)]
                cipher = openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", at("public"),
                                 *pkeyopts, input=message).stdout
                self.assertEqual(self.rsa("decrypt", "--key", at("key"), *options, input=cipher),
                                 message, options)

    def test_changed_oaep_is_refused_and_changed_pkcs1_is_another_message(self):
        cipher = bytearray(self.rsa("encrypt", "--key", at("public"), input=b"secret"))
        cipher[255] ^= 1
        self.refused("it does not decrypt", "decrypt", "--key", at("key"), input=bytes(cipher))
        cipher = bytearray(self.rsa("encrypt", "--key", at("public"), "--padding", "pkcs1",
                                    input=b"secret"))
        cipher[255] ^= 1
        line = ["decrypt", "--key", at("key"), "--padding", "pkcs1"]
        first = self.rsa(*line, input=bytes(cipher))
        self.assertNotEqual(first, b"secret")
        self.assertEqual(self.rsa(*line, input=bytes(cipher)), first)

    def test_messages_that_are_too_long_are_refused_with_the_limit(self):
        self.refused("takes at most 190", "encrypt", "--key", at("public"), input=bytes(191))
        self.refused("takes at most 245", "encrypt", "--key", at("public"), "--padding", "pkcs1",
                     input=bytes(246))
        self.refused("is too long", "encrypt", "--key", at("public"), input=bytes(5000))
        self.refused("needs 256", "decrypt", "--key", at("key"), input=bytes(255))

    def test_options_that_do_not_go_together_are_usage_errors(self):
        for arguments in (["encrypt"], ["encrypt", "--key", at("key"), "--padding", "pss"],
                          ["sign", "--key", at("key"), "--padding", "oaep"],
                          ["sign", "--key", at("key"), "--hash", "md5"],
                          ["sign", "--key", at("key"), "--padding", "pkcs1", "--salt", "1"],
                          ["encrypt", "--key", at("key"), "--padding", "pkcs1", "--hash", "sha1"],
                          ["encrypt", "--key", at("key"), "--label-hex", "abc"],
                          ["verify", "--key", at("key")], ["sign", "--key", "-"],
                          ["verify", "--key", at("key"), "--signature", "-"],
                          ["public", "--key", at("key"), "--format", "xml"]):
            self.refused("(E", *arguments, status=2)


def heed_ctrl_c():
    """Who runs the tests in the background has them, and all they start, ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Generation(Rsa):
    def turns(self):
        """(generations and others under way, turns given) of the rsa engine."""
        rows = json.loads(daemon.cli("engines", "--json").stdout)["engines"]
        row = next(row for row in rows if row["hil"] == "rsa")
        return row["busy"], row["grants"]

    def begin(self):
        before = self.turns()[1]
        process = daemon.start("rsa", "generate", "--bits", "4096", "--out", at("never"),
                               stderr=subprocess.PIPE, preexec_fn=heed_ctrl_c)
        self.addCleanup(process.stderr.close)
        while self.turns()[1] == before:
            pass
        return process

    def test_ctrl_c_ends_it_in_the_daemon_too_and_leaves_no_file(self):
        deadline = time.monotonic() + DEADLINE
        for _ in range(5):  # one may be done before its signal comes
            process = self.begin()
            process.send_signal(signal.SIGINT)
            if process.wait(DEADLINE) == -signal.SIGINT:
                break
            os.remove(at("never"))
        else:
            self.fail("five generations were faster than a signal")
        while self.turns()[0]:
            self.assertLess(time.monotonic(), deadline)
        self.assertFalse(os.path.exists(at("never")))

    def test_everything_else_goes_on_meanwhile(self):
        process = self.begin()
        self.rsa("sign", "--key", at("key"), "--in", at("data"), "--out", at("sig"))
        self.assertEqual(len(daemon.cli("random", "--raw", "32").stdout), 32)
        self.assertEqual(daemon.cli("hash", "sha256", at("data")).returncode, 0)
        process.kill()
        process.wait(DEADLINE)

    def test_two_are_made_at_once_and_differ(self):
        running = [daemon.start("rsa", "generate", "--bits", "2048", stdout=subprocess.PIPE)
                   for _ in range(2)]
        keys = [process.communicate(timeout=DEADLINE)[0] for process in running]
        self.assertEqual([process.returncode for process in running], [0, 0])
        self.assertNotEqual(*keys)


if __name__ == "__main__":
    unittest.main()
