/*
 * Permits that know their owners: src/sync/owned-permits.ts.
 *
 * Three participants take and give back two permits, each a word of its own; any of them may be killed at any step, and the
 * parent of the dead frees what they had. A fourth gives back a permit that is not its own, if there is one.
 *
 * holds: never more holders than permits; in the end every permit is free, whoever is killed
 * fails NO_RETURN: without the parent, permits of the dead are lost
 * fails BLIND_TAKE: a permit taken by a store instead of a compare-exchange has two owners
 */
#define N 3
#define PERMITS 2

byte word[PERMITS]; /* 0: free, else owner + 1 */
bool killed[N], given[N];

proctype Participant(byte me) {
  byte at = PERMITS, from;
  bool has;
  {
    do
    :: !has ->
       from = 0;
       do
       :: from < PERMITS && !has ->
          if
          :: word[from] == 0 ->
#ifdef BLIND_TAKE
             atomic { word[from] = me + 1; has = true; at = from }
#else
             atomic {
               if
               :: word[from] == 0 -> word[from] = me + 1; has = true; at = from
               :: else
               fi
             }
#endif
          :: else
          fi;
          from++
       :: else -> break
       od
    :: else -> break
    od;
    atomic { /* given up by the foreign release, or here: once */
      if
      :: word[at] == me + 1 -> word[at] = 0
      :: else -> assert(given[me])
      fi
    }
  } unless {
    killed[me];
#ifndef NO_RETURN
    atomic { word[0] = (word[0] == me + 1 -> 0 : word[0]) };
    atomic { word[1] = (word[1] == me + 1 -> 0 : word[1]) }
#endif
  }
}

proctype Stranger() {
  byte seen;
  seen = word[0];
  atomic {
    if
    :: seen > 0 && word[0] == seen -> word[0] = 0; given[seen - 1] = true
    :: else
    fi
  }
}

active proctype Watcher() {
  timeout -> assert(_nr_pr == 1 && word[0] == 0 && word[1] == 0)
}

init {
  atomic { run Participant(0); run Participant(1); run Participant(2); run Stranger() };
  do
  :: killed[0] = true
  :: killed[1] = true
  :: break
  od
}
