# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""A TPM by swtpm, for the tests of the program."""
import os
import subprocess
import time


class Swtpm:
    """A TPM of the case's own, ended with it."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "s")
        self.tcti = "swtpm:path=" + self.path
        os.mkdir(os.path.join(folder, "tpm"))
        self.process = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={folder}/tpm", "--server",
             f"type=unixio,path={self.path}", "--ctrl", f"type=unixio,path={self.path}.ctrl", "--flags",
             "not-need-init,startup-clear", "--seccomp", "action=none"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        until = time.monotonic() + 10
        while not os.path.exists(self.path) and time.monotonic() < until:
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
