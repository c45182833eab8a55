#include "fork-client.h"
#include "children.h"
#include "env.h"
#include "fork-order.h"
#include "napi-helpers.h"
#include "orphan-status.h"
#include "supervisor.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STATUS_MS 5000 /* a server that does not answer for so long is stopped or worse */
#define FORK_MS 10000
#define MAX_CLIENTS 64

struct mp_fork_client {
  const mp_env_t *owner; /* the thread that started the server */
  int calls;
  int reaps;
  int pidfd; /* of the server */
  bool gone;
  _Atomic int users;
};

/* Numbers for JavaScript. */
static mp_fork_client_t *clients[MAX_CLIENTS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static mp_fork_client_t *find(int number) {
  return number >= 0 && number < MAX_CLIENTS ? clients[number] : NULL;
}

void mp_fork_client_release(mp_fork_client_t *client) {
  if (atomic_fetch_sub(&client->users, 1) > 1) return;
  close(client->reaps);
  close(client->pidfd);
  free(client);
}

/* ---- what a child died of ---- */

static bool ask_status(mp_fork_client_t *client, pid_t pid, int *status) {
  mp_reap_request_t request = {pid};
  mp_reap_answer_t answer;
  if (client->gone || send(client->reaps, &request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return false;
  do {
    if (mp_receive_all(client->reaps, &answer, sizeof(answer), STATUS_MS) != 0) return false;
  } while (answer.pid != pid);
  *status = answer.status;
  return answer.error == 0;
}

int mp_fork_status(mp_fork_client_t *client, pid_t pid, int pidfd) {
  int status = 0;
  if (ask_status(client, pid, &status)) return status;
  client->gone = true;
  syscall(SYS_pidfd_send_signal, client->pidfd, SIGKILL, NULL, 0);
  return mp_orphan_status(pid, pidfd);
}

/* ---- forking ---- */

static mode_t current_umask(void) {
  mode_t mask = umask(0);
  umask(mask);
  return mask;
}

static int ask_fork(mp_fork_client_t *client, const mp_order_t *order, mp_fork_answer_t *answer, int *pidfd) {
  int error = mp_order_send(client->calls, order);
  if (error != 0) return error;
  struct pollfd ready = {.fd = client->calls, .events = POLLIN};
  int count;
  do count = poll(&ready, 1, FORK_MS);
  while (count < 0 && errno == EINTR);
  if (count == 0) return ETIMEDOUT;
  int fd_count = 1;
  ssize_t got = mp_receive_with_fds(client->calls, answer, sizeof(*answer), pidfd, &fd_count);
  if (got <= 0) return EPIPE;
  if (fd_count == 0) *pidfd = -1;
  return mp_receive_all(client->calls, (char *)answer + got, sizeof(*answer) - (size_t)got, FORK_MS);
}

/* 0 or an errno; free_order() in either case. */
static int read_order(napi_env env, napi_value text, napi_value cwd, napi_value list, bool detached, mp_order_t *order) {
  memset(order, 0, sizeof(*order));
  order->header.flags = detached ? MP_FORK_DETACHED : 0;
  order->header.umask = (uint32_t)current_umask();
  napi_get_array_length(env, list, &order->header.fd_count);
  if (order->header.fd_count > MP_FORK_FDS) return EINVAL;
  for (uint32_t i = 0; i < order->header.fd_count; i++) {
    napi_value item;
    napi_get_element(env, list, i, &item);
    order->fds[i] = mp_i32(env, item, -1);
  }
  order->text = mp_string(env, text);
  order->cwd = mp_string(env, cwd);
  if (order->text == NULL) return ENOMEM;
  order->header.text_bytes = (uint32_t)strlen(order->text);
  order->header.cwd_bytes = order->cwd == NULL ? 0 : (uint32_t)strlen(order->cwd);
  return mp_order_pack(order);
}

static void free_order(mp_order_t *order) {
  if ((order->header.flags & MP_FORK_IN_FILE) != 0) close(order->fds[order->header.fd_count - 1]);
  free(order->text);
  free((void *)(uintptr_t)order->cwd);
}

static napi_value started(napi_env env, int id, pid_t pid) {
  napi_value result;
  napi_create_object(env, &result);
  mp_set(env, result, "id", mp_int(env, id));
  mp_set(env, result, "pid", mp_int(env, pid));
  return result;
}

/* A failure of the server itself, which the caller gives up then, has the name "forkserver". */
static napi_value fork_with(napi_env env, mp_fork_client_t *client, const mp_member_t *member, const mp_order_t *order) {
  mp_fork_answer_t answer;
  int pidfd = -1, id;
  memset(&answer, 0, sizeof(answer));
  int error = ask_fork(client, order, &answer, &pidfd);
  if (error != 0) {
    if (pidfd >= 0) close(pidfd);
    return mp_failure(env, error, "forkserver");
  }
  answer.syscall_name[sizeof(answer.syscall_name) - 1] = '\0';
  if (answer.pid == 0) return mp_failure(env, answer.error, answer.syscall_name);
  atomic_fetch_add(&client->users, 1);
  mp_adopt_t adopted = {answer.pid, pidfd, (order->header.flags & MP_FORK_DETACHED) != 0, client};
  error = mp_adopt(&adopted, mp_doorbell_write_fd(member->doorbell), member, &id);
  if (error == 0) return started(env, id, answer.pid);
  syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
  mp_fork_status(client, answer.pid, pidfd);
  mp_fork_client_release(client);
  close(pidfd);
  return mp_failure(env, error, "calloc");
}

/* forkChild(server, member, request, cwd | null, fds, detached) -> { id, pid } | failure */
static napi_value fork_child(napi_env env, napi_callback_info info) {
  napi_value argv[6];
  mp_args(env, info, 6, argv);
  pthread_mutex_lock(&mutex);
  mp_fork_client_t *client = find(mp_i32(env, argv[0], -1));
  pthread_mutex_unlock(&mutex);
  mp_member_t *member = mp_member(env, argv[1]);
  if (client == NULL || member == NULL) return mp_failure(env, EINVAL, "forkChild");
  mp_order_t order;
  int error = read_order(env, argv[2], argv[3], argv[4], mp_bool(env, argv[5]), &order);
  napi_value result = error != 0 ? mp_failure(env, error, "memfd_create") : fork_with(env, client, member, &order);
  free_order(&order);
  return result;
}

/* becomeChild(calls, request, fds, detached) -> errno: the one request of a server that does not fork */
static napi_value become_child(napi_env env, napi_callback_info info) {
  napi_value argv[4];
  mp_args(env, info, 4, argv);
  mp_order_t order;
  int error = read_order(env, argv[1], mp_undefined(env), argv[2], mp_bool(env, argv[3]), &order);
  if (error == 0) error = mp_order_send(mp_i32(env, argv[0], -1), &order);
  free_order(&order);
  return mp_int(env, error);
}

/* ---- servers ---- */

/* socketPair(messages) -> [fd, fd] | failure; both close-on-exec, and closed at the end of this thread. */
static napi_value socket_pair(napi_env env, napi_callback_info info) {
  napi_value argv[1], list;
  int ends[2];
  mp_args(env, info, 1, argv);
  if (socketpair(AF_UNIX, (mp_bool(env, argv[0]) ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC, 0, ends) != 0)
    return mp_failure(env, errno, "socketpair");
  if (!mp_keep_bell(mp_env(env), ends[0]) || !mp_keep_bell(mp_env(env), ends[1])) {
    for (int i = 0; i < 2; i++) mp_forget_bell(mp_env(env), ends[i]);
    for (int i = 0; i < 2; i++) close(ends[i]);
    return mp_failure(env, ENOMEM, "socketpair");
  }
  napi_create_array(env, &list);
  for (uint32_t i = 0; i < 2; i++) napi_set_element(env, list, i, mp_int(env, ends[i]));
  return list;
}

/* forkServerOpen(id, calls, reaps) -> number | failure; owns the descriptors from then on, until this thread ends. */
static napi_value server_open(napi_env env, napi_callback_info info) {
  napi_value argv[3];
  mp_args(env, info, 3, argv);
  int pidfd = mp_child_pidfd(mp_i32(env, argv[0], 0));
  if (pidfd < 0) return mp_failure(env, ESRCH, "forkServerOpen");
  mp_fork_client_t *client = calloc(1, sizeof(*client));
  int number = 0;
  pthread_mutex_lock(&mutex);
  while (number < MAX_CLIENTS && clients[number] != NULL) number++;
  if (client != NULL && number < MAX_CLIENTS) {
    *client = (mp_fork_client_t){mp_env(env), mp_i32(env, argv[1], -1), mp_i32(env, argv[2], -1), pidfd, false, 1};
    clients[number] = client;
    mp_forget_bell(mp_env(env), client->calls);
    mp_forget_bell(mp_env(env), client->reaps);
  }
  pthread_mutex_unlock(&mutex);
  if (client != NULL && number < MAX_CLIENTS) return mp_int(env, number);
  free(client);
  close(pidfd);
  return mp_failure(env, ENOSPC, "forkServerOpen");
}

/* forkServerGreeting(calls) -> string, undefined while there is none, or failure */
static napi_value server_greeting(napi_env env, napi_callback_info info) {
  napi_value argv[1], text;
  mp_args(env, info, 1, argv);
  int calls = mp_i32(env, argv[0], -1);
  struct pollfd ready = {.fd = calls, .events = POLLIN};
  if (poll(&ready, 1, 0) == 0) return mp_undefined(env);
  uint32_t length;
  int error = mp_receive_all(calls, &length, sizeof(length), FORK_MS);
  char *greeting = error == 0 ? malloc(length) : NULL;
  if (error == 0) error = greeting == NULL ? ENOMEM : mp_receive_all(calls, greeting, length, FORK_MS);
  if (error != 0) {
    free(greeting);
    return mp_failure(env, error, "forkserver");
  }
  napi_create_string_utf8(env, greeting, length, &text);
  free(greeting);
  return text;
}

static void take_away(int number) {
  mp_fork_client_t *client = clients[number];
  clients[number] = NULL;
  close(client->calls);
  mp_fork_client_release(client);
}

void mp_fork_clients_end(const mp_env_t *owner) {
  pthread_mutex_lock(&mutex);
  for (int number = 0; number < MAX_CLIENTS; number++)
    if (clients[number] != NULL && clients[number]->owner == owner) take_away(number);
  pthread_mutex_unlock(&mutex);
}

/* forkServerClose(server): it kills what it still has, and ends. Its dead children's status can still be asked for. */
static napi_value server_close(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  mp_args(env, info, 1, argv);
  int number = mp_i32(env, argv[0], -1);
  pthread_mutex_lock(&mutex);
  if (find(number) != NULL) take_away(number);
  pthread_mutex_unlock(&mutex);
  return mp_undefined(env);
}

/* pidfdOpen(pid) -> fd, closed at the end of this thread unless closeFd comes first; or -errno */
static napi_value pidfd_open_for(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  mp_args(env, info, 1, argv);
  int fd = (int)syscall(SYS_pidfd_open, mp_i32(env, argv[0], 0), 0);
  return mp_int(env, fd >= 0 ? mp_keep_fd(env, fd) : -errno);
}

void mp_fork_client_exports(napi_env env, napi_value exports) {
  mp_export(env, exports, "socketPair", socket_pair);
  mp_export(env, exports, "forkServerOpen", server_open);
  mp_export(env, exports, "forkServerGreeting", server_greeting);
  mp_export(env, exports, "forkServerClose", server_close);
  mp_export(env, exports, "forkChild", fork_child);
  mp_export(env, exports, "becomeChild", become_child);
  mp_export(env, exports, "pidfdOpen", pidfd_open_for);
}
