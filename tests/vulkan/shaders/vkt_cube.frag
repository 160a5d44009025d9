#version 450
layout(binding = 1) uniform sampler2D checks;
layout(location = 0) in vec2 uv;
layout(location = 1) in vec4 tint;
layout(location = 0) out vec4 color;

void main()
{
    color = vec4(texture(checks, uv * 2.0).rgb * tint.rgb, 1.0);
}
