/*
 * The doorbell of an event loop: src/substrate/doorbell.ts and before_sleep() of native/doorbell.c.
 *
 * Two senders publish two pieces of work each and ring; the receiver takes all that is published, arms, looks again, listens awake or
 * does not, for as long as it likes, and sleeps until there is a byte in its pipe. One sender may be killed at any step; its
 * parent's supervisor then rings. Where nothing else can happen, the receiver must have taken everything.
 *
 * holds: everything published is taken, whether a sender is killed or not
 * holds NO_DEATHS: rings alone do it
 * fails NO_SECOND_LOOK: a receiver that does not look again after it has armed
 * fails STORES_BACK: a listener that goes to sleep by a store overwrites a ring that had no byte
 * fails NO_BYTE: a sender that takes the word of one that sleeps for that of a listener
 * fails NO_DIED_RING: a sender killed between taking the word and its byte is made up for by the ring at its death
 */
#if defined(NO_SECOND_LOOK) || defined(STORES_BACK) || defined(NO_BYTE)
#define NO_DEATHS
#endif
#define BUSY 0
#define ASLEEP 1
#define LISTENING 2
#define SENDERS 2
#define EACH 2

byte armed, published, taken;
bool byte_in_pipe;
bool dead;

/* Bell.ring() */
inline ring() {
  seen = armed;
  do
  :: seen == BUSY -> break
  :: else ->
     atomic {
       was = armed;
       if
       :: was == seen -> armed = BUSY
       :: else
       fi
     }
     if
     :: was == seen ->
        if
        :: seen == LISTENING
#ifdef NO_BYTE
        :: seen == ASLEEP
#else
        :: seen == ASLEEP -> byte_in_pipe = true
#endif
        fi;
        break
     :: else -> seen = was
     fi
  od
}

proctype Sender(bool mortal) {
  byte seen, was, i;
  {
    do
    :: i < EACH ->
       published++;
       ring();
       i++
    :: else -> break
    od
  } unless { mortal && dead };
#ifndef NO_DIED_RING
  if
  :: mortal && dead -> byte_in_pipe = true /* the supervisor rings everybody */
  :: else
  fi
#endif
}

proctype Killer() {
#ifndef NO_DEATHS
  if
  :: dead = true
  :: skip
  fi
#else
  skip
#endif
}

proctype Receiver() {
  bool rung;
  do
  :: /* turn(): the pumps, arming, the pumps once more */
     taken = published;
     armed = ASLEEP;
#ifndef NO_SECOND_LOOK
     taken = published;
#endif
     /* before_sleep() */
     rung = false;
     if
     :: skip
     :: atomic {
          if
          :: armed == ASLEEP -> armed = LISTENING
          :: else -> goto sleep
          fi
        };
        if
        :: armed != LISTENING -> rung = true
        :: skip ->
#ifdef STORES_BACK
           armed = ASLEEP
#else
           atomic {
             if
             :: armed == LISTENING -> armed = ASLEEP
             :: else -> rung = true
             fi
           }
#endif
        fi
     fi;
     if
     :: rung -> goto again
     :: else
     fi;
sleep:
     if
     :: byte_in_pipe -> byte_in_pipe = false
     :: timeout ->
        assert(taken == published);
        break
     fi;
again:
     skip
  od
}

init {
  atomic {
    run Receiver();
    run Sender(true);
    run Sender(false);
    run Killer()
  }
}
