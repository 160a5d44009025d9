#version 450
// Integer work per element that vkt_compute.c repeats on the CPU in its own words.
layout(local_size_x = 64) in;
layout(std430, binding = 0) readonly buffer source { uint values[]; } src;
layout(std430, binding = 1) writeonly buffer target { uint values[]; } dst;
layout(push_constant) uniform constants { uint count; uint seed; } pc;

void main()
{
    uint i = gl_GlobalInvocationID.x;
    if (i >= pc.count) {
        return;
    }
    uint x = src.values[i] ^ (pc.seed + i);
    uint steps = 0u;
    for (uint round = 0u; round < 32u && x != 1u; round++) {
        x = (x & 1u) == 0u ? x >> 1 : 3u * x + 1u;
        steps++;
    }
    dst.values[i] = x + (steps << 24);
}
