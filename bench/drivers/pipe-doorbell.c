/* Two processes that do nothing but wake each other: a byte through a pipe, which an epoll waits for, as an event loop does.
 * Arguments: round trips of warm-up, round trips measured. Prints microseconds per round trip. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

struct side {
  int poller;
  int heard;
  int rung;
};

static struct side open_side(int heard, int rung) {
  struct side side = {epoll_create1(EPOLL_CLOEXEC), heard, rung};
  struct epoll_event event = {.events = EPOLLIN};
  if (side.poller < 0 || epoll_ctl(side.poller, EPOLL_CTL_ADD, heard, &event) != 0) exit(1);
  return side;
}

static void ring(const struct side *side) {
  if (write(side->rung, "", 1) != 1) exit(1);
}

static void hear(const struct side *side) {
  struct epoll_event event;
  char byte;
  if (epoll_wait(side->poller, &event, 1, -1) != 1 || read(side->heard, &byte, 1) != 1) exit(1);
}

static void play(const struct side *side, long rounds) {
  for (long i = 0; i < rounds; i++) {
    ring(side);
    hear(side);
  }
}

int main(int count, char **arguments) {
  int there[2], back[2];
  if (count != 3 || pipe(there) != 0 || pipe(back) != 0) return 1;
  long warmup = atol(arguments[1]), rounds = atol(arguments[2]);
  if (fork() == 0) {
    struct side answering = open_side(there[0], back[1]);
    for (long i = 0; i < warmup + rounds; i++) {
      hear(&answering);
      ring(&answering);
    }
    return 0;
  }
  struct side asking = open_side(back[0], there[1]);
  play(&asking, warmup);
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  play(&asking, rounds);
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("%f\n", ((end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec)) / 1e3 / rounds);
  return 0;
}
