#include "fork-platform.h"
#include "napi-helpers.h"
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define PLATFORM "_ZN4node12NodePlatform"
#define TASK "ESt10unique_ptrIN2v84TaskESt14default_deleteIS3_EE"
#define PRIORITY_AND_TASK "EN2v812TaskPriorityESt10unique_ptrINS1_4TaskESt14default_deleteIS4_EE"

static int no_threads(void) { return 0; }

/* The caller owns the task, and destroys it. */
static void drop(void) {}

typedef struct {
  const char *names[2]; /* of Node 20, and of later ones; one has to be there */
  void (*replacement)(void);
} replaced_t;

static const replaced_t REPLACED[] = {
    {{PLATFORM "21NumberOfWorkerThreadsEv", NULL}, (void (*)(void))no_threads},
    {{PLATFORM "18CallOnWorkerThread" TASK, PLATFORM "26PostTaskOnWorkerThreadImpl" PRIORITY_AND_TASK "RKNS1_14SourceLocationE"}, drop},
    {{PLATFORM "25CallDelayedOnWorkerThread" TASK "d", PLATFORM "33PostDelayedTaskOnWorkerThreadImpl" PRIORITY_AND_TASK "dRKNS1_14SourceLocationE"},
     drop},
};
#define REPLACED_COUNT (sizeof(REPLACED) / sizeof(REPLACED[0]))

static uintptr_t *slot_of(uintptr_t *table, size_t count, const replaced_t *replaced) {
  for (int i = 0; i < 2; i++) {
    void *function = replaced->names[i] == NULL ? NULL : dlsym(RTLD_DEFAULT, replaced->names[i]);
    for (size_t slot = 0; function != NULL && slot < count; slot++)
      if (table[slot] == (uintptr_t)function) return &table[slot];
  }
  return NULL;
}

static bool protect(const uintptr_t *table, size_t count, int mode) {
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t from = (uintptr_t)table & ~(page - 1);
  return mprotect((void *)from, (uintptr_t)(table + count) - from, mode) == 0;
}

static bool give_up_threads(void) {
  uintptr_t *table = dlsym(RTLD_DEFAULT, "_ZTVN4node12NodePlatformE");
  Dl_info info;
  ElfW(Sym) *symbol = NULL;
  if (table == NULL || dladdr1(table, &info, (void **)&symbol, RTLD_DL_SYMENT) == 0 || symbol == NULL) return false;
  size_t count = symbol->st_size / sizeof(*table);
  uintptr_t *slots[REPLACED_COUNT];
  for (size_t i = 0; i < REPLACED_COUNT; i++) {
    slots[i] = slot_of(table, count, &REPLACED[i]);
    if (slots[i] == NULL) return false;
  }
  if (!protect(table, count, PROT_READ | PROT_WRITE)) return false;
  for (size_t i = 0; i < REPLACED_COUNT; i++) *slots[i] = (uintptr_t)REPLACED[i].replacement;
  protect(table, count, PROT_READ);
  return true;
}

/* giveUpPlatformThreads() -> whether V8 will hand nothing over any more */
static napi_value give_up_platform_threads(napi_env env, napi_callback_info info) {
  napi_value result;
  napi_get_boolean(env, give_up_threads(), &result);
  return result;
}

void mp_fork_platform_exports(napi_env env, napi_value exports) { mp_export(env, exports, "giveUpPlatformThreads", give_up_platform_threads); }
