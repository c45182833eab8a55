#include "heap.h"
#include "napi-helpers.h"
#include <features.h>
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#define LARGEST_KEPT_BYTES (32 << 20) /* what is larger is mapped and unmapped by itself */
#define KEPT_AT_END_BYTES (64 << 20)

/* keepFreedMemory(): from now on this process keeps up to 64 MiB of freed memory to use it again, unless its environment says
 * otherwise. A fresh page costs many times as much as the copy that goes into it. */
static napi_value keep_freed_memory(napi_env env, napi_callback_info info) {
#ifdef __GLIBC__
  if (getenv("MALLOC_MMAP_THRESHOLD_") == NULL && getenv("MALLOC_TRIM_THRESHOLD_") == NULL) {
    mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT_BYTES);
    mallopt(M_TRIM_THRESHOLD, KEPT_AT_END_BYTES);
  }
#endif
  return mp_undefined(env);
}

void mp_heap_exports(napi_env env, napi_value exports) { mp_export(env, exports, "keepFreedMemory", keep_freed_memory); }
