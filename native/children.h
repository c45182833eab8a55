/* The children of this process, from their start until somebody has learnt of their deaths.
 *
 * One table for all threads, under a mutex of its own. The supervisor's thread enters children, sleeps until one of them is
 * dead and has it reaped; JavaScript threads fetch the deaths of theirs, and send signals. Who is signalled is known by a
 * pidfd, which never is another process. */
#pragma once
#include "fork-client.h"
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What a death is reported as if nobody can say how it was: reaped by others, on a kernel that does not keep it. */
#define MP_STATUS_UNKNOWN 255

typedef struct mp_child mp_child_t;

typedef struct {
  int id;
  int status; /* exit code, or the negative signal number */
} mp_exit_t;

/* Room for a child that is about to be; `ring_fd` is rung at its death (a duplicate is kept). NULL with an errno and the
 * failing call's name. */
mp_child_t *mp_child_new(int ring_fd, const void *owner, int *error, const char **syscall_name);
/* It never came to be. */
void mp_child_free(mp_child_t *child);
/* Enters it: it is the table's from then on, as are the pidfd and the client, which knows the status of a child that a fork
 * server made; NULL: this process is its parent. Its id. */
int mp_child_enter(mp_child_t *child, pid_t pid, int pidfd, bool detached, mp_fork_client_t *client);

/* Writes the descriptors to sleep on behind the first `used` entries of a list that it makes longer where needed. How many
 * entries there are then. */
size_t mp_children_collect(struct pollfd **list, size_t *room, size_t used);
/* Reaps those that the entries say are dead, and rings for them. Whether there were any. */
bool mp_children_reap(const struct pollfd *list, size_t count);

/* Whether any death of any owner waits to be fetched; needs no lock. */
bool mp_any_exit(void);
/* Fetches one death of a child of `owner` that was not fetched before. */
bool mp_take_exit(const void *owner, mp_exit_t *exit);
/* Sends a signal through the pidfd. 0, or ESRCH when it is dead already. */
int mp_signal_child(int id, int signal_number);
/* A duplicate of the child's pidfd, or -1. */
int mp_child_pidfd(int id);
/* Kills the owner's children that are not detached, and forgets them all. */
void mp_disown(const void *owner);
