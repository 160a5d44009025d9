/*
 * crash.h - the last words of a renderer process.
 */
#ifndef DEVICE_CRASH_H
#define DEVICE_CRASH_H

struct venus;

/*
 * From now on a fatal signal is reported on the channel (report.h), with the commands that were being executed, before it ends
 * the process as it would have anyway.  Context: in a process of its own, before threads.
 */
void crash_watch(int channel);

/* Whose commands: the context that lives now; NULL: none.  Context: any thread. */
void crash_set_context(struct venus *venus);

#endif
