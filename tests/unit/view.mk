# What a person sees and asks of a device, on a device without a guest (tests/view/gpu_fake.c).
view_fake := tests/view/gpu_fake.c device/loop.c device/packet.c device/view/picture.c device/view/picture_copy.c
control_request_test_srcs := device/view/control_request.c
control_socket_test_srcs := $(view_fake) device/listen.c device/view/control.c device/view/control_request.c
view_device_test_srcs := $(view_fake) device/beside.c device/view/view.c device/view/view_start.c
view_canvas_test_srcs := device/view/picture.c tools/view/canvas.c
view_viewer_test_srcs := device/packet.c device/view/picture.c tools/view/canvas.c tools/view/input.c tools/view/keys.c tools/view/viewer.c
