#include "supervisor.h"
#include "arena.h"
#include "doorbell.h"
#include "keeper.h"
#include "layout.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define LOWEST_OTHER_FD 3 /* never 0, 1 or 2 of this process, should they be closed */

typedef struct child {
  struct child *next;
  int id;
  pid_t pid;
  int pidfd;
  int ring_fd;
  mp_fork_client_t *client; /* NULL: this process is its parent */
  const void *owner;        /* NULL: disowned, reaped silently */
  bool detached;
  bool dead;
  int status;
} child_t;

typedef struct {
  const mp_spawn_t *spawn;
  int ring_fd;
  const void *owner;
  child_t *child;
  int error;
  const char *syscall_name;
  bool done;
} request_t;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;
static child_t *children;
static request_t *request; /* at most one at a time */
static pthread_mutex_t request_mutex = PTHREAD_MUTEX_INITIALIZER;
static bool started;
static int command_fds[2] = {-1, -1}; /* a pipe: the read end, the write end */
static int parent_pidfd = -1;
static uint32_t *beat_word; /* NULL: it does not beat */
static int beat_ms;
static int last_id;
static _Atomic int unfetched; /* deaths that their owners have not fetched yet */

static int pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

char mp_process_stat(int pid, int field, uint64_t *value) {
  char path[40], text[1024];
  *value = 0;
  snprintf(path, sizeof(path), "/proc/%d/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t length = read(fd, text, sizeof(text) - 1);
  close(fd);
  if (length <= 0) return 0;
  text[length] = '\0';
  const char *at = strrchr(text, ')'); /* the name in field 2 may contain anything */
  if (at == NULL || at[1] != ' ') return 0;
  char state = at[2];
  for (int number = 2; number < field; number++) {
    at = strchr(at + 1, ' ');
    if (at == NULL) return 0;
  }
  *value = strtoull(at + 1, NULL, 10);
  return state;
}

uint64_t mp_process_start_time(int pid) {
  uint64_t ticks;
  char state = mp_process_stat(pid, 22, &ticks);
  return state == 'Z' ? 0 : ticks; /* dead, and not yet waited for by whoever has to */
}

/* ---- starting (runs in the supervisor thread, which blocks all signals) ---- */

static void forget(child_t *child) {
  if (child->pidfd >= 0) close(child->pidfd);
  if (child->ring_fd >= 0) close(child->ring_fd);
  if (child->client != NULL) mp_fork_client_release(child->client);
  free(child);
}

static void answer(request_t *asked) {
  child_t *child = calloc(1, sizeof(*child));
  asked->syscall_name = "calloc";
  int error = child == NULL ? ENOMEM : 0;
  if (error == 0) {
    child->pidfd = -1;
    asked->syscall_name = "fcntl";
    child->ring_fd = fcntl(asked->ring_fd, F_DUPFD_CLOEXEC, LOWEST_OTHER_FD);
    if (child->ring_fd < 0) error = errno;
  }
  if (error == 0) error = mp_launch(asked->spawn, &child->pid, &asked->syscall_name);
  if (error == 0) {
    asked->syscall_name = "pidfd_open";
    child->pidfd = pidfd_open(child->pid);
    if (child->pidfd < 0) {
      error = errno;
      kill(child->pid, SIGKILL); /* not reaped yet, so the pid is still its own */
      waitpid(child->pid, NULL, 0);
    }
  }
  pthread_mutex_lock(&mutex);
  if (error == 0) {
    child->id = ++last_id;
    child->owner = asked->owner;
    child->detached = asked->spawn->new_session;
    child->next = children;
    children = child;
    asked->child = child;
  } else if (child != NULL) {
    forget(child);
  }
  asked->error = error;
  asked->done = true;
  pthread_cond_broadcast(&answered);
  pthread_mutex_unlock(&mutex);
}

/* ---- reaping ---- */

/* False: it is not dead. */
static bool reap_own(child_t *child) {
  siginfo_t info;
  memset(&info, 0, sizeof(info));
  if (waitid((idtype_t)P_PIDFD, (id_t)child->pidfd, &info, WEXITED | WNOHANG) != 0) {
    if (errno != ECHILD) return false;
    info.si_pid = child->pid; /* somebody else reaped it: dead, by what is not known */
    info.si_code = CLD_EXITED;
    info.si_status = MP_STATUS_UNKNOWN;
  }
  if (info.si_pid == 0) return false;
  child->status = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
  return true;
}

static void reap(child_t *child) {
  if (child->client != NULL) child->status = mp_fork_status(child->client, child->pid, child->pidfd);
  else if (!reap_own(child)) return;
  child->dead = true;
  if (child->owner == NULL) return;
  atomic_fetch_add(&unfetched, 1);
  mp_ring_fd(child->ring_fd);
}

static void remove_forgotten(void) {
  for (child_t **link = &children; *link != NULL;) {
    child_t *child = *link;
    if (child->dead && child->owner == NULL) {
      *link = child->next;
      forget(child);
    } else {
      link = &child->next;
    }
  }
}

/* Collects the file descriptors to sleep on; entry 0 is the command, entry 1 the parent. */
static size_t collect(struct pollfd **list, size_t *room) {
  size_t count = 2;
  for (child_t *child = children; child != NULL; child = child->next)
    if (!child->dead) count++;
  if (count > *room) {
    struct pollfd *larger = realloc(*list, count * 2 * sizeof(**list));
    if (larger == NULL) count = *room; /* the rest is seen at the next turn */
    else {
      *list = larger;
      *room = count * 2;
    }
  }
  (*list)[0] = (struct pollfd){.fd = command_fds[0], .events = POLLIN};
  (*list)[1] = (struct pollfd){.fd = parent_pidfd, .events = POLLIN};
  size_t used = 2;
  for (child_t *child = children; child != NULL && used < count; child = child->next)
    if (!child->dead) (*list)[used++] = (struct pollfd){.fd = child->pidfd, .events = POLLIN};
  return used;
}

static bool reap_ready(const struct pollfd *list, size_t count) {
  bool any = false;
  for (size_t i = 2; i < count; i++) {
    if (list[i].revents == 0) continue;
    for (child_t *child = children; child != NULL; child = child->next) {
      if (child->pidfd != list[i].fd || child->dead) continue;
      reap(child);
      any = any || child->dead;
    }
  }
  remove_forgotten();
  return any;
}

static void *supervise(void *unused) {
  size_t room = 16;
  struct pollfd *list = malloc(room * sizeof(*list));
  prctl(PR_SET_NAME, "mp-supervisor");
  while (list != NULL) {
    pthread_mutex_lock(&mutex);
    size_t count = collect(&list, &room);
    uint32_t *beating = beat_word;
    int timeout = beating == NULL ? -1 : beat_ms;
    pthread_mutex_unlock(&mutex);
    if (beating != NULL) __atomic_fetch_add(beating, 1, __ATOMIC_RELAXED);
    if (poll(list, count, timeout) < 0 && errno != EINTR) break;
    if (list[1].revents != 0) kill(getpid(), SIGKILL);
    if (list[0].revents != 0) {
      char said[64];
      ssize_t length = read(command_fds[0], said, sizeof(said));
      if (length < 0 && errno != EAGAIN) break;
      if (length > 0 && memchr(said, *MP_SUPERVISOR_KEEP, (size_t)length) != NULL) mp_keeper_start();
    }
    pthread_mutex_lock(&mutex);
    request_t *asked = request;
    request = NULL;
    bool died = reap_ready(list, count);
    pthread_mutex_unlock(&mutex);
    if (died) mp_ring_family();
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
  request_t asked = {.spawn = spawn, .ring_fd = ring_fd, .owner = owner};
  pthread_mutex_lock(&request_mutex);
  pthread_mutex_lock(&mutex);
  asked.syscall_name = "pthread_create";
  asked.error = start_locked();
  if (asked.error == 0) {
    request = &asked;
    wake_supervisor();
    while (!asked.done) pthread_cond_wait(&answered, &mutex);
  }
  if (asked.error == 0) {
    *id = asked.child->id;
    *pid = asked.child->pid;
  }
  pthread_mutex_unlock(&mutex);
  pthread_mutex_unlock(&request_mutex);
  if (asked.error == 0) wake_supervisor(); /* its pidfd joins the list it sleeps on */
  *syscall_name = asked.syscall_name;
  return asked.error;
}

int mp_adopt(const mp_adopt_t *adopted, int ring_fd, const void *owner, int *id) {
  child_t *child = calloc(1, sizeof(*child));
  if (child == NULL) return ENOMEM;
  child->ring_fd = fcntl(ring_fd, F_DUPFD_CLOEXEC, LOWEST_OTHER_FD);
  if (child->ring_fd < 0) {
    int error = errno;
    free(child);
    return error;
  }
  child->pid = adopted->pid;
  child->pidfd = adopted->pidfd;
  child->detached = adopted->detached;
  child->client = adopted->client;
  child->owner = owner;
  pthread_mutex_lock(&mutex);
  int error = start_locked();
  if (error == 0) {
    *id = child->id = ++last_id;
    child->next = children;
    children = child;
  }
  pthread_mutex_unlock(&mutex);
  if (error == 0) {
    wake_supervisor();
  } else {
    close(child->ring_fd);
    free(child);
  }
  return error;
}

bool mp_any_exit(void) { return atomic_load(&unfetched) > 0; }

bool mp_take_exit(const void *owner, mp_exit_t *taken) {
  bool found = false;
  pthread_mutex_lock(&mutex);
  for (child_t **link = &children; *link != NULL && !found; link = &(*link)->next) {
    child_t *child = *link;
    if (!child->dead || child->owner != owner) continue;
    taken->id = child->id;
    taken->status = child->status;
    *link = child->next;
    forget(child);
    atomic_fetch_sub(&unfetched, 1);
    found = true;
    break;
  }
  pthread_mutex_unlock(&mutex);
  return found;
}

static child_t *find(int id) {
  for (child_t *child = children; child != NULL; child = child->next)
    if (child->id == id) return child;
  return NULL;
}

int mp_signal_child(int id, int signal_number) {
  int error = ESRCH;
  pthread_mutex_lock(&mutex);
  child_t *child = find(id);
  if (child != NULL && !child->dead)
    error = syscall(SYS_pidfd_send_signal, child->pidfd, signal_number, NULL, 0) == 0 ? 0 : errno;
  pthread_mutex_unlock(&mutex);
  return error;
}

int mp_child_pidfd(int id) {
  int fd = -1;
  pthread_mutex_lock(&mutex);
  child_t *child = find(id);
  if (child != NULL) fd = fcntl(child->pidfd, F_DUPFD_CLOEXEC, LOWEST_OTHER_FD);
  pthread_mutex_unlock(&mutex);
  return fd;
}

void mp_disown(const void *owner) {
  pthread_mutex_lock(&mutex);
  for (child_t *child = children; child != NULL; child = child->next) {
    if (child->owner != owner) continue;
    if (!child->dead && !child->detached) syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0);
    if (child->dead) atomic_fetch_sub(&unfetched, 1);
    child->owner = NULL;
  }
  remove_forgotten();
  pthread_mutex_unlock(&mutex);
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
