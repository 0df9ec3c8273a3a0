#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tpm2-tools' own system tests against the TPM of a build tree, each with a private plutond.

    run.py BUILD [--jobs N] [--scripts DIR] [--seconds N] [NAME...]

The scripts come from DIR, from $PLUTON_TPM2_TOOLS, or from Debian's source package; each of these is
tpm2-tools' test/integration folder, or one that has it inside. Exit status: 0 all of `expected` pass,
1 one of them does not, 77 the scripts cannot be had.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
SECONDS = 300  # one script; the slowest make RSA keys
GRACE_SECONDS = 5  # for one that is asked to end
DEB_SRC = """Types: deb-src
URIs: {uri}
Suites: {suite}
Components: main
"""


class Unavailable(Exception):
    pass


# --- where the scripts come from --------------------------------------------------------------------

def run(*command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          stdin=subprocess.DEVNULL, check=False, **options)


def installed_version():
    answer = run("dpkg-query", "-W", "-f=${source:Version}", "tpm2-tools")
    if answer.returncode != 0:
        raise Unavailable("tpm2-tools is not a Debian package here")
    return answer.stdout


def archive():
    """Where this system gets its packages from, and the suite that they are of."""
    policy = run("apt-cache", "policy", "tpm2-tools").stdout
    found = re.search(r"(https?://\S+) ([^/\s]+)/main", policy)
    if not found:
        raise Unavailable("apt does not say where tpm2-tools came from")
    return {"uri": found.group(1), "suite": found.group(2)}


def fetch(folder):
    """Debian's source package, unpacked below `folder`, with lists of its own: the system's stay."""
    parts = folder / "parts"
    for name in ("parts", "lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (parts / "source.sources").write_text(DEB_SRC.format(**archive()), encoding="ascii")
    options = ["-o", "Dir::Etc::SourceList=/dev/null", "-o", f"Dir::Etc::SourceParts={parts}",
               "-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache",
               "-o", "APT::Sandbox::User=root"]
    version = installed_version()
    for command in (["update"], ["source", f"tpm2-tools={version}"]):
        answer = run("apt-get", "-q", *options, *command, cwd=folder)
        if answer.returncode != 0:
            line = answer.stdout.strip().splitlines()[-1:]
            raise Unavailable(f"apt-get {command[0]} does not give the source package: {line}")


def find_scripts(folder):
    for helpers in sorted(folder.glob("**/integration/helpers.sh")):
        if (helpers.parent / "tests").is_dir():
            return helpers.parent
    raise Unavailable(f"no test/integration with scripts in {folder}")


def scripts_folder(named, build):
    named = named or os.environ.get("PLUTON_TPM2_TOOLS")
    if named:
        folder = pathlib.Path(named).resolve()
        return folder if (folder / "helpers.sh").exists() else find_scripts(folder)
    folder = build / "tpm2-tools"
    folder.mkdir(exist_ok=True)
    try:
        return find_scripts(folder)
    except Unavailable:
        fetch(folder)
    return find_scripts(folder)


# --- running them -----------------------------------------------------------------------------------

def environment(scripts, scratch):
    settings = dict(os.environ, TPM2TOOLS_TEST_TCTI="pluton", PYTHON="python3", LC_ALL="C",
                    TMPDIR=scratch, srcdir=str(scripts.parent.parent),
                    abs_srcdir=str(scripts.parent.parent), abs_builddir=scratch)
    # what would start another TPM, or put pluton-run's folder outside of scratch
    for name in ("TPM2_SIM", "TPM2_ABRMD", "TPM2_SIMPORT", "TPM2ABRMD_TCTI", "XDG_RUNTIME_DIR"):
        settings.pop(name, None)
    return settings


def verdict(status):
    return {0: "passed", 77: "skipped", None: "hangs"}.get(status, f"failed ({status})")


def end(process):
    """Ends pluton-run, which ends the script; and if they do not, their whole group."""
    process.terminate()
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def run_script(build, scripts, name, logs, seconds):
    """The end of one script: its exit status; None: it did not end."""
    with tempfile.TemporaryDirectory(prefix="tools.", ignore_cleanup_errors=True) as scratch, \
            open(logs / f"{name}.log", "w", encoding="utf-8") as log:
        with subprocess.Popen(
                [build / "pluton-run", "--", "bash", f"tests/{name}.sh"], cwd=scripts,
                env=environment(scripts, scratch), stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True) as process:
            try:
                return process.wait(seconds)
            except subprocess.TimeoutExpired:
                end(process)
                return None


def run_all(build, scripts, names, jobs, seconds):
    logs = build / "tpm2-tools-logs"
    logs.mkdir(exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        ends = list(pool.map(lambda name: run_script(build, scripts, name, logs, seconds), names))
    return dict(zip(names, map(verdict, ends))), logs


# --- what is expected -------------------------------------------------------------------------------

def expected_names():
    lines = (HERE / "expected").read_text(encoding="ascii").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def report(verdicts, expected, logs):
    bad = [name for name in expected if verdicts.get(name, "missing") != "passed"]
    more = [name for name, what in verdicts.items() if what == "passed" and name not in expected]
    for name, what in sorted(verdicts.items()):
        print(f"{name}: {what}")
    print(f"\n{sum(what == 'passed' for what in verdicts.values())} of {len(verdicts)} pass, "
          f"{len(expected)} are expected to; what they printed is in {logs}")
    if more:
        print("these pass too, add them to tests/tpm2-tools/expected:", *more)
    for name in bad:
        print(f"error: {name}: {verdicts.get(name, 'missing')}, it used to pass")
    return 1 if bad else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1))
    parser.add_argument("--scripts", help="where they are, instead of fetching them")
    parser.add_argument("--seconds", type=int, default=SECONDS,
                        help="a script that runs longer hangs (default: %(default)s)")
    parser.add_argument("names", nargs="*", help="only these")
    arguments = parser.parse_intermixed_args()
    build = arguments.build.resolve()
    try:
        scripts = scripts_folder(arguments.scripts, build)
    except Unavailable as error:
        print(f"tpm2-tools' test scripts cannot be had: {error}; "
              "set PLUTON_TPM2_TOOLS to a folder with its source")
        return 77
    names = arguments.names or sorted(path.stem for path in (scripts / "tests").glob("*.sh"))
    verdicts, logs = run_all(build, scripts, names, arguments.jobs, arguments.seconds)
    expected = [name for name in expected_names() if name in names or not arguments.names]
    return report(verdicts, expected, logs)


if __name__ == "__main__":
    sys.exit(main())
