// Each round: the square of every number, and its index.
#version 450

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) buffer Numbers
{
    uint numbers[];
};

void main()
{
    uint i = gl_GlobalInvocationID.x;
    numbers[i] = numbers[i] * numbers[i] + i;
}
