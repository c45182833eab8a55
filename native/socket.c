#include "socket.h"
#include "env.h"
#include "napi-helpers.h"
#include "socket-address.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define WAIT_SLICE_US 100000
/* Silence of a host until it is asked, in seconds; between questions; until it is taken for gone, in milliseconds. */
#define SILENT_S 10
#define ASKED_EVERY_S 5
#define GONE_MS 30000

/* Calls that may wait do so for a slice at a time, so that a thread that is to end does. The others say that they may not. */
static void tune(int fd, int family) {
  int on = 1;
  struct timeval slice = {0, WAIT_SLICE_US};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &slice, sizeof(slice));
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &slice, sizeof(slice));
  if (family == AF_UNIX) return;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  /* A host that is gone says nothing. Who is silent is asked, and who does not acknowledge for so long is gone. */
  int idle = SILENT_S, interval = ASKED_EVERY_S, times = (GONE_MS / 1000 - SILENT_S) / ASKED_EVERY_S;
  unsigned int gone = GONE_MS;
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &gone, sizeof(gone));
}

static napi_value failed(napi_env env, int fd, int error, const char *syscall_name) {
  if (fd >= 0) close(fd);
  return mp_failure(env, error, syscall_name);
}

static napi_value kept(napi_env env, int fd) {
  int answer = mp_keep_fd(env, fd);
  return answer < 0 ? mp_failure(env, -answer, "malloc") : mp_int(env, answer);
}

/* socketListen(place, port, backlog) -> fd | failure; port -1: the place is a path. Only its owner can connect to a path. */
static napi_value socket_listen(napi_env env, napi_callback_info info) {
  napi_value argv[3];
  mp_address_t address;
  int on = 1;
  mp_args(env, info, 3, argv);
  int error = mp_address_of(env, argv[0], argv[1], &address);
  if (error != 0) return failed(env, -1, error, "bind");
  int family = address.storage.ss_family;
  int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return failed(env, -1, errno, "socket");
  /* Before the file is there: Linux makes it with the mode of the socket. */
  if (family == AF_UNIX && fchmod(fd, S_IRUSR | S_IWUSR) != 0) return failed(env, fd, errno, "fchmod");
  if (family != AF_UNIX) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
  if (bind(fd, (struct sockaddr *)&address.storage, address.length) != 0) return failed(env, fd, errno, "bind");
  if (listen(fd, mp_i32(env, argv[2], 1)) != 0) return failed(env, fd, errno, "listen");
  return kept(env, fd);
}

/* socketConnect(place, port) -> fd | failure; it may still be connecting: writable when it is done, see socketError. */
static napi_value socket_connect(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  mp_address_t address;
  mp_args(env, info, 2, argv);
  int error = mp_address_of(env, argv[0], argv[1], &address);
  if (error != 0) return failed(env, -1, error, "connect");
  int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return failed(env, -1, errno, "socket");
  tune(fd, address.storage.ss_family);
  int result;
  do result = connect(fd, (struct sockaddr *)&address.storage, address.length);
  while (result != 0 && errno == EINTR);
  if (result != 0 && errno != EINPROGRESS) return failed(env, fd, errno, "connect");
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0) return failed(env, fd, errno, "fcntl");
  return kept(env, fd);
}

/* socketEnds() -> [fd, fd] | failure: a stream between two ends, of which the first is read and written in this thread. */
static napi_value socket_ends(napi_env env, napi_callback_info info) {
  napi_value list;
  int ends[2];
  (void)info;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return failed(env, -1, errno, "socketpair");
  tune(ends[0], AF_UNIX);
  int first = mp_keep_fd(env, ends[0]);
  if (first < 0) return failed(env, ends[1], -first, "malloc");
  int second = mp_keep_fd(env, ends[1]);
  if (second < 0) return failed(env, -1, -second, "malloc"); /* the first goes with this thread */
  napi_create_array_with_length(env, 2, &list);
  napi_set_element(env, list, 0, mp_int(env, first));
  napi_set_element(env, list, 1, mp_int(env, second));
  return list;
}

/* socketError(fd) -> errno of a connection attempt, 0: none */
static napi_value socket_error(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  mp_args(env, info, 1, argv);
  int error = 0;
  socklen_t length = sizeof(error);
  if (getsockopt(mp_i32(env, argv[0], -1), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
  return mp_int(env, error);
}

/* socketAccept(fd) -> fd, or -errno */
static napi_value socket_accept(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  mp_args(env, info, 1, argv);
  struct sockaddr_storage peer;
  socklen_t length = sizeof(peer);
  int fd = accept4(mp_i32(env, argv[0], -1), (struct sockaddr *)&peer, &length, SOCK_CLOEXEC);
  if (fd < 0) return mp_int(env, -errno);
  tune(fd, peer.ss_family);
  return mp_int(env, mp_keep_fd(env, fd));
}

/* socketName(fd, peer) -> { host, port } | { path } | failure */
static napi_value socket_name(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  mp_args(env, info, 2, argv);
  mp_address_t address;
  int fd = mp_i32(env, argv[0], -1);
  memset(&address, 0, sizeof(address));
  address.length = sizeof(address.storage);
  int result = mp_bool(env, argv[1]) ? getpeername(fd, (struct sockaddr *)&address.storage, &address.length) : getsockname(fd, (struct sockaddr *)&address.storage, &address.length);
  if (result != 0) return mp_failure(env, errno, "getsockname");
  return mp_address_object(env, &address);
}

/* socketOwner(fd) -> { pid, uid } of the process at the other end of a local socket, when it connected or listened | failure */
static napi_value socket_owner(napi_env env, napi_callback_info info) {
  napi_value argv[1], object;
  mp_args(env, info, 1, argv);
  struct ucred owner;
  socklen_t length = sizeof(owner);
  if (getsockopt(mp_i32(env, argv[0], -1), SOL_SOCKET, SO_PEERCRED, &owner, &length) != 0) return mp_failure(env, errno, "getsockopt");
  napi_create_object(env, &object);
  mp_set(env, object, "pid", mp_int(env, owner.pid));
  mp_set(env, object, "uid", mp_number(env, (double)owner.uid));
  return object;
}

/* The bytes offset..offset+length of a Uint8Array, or NULL where they are not within it. */
static uint8_t *range_of(napi_env env, napi_value array, napi_value offset, napi_value length, size_t *count) {
  napi_typedarray_type type;
  size_t size;
  void *data;
  if (napi_get_typedarray_info(env, array, &type, &size, &data, NULL, NULL) != napi_ok || type != napi_uint8_array) return NULL;
  double from = mp_f64(env, offset, -1), wanted = mp_f64(env, length, -1);
  if (!(from >= 0) || !(wanted > 0) || from + wanted > (double)size) return NULL;
  *count = (size_t)wanted;
  return (uint8_t *)data + (size_t)from;
}

/* socketRead(fd, bytes, offset, length, wait) -> bytes read, 0 at the end, -errno (EAGAIN: none there yet); wait: for a slice */
static napi_value socket_read(napi_env env, napi_callback_info info) {
  napi_value argv[5];
  size_t count = 0;
  mp_args(env, info, 5, argv);
  uint8_t *data = range_of(env, argv[1], argv[2], argv[3], &count);
  if (data == NULL) return mp_int(env, -EINVAL);
  int flags = mp_bool(env, argv[4]) ? 0 : MSG_DONTWAIT;
  ssize_t result;
  do result = recv(mp_i32(env, argv[0], -1), data, count, flags);
  while (result < 0 && errno == EINTR);
  return mp_number(env, (double)(result >= 0 ? result : -errno));
}

/* socketWrite(fd, bytes, offset, length, more) -> bytes written, -errno (EAGAIN: no room); more: others follow at once */
static napi_value socket_write(napi_env env, napi_callback_info info) {
  napi_value argv[5];
  size_t count = 0;
  mp_args(env, info, 5, argv);
  const uint8_t *data = range_of(env, argv[1], argv[2], argv[3], &count);
  if (data == NULL) return mp_int(env, -EINVAL);
  int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (mp_bool(env, argv[4]) ? MSG_MORE : 0);
  ssize_t result;
  do result = send(mp_i32(env, argv[0], -1), data, count, flags);
  while (result < 0 && errno == EINTR);
  return mp_number(env, (double)(result >= 0 ? result : -errno));
}

/* socketShutdown(fd) -> errno: nothing more is sent */
static napi_value socket_shutdown(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  mp_args(env, info, 1, argv);
  return mp_int(env, shutdown(mp_i32(env, argv[0], -1), SHUT_WR) == 0 ? 0 : errno);
}

/* socketGone(fd) -> whether the other end of a local stream is closed by all who had it */
static napi_value socket_gone(napi_env env, napi_callback_info info) {
  napi_value argv[1], result;
  mp_args(env, info, 1, argv);
  struct pollfd entry = {mp_i32(env, argv[0], -1), 0, 0};
  int count;
  do count = poll(&entry, 1, 0);
  while (count < 0 && errno == EINTR);
  napi_get_boolean(env, count != 0, &result);
  return result;
}

static double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* socketWait(fd, writable, timeoutMs) -> 1 ready, 0 timed out, -errno; a negative timeout is no limit. */
static napi_value socket_wait(napi_env env, napi_callback_info info) {
  napi_value argv[3];
  mp_args(env, info, 3, argv);
  struct pollfd entry = {mp_i32(env, argv[0], -1), mp_bool(env, argv[1]) ? POLLOUT : POLLIN, 0};
  double timeout = mp_f64(env, argv[2], -1), deadline = now_ms() + timeout;
  for (;;) {
    struct timespec limit = {(time_t)(timeout / 1e3), (long)((timeout - (double)(time_t)(timeout / 1e3) * 1e3) * 1e6)};
    int result = ppoll(&entry, 1, timeout < 0 ? NULL : &limit, NULL);
    if (result >= 0) return mp_int(env, result);
    if (errno != EINTR) return mp_int(env, -errno);
    if (timeout < 0) continue;
    timeout = deadline - now_ms();
    if (timeout < 0) timeout = 0;
  }
}

void mp_socket_exports(napi_env env, napi_value exports) {
  mp_export(env, exports, "socketListen", socket_listen);
  mp_export(env, exports, "socketConnect", socket_connect);
  mp_export(env, exports, "socketEnds", socket_ends);
  mp_export(env, exports, "socketError", socket_error);
  mp_export(env, exports, "socketAccept", socket_accept);
  mp_export(env, exports, "socketName", socket_name);
  mp_export(env, exports, "socketOwner", socket_owner);
  mp_export(env, exports, "socketRead", socket_read);
  mp_export(env, exports, "socketWrite", socket_write);
  mp_export(env, exports, "socketShutdown", socket_shutdown);
  mp_export(env, exports, "socketGone", socket_gone);
  mp_export(env, exports, "socketWait", socket_wait);
}
