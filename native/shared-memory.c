#include "shared-memory.h"
#include "fault.h"
#include "napi-helpers.h"
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

static void unmap(napi_env env, void *data, void *hint) { munmap(data, (size_t)(uintptr_t)hint); }

/* A page that has no memory behind it would be a signal at the first write, so all of them are made real. */
static int reserve(int fd, size_t size) {
  int error = MP_FAULT_ERRNO("shared_memory.reserve");
  if (error != 0) return error;
  do error = posix_fallocate(fd, 0, (off_t)size);
  while (error == EINTR);
  return error;
}

/* sharedMemoryMap(fd, size) -> ArrayBuffer | failure; size 0: as large as the file is, else the file is made so large. */
static napi_value shared_memory_map(napi_env env, napi_callback_info info) {
  napi_value argv[2], buffer;
  mp_args(env, info, 2, argv);
  int fd = mp_i32(env, argv[0], -1);
  size_t size = (size_t)mp_f64(env, argv[1], 0);
  if (size > 0) {
    int error = reserve(fd, size);
    if (error != 0) return mp_failure(env, error, "posix_fallocate");
  } else {
    struct stat file;
    if (fstat(fd, &file) != 0) return mp_failure(env, errno, "fstat");
    size = (size_t)file.st_size;
  }
  void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) return mp_failure(env, errno, "mmap");
  if (napi_create_external_arraybuffer(env, data, size, unmap, (void *)(uintptr_t)size, &buffer) == napi_ok) return buffer;
  munmap(data, size);
  return mp_failure(env, ENOMEM, "mmap");
}

/* sharedMemoryUnmap(buffer): views on it are empty from now on. */
static napi_value shared_memory_unmap(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  mp_args(env, info, 1, argv);
  napi_detach_arraybuffer(env, argv[0]);
  return mp_undefined(env);
}

void mp_shared_memory_exports(napi_env env, napi_value exports) {
  mp_export(env, exports, "sharedMemoryMap", shared_memory_map);
  mp_export(env, exports, "sharedMemoryUnmap", shared_memory_unmap);
}
