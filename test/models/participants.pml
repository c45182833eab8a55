/*
 * The reuse of a participant's slot: claimSlot, enterSlot and freeSlot of src/substrate/participants.ts, reclaimParticipant of self.ts.
 *
 * Two parents start two children each, one after the other, in the same slot; the first parent may be killed at any step together
 * with its child, and a reaper then frees what it had claimed. The state word (generation, state) changes by
 * compare-exchange; the other words of a slot are stored one by one. A child that ends well puts its slot back to CLAIMED, then
 * its parent frees it, once or twice.
 *
 * holds: a slot is freed only for the participant that has it; in the end it is free, but where a parent was killed between
 *   its compare-exchange and saying for which generation it is the claimer
 * fails ANY_GENERATION: who frees a slot without looking at its generation takes it from the next one
 * fails STALE_CLAIMER: a claimer that is not tied to a generation is, for a moment, the one before
 * fails CLAIMER_FIRST: a reaper that reads the claimer before the generation
 * fails NO_REAPER: what a dead parent had claimed stays
 */
#define FREE 0
#define CLAIMED 1
#define LIVE 2
#define A 1
#define B 2

byte state, generation, claimer, claimed_generation;
byte owner; /* whose claim it is in truth */
bool killed, gone, leaked;

/* A load, then a compare-exchange: freeSlot. */
inline free(g) {
  atomic { seen_state = state; seen_generation = generation };
  if
#ifdef ANY_GENERATION
  :: seen_state != FREE ->
#else
  :: seen_state != FREE && seen_generation == g ->
#endif
     atomic {
       if
       :: state == seen_state && generation == seen_generation -> assert(owner == me); state = FREE; owner = 0
       :: else
       fi
     }
  :: else
  fi
}

/* claimSlot(), then the child's enterSlot() and end, then freeSlot() */
proctype Parent(byte me) {
  byte turn, mine, seen_state, seen_generation;
  {
    do
    :: turn == 2 -> break
    :: else ->
       turn++;
end_claims: /* there are other slots */
       atomic { state == FREE -> generation++; state = CLAIMED; mine = generation; owner = me };
       claimer = me;
       claimed_generation = mine;
       if
       :: atomic { assert(owner == me && generation == mine); state = LIVE }; /* its child enters */
          if
          :: atomic { assert(owner == me && generation == mine); state = CLAIMED } /* ends well */
          :: true
          fi
       :: true /* could not be started */
       fi;
       free(mine);
       if
       :: free(mine) /* a start that failed may be undone after its end was seen */
       :: true
       fi
    od
  } unless {
    atomic {
      killed && me == A;
      gone = true;
      leaked = (owner == A && (claimer != A || claimed_generation != generation))
    }
  }
}

/* Whoever finds A dead: reclaim() of self.ts. */
proctype Reaper() {
  byte me = A, seen_state, seen_generation, mine;
  bool is_claimed;
end_unneeded:
  gone;
#ifndef NO_REAPER
  /* claimedBy(): the words of the slot one by one */
  atomic { seen_state = state; mine = generation };
  is_claimed = (seen_state != FREE);
#ifdef CLAIMER_FIRST
  is_claimed = is_claimed && claimer == A;
  is_claimed = is_claimed && claimed_generation == mine;
#else
#ifndef STALE_CLAIMER
  is_claimed = is_claimed && claimed_generation == mine;
#endif
  is_claimed = is_claimed && claimer == A;
#endif
  if
  :: is_claimed -> free(mine)
  :: else
  fi
#endif
}

active proctype Watcher() {
end_watch:
  timeout -> assert(state == FREE || leaked)
}

init {
  atomic { run Parent(A); run Parent(B); run Reaper() };
  if
  :: killed = true
  :: true
  fi
}
