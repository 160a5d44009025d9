"""Other machines than `virt`: the same Image, told by the device tree alone where everything is."""

import os
import subprocess
import tempfile

from vitrine_run.machine import TOP, Machine

from .cases import check, expect_in, newest_qemu, run_program, system

BOARDS = os.path.join(TOP, "tests/system/boards")
BOOT_TIMEOUT_S = 30


def compile_tree(name, where):
    """tests/system/boards/NAME.dts as a blob in `where`."""
    blob = os.path.join(where, f"{name}.dtb")
    run_program(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", blob, os.path.join(BOARDS, f"{name}.dts")], 30, what="dtc")
    return blob


def serial_of(command, end):
    """What the machine prints until `end` is in it, or it has had its time."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            output = b""
            for line in process.stdout:
                output += line
                if end in output:
                    break
        finally:
            process.kill()
    return output.decode(errors="replace").replace("\r", "")


# conformance: S4-05
@system("qemu-newest.board.raspi4b", "boots as a Raspberry Pi 4: RAM, GIC and UART at other addresses, behind another bus", long_only=True)
def raspi4b():
    with tempfile.TemporaryDirectory(prefix="vitrine-board-") as where:
        command = ["timeout", str(BOOT_TIMEOUT_S), newest_qemu(), "-M", "raspi4b", "-kernel", Machine().image]
        command += ["-dtb", compile_tree("raspi4b", where), "-serial", "stdio", "-display", "none", "-monitor", "none"]
        output = serial_of(command, b"exec done")
    expect_in(r"uart: PL011 at 0xfe201000", output, "the console where the device tree has it")
    expect_in(r"memory: RAM 0x0-", output, "RAM from 0")
    expect_in(r"interrupt-controller@40041000 .*gicv2", output, "the GIC-400 behind the bus")
    expect_in(r"W\^X holds", output, "the memory check")
    check("exec done status=0" in output, output[-2000:])


# conformance: S4-05
@system("board.versal", "boots as a Xilinx Versal: RAM from 0, other GIC and UART, PSCI by SMC; tests itself and draws")
def versal():
    commands = "selftest; irq check; gpu test"
    command = ["timeout", str(BOOT_TIMEOUT_S), "qemu-system-aarch64", "-M", "xlnx-versal-virt", "-m", "1G", "-kernel", Machine().image]
    command += ["-append", f"vitrine.panic=poweroff vitrine.exec={commands}", "-device", "virtio-gpu-device"]
    command += ["-serial", "stdio", "-display", "none", "-monitor", "none", "-no-reboot"]
    output = serial_of(command, b"exec done")
    expect_in(r"uart: PL011 at 0xff000000", output, "the console where the device tree has it")
    expect_in(r"psci: version .* by smc", output, "the firmware's calls")
    expect_in(r"smp: 2 of 2 CPUs online", output, "both CPUs")
    check("exec done status=0" in output, output[-2000:])
