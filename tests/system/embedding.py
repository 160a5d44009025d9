"""The driver library in a foreign tree: examples/embed beside nothing but abi/ and virtio/, built, booted, judged by pixels."""

import os
import shutil
import tempfile

from vitrine_run.guest import Guest
from vitrine_run.machine import Machine
from vitrine_test.suite import TOP, run_program

from .cases import BOOT_TIMEOUT_S, system
from .graphics import check_bars


def build_in_foreign_tree(where):
    """Copies the example and the two directories that it needs; builds with the example's own makefile."""
    shutil.copytree(os.path.join(TOP, "examples/embed"), where, dirs_exist_ok=True)
    for part in ("abi", "virtio"):
        shutil.copytree(os.path.join(TOP, part), os.path.join(where, "vitrine", part))
    run_program(["make", "-s", "-C", where, "VITRINE=vitrine", "check"], 300, what="examples/embed in a foreign tree")
    return os.path.join(where, "build/embed.img")


@system("embed", "examples/embed builds in a foreign tree, and its eight bars stand on the host's display")
def embed():
    with tempfile.TemporaryDirectory(prefix="vitrine-embed-") as where:
        image = build_in_foreign_tree(where)
        for choices in ({}, {"rings": "packed"}, {"mmio": 1}):
            with Guest(Machine(image=image, **choices)) as guest:
                guest.expect(r"^embed: shown", BOOT_TIMEOUT_S)
                check_bars(guest.screendump())
                guest.send("")
                guest.wait_end()
