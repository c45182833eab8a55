#include "fork-readiness.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LARGE_FILE 1000000
#define QUIET_LOOKS 2000
#define QUIET_PAUSE_NS 500000

/* ---- memory ---- */

/* A page of a file that was written to, be it what is there already: children have all pages of its mapping from the start
 * then, as they have those of memory, and need not fault in node's code piece by piece. Where it is forbidden they do. */
static void include_file(int memory, unsigned long from) {
  char byte = *(const volatile char *)from;
  if (pwrite(memory, &byte, 1, (off_t)from) < 0) return;
}

/* V8's pages are left out of a fork unless they are marked again. */
int mp_include_all_memory(void) {
  malloc_trim(0); /* less to copy */
  FILE *maps = fopen("/proc/self/maps", "re");
  if (maps == NULL) return errno;
  int memory = open("/proc/self/mem", O_WRONLY | O_CLOEXEC);
  char line[512];
  while (fgets(line, sizeof(line), maps) != NULL) {
    unsigned long from, to, inode;
    char mode[8], name[256] = "";
    if (sscanf(line, "%lx-%lx %7s %*s %*s %lu %255s", &from, &to, mode, &inode, name) < 4) continue;
    bool code_file = inode != 0 && strncmp(mode, "r-x", 3) == 0;
    if (memory >= 0 && mode[3] == 'p' && code_file && to - from >= LARGE_FILE) include_file(memory, from);
    if (mode[3] != 'p' || inode != 0 || strncmp(name, "[v", 2) == 0) continue;
    madvise((void *)from, to - from, MADV_DOFORK);
  }
  fclose(maps);
  if (memory >= 0) close(memory);
  return 0;
}

/* ---- threads ---- */

int mp_threads_open(mp_threads_t *threads) {
  threads->count = 0;
  DIR *folder = opendir("/proc/self/task");
  if (folder == NULL) return errno;
  int error = 0;
  long self = syscall(SYS_gettid);
  for (struct dirent *entry = readdir(folder); entry != NULL && error == 0; entry = readdir(folder)) {
    if (entry->d_name[0] == '.' || atol(entry->d_name) == self) continue;
    char path[32];
    snprintf(path, sizeof(path), "%.20s/stat", entry->d_name);
    int fd = threads->count == MP_FORK_THREADS ? -1 : openat(dirfd(folder), path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) error = threads->count == MP_FORK_THREADS ? E2BIG : errno;
    else threads->stat[threads->count++] = fd;
  }
  closedir(folder);
  return error;
}

void mp_threads_close(mp_threads_t *threads) {
  while (threads->count > 0) close(threads->stat[--threads->count]);
}

static bool sleeps(int stat) {
  char text[256];
  ssize_t length = pread(stat, text, sizeof(text) - 1, 0);
  if (length <= 0) return true; /* it has ended */
  text[length] = '\0';
  const char *state = strrchr(text, ')');
  return state != NULL && state[1] == ' ' && state[2] == 'S';
}

static bool all_sleep(const mp_threads_t *threads) {
  for (int i = 0; i < threads->count; i++)
    if (!sleeps(threads->stat[i])) return false;
  return true;
}

/* Twice in a row: one that was just being woken is not yet running at the first look. */
bool mp_threads_quiet(const mp_threads_t *threads) {
  struct timespec pause = {0, QUIET_PAUSE_NS};
  for (int look = 0, quiet = 0; look < QUIET_LOOKS; look++) {
    quiet = all_sleep(threads) ? quiet + 1 : 0;
    if (quiet == 2) return true;
    if (quiet == 0) nanosleep(&pause, NULL);
  }
  return false;
}
