/* What the addon exports of processes; the mechanism is in supervisor.c. */
#pragma once
#include <node_api.h>
#include <sys/types.h>

/* A child starts in a process group of its own, where no Ctrl-C comes to, and leaves it when it is ready for one: it
 * then stops, goes on and is killed with the group of its parent. A session of its own it keeps.
 *
 * Whoever has children in that group must be in it: where the end of a process leaves a group without a parent in another
 * group of the session, and somebody in it is stopped, the kernel sends SIGHUP to all of it. */
void mp_join_group_of(pid_t parent);

void mp_process_exports(napi_env env, napi_value exports);
