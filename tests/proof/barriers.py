"""The library's barriers: each is one that a test misses when it is gone, and each is made of instructions that are enough.

Mutants are made of the library as it is: every barrier in turn is taken out, or replaced by a weaker one; further down are
accesses in a wrong order. tests/unit/barrier_order_test.c, which sees every barrier and access, has to fail on each of them.
"""

import concurrent.futures
import functools
import itertools
import os
import re
import subprocess
import tempfile

from vitrine_test.suite import TOP, Failed, Skipped, sources

BARRIER = re.compile(r"virtio_(store|load|release|full)_barrier\(\);")
WEAKER = {"store": ("", "load"), "load": ("", "store"), "release": ("", "store", "load"), "full": ("", "store", "load", "release")}
RECORDED = ("-Itests/unit/recorded", "barrier_order_test")  # include path, test
PLAIN = ("-I.", "virtq_far_test")

# (source, what stands there, what stands there in the mutant, include path and test that must fail)
WRONG_ORDER = (
    ("virtio/core/split.c", "    virtio_release_barrier();\n    q->avail_idx++;\n    q->steps_since_notify++;\n    le16_write(&avail->idx, q->avail_idx);",
     "    q->avail_idx++;\n    q->steps_since_notify++;\n    le16_write(&avail->idx, q->avail_idx);\n    virtio_release_barrier();", RECORDED),
    ("virtio/core/packed.c", "        if (i == 0) {", "        if (i + 1 == offer->seg_count) {", RECORDED),
    ("virtio/core/packed.c", "        if (i == 0) {\n            first_flags = (uint16_t)flags;\n        } else {",
     "        first_flags = i == 0 ? (uint16_t)flags : first_flags;\n        {", RECORDED),
    ("virtio/core/queue.c", "    virtio_full_barrier();\n    return q->ops->look(q, claim);",
     "    virtio_full_barrier();\n    return VIRTIO_EMPTY;", RECORDED),
    ("virtio/core/queue.c", "    virtio_full_barrier();\n    bool is_wanted = q->ops->is_notify_wanted(q);",
     "    bool is_wanted = q->ops->is_notify_wanted(q);\n    virtio_full_barrier();", RECORDED),
    ("virtio/core/device.c", "    virtio_store_barrier(); /* buffers that were added before DRIVER_OK are seen with it */\n"
     "    device->ops->set_status(device, status);",
     "    device->ops->set_status(device, status);\n    virtio_store_barrier();", RECORDED),
    # Past the accessors of virtio/core/shared.h: ring memory is closed to that.
    ("virtio/core/split.c", "le16_write(&avail->idx, q->avail_idx);", "avail->idx = le16_from(q->avail_idx);", RECORDED),
    ("virtio/core/packed.c", "uint16_t flags = le16_read(&desc->flags);", "uint16_t flags = le16_get((le16){ desc->flags.raw });", RECORDED),
    # Which event is of this lap?
    ("virtio/core/split.c", "    return is_far || ", "    return ", PLAIN),
    ("virtio/core/packed.c", "    return is_far ||\n", "    return\n", PLAIN),
    ("virtio/core/split.c", "q->steps_since_notify >\n                  q->size;", "q->steps_since_notify >= q->size;", PLAIN),
    ("virtio/core/packed.c", "q->steps_since_notify >\n                  q->size;", "q->steps_since_notify >= q->size;", PLAIN),
    ("virtio/core/packed.c", "q->steps_since_notify >\n                  q->size;", "q->steps_since_notify > q->size + 1U;", PLAIN),
)


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def mutants():
    """(what was done, source, its text then, include path and test)"""
    for source in sources(r"\.[ch]$", "virtio"):
        text = read(source)
        for m in BARRIER.finditer(text):
            for weaker in WEAKER[m.group(1)]:
                call = f"virtio_{weaker}_barrier();" if weaker else ";"
                yield (f"{source}:{line_of(text, m.start())}: {m.group(1)} barrier {'-> ' + weaker if weaker else 'taken out'}",
                       source, text[:m.start()] + call + text[m.end():], RECORDED)
    for source, old, new, how in WRONG_ORDER:
        text = read(source)
        if text.count(old) != 1:
            raise Failed(f"tests/proof/barriers.py: {source} has this {text.count(old)} times, not once:\n{old}")
        what = " | ".join(" ".join(s.split()) for s in new.strip().splitlines())
        yield f"{source}:{line_of(text, text.index(old))}: {what}", source, text.replace(old, new), how


def command(*words):
    done = subprocess.run(words, cwd=TOP, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=120)
    return done.returncode, done.stdout


def compile_one(source, target, include):
    status, out = command("gcc", "-std=gnu17", "-O0", "-w", "-D_GNU_SOURCE", include, "-I.", "-Ivirtio/include", "-c", source, "-o", target)
    if status != 0:
        raise Failed(f"{source} does not compile:\n{out}")
    return target


def library():
    return sources(r"\.c$", "virtio/core", "virtio/transport")


def objects(pool, where, how):
    """source -> object, the test included."""
    include, test = how
    names = library() + [f"tests/unit/{test}.c"]
    targets = [os.path.join(where, test + "." + name.replace("/", "_") + ".o") for name in names]
    return dict(zip(names, pool.map(compile_one, names, targets, itertools.repeat(include))))


def run_mutant(built, where, number, mutant):
    """Does the test pass on the mutant, and what does it say?"""
    _, source, text, how = mutant
    stem = os.path.join(where, str(number))
    with open(stem + ".c", "w", encoding="utf-8") as f:
        f.write(text)
    others = [o for name, o in built[how].items() if name != source]
    if source not in built[how]:
        raise Failed(f"{source} has a barrier, and {how[1]} does not compile it: no test can see it")
    status, out = command("gcc", "-o", stem, compile_one(stem + ".c", stem + ".o", how[0]), *others)
    if status != 0:
        raise Failed(f"{how[1]} does not link:\n{out}")
    status, out = command(stem)
    return status == 0, out


def barriers_are_missed(write_report):
    lines, survivors = ["Mutants of the library's memory ordering, and what the test says to each", ""], []
    with tempfile.TemporaryDirectory(prefix="vitrine-barriers-") as where, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        built = {how: objects(pool, where, how) for how in (RECORDED, PLAIN)}
        for how in built:
            unbroken = ("the library as it is", library()[0], read(library()[0]), how)
            is_passed, out = run_mutant(built, where, how[1], unbroken)
            if not is_passed:
                raise Failed(f"{how[1]} fails on the library as it is:\n{out}")
        every = list(mutants())
        results = pool.map(lambda item: run_mutant(built, where, item[0], item[1]), enumerate(every))
        for mutant, (is_passed, out) in zip(every, results):
            said = "SURVIVES" if is_passed else next((s.strip() for s in out.splitlines() if s.startswith("    ")), "it crashed")
            lines.append(f"{mutant[0]}\n    {said}")
            survivors += [mutant[0]] if is_passed else []
    path = write_report("barrier-mutants.txt", lines + ["", f"{len(every)} mutants, {len(survivors)} survive"])
    if survivors:
        raise Failed(f"no test misses these barriers (see {path}):\n" + "\n".join(survivors))


# What each barrier orders: (earlier access, later access) of R and W, memory; I and O, device registers read and written.
MUST_ORDER = {"store": {"WW", "WO"}, "load": {"RR", "IR"}, "release": {"RW", "RO", "WW", "WO"}, "full": {a + b for a in "RWIO" for b in "RWIO"}}

# architecture -> (header, compiler)
ARM_GCC = ("aarch64-linux-gnu-gcc",)
ARCHITECTURES = {
    "aarch64": ("virtio/core/barrier.h", ARM_GCC),
    "x86-64": ("virtio/core/barrier.h", ("clang", "--target=x86_64-linux-gnu")),
    "riscv64": ("virtio/core/barrier.h", ("clang", "--target=riscv64-linux-gnu")),
    "generic": ("virtio/core/arch/generic.h", ARM_GCC),
}
ARM_CLASSES = {"": ("RWIO", "RWIO"), "st": ("WO", "WO"), "ld": ("RI", "RWIO")}
PROBE = "void probe_{0}(int *at) {{ *at = 5; virtio_{0}_barrier(); *at = 7; }}\n"


def pairs(earlier, later):
    return {a + b for a in earlier for b in later}


def ordered_by(architecture, line):
    """The pairs that an instruction orders, as the architecture's manual has it; of `generic`, among CPUs is enough."""
    arm = re.fullmatch(r"d[ms]b\s+(osh|sy|ish)?(st|ld)?", line)
    if arm and (arm.group(1) != "ish" or architecture == "generic"):
        return pairs(*ARM_CLASSES[arm.group(2) or ""])
    fence = re.fullmatch(r"fence(?:\s+(\w+),\s*(\w+))?", line)
    if fence:
        return pairs(*((s or "iorw").upper() for s in fence.groups()))
    if architecture == "x86-64" and re.match(r"mfence|lock", line):
        return pairs("RWIO", "RWIO")
    return set()


# Without any instruction: x86 does nothing but a load before an earlier store, as the manuals have it.
ALWAYS_ORDERED = {"x86-64": pairs("RI", "RWIO") | pairs("WO", "WO")}


def bodies(architecture, first_include="-I."):
    """barrier -> the lines of assembly of its probe."""
    header, compiler = ARCHITECTURES[architecture]
    probes = f"#include <{header}>\n" + "".join(PROBE.format(kind) for kind in MUST_ORDER)
    flags = ["-ffreestanding", "-O2", "-S", first_include, "-I.", "-Ivirtio/include", "-xc", "-", "-o", "-"]
    try:
        done = subprocess.run([*compiler, *flags], cwd=TOP, input=probes, text=True, capture_output=True, check=False, timeout=60)
    except OSError as e:
        raise Skipped(f"{compiler[0]} is not installed") from e
    if done.returncode != 0:
        raise Failed(f"{header} does not compile by {' '.join(compiler)}:\n{done.stderr}")
    parts = re.split(r"^probe_(\w+):.*$", done.stdout, flags=re.M)[1:]
    clean = [[re.sub(r"\s*(#[^\d-].*|//.*)$", "", s).strip() for s in part.split(".size", 1)[0].splitlines()] for part in parts[1::2]]
    return dict(zip(parts[0::2], clean))


def weaknesses(architecture, first_include="-I."):
    """What is wrong with an architecture's barriers, in words."""
    for kind, lines in bodies(architecture, first_include).items():
        ordered = ALWAYS_ORDERED.get(architecture, set()).union(*(ordered_by(architecture, s) for s in lines))
        if MUST_ORDER[kind] - ordered:
            yield f"{architecture}: the {kind} barrier does not order {', '.join(sorted(MUST_ORDER[kind] - ordered))}"
        for value in "57":
            if not any(re.search(rf"[\s,$#]{value}\b", s) for s in lines):
                yield f"{architecture}: the compiler may merge stores across the {kind} barrier"


# (header, what stands there, what weakens it, architecture)
WEAK_HEADERS = (
    ("virtio/core/arch/aarch64.h", '"dmb oshst"', '"dmb ishst"', "aarch64"),
    ("virtio/core/arch/aarch64.h", '"dmb oshld"', '"dmb ishld"', "aarch64"),
    ("virtio/core/arch/aarch64.h", "dmb oshld\\n\\tdmb oshst", "dmb ishld\\n\\tdmb oshst", "aarch64"),
    ("virtio/core/arch/aarch64.h", "dmb oshld\\n\\tdmb oshst", "dmb oshst", "aarch64"),
    ("virtio/core/arch/aarch64.h", "dmb oshld\\n\\tdmb oshst", "dmb oshld", "aarch64"),
    ("virtio/core/arch/aarch64.h", '"dmb osh"', '"dmb ish"', "aarch64"),
    ("virtio/core/arch/aarch64.h", '"dmb osh"', '"dmb oshst"', "aarch64"),
    ("virtio/core/arch/aarch64.h", '"dmb osh" ::: "memory"', '"dmb osh" :::', "aarch64"),
    ("virtio/core/arch/aarch64.h", '"dmb oshst" ::: "memory"', '"dmb oshst" :::', "aarch64"),
    ("virtio/core/arch/aarch64.h", 'tdmb oshst" ::: "memory"', 'tdmb oshst" :::', "aarch64"),
    ("virtio/core/arch/x86.h", "__ATOMIC_SEQ_CST", "__ATOMIC_ACQ_REL", "x86-64"),
    ("virtio/core/arch/x86.h", 'virtio_store_barrier(void)\n{\n    __asm__ volatile("" ::: "memory");', "virtio_store_barrier(void)\n{", "x86-64"),
    ("virtio/core/arch/x86.h", 'virtio_load_barrier(void)\n{\n    __asm__ volatile("" ::: "memory");', "virtio_load_barrier(void)\n{", "x86-64"),
    ("virtio/core/arch/x86.h", 'virtio_release_barrier(void)\n{\n    __asm__ volatile("" ::: "memory");', "virtio_release_barrier(void)\n{", "x86-64"),
    ("virtio/core/arch/riscv.h", '"fence w, ow', '"fence w, w', "riscv64"),
    ("virtio/core/arch/riscv.h", '"fence w, ow', '"fence w, o', "riscv64"),
    ("virtio/core/arch/riscv.h", "fence ir, ir", "fence r, r", "riscv64"),
    ("virtio/core/arch/riscv.h", "fence rw, ow", "fence w, ow", "riscv64"),
    ("virtio/core/arch/riscv.h", "fence iorw, iorw", "fence rw, rw", "riscv64"),
    ("virtio/core/arch/generic.h", "__ATOMIC_SEQ_CST", "__ATOMIC_ACQUIRE", "generic"),
    ("virtio/core/arch/generic.h", "virtio_store_barrier(void)\n{\n    __atomic_thread_fence(__ATOMIC_RELEASE",
     "virtio_store_barrier(void)\n{\n    __atomic_thread_fence(__ATOMIC_RELAXED", "generic"),
    ("virtio/core/arch/generic.h", "virtio_release_barrier(void)\n{\n    __atomic_thread_fence(__ATOMIC_RELEASE",
     "virtio_release_barrier(void)\n{\n    __atomic_thread_fence(__ATOMIC_RELAXED", "generic"),
    ("virtio/core/arch/generic.h", "__ATOMIC_ACQUIRE", "__ATOMIC_RELAXED", "generic"),
)


# The trace ring's records pass between CPUs only. Its order shows in the instructions, here of AArch64, as a word: A an exclusive
# load that acquires, D a load that acquires, L S loads and stores, F a fence, R a store that releases.
# The acquiring loads of the count of records are not asked for: a count is a hint, a record's own guard tells whether it is whole.
TRACE = "virtio/core/trace.c"
TRACE_ORDER = {"writer": r"AL*FL*(SL*){4}R", "reader": r"DS*(LS*){4,}FS*L"}
LETTERS = ((r"ldaxr\b", "A"), (r"ldar\s+w", "D"), (r"dmb\s+ish(ld)?$", "F"), (r"stlr\b", "R"), (r"ldr\b(?!.*\[sp)", "L"),
           (r"str\b(?!.*\[sp)", "S"))
WEAK_TRACE = (
    (TRACE, "    __atomic_thread_fence(__ATOMIC_RELEASE);", "    ;"),
    (TRACE, "*guard_of(&record), __ATOMIC_RELEASE", "*guard_of(&record), __ATOMIC_RELAXED"),
    (TRACE, "before = __atomic_load_n(guard_of(slot), __ATOMIC_ACQUIRE", "before = __atomic_load_n(guard_of(slot), __ATOMIC_RELAXED"),
    (TRACE, "    __atomic_thread_fence(__ATOMIC_ACQUIRE);", "    ;"),
    ("virtio/core/arch/aarch64.h", "ldaxr %w0", "ldxr %w0"),
)


def trace_weaknesses(first_include="-I."):
    source = os.path.join(first_include[2:], TRACE)
    done = subprocess.run([*ARM_GCC, "-std=gnu17", "-ffreestanding", "-mno-outline-atomics", "-O2", "-S", first_include, "-I.", "-Ivirtio/include",
                           source if os.path.exists(os.path.join(TOP, source)) else TRACE, "-o", "-"],
                          cwd=TOP, text=True, capture_output=True, check=False, timeout=60)
    if done.returncode != 0:
        raise Failed(f"{TRACE} does not compile:\n{done.stderr}")
    lines = [re.sub(r"^\s*(\d+:)?\s*|\s*//.*$", "", s) for s in done.stdout.splitlines()]
    spelt = "".join(next((letter for regex, letter in LETTERS if re.match(regex, s)), "") for s in lines)
    for who, order in TRACE_ORDER.items():
        if not re.search(order, spelt):
            yield f"{TRACE}: the {who} has no {order} in {spelt}"


def changed(where, source, old, new):
    """A tree below `where` with that one file, changed; gives the include path to it."""
    text = read(source)
    if text.count(old) != 1:
        raise Failed(f"tests/proof/barriers.py: {source} has '{old}' {text.count(old)} times, not once")
    os.makedirs(os.path.join(where, os.path.dirname(source)))
    with open(os.path.join(where, source), "w", encoding="utf-8") as f:
        f.write(text.replace(old, new))
    return f"-I{where}"


def barriers_are_enough():
    wrong = [w for architecture in ARCHITECTURES for w in weaknesses(architecture)] + list(trace_weaknesses())
    tries = [(*weak[:3], functools.partial(weaknesses, weak[3])) for weak in WEAK_HEADERS] + [(*weak, trace_weaknesses) for weak in WEAK_TRACE]
    for source, old, new, find in tries:
        with tempfile.TemporaryDirectory(prefix="vitrine-barriers-") as where:
            if not list(find(first_include=changed(where, source, old, new))):
                wrong.append(f"{source}: '{new}' instead of '{old}' is not noticed")
    if wrong:
        raise Failed("\n".join(wrong))
