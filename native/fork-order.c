#include "fork-order.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int mp_order_read(int socket, mp_order_t *order) {
  int fd_count = MP_FORK_FDS;
  memset(order, 0, sizeof(*order));
  ssize_t got = mp_receive_with_fds(socket, &order->header, sizeof(order->header), order->fds, &fd_count);
  if (got <= 0) return EPIPE;
  int error = mp_receive_all(socket, (char *)&order->header + got, sizeof(order->header) - (size_t)got, -1);
  if (error != 0) return error;
  order->header.fd_count = (uint32_t)fd_count;
  size_t text = order->header.text_bytes, cwd = order->header.cwd_bytes;
  order->text = malloc(text + cwd + 2);
  if (order->text == NULL) return ENOMEM;
  error = mp_receive_all(socket, order->text, text, -1);
  if (error == 0) error = mp_receive_all(socket, order->text + text + 1, cwd, -1);
  order->text[text] = '\0';
  order->text[text + 1 + cwd] = '\0';
  order->cwd = order->text + text + 1;
  return error;
}

int mp_order_pass_on(int socket, const mp_order_t *order) {
  int error = mp_send_with_fds(socket, &order->header, sizeof(order->header), order->fds, (int)order->header.fd_count);
  if (error == 0) error = mp_send_all(socket, order->text, order->header.text_bytes);
  return error;
}

void mp_order_drop(mp_order_t *order) {
  for (uint32_t i = 0; i < order->header.fd_count; i++) close(order->fds[i]);
  free(order->text);
  memset(order, 0, sizeof(*order));
}

int mp_order_open_folder(mp_order_t *order) {
  if (order->header.cwd_bytes == 0) return 0;
  if (order->header.fd_count == MP_FORK_FDS) return E2BIG;
  int before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  int error = before < 0 || chdir(order->cwd) != 0 ? errno : 0;
  int folder = error == 0 ? open(".", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
  if (error == 0 && folder < 0) error = errno;
  if (before >= 0) {
    if (fchdir(before) != 0) abort(); /* every further child would be in the wrong place */
    close(before);
  }
  if (error != 0) return error;
  order->fds[order->header.fd_count++] = folder;
  order->header.cwd_bytes = 0;
  order->header.flags |= MP_FORK_IN_FOLDER;
  return 0;
}

void mp_order_take(mp_order_t *order) {
  for (int i = 0; i < 3; i++) {
    dup2(order->fds[i], i);
    close(order->fds[i]);
  }
  if ((order->header.flags & MP_FORK_IN_FOLDER) != 0) {
    int folder = order->fds[--order->header.fd_count];
    if (fchdir(folder) != 0) abort(); /* the server has been there this moment */
    close(folder);
  }
  umask((mode_t)order->header.umask);
  if ((order->header.flags & MP_FORK_DETACHED) != 0) setsid();
}
