"""What suites that run Vulkan programs ask for: the drivers and tools which tools/setup/vulkan.py brings."""

import os
import sys

from .suite import TOP, Failed, Suite, run_program

sys.path.insert(0, os.path.join(TOP, "tools", "setup"))
import vulkan  # noqa: E402
from apt_private import SetupError  # noqa: E402

BUILD = os.path.join(TOP, "build")


def vulkan_paths(*names):
    """name -> path (see WHERE in tools/setup/vulkan.py), brought now if need be; Failed with what to do when that fails."""
    try:
        vulkan.ensure(BUILD, names or ("mesa",))
    except SetupError as e:
        raise Failed(f"tools/setup/vulkan.py build {' '.join(names)}: {e}") from e
    return vulkan.paths(BUILD)


def vulkan_environment(icd, validate=False):
    """The environment of a Vulkan program that sees one driver; `validate`: with the Khronos validation layer."""
    added = vulkan.driver_environment(icd)
    if validate:
        added.update(VK_LAYER_PATH=vulkan.paths(BUILD)["layers"], VK_INSTANCE_LAYERS="VK_LAYER_KHRONOS_validation")
    added.update(XDG_RUNTIME_DIR=os.environ.get("XDG_RUNTIME_DIR", BUILD))  # vulkaninfo wants one, whichever
    return dict(os.environ, **added)


def see_driver(found, icd, wanted):
    """vulkaninfo, on this driver, names the device it should."""
    text = run_program([found["vulkaninfo"], "--summary"], 60, env=vulkan_environment(found[icd], validate=True))
    for word in wanted + ["VK_LAYER_KHRONOS_validation"]:
        if word not in text:
            raise Failed(f"vulkaninfo with {found[icd]} says nothing of '{word}':\n{text}")


def check_run_time():
    found = vulkan_paths("mesa")
    missing = [n for n, where in vulkan.WHERE.items() if where.startswith("mesa/") and n not in found]
    if missing:
        raise Failed(f"tools/setup/vulkan.py brought no {', '.join(missing)}")
    see_driver(found, "lavapipe_icd", ["llvmpipe", "Mesa 25."])
    run_program([found["glslang"], "--version"], 20)


def check_second_driver():
    found = vulkan_paths("mesa", "mesa22")
    see_driver(found, "lavapipe22_icd", ["llvmpipe", "Mesa 22.3"])


def suites():
    return [
        Suite("vulkan.setup", "Mesa's Venus client, lavapipe and the tools are there, and a driver of them runs",
              check_run_time, alone=True),
        Suite("vulkan.setup22", "lavapipe 22.3, the second host driver, runs", check_second_driver, long_only=True, alone=True),
    ]
