/* The doorbell of one JavaScript thread: a pipe in its event loop that any member of the family can write to. */
#pragma once
#include <node_api.h>
#include <stdbool.h>

typedef struct mp_doorbell mp_doorbell_t;

/* Takes over both ends (or makes a pipe where they are -1) and calls `callback` after each ring. The callback runs
 * in its own turn with its own microtasks. Returns 0 or an errno with the failing call's name. */
int mp_doorbell_open(napi_env env, napi_value callback, int read_fd, int write_fd, mp_doorbell_t **doorbell, const char **syscall_name);
int mp_doorbell_read_fd(const mp_doorbell_t *doorbell);
int mp_doorbell_write_fd(const mp_doorbell_t *doorbell);
/* An Int32Array. Word 0: whether it is to keep the event loop alive; from 0 to 1 it takes a call of mp_doorbell_keep_alive too, unless
 * word 1 says that it does still. That it need not any more is seen before the loop sleeps or ends. */
napi_value mp_doorbell_alive_words(const mp_doorbell_t *doorbell);
void mp_doorbell_keep_alive(mp_doorbell_t *doorbell);
/* Ties it to the participant slot of this thread, whose rings it may then wait for awake; -1: to none. */
void mp_doorbell_of_thread(mp_doorbell_t *doorbell, int slot);
/* Closes; `done` is called when nothing of it is in the event loop any more. */
void mp_doorbell_close(mp_doorbell_t *doorbell, void (*done)(void *), void *context);

/* Writes one byte; a full pipe is as good as a ring. 0 or an errno. Any thread. */
int mp_ring_fd(int fd);
/* Rings every living participant. Any thread. */
void mp_ring_family(void);
/* Opens the write end of participant `slot`'s doorbell through /proc; -1 with errno where it cannot. */
int mp_doorbell_of_slot(int slot);
/* Gives up a participant slot, keeping its generation: free, or where another thread of this process claimed it, for
 * that one to free, and of no process until then. -1 is no slot. */
void mp_give_up_slot(int slot, bool claimed);
