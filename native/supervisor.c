#include "supervisor.h"
#include "arena.h"
#include "children.h"
#include "doorbell.h"
#include "keeper.h"
#include "layout.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
  const mp_spawn_t *spawn;
  mp_child_t *child;
  pid_t pid;
  int id;
  int error;
  const char *syscall_name;
  bool done;
} request_t;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;
static request_t *request; /* at most one at a time */
static pthread_mutex_t request_mutex = PTHREAD_MUTEX_INITIALIZER;
static bool started;
static int command_fds[2] = {-1, -1}; /* a pipe: the read end, the write end */
static int parent_pidfd = -1;
static uint32_t *beat_word; /* NULL: it does not beat */
static int beat_ms;

/* The first of the descriptors that it sleeps on. */
enum { COMMAND, PARENT, FIRST_CHILD };

static int pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

/* ---- the thread, which blocks all signals ---- */

static int launch(request_t *asked) {
  int error = mp_launch(asked->spawn, &asked->pid, &asked->syscall_name);
  if (error != 0) return error;
  int pidfd = pidfd_open(asked->pid);
  if (pidfd < 0) {
    error = errno;
    asked->syscall_name = "pidfd_open";
    kill(asked->pid, SIGKILL); /* not reaped yet, so the pid is still its own */
    waitpid(asked->pid, NULL, 0);
    return error;
  }
  asked->id = mp_child_enter(asked->child, asked->pid, pidfd, asked->spawn->new_session, NULL);
  return 0;
}

static void answer(request_t *asked) {
  int error = launch(asked);
  pthread_mutex_lock(&mutex);
  asked->error = error;
  asked->done = true;
  pthread_cond_broadcast(&answered);
  pthread_mutex_unlock(&mutex);
}

static void *supervise(void *unused) {
  size_t room = 16;
  struct pollfd *list = malloc(room * sizeof(*list));
  prctl(PR_SET_NAME, "mp-supervisor");
  while (list != NULL) {
    list[COMMAND] = (struct pollfd){.fd = command_fds[0], .events = POLLIN};
    pthread_mutex_lock(&mutex);
    list[PARENT] = (struct pollfd){.fd = parent_pidfd, .events = POLLIN};
    uint32_t *beating = beat_word;
    int timeout = beating == NULL ? -1 : beat_ms;
    pthread_mutex_unlock(&mutex);
    size_t count = mp_children_collect(&list, &room, FIRST_CHILD);
    if (beating != NULL) __atomic_fetch_add(beating, 1, __ATOMIC_RELAXED);
    if (poll(list, count, timeout) < 0 && errno != EINTR) break;
    if (list[PARENT].revents != 0) kill(getpid(), SIGKILL);
    if (list[COMMAND].revents != 0) {
      char said[64];
      ssize_t length = read(command_fds[0], said, sizeof(said));
      if (length < 0 && errno != EAGAIN) break;
      if (length > 0 && memchr(said, *MP_SUPERVISOR_KEEP, (size_t)length) != NULL) mp_keeper_start();
    }
    pthread_mutex_lock(&mutex);
    request_t *asked = request;
    request = NULL;
    pthread_mutex_unlock(&mutex);
    if (mp_children_reap(list + FIRST_CHILD, count - FIRST_CHILD)) mp_ring_family();
    if (asked != NULL) answer(asked);
  }
  abort(); /* a process that cannot see its children's deaths must not go on as if it could */
}

/* ---- called by JavaScript threads ---- */

/* Other members of the family find the supervisor of their first process by it. */
static void publish_command(void) {
  if (mp_arena() == NULL) return;
  uint32_t *header = (uint32_t *)(void *)mp_arena()->base;
  if (__atomic_load_n(&header[MP_HEADER_FOUNDER_PID], __ATOMIC_SEQ_CST) != (uint32_t)getpid()) return;
  __atomic_store_n(&header[MP_HEADER_SUPERVISOR], (uint32_t)command_fds[1] + 1, __ATOMIC_SEQ_CST);
}

static int start_locked(void) {
  if (started) {
    publish_command();
    return 0;
  }
  if (command_fds[0] < 0 && pipe2(command_fds, O_CLOEXEC | O_NONBLOCK) != 0) return errno;
  publish_command();
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 256 * 1024);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  int error = pthread_create(&thread, &attributes, supervise, NULL);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  started = error == 0;
  return error;
}

static void wake_supervisor(void) {
  while (write(command_fds[1], "w", 1) < 0 && errno == EINTR) {
  }
}

int mp_spawn(const mp_spawn_t *spawn, int ring_fd, const void *owner, int *id, pid_t *pid, const char **syscall_name) {
  request_t asked = {.spawn = spawn};
  asked.child = mp_child_new(ring_fd, owner, &asked.error, syscall_name);
  if (asked.child == NULL) return asked.error;
  asked.syscall_name = "pthread_create";
  pthread_mutex_lock(&request_mutex);
  pthread_mutex_lock(&mutex);
  asked.error = start_locked();
  if (asked.error == 0) {
    request = &asked;
    wake_supervisor();
    while (!asked.done) pthread_cond_wait(&answered, &mutex);
  }
  pthread_mutex_unlock(&mutex);
  pthread_mutex_unlock(&request_mutex);
  *syscall_name = asked.syscall_name;
  if (asked.error != 0) {
    mp_child_free(asked.child);
    return asked.error;
  }
  wake_supervisor(); /* its pidfd joins the list it sleeps on */
  *id = asked.id;
  *pid = asked.pid;
  return 0;
}

int mp_adopt(const mp_adopt_t *adopted, int ring_fd, const void *owner, int *id) {
  const char *syscall_name;
  int error;
  mp_child_t *child = mp_child_new(ring_fd, owner, &error, &syscall_name);
  if (child == NULL) return error;
  pthread_mutex_lock(&mutex);
  error = start_locked();
  pthread_mutex_unlock(&mutex);
  if (error != 0) {
    mp_child_free(child);
    return error;
  }
  *id = mp_child_enter(child, adopted->pid, adopted->pidfd, adopted->detached, adopted->client);
  wake_supervisor();
  return 0;
}

int mp_watch_parent(pid_t parent) {
  int fd = pidfd_open(parent);
  if (fd < 0) return errno;
  if (getppid() != parent) {
    close(fd);
    return ESRCH;
  }
  /* Also reaches a stopped process; tied to the parent's supervisor thread, which lives as long as the parent. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) {
    close(fd);
    return ESRCH;
  }
  pthread_mutex_lock(&mutex);
  parent_pidfd = fd;
  int error = start_locked();
  if (error == 0) wake_supervisor();
  pthread_mutex_unlock(&mutex);
  return error;
}

static int asked_parent_pidfd = -1;

int mp_watch_parent_pidfd(int pidfd, bool die) {
  asked_parent_pidfd = pidfd;
  if (!die) return 0;
  pthread_mutex_lock(&mutex);
  parent_pidfd = pidfd;
  int error = start_locked();
  if (error == 0) wake_supervisor();
  pthread_mutex_unlock(&mutex);
  return error;
}

bool mp_parent_lives(void) {
  struct pollfd dead = {.fd = asked_parent_pidfd, .events = POLLIN};
  return poll(&dead, 1, 0) == 0;
}

int mp_beat(uint32_t *word, int every_ms) {
  pthread_mutex_lock(&mutex);
  beat_word = word;
  beat_ms = every_ms;
  int error = start_locked();
  if (error == 0) wake_supervisor();
  pthread_mutex_unlock(&mutex);
  return error;
}
