/* What a fork server is asked for, on its way from the parent to the process that does it. Runs in parents, fork servers
 * and their children.
 *
 * Nobody on that way waits for another process: the server passes a large order on without having read it. */
#pragma once
#include "fork-protocol.h"

typedef struct {
  mp_fork_request_t header;
  char *text;      /* NULL: in the file */
  const char *cwd; /* NULL likewise */
  int fds[MP_FORK_FDS];
} mp_order_t;

/* Moves a large one into a file, which is the last descriptor then. 0 or an errno. */
int mp_order_pack(mp_order_t *order);
/* 0 or an errno. */
int mp_order_send(int socket, const mp_order_t *order);
/* Blocks. 0, or an errno: nobody asks any more. */
int mp_order_read(int socket, mp_order_t *order);
/* Closes its descriptors, and frees it. */
void mp_order_drop(mp_order_t *order);
/* Replaces the name of the working directory by the folder itself, which must be one that this process could go to. 0 or an errno. */
int mp_order_open_folder(mp_order_t *order);
/* This process becomes what the order says, apart from all that is JavaScript's. Descriptors from the fourth on are left,
 * and the text. 0 or an errno: it cannot. */
int mp_order_take(mp_order_t *order);
