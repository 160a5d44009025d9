#version 450
// One small triangle, placed by a push constant.
layout(push_constant) uniform constants { vec4 place; } pc;
layout(location = 0) out vec4 tint;

void main()
{
    const vec2 corners[3] = vec2[](vec2(0.0, -0.5), vec2(0.5, 0.5), vec2(-0.5, 0.5));
    tint = vec4(gl_VertexIndex == 0, gl_VertexIndex == 1, gl_VertexIndex == 2, 1.0);
    gl_Position = vec4(corners[gl_VertexIndex] * pc.place.zw + pc.place.xy, 0.0, 1.0);
}
