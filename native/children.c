#include "children.h"
#include "doorbell.h"
#include "launch.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define LOWEST_OTHER_FD 3 /* never 0, 1 or 2 of this process, should they be closed */

struct mp_child {
  mp_child_t *next;
  int id;
  pid_t pid;
  int pidfd;
  int ring_fd;
  mp_fork_client_t *client; /* NULL: this process is its parent */
  const void *owner;        /* NULL: disowned, reaped silently */
  bool detached;
  bool dead;
  int status;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static mp_child_t *children;
static int last_id;
static _Atomic int unfetched; /* deaths that their owners have not fetched yet */

mp_child_t *mp_child_new(int ring_fd, const void *owner, int *error, const char **syscall_name) {
  *syscall_name = "calloc";
  mp_child_t *child = calloc(1, sizeof(*child));
  if (child == NULL) {
    *error = ENOMEM;
    return NULL;
  }
  child->owner = owner;
  child->pidfd = -1;
  child->ring_fd = fcntl(ring_fd, F_DUPFD_CLOEXEC, LOWEST_OTHER_FD);
  if (child->ring_fd >= 0) return child;
  *syscall_name = "fcntl";
  *error = errno;
  free(child);
  return NULL;
}

void mp_child_free(mp_child_t *child) {
  if (child->pidfd >= 0) close(child->pidfd);
  close(child->ring_fd);
  if (child->client != NULL) mp_fork_client_release(child->client);
  free(child);
}

int mp_child_enter(mp_child_t *child, pid_t pid, int pidfd, bool detached, mp_fork_client_t *client) {
  child->pid = pid;
  child->pidfd = pidfd;
  child->detached = detached;
  child->client = client;
  pthread_mutex_lock(&mutex);
  int id = child->id = ++last_id;
  child->next = children;
  children = child;
  pthread_mutex_unlock(&mutex);
  return id;
}

/* ---- the supervisor's thread ---- */

size_t mp_children_collect(struct pollfd **list, size_t *room, size_t used) {
  pthread_mutex_lock(&mutex);
  size_t count = used;
  for (mp_child_t *child = children; child != NULL; child = child->next)
    if (!child->dead) count++;
  if (count > *room) {
    struct pollfd *larger = realloc(*list, count * 2 * sizeof(**list));
    if (larger == NULL) count = *room; /* the rest is seen at the next turn */
    else {
      *list = larger;
      *room = count * 2;
    }
  }
  for (mp_child_t *child = children; child != NULL && used < count; child = child->next)
    if (!child->dead) (*list)[used++] = (struct pollfd){.fd = child->pidfd, .events = POLLIN};
  pthread_mutex_unlock(&mutex);
  return used;
}

/* False: it is not dead. */
static bool reap_own(mp_child_t *child) {
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

static void reap(mp_child_t *child) {
  if (child->client != NULL) child->status = mp_fork_status(child->client, child->pid, child->pidfd);
  else if (!reap_own(child)) return;
  child->dead = true;
  if (child->owner == NULL) return;
  atomic_fetch_add(&unfetched, 1);
  mp_ring_fd(child->ring_fd);
}

static void remove_forgotten(void) {
  for (mp_child_t **link = &children; *link != NULL;) {
    mp_child_t *child = *link;
    if (child->dead && child->owner == NULL) {
      *link = child->next;
      mp_child_free(child);
    } else {
      link = &child->next;
    }
  }
}

bool mp_children_reap(const struct pollfd *list, size_t count) {
  bool any = false;
  pthread_mutex_lock(&mutex);
  for (size_t i = 0; i < count; i++) {
    if (list[i].revents == 0) continue;
    for (mp_child_t *child = children; child != NULL; child = child->next) {
      if (child->pidfd != list[i].fd || child->dead) continue;
      reap(child);
      any = any || child->dead;
    }
  }
  remove_forgotten();
  pthread_mutex_unlock(&mutex);
  return any;
}

/* ---- JavaScript threads ---- */

bool mp_any_exit(void) { return atomic_load(&unfetched) > 0; }

bool mp_take_exit(const void *owner, mp_exit_t *taken) {
  bool found = false;
  pthread_mutex_lock(&mutex);
  for (mp_child_t **link = &children; *link != NULL; link = &(*link)->next) {
    mp_child_t *child = *link;
    if (!child->dead || child->owner != owner) continue;
    taken->id = child->id;
    taken->status = child->status;
    *link = child->next;
    mp_child_free(child);
    atomic_fetch_sub(&unfetched, 1);
    found = true;
    break;
  }
  pthread_mutex_unlock(&mutex);
  return found;
}

static mp_child_t *find(int id) {
  for (mp_child_t *child = children; child != NULL; child = child->next)
    if (child->id == id) return child;
  return NULL;
}

static int send_signal(const mp_child_t *child, int number) {
  return syscall(SYS_pidfd_send_signal, child->pidfd, number, NULL, 0) == 0 ? 0 : errno;
}

int mp_signal_child(int id, int signal_number) {
  pthread_mutex_lock(&mutex);
  const mp_child_t *child = find(id);
  int error = child != NULL && !child->dead ? send_signal(child, signal_number) : ESRCH;
  pthread_mutex_unlock(&mutex);
  return error;
}

int mp_child_pidfd(int id) {
  pthread_mutex_lock(&mutex);
  const mp_child_t *child = find(id);
  int fd = child != NULL ? fcntl(child->pidfd, F_DUPFD_CLOEXEC, LOWEST_OTHER_FD) : -1;
  pthread_mutex_unlock(&mutex);
  return fd;
}

void mp_disown(const void *owner) {
  pthread_mutex_lock(&mutex);
  for (mp_child_t *child = children; child != NULL; child = child->next) {
    if (child->owner != owner) continue;
    if (!child->dead && !child->detached) send_signal(child, SIGKILL);
    if (child->dead) atomic_fetch_sub(&unfetched, 1);
    child->owner = NULL;
  }
  remove_forgotten();
  pthread_mutex_unlock(&mutex);
}
