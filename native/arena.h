/* The family's shared memory: one sparse sealed memfd, mapped once per process for the process's life. */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint8_t *base;
  size_t size;
  int fd;
} mp_arena_t;

/* The mapping of this process, or NULL before create or attach. */
mp_arena_t *mp_arena(void);
/* Both: 0, or an errno with the failing call's name. A second call is EALREADY. */
int mp_arena_create(size_t size, const char **syscall_name);
int mp_arena_attach(int fd, const char **syscall_name);
/* Makes the pages real, so that touching them can never raise SIGBUS; ENOSPC and ENOMEM are answers. */
int mp_arena_reserve(size_t offset, size_t length);
/* Gives the pages back; they read as zero afterwards. */
int mp_arena_discard(size_t offset, size_t length);
/* The word at `offset`, or NULL where it lies outside or is not aligned. */
uint32_t *mp_arena_word(double offset);
