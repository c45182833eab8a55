/* Words of the arena that both C and TypeScript touch. The TypeScript side has the same constants in
 * src/substrate/layout.ts; a test compares the two through addon.layout. */
#pragma once
#include <stdint.h>

/* A lock word. */
#define MP_LOCK_WAITERS 0x80000000u
#define MP_LOCK_OWNER_DIED 0x40000000u
#define MP_LOCK_OWNER_MASK 0x3fffffffu
/* Words of a lock's line. All of them are hints: whatever they are, nobody is stranded. */
#define MP_LOCK_CROWD 2     /* 1: threads slept lately, so a release wakes one and leaves WAITERS */
#define MP_LOCK_TURN 3      /* until when newcomers stand back for threads that waited long: ms, low 32 bits; 0: not */
#define MP_LOCK_LOOP_TURN 4 /* the same for event loops */

/* The participants table: one slot per process or thread that has a doorbell. */
#define MP_PARTICIPANTS_OFFSET 4096
#define MP_PARTICIPANT_BYTES 64
#define MP_PARTICIPANT_COUNT 4032
#define MP_SLOT_STATE 0 /* generation << 2 | state */
#define MP_SLOT_PID 1
#define MP_SLOT_START_LOW 2  /* start time of the process in clock ticks since boot */
#define MP_SLOT_START_HIGH 3
#define MP_SLOT_DOORBELL 4   /* number of the doorbell's write end in that process */
#define MP_SLOT_ARMED 5      /* 1: wants to be rung; 2: listens awake (doorbell.ts) */
#define MP_STATE_MASK 3
#define MP_STATE_FREE 0
#define MP_STATE_CLAIMED 1 /* being filled in, or reserved for a child */
#define MP_STATE_LIVE 2

/* Number of participant slots ever used: ringing everybody stops there. */
#define MP_HEADER_SLOTS_USED 8
/* The family's first process, and its start time in clock ticks since boot. */
#define MP_HEADER_FOUNDER_PID 16
#define MP_HEADER_FOUNDER_START_LOW 17
#define MP_HEADER_FOUNDER_START_HIGH 18
/* Descriptors of the first process, each as its number and one; 0: none. By the one its supervisor is told what to do, by
 * the other its keeper of descriptors is reached; then how many of them it has. */
#define MP_HEADER_SUPERVISOR 20
#define MP_HEADER_KEEPER 21
#define MP_HEADER_KEPT 22
