#include "keeper.h"
#include "arena.h"
#include "env.h"
#include "fault.h"
#include "fork-protocol.h"
#include "futex.h"
#include "layout.h"
#include "napi-helpers.h"
#include "process-stat.h"
#include "supervisor.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MS 5000 /* a first process that does not answer for so long is stopped */
#define BUCKETS 1024
#define PAUSE_NS 1000000

typedef enum { KEEP = 1, TAKE = 2, DROP = 3 } verb_t;

/* With the end to answer to; KEEP with the descriptor behind it. DROP has no answer. */
typedef struct {
  uint32_t verb;
  uint32_t unused;
  uint64_t token;
} request_t;

/* Of TAKE with the descriptor. */
typedef struct {
  int32_t error;
} answer_t;

typedef struct kept {
  struct kept *next;
  uint64_t token;
  int fd;
} kept_t;

static uint32_t *header_words(void) { return (uint32_t *)(void *)mp_arena()->base; }

static uint32_t read_word(int word) { return __atomic_load_n(&header_words()[word], __ATOMIC_SEQ_CST); }

/* ---- the keeper's thread ---- */

static kept_t *buckets[BUCKETS];

static kept_t **find(uint64_t token) {
  kept_t **at = &buckets[(token / 64) % BUCKETS];
  while (*at != NULL && (*at)->token != token) at = &(*at)->next;
  return at;
}

static void drop(uint64_t token) {
  kept_t **at = find(token), *kept = *at;
  if (kept == NULL) return;
  *at = kept->next;
  close(kept->fd);
  free(kept);
  __atomic_fetch_sub(&header_words()[MP_HEADER_KEPT], 1, __ATOMIC_SEQ_CST);
}

static int keep(uint64_t token, int fd) {
  drop(token); /* of an object whose end could not be told */
  kept_t *kept = malloc(sizeof(*kept));
  if (kept == NULL) return ENOMEM;
  kept_t **at = find(token);
  *kept = (kept_t){*at, token, fd};
  *at = kept;
  __atomic_fetch_add(&header_words()[MP_HEADER_KEPT], 1, __ATOMIC_SEQ_CST);
  return 0;
}

static void answer(int end, int error, int fd) {
  answer_t said = {error};
  mp_send_with_fds(end, &said, sizeof(said), &fd, fd >= 0 ? 1 : 0);
  close(end);
}

static void handle(const request_t *request, const int *fds, int count) {
  if (request->verb == KEEP && count == 2) {
    int error = keep(request->token, fds[1]);
    if (error != 0) close(fds[1]);
    answer(fds[0], error, -1);
  } else if (request->verb == TAKE && count == 1) {
    const kept_t *kept = *find(request->token);
    answer(fds[0], kept == NULL ? ENOENT : 0, kept == NULL ? -1 : kept->fd);
  } else {
    if (request->verb == DROP) drop(request->token);
    else if (count > 0) answer(fds[0], EMFILE, -1); /* there was no number left for the other one */
    for (int i = request->verb == DROP ? 0 : 1; i < count; i++) close(fds[i]);
  }
}

static void *serve(void *data) {
  int server = (int)(intptr_t)data;
  prctl(PR_SET_NAME, "mp-keeper");
  for (;;) {
    request_t request;
    int fds[MP_FORK_FDS], count = MP_FORK_FDS;
    ssize_t got = mp_receive_with_fds(server, &request, sizeof(request), fds, &count);
    if (got == (ssize_t)sizeof(request)) {
      handle(&request, fds, count);
      continue;
    }
    for (int i = 0; i < count; i++) close(fds[i]);
    if (got < 0) nanosleep(&(struct timespec){0, PAUSE_NS}, NULL); /* no memory, perhaps */
  }
  return NULL;
}

/* ---- its start ---- */

static int bind_in(const char *folder, int server, int *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char place[sizeof(address.sun_path)];
  if (snprintf(place, sizeof(place), "%s/multiproc-XXXXXX", folder) >= (int)sizeof(place) - 3) return ENAMETOOLONG;
  if (mkdtemp(place) == NULL) return errno;
  snprintf(address.sun_path, sizeof(address.sun_path), "%.*s/s", (int)sizeof(address.sun_path) - 3, place);
  int error = bind(server, (struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : errno;
  if (error == 0) {
    *name = open(address.sun_path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
    if (*name < 0) error = errno;
    unlink(address.sun_path);
  }
  rmdir(place);
  return error;
}

static int open_server(int *server, int *name) {
  const char *folders[] = {"/tmp", "/dev/shm", "/var/tmp", "."};
  *server = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (*server < 0) return errno;
  int error = fchmod(*server, S_IRUSR | S_IWUSR) == 0 ? 0 : errno; /* before the file is there */
  if (error == 0) {
    error = ENOENT;
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders) && error != 0; i++) error = bind_in(folders[i], *server, name);
  }
  if (error != 0) close(*server);
  return error;
}

static int start_thread(int server) {
  pthread_attr_t attributes;
  pthread_t thread;
  sigset_t all, before;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 256 * 1024);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(&thread, &attributes, serve, (void *)(intptr_t)server);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return error;
}

int mp_keeper_start(void) {
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  int server, name, error = 0;
  if (mp_arena() == NULL || read_word(MP_HEADER_FOUNDER_PID) != (uint32_t)getpid()) return EPERM;
  pthread_mutex_lock(&mutex);
  if (read_word(MP_HEADER_KEEPER) == 0) {
    error = open_server(&server, &name);
    if (error == 0) {
      error = start_thread(server);
      if (error != 0) {
        close(server);
        close(name);
      }
    }
    if (error == 0) {
      uint32_t *word = &header_words()[MP_HEADER_KEEPER];
      __atomic_store_n(word, (uint32_t)name + 1, __ATOMIC_SEQ_CST);
      mp_futex_wake(word, INT32_MAX);
    }
  }
  pthread_mutex_unlock(&mutex);
  return error;
}

/* ---- asking it (runs in any JavaScript thread of the family) ---- */

static bool founder_lives(void) {
  uint64_t start = (uint64_t)read_word(MP_HEADER_FOUNDER_START_HIGH) << 32 | read_word(MP_HEADER_FOUNDER_START_LOW);
  return mp_process_start_time((int)read_word(MP_HEADER_FOUNDER_PID)) == start;
}

/* A descriptor of the first process, as a path: `number` is its number and one. */
static void path_of(char *path, size_t room, uint32_t number) {
  snprintf(path, room, "/proc/%u/fd/%u", read_word(MP_HEADER_FOUNDER_PID), number - 1);
}

/* Has the supervisor of the first process start it: that thread is awake whatever JavaScript does. */
static int start_there(void) {
  char path[64];
  uint32_t number = read_word(MP_HEADER_SUPERVISOR);
  if (number == 0) return ESRCH;
  path_of(path, sizeof(path), number);
  int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return errno;
  int error = !founder_lives() ? ESRCH : write(fd, MP_SUPERVISOR_KEEP, 1) == 1 ? 0 : errno;
  close(fd);
  return error;
}

static int ensure_keeper(void) {
  double deadline = mp_now_ms() + ANSWER_MS;
  if (read_word(MP_HEADER_KEEPER) != 0) return 0;
  if (read_word(MP_HEADER_FOUNDER_PID) == (uint32_t)getpid()) return mp_keeper_start();
  int error = start_there();
  while (error == 0 && read_word(MP_HEADER_KEEPER) == 0) {
    double left = deadline - mp_now_ms();
    if (left <= 0) return ETIMEDOUT;
    mp_futex_wait(&header_words()[MP_HEADER_KEEPER], 0, left);
  }
  return error;
}

static int connect_keeper(int *client) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  struct timeval limit = {ANSWER_MS / 1000, 0};
  path_of(address.sun_path, sizeof(address.sun_path), read_word(MP_HEADER_KEEPER));
  *client = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (*client < 0) return errno;
  int error = 0;
  if (setsockopt(*client, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0) error = errno;
  if (error == 0 && connect(*client, (struct sockaddr *)&address, sizeof(address)) != 0) error = errno;
  if (!founder_lives()) error = ESRCH;
  if (error != 0) close(*client);
  return error;
}

static int await_answer(int end, int *taken) {
  struct pollfd ready = {.fd = end, .events = POLLIN};
  answer_t said;
  int count;
  do count = poll(&ready, 1, ANSWER_MS);
  while (count < 0 && errno == EINTR);
  if (count == 0) return ETIMEDOUT;
  int got = 1;
  if (mp_receive_with_fds(end, &said, sizeof(said), taken, &got) != (ssize_t)sizeof(said)) return EMFILE;
  if (got == 0) *taken = -1;
  return said.error;
}

/* 0 or an errno; `taken` is what TAKE gave. */
static int ask(verb_t verb, double token, int fd, int *taken) {
  request_t request = {(uint32_t)verb, 0, (uint64_t)token};
  int client, ends[2] = {-1, -1};
  int error = connect_keeper(&client);
  if (error != 0) return error;
  if (verb != DROP && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) error = errno;
  if (error == 0) {
    int fds[2] = {ends[1], fd};
    error = mp_send_with_fds(client, &request, sizeof(request), fds, verb == DROP ? 0 : verb == TAKE ? 1 : 2);
  }
  close(client);
  if (ends[1] >= 0) close(ends[1]);
  if (error == 0 && verb != DROP) error = await_answer(ends[0], taken);
  if (ends[0] >= 0) close(ends[0]);
  return error;
}

/* keeperKeep(token, fd) -> errno: a duplicate is kept */
static napi_value keeper_keep(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  int none = -1;
  mp_args(env, info, 2, argv);
  if (mp_arena() == NULL) return mp_int(env, EINVAL);
  int error = MP_FAULT_ERRNO("keeper.beforeKeep");
  if (error == 0) error = ensure_keeper();
  if (error == 0) error = ask(KEEP, mp_f64(env, argv[0], 0), mp_i32(env, argv[1], -1), &none);
  MP_FAULT("keeper.afterKeep");
  return mp_int(env, error);
}

/* keeperTake(token) -> fd, or -errno: a duplicate, any number of times */
static napi_value keeper_take(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  int taken = -1;
  mp_args(env, info, 1, argv);
  if (mp_arena() == NULL || read_word(MP_HEADER_KEEPER) == 0) return mp_int(env, -ENOENT);
  int error = MP_FAULT_ERRNO("keeper.beforeTake");
  if (error == 0) error = ask(TAKE, mp_f64(env, argv[0], 0), -1, &taken);
  MP_FAULT("keeper.afterTake");
  if (error == 0 && taken < 0) error = EMFILE;
  return mp_int(env, error == 0 ? mp_keep_fd(env, taken) : -error);
}

/* keeperDrop(token) -> errno */
static napi_value keeper_drop(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  int none = -1;
  mp_args(env, info, 1, argv);
  if (mp_arena() == NULL || read_word(MP_HEADER_KEEPER) == 0) return mp_int(env, 0);
  return mp_int(env, ask(DROP, mp_f64(env, argv[0], 0), -1, &none));
}

void mp_keeper_exports(napi_env env, napi_value exports) {
  mp_export(env, exports, "keeperKeep", keeper_keep);
  mp_export(env, exports, "keeperTake", keeper_take);
  mp_export(env, exports, "keeperDrop", keeper_drop);
}
