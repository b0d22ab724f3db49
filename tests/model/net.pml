/*
 * Whether the network is lost (host-agent/alarm/netstate.c), and what a channel of policy `fallback` makes of it. Time
 * goes in ticks and the constants are small, but in the same order as the real ones. In each tick the network answers
 * or does not, the route is good or bad, sends may fail, an alarm may be sealed. Shown for all of it:
 *
 *   proof    who is not answered for SILENT ticks calls the network lost
 *   carried  an alarm is acknowledged or on the fallback channel after SILENT ticks at the latest; at once while the
 *            network is told as lost
 *   paired   lost and back are told in turn, reminders only in between
 *   first    a loss is told, and told as such; only one after FLAPS others of late as flapping
 *   steady   back is told after STEADY ticks without any sign of trouble and not before
 *   ends     a network that is well for long enough is told as back
 *
 * Mutants, each of which must break one of them: -DRECOVERING_UP (acknowledged again counts as back for the channels),
 * -DBACK_AT_ONCE (the first acknowledgement is told as back), -DFLAP_FIRST (the first loss counts as flapping and is
 * not told), -DRELAPSE_TOLD (a loss while recovering is told as another one), -DROUTE_NEEDED (silence counts only with
 * another sign), -DFLAP_STAYS (who flaps never comes back), -DHOLD_STARTS_ONCE (trouble while held does not begin the
 * wait anew).
 */
#define SILENT 3
#define ROUTE 1
#define SENDS 2
#define STEADY 2
#define FLAPS 2
#define WINDOW 10
#define HOLD_FIRST 3
#define HOLD_MOST 6
#define LONG (HOLD_MOST + SILENT + STEADY + 2)

mtype = { UP, SUSPECT, DOWN, RECOVERING, FLAP };
mtype = { NOTHING, LOST, AGAIN, FLAPPING, BACK };

/* struct netstate; durations in ticks, kept below what makes no difference any more. */
mtype state = SUSPECT;
bool route_bad = false;
byte route_for = 0;
byte errors = 0;
byte silent = 0;
byte acks = 0;
bool well = false;
byte well_for = 0;
byte told_for = 0;
byte hold = HOLD_FIRST;
byte losses = 0;
byte loss_age[FLAPS + 1];

/* What was told, and what is true. */
mtype tell;
bool gone = false;
byte calm = 0; /* ticks since the last trouble */
byte fine = 0; /* ticks in a row in which the network answered and there was no trouble */
bool trouble = false;
bool answered = false;

/* The alarm that waits. */
bool alarm = false;
bool carried = false;
byte age = 0;

byte k;

#ifdef RECOVERING_UP
#define IS_LOST (state == DOWN || state == FLAP)
#else
#define IS_LOST (state == DOWN || state == RECOVERING || state == FLAP)
#endif
#ifdef ROUTE_NEEDED
#define PROOF ((route_bad && route_for >= ROUTE) || errors >= SENDS || (silent >= SILENT && route_bad))
#else
#define PROOF ((route_bad && route_for >= ROUTE) || errors >= SENDS || silent >= SILENT)
#endif
#define SIGN (route_bad || errors > 0 || silent > 1)

inline grow(counter, most)
{
    counter = (counter < most -> counter + 1 : counter)
}

inline not_well()
{
    acks = 0;
    well = false;
    well_for = 0
}

inline count_well()
{
    grow(acks, STEADY);
    well = true
}

inline lose()
{
    told_for = 0;
    not_well();
    k = FLAPS;
    do
    :: k > 0 -> loss_age[k] = loss_age[k - 1]; k--
    :: else -> break
    od;
    loss_age[0] = 0;
    grow(losses, FLAPS + 1);
    if
#ifdef FLAP_FIRST
    :: losses == 1 -> state = FLAP; tell = NOTHING
    :: losses > 1 && losses > FLAPS && loss_age[FLAPS] < WINDOW -> state = FLAP; tell = FLAPPING
#else
    :: losses > FLAPS && loss_age[FLAPS] < WINDOW -> state = FLAP; tell = FLAPPING
#endif
    :: else -> state = DOWN; tell = LOST
    fi
}

inline judge()
{
    if
    :: state == UP && (PROOF || SIGN) -> state = SUSPECT
    :: else
    fi;
    if
    :: PROOF -> lose()
    :: else
    fi
}

inline remind()
{
    tell = (told_for == 1 || told_for == 4 -> AGAIN : tell)
}

inline relapse()
{
    if
    :: PROOF || route_bad || errors > 0 -> not_well()
    :: else
    fi;
    if
#ifdef RELAPSE_TOLD
    :: PROOF -> lose()
#else
    :: PROOF -> state = DOWN
#endif
    :: else
    fi
}

inline held()
{
    if
    :: PROOF || route_bad || errors > 0 ->
#ifndef HOLD_STARTS_ONCE
        not_well()
#else
        skip
#endif
#ifndef FLAP_STAYS
    :: !(PROOF || route_bad || errors > 0) && well && well_for >= hold && acks >= STEADY ->
        state = UP;
        hold = (hold * 2 < HOLD_MOST -> hold * 2 : HOLD_MOST);
        tell = BACK
    :: !(PROOF || route_bad || errors > 0) && !(well && well_for >= hold && acks >= STEADY)
#else
    :: else
#endif
    fi
}

/* ROUTE_BAD, SEND_ERROR and TICK: what all states make of them. */
inline look()
{
    if
    :: state == UP || state == SUSPECT -> judge()
    :: state == DOWN -> skip
    :: state == RECOVERING -> relapse()
    :: state == FLAP -> held()
    fi
}

inline acknowledged()
{
    if
    :: silent >= SILENT -> not_well()
    :: else
    fi;
    errors = 0;
    silent = 0;
    route_for = 0; /* what was answered says more than the route */
    if
    :: state == UP
    :: state == SUSPECT ->
        if
        :: !SIGN -> state = UP
        :: else
        fi
    :: state == DOWN ->
        if
        :: !route_bad ->
#ifdef BACK_AT_ONCE
            state = UP;
            tell = BACK
#else
            state = RECOVERING;
            count_well()
#endif
        :: else
        fi
    :: state == RECOVERING ->
        count_well();
        if
        :: acks >= STEADY && well_for >= STEADY && !route_bad -> state = UP; tell = BACK
        :: else
        fi
    :: state == FLAP -> count_well(); held()
    fi
}

/* Behind each event. */
inline note_trouble()
{
    if
    :: route_bad || errors > 0 || silent >= SILENT -> trouble = true; calm = 0
    :: else
    fi
}

/* What was told must fit, and the channel takes what it must. Behind each event. */
inline consequences()
{
    if
    :: tell == LOST || tell == FLAPPING ->
        assert(!gone);                          /* paired */
        assert(tell == LOST || losses > FLAPS); /* first */
        gone = true
    :: tell == AGAIN -> assert(gone) /* paired */
    :: tell == BACK ->
        assert(gone && calm >= STEADY); /* paired, steady */
        gone = false
    :: tell == NOTHING
    fi;
    tell = NOTHING;
    assert(!IS_LOST || gone); /* first */
    carried = carried || (alarm && IS_LOST);
    assert(!gone || !alarm || carried) /* carried */
}

/* Everything that goes by itself is one tick older. */
inline grow_older()
{
    grow(silent, SILENT);
    grow(told_for, 5);
    route_for = (route_bad && route_for < ROUTE -> route_for + 1 : route_for);
    well_for = (well && well_for < HOLD_MOST -> well_for + 1 : well_for);
    age = (alarm && age <= SILENT -> age + 1 : age);
    k = 0;
    do
    :: k <= FLAPS ->
        grow(loss_age[k], WINDOW);
        k++
    :: else -> break
    od;
    k = 0;
    grow(calm, HOLD_MOST);
    fine = (trouble || !answered -> 0 : (fine < LONG -> fine + 1 : fine))
}

active proctype network()
{
    tell = NOTHING;
    k = 0;
    do
    :: k <= FLAPS -> loss_age[k] = WINDOW; k++
    :: else -> break
    od;
end:
    do
    :: atomic {
        trouble = false;
        answered = false;
        note_trouble();
        if
        :: !alarm -> alarm = true; carried = false; age = 0
        :: skip
        fi;
        consequences();
        if
        :: route_bad -> route_bad = false; calm = 0; trouble = true
        :: !route_bad -> route_bad = true; route_for = 0; note_trouble(); look(); consequences()
        :: skip
        fi;
        if
        :: grow(errors, SENDS); note_trouble(); look(); consequences()
        :: answered = true; acknowledged(); alarm = false; carried = false; age = 0; consequences()
        :: skip
        fi;
        grow_older();
        note_trouble();
        look();
        if
        :: state == DOWN || state == RECOVERING -> remind()
        :: else
        fi;
        consequences();
        assert(silent < SILENT || IS_LOST);         /* proof */
        assert(!alarm || carried || age <= SILENT); /* carried */
        assert(fine < LONG || state == UP)          /* ends */
    }
    od
}
