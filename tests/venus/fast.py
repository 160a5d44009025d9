"""What ./test runs of real programs: lavapipe of Mesa 25 behind Mesa's Venus client of the same release.

conformance: S3-06 S3-08 S3-14 S3-15 S3-16
"""

import json
import os
import re
import tempfile

from system import venus_server
from vitrine_test.suite import Failed, Suite
from vitrine_test.vulkan_setup import vulkan_environment, vulkan_paths

from . import info
from .running import expect, native, ours, program, three, venus_peer, vitrine

# Each switch makes Mesa's client speak differently, and each program must do the same all the same.
PERF = (
    "no_cmd_batching", "no_fence_feedback", "no_semaphore_feedback", "no_event_feedback", "no_query_feedback", "no_multi_ring",
    "no_async_mem_alloc", "no_async_buffer_create", "no_async_image_create", "no_async_queue_submit", "no_async_set_alloc",
    "no_async_image_format",
)  # fmt: skip
DEBUG = ("no_sparse", "no_gpl", "no_abort", "log_ctx_info", "cache", "init,result,wsi")


def summary():
    text = ours([vulkan_paths("mesa")["vulkaninfo"], "--summary"]).stdout
    version = expect(r"^\s*apiVersion\s*= (\d+)\.(\d+)\.", text, "vulkaninfo --summary")
    if (int(version.group(1)), int(version.group(2))) < (1, 3):
        raise Failed(f"clients get Vulkan {version.group(1)}.{version.group(2)} only")
    expect(r"^\s*driverName\s*= venus$", text, "vulkaninfo --summary")
    expect(r"^\s*deviceName\s*= Virtio-GPU Venus \(llvmpipe", text, "vulkaninfo --summary")


def whole_info():
    command = [vulkan_paths("mesa")["vulkaninfo"]]
    info.check(native(command).stdout, ours(command).stdout)


SAMPLE = "A:\n===\n\tGPU0: x\n\t\tsize = {}\n\nList: count = 2\n--------\n\tVK_A : extension revision 1\n{}"


def info_reads():
    """The judge itself: what is different is found, and only a rule for just that explains it."""
    old, new = SAMPLE.format(1, ""), SAMPLE.format(2, "\tVK_B : extension revision 3\n")
    found = info.differences(info.tree(old), info.tree(new))
    wanted = [("+", "A/List/VK_B", "extension revision 3"), ("~", "A/GPU0: x/size", "1 -> 2")]
    if found != wanted:
        raise Failed(f"found {found}, expected {wanted}")
    rule = [("+", re.compile(r".*/VK_B"), "b"), ("-", re.compile(r".*/size"), "wrong kind"), ("~", re.compile("size"), "not whole")]
    if info.unexplained(old, new, rule) != wanted[1:]:
        raise Failed(f"left are {info.unexplained(old, new, rule)}")


def computes():
    expect("all right on Virtio-GPU Venus", ours([program("vkt_compute")]).stdout, "vkt_compute")


def stresses():
    expect("all right on Virtio-GPU Venus", ours([program("vkt_stress")], timeout_s=130).stdout, "vkt_stress")


def same_picture():
    """The PNG files are equal byte for byte, in two sizes and three frames."""
    with tempfile.TemporaryDirectory() as where:
        for size, frame in ((256, 0), (256, 5), (509, 1)):
            seen = []
            for how in (native, ours):
                path = os.path.join(where, "picture.png")
                how([program("vkt_picture"), "--out", path, "--size", str(size), "--frame", str(frame)])
                with open(path, "rb") as f:
                    seen.append(f.read())
                os.remove(path)
            if seen[0] != seen[1]:
                raise Failed(f"another picture than the host driver's own: --size {size} --frame {frame}")


REQUEST = re.compile(r"^(\S+): -> ring (0x[0-9a-f]+) (vk\w+)\((.*)\)$")
REPLY = re.compile(r"^(\S+): <- ring (0x[0-9a-f]+) (.*)$")


def read_trace(path):
    """[ring, command, arguments, reply or None], in the order of the file; Failed on a line that is neither."""
    calls, last = [], {}
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            request, reply = REQUEST.match(line), REPLY.match(line)
            if request:
                last[request.group(2)] = [request.group(2), request.group(3), request.group(4), None]
                calls.append(last[request.group(2)])
            elif reply and last.get(reply.group(2), [1])[-1] is None:
                last[reply.group(2)][3] = reply.group(3)
            else:
                raise Failed(f"trace line {number}: {'a second reply' if reply else 'neither a request nor a reply'}: {line}")
    return calls


def see_ids(calls):
    """An object is made under an id, used and destroyed under it, and synchronous calls have their replies."""
    made = next(c for c in calls if c[1] == "vkCreateComputePipelines")
    pipeline = expect(r"pPipelines=\[(0x[0-9a-f]+)\]", made[2], "the trace of vkCreateComputePipelines").group(1)
    bound = [c for c in calls if c[1] == "vkCmdBindPipeline"]
    gone = [c for c in calls if c[1] == "vkDestroyPipeline"]
    if not bound or any(f"pipeline={pipeline}" not in c[2] for c in bound + gone) or len(gone) != 1:
        raise Failed(f"pipeline {pipeline}: bound {bound}, destroyed {gone}")
    silent = [c[1] for c in calls if re.match(r"vk(Enumerate|GetPhysicalDevice)", c[1]) and c[3] is None]
    if silent:
        raise Failed(f"no reply in the trace: {silent}")
    open_ones = [c[:3] for c in calls if any(c[2].count(a) != c[2].count(b) for a, b in ("()", "[]", "{}"))]
    if open_ones:
        raise Failed(f"brackets that do not close: {open_ones[:3]}")


def see_counters(stats, calls):
    """The counters say what the trace says, and that nothing is left of the client."""
    counted = {c["name"]: c["count"] for c in stats["commands"]}
    traced = {name: sum(1 for c in calls if c[1] == name) for name in {c[1] for c in calls} | set(counted)}
    wrong = {n: (counted.get(n, 0), traced[n]) for n in traced if counted.get(n, 0) != traced[n]}
    if wrong:
        raise Failed(f"command: (counted, traced): {wrong}")
    left = [o for o in stats["objects"] if o["live"] or o["made"] != o["gone"]]
    if left or stats["memory"]["live_bytes"] or stats["fatal"] is not None:
        raise Failed(f"after the client's end: {left}, {stats['memory']}, fatal: {stats['fatal']}")
    if not 0 < stats["memory"]["peak_bytes"] < stats["memory"]["limit_bytes"] or any(c["mean_ns"] <= 0 for c in stats["commands"]):
        raise Failed(f"not true: {stats['memory']}, {stats['commands']}")


def stats_of(text):
    return json.loads(next(line for line in text.splitlines() if line.startswith('{"client"')))


def traced():
    """--trace and --stats=json of one run: each command decoded, with ids and replies; both say the same."""
    with tempfile.TemporaryDirectory() as where:
        path = os.path.join(where, "trace")
        done = ours([program("vkt_compute")], options=["--trace", path, "--stats=json"])
        calls, stats = read_trace(path), stats_of(done.stdout)
    see_ids(calls)
    see_counters(stats, calls)
    if sum(1 for c in calls if c[1] == "vkCmdDispatch") != 3 or stats["client"] != "vkt_compute":
        raise Failed(f"vkt_compute dispatches three times; counted: {stats}")


def counted():
    """Commands in streams beside the ring are counted and traced too; the text has the same counters."""
    with tempfile.TemporaryDirectory() as where:
        path = os.path.join(where, "trace")
        done = ours([program("vkt_stress"), "--only", "copies"], options=["--trace", path, "--stats=json"])
        see_counters(stats_of(done.stdout), read_trace(path))
    stats = stats_of(ours([program("vkt_stress"), "--only", "large"], options=["--stats=json"]).stdout)
    if sum(c["count"] for c in stats["commands"]) < 200_000:
        raise Failed(f"a command buffer of 200,000 commands, counted: {stats}")
    text = ours([program("vkt_compute")], options=["--stats"]).stdout
    expect(r"^\s*vkCmdDispatch\s+3\s", text, "--stats")
    expect(r"^\s*VkPipeline\s+0 live\s+1 made\s+1 gone", text, "--stats")


def statuses():
    """The program's exit status is the run's, with 128 + N for signal N; 126 and 127 as shells have them."""
    for words, status in ((["sh", "-c", "exit 7"], 7), (["true"], 0), (["sh", "-c", "kill -TERM $$"], 143), (["/nowhere/x"], 127),
                          (["/etc/passwd"], 126), ([program("vkt_compute"), "--no-such"], 2)):
        ours(words, status=status)


def nothing_left():
    """One server, many clients: each leaves as many file descriptors and processes behind as there were before."""
    vitrine()
    paths = vulkan_paths("mesa")
    with venus_server.Server("--host-driver", paths["lavapipe_icd"], programs=venus_server.REAL) as server:
        env = dict(vulkan_environment(paths["client_icd"]), VN_DEBUG="vtest", VTEST_SOCKET_NAME=server.path)
        before = None
        for round_idx in range(6):
            done = venus_peer.run_client([program("vkt_compute")], env, 60)
            if done.returncode:
                raise Failed(f"client {round_idx}: exit status {done.returncode}\n{done.stdout}\n{server.text()}")
            # The server keeps a renderer process ready for its next client.
            venus_server.wait_until(lambda: len(server.workers()) <= 1, "the client's renderer process ends")
            venus_server.wait_until(lambda: before in (None, venus_server.fd_count(server.process.pid)) , "no file descriptor is left")
            before = before or venus_server.fd_count(server.process.pid)


LAYER_SETTINGS = """\
khronos_validation.debug_action = VK_DBG_LAYER_ACTION_LOG_MSG
khronos_validation.report_flags = error
khronos_validation.log_filename = {}
"""
# The layer of Debian 12 is older than what Mesa 25 says in these chains.
NEWER_THAN_LAYER = re.compile(r"pNext chain includes a structure with unknown VkStructureType")


def valid():
    """What our renderer asks of the host driver is valid Vulkan, says the Khronos layer; all in one process, for one log."""
    paths = vulkan_paths("mesa")
    layer = {"VK_LAYER_PATH": paths["layers"], "VK_INSTANCE_LAYERS": "VK_LAYER_KHRONOS_validation"}
    for words in (["vkt_compute"], ["vkt_picture"], ["vkt_stress", "--threads", "2"]):
        with tempfile.TemporaryDirectory() as where:
            settings, log = os.path.join(where, "vk_layer_settings.txt"), os.path.join(where, "log")
            with open(settings, "w", encoding="utf-8") as f:
                f.write(LAYER_SETTINGS.format(log))
            command = ["env", "-u", "VK_INSTANCE_LAYERS", program(words[0]), *words[1:]]
            ours(command, options=["--isolate", "thread"], added={**layer, "VK_LAYER_SETTINGS_PATH": settings})
            with open(log, encoding="utf-8", errors="replace") as f:
                wrong = [line for line in f if "Validation Error" in line and not NEWER_THAN_LAYER.search(line)]
        if wrong:
            raise Failed(f"{words[0]}: {len(wrong)} errors, the first:\n{wrong[0]}")


def with_switch(variable, value):
    return Suite(f"venus.switch.{value.split(',')[0]}", f"{variable}={value}: computes, the same picture, much of everything",
                 lambda: three(added={variable: value}))


def suites():
    return [
        Suite("venus.info.reader", "the judge of vulkaninfo's differences, on samples", info_reads),
        Suite("venus.info.summary", "vulkaninfo --summary: Vulkan 1.3 or newer, driver venus", summary),
        Suite("venus.info.whole", "vulkaninfo: each line that differs from the host driver's has a reason", whole_info),
        Suite("venus.run.compute", "vkt_compute computes through our renderer", computes),
        Suite("venus.run.picture", "vkt_picture draws the host driver's own picture, byte for byte", same_picture),
        Suite("venus.run.stress", "vkt_stress: objects, pools, commands, synchronisation, memory, threads", stresses),
        Suite("venus.run.trace", "--trace shows each command with ids and reply; --stats=json counts the same", traced),
        Suite("venus.run.stats", "counters of commands in streams, and as text", counted),
        Suite("venus.run.valid", "the Khronos validation layer below our renderer finds nothing", valid),
        Suite("venus.run.status", "vitrine exec passes exit statuses on", statuses),
        Suite("venus.run.left", "no client leaves a file descriptor or a process behind", nothing_left),
    ] + [with_switch("VN_PERF", s) for s in PERF] + [with_switch("VN_DEBUG", s) for s in DEBUG]
