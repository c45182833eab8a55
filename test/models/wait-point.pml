/*
 * The wait point: src/substrate/wait-point.ts, with something counted to wait for (src/sync/counted-permits.ts).
 *
 * Two threads and an event loop wait for permits, a waker publishes three of them one by one. One of them, a thread, the
 * event loop or the waker, is killed at some step; the parent of the dead wakes all (`died`). When nothing else can happen, a thread that
 * sleeps looks again once (the slices of 100 ms); after that, nobody may sleep while there is a permit.
 *
 * holds: no more permits are taken than were given; nobody sleeps while there is one, whoever of them is killed
 * holds NO_DEATHS: the wake-ups alone do it, without slices, while nobody is killed
 * fails NO_SECOND_LOOK: a waiter that does not try again after it has made itself known
 * fails NO_DIED_WAKE: without the wake at a death, a killed waker strands the event loop
 * fails FLAG_ALWAYS_CLEARED: a waker that does not set SLEEPERS again when it woke as many as it wanted
 * fails NO_SLICES: known limit: a waker killed after it cleared SLEEPERS hides the sleepers from the wake at its death
 */
#if defined(NO_SECOND_LOOK) || defined(FLAG_ALWAYS_CLEARED)
#define NO_DEATHS
#endif
#if !defined(NO_DEATHS) && !defined(NO_SLICES)
#define SLICES
#endif

#ifdef SLICES
#define SLICE_LEFT (permits > 0 && (asleep[0] || asleep[1]))
#else
#define SLICE_LEFT false
#endif
#define N 3
#define MOST 9

byte permits, given, taken, sequence, sleepers;
bool asleep[N], rung[N], cell[N], killed[4];

inline wake_at_most(count) {
  left = count;
  do
  :: left > 0 && asleep[0] -> asleep[0] = false; left--
  :: left > 0 && asleep[1] -> asleep[1] = false; left--
  :: left == 0 || (!asleep[0] && !asleep[1]) -> break
  od
}
inline ring_all() { rung[0] = rung[0] || cell[0]; rung[1] = rung[1] || cell[1]; rung[2] = rung[2] || cell[2] }

inline wake(count) {
  if
  :: sleepers != 0 ->
     sleepers = 0;
     sequence++;
     atomic { wake_at_most(count); answer = (left == 0) };
#ifndef FLAG_ALWAYS_CLEARED
     if
     :: answer -> sleepers = 1
     :: else
     fi
#endif
  :: else
  fi;
  if
  :: cell[0] || cell[1] || cell[2] -> ring_all()
  :: else
  fi
}

inline attempt() {
  atomic {
    if
    :: permits > 0 -> permits--; taken++; got = true; assert(taken <= given)
    :: else -> got = false
    fi
  }
}

inline die(who) {
  atomic { killed[who] -> skip };
#ifndef NO_DIED_WAKE
  wake(MOST)
#endif
}

proctype Thread(byte me) {
  byte seen, left;
  bool got, answer;
  {
    attempt();
    do
    :: got -> break
    :: else ->
       seen = sequence;
       sleepers = 1;
#ifndef NO_SECOND_LOOK
       attempt();
#endif
       if
       :: got -> break
       :: else ->
          atomic {
            if
            :: sequence == seen -> asleep[me] = true
            :: else
            fi
          }
end_asleep:
          if
          :: !asleep[me]
#ifdef SLICES
          :: timeout && permits > 0 -> asleep[me] = false
#endif
          fi;
#ifdef NO_SECOND_LOOK
          attempt()
#endif
       fi
    od
  } unless { atomic { killed[me] -> asleep[me] = false }; die(me) }
}

proctype EventLoop(byte me) {
  byte left;
  bool got, answer;
  {
    cell[me] = true;
    do
    :: attempt();
       if
       :: got -> break
       :: else
       fi;
end_asleep:
       atomic { rung[me] -> rung[me] = false }
    od;
    cell[me] = false
  } unless { atomic { killed[me] -> cell[me] = false }; die(me) }
}

proctype Waker() {
  byte turn, left;
  bool answer;
  {
    do
    :: turn < N -> turn++; atomic { permits++; given++ }; wake(1)
    :: else -> break
    od
  } unless { die(3) }
}

/* When nothing else can happen, nobody sleeps while there is a permit. */
active proctype Watcher() {
end_watch:
  timeout && !SLICE_LEFT -> assert(permits == 0 || !(asleep[0] || asleep[1] || (cell[2] && !killed[2])))
}

init {
  atomic { run Thread(0); run Thread(1); run EventLoop(2); run Waker() };
#ifndef NO_DEATHS
  if
  :: killed[0] = true
  :: killed[2] = true
  :: killed[3] = true
  fi
#endif
}
