/*
 * Counts of a shared object: src/substrate/holds.ts, src/substrate/shared-piece.ts, reclaimParticipant of self.ts.
 *
 * A maker holds the object and sends it to two others (each message counts as a hold). Each opens it (count, then list), uses
 * it and lets go (list, then count); any may be killed at any step, and its parent takes over what its list names.
 *
 * holds: the object is never freed while somebody who lives holds it, and never twice
 * fails MESSAGE_FIRST: a receiver that gives the message's hold back before it has its own uses what is freed
 * fails UNLISTED_LAST: a hold taken off the list after it was given back is given back twice
 */
#define N 3

byte count = 3; /* the maker's and two messages */
bool listed[N], holds[N], killed[N];
bool freed;

inline lower() {
  atomic {
    assert(count > 0 && !freed);
    count--;
    if
    :: count == 0 -> freed = true; assert(!holds[0] && !holds[1] && !holds[2])
    :: else
    fi
  }
}

inline use() { assert(!freed) }

inline let_go() {
#ifdef UNLISTED_LAST
  holds[me] = false;
  lower();
  listed[me] = false
#else
  atomic { listed[me] = false; holds[me] = false };
  lower()
#endif
}

inline die() {
  atomic { killed[me] -> holds[me] = false; was = listed[me]; listed[me] = false };
  if
  :: was -> lower()
  :: else
  fi
}

proctype Maker(byte me) {
  bool was;
  { use(); let_go() } unless { die() }
}

proctype Receiver(byte me) {
  bool was;
  {
#ifdef MESSAGE_FIRST
    lower();
#endif
    atomic { assert(!freed); count++; holds[me] = true };
    listed[me] = true;
#ifndef MESSAGE_FIRST
    lower();
#endif
    use();
    let_go()
  } unless { die() }
}

init {
  atomic { listed[0] = true; holds[0] = true; run Maker(0); run Receiver(1); run Receiver(2) };
  do
  :: killed[0] = true
  :: killed[1] = true
  :: killed[2] = true
  :: break
  od
}
