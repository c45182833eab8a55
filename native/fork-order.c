#include "fork-order.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool has(const mp_order_t *order, uint32_t flag) { return (order->header.flags & flag) != 0; }

/* ---- bodies in files ---- */

static int write_all(int file, const char *bytes, size_t length) {
  for (size_t written = 0; written < length;) {
    ssize_t count = write(file, bytes + written, length - written);
    if (count >= 0) written += (size_t)count;
    else if (errno != EINTR) return errno;
  }
  return 0;
}

static int read_at(int file, char *bytes, size_t length, size_t offset) {
  for (size_t have = 0; have < length;) {
    ssize_t count = pread(file, bytes + have, length - have, (off_t)(offset + have));
    if (count > 0) have += (size_t)count;
    else if (count == 0 || errno != EINTR) return count == 0 ? EIO : errno;
  }
  return 0;
}

int mp_order_pack(mp_order_t *order) {
  if ((size_t)order->header.text_bytes + order->header.cwd_bytes <= MP_FORK_BODY_BYTES) return 0;
  if (order->header.fd_count == MP_FORK_FDS) return E2BIG;
  int file = memfd_create("multiproc", MFD_CLOEXEC);
  if (file < 0) return errno;
  int error = write_all(file, order->text, order->header.text_bytes);
  if (error == 0) error = write_all(file, order->cwd, order->header.cwd_bytes);
  if (error != 0) {
    close(file);
    return error;
  }
  order->fds[order->header.fd_count++] = file;
  order->header.flags |= MP_FORK_IN_FILE;
  return 0;
}

/* The text's bytes, or from there on those of the working directory, with a NUL behind; NULL with errno set. */
static char *from_file(const mp_order_t *order, size_t offset, size_t length) {
  int file = order->fds[order->header.fd_count - 1];
  char *bytes = malloc(length + 1);
  int error = bytes == NULL ? ENOMEM : read_at(file, bytes, length, offset);
  if (error != 0) {
    free(bytes);
    errno = error;
    return NULL;
  }
  bytes[length] = '\0';
  return bytes;
}

/* ---- on the way ---- */

/* The socket is empty, so there is room: see MP_FORK_BODY_BYTES. */
int mp_order_send(int socket, const mp_order_t *order) {
  char message[sizeof(order->header) + MP_FORK_BODY_BYTES];
  size_t text = order->header.text_bytes, cwd = order->header.cwd_bytes, length = sizeof(order->header);
  memcpy(message, &order->header, sizeof(order->header));
  if (!has(order, MP_FORK_IN_FILE)) {
    memcpy(message + length, order->text, text);
    if (cwd > 0) memcpy(message + length + text, order->cwd, cwd);
    length += text + cwd;
  }
  return mp_send_with_fds(socket, message, length, order->fds, (int)order->header.fd_count);
}

int mp_order_read(int socket, mp_order_t *order) {
  int fd_count = MP_FORK_FDS;
  memset(order, 0, sizeof(*order));
  ssize_t got = mp_receive_with_fds(socket, &order->header, sizeof(order->header), order->fds, &fd_count);
  if (got <= 0) return EPIPE;
  int error = mp_receive_all(socket, (char *)&order->header + got, sizeof(order->header) - (size_t)got, -1);
  order->header.fd_count = (uint32_t)fd_count;
  if (error != 0 || has(order, MP_FORK_IN_FILE)) return error;
  size_t text = order->header.text_bytes, cwd = order->header.cwd_bytes;
  order->text = calloc(1, text + cwd + 2);
  if (order->text == NULL) return ENOMEM;
  order->cwd = order->text + text + 1;
  error = mp_receive_all(socket, order->text, text, -1);
  return error != 0 ? error : mp_receive_all(socket, order->text + text + 1, cwd, -1);
}

void mp_order_drop(mp_order_t *order) {
  for (uint32_t i = 0; i < order->header.fd_count; i++) close(order->fds[i]);
  free(order->text);
  memset(order, 0, sizeof(*order));
}

/* ---- where it is to be ---- */

static int open_folder(const char *cwd, int *folder) {
  int before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  int error = before < 0 || chdir(cwd) != 0 ? errno : 0;
  *folder = error == 0 ? open(".", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
  if (error == 0 && *folder < 0) error = errno;
  if (before >= 0) {
    if (fchdir(before) != 0) abort(); /* every further child would be in the wrong place */
    close(before);
  }
  return error;
}

int mp_order_open_folder(mp_order_t *order) {
  if (order->header.cwd_bytes == 0) return 0;
  if (order->header.fd_count == MP_FORK_FDS) return E2BIG;
  char *own = has(order, MP_FORK_IN_FILE) ? from_file(order, order->header.text_bytes, order->header.cwd_bytes) : NULL;
  if (own == NULL && order->cwd == NULL) return errno;
  int folder, error = open_folder(own != NULL ? own : order->cwd, &folder);
  free(own);
  if (error != 0) return error;
  order->fds[order->header.fd_count++] = folder;
  order->header.cwd_bytes = 0;
  order->header.flags |= MP_FORK_IN_FOLDER;
  return 0;
}

int mp_order_take(mp_order_t *order) {
  for (int i = 0; i < 3; i++) {
    dup2(order->fds[i], i);
    close(order->fds[i]);
  }
  if (has(order, MP_FORK_IN_FOLDER)) {
    int folder = order->fds[--order->header.fd_count];
    if (fchdir(folder) != 0) abort(); /* the server has been there this moment */
    close(folder);
  }
  if (has(order, MP_FORK_IN_FILE)) {
    order->text = from_file(order, 0, order->header.text_bytes);
    if (order->text == NULL) return errno;
    close(order->fds[--order->header.fd_count]);
  }
  umask((mode_t)order->header.umask);
  if (has(order, MP_FORK_DETACHED)) setsid();
  return 0;
}
