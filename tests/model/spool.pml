/*
 * How a sealed line becomes a recorded one (SPEC.md, section 9), and what may fail on the way: the core and the courier
 * are killed at any moment, the agent's machine loses its power, an fdatasync fails, the receiver is killed, connections
 * end, the serial line drops what it likes. A connection delivers in order; an acknowledgement on its way may still
 * come when the receiver that sent it is dead. Shown for all interleavings:
 *
 *   number  no session begins twice, and so no line number is used twice
 *   acked   a line leaves the spool only when it is in the receiver's ledger
 *   safe    a line that the courier called kept comes to be there
 *   once    and is recorded once, whatever number of copies came
 *   told    a line that is lost all the same leaves a trace that the receiver can see
 *
 * Mutants, each of which must break one of them:
 *
 *   ACK_UNKEPT     the receiver acknowledges what is only in its memory
 *   SESSION_LATE   the next session's number goes to the disk after the first line
 *   TRIM_SENT      a line leaves the spool when it is sent
 *   SEEN_HOLE      =seen names the highest line known, holes or not
 *   SEEN_HEARD     =seen names lines that are not on record yet
 *   SYNC_AGAIN     when an fdatasync has failed, the next one that does not is believed
 *   JUDGE_FORGETS  a receiver that starts again asks no ledger whether a line is a copy
 *   CLEAN_UNSAID   the session file says "ended cleanly" and names another line as the last
 */
#define SESSIONS 3
#define NUMBERS 2
#define ALL (SESSIONS * NUMBERS)
#define LINE(s, n) ((s) * NUMBERS + (n))
#define NOBODY 99

/* Agent: what each line has become. */
bool sealed[ALL];  /* it exists, and its key is gone */
bool held[ALL];    /* in the core's memory, until the courier calls it kept */
bool written[ALL]; /* in the spool, perhaps only in the page cache */
bool failed[ALL];  /* in a segment whose fdatasync failed: readable, but never on the disk */
bool synced[ALL];  /* in the spool, on the disk */
bool said[ALL];    /* the courier called it kept */

/* Receiver. */
bool heard[ALL];  /* the judge knows it */
bool queued[ALL]; /* waits for the commit */
bool kept[ALL];   /* in the ledger, durable */

/* The connection. Lines are counted from 1 here, 0 is none. */
bool connected = false;
byte sent = 0;      /* courier: the last line sent */
byte came = 0;      /* receiver: the last line that came */
byte ack = 0;       /* on its way to the courier */
bool listens = true; /* false: the receiver's end of it is dead */

/* The session file, as it is after a crash. */
byte file_next = 0;
byte file_clean[SESSIONS] = NOBODY; /* last number of a session that ended cleanly */

bool begun[SESSIONS];
byte says_last[SESSIONS] = NOBODY; /* what the first line of session s says of session s - 1; NOBODY: unclean */
byte session = 0;
byte number = 0;
bool up = false;
bool sync_failed = false;
bool finished = false;

byte i, s, n, top;
bool any, later, told, hole;

inline hear(line)
{
    if
    :: !heard[line] -> heard[line] = true; queued[line] = true
    :: else
    fi
}

/* Seals the next line; a copy on the serial line arrives at once or never. */
inline seal()
{
    assert(!sealed[LINE(session, number)]);
    sealed[LINE(session, number)] = true;
    held[LINE(session, number)] = true;
    if
    :: hear(LINE(session, number))
    :: skip
    fi;
    number++
}

inline begin_session()
{
    session = file_next;
    assert(!begun[session]); /* number */
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
    file_clean[session] = number - 1;
#endif
    file_next = session + 1;
    up = false
}

/* Line i is taken out of the spool: on a restart nobody would send it again. */
inline trim()
{
    if
    :: written[i] -> assert(kept[i]); written[i] = false; synced[i] = false; failed[i] = false /* acked */
    :: else
    fi
}

/* What the core holds goes to the spool, in order. */
inline spool()
{
    i = 0;
    do
    :: i < ALL -> written[i] = written[i] || held[i]; i++
    :: else -> break
    od;
    i = 0
}

inline sync_spool()
{
    i = 0;
    do
    :: i < ALL ->
        if
#ifdef SYNC_AGAIN
        :: written[i] -> synced[i] = !failed[i]; said[i] = true; held[i] = false
#else
        :: written[i] && !failed[i] -> synced[i] = true; said[i] = true; held[i] = false
#endif
        :: else
        fi;
        i++
    :: else -> break
    od;
    i = 0
}

/* The pages count as clean from now on, and nothing makes them go to the disk any more. */
inline sync_fails()
{
    sync_failed = true;
    i = 0;
    do
    :: i < ALL -> failed[i] = failed[i] || (written[i] && !synced[i]); i++
    :: else -> break
    od;
    i = 0
}

/* The lines are written again, from memory or from what can be read. */
inline new_segment()
{
    i = 0;
    do
    :: i < ALL -> failed[i] = false; i++
    :: else -> break
    od;
    i = 0
}

inline cut()
{
    connected = false;
    sent = 0;
    came = 0;
    ack = 0;
    listens = true
}

/* =hello and =seen: of the newest session all lines before the first hole need not be sent. */
inline connect()
{
    connected = true;
    s = SESSIONS;
    any = false;
    do
    :: s > 0 && !any ->
        s--;
        n = 0;
        do
#ifdef SEEN_HEARD
        :: n < NUMBERS -> any = any || heard[LINE(s, n)]; n++
#else
        :: n < NUMBERS -> any = any || kept[LINE(s, n)]; n++
#endif
        :: else -> break
        od
    :: else -> break
    od;
    n = 0;
    hole = !any;
    do
    :: n < NUMBERS && !hole ->
        i = LINE(s, n);
#ifdef SEEN_HEARD
        hole = !heard[i];
#else
        hole = !kept[i];
#endif
#ifdef SEEN_HOLE
        hole = hole && n == NUMBERS - 1;
#endif
        if
        :: !hole -> trim()
        :: else
        fi;
        n++
    :: else -> break
    od;
    i = 0;
    s = 0;
    n = 0;
    any = false;
    hole = false
}

/* The next line in the order of sealing: when it is on the disk, or cannot be. */
inline deliver()
{
    i = sent;
    do
    :: i < ALL && !written[i] -> i++
    :: else -> break
    od;
    if
    :: i < ALL && (synced[i] || failed[i]) ->
        hear(i);
        sent = i + 1;
        came = i + 1;
#ifdef TRIM_SENT
        trim()
#endif
    :: else
    fi;
    i = 0
}

inline record()
{
    i = 0;
    do
    :: i < ALL ->
        if
        :: queued[i] -> assert(!kept[i]); kept[i] = true; queued[i] = false /* once */
        :: else
        fi;
        i++
    :: else -> break
    od;
    i = 0
}

inline acknowledged()
{
    i = 0;
    do
    :: i < ack -> trim(); i++
    :: else -> break
    od;
    i = 0;
    ack = 0
}

inline receiver_dies()
{
    listens = !connected;
    came = 0;
    i = 0;
    do
#ifdef JUDGE_FORGETS
    :: i < ALL -> heard[i] = false; queued[i] = false; i++
#else
    :: i < ALL -> heard[i] = kept[i]; queued[i] = false; i++
#endif
    :: else -> break
    od;
    i = 0
}

active proctype core()
{
    do
    :: atomic { !up && file_next < SESSIONS -> begin_session() }
    :: atomic { up && number < NUMBERS - 1 -> seal() }
    :: atomic { up && number < NUMBERS -> end_session() }
#ifdef SESSION_LATE
    :: atomic { up -> file_next = session + 1 }
#endif
    :: atomic { up -> /* killed */
            up = false;
            i = 0;
            do
            :: i < ALL -> held[i] = false; i++
            :: else -> break
            od;
            i = 0
        }
    :: atomic { up -> /* and the whole machine with it */
            up = false;
            cut();
            i = 0;
            do
            :: i < ALL -> held[i] = false; failed[i] = false; written[i] = synced[i]; i++
            :: else -> break
            od;
            i = 0
        }
    :: atomic { begun[0] -> finished = true; break }
    od
}

/* Being killed is the same as a cut: all that it knows is in the spool. */
active proctype courier()
{
end:
    do
    :: atomic { !finished && up -> spool() }
    :: atomic { !finished -> sync_spool() }
    :: atomic { !finished && !sync_failed -> sync_fails() }
    :: atomic { !finished && sync_failed -> new_segment() }
    :: atomic { !finished && !connected -> connect() }
    :: atomic { !finished && connected -> cut() }
    :: atomic { !finished && connected && ack > 0 -> acknowledged() }
    od
}

active proctype receiver()
{
end:
    do
    :: atomic { !finished && connected && listens -> deliver() }
#ifdef ACK_UNKEPT
    :: atomic { !finished && came > 0 -> ack = came; came = 0 }
    :: atomic { !finished -> record() }
#else
    :: atomic { !finished -> record(); ack = (came > 0 -> came : ack); came = 0 }
#endif
    :: atomic { !finished -> receiver_dies() }
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

/* In the end both are up, the network works and the disk does. */
active proctype judgement()
{
    atomic {
        finished;
        if
        :: up -> spool()
        :: else
        fi;
        cut();
        connect();
        i = 0;
        do
        :: i < ALL ->
            if
            :: written[i] -> hear(i)
            :: else
            fi;
            i++
        :: else -> break
        od;
        record();
        s = 0;
        do
        :: s < SESSIONS ->
            n = 0;
            do
            :: n < NUMBERS ->
                assert(!said[LINE(s, n)] || kept[LINE(s, n)]); /* safe */
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
