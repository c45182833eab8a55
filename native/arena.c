#include "arena.h"
#include "fault.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static mp_arena_t arena = {NULL, 0, -1};
static pthread_mutex_t arena_mutex = PTHREAD_MUTEX_INITIALIZER;

mp_arena_t *mp_arena(void) { return arena.base == NULL ? NULL : &arena; }

static int map_arena(int fd, size_t size) {
  void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
  if (base == MAP_FAILED) return errno;
  /* A core file of 64 GiB of zeros helps nobody; huge pages would make every small ring 2 MiB. */
  madvise(base, size, MADV_DONTDUMP);
  madvise(base, size, MADV_NOHUGEPAGE);
  arena.size = size;
  arena.fd = fd;
  __atomic_store_n(&arena.base, (uint8_t *)base, __ATOMIC_RELEASE);
  return 0;
}

static int create_locked(size_t size, const char **syscall_name) {
  int error = MP_FAULT_ERRNO("arena.create");
  *syscall_name = "memfd_create";
  if (error != 0) return error;
  int fd = memfd_create("multiproc", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return errno;
  *syscall_name = "ftruncate";
  if (ftruncate(fd, (off_t)size) != 0) error = errno;
  if (error == 0) {
    *syscall_name = "fcntl";
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) error = errno;
  }
  if (error == 0) {
    *syscall_name = "mmap";
    error = map_arena(fd, size);
  }
  if (error != 0) close(fd);
  return error;
}

int mp_arena_create(size_t size, const char **syscall_name) {
  pthread_mutex_lock(&arena_mutex);
  *syscall_name = "arena";
  int error = arena.base != NULL ? EALREADY : create_locked(size, syscall_name);
  pthread_mutex_unlock(&arena_mutex);
  return error;
}

static int attach_locked(int fd, const char **syscall_name) {
  struct stat info;
  *syscall_name = "fstat";
  if (fstat(fd, &info) != 0) return errno;
  *syscall_name = "fcntl";
  int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0) return errno;
  if ((seals & F_SEAL_SHRINK) == 0) return EPERM;
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  *syscall_name = "mmap";
  return map_arena(fd, (size_t)info.st_size);
}

int mp_arena_attach(int fd, const char **syscall_name) {
  pthread_mutex_lock(&arena_mutex);
  *syscall_name = "arena";
  int error = arena.base != NULL ? EALREADY : attach_locked(fd, syscall_name);
  pthread_mutex_unlock(&arena_mutex);
  return error;
}

static int change_pages(int mode, size_t offset, size_t length) {
  if (arena.base == NULL || offset > arena.size || length > arena.size - offset) return EINVAL;
  for (;;) {
    if (fallocate(arena.fd, mode, (off_t)offset, (off_t)length) == 0) return 0;
    if (errno != EINTR) return errno;
  }
}

int mp_arena_reserve(size_t offset, size_t length) {
  int error = MP_FAULT_ERRNO("arena.reserve");
  return error != 0 ? error : change_pages(0, offset, length);
}

int mp_arena_discard(size_t offset, size_t length) {
  return change_pages(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}

uint32_t *mp_arena_word(double offset) {
  if (arena.base == NULL || !(offset >= 0) || offset + 4 > (double)arena.size) return NULL;
  size_t at = (size_t)offset;
  return at % 4 != 0 ? NULL : (uint32_t *)(void *)(arena.base + at);
}
