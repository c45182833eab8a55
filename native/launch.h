/* How a program becomes a child: between its fork and its exec.
 *
 * Not by posix_spawn, which cannot drop a pending signal: Ctrl-C must not reach a child before it can ignore that by
 * itself, and node resets all signals when it starts. So a child begins in a process group of its own, drops what came
 * before it was there, and leaves that group in ignoreTerminalInterrupt. What its parent sends by pid has its effect. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

typedef struct {
  const char *file;
  char **argv;
  char **envp;
  const char *cwd;  /* NULL: that of the parent */
  const int *fds;   /* what the child has as 0, 1, 2, … and no others */
  int fd_count;     /* at most MP_SPAWN_FDS */
  bool new_session;
} mp_spawn_t;

#define MP_SPAWN_FDS 16

/* Called by a thread that has all signals blocked. 0, or an errno with the failing call's name; nothing is left then. */
int mp_launch(const mp_spawn_t *spawn, pid_t *pid, const char **syscall_name);
