"""Real programs of many kinds, other host drivers and other clients (./test --long).

conformance: S3-14 S3-15 S3-16
"""

import os
import re
import shutil
import tempfile

from vitrine_test.suite import TOP, Failed, Suite
from vitrine_test.vulkan_setup import vulkan_paths

from . import piglit
from .packages import programs
from .running import BUILD, expect, native, ours, program, root, roots, three, vitrine
from .screen import Screen, colours

SHORT_S = 60


def host22():
    three(host=vulkan_paths("mesa", "mesa22")["lavapipe22_icd"])


def with_loader(where):
    """Starts our programs with another release's loader; they find their shaders beside it, since it is what runs."""
    vitrine()
    beside = os.path.join(BUILD, "venus-programs/loader")
    shutil.rmtree(beside, ignore_errors=True)
    os.makedirs(beside)
    loader = os.path.join(beside, "ld.so")
    libraries = None
    with open(os.path.join(where, "run"), encoding="utf-8") as f:
        text = f.read()
    found = re.search(r'"\$here/(root/\S*ld-linux\S*)" --library-path "\$here/([^:"]*):', text)
    shutil.copy2(os.path.join(where, found.group(1)), loader)
    libraries = os.path.join(where, found.group(2))
    for name in os.listdir(os.path.join(BUILD, "vulkan/bin")):
        if name.endswith(".spv"):
            shutil.copy2(os.path.join(BUILD, "vulkan/bin", name), beside)
    return lambda name, *arguments: [loader, "--library-path", libraries, program(name), *arguments]


def client26():
    """Mesa 26 as the client: Vulkan 1.4 over Mesa 25's lavapipe, and the three programs, over 22.3 too."""
    where = root("sid")
    client = roots.icd(BUILD, "sid", "virtio")
    text = ours([os.path.join(where, "bin/vulkaninfo"), "--summary"], client=client).stdout
    expect(r"^\s*apiVersion\s*= 1\.[4-9]\.", text, "vulkaninfo of Mesa 26")
    expect(r"^\s*driverInfo\s*= Mesa 2[6-9]", text, "vulkaninfo of Mesa 26")
    command = with_loader(where)
    three(command, client=client)
    three(command, client=client, host=vulkan_paths("mesa", "mesa22")["lavapipe22_icd"])


def shown(screen, command, how, **options):
    """What a program shows, as pictures without the empty screen."""
    seen = screen.watch(lambda: how(command, added=screen.environment, timeout_s=SHORT_S, **options))
    return [p for p in seen if colours(p) > 3]


def cube():
    """vkcube turns, and each picture that is caught of it could be the host driver's own."""
    command = [vulkan_paths("mesa")["vkcube"], "--c", "120"]
    with Screen() as screen:
        alone, through = shown(screen, command, native), shown(screen, command, ours)
    if len(through) < 5:
        raise Failed(f"vkcube does not turn: {len(through)} different pictures")
    if not set(alone) & set(through):
        raise Failed(f"none of {len(through)} pictures of vkcube is among the host driver's {len(alone)}")


def d3d12():
    """vkd3d-triangle, Direct3D 12 on Vulkan, shows what it shows on the host driver; it ends when it is told to."""
    set_ = programs("vkd3d")
    command = ["timeout", "6", *set_.words("usr/bin/vkd3d-triangle")]
    with Screen() as screen:
        alone = shown(screen, command, native, status=124)
        through = shown(screen, command, ours, client=set_.client, status=124)
    if not through or through[-1] != alone[-1]:
        raise Failed(f"another picture than the host driver's: {len(alone)} and {len(through)} pictures")


def mark():
    where = root("trixie")
    scenes = ("clear", "cube", "texture", "vertex", "shading", "effect2d", "desktop")
    words = [w for scene in scenes for w in ("-b", f"{scene}:duration=1")]
    command = [os.path.join(where, "bin/vkmark"), "--winsys", "headless", "-s", "320x240", *words]
    text = ours(command, client=roots.icd(BUILD, "trixie", "virtio"), timeout_s=120).stdout
    for scene in scenes:
        if int(expect(rf"^\[{scene}\].* FPS: (\d+)", text, "vkmark").group(1)) < 1:
            raise Failed(f"vkmark's scene {scene} stands still:\n{text}")
    expect(r"vkmark Score: [1-9]", text, "vkmark")


FILTERS = ("hflip_vulkan", "avgblur_vulkan", "gblur_vulkan", "scale_vulkan=160:120", "transpose_vulkan", "nlmeans_vulkan")


def video():
    """Each filter gives the host driver's own frames, in a packed and in a planar format."""
    set_ = programs("ffmpeg")
    for pixels in ("rgba", "yuv420p"):
        for name in FILTERS:
            chain = f"format={pixels},hwupload,{name},hwdownload,format={pixels}"
            command = set_.words("usr/bin/ffmpeg", "-hide_banner", "-loglevel", "error", "-init_hw_device", "vulkan=vk:0", "-filter_hw_device",
                                 "vk", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=10:duration=0.5", "-vf", chain, "-f", "framemd5", "-")
            seen = [re.findall(r"^0,.*$", how(command, timeout_s=SHORT_S, **options).stdout, re.M)
                    for how, options in ((native, {}), (ours, {"client": set_.client}))]
            if len(set(seen[0])) != 5 or seen[0] != seen[1]:
                raise Failed(f"{name} in {pixels}: other frames than the host driver's\n" + "\n".join(map(str, zip(*seen))))


def tensors():
    """ggml's own tests of its Vulkan backend, each against its CPU backend."""
    set_ = programs("ggml")
    backends = os.path.join(set_.libraries, "ggml/backends0")
    tests = os.path.join("usr/libexec", os.path.basename(set_.libraries), "ggml/test-backend-ops")
    for operation in ("ADD", "ROPE"):
        command = set_.words(tests, "test", "-b", "Vulkan0", "-o", operation)
        text = ours(command, client=set_.client, timeout_s=400, added={"GGML_VK_VISIBLE_DEVICES": "0"}, cwd=backends).stdout
        passed = expect(r"(\d+)/(\d+) tests passed", text, f"test-backend-ops -o {operation}")
        if int(passed.group(1)) < 50 or passed.group(1) != passed.group(2):
            raise Failed(f"test-backend-ops -o {operation}: {passed.group(0)}")


def drawing():
    """gtk4-rendernode-tool draws gradients, clips, blurs and borders with Vulkan: the PNG files are equal."""
    set_ = programs("gtk")
    nodes = os.path.join(TOP, "tests/venus/drawing.node")
    seen = []
    with Screen() as screen, tempfile.TemporaryDirectory() as where:
        for how, options in ((native, {}), (ours, {"client": set_.client})):
            path = os.path.join(where, how.__name__ + ".png")
            how(set_.words("usr/bin/gtk4-rendernode-tool", "render", "--renderer", "vulkan", nodes, path), timeout_s=SHORT_S,
                added={"GDK_BACKEND": "x11", "FONTCONFIG_FILE": os.path.join(set_.root, "etc/fonts/fonts.conf"), **screen.environment},
                **options)
            with open(path, "rb") as f:
                seen.append(f.read())
    if seen[0] != seen[1] or len(seen[0]) < 1000:
        raise Failed(f"another drawing than the host driver's own: {len(seen[0])} and {len(seen[1])} bytes")


def suites():
    return [Suite(f"long.venus.{name}", about, run, long_only=True, alone=True) for name, about, run in (
        ("host22", "lavapipe 22.3 as the host driver: compute, picture, stress", host22),
        ("client26", "Mesa 26 as the client: Vulkan 1.4, compute, picture, stress", client26),
        ("vkcube", "vkcube in a window turns as on the host driver", cube),
        ("vkmark", "vkmark draws all its scenes", mark),
        ("vkd3d", "vkd3d-triangle, Direct3D 12, shows the host driver's picture", d3d12),
        ("piglit", "piglit's shader tests over zink are no worse than on the host driver", piglit.no_worse),
        ("ffmpeg", "ffmpeg's Vulkan filters give the host driver's frames", video),
        ("ggml", "ggml's tests of its Vulkan backend pass", tensors),
        ("gtk", "gtk4 draws with Vulkan what the host driver draws", drawing),
    )]
