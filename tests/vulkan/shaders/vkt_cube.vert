#version 450
// A cube without vertex buffers: 36 corners from gl_VertexIndex.
layout(binding = 0) uniform frame { mat4 mvp; vec4 light; } u;
layout(location = 0) out vec2 uv;
layout(location = 1) out vec4 tint;

void main()
{
    const vec2 corners[6] = vec2[](vec2(0, 0), vec2(1, 0), vec2(1, 1), vec2(0, 0), vec2(1, 1), vec2(0, 1));
    int face = gl_VertexIndex / 6;
    vec2 c = corners[gl_VertexIndex % 6];
    float side = (face & 1) == 0 ? -1.0 : 1.0;
    vec3 p = vec3(2.0 * c - 1.0, side);
    vec3 n = vec3(0.0, 0.0, side);
    if (face / 2 == 1) {
        p = p.zxy;
        n = n.zxy;
    } else if (face / 2 == 2) {
        p = p.yzx;
        n = n.yzx;
    }
    uv = c;
    tint = vec4(0.7 + 0.3 * n, 1.0) * max(0.5, dot(n, u.light.xyz));
    gl_Position = u.mvp * vec4(p, 1.0);
}
