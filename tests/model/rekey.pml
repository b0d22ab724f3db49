/*
 * A rekey: agent and receiver each die at any moment, connections end between any two words, lines come late, twice,
 * out of order or never. A root is the set of the X that are mixed into it. Shown for all interleavings:
 *
 *   proved   the receiver has the root of every line it hears from the newest session on
 *   locked   a copy of the session file from before a rekey begins nothing that is proved, once the receiver knows of
 *            that rekey or has proved a session behind it
 *
 * Mutants, each of which must break one of them: -DSAID_EARLY (=rekey is said before X is durable at the receiver),
 * -DSEALED_EARLY (agent.rekey is sealed before the file has the root), -DHELLO_STORED (=hello names what is stored and
 * not what was taken up), -DHELLO_NOWHERE (a =hello without the id forgets X, whatever session it comes from),
 * -DHELLO_ANYBODY (somebody with the key for the network says a =hello for the agent, and no beat vouches for it),
 * -DBEGUN_ANYWHERE (a rekey begins though the agent is in a later session than the newest that was proved), -DONE_ROOT
 * (while X is pending only the root with it is tried), -DNOT_REPLACED (agent.rekey leaves both roots in force).
 */
#define SESSIONS 3
#define CONNECTIONS 3
#define NONE 0

/* The agent's disk, as the slot that counts has it. */
byte file_session = 0; /* to begin next */
byte file_root = 0;

/* The agent. */
bool up = false;
byte session = 0;
byte root_next = 0; /* of the session to come, as the agent has it in memory */
byte taken = NONE;  /* X that was taken up last in this session */
byte stored = NONE; /* and that is in the file */
byte writing = NONE;
bool half = false; /* the first of two slots is written */
byte agent_crashes = 0;

/* Lines that were sealed: they arrive when they like. */
bool begun[SESSIONS];
byte begun_root[SESSIONS];
byte told_session[CONNECTIONS + 1]; /* agent.rekey of this X, 1 + the session it was sealed in */

/* The connection, its X, and what is on its way. */
byte connection = NONE;
byte connections = 0;
byte said = NONE; /* =rekey */
byte hello_session = 0;

/* The receiver: in memory, and on its disk. `newest` is 1 + the session, 0 for none;
 * `known` is what it was told of: the X of which a line was proved. */
byte newest = 0, newest_root = 0, next_root = 0, pending = NONE, known = 0;
byte disk_newest = 0, disk_newest_root = 0, disk_next_root = 0, disk_pending = NONE, disk_known = 0;
byte receiver_crashes = 0;

/* A copy of the agent's disk. */
byte copy_session = 0, copy_root = 0;

#define BIT(x) (1 << (x))

inline disconnect()
{
    connection = NONE;
    said = NONE
}

/* The file gets the session after and its root, before any line is sealed. */
inline begin_session()
{
    session = file_session;
    root_next = file_root;
    begun[session] = true;
    begun_root[session] = file_root;
    file_session = session + 1;
    taken = NONE;
    stored = NONE;
    writing = NONE;
    half = false;
    up = true
}

inline connect()
{
    connections++;
    connection = connections;
    said = NONE;
    hello_session = session;
    if
    :: pending != NONE &&
#ifndef HELLO_NOWHERE
            session + 1 == newest &&
#endif
#ifdef HELLO_STORED
            stored != pending ->
#else
            taken != pending ->
#endif
        pending = NONE
    :: else
    fi
}

inline write_first_slot()
{
    file_root = root_next | BIT(writing);
    half = true
}

inline write_second_slot()
{
    root_next = file_root;
    stored = writing;
    told_session[writing] = 1 + session;
    writing = NONE;
    half = false
}

active proctype agent()
{
    do
    :: atomic { !up && file_session < SESSIONS -> begin_session() }
    :: atomic { up && connection == NONE && connections < CONNECTIONS -> connect() }
    :: atomic { connection != NONE -> disconnect() }
    :: atomic { up && said != NONE && writing == NONE ->
            taken = said;
            writing = said;
#ifdef SEALED_EARLY
            told_session[said] = 1 + session;
#endif
            said = NONE
        }
    :: atomic { up && writing != NONE && !half -> write_first_slot() }
    :: atomic { up && writing != NONE && half -> write_second_slot() }
    :: atomic { up && agent_crashes < 2 ->
            agent_crashes++;
            up = false;
            writing = NONE;
            half = false;
            disconnect()
        }
    od
}

/* Any session's first line, whenever it comes. */
#define NEWS(s) (begun[s] && (s) + 1 > newest)

inline hear_session(s)
{
#ifdef ONE_ROOT
    assert(begun_root[s] == (pending == NONE -> next_root : next_root | BIT(pending)));
#else
    assert(begun_root[s] == next_root || (pending != NONE && begun_root[s] == (next_root | BIT(pending)))); /* proved */
#endif
    newest = s + 1;
    newest_root = begun_root[s];
    next_root = begun_root[s];
    known = begun_root[s];
    pending = NONE
}

/* agent.rekey of the session in which X was begun. */
#define TOLD(x) (told_session[x] != 0 && told_session[x] == newest && pending == x)

inline hear_rekey(x)
{
    known = known | BIT(x);
#ifndef NOT_REPLACED
    next_root = next_root | BIT(x);
    pending = NONE
#endif
}

inline commit()
{
    disk_newest = newest;
    disk_newest_root = newest_root;
    disk_next_root = next_root;
    disk_pending = pending;
    disk_known = known
}

active proctype receiver()
{
    do
    :: atomic { NEWS(0) -> hear_session(0) }
    :: atomic { NEWS(1) -> hear_session(1) }
    :: atomic { NEWS(2) -> hear_session(2) }
    :: atomic { TOLD(1) -> hear_rekey(1) }
    :: atomic { TOLD(2) -> hear_rekey(2) }
    :: atomic { TOLD(3) -> hear_rekey(3) }
    :: atomic { commit() }
#ifdef HELLO_ANYBODY
    :: atomic { pending != NONE -> pending = NONE }
#endif
    :: atomic { connection != NONE && pending == NONE && newest > 0 &&
#ifndef BEGUN_ANYWHERE
            hello_session + 1 == newest &&
#endif
            told_session[connection] == 0 && taken != connection -> pending = connection }
#ifdef SAID_EARLY
    :: atomic { connection != NONE && pending == connection && taken != connection -> said = connection }
#else
    :: atomic { connection != NONE && pending == connection && disk_pending == connection && taken != connection ->
            said = connection }
#endif
    :: atomic { receiver_crashes < 2 ->
            receiver_crashes++;
            newest = disk_newest;
            newest_root = disk_newest_root;
            next_root = disk_next_root;
            pending = disk_pending;
            known = disk_known;
            disconnect()
        }
    od
}

#define PROVES(s, r) \
    (((s) + 1 == newest && (r) == newest_root) || \
     ((s) + 1 > newest && ((r) == next_root || (pending != NONE && (r) == (next_root | BIT(pending))))))

/* Somebody copies the disk once, and looks at any time what that is good for. */
active proctype thief()
{
    atomic { copy_session = file_session; copy_root = file_root };
    do
    :: atomic { (known & ~copy_root) != 0 ->
            assert(!PROVES(copy_session, copy_root) || copy_session + 1 == newest) /* locked: or told as a rollback */
        }
    od
}
