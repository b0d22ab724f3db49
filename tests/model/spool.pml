/*
 * How a sealed line becomes a kept one, and what may fail on the way: agent and receiver each die at any moment, the
 * serial line drops what it likes, the network delivers in any order. Shown for all interleavings:
 *
 *   once    no session number begins twice
 *   safe    a line that reached the agent's disk reaches the receiver's ledger
 *   told    a line that is lost all the same leaves a trace that the receiver can see
 *
 * Mutants, each of which must break one of them: -DACK_UNKEPT (the receiver acknowledges what is only in its memory),
 * -DSESSION_LATE (the next session's number goes to the disk after the first line), -DCLEAN_UNSAID (the session file
 * says "ended cleanly" before the last lines are on the disk, and does not name the last).
 */
#define SESSIONS 3
#define NUMBERS 2
#define ALL (SESSIONS * NUMBERS)
#define LINE(s, n) ((s) * NUMBERS + (n))
#define NOBODY 99

/* Agent: what each line has become. */
bool sealed[ALL];  /* it exists, and its key is gone */
bool written[ALL]; /* in the spool, perhaps only in the page cache */
bool synced[ALL];  /* on the agent's disk */
bool ever[ALL];    /* was there once */

/* Receiver. */
bool heard[ALL]; /* in memory */
bool kept[ALL];  /* in the ledger, durable */

/* The session file, as it is after a crash. */
byte file_next = 0;
byte file_clean[SESSIONS] = NOBODY; /* last number of a session that ended cleanly */

bool begun[SESSIONS];
byte says_last[SESSIONS] = NOBODY; /* what the first line of session s says of session s - 1; NOBODY: unclean */
byte session = 0;
byte number = 0;
bool up = false;
bool stopping = false;
byte agent_crashes = 0;
byte receiver_crashes = 0;
byte finished = 0;

byte i, s, n, top;
bool any, later, told;

/* Seals the next line; a copy on the serial line arrives at once or never. */
inline seal()
{
    assert(!sealed[LINE(session, number)]);
    sealed[LINE(session, number)] = true;
    written[LINE(session, number)] = true;
    if
    :: heard[LINE(session, number)] = true
    :: skip
    fi;
    number++
}

inline sync_spool()
{
    i = 0;
    do
    :: i < ALL ->
        if
        :: written[i] -> synced[i] = true; ever[i] = true
        :: else
        fi;
        i++
    :: else -> break
    od;
    i = 0
}

inline begin_session()
{
    session = file_next;
    assert(!begun[session]); /* once */
    begun[session] = true;
#ifndef SESSION_LATE
    file_next = session + 1;
#endif
    number = 0;
    up = true;
    if
    :: session > 0 -> says_last[session] = file_clean[session - 1]
    :: else
    fi;
    seal()
}

inline end_session()
{
    seal();
#ifdef CLEAN_UNSAID
    file_clean[session] = 0;
#else
    sync_spool();
    file_clean[session] = number - 1;
#endif
    file_next = session + 1;
    up = false
}

/* What the receiver has heard over the network from the agent's disk. */
inline deliver()
{
    i = 0;
    do
    :: i < ALL ->
        if
        :: synced[i] ->
            if
            :: heard[i] = true
            :: skip
            fi
        :: else
        fi;
        i++
    :: else -> break
    od;
    i = 0
}

inline keep()
{
    i = 0;
    do
    :: i < ALL -> kept[i] = kept[i] || heard[i]; i++
    :: else -> break
    od;
    i = 0
}

/* The acknowledgement comes back and the spool is trimmed. */
inline acknowledge()
{
    i = 0;
    do
    :: i < ALL ->
        if
#ifdef ACK_UNKEPT
        :: heard[i] ->
#else
        :: kept[i] ->
#endif
            written[i] = false;
            synced[i] = false
        :: else
        fi;
        i++
    :: else -> break
    od;
    i = 0
}

active proctype agent()
{
    do
    :: atomic { !up && file_next < SESSIONS && finished == 0 -> begin_session() }
    :: atomic { up && number < NUMBERS - 1 -> seal() }
    :: atomic { up && number < NUMBERS -> end_session() }
    :: atomic { up -> sync_spool(); file_next = session + 1 }
    :: atomic { up && agent_crashes < 2 ->
            agent_crashes++;
            up = false;
            i = 0;
            do
            :: i < ALL -> written[i] = synced[i]; i++
            :: else -> break
            od;
            i = 0
        }
    :: atomic { session > 0 || number > 0 -> finished++; break }
    od
}

active proctype receiver()
{
    do
    :: atomic { up -> deliver() }
    :: atomic { keep() }
    :: atomic { acknowledge() }
    :: atomic { receiver_crashes < 2 ->
            receiver_crashes++;
            i = 0;
            do
            :: i < ALL -> heard[i] = kept[i]; i++
            :: else -> break
            od;
            i = 0
        }
    :: atomic { finished == 1 -> finished++; break }
    od
}

/* Is there a trace of the loss of line (s, n)? Sets `told`. */
inline look_for_trace()
{
    top = 0;
    any = false;
    later = false;
    i = 0;
    do
    :: i < ALL ->
        if
        :: kept[i] && i / NUMBERS == s -> top = i % NUMBERS; any = true
        :: kept[i] && i / NUMBERS > s -> later = true
        :: else
        fi;
        i++
    :: else -> break
    od;
    told = (any && n < top); /* a hole */
    if
    :: told
    :: else ->
        if
        :: s == session -> told = !up /* silence */
        :: s < session && kept[LINE(s + 1, 0)] ->
            told = (says_last[s + 1] == NOBODY || (says_last[s + 1] >= n && says_last[s + 1] < NUMBERS))
        :: else -> told = (later || !up) /* the session after lacks its first line or was skipped, or silence */
        fi
    fi
}

/* In the end both are up and the network works. */
active proctype judgement()
{
    atomic {
        finished == 2;
        if
        :: up -> sync_spool()
        :: else
        fi;
        i = 0;
        do
        :: i < ALL -> heard[i] = heard[i] || synced[i]; i++
        :: else -> break
        od;
        keep();
        s = 0;
        do
        :: s < SESSIONS ->
            n = 0;
            do
            :: n < NUMBERS ->
                assert(!ever[LINE(s, n)] || kept[LINE(s, n)]); /* safe */
                if
                :: sealed[LINE(s, n)] && !kept[LINE(s, n)] -> look_for_trace(); assert(told) /* told */
                :: else
                fi;
                n++
            :: else -> break
            od;
            s++
        :: else -> break
        od
    }
}
