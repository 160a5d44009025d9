"""piglit's shader tests on zink: OpenGL on Vulkan, so that thousands of tests of OpenGL are tests of our renderer."""

import os
import re

from vitrine_test.suite import Failed

from .packages import programs
from .running import native, ours, tail

GROUPS = (
    "glsl-1.10/execution", "glsl-1.20/execution", "glsl-1.30/execution", "glsl-1.40", "glsl-1.50/execution", "arb_compute_shader",
    "arb_gpu_shader5/execution", "arb_shader_storage_buffer_object", "arb_enhanced_layouts", "arb_arrays_of_arrays/execution",
    "arb_separate_shader_objects", "arb_shading_language_420pack", "mesa_shader_integer_functions/execution", "ext_texture_array",
)  # fmt: skip
AT_ONCE = 100  # tests in one process; one that crashes takes none of the others with it
LEAST = 1000


def environment(gl):
    piglit = os.path.join(gl.libraries, "piglit")
    return {"MESA_LOADER_DRIVER_OVERRIDE": "zink", "LIBGL_ALWAYS_SOFTWARE": "1", "GALLIUM_DRIVER": "zink",
            "PIGLIT_PLATFORM": "surfaceless_egl", "PIGLIT_SOURCE_DIR": piglit,
            "__EGL_VENDOR_LIBRARY_FILENAMES": os.path.join(gl.root, "usr/share/glvnd/egl_vendor.d/50_mesa.json"),
            "LIBGL_DRIVERS_PATH": os.path.join(gl.libraries, "dri")}  # fmt: skip


def find_tests(gl):
    spec, found = os.path.join(gl.libraries, "piglit/tests/spec"), []
    for group in GROUPS:
        for where, _, files in sorted(os.walk(os.path.join(spec, group))):
            found += [os.path.join(where, f) for f in sorted(files) if f.endswith(".shader_test")]
    return found


def name_of(path):
    return os.path.basename(path).removesuffix(".shader_test")


def batch(files):
    """The next tests for one process, which tells them apart by their names only."""
    names = set()
    for count, path in enumerate(files[:AT_ONCE]):
        if name_of(path) in names:
            return files[:count]
        names.add(name_of(path))
    return files[:AT_ONCE]


def results(text, files):
    """The results of the tests that were begun, in the order of the files; 'crash' for one without."""
    alone = re.search(r'"result": "(\w+)"', text)
    if len(files) == 1:
        return [alone.group(1) if alone else "crash"]
    said = dict(re.findall(r'"subtest": \{"([^"]+)" : "(\w+)"\}', text))
    begun = [int(n) for n in re.findall(r"^PIGLIT TEST: (\d+) - ", text, re.M)]
    return [said.get(name_of(path), "crash") for path in files[:max(begun, default=1)]]


def run_all(gl, files, run):
    """file -> result."""
    found, program = {}, os.path.join("usr/lib", os.path.basename(gl.libraries), "piglit/bin/shader_runner")
    while files:
        now = batch(files)
        done = run(gl.words(program, *now, "-auto", "-fbo", "-report-subtests"), timeout_s=400, added=environment(gl), status=None)
        got = results(done.stdout, now)
        found.update(zip(now, got))
        files = files[len(got):]
    return found


def no_worse():
    gl = programs("gl")
    files = find_tests(gl)
    alone = run_all(gl, files, native)
    through = run_all(gl, files, lambda words, **how: ours(words, client=gl.client, **how))
    worse = [f"{os.path.relpath(f, gl.libraries)}: {alone[f]} -> {through[f]}" for f in files
             if alone[f] in ("pass", "warn") and through[f] not in ("pass", "warn")]
    if worse:
        raise Failed(f"{len(worse)} of {len(files)} tests are worse than on the host driver:\n" + tail("\n".join(worse)))
    count = sum(1 for f in files if through[f] == "pass")
    if count < LEAST:
        raise Failed(f"only {count} of {len(files)} tests pass, on the host driver as well")
    return count, len(files)
