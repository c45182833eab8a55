/*
 * The byte ring: src/substrate/ring-memory.ts, with a lock around each side as in src/substrate/locked-ring.ts.
 *
 * A ring of three records. A producer puts a message of two records (a beginning, an end), then one of a single record; it may be
 * killed at any step, and the next producer goes on. A consumer takes them, and may be killed as well. A record is written, then
 * committed by one store of the tail; taken, then given up by one store of the head. A sleep ends by itself (the slices of
 * 100 ms) only when nothing else can happen.
 *
 * holds: what is delivered was committed, is whole and in order, and comes once from each consumer; in the end all is read, and
 *   what the last producer put is delivered
 * holds NO_DEATHS: while nobody is killed, the wake-ups need no slices
 * fails COMMIT_FIRST: a tail that is stored before the record is written
 * fails KEEPS_BEGINNING: a consumer that goes on with a beginning whose producer died delivers a mixture
 * fails NO_REFRESH: the next consumer begins where it was when it was opened
 * fails NO_SECOND_LOOK: a side that does not look again after it has said that it sleeps
 * fails NO_SLICES: known limit: a producer killed between its commit and its wake; 100 ms lost
 */
#ifdef NO_SECOND_LOOK
#define NO_DEATHS
#endif
#if !defined(NO_DEATHS) && !defined(NO_SLICES)
#define SLICES
#endif
#define CAPACITY 3
#define GARBAGE 99
#define FIRST 1
#define LAST 2

/* A record: message * 4 + flags. */
byte data[CAPACITY] = GARBAGE;
byte tail, head, delivered, ended;
bool put_lock, get_lock;
bool waits[2], asleep[2]; /* 0: a producer, 1: a consumer */
byte sequence[2];
bool killed[4];

/* wakeSleeper() */
inline wake(side) {
  if
  :: waits[side] ->
     waits[side] = false;
     sequence[side]++;
     atomic {
       found = asleep[side];
       asleep[side] = false
     }
     if
     :: found -> waits[side] = true
     :: else
     fi
  :: else
  fi
}

#define ROOM (own_tail - head < CAPACITY)
#define READABLE (own_head != tail)

/* sleepUntil() of sleepForRoom() and sleepForRecord() */
inline sleep_until(ready, side) {
  do
  :: before = sequence[side];
     waits[side] = true;
#ifndef NO_SECOND_LOOK
     if
     :: ready -> break
     :: else
     fi;
#endif
     atomic { asleep[side] = (sequence[side] == before) };
end_asleep:
     if
     :: !asleep[side]
#ifdef SLICES
     :: timeout && ready -> asleep[side] = false
#endif
     fi;
     if
     :: ready -> break
     :: else
     fi
  od
}

proctype Producer(byte me; byte message) {
  byte record, own_tail, before;
  bool found;
  {
    atomic { !put_lock && (me == 0 || ended == 1) -> put_lock = true };
    own_tail = tail; /* refresh(), then #record() and #publish() for each */
    do
    :: record == 3 -> break
    :: else ->
       if
       :: ROOM
       :: else -> sleep_until(ROOM, 0)
       fi;
#ifdef COMMIT_FIRST
       tail = own_tail + 1;
#endif
       data[own_tail % CAPACITY] = (record == 2 -> (message + 1) * 4 + (FIRST | LAST) : message * 4 + record + 1);
       own_tail++;
#ifndef COMMIT_FIRST
       tail = own_tail;
#endif
       record++;
       wake(1)
    od;
    atomic { put_lock = false; ended++ }
  } unless { atomic { killed[me] -> asleep[0] = false; put_lock = false; ended++ } }
}

proctype Consumer(byte me) {
  byte own_head, seen, partial, before;
  bool found;
  {
    own_head = 0;
end_next:
    (me == 2 || killed[2]);
    atomic { !get_lock -> get_lock = true };
#ifndef NO_REFRESH
    own_head = head; /* refresh() */
#endif
    do
    :: if
       :: READABLE
       :: else -> sleep_until(READABLE, 1)
       fi;
       seen = data[own_head % CAPACITY]; /* read(), #deliver(), #collect() */
       assert(seen != GARBAGE);
       if
       :: (seen & 3) == (FIRST | LAST) -> partial = 0; assert(me == 3 || seen / 4 > delivered); delivered = seen / 4
       :: (seen & 3) == FIRST ->
#ifdef KEEPS_BEGINNING
          partial = (partial == 0 -> seen / 4 : partial)
#else
          partial = seen / 4
#endif
       :: (seen & 3) == LAST && partial != 0 ->
          assert(partial == seen / 4 && (me == 3 || partial > delivered));
          delivered = partial;
          partial = 0
       :: (seen & 3) == LAST && partial == 0 /* an end without a beginning is dropped */
       fi;
       own_head++;
       d_step { data[(own_head - 1) % CAPACITY] = GARBAGE; head = own_head };
       wake(0)
    od
  } unless { atomic { killed[me] -> asleep[1] = false; get_lock = false } }
}

#ifdef SLICES
#define SLICE_LEFT ((asleep[1] && head != tail) || (asleep[0] && tail - head < CAPACITY))
#else
#define SLICE_LEFT false
#endif

active proctype Watcher() {
end_watch:
  timeout && !SLICE_LEFT -> assert(head == tail && (ended < 2 || delivered == 4) && !asleep[0])
}

init {
  atomic { run Producer(0, 1); run Producer(1, 3); run Consumer(2); run Consumer(3) };
#ifndef NO_DEATHS
  do
  :: killed[0] = true
  :: killed[2] = true
  :: break
  od
#endif
}
