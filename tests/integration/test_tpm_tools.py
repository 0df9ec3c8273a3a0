# SPDX-License-Identifier: Apache-2.0
"""Stock tpm2-tools through the pluton TCTI, as their users use them: no flushing anywhere."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

import private
from plutond import Daemon

TCTI = "pluton"


NO_TOOLS = "stock programs cannot load a TCTI that a sanitizer has been built into"


@unittest.skipIf(private.is_sanitized(), NO_TOOLS)
class Tools(unittest.TestCase):
    """One TPM for all tests, a folder for each."""

    @classmethod
    def setUpClass(cls):
        cls.daemon = private.Private()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.close()

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.tpm("clear", "-c", "p")

    def environment(self):
        return self.daemon.environment(TPM2TOOLS_TCTI=TCTI)

    def run_tool(self, tool, *arguments, **options):
        return private.run(f"tpm2_{tool}", *arguments, cwd=self.folder, env=self.environment(),
                           **options)

    def tpm(self, tool, *arguments, **options):
        """Runs one and expects that it works; its output."""
        result = self.run_tool(tool, *arguments, **options)
        self.assertEqual(result.returncode, 0,
                         f"tpm2_{tool}: {result.stderr.decode(errors='replace')}")
        return result.stdout

    def refused(self, tool, *arguments, says=None):
        result = self.run_tool(tool, *arguments)
        self.assertNotEqual(result.returncode, 0, f"tpm2_{tool} works")
        if says:
            self.assertRegex(result.stderr.decode(), says)

    def write(self, name, data):
        with open(os.path.join(self.folder, name), "wb") as out:
            out.write(data)

    def read(self, name):
        with open(os.path.join(self.folder, name), "rb") as file:
            return file.read()

    def openssl(self, *arguments):
        return private.run("openssl", *arguments, cwd=self.folder)

    def child_key(self, algorithm, *options):
        self.tpm("createprimary", "-c", "primary.ctx")
        self.tpm("create", "-C", "primary.ctx", "-G", algorithm, "-u", "key.pub", "-r", "key.priv",
                 *options)
        self.tpm("load", "-C", "primary.ctx", "-u", "key.pub", "-r", "key.priv", "-c", "key.ctx")


@unittest.skipIf(private.is_sanitized(), NO_TOOLS)
class Keys(Tools):
    def test_random_numbers_are_as_many_as_asked_for_and_never_the_same(self):
        numbers = [self.tpm("getrandom", "--hex", "32") for _ in range(3)]
        self.assertEqual({len(number) for number in numbers}, {64})
        self.assertEqual(len(set(numbers)), 3)

    def test_a_loaded_key_signs_and_the_tpm_verifies(self):
        self.write("letter", b"Dear Pluton")
        self.child_key("ecc")
        self.tpm("sign", "-c", "key.ctx", "-g", "sha256", "-o", "sig", "letter")
        self.tpm("verifysignature", "-c", "key.ctx", "-g", "sha256", "-s", "sig", "-m", "letter")
        self.write("letter", b"Dear pluton")
        self.refused("verifysignature", "-c", "key.ctx", "-g", "sha256", "-s", "sig", "-m",
                     "letter", says="signature")

    def test_openssl_verifies_what_the_tpm_signed(self):
        self.write("letter", b"Dear Pluton")
        for algorithm in ("ecc", "rsa"):
            self.child_key(algorithm)
            self.tpm("sign", "-c", "key.ctx", "-g", "sha256", "-f", "plain", "-o", "sig", "letter")
            self.tpm("readpublic", "-c", "key.ctx", "-f", "pem", "-o", "key.pem")
            answer = self.openssl("dgst", "-sha256", "-verify", "key.pem", "-signature", "sig",
                                  "letter")
            self.assertEqual(answer.returncode, 0, answer.stdout)

    def test_a_key_that_openssl_made_signs_in_the_tpm(self):
        self.write("letter", b"Dear Pluton")
        self.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "own.pem")
        self.openssl("ec", "-in", "own.pem", "-pubout", "-out", "own.pub.pem")
        self.tpm("createprimary", "-c", "primary.ctx")
        self.tpm("import", "-C", "primary.ctx", "-G", "ecc", "-i", "own.pem", "-u", "key.pub", "-r",
                 "key.priv")
        self.tpm("load", "-C", "primary.ctx", "-u", "key.pub", "-r", "key.priv", "-c", "key.ctx")
        self.tpm("sign", "-c", "key.ctx", "-g", "sha256", "-f", "plain", "-o", "sig", "letter")
        answer = self.openssl("dgst", "-sha256", "-verify", "own.pub.pem", "-signature", "sig",
                              "letter")
        self.assertEqual(answer.returncode, 0, answer.stdout)

    def test_what_is_encrypted_with_an_rsa_key_only_it_decrypts(self):
        self.child_key("rsa")
        self.write("secret", b"tell nobody")
        self.tpm("rsaencrypt", "-c", "key.ctx", "-o", "box", "secret")
        self.assertEqual(self.tpm("rsadecrypt", "-c", "key.ctx", "box"), b"tell nobody")
        self.child_key("rsa")
        self.refused("rsadecrypt", "-c", "key.ctx", "box")

    def test_a_key_with_a_password_does_nothing_without_it(self):
        self.write("letter", b"Dear Pluton")
        self.child_key("ecc", "-p", "open sesame")
        self.refused("sign", "-c", "key.ctx", "-g", "sha256", "-o", "sig", "letter")
        self.tpm("sign", "-c", "key.ctx", "-g", "sha256", "-p", "open sesame", "-o", "sig", "letter")

    def test_a_credential_is_activated_by_the_key_it_was_made_for(self):
        self.tpm("createek", "-c", "ek.ctx", "-G", "rsa", "-u", "ek.pub")
        self.tpm("createak", "-C", "ek.ctx", "-c", "ak.ctx", "-u", "ak.pub", "-n", "ak.name")
        self.write("secret", b"for you alone")
        self.tpm("makecredential", "-u", "ek.pub", "-s", "secret", "-n",
                 self.read("ak.name").hex(), "-o", "box")
        self.tpm("startauthsession", "--policy-session", "-S", "session")
        self.tpm("policysecret", "-S", "session", "-c", "e")
        self.tpm("activatecredential", "-c", "ak.ctx", "-C", "ek.ctx", "-i", "box", "-o", "answer",
                 "-P", "session:session")
        self.assertEqual(self.read("answer"), b"for you alone")

    def test_a_certified_key_is_named_in_the_attestation(self):
        self.child_key("ecc")
        self.tpm("createprimary", "-C", "e", "-c", "other.ctx", "-G", "ecc:ecdsa:null", "-a",
                 "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign")
        self.tpm("certify", "-c", "key.ctx", "-C", "other.ctx", "-g", "sha256", "-o", "attest",
                 "-s", "sig")
        self.tpm("readpublic", "-c", "key.ctx", "-n", "name")
        self.assertIn(self.read("name"), self.read("attest"))


@unittest.skipIf(private.is_sanitized(), NO_TOOLS)
class Memory(Tools):
    def test_an_nv_area_keeps_what_is_written(self):
        self.tpm("nvdefine", "-C", "o", "-s", "32", "0x1500016")
        self.tpm("nvwrite", "-C", "o", "-i", "-", "0x1500016", input=b"remember this, please, daemon...")
        self.assertEqual(self.tpm("nvread", "-C", "o", "0x1500016"),
                         b"remember this, please, daemon...")
        self.tpm("nvundefine", "-C", "o", "0x1500016")
        self.refused("nvread", "-C", "o", "0x1500016")

    def test_an_nv_counter_only_counts_up(self):
        self.tpm("nvdefine", "-C", "o", "-s", "8", "-a", "nt=counter|ownerwrite|ownerread",
                 "0x1500017")
        values = []
        for _ in range(3):
            self.tpm("nvincrement", "-C", "o", "0x1500017")
            values.append(int.from_bytes(self.tpm("nvread", "-C", "o", "0x1500017"), "big"))
        self.assertEqual(values, list(range(values[0], values[0] + 3)))

    def test_pcrs_are_extended_and_read(self):
        digest = "a5" * 32
        self.tpm("pcrreset", "16")
        self.tpm("pcrextend", f"16:sha256={digest}")
        self.tpm("pcrread", "sha256:16", "-o", "pcr")
        self.write("both", bytes(32) + bytes.fromhex(digest))
        expected = self.openssl("dgst", "-sha256", "-binary", "both").stdout
        self.assertEqual(self.read("pcr"), expected)

    def test_a_secret_sealed_to_a_pcr_opens_only_while_it_has_that_value(self):
        self.tpm("pcrreset", "16")
        self.tpm("createprimary", "-c", "primary.ctx")
        self.tpm("createpolicy", "--policy-pcr", "-l", "sha256:16", "-L", "policy")
        self.tpm("create", "-C", "primary.ctx", "-L", "policy", "-i", "-", "-u", "key.pub", "-r",
                 "key.priv", input=b"sealed")
        self.tpm("load", "-C", "primary.ctx", "-u", "key.pub", "-r", "key.priv", "-c", "key.ctx")
        self.assertEqual(self.tpm("unseal", "-c", "key.ctx", "-p", "pcr:sha256:16"), b"sealed")
        self.tpm("pcrextend", "16:sha256=" + "11" * 32)
        self.refused("unseal", "-c", "key.ctx", "-p", "pcr:sha256:16")

    def test_a_session_goes_on_from_one_program_to_the_next(self):
        self.tpm("pcrreset", "16")
        self.tpm("createprimary", "-c", "primary.ctx")
        self.tpm("createpolicy", "--policy-pcr", "-l", "sha256:16", "-L", "policy")
        self.tpm("create", "-C", "primary.ctx", "-L", "policy", "-i", "-", "-u", "key.pub", "-r",
                 "key.priv", input=b"sealed")
        self.tpm("load", "-C", "primary.ctx", "-u", "key.pub", "-r", "key.priv", "-c", "key.ctx")
        self.tpm("startauthsession", "--policy-session", "-S", "session")
        self.tpm("policypcr", "-S", "session", "-l", "sha256:16")
        self.assertEqual(self.tpm("unseal", "-c", "key.ctx", "-p", "session:session"), b"sealed")

    def test_the_hash_of_a_long_file_is_sha256sums(self):
        self.write("long", bytes(range(256)) * 400)
        expected = private.run("sha256sum", "long", cwd=self.folder).stdout.split()[0].decode()
        self.assertEqual(self.tpm("hash", "-g", "sha256", "--hex", "long").decode().strip(),
                         expected)

    def test_an_hmac_key_gives_openssls_hmac(self):
        self.write("key", b"k" * 32)
        self.write("letter", b"Dear Pluton" * 300)
        self.tpm("createprimary", "-c", "primary.ctx")
        self.tpm("import", "-C", "primary.ctx", "-G", "hmac", "-i", "key", "-u", "key.pub", "-r",
                 "key.priv")
        self.tpm("load", "-C", "primary.ctx", "-u", "key.pub", "-r", "key.priv", "-c", "key.ctx")
        mac = self.tpm("hmac", "-c", "key.ctx", "--hex", "letter").decode().strip()
        answer = self.openssl("dgst", "-sha256", "-hmac", "k" * 32, "letter").stdout.decode()
        self.assertEqual(mac, answer.split()[-1])


@unittest.skipIf(private.is_sanitized(), NO_TOOLS)
class Attestation(Tools):
    def test_a_quote_is_checked_with_its_nonce_and_no_other(self):
        self.tpm("createek", "-c", "ek.ctx", "-G", "rsa", "-u", "ek.pub")
        self.tpm("createak", "-C", "ek.ctx", "-c", "ak.ctx", "-G", "rsa", "-g", "sha256", "-s",
                 "rsassa", "-u", "ak.pem", "-f", "pem")
        self.tpm("pcrextend", "16:sha256=" + "22" * 32)
        self.tpm("quote", "-c", "ak.ctx", "-l", "sha256:0,16", "-q", "c0ffee", "-m", "msg", "-s",
                 "sig", "-o", "pcrs", "-g", "sha256")
        check = ("checkquote", "-u", "ak.pem", "-m", "msg", "-s", "sig", "-f", "pcrs", "-g",
                 "sha256")
        self.tpm(*check, "-q", "c0ffee")
        self.refused(*check, "-q", "c0ffed")


@unittest.skipIf(private.is_sanitized(), NO_TOOLS)
class Housekeeping(Tools):
    def handles(self, kind):
        return re.findall(r"0x[0-9A-Fa-f]+", self.tpm("getcap", kind).decode())

    def test_nothing_stays_loaded_when_a_program_has_ended(self):
        for _ in range(8): # the TPM has room for three
            self.tpm("createprimary", "-G", "ecc", "-c", "primary.ctx")
        self.assertEqual(self.handles("handles-transient"), [])
        self.assertEqual(self.handles("handles-loaded-session"), [])

    def test_a_saved_session_stays_for_the_next_program(self):
        self.tpm("startauthsession", "-S", "session")
        self.assertEqual(len(self.handles("handles-saved-session")), 1)
        self.tpm("flushcontext", "session")
        self.assertEqual(self.handles("handles-saved-session"), [])

    def test_clearing_takes_the_owners_keys_away(self):
        self.child_key("ecc")
        self.tpm("clear", "-c", "p")
        self.refused("load", "-C", "primary.ctx", "-u", "key.pub", "-r", "key.priv", "-c",
                     "key.ctx")

    def test_the_selftest_passes_and_nothing_is_locked_out(self):
        self.tpm("selftest", "--fulltest")
        self.assertIn(b"success", self.tpm("gettestresult"))
        self.assertRegex(self.tpm("getcap", "properties-variable").decode(),
                         r"inLockout:\s+0")

    def test_an_unknown_instance_is_named(self):
        result = private.run("tpm2_getrandom", "8", env=self.daemon.environment(
            TPM2TOOLS_TCTI="pluton:instance=nothere"))
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(b"nothere", result.stderr)

    def test_an_unknown_key_of_the_configuration_is_named(self):
        result = private.run("tpm2_getrandom", "8", env=self.daemon.environment(
            TPM2TOOLS_TCTI="pluton:colour=blue"))
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(b"colour", result.stderr)


@unittest.skipIf(private.is_sanitized(), NO_TOOLS)
class PowerCycle(unittest.TestCase):
    """Daemons that are stopped and started."""

    def tpm(self, daemon, tool, *arguments, **options):
        result = private.run(f"tpm2_{tool}", *arguments, env=private.environment(
            PLUTON_ADDRESS=daemon.address, TPM2TOOLS_TCTI=TCTI), cwd=daemon.directory, **options)
        self.assertEqual(result.returncode, 0, result.stderr.decode(errors="replace"))
        return result.stdout

    def test_keys_and_nv_areas_stay_and_pcrs_begin_anew(self):
        with Daemon() as daemon:
            self.tpm(daemon, "nvdefine", "-C", "o", "-s", "8", "0x1500016")
            self.tpm(daemon, "nvwrite", "-C", "o", "-i", "-", "0x1500016", input=b"survives")
            self.tpm(daemon, "createprimary", "-c", "primary.ctx", "-G", "ecc")
            self.tpm(daemon, "evictcontrol", "-c", "primary.ctx", "0x81000001")
            public = self.tpm(daemon, "readpublic", "-c", "0x81000001")
            self.tpm(daemon, "pcrextend", "0:sha256=" + "33" * 32)
            self.assertEqual(daemon.stop(), 0)
            daemon.start()
            self.assertEqual(self.tpm(daemon, "nvread", "-C", "o", "0x1500016"), b"survives")
            self.assertEqual(self.tpm(daemon, "readpublic", "-c", "0x81000001"), public)
            self.assertIn(b"0x" + b"0" * 64, self.tpm(daemon, "pcrread", "sha256:0"))

    def test_a_command_that_fails_is_no_failure_of_the_tpm(self):
        with Daemon() as daemon:
            for name in ("one", "other"):
                self.tpm(daemon, "createprimary", "-c", "primary.ctx")
                self.tpm(daemon, "create", "-C", "primary.ctx", "-G", "rsa", "-u", "key.pub", "-r",
                         "key.priv")
                self.tpm(daemon, "load", "-C", "primary.ctx", "-u", "key.pub", "-r", "key.priv",
                         "-c", f"{name}.ctx")
            self.tpm(daemon, "rsaencrypt", "-c", "one.ctx", "-o", "box", input=b"for one")
            wrong = private.run("tpm2_rsadecrypt", "-c", "other.ctx", "box", cwd=daemon.directory,
                                env=private.environment(PLUTON_ADDRESS=daemon.address,
                                                        TPM2TOOLS_TCTI=TCTI))
            self.assertIn(b"0x101", wrong.stderr)
            self.assertEqual(self.tpm(daemon, "rsadecrypt", "-c", "one.ctx", "box"), b"for one")
            daemon.stop()
            self.assertNotIn("failure mode", daemon.log)

    def test_stopping_in_order_never_counts_as_an_attack(self):
        with Daemon() as daemon:
            for _ in range(3):
                self.tpm(daemon, "createprimary", "-c", "primary.ctx")
                self.tpm(daemon, "create", "-C", "primary.ctx", "-p", "secret", "-i", "-", "-u",
                         "key.pub", "-r", "key.priv", input=b"sealed")
                self.tpm(daemon, "load", "-C", "primary.ctx", "-u", "key.pub", "-r", "key.priv",
                         "-c", "key.ctx")
                self.tpm(daemon, "unseal", "-c", "key.ctx", "-p", "secret")
                daemon.stop()
                daemon.start()
            self.assertRegex(self.tpm(daemon, "getcap", "properties-variable").decode(),
                             r"TPM2_PT_LOCKOUT_COUNTER: 0x0")


@unittest.skipIf(private.is_sanitized(), NO_TOOLS)
@unittest.skipUnless(shutil.which("systemd-creds"), "systemd-creds is not installed")
class Credentials(unittest.TestCase):
    """systemd-creds with --tpm2-device=pluton:."""

    @classmethod
    def setUpClass(cls):
        cls.daemon = private.Private()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.close()

    def creds(self, *arguments, **options):
        return private.run("systemd-creds", "--tpm2-device=pluton:", "--name=letter", *arguments,
                           env=self.daemon.environment(), **options)

    def seal(self, text, *options):
        result = self.creds("--with-key=tpm2", *options, "encrypt", "-", "-", input=text)
        self.assertEqual(result.returncode, 0, result.stderr.decode(errors="replace"))
        return result.stdout

    def test_a_credential_is_encrypted_and_decrypted(self):
        sealed = self.seal(b"open sesame")
        self.assertNotIn(b"sesame", sealed)
        result = self.creds("decrypt", "-", "-", input=sealed)
        self.assertEqual((result.returncode, result.stdout), (0, b"open sesame"), result.stderr)

    def test_a_credential_bound_to_a_pcr_opens_until_it_is_extended(self):
        sealed = self.seal(b"open sesame", "--tpm2-pcrs=16")
        self.assertEqual(self.creds("decrypt", "-", "-", input=sealed).stdout, b"open sesame")
        subprocess.run(["tpm2_pcrextend", "16:sha256=" + "44" * 32], check=True,
                       env=self.daemon.environment(TPM2TOOLS_TCTI=TCTI))
        self.assertNotEqual(self.creds("decrypt", "-", "-", input=sealed).returncode, 0)

    def test_another_tpm_does_not_open_it(self):
        sealed = self.seal(b"open sesame")
        with private.Private() as other:
            result = private.run("systemd-creds", "--tpm2-device=pluton:", "--name=letter",
                                 "decrypt", "-", "-", env=other.environment(), input=sealed)
        self.assertNotEqual(result.returncode, 0)


if __name__ == "__main__":
    unittest.main()
