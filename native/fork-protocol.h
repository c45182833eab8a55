/* What a parent and its fork server say to one another over two private socket pairs, which have no name anywhere:
 * only the two ends can speak. `calls` is a stream: the server's one greeting, then requests to fork and their
 * answers, in turn. `reaps` carries whole messages: a pid that is dead, and what it died of.
 *
 * A child that the server forked stays a zombie until its parent asks for its status, so a pid that both know is never
 * another process's, and a status is never lost between them. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define MP_FORK_FDS 8
#define MP_FORK_DETACHED 1u
#define MP_FORK_IN_FOLDER 2u /* the last descriptor is its working directory */
#define MP_FORK_IN_FILE 4u   /* the last descriptor, but for that one, is a file with what would follow otherwise */
/* What is longer comes as a file. So a request fits into the buffer of any socket: who sends it never waits for who receives. */
#define MP_FORK_BODY_BYTES 2000

/* With the descriptors: what the child has as 0, 1 and 2, then others that it gets by number. The text follows, then
 * the working directory. */
typedef struct {
  uint32_t text_bytes;
  uint32_t cwd_bytes; /* 0: that of the server */
  uint32_t fd_count;
  uint32_t flags;
  uint32_t umask;
} mp_fork_request_t;

/* With the child's pidfd, if pid is not 0. */
typedef struct {
  int32_t pid; /* 0: there is no child */
  int32_t error;
  char syscall_name[16];
} mp_fork_answer_t;

typedef struct {
  int32_t pid;
} mp_reap_request_t;

typedef struct {
  int32_t pid;
  int32_t status; /* exit code, or the negative signal number */
  int32_t error;  /* ECHILD: it knows no such child */
} mp_reap_answer_t;

/* Bytes with descriptors beside them. 0 or an errno; EPIPE when the other side is gone. */
int mp_send_with_fds(int socket, const void *bytes, size_t length, const int *fds, int fd_count);
/* The number of bytes, 0 when the other side is gone, or a negative errno. `fd_count` is the room, then the number got. */
ssize_t mp_receive_with_fds(int socket, void *bytes, size_t length, int *fds, int *fd_count);
/* All the bytes, or an errno; EPIPE when the other side is gone. `timeout_ms` negative: no limit, else ETIMEDOUT between parts. */
int mp_receive_all(int socket, void *bytes, size_t length, int timeout_ms);
int mp_send_all(int socket, const void *bytes, size_t length);
