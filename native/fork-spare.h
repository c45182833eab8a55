/* The child that a fork server has ready before anybody asks for it. It has done everything that does not depend on what
 * it is to be, and waits for its order at a socket whose other end only the server has.
 *
 * Every child begins like this: where none is ready one is forked and gets its order at once. The order comes after the
 * parent has been told of the child, so a child that runs is one that its parent knows.
 *
 * Who may die, and what the others then see:
 *  - the spare: its end of the socket is closed; the server reaps it, and forks another for the next request. Dead at
 *    the moment when its order comes, it is a child that was killed: its parent knows it, and is told so.
 *  - the server: the other end is closed, so a spare without an order ends. One that is stopped is woken by the
 *    SIGCONT it gets at the server's death. One that has its order takes no notice.
 *  - the parent: the server ends, and kills its spare.
 * It holds nothing of others: it is forked between requests, when the server has no descriptor of any. There is one at
 * most, and after some seconds without any request none. */
#pragma once
#include "fork-order.h"
#include <stdbool.h>
#include <sys/types.h>

typedef struct {
  pid_t pid;  /* 0: there is none */
  int socket; /* to give it its order */
} mp_spare_t;

/* 0 in the child, which finds its end in `spare->socket`; its pid in the server; -1 with errno set. */
pid_t mp_spare_fork(mp_spare_t *spare);
/* Whether it has ended; there is none then. */
bool mp_spare_ended(mp_spare_t *spare);
/* It becomes a child of its own; there is no spare any more. */
void mp_spare_give(mp_spare_t *spare, const mp_order_t *order);
/* This process, a spare or a server that does not fork, becomes what the order says. 0 or an errno: it cannot. */
int mp_spare_take(mp_order_t *order);
/* Kills it. */
void mp_spare_discard(mp_spare_t *spare);
