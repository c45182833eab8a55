/*
 * The lock word: native/guardian.c, src/substrate/lock-word.ts, src/sync/lock-core.ts, and the kernel's robust-list rules.
 *
 * Two threads and a third party, thread or event loop; the two may be killed at any step. Who sleeps while nothing else can
 * happen is an invalid end state. The kernel is modelled as it is: a death marks an owned word and wakes one, and where an
 * operation is pending on a word without owner it wakes one. A sleep ends by itself only when nothing else can happen (the
 * slices of 100 ms); PAIR and what implies it do without: then the wake-ups alone must do.
 *
 * holds: one owner at a time; nobody sleeps for ever, whoever is killed
 * holds PAIR: two threads need no slices
 * fails NO_PENDING: without list_op_pending a death between unlocking and waking strands a waiter of the pair
 * fails NO_REAPER: event loops hear of a death from the parent only
 * fails NO_SLICES: known limit: of three, one takes and gives up the word without WAITERS while a waker dies; 100 ms lost
 */
#define N 3
#define OWNER 7
#define DIED 8
#define WAITERS 16
#define TURNS 1
#ifdef NO_PENDING
#define PAIR
#endif
#if !defined(PAIR) && !defined(NO_SLICES)
#define SLICES
#endif

byte word, inside;
bool pending[N], asleep[N], rung[N], cell[N], killed[N];
mtype = { RETRY, TAKEN, POISONED, TIMED_OUT };

inline wake_one() {
  if
  :: asleep[0] -> asleep[0] = false
  :: asleep[1] -> asleep[1] = false
  :: asleep[2] -> asleep[2] = false
  :: else
  fi
}
inline wake_all() { asleep[0] = false; asleep[1] = false; asleep[2] = false }
inline ring_all() { rung[0] = rung[0] || cell[0]; rung[1] = rung[1] || cell[1]; rung[2] = rung[2] || cell[2] }

inline begin_operation() {
#ifndef NO_PENDING
  pending[me] = true
#else
  skip
#endif
}

inline take(wanted) {
  atomic {
    if
    :: word == seen -> word = wanted; result = TAKEN; holding = true; inside++; assert(inside == 1)
    :: else -> result = RETRY
    fi
  }
}

inline acquire_slowly(recover, may_sleep) {
  begin_operation();
  waiters = 0;
  do
  :: seen = word;
     if
     :: (seen & OWNER) == 0 && (seen & DIED) && !recover -> atomic { wake_all(); result = POISONED }; break
     :: (seen & OWNER) == 0 && (!(seen & DIED) || recover) ->
        take((me + 1) | waiters | (seen & WAITERS));
        if
        :: result == TAKEN -> break
        :: else
        fi
     :: (seen & OWNER) != 0 && !may_sleep -> result = TIMED_OUT; break
     :: (seen & OWNER) != 0 && may_sleep ->
        atomic {
          if
          :: word == seen -> word = seen | WAITERS; result = TAKEN
          :: else -> result = RETRY
          fi
        }
        if
        :: result == RETRY
        :: result == TAKEN -> result = TIMED_OUT; break /* gives up, the bit stays */
        :: result == TAKEN ->
           atomic {
             if
             :: word == (seen | WAITERS) -> asleep[me] = true
             :: else
             fi
           }
           if
           :: !asleep[me]
#ifdef SLICES
           :: timeout -> asleep[me] = false
#endif
           fi;
           waiters = WAITERS
        fi
     fi
  od;
  pending[me] = false
}

inline release() {
  atomic { holding = false; inside--; result = RETRY };
  atomic {
    if
    :: word == me + 1 -> word = 0; result = TAKEN
    :: else
    fi
  }
  if
  :: result == TAKEN
  :: else ->
     begin_operation();
     atomic { seen = word; word = 0 };
     if
     :: seen & WAITERS -> atomic { wake_one() }
     :: else
     fi;
     pending[me] = false;
     if
     :: seen & WAITERS -> atomic { ring_all() }
     :: else
     fi
  fi
}

/* What the kernel does at a death, and then the parent. */
inline die() {
  atomic {
    killed[me] -> asleep[me] = false;
    if
    :: holding -> inside--; holding = false
    :: else
    fi;
    if
    :: pending[me] && (word & OWNER) == 0 -> wake_one()
    :: else ->
       if
       :: (word & OWNER) == me + 1 ->
          word = (word & WAITERS) | DIED;
          if
          :: word & WAITERS -> wake_one()
          :: else
          fi
       :: else
       fi
    fi;
    pending[me] = false; cell[me] = false
  };
#ifndef NO_REAPER
  atomic { ring_all() }
#endif
}

proctype Thread(byte me) {
  byte seen, waiters, turn;
  bool holding;
  mtype result;
  {
    do
    :: turn < TURNS ->
       turn++;
       atomic {
         if
         :: word == 0 -> word = me + 1; holding = true; inside++; assert(inside == 1); result = TAKEN
         :: else -> result = RETRY
         fi
       }
       if
       :: result == TAKEN
       :: else -> acquire_slowly(false, true)
       fi;
       if
       :: result == POISONED -> acquire_slowly(true, true)
       :: else
       fi;
       if
       :: result == TAKEN -> release()
       :: else
       fi
    :: else -> break
    od
  } unless { die() }
}

proctype EventLoop(byte me) {
  byte seen, waiters;
  bool holding;
  mtype result;
  {
    cell[me] = true;
    do
    :: seen = word;
       if
       :: (seen & OWNER) == 0 ->
          acquire_slowly(true, false);
          if
          :: result == TAKEN -> break
          :: else
          fi
       :: else ->
          result = RETRY;
          if
          :: seen & WAITERS -> result = TAKEN
          :: else ->
             atomic {
               if
               :: word == seen -> word = seen | WAITERS; result = TAKEN
               :: else
               fi
             }
          fi;
          if
          :: result == TAKEN -> atomic { rung[me] -> rung[me] = false }
          :: else
          fi
       fi
    od;
    cell[me] = false;
    release()
  } unless { die() }
}

init {
  atomic {
    run Thread(0);
    run Thread(1);
#ifndef PAIR
    if
    :: run EventLoop(2)
    :: run Thread(2)
    fi
#endif
  }
  do /* kills whom it likes, when it likes */
  :: killed[0] = true
  :: killed[1] = true
  :: break
  od
}
