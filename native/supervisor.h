/* One native thread per process that starts children, learns of their deaths from the kernel, and ends this
 * process when its own parent is gone.
 *
 * It lives as long as the process, which is why children are forked from it: the kernel ties a child's death
 * signal to the thread that forked it, not to the process. It never runs JavaScript and never waits for it. */
#pragma once
#include "fork-client.h"
#include "launch.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What a member of the family writes into the command pipe of the first process to have it keep descriptors (keeper.h). */
#define MP_SUPERVISOR_KEEP "k"

/* Starts a child and enters it (children.h); `ring_fd` is rung at its death. `owner` groups children for mp_disown.
 * 0, or an errno with the failing call's name. */
int mp_spawn(const mp_spawn_t *request, int ring_fd, const void *owner, int *id, pid_t *pid, const char **syscall_name);

/* A child that a fork server made. */
typedef struct {
  pid_t pid;
  int pidfd; /* the supervisor's from then on */
  bool detached;
  mp_fork_client_t *client; /* knows its status; released with the child */
} mp_adopt_t;

/* Watches a child that this process did not start itself. 0 or an errno; nothing is taken over then. */
int mp_adopt(const mp_adopt_t *child, int ring_fd, const void *owner, int *id);

/* Ends this process with SIGKILL as soon as `parent` is gone, also in a busy loop. 0 or an errno; ESRCH when it
 * is gone already (the caller then ends the process itself). */
int mp_watch_parent(pid_t parent);
/* The same for a parent that did not fork this process itself, by a pidfd that is kept; only asked for with `die` false. */
int mp_watch_parent_pidfd(int pidfd, bool die);
/* Whether the parent of mp_watch_parent_pidfd lives; true if there is none. */
bool mp_parent_lives(void);
/* From now on adds to the word at least so often; one word per process, the last one asked for. 0 or an errno. */
int mp_beat(uint32_t *word, int every_ms);
