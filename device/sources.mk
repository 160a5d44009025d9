# The fronts of the renderer: what brings clients' bytes to libvenus.

# Messages and their parsers, without processes: what tests and fuzzers link.
device_core_srcs := device/beside.c device/listen.c device/options.c device/render_records.c device/trace_out.c device/drivers.c device/environment.c device/fault.c device/front.c device/report.c device/stream.c \
                    device/context.c device/crash.c device/packet.c device/quota.c device/record.c device/vtest.c device/vtest_message.c device/vtest_sync.c device/worker.c

# The device's side of virtqueues, and the loop: the only code that touches a guest's memory.
device_vq_srcs := device/loop.c device/vq/chain.c device/vq/guest.c device/vq/packed.c device/vq/spans.c device/vq/split.c device/vq/vq.c

# The virtio GPU of virtual machines.
device_guest_gpu_srcs := $(addprefix device/gpu/,blob.c capset.c commands.c context.c cursor.c display.c fence.c gpu.c problem.c queue.c record.c \
                                                 renderer.c resource.c scanout.c status.c twod.c)

# A server and its workers.
device_herd_srcs := device/client.c device/herd.c device/spawn.c

# QEMU's vhost-user front-ends.
device_vhost_srcs := $(addprefix device/vhost/,backend.c display.c edid.c memory.c message.c queue.c session.c)

device_gpu_srcs = $(device_core_srcs) $(device_herd_srcs) device/gpu_main.c device/gpu_help.c device/supervisor.c device/device_options.c device/device_run.c \
                  device/device_sandbox.c device/device_serve.c device/records.c device/render_server.c $(device_vq_srcs) $(device_guest_gpu_srcs) \
                  $(device_vhost_srcs) $(device_view_srcs)
device_render_srcs := $(device_core_srcs) $(device_herd_srcs) device/preload.c device/render_main.c device/render_server.c \
                      device/sandbox_calls.c device/sandbox_files.c
vitrine_srcs := device/beside.c device/drivers.c device/environment.c device/options.c device/view/control_path.c device/view/picture.c \
                $(addprefix tools/vitrine/,ask.c display.c exec.c gpu_names.c grid.c line_socket.c main.c screenshot.c status.c status_gpu.c status_text.c) \
                $(addprefix tools/vitrine/,doctor.c doctor_device.c doctor_judge.c doctor_judge_device.c doctor_qemu.c doctor_screen.c qmp.c) \
                $(addprefix tools/vitrine/,join.c join_side.c rings.c rings_guest.c rings_renderer.c venus_names.c) \
                $(addprefix tools/vitrine/,trace.c trace_figures.c trace_file.c trace_json.c trace_json_rings.c trace_load.c trace_report.c trace_rings.c)

# What people see and ask: in the device process, beside device/loop.c and device/gpu.
device_view_srcs := device/view/control.c device/view/control_path.c device/view/control_request.c device/view/picture.c device/view/picture_copy.c device/view/view.c \
                    device/view/view_start.c
