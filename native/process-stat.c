#include "process-stat.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

char mp_process_stat(int pid, int field, uint64_t *value) {
  char path[40], text[1024];
  *value = 0;
  snprintf(path, sizeof(path), "/proc/%d/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t length = read(fd, text, sizeof(text) - 1);
  close(fd);
  if (length <= 0) return 0;
  text[length] = '\0';
  const char *at = strrchr(text, ')'); /* the name in field 2 may contain anything */
  if (at == NULL || at[1] != ' ') return 0;
  char state = at[2];
  for (int number = 2; number < field; number++) {
    at = strchr(at + 1, ' ');
    if (at == NULL) return 0;
  }
  *value = strtoull(at + 1, NULL, 10);
  return state;
}

bool mp_proc_is_ours(void) {
  char text[24];
  ssize_t length = readlink("/proc/self", text, sizeof(text) - 1);
  if (length <= 0) return false;
  text[length] = '\0';
  return strtol(text, NULL, 10) == getpid();
}

uint64_t mp_process_start_time(int pid) {
  uint64_t ticks;
  char state = mp_process_stat(pid, 22, &ticks);
  return state == 'Z' ? 0 : ticks; /* dead, and not yet waited for by whoever has to */
}
