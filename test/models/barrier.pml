/*
 * Barriers: src/sync/barrier.ts, src/substrate/member-cells.ts; waking and ringing at the wait point are one step here.
 *
 * Three parties pass a barrier of three twice. One may be killed at any step, another one's time may run out, and a stranger
 * may reset the barrier once. The state word (generation, arrived, broken) and each cell (generation, inside) change by one
 * compare-exchange or store. Whoever finds a dead party breaks the barrier if it was inside the present generation.
 *
 * holds: who passes passed with all; no generation is both passed and broken; when nothing else can happen nobody who lives waits
 *   in a barrier that is broken, or in a generation that is over, or with a dead party
 * fails NO_DEATH_BREAK: the living wait for a dead party
 * fails NOTED_LATE: a party that notes itself inside after it has arrived can die unnoticed
 * fails NO_DEATH_WAKE: the last party dies between releasing the others and waking them
 * fails RESET_UNNOTED: who waits through a reset takes it for a release
 * fails RESET_BREAKS: a reset that shows itself as broken turns those away who come meanwhile
 * fails BREAKS_ANY: a death, or a time that runs out, breaks a later generation in which it had no part
 */
#define N 3
#define ROUNDS 2

/* The state word. */
byte generation, arrived;
bool broken, resetting;
/* The cells. */
byte cell_generation[N], inside[N];
/* What really was: for each generation, whether it was released, reset, broken. */
bool released[8], was_reset[8], noted_reset[8];
bool rung[N], killed[N], waiting[N], died_in[8];
byte in_generation[N];

/* WaitPoint.wake() */
inline wake_all() { rung[0] = true; rung[1] = true; rung[2] = true }

/* breakBarrier(), then the wake of #fail(), abort() or died() */
inline break_in(g) {
  atomic {
    if
#ifdef BREAKS_ANY
    :: !broken && !resetting -> broken = true; did_break = true; assert(g == generation)
#else
    :: !broken && !resetting && generation == g -> broken = true; did_break = true
#endif
    :: else -> did_break = false
    fi
  }
  if
  :: did_break -> wake_all()
  :: else
  fi
}

/* #finishReset(), also by those who come meanwhile */
inline finish_reset() {
#ifndef RESET_UNNOTED
  noted_reset[mine] = true;
#endif
  atomic {
    if
    :: generation == mine && resetting ->
       was_reset[mine] = true; generation++; arrived = 0; broken = false; resetting = false; did_break = true
    :: else -> did_break = false
    fi
  }
  if
  :: did_break -> wake_all()
  :: else
  fi
}

/* #left() */
inline leave() { waiting[me] = false; inside[me] = 0 }

/* MemberCells.free(), then died() */
inline die() {
  atomic { killed[me]; died_in[in_generation[me]] = died_in[in_generation[me]] || waiting[me]; waiting[me] = false; mine = cell_generation[me]; was_inside = inside[me]; inside[me] = 0 };
#ifndef NO_DEATH_BREAK
  if
  :: was_inside > 0 -> break_in(mine)
  :: else
  fi;
#endif
#ifndef NO_DEATH_WAKE
  wake_all();
#endif
  skip
}

proctype Party(byte me; bool may_time_out) {
  byte round, mine, index, seen, was_inside;
  bool failed, did_break, helps;
  {
    do
    :: round == ROUNDS || failed -> break
    :: else ->
       round++;
       index = N;
       do /* #arrive */
       :: index < N || failed -> break
       :: else ->
          atomic {
            mine = generation; seen = arrived; helps = resetting;
#ifdef RESET_BREAKS
            helps = false;
            failed = broken || resetting
#else
            failed = broken && !resetting
#endif
            ;assert(!failed || !resetting)
          };
          if
          :: helps -> finish_reset(); helps = false
          :: failed
          :: !failed && !helps && seen == N -> rung[me] -> rung[me] = false
          :: else ->
#ifndef NOTED_LATE
             atomic { cell_generation[me] = mine; inside[me] = 1 };
#endif
             atomic {
               if
               :: generation == mine && arrived == seen && !broken && !resetting -> arrived++; index = seen; waiting[me] = true; in_generation[me] = mine
               :: else -> inside[me] = 0
               fi
             }
#ifdef NOTED_LATE
             if
             :: index < N -> atomic { cell_generation[me] = mine; inside[me] = 1 }
             :: else
             fi
#endif
          fi
       od;
       if
       :: failed
       :: !failed && index == N - 1 -> /* the last one, after its action: #release(), #begin() */
          atomic {
            if
            :: generation == mine && !broken && !resetting && arrived == N ->
               released[mine] = true; assert(!was_reset[mine]); generation++; arrived = 0
            :: else -> failed = true
            fi
          }
          if
          :: !failed -> wake_all()
          :: else
          fi;
          leave()
       :: else ->
          do /* #released() */
          :: atomic {
               if
               :: generation == mine && !broken && !resetting -> seen = 0; rung[me] = false
               :: generation != mine && !noted_reset[mine] -> seen = 1
               :: else -> seen = 2
               fi
             }
             if
             :: seen == 1 -> assert(released[mine]); break
             :: seen == 2 -> failed = true; assert(!released[mine]); break
             :: else ->
end_waits:
                if
                :: rung[me]
                :: may_time_out -> failed = true; break_in(mine); break /* #broke() */
                fi
             fi
          od;
          leave()
       fi
    od
  } unless { die() }
}

/* reset() */
proctype Resetter() {
  byte mine;
  bool did_break;
  atomic {
    if
    :: arrived == 0 && !broken -> mine = 100
    :: else -> mine = generation; resetting = true
    fi
  }
  if
  :: mine == 100
  :: else -> finish_reset()
  fi
}

#define WAITS_IN_VAIN(p) (waiting[p] && (broken || resetting || in_generation[p] != generation || died_in[in_generation[p]]))

active proctype Watcher() {
end_watch:
  timeout -> assert(!WAITS_IN_VAIN(0) && !WAITS_IN_VAIN(1) && !WAITS_IN_VAIN(2))
}

init {
  atomic {
    run Party(0, false);
    run Party(1, true);
    run Party(2, false);
    if
    :: run Resetter()
    :: true
    fi
  }
  if
  :: killed[0] = true
  :: killed[2] = true
  :: true
  fi
}
