#include "fork-protocol.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

int mp_send_with_fds(int socket, const void *bytes, size_t length, const int *fds, int fd_count) {
  struct iovec part = {(void *)(uintptr_t)bytes, length};
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int) * MP_FORK_FDS)];
  } control;
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  memset(&control, 0, sizeof(control));
  if (fd_count > MP_FORK_FDS) return E2BIG;
  if (fd_count > 0) {
    message.msg_control = control.room;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)fd_count);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)fd_count);
    memcpy(CMSG_DATA(header), fds, sizeof(int) * (size_t)fd_count);
  }
  for (;;) {
    ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    if (sent == (ssize_t)length) return 0;
    if (sent >= 0) return mp_send_all(socket, (const char *)bytes + sent, length - (size_t)sent);
    if (errno != EINTR) return errno == ECONNRESET ? EPIPE : errno;
  }
}

ssize_t mp_receive_with_fds(int socket, void *bytes, size_t length, int *fds, int *fd_count) {
  struct iovec part = {bytes, length};
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int) * MP_FORK_FDS)];
  } control;
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room)};
  int room = *fd_count;
  ssize_t got;
  *fd_count = 0;
  do got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got < 0) return errno == ECONNRESET ? 0 : -errno;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    int count = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    if (count > room) count = room; /* the sender is ours and sends no more */
    memcpy(fds, CMSG_DATA(header), sizeof(int) * (size_t)count);
    *fd_count = count;
  }
  return got;
}

int mp_receive_all(int socket, void *bytes, size_t length, int timeout_ms) {
  for (size_t have = 0; have < length;) {
    struct pollfd ready = {.fd = socket, .events = POLLIN};
    int count = poll(&ready, 1, timeout_ms);
    if (count == 0) return ETIMEDOUT;
    if (count < 0 && errno == EINTR) continue;
    ssize_t got = recv(socket, (char *)bytes + have, length - have, 0);
    if (got == 0) return EPIPE;
    if (got > 0) have += (size_t)got;
    else if (errno != EINTR) return errno == ECONNRESET ? EPIPE : errno;
  }
  return 0;
}

int mp_send_all(int socket, const void *bytes, size_t length) {
  for (size_t sent = 0; sent < length;) {
    ssize_t count = send(socket, (const char *)bytes + sent, length - sent, MSG_NOSIGNAL);
    if (count >= 0) sent += (size_t)count;
    else if (errno != EINTR) return errno == ECONNRESET ? EPIPE : errno;
  }
  return 0;
}
