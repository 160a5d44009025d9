"""Real clients over renderers that are watched: with sanitizers within, and with the Khronos validation layer below.

conformance: S3-07 S3-14
"""

import os
import re
import select
import tempfile
import threading

from vitrine_test.programs import _make_lock, make
from vitrine_test.suite import TOP, Failed, Suite, tail
from vitrine_test.vulkan_setup import BUILD, vulkan, vulkan_paths

from .running import expect, program, run, vitrine
from .screen import Screen

# Drivers and loader keep memory until the process ends; what is ours has a name.
SUPPRESSED = "leak:libvulkan\nleak:libLLVM\nleak:libstdc++\nleak:<unknown module>\n"

# What the layer may say, and why that is nobody's fault here.
EXPLAINED = (
    (r"unknown VkStructureType \(\d+\)", "the layer is older than the driver: it does not know what client and driver agree on"),
)  # fmt: skip


def programs():
    return (
        ([program("vkt_compute")], r"all right on Virtio-GPU Venus"),
        ([program("vkt_picture")], r"^vkt_picture: hash \w+"),
        ([program("vkt_stress"), "--timeout", "100"], r"all right on Virtio-GPU Venus"),
        ([vulkan_paths("mesa")["vulkaninfo"]], r"Virtio-GPU Venus"),
    )


def words(server):
    paths = vulkan_paths("mesa")
    return [server, "exec", "--no-sandbox", "--host-driver", paths["lavapipe_icd"], "--client-driver", paths["client_icd"], "--"]


def clean_environment(**added):
    # The client's own feedback of timeline semaphores can lose a signal of a faster renderer, and vkt_stress then waits for ever.
    added["VN_PERF"] = "no_semaphore_feedback"
    return dict({k: v for k, v in os.environ.items() if not k.startswith(("VK_", "VN_"))}, **added)


def reports_of(directory):
    found = []
    for name in sorted(os.listdir(directory)):
        if name.startswith("report"):
            with open(os.path.join(directory, name), encoding="utf-8", errors="replace") as f:
                found.append(f.read())
    return found


def sanitized():
    """No report of the address and undefined-behaviour sanitizers, and no leak when contexts end."""
    with _make_lock:
        make("PRESET=sanitized", "programs")
    server = os.path.join(TOP, "build/sanitized/bin/vitrine")
    for command, wanted in programs():
        with tempfile.TemporaryDirectory(prefix="vn-asan-") as directory:
            with open(os.path.join(directory, "suppressed"), "w", encoding="utf-8") as f:
                f.write(SUPPRESSED)
            log = f"log_path={directory}/report:print_stacktrace=1"
            env = clean_environment(ASAN_OPTIONS=log + ":detect_leaks=1", UBSAN_OPTIONS=log,
                                    LSAN_OPTIONS=f"suppressions={directory}/suppressed:print_suppressions=0")  # fmt: skip
            done = run(words(server) + command, env, 180)
            found = reports_of(directory)
            if found:
                raise Failed(f"{os.path.basename(command[0])}: a sanitizer says\n{tail(found[0])}")
            expect(wanted, done.stdout, command[0])


class Log:
    """What every layer of every process writes into one named pipe."""

    def __init__(self, path):
        os.mkfifo(path)
        self.file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.text, self.was_opened, self.is_over = b"", False, False
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self):
        poll = select.poll()
        poll.register(self.file, select.POLLIN)
        while not self.is_over:
            for _, events in poll.poll(100):
                self.was_opened = True
                if events & select.POLLIN:
                    self.text += os.read(self.file, 65536)
                else:
                    threading.Event().wait(0.01)  # whoever wrote is gone

    def close(self):
        self.is_over = True
        self.thread.join()
        os.close(self.file)
        return self.text.decode("utf-8", "replace")


def messages(text):
    return [m for m in re.split(r"(?m)^(?=(?:VUID|UNASSIGNED|Validation|Undefined|BestPractices)\S* ?\()", text) if m.strip()]


def validated_one(command, wanted, **added):
    """What the layer says while a program runs, each message for itself."""
    with tempfile.TemporaryDirectory(prefix="vn-layer-") as directory:
        pipe = os.path.join(directory, "log")
        with open(os.path.join(directory, "vk_layer_settings.txt"), "w", encoding="utf-8") as f:
            f.write(f"khronos_validation.debug_action = VK_DBG_LAYER_ACTION_LOG_MSG\nkhronos_validation.report_flags = error,warn\n"
                    f"khronos_validation.log_filename = {pipe}\nkhronos_validation.enable_message_limit = false\n")  # fmt: skip
        log = Log(pipe)
        env = clean_environment(VK_LAYER_SETTINGS_PATH=directory, VK_LAYER_PATH=vulkan.paths(BUILD)["layers"],
                                VK_INSTANCE_LAYERS="VK_LAYER_KHRONOS_validation", **added)  # fmt: skip
        try:
            without = ["env", "-u", "VK_INSTANCE_LAYERS", "-u", "VK_LAYER_PATH"]  # the client's own calls are not our concern
            done = run(words(vitrine()) + without + command, env, 180)
        finally:
            text = log.close()
    expect(wanted, done.stdout, command[0])
    if not log.was_opened:
        raise Failed(f"{os.path.basename(command[0])}: the validation layer was not loaded by the renderer")
    return messages(text)


def unexplained(text_messages):
    return [m for m in text_messages if not any(re.search(pattern, m) for pattern, _ in EXPLAINED)]


def validated():
    """The host's validation layer finds nothing that is not explained here."""
    for command, wanted in programs():
        found = unexplained(validated_one(command, wanted))
        if found:
            raise Failed(f"{os.path.basename(command[0])}: the validation layer says\n{found[0][:1500]}")


def validated_cube():
    """The same of a swapchain, and of one texture that begins preinitialized, of which venus/emulate_external.c says why no call is right."""
    with Screen() as screen:
        found = unexplained(validated_one([vulkan_paths("mesa")["vkcube"], "--c", "10"], r"", **screen.environment))
    if len(found) != 1 or "VUID-VkBindImageMemoryInfo-memory-02729" not in found[0]:
        raise Failed(f"vkcube: the validation layer says {len(found)} things, expected is one, of its texture's memory\n"
                     + "\n".join(m[:1500] for m in found))


def explained_reads():
    """The judge itself: a message is split off, and one that nothing explains is found."""
    text = ("VUID-a(ERROR / SPEC): msgNum: 1 - pNext includes unknown VkStructureType (1000470001); x\n    Objects: 1\n"
            "VUID-b(ERROR / SPEC): msgNum: 2 - a fence is in use\n    Objects: 1\n")  # fmt: skip
    found = messages(text)
    left = unexplained(found)
    if len(found) != 2 or len(left) != 1 or "a fence" not in left[0]:
        raise Failed(f"found {found}, left {left}")


def suites():
    return [
        Suite("venus.sanitized", "real clients over a renderer with sanitizers: no report, no leak at a context's end", sanitized),
        Suite("venus.validated", "real clients over the validation layer: what it says is explained", validated),
        Suite("venus.validated.cube", "vkcube over the validation layer: a swapchain is valid, and one texture is as explained", validated_cube),
        Suite("venus.validated.judge", "the judge of the validation layer's messages", explained_reads),
    ]
