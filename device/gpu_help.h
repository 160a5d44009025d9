/*
 * gpu_help.h - what vitrine-gpu --help says.
 */
#ifndef DEVICE_GPU_HELP_H
#define DEVICE_GPU_HELP_H

void gpu_help(void);

#endif
