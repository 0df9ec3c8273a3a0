# SPDX-License-Identifier: Apache-2.0
"""Every program of bench/ still works: the rows are there, and the figures are figures."""

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree

BUILD = os.environ["PLUTON_BUILD"]
SOURCE = os.environ["PLUTON_SOURCE"]
TPM_WORKS = ("GetRandom(16)", "PCR_Read", "PCR_Extend", "Sign, ECDSA P-256", "Sign, RSA-2048",
             "NV_Write of 64 bytes", "connect, GetRandom(16), close")
WORKS = ("AES-256-GCM encrypt", "AES-256-GCM decrypt", "AES-256-CTR", "AES-256-CBC encrypt",
         "AES-256-CBC decrypt", "AES-256-ECB", "AES-256-CCM encrypt", "AES-256-CCM decrypt",
         "SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512", "SHA3-256", "SHA3-384", "SHA3-512",
         "HMAC-SHA-1", "HMAC-SHA-256", "HMAC-SHA-512", "HMAC-SHA3-512", "CMAC-AES-256")


def run(name, *options):
    """Standard output of one, run in a folder that is not its own."""
    with tempfile.TemporaryDirectory() as elsewhere:
        return subprocess.run([f"{BUILD}/bench/{name}", "--quick", *options], cwd=elsewhere,
                              check=True, stdout=subprocess.PIPE, text=True, timeout=300).stdout


@functools.cache
def rows(name):
    return [json.loads(line) for line in run(name, "--json").splitlines()]


def of_table(all_rows, beginning):
    return [row for row in all_rows if row["table"].startswith(beginning)]


def budgets(all_rows):
    return {row["budget"] for row in all_rows} - {""}


class Bench(unittest.TestCase):
    def test_crypto_has_every_work_and_size_with_ratios(self):
        all_rows = rows("crypto")
        for work in WORKS:
            one_cpu = of_table(all_rows, f"{work}, all on one CPU")
            self.assertEqual([row["bytes"] for row in one_cpu], [16, 16384, 1048576], work)
        for row in (row for row in all_rows if "bytes" in row):
            for ratio in ("shared_ratio", "shared_quiet_ratio", "copied_ratio"):
                self.assertGreater(row[ratio], 0, row)
        self.assertEqual(budgets([row for row in all_rows if "budget" in row]),
                         {"≥ 0.95", "≥ 0.75", "≥ 0.70", "≤ 2"})

    def test_crypto_has_keys_loads_and_crowds(self):
        whats = {row["what"] for row in rows("crypto") if "what" in row}
        for what in ("p256 sign", "p384 agree", "p521 verify", "ed25519 sign", "x25519 agree",
                     "RSA-2048 sign, PSS", "RSA-2048 decrypt, OAEP",
                     "hash, HMAC and encrypt 16 KiB", "AES-256-GCM of 1 MiB",
                     "SHA-256 of 32 bytes"):
            self.assertIn(what, whats)
        for row in (row for row in rows("crypto") if "ratio" in row):
            self.assertGreater(row["ratio"], 0, row)

    def test_crypto_measures_what_words_choose(self):
        chosen = {json.loads(line)["table"].split(",")[0]
                  for line in run("crypto", "--json", "cmac").splitlines()}
        self.assertEqual(chosen, {"CMAC-AES-256"})

    def test_lazy_vs_static_has_every_way_and_crowd(self):
        all_rows = rows("lazy-vs-static")
        for table in ("memory", "AES-256-GCM", "SHA-256"):
            crowds = [row["clients"] for row in of_table(all_rows, table)]
            self.assertEqual(crowds, [1] * 3 + [10] * 3 + [100] * 3 + [1000] * 3, table)
        for table, copies in (("AES-256-GCM", 2), ("SHA-256", 1)):
            for row in of_table(all_rows, table):
                self.assertEqual(row["copies_per_byte"], 0 if row["way"] == "lazy HIL" else copies)
                self.assertGreater(row["ratio"], 0)
        self.assertEqual(len(of_table(all_rows, "utilisation")), 4)

    def test_the_picture_of_lazy_vs_static_can_be_drawn(self):
        drawn = subprocess.run(
            [sys.executable, f"{SOURCE}/bench/lazy-vs-static.py"], check=True, text=True,
            input=run("lazy-vs-static", "--json"), stdout=subprocess.PIPE).stdout
        root = xml.etree.ElementTree.fromstring(drawn)
        self.assertEqual(len(root.findall("{*}polyline")), 6)

    def test_roundtrip_has_the_peers_and_pluton_for_each_placement(self):
        all_rows = rows("roundtrip")
        for placement in {row["table"] for row in all_rows}:
            table = of_table(all_rows, placement)
            self.assertEqual([row["what"] for row in table],
                             ["ping-pong, peer in recv", "ping-pong, peer in epoll_wait",
                              "pluton_random(32)"])
            self.assertEqual(table[0]["ratio"], 1)
            for row in table:
                self.assertGreaterEqual(row["p99_us"], row["median_us"])

    @unittest.skipUnless(all(map(shutil.which, ("swtpm", "tpm2-abrmd", "dbus-daemon"))),
                         "the peers are not installed")
    def test_rings_has_both_ways_for_each_work_and_placement(self):
        all_rows = rows("rings")
        for table in {row["table"] for row in all_rows}:
            found = {(row["what"], row["clients"], row["at_once"]) for row in all_rows if row["table"] == table}
            self.assertEqual(len(found), 3 * 2 * 2)
        self.assertTrue(all(row["ratio"] > 0 and row["socket_us"] > 0 for row in all_rows))

    def test_tpm_roundtrip_has_every_work_and_peer_for_each_placement(self):
        all_rows = rows("tpm-roundtrip")
        for placement in {row["table"].split(", ", 1)[1] for row in of_table(all_rows, "PCR_Read")}:
            for work in TPM_WORKS:
                table = of_table(all_rows, f"{work}, {placement}")
                self.assertEqual([row["what"] for row in table],
                                 ["swtpm, its socket held open", "swtpm through its TCTI",
                                  "tpm2-abrmd over swtpm", "pluton through its TCTI"], work)
                self.assertEqual(table[0]["ratio_swtpm"], 1)
                for row in table:
                    self.assertGreaterEqual(row["p99_us"], row["median_us"])

        memory = [row for row in all_rows if row["table"].startswith("memory after that")]
        self.assertEqual({row["what"] for row in memory},
                         {"tpm2-abrmd + swtpm", "plutond", "plutond + pluton-tpmd"})
        self.assertEqual({row["budget"] for row in memory if row["budget"]}, {"≤ 1.0"})

    def test_footprint_has_a_row_for_every_budget(self):
        all_rows = rows("footprint")
        self.assertEqual(budgets(all_rows),
                         {"≤ 150 KB", "0", "≤ 512", "≥ 90", "≤ 1.05", "≤ 10"})

    def test_footprint_has_the_memory_budget_beside_what_is_taken_for_grants_alone(self):
        table = {row["what"]: row for row in of_table(rows("footprint"), "memory of mixed")}
        self.assertEqual({what for what, row in table.items() if row["budget"]},
                         {"live grant bytes / pool bytes taken for grants"})
        live, pool = (table[what]["value"] for what in
                      ("live grant bytes", "all that is taken from the pool"))
        self.assertAlmostEqual(table["live grant bytes / all bytes taken from the pool"]["value"],
                               100 * live / pool, places=3)

    def test_footprint_counts_the_code_of_kernel_capsules_and_hil_and_adds_it_up(self):
        table = {row["folder"]: row for row in of_table(rows("footprint"), "code")}
        parts = [table[name]["total"] for name in ("daemon/kernel", "svc", "hil")]
        self.assertGreater(min(parts), 1000)
        self.assertEqual(table["all three"]["total"], sum(parts))

    def test_what_is_for_people_has_a_title_and_the_rows_under_it(self):
        lines = run("roundtrip").splitlines()
        title = lines.index("all on one CPU")
        self.assertIn("ratio", lines[title + 1])
        self.assertTrue(lines[title + 4].startswith("pluton_random(32)"), lines[title + 4])

    def start_with_folders_in(self, base, *options):
        environment = dict(os.environ, TMPDIR=base)
        environment.pop("XDG_RUNTIME_DIR", None)
        return subprocess.Popen([f"{BUILD}/bench/roundtrip", *options], env=environment,
                                stdout=subprocess.DEVNULL)

    def test_no_folder_is_left_behind(self):
        with tempfile.TemporaryDirectory(dir="/tmp") as base:
            with self.start_with_folders_in(base, "--quick") as process:
                self.assertEqual(process.wait(300), 0)
            self.assertEqual(os.listdir(base), [])

    def test_an_interrupted_one_ends_and_leaves_no_folder_behind(self):
        with tempfile.TemporaryDirectory(dir="/tmp") as base:
            with self.start_with_folders_in(base) as process:
                while not os.listdir(base) and process.poll() is None:
                    time.sleep(0.01)
                process.send_signal(signal.SIGINT)
                self.assertNotEqual(process.wait(300), 0)
            self.assertEqual(os.listdir(base), [])

    def test_an_unknown_option_is_a_usage_error(self):
        result = subprocess.run([f"{BUILD}/bench/roundtrip", "--fast"], stderr=subprocess.PIPE,
                                text=True, check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn("--fast", result.stderr)


if __name__ == "__main__":
    unittest.main()
