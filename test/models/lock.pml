/*
 * The lock word: native/guardian.c, src/substrate/lock-word.ts, src/sync/lock-core.ts, and the kernel's robust-list rules.
 *
 * Two threads and a third party, thread or event loop; the two may be killed at any step. Who sleeps while nothing else can
 * happen is an invalid end state: no sleep ends by itself here, so the wake-ups alone must do. (But one who stands back for
 * somebody else's turn looks again when he likes: there is a time limit.) The kernel is modelled as it is: a death marks an
 * owned word and wakes one, and where an operation is pending on a word without owner it wakes one; a release that
 * publishes and wakes in one system call (FUTEX_WAKE_OP) is one step.
 *
 * holds: one owner at a time; who sleeps has WAITERS in the word; nobody sleeps for ever, whoever is killed
 * fails NO_PENDING: without list_op_pending a waiter killed after it was woken strands the next
 * fails NO_REAPER: event loops hear of a death from the parent only
 * fails TWO_STEPS: a release that publishes 0 and then wakes; another takes the word without WAITERS while the waker dies
 * fails CLEARS_FOR_ONE: a release that takes WAITERS away but wakes only one
 */
#define N 3
#define OWNER 7
#define DIED 8
#define WAITERS 16
#define TURNS 1

byte word, inside;
bool many, fair, late;
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
#define ANY_SLEEPS (asleep[0] || asleep[1] || asleep[2])

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
  fresh = true;
  do
  :: seen = word;
     if
     :: (seen & OWNER) == 0 && (seen & DIED) && !recover -> atomic { wake_all(); result = POISONED }; break
     :: seen == WAITERS && fresh && fair && may_sleep ->
        many = true;
        atomic {
          if
          :: word == seen -> asleep[me] = true
          :: else
          fi
        }
        if
        :: !asleep[me]
        :: asleep[me] = false /* his time is up */
        fi;
        fresh = false
     :: (seen & OWNER) == 0 && (!(seen & DIED) || recover) ->
        take((me + 1) | (seen & WAITERS));
        if
        :: result == TAKEN -> break
        :: else
        fi
     :: (seen & OWNER) != 0 && !may_sleep -> result = TIMED_OUT; break
     :: (seen & OWNER) != 0 && may_sleep ->
        result = TIMED_OUT; break /* gives up */
     :: (seen & OWNER) != 0 && may_sleep ->
        many = true;
        atomic {
          if
          :: word == seen -> word = seen | WAITERS; result = TAKEN
          :: else -> result = RETRY
          fi
        }
        if
        :: result == RETRY
        :: result == TAKEN ->
           atomic {
             if
             :: word == (seen | WAITERS) -> asleep[me] = true
             :: else
             fi
           }
           !asleep[me];
           fresh = false;
           if
           :: fair = true /* has waited for long */
           :: skip
           fi
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
#ifdef TWO_STEPS
     atomic { word = 0 };
     atomic { wake_one() };
#else
     if
     :: !many && !fair ->
        atomic {
          word = 0;
#ifdef CLEARS_FOR_ONE
          wake_one()
#else
          wake_all()
#endif
        }
     :: else ->
        atomic { woke = ANY_SLEEPS; word = WAITERS; wake_one() };
        if
        :: !woke -> many = false; fair = false
        :: else
        fi
     fi;
#endif
     pending[me] = false;
     atomic { ring_all() }
  fi
}

active proctype Watcher() {
end_watch:
  (ANY_SLEEPS && !(word & WAITERS)) -> assert(false)
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
  byte seen, turn;
  bool holding, fresh, woke;
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
  byte seen;
  bool holding, fresh, woke;
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
    if
    :: run EventLoop(2)
    :: run Thread(2)
    fi
  }
  do /* kills whom it likes, when it likes */
  :: killed[0] = true
  :: killed[1] = true
  :: !late -> atomic { late = true; many = false } /* a releaser of before, that found nobody asleep */
  :: break
  od
}
