/*
 * Conditions: src/sync/condition.ts, src/substrate/member-cells.ts; waking and ringing at the wait point are one step here.
 *
 * Participant 0 has two waits in one event loop, 1 and 2 have one each; 2 may run out of time. When all of them wait, two
 * notifications are given. At most one participant or the notifier is killed, at any step; whoever finds the dead empties its
 * cell, gives on what it had been notified of and had not taken, and wakes all. A cell is how many wait there and how many of
 * these are notified, in one word.
 *
 * holds: no more wake than were notified; no more are notified than wait; when nothing else can happen nobody who lives sleeps
 *   beside a notification of his, and none was lost while somebody waits
 * fails LOST_WITH_DEAD: what the dead had been notified of and had not taken is gone
 * fails NO_DEATH_WAKE: a notifier killed before it woke strands the notified
 * fails TAKEN_EARLY: a waiter that takes its notification before it has the lock again dies with it
 * fails LATE_COUNT: a wait that is counted after the lock was given up misses a notification
 * fails LEAVES_NOTIFIED: one whose time runs out takes itself off and leaves its notification behind
 */
#define WAITING (waits[0] + waits[1] + waits[2])
#define NOTIFIED (notified[0] + notified[1] + notified[2])

#ifdef TAKEN_EARLY
#define TO_SERVE true
#else
#define TO_SERVE (notified[me] > served)
#endif

byte waits[3], notified[3]; /* the cells */
bool rung[3], entered[3], killed[4], dead[3];
byte given, taken, lost;

/* WaitPoint.wake() */
inline wake_all() { rung[0] = true; rung[1] = true; rung[2] = true }

/* The compare-exchange of giveNotifications, to whoever waits and has none. */
inline give_one() {
  atomic {
    found = false;
    if
    :: notified[0] < waits[0] -> notified[0]++; found = true
    :: notified[1] < waits[1] -> notified[1]++; found = true
    :: notified[2] < waits[2] -> notified[2]++; found = true
    :: else
    fi
  }
}

/* MemberCells.free(), then died() */
inline die() {
  atomic { killed[me]; left = notified[me]; waits[me] = 0; notified[me] = 0; dead[me] = true; entered[me] = true };
#ifdef LOST_WITH_DEAD
  lost = lost + left;
#else
  do
  :: left > 0 ->
     give_one();
     if
     :: found -> left--
     :: else -> atomic { lost = lost + left; assert(WAITING == NOTIFIED); left = 0 }
     fi
  :: else -> break
  od;
#endif
#ifndef NO_DEATH_WAKE
  wake_all();
#endif
  skip
}

/* wait(), waitSync() */
proctype Waiter(byte me; byte count; bool may_leave) {
  byte mine = count, left, served;
  bool found;
  {
#ifdef LATE_COUNT
    entered[me] = true;
    waits[me] = count;
#else
    atomic { waits[me] = count; entered[me] = true }; /* #enter(), then the lock is given up */
#endif
    do
    :: mine == 0 -> break
    :: served > 0 -> /* has the lock again: #consume() */
       atomic {
         served--; mine--; taken++;
         assert(taken <= given);
#ifndef TAKEN_EARLY
         notified[me]--; waits[me]--
#endif
       }
    :: mine > served ->
       atomic { /* #serve */
         if
         :: notified[me] > 0 && TO_SERVE ->
            served++;
#ifdef TAKEN_EARLY
            notified[me]--; waits[me]--
#endif
         :: else -> rung[me] = false
         fi
       }
       if
       :: served > 0
       :: else ->
end_asleep:
          if
          :: rung[me]
          :: may_leave -> /* its time is up, #leave(): is served after all, or takes itself off */
             atomic {
               if
#ifndef LEAVES_NOTIFIED
               :: notified[me] >= waits[me] -> served++
#endif
               :: else -> mine--; waits[me]--
               fi
             }
          fi
       fi
    od
  } unless { die() }
}

/* notify() */
proctype Notifier() {
  byte turn;
  bool found;
  {
    entered[0] && entered[1] && entered[2];
    do
    :: turn < 2 ->
       turn++;
       atomic {
         give_one();
         if
         :: found -> given++
         :: else -> assert(WAITING == NOTIFIED)
         fi
       }
       if
       :: found -> wake_all()
       :: else
       fi
    :: else -> break
    od
  } unless {
    killed[3];
#ifndef NO_DEATH_WAKE
    wake_all()
#endif
  }
}

active proctype Watcher() {
end_watch:
  timeout ->
    assert(notified[0] == 0 && notified[1] == 0 && notified[2] == 0);
    assert(given == taken + lost && (lost == 0 || WAITING == 0))
}

init {
  atomic {
    run Waiter(0, 2, false);
    run Waiter(1, 1, false);
    run Waiter(2, 1, true);
    run Notifier()
  }
  if
  :: killed[0] = true
  :: killed[1] = true
  :: killed[2] = true
  :: killed[3] = true
  :: true
  fi
}
