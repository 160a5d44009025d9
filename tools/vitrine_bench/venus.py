"""Vulkan through our renderer, beside virglrenderer's and beside the host driver alone: one program, three ways.

tests/vulkan/vkt_bench.c is run in turn on the host driver, through the peer and through `vitrine exec`, all over the
same lavapipe; each figure is the median of the rounds.  Rounds turn the order round, so that what the machine does
meanwhile strikes all alike.
"""

import functools
import json
import os
import re
import statistics
import subprocess
import sys
import time

from .figure import Figure, Result, Unavailable, settings

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools/peers"))
import venus_peer  # noqa: E402

BUILD = os.path.join(TOP, "build")
BENCH = os.path.join(BUILD, "vulkan/bin/vkt_bench")
RING_LOAD = os.path.join(BUILD, "vulkan/bin/ring_load")
RING_PLAY = os.path.join(BUILD, "vulkan/bin/ring_play")
STREAMS = os.path.join(BUILD, "bench/streams")  # what Mesa's client sent, as recorded by `vitrine exec --record`
VITRINE = os.path.join(BUILD, "bin/vitrine")
VKMARK_ROOT = os.path.join(BUILD, "roots/trixie")
START_COUNT = 5  # a start is short: so many in each round
PROGRAM_TIMEOUT_S = 120
VKMARK_TIMEOUT_S = 200
IDLE_S = 4
WAYS = ("native", "peer", "ours")


class Ours(venus_peer.Native):
    """`vitrine exec` over the same host driver, with the same client."""

    name = "ours"

    def __init__(self, build, client_icd=None):
        super().__init__(build)
        if not os.access(VITRINE, os.X_OK):
            raise Unavailable("ours: there is no build/bin/vitrine")
        self.client_icd = os.path.abspath(client_icd or self.found["client_icd"])

    def command(self, words):
        return [VITRINE, "exec", "--host-driver", self.host_icd, "--client-driver", self.client_icd, "--", *words]

    def environment(self):
        return dict(os.environ)


RENDERERS = {"native": venus_peer.Native, "peer": venus_peer.VenusPeer, "ours": Ours}


def words_for(renderer, words):
    return renderer.command(words) if isinstance(renderer, Ours) else words


@functools.lru_cache(maxsize=None)
def need_programs():
    done = subprocess.run(["make", "-s", "vulkan-tests", "programs"], cwd=TOP, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if not os.access(BENCH, os.X_OK):
        raise Unavailable("make vulkan-tests failed: " + (done.stdout.strip().splitlines() or ["no reason"])[-1])


def run_text(renderer, words, timeout_s=PROGRAM_TIMEOUT_S):
    """What a program says, run on a renderer; raises Unavailable with its last line when it does not end well."""
    try:
        done = venus_peer.run_client(words_for(renderer, words), renderer.environment(), timeout_s)
    except venus_peer.TimedOut as e:
        raise Unavailable(f"{renderer.name}: {e}") from e
    if done.returncode != 0:
        raise Unavailable(f"{renderer.name}: {os.path.basename(words[0])} ended with {done.returncode}: "
                          + (done.stdout.strip().splitlines() or ["no reason"])[-1])
    return done.stdout


def bench_values(text):
    """name -> value of what vkt_bench --json printed; a client may print lines of its own before."""
    return {name: v["value"] for name, v in json.loads(text[text.index('{"device"'):])["values"].items()}


def run_program(renderer, what):
    """What vkt_bench --only `what` measures: name -> value."""
    words = [BENCH, "--json", "--seconds", str(settings.seconds), "--timeout", str(PROGRAM_TIMEOUT_S - 5), "--only", what]
    return bench_values(run_text(renderer, words))


def run_start(renderer, what):
    return {what: statistics.median(run_program(renderer, what)[what] for _ in range(START_COUNT))}


def on_socket(renderer, program, arguments):
    """What a program says that speaks to the server's socket by itself: name -> nanoseconds."""
    script = f'exec "{program}" "$VTEST_SOCKET_NAME" {arguments} --seconds {settings.seconds} --timeout {PROGRAM_TIMEOUT_S - 5}'
    found = re.findall(r"^([\w-]+) ([\d.e+-]+) ns$", run_text(renderer, ["sh", "-c", script]), re.M)
    return {name: float(value) for name, value in found}


def run_load(renderer, what):
    """The server alone, without a client's polling: name -> nanoseconds."""
    return on_socket(renderer, RING_LOAD, "--only " + what) if renderer.name != "native" else {}


# What vkt_bench does in its loop, and how a round's nanoseconds are told: from nanoseconds to the figure's unit
PLAYED = {
    "sampler": lambda ns: ns,
    "record": lambda ns: 1e5 / ns * 1e3,  # 100,000 commands a round; Mcmd/s
    "alloc": lambda ns: ns / 1e3,
    "frames": lambda ns: 1e9 / ns,
}
# The same from what the program itself measures on the host driver
NATIVE = {
    "sampler": lambda values: values["sampler"] * 1e3,
    "record": lambda values: values["record-submit"],
    "alloc": lambda values: values["alloc"],
    "frames": lambda values: values["frames"],
}


@functools.lru_cache(maxsize=None)
def stream(name, words, client=None):
    """The file with what Mesa's client sends for a program, recorded now."""
    path = os.path.join(STREAMS, name + ".vns")
    os.makedirs(STREAMS, exist_ok=True)
    with Ours(BUILD, client) as renderer:
        command = renderer.command(words)
        command[2:2] = ["--record", path]
        done = venus_peer.run_client(command, renderer.environment(), PROGRAM_TIMEOUT_S)
    if done.returncode != 0:
        raise Unavailable(f"{name} was not recorded: " + (done.stdout.strip().splitlines() or ["no reason"])[-1])
    return path


def run_play(renderer, what):
    """The server alone with the recorded stream of vkt_bench --only `what`; natively the program itself."""
    if renderer.name == "native":
        return {what: NATIVE[what](run_program(renderer, what))}
    path = stream(what, (BENCH, "--only", what, "--timeout", str(PROGRAM_TIMEOUT_S - 5)))
    return {what: PLAYED[what](on_socket(renderer, RING_PLAY, f'"{path}" {what}')[what])}


def processes():
    """pid -> parent's pid, of all processes."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as f:
                    found[int(name)] = int(f.read().rsplit(")", 1)[1].split()[1])
            except OSError:  # it ended meanwhile
                continue
    return found


def is_client(pid):
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe")) == os.path.basename(BENCH)
    except OSError:
        return False


def servers_below(top):
    """The process `top` and all below it, without the client."""
    parents, found, new = processes(), set(), {top}
    while new:
        found |= new
        new = {pid for pid, parent in parents.items() if parent in found} - found
        new = {pid for pid in new if not is_client(pid)}
    return found


def sleeps(pids):
    """(pid, tid) -> how often the thread went to sleep by itself, which is how often it was woken."""
    found = {}
    for pid in pids:
        try:
            for tid in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{tid}/status", encoding="ascii", errors="replace") as f:
                    found[pid, tid] = int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", f.read(), re.M).group(1))
        except OSError:  # it ended meanwhile
            continue
    return found


def count_wakes(renderer, what):
    """Wake-ups per second of the server's processes while its one client does nothing."""
    if renderer.name == "native":
        return {}
    words = words_for(renderer, [BENCH, "--only", what, "--seconds", str(IDLE_S), "--timeout", "60"])
    process = subprocess.Popen(words, env=renderer.environment(), text=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, start_new_session=True)
    top = process.pid if isinstance(renderer, Ours) else renderer.process.pid
    try:
        for line in process.stdout:  # the client's own deadline bounds this
            if line.strip() == "idle-begin":
                break
        before, start = sleeps(servers_below(top)), time.monotonic()
        time.sleep(IDLE_S * 0.9)
        after, span = sleeps(servers_below(top)), time.monotonic() - start
    finally:
        venus_peer.kill_group(process)
        process.stdout.close()
    if not before:
        raise Unavailable(f"{renderer.name}: the client did not come to rest")
    return {what: sum(n - before.get(thread, 0) for thread, n in after.items()) / span}


def open_ways(rounds, run):
    """Runs every way in each round; gives way -> list of what `run` gave, and way -> why it could not."""
    runs, reasons = {way: [] for way in WAYS}, {}
    for r in range(rounds):
        for way in WAYS[r % len(WAYS):] + WAYS[:r % len(WAYS)]:
            if way in reasons:
                continue
            try:
                runs[way].append(run(way))
            except (Unavailable, venus_peer.SetupError) as e:
                reasons[way] = str(e)
                print(f"  venus: skipped {e}", flush=True)
    return runs, reasons


@functools.lru_cache(maxsize=None)
def campaign(run, what, client=None):
    """Every way in turn, several times: run(renderer, what) gives name -> value.  As open_ways."""
    def one_way(way):
        with (Ours(BUILD, client) if way == "ours" else RENDERERS[way](BUILD)) as renderer:
            return run(renderer, what)

    need_programs()
    return open_ways(max(3, settings.runs), one_way)


def middle(runs, name):
    values = [r[name] for r in runs if name in r]
    return statistics.median(values) if values else None


def spread(runs, name):
    values = sorted(r[name] for r in runs)
    return f"ours {values[0]:.4g} to {values[-1]:.4g}"


def judge(ours, reference, factor, is_more_better):
    """Whether `ours` is at most (or at least) `factor` times the reference; None without a reference."""
    if reference is None:
        return None
    return ours >= factor * reference if is_more_better else ours <= factor * reference


def need_ours(runs, reasons):
    if not runs["ours"]:
        raise Unavailable(reasons.get("ours", "ours was not run"))


def against(runs, reasons, key, unit, bar):
    """The result of one figure; `bar` is (which way is the reference, factor, whether more is better)."""
    need_ours(runs, reasons)
    way, factor, is_more_better = bar
    ours, peer, native = (middle(runs[w], key) for w in ("ours", "peer", "native"))
    reference = peer if way == "peer" else native
    notes = [spread(runs["ours"], key)]
    if native is not None:
        notes.append(f"native {native:.4g}")
    if reference:
        notes.append(f"{ours / reference:.2f} of {way}")
    notes += [reasons[w] for w in ("peer", "native") if w in reasons]
    return Result(unit, ours, peer, judge(ours, reference, factor, is_more_better), "; ".join(notes))


def idle():
    runs, reasons = campaign(count_wakes, "idle")
    need_ours(runs, reasons)
    ours = middle(runs["ours"], "idle")
    return Result("1/s", ours, middle(runs["peer"], "idle"), ours <= 5, spread(runs["ours"], "idle"))


def ring_rate():
    """Recorded commands per second that the server takes from its ring, the host driver's work included."""
    runs, reasons = campaign(run_load, "viewport")
    need_ours(runs, reasons)
    ours, peer = (1e3 / middle(runs[w], "viewport") if runs[w] else None for w in ("ours", "peer"))
    streams, reasons = campaign(run_load, "viewport-stream")
    need_ours(streams, reasons)
    stream_ns = middle(streams["ours"], "viewport-stream")
    return Result("Mcmd/s", ours, peer, ours >= 1.5, f"in a stream of shared memory {stream_ns:.0f} ns each")


VKMARK = os.path.join(VKMARK_ROOT, "bin/vkmark")  # Debian 13's, with that release's Venus client, over the host driver of the others
VKMARK_CLIENT = os.path.join(VKMARK_ROOT, "icd.d/virtio_icd.json")
SCENES = ("clear", "cube", "vertex", "texture", "shading:shading=phong", "effect2d:kernel=edge", "desktop")


def vkmark_words(scenes, duration_s):
    words = [VKMARK, "--winsys", "headless", "--size", "800x600", "-b", f":duration={duration_s:g}"]
    return tuple(words + [word for scene in scenes for word in ("-b", scene)])


def run_vkmark(renderer, what):
    """vkmark's score, and each scene's frames per second."""
    if not os.access(VKMARK, os.X_OK):
        raise Unavailable("there is no vkmark; tools/peers/roots.py build trixie brings it")
    text = run_text(renderer, vkmark_words(SCENES, settings.seconds), VKMARK_TIMEOUT_S)
    m = re.search(r"vkmark Score: (\d+)", text)
    if not m:
        raise Unavailable(f"{renderer.name}: vkmark told no score")
    scenes = re.findall(r"^\[\w+\].* FPS: (\d+)", text, re.M)
    return {what: int(m.group(1)), **{scene: int(rate) for scene, rate in zip(SCENES, scenes)}}


def run_vkmark_play(renderer, what):
    """The same with one recorded picture of each scene played; natively vkmark itself.  The score is the mean of the rates."""
    if renderer.name == "native":
        return run_vkmark(renderer, what)
    rates = {}
    for scene in SCENES:
        # Things turn with the time: the last picture is the one in the middle of what is measured natively.
        path = stream("vkmark-" + scene.partition(":")[0], vkmark_words([scene], settings.seconds / 2), VKMARK_CLIENT)
        rates[scene] = 1e9 / on_socket(renderer, RING_PLAY, f'"{path}" scene')["scene"]
    return {what: statistics.mean(rates.values()), **rates}


def vkmark(run):
    """The score's result, with each scene's part of the native rate."""
    runs, reasons = campaign(run, "score", VKMARK_CLIENT)
    result = against(runs, reasons, "score", "points", ("native", 0.9, True))
    if runs["native"]:
        parts = ", ".join(f"{scene.partition(':')[0]} {middle(runs['ours'], scene) / middle(runs['native'], scene):.2f}" for scene in SCENES)
        result.note += "; of native each: " + parts
    return result


# name, how it is measured, the value's name, unit, what, the bar in words, the bar
ROWS = (
    ("sync", (run_program, "sync"), "sync", "us", "a synchronous call, hot ring", "<= 1/2 of the peer", ("peer", 1 / 2, False)),
    ("sync-idle", (run_program, "sync-idle"), "sync-idle-mean", "us", "a synchronous call after 5 ms idle, mean", "<= 1/3 of the peer",
     ("peer", 1 / 3, False)),
    ("sync-idle-late", (run_program, "sync-idle"), "sync-idle-p99", "us", "the same, 99th percentile", "<= 1/2 of the peer", ("peer", 1 / 2, False)),
    ("sync-idle-worst", (run_program, "sync-idle"), "sync-idle-worst", "us", "the same, the worst", "<= 1/2 of the peer", ("peer", 1 / 2, False)),
    ("sampler", (run_program, "sampler"), "sampler", "us", "create and destroy a sampler", "<= 1/2 of the peer", ("peer", 1 / 2, False)),
    ("record", (run_program, "record"), "record-submit", "Mcmd/s", "100,000 recorded commands, submitted and waited for", ">= 2 x the peer",
     ("peer", 2, True)),
    ("submit", (run_program, "submit"), "submit-wait", "us", "an empty submit and the wait for its fence", "<= 1/2 of the peer",
     ("peer", 1 / 2, False)),
    ("ring-call", (run_load, "call"), "call", "ns", "a synchronous call by the load generator, hot ring", "<= 1/2 of the peer",
     ("peer", 1 / 2, False)),
    ("ring-wake", (run_load, "wake"), "wake-mean", "ns", "the same after 5 ms idle, mean", "<= 1/3 of the peer", ("peer", 1 / 3, False)),
    ("ring-wake-late", (run_load, "wake"), "wake-p99", "ns", "the same, 99th percentile", "<= 1/2 of the peer", ("peer", 1 / 2, False)),
    ("ring-sampler", (run_play, "sampler"), "sampler", "ns", "create and destroy a sampler, the client's stream played", "<= 1/2 of the peer",
     ("peer", 1 / 2, False)),
    ("ring-record", (run_play, "record"), "record", "Mcmd/s", "100,000 recorded commands, submitted and waited for, the client's stream played",
     ">= 2 x the peer", ("peer", 2, True)),
    ("ring-alloc", (run_play, "alloc"), "alloc", "us", "allocate 64 KiB, map, set, free, the client's stream played", "<= 1/3 of the peer",
     ("peer", 1 / 3, False)),
    ("ring-frames", (run_play, "frames"), "frames", "frames/s", "offscreen 512x512, 10 draws, the client's stream played", ">= 0.95 of native",
     ("native", 0.95, True)),
    ("alloc", (run_program, "alloc"), "alloc", "us", "allocate 64 KiB, map, set, free", "<= 1/3 of the peer", ("peer", 1 / 3, False)),
    ("frames", (run_program, "frames"), "frames", "frames/s", "offscreen 512x512, 10 draws, record, submit, wait", ">= 0.95 of native",
     ("native", 0.95, True)),
    ("start", (run_start, "start"), "start", "ms", "from the program's start to the end of its first submit", "<= the peer", ("peer", 1, False)),
)


# What a program records most; the rest of venus_decode_bench's commands are dearer and rarer.
HOT = ("vkCmdSetViewport", "vkCmdSetScissor", "vkCmdBindPipeline", "vkCmdBindDescriptorSets", "vkCmdBindVertexBuffers",
       "vkCmdPushConstants", "vkCmdDraw", "vkCmdDrawIndexed", "vkCmdDispatch")  # fmt: skip


def decode_times():
    """command -> ns for decoding and dispatching it over a host that does nothing: the thread's own time."""
    done = subprocess.run(["make", "-s", "venus-bench"], cwd=TOP, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise Unavailable("make venus-bench failed: " + (done.stdout.strip().splitlines() or ["no reason"])[-1])
    done = subprocess.run([os.path.join(BUILD, "bench/bin/venus_decode_bench"), "50"], text=True, stdout=subprocess.PIPE, check=True)
    return {name.strip(): float(ns) for name, ns in re.findall(r"^(\S.*?)\s+([\d.]+) ns ", done.stdout, re.M)}


def decode_hot():
    times = decode_times()
    worst = max(HOT, key=lambda name: times[name])
    note = ", ".join(f"{name} {times[name]:.0f}" for name in HOT)
    return Result("ns", times[worst], None, times[worst] < 50, f"the dearest is {worst}; {note}")


def row_figure(row):
    name, measured, key, unit, about, bar, terms = row
    return Figure("venus." + name, about + "; peer: virglrenderer", bar, lambda: against(*campaign(*measured), key, unit, terms),
                  ("base", "vulkan"))


def figures():
    return [row_figure(row) for row in ROWS] + [
        Figure("venus.idle", "wake-ups of the server of one idle client; peer: virglrenderer", "<= 5 per second", idle, ("base", "vulkan")),
        Figure("venus.ring", "vkCmdSetViewport by the load generator, server and host driver alone; peer: virglrenderer",
               ">= 1.5 Mcmd/s", ring_rate, ("base", "vulkan")),
        Figure("venus.decode", "decoding and dispatching a recording command, the dearest of nine, without a host", "< 50 ns", decode_hot,
               ("base", "vulkan")),
        Figure("venus.vkmark", "vkmark's headless score; peer: virglrenderer", ">= 0.9 of native",
               lambda: vkmark(run_vkmark), ("base", "vulkan")),
        Figure("venus.ring-vkmark", "vkmark's headless score, the client's streams played", ">= 0.9 of native", lambda: vkmark(run_vkmark_play),
               ("base", "vulkan")),
    ]
