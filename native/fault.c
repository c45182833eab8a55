/* Fault injection for tests. The variable is a comma-separated list of point:action@n, n counting from 1
 * (default 1; 0: every time). Actions: kill, segv, exit0, stop, delay=MS, errno=NAME of the few listed below. */
#include "fault.h"
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_RULES 8
typedef struct {
  char point[48];
  char action[32];
  int at;
  _Atomic int seen;
} rule_t;
static rule_t rules[MAX_RULES];
static _Atomic int rule_count = -1;

static int parse(void) {
  const char *text = getenv("MULTIPROC_FAULT");
  int count = 0;
  while (text != NULL && *text != '\0' && count < MAX_RULES) {
    const char *end = strchrnul(text, ',');
    const char *colon = memchr(text, ':', (size_t)(end - text));
    if (colon != NULL && colon - text < 47) {
      rule_t *rule = &rules[count];
      memset(rule, 0, sizeof(*rule));
      memcpy(rule->point, text, (size_t)(colon - text));
      const char *at = memchr(colon, '@', (size_t)(end - colon));
      size_t length = (size_t)((at != NULL ? at : end) - colon - 1);
      if (length > 31) length = 31;
      memcpy(rule->action, colon + 1, length);
      rule->at = at != NULL ? atoi(at + 1) : 1;
      count++;
    }
    text = *end == ',' ? end + 1 : end;
  }
  return count;
}

static int act(const char *action) {
  if (strcmp(action, "kill") == 0) kill(getpid(), SIGKILL);
  if (strcmp(action, "stop") == 0) kill(getpid(), SIGSTOP);
  if (strcmp(action, "segv") == 0) {
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
  }
  if (strcmp(action, "exit0") == 0) _exit(0);
  if (strncmp(action, "delay=", 6) == 0) {
    long ms = atol(action + 6);
    struct timespec pause = {ms / 1000, (ms % 1000) * 1000000};
    nanosleep(&pause, NULL);
  }
  if (strcmp(action, "errno=ENOSPC") == 0) return ENOSPC;
  if (strcmp(action, "errno=ENOMEM") == 0) return ENOMEM;
  if (strcmp(action, "errno=EMFILE") == 0) return EMFILE;
  if (strcmp(action, "errno=EAGAIN") == 0) return EAGAIN;
  return 0;
}

int mp_fault(const char *point) {
  int count = atomic_load(&rule_count);
  if (count < 0) {
    count = parse();
    atomic_store(&rule_count, count);
  }
  for (int i = 0; i < count; i++) {
    if (strcmp(rules[i].point, point) != 0) continue;
    int seen = atomic_fetch_add(&rules[i].seen, 1) + 1;
    if (rules[i].at == 0 || seen == rules[i].at) return act(rules[i].action);
  }
  return 0;
}
