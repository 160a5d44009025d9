/*
 * gpu_help.c - vitrine-gpu --help.
 */
#include "device/gpu_help.h"

#include <stdio.h>

/* Both lines are whole: they can be copied. */
static const char device_part[] =
    "A GPU for a virtual machine (QEMU 11.1 or newer: Vulkan by Mesa's Venus, 2D, cursor):\n"
    "  vitrine-gpu --vhost-user /tmp/gpu.sock --view window &\n"
    "  qemu-system-x86_64 -machine q35,memory-backend=ram -m 2G -vga none -display none \\\n"
    "    -object memory-backend-memfd,id=ram,size=2G,share=on \\\n"
    "    -chardev socket,id=gpu,path=/tmp/gpu.sock \\\n"
    "    -device vhost-user-test-device-pci,chardev=gpu,virtio-id=16,num_vqs=2,\\\n"
    "config_size=16,vq_size=256 ...\n"
    "\n"
    "The same with QEMU's own displays and screendump, 2D only (QEMU 10.0 or newer):\n"
    "  vitrine-gpu --vhost-user /tmp/gpu.sock --no-venus &\n"
    "  qemu-system-x86_64 -machine q35,memory-backend=ram -m 2G -vga none \\\n"
    "    -object memory-backend-memfd,id=ram,size=2G,share=on \\\n"
    "    -chardev socket,id=gpu,path=/tmp/gpu.sock -device vhost-user-gpu-pci,chardev=gpu ...\n"
    "The guest's memory must be shared (share=on), or the device sees nothing of it.\n";

static const char device_options[] =
    "of --vhost-user:\n"
    "  --vhost-user SOCKET     be the GPU of the virtual machine whose QEMU connects here\n"
    "                          (made here, mode 0600); one that leaves may come again\n"
    "  --resolution WxH[,...]  sizes of the displays, from the first one on; off: one that is\n"
    "                          not plugged in until `vitrine plug` (default 1280x800)\n"
    "  --scanouts N            displays, 1 to 16; those beyond the list are like its last one\n"
    "                          (default: as many as --resolution lists)\n"
    "  --window SIZE           of the guest's window into host memory, a power of two from 1M:\n"
    "                          the most Vulkan memory that the guest maps at once (default 4G)\n"
    "  --no-venus              2D and cursor only: no Vulkan is looked for on this machine\n"
    "  --view WAY              show the displays: window, vnc, vnc:PORT or none (the default)\n"
    "  --view-input QMP_SOCKET keys and pointer of the view go to the guest by this QMP socket of\n"
    "                          its QEMU (-qmp unix:QMP_SOCKET,server=on,wait=off), which must be\n"
    "                          this view's alone (default: they go nowhere)\n"
    "  --control SOCKET|none   where `vitrine status`, `screenshot` and `resize` ask (default:\n"
    "                          gpu-PID.control in $XDG_RUNTIME_DIR/vitrine, where they look)\n"
    "  --max-resources N       of the guest (default 16384)\n"
    "  --max-contexts N        of the guest; a renderer process each (default 64)\n"
    "  --max-fences N          commands under way (default 4096)\n"
    "\n";

static const char renderer_options[] =
    "of --vtest:\n"
    "  --vtest SOCKET          serve Mesa's Venus clients on this Unix socket (made here,\n"
    "                          mode 0600)\n"
    "  --record FILE           write each command's bytes, and freed memory's: of the first\n"
    "                          client to FILE, of the next ones to FILE.2, FILE.3, ...\n"
    "  --stats[=text|json]     print counters when a client leaves, and for all on SIGUSR1\n"
    "                          (text, or --stats=json)\n"
    "  --max-clients N         clients at once (default 256)\n"
    "\n"
    "of both:\n"
    "  --host-driver NAME|JSON the Vulkan driver that does the work: part of the name of an\n"
    "                          ICD file (lavapipe, radeon, ...) or its path; default:\n"
    "                          $VK_DRIVER_FILES, else what works here, software last\n"
    "  --isolate process|thread  process (default): each client's renderer is a sandboxed\n"
    "                          process of its own; thread: all in this process, for\n"
    "                          debugging\n"
    "  --no-sandbox            renderer processes keep their access to files and system\n"
    "                          calls, and so does the device\n"
    "  --shader-cache DIR|none keep compiled shaders in DIR, which clients' renderers may\n"
    "                          write: only for clients who trust one another, since one\n"
    "                          may spoil it for the next (default: none)\n"
    "  --trace FILE            write each Vulkan command, decoded, as one line\n"
    "  --trace-records FILE    when each command was taken and done, for `vitrine trace`: the\n"
    "                          device's to FILE, renderers' to FILE.renderer-1 and so on\n"
    "  --max-memory SIZE       device and shared memory of one client; or of a guest, all its\n"
    "                          Vulkan programs, 2D pictures and the viewer's copies together\n"
    "                          (512M, 2G; default: half of this machine's)\n"
    "  --max-cpu SECONDS       CPU time of one client's renderer process (default: no\n"
    "                          limit)\n"
    "  --verbose               say also who comes and goes\n"
    "  --help                  this text\n";

void
gpu_help(void)
{
    (void)printf(
        "vitrine-gpu - serves Vulkan and displays, on this machine's own Vulkan driver: to Mesa's\n"
        "Venus clients, or to a virtual machine as its GPU\n"
        "\n"
        "usage: vitrine-gpu --vtest SOCKET [OPTION...]\n"
        "       vitrine-gpu --vhost-user SOCKET [OPTION...]\n"
        "\n"
        "Any Vulkan program is a client of --vtest, in another terminal:\n"
        "  VN_DEBUG=vtest VTEST_SOCKET_NAME=SOCKET \\\n"
        "  VK_DRIVER_FILES=/usr/share/vulkan/icd.d/virtio_icd.json vulkaninfo --summary\n"
        "(`vitrine exec -- PROGRAM` does both at once.)\n"
        "\n"
        "%s\n%s%s"
        "\n"
        "A client or guest whose commands are wrong, or whose renderer dies, is told so with one\n"
        "line here that says why; the others run on.  Ends on SIGINT, SIGTERM and SIGHUP.\n"
        "\n"
        "exit status: 0 stopped by a signal; 1 could not serve; 2 wrong use\n",
        device_part, device_options, renderer_options);
}
