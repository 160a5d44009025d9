// A cube of 36 vertices without vertex buffers, turned by a count of frames. Seen from outside only, so that culling the faces that
// look away is all the depth that it needs.
#version 450

layout(push_constant) uniform Push
{
    uint frame;
    uint width;
    uint height;
};

layout(location = 0) out vec3 colour;

const vec3 colours[6] = vec3[](vec3(0.9, 0.2, 0.2), vec3(0.2, 0.8, 0.3), vec3(0.25, 0.4, 0.95),
                               vec3(0.95, 0.8, 0.2), vec3(0.8, 0.3, 0.85), vec3(0.2, 0.8, 0.85));
// Two triangles of a face, counter-clockwise seen from outside.
const vec2 corners[6] = vec2[](vec2(-1, -1), vec2(1, -1), vec2(1, 1), vec2(-1, -1), vec2(1, 1), vec2(-1, 1));

vec3 corner(int face, vec2 at)
{
    float side = face % 2 == 0 ? 1.0 : -1.0;
    vec2 turned = vec2(at.x * side, at.y); // the face behind is seen from behind
    if (face / 2 == 0) {
        return vec3(turned, side);
    }
    if (face / 2 == 1) {
        return vec3(side, turned);
    }
    return vec3(turned.y, side, turned.x);
}

void main()
{
    int face = gl_VertexIndex / 6;
    float a = float(frame) * 0.02;
    float b = float(frame) * 0.013 + 0.5;
    vec3 p = corner(face, corners[gl_VertexIndex % 6]);
    p = vec3(p.x * cos(a) + p.z * sin(a), p.y, p.z * cos(a) - p.x * sin(a));
    p = vec3(p.x, p.y * cos(b) - p.z * sin(b), p.y * sin(b) + p.z * cos(b));
    float depth = p.z + 5.0;
    vec2 seen = p.xy * 2.0;
    float aspect = float(width) / float(height);
    gl_Position = vec4(seen.x / aspect, seen.y, depth * 0.5, depth);
    colour = colours[face];
}
