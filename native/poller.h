/* Readiness of many sockets in one event loop: one epoll descriptor in it, whatever their number. */
#pragma once
#include <node_api.h>
#include <stdbool.h>
#include <stdint.h>

#define MP_POLLER_EVENTS 64

typedef struct mp_poller mp_poller_t;

/* Calls `callback(count)` with the ids of ready sockets in `ids`, an Int32Array of MP_POLLER_EVENTS items that the
 * caller keeps alive. Returns 0 or an errno with the failing call's name. */
int mp_poller_open(napi_env env, napi_value callback, int32_t *ids, mp_poller_t **poller, const char **syscall_name);
/* From now on each change of a socket to readable or ended is reported once. 0 or an errno. */
int mp_poller_add(mp_poller_t *poller, int fd, int32_t id);
/* Whether changes to writable are reported, too; if it is writable now, that is one. 0 or an errno. */
int mp_poller_change(mp_poller_t *poller, int fd, int32_t id, bool writable);
int mp_poller_remove(mp_poller_t *poller, int fd);
/* Whether it keeps the event loop alive. */
void mp_poller_keep_alive(mp_poller_t *poller, bool alive);
/* Closes; `done` is called when nothing of it is in the event loop any more. */
void mp_poller_close(mp_poller_t *poller, void (*done)(void *), void *context);
