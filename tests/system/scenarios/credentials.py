# SPDX-License-Identifier: Apache-2.0
"""systemd's own users of a TPM: credentials and encrypted disks."""

import ctypes
import os
import shutil
import unittest

import machine
from machine import MEMBER, TPM, Scenario

DEVICE = "--tpm2-device=pluton:"
TOKEN = "/usr/lib/x86_64-linux-gnu/cryptsetup/libcryptsetup-token-systemd-tpm2.so"


class Credentials(Scenario):
    def encrypt(self, path, *options, **keywords):
        machine.done("systemd-creds", "encrypt", "--with-key=tpm2", DEVICE, "--name=letter", *options,
                     "-", path, input="Dear Pluton", **keywords)

    def decrypt(self, path, **keywords):
        return machine.run("systemd-creds", "decrypt", DEVICE, "--name=letter", path, "-", **keywords)

    def test_what_systemd_creds_encrypts_it_decrypts(self):
        path = self.folder("root") / "letter"
        self.encrypt(path)
        self.assertEqual(self.decrypt(path).stdout, "Dear Pluton")

    def test_a_member_can_do_that_too(self):
        path = self.folder() / "letter"
        self.encrypt(path, user=MEMBER)
        self.assertEqual(self.decrypt(path, user=MEMBER).stdout, "Dear Pluton")

    def test_a_credential_outlives_a_power_cycle(self):
        path = self.folder("root") / "letter"
        self.encrypt(path)
        machine.systemctl("stop", TPM)
        self.assertEqual(self.decrypt(path).stdout, "Dear Pluton")

    def test_one_bound_to_a_pcr_opens_only_while_that_is_the_same(self):
        path = self.folder("root") / "letter"
        self.encrypt(path, "--tpm2-pcrs=16")
        self.assertEqual(self.decrypt(path).stdout, "Dear Pluton")
        self.tpm("pcrextend", "16:sha256=" + "77" * 32)
        self.assertNotEqual(self.decrypt(path).returncode, 0)


class Parameters(ctypes.Structure):
    """struct systemd_tpm2_plugin_params of systemd's token module."""
    _fields_ = [("search_pcr_mask", ctypes.c_uint32), ("device", ctypes.c_char_p),
                ("signature_path", ctypes.c_char_p)]


@unittest.skipUnless(shutil.which("cryptsetup") and shutil.which("systemd-cryptenroll"),
                     "no cryptsetup here (package cryptsetup-bin)")
class Disks(Scenario):
    def setUp(self):
        super().setUp()
        self.place = self.folder("root")
        self.image = self.place / "image"
        with open(self.image, "wb") as file:
            file.truncate(32 << 20)
        self.key = self.place / "key"
        self.key.write_bytes(b"open sesame")
        machine.done("cryptsetup", "luksFormat", "--type", "luks2", "--batch-mode", "--pbkdf",
                     "pbkdf2", "--pbkdf-force-iterations", "1000", self.image, self.key)

    def enroll(self):
        machine.done("systemd-cryptenroll", DEVICE, "--tpm2-pcrs=", self.image,
                     env=machine.environment(PASSWORD="open sesame"))

    def opened_slot(self):
        """As systemd-cryptsetup asks for the key, but without a device made of it: that would need
        the kernel's dm_crypt. The key slot it fits, or a negative error."""
        library = ctypes.CDLL("libcryptsetup.so.12")
        disk = ctypes.c_void_p()
        self.assertEqual(library.crypt_init(ctypes.byref(disk), bytes(self.image)), 0)
        self.addCleanup(library.crypt_free, disk)
        self.assertEqual(library.crypt_load(disk, b"LUKS2", None), 0)
        parameters = Parameters(0xFFFFFFFF, b"pluton:", None)
        return library.crypt_activate_by_token_pin(disk, None, b"systemd-tpm2", -1, None,
                                                   ctypes.c_size_t(0), ctypes.byref(parameters), 0)

    def test_a_disk_is_enrolled_with_the_tpm(self):
        self.enroll()
        text = machine.done("cryptsetup", "luksDump", self.image)
        self.assertIn("systemd-tpm2", text)

    @unittest.skipUnless(os.path.exists(TOKEN), "no token module of systemd's here")
    def test_its_key_comes_back_from_the_tpm(self):
        self.enroll()
        self.assertGreaterEqual(self.opened_slot(), 1)
        machine.systemctl("stop", TPM)
        self.assertGreaterEqual(self.opened_slot(), 1)

    @unittest.skipUnless(os.path.exists(TOKEN), "no token module of systemd's here")
    def test_it_does_not_come_back_from_a_tpm_that_is_another(self):
        self.enroll()
        self.tpm("clear", "-c", "p")
        self.assertLess(self.opened_slot(), 0)
