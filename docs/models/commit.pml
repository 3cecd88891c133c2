/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The agreement of NZ1 17 between the owner X of an instance and its holder Y: slots E.cur, V.cur and V.prev,
 * PROPOSE and CKACK, the log that goes before them, crashes of both sides at every step, sessions that end and
 * begin anew. docs/models/README.md says what is left out; tools/run-models.sh checks it and every mutant.
 *
 * A state is the history that leads to it, a digit of base 4 for each TER behind a leading 1: 1 is state 0, 1|v
 * state 1, and so on. Its fingerprint, tag, proof and ack are it itself: whoever shows one has that state. Digits
 * 0 and 1 are of the true device: what it makes after a crash differs from what it lost. 2 is of a copy.
 *
 * -DCOPY: a second owner begins, at any time, from a copy of the disk of the first (clone, rollback).
 * -DNO_LOSS, -DNO_CRASH: fewer faults; with a copy all of them together are too many states for every day.
 * -DM_...: mutants. -DNO_MONITOR: without the assertion that names a use before storage directly, so that its
 * consequence is found.
 */
#ifndef MAXN
#define MAXN 3 /* TERs; the last is made after the faults */
#endif
#ifdef COPY
#define OWNERS 2
#else
#define OWNERS 1
#endif
#define NONE 0
#ifndef CAP
#define CAP 3 /* messages of a class on their way */
#endif

#define INDEX(s) ((s) < 4 -> 0 : ((s) < 16 -> 1 : ((s) < 64 -> 2 : 3)))
#define UPTO(s, n) ((s) >> (2 * (INDEX(s) - (n))))
/* a is b or before it in one history */
#define LEADS(a, b) (INDEX(a) <= INDEX(b) && UPTO(b, INDEX(a)) == (a))

mtype = { PROPOSE, CKACK, WANT };

/* What is on disk, and what is not. */
byte x_disk[OWNERS] = 1; /* E.cur */
byte x_dur[OWNERS] = 1;  /* the log, as far as it is durable */
byte y_disk_cur = 1, y_disk_prev = 1;

byte x_cur[OWNERS] = 1, x_log[OWNERS] = 1, x_open[OWNERS], x_staged[OWNERS], x_from[OWNERS];
bool x_sent[OWNERS], x_lost[OWNERS], x_refused[OWNERS], x_there[OWNERS], x_version[OWNERS];
byte x_said[OWNERS]; /* monitor: n of the PROPOSE that is open */

byte y_cur = 1, y_prev = 1;
byte y_head = 1;  /* the history that Y took */
byte y_kept;      /* TERs are kept, for comparison, from this index on */
byte y_told;      /* the index that it says it holds */
byte y_claim;     /* the state that PROPOSE claims, waiting for its TERs */
byte y_staged;
bool y_written;   /* staged is on disk, the host has not said so yet */
bool y_lost;

/* One session at a time: of owner "who". Both classes keep their order; nothing outlives the session. */
bool up;
byte who;
chan to_ter = [CAP] of { byte, byte };          /* first index, history */
chan to_commit = [CAP] of { mtype, byte, byte }; /* PROPOSE, base, state */
chan to_owner = [CAP] of { mtype, byte };        /* CKACK, state, or WANT, index */

bool calm; /* the faults are over */

/* The properties, by the names that an assertion shows. */
bool slots_agree = true, honest_not_lost = true, stored_before_used = true, same_n_again = true,
     history_goes_on = true, copy_is_found = true, commit_agreed = true;

inline check() {
#ifdef COPY
    /* as long as nobody noticed, all slots are of one history */
    history_goes_on = y_lost || ((x_lost[0] || LEADS(x_cur[0], y_cur)) &&
                                 (!x_there[1] || x_lost[1] || LEADS(x_cur[1], y_cur)));
    assert(history_goes_on);
#else
    honest_not_lost = !y_lost && !x_lost[0] && !x_refused[0];
    assert(honest_not_lost);
    slots_agree = x_cur[0] == y_cur || x_cur[0] == y_prev;
    assert(slots_agree);
#endif
}

inline stored(what) {
#ifdef NO_MONITOR
    skip
#else
    stored_before_used = what;
    assert(stored_before_used)
#endif
}

inline session_end() {
    up = false;
    /* one after the other: any order leads to the same */
    do
    :: len(to_ter) > 0 -> to_ter ? _, _
    :: else -> break
    od;
    do
    :: len(to_commit) > 0 -> to_commit ? _, _, _
    :: else -> break
    od;
    do
    :: len(to_owner) > 0 -> to_owner ? _, _
    :: else -> break
    od
}

/* HELLO names E.cur; Y must have it in a slot (HTP-3.4). HAVE, or E.cur where that is lost, says where LOG begins. */
inline connect(o) {
    session_end();
    stored(LEADS(x_cur[o], x_disk[o]));
    if
    :: x_cur[o] == y_cur || x_cur[o] == y_prev ->
        up = true;
        who = o;
        x_sent[o] = false;
        if
        :: !calm -> x_from[o] = INDEX(x_cur[o])
        :: y_told <= INDEX(x_dur[o]) -> x_from[o] = y_told
        :: else -> x_from[o] = INDEX(x_cur[o])
        fi
    :: else -> x_refused[o] = true
    fi
}

/* ---- The owner ---- */

inline x_ckack(o, s) {
    if
    :: x_staged[o] != NONE || INDEX(s) <= INDEX(x_cur[o]) || INDEX(s) > INDEX(x_log[o]) -> skip
    :: else ->
        /* the state proposed, or one of before a restart, computed again from the log */
        if
#ifdef M_ACK_UNCHECKED
        :: true -> x_staged[o] = UPTO(x_log[o], INDEX(s)); x_open[o] = NONE; x_said[o] = 0
#else
        :: UPTO(x_log[o], INDEX(s)) == s -> x_staged[o] = s; x_open[o] = NONE; x_said[o] = 0
        :: else -> x_lost[o] = true
#endif
        fi;
#ifdef M_USED_BEFORE_STORED
        if
        :: x_staged[o] != NONE -> x_cur[o] = x_staged[o]; x_staged[o] = NONE
        :: else -> skip
        fi
#endif
    fi
}

inline x_crash(o) {
    if
    :: who == o -> session_end()
    :: else -> skip
    fi;
    x_cur[o] = x_disk[o];
    x_staged[o] = NONE;
    x_open[o] = NONE;
    x_said[o] = 0;
    x_from[o] = 0;
    x_sent[o] = false;
    if
    :: x_log[o] != x_dur[o] -> x_version[o] = !x_version[o] /* made again, it is another TER */
    :: else -> skip
    fi;
    x_log[o] = x_dur[o]
}

#ifdef M_SENT_BEFORE_DURABLE
#define VISIBLE(o) x_log[o]
#else
#define VISIBLE(o) x_dur[o]
#endif

proctype owner(byte o) {
    byte s;
    end:
    do
    :: atomic { !x_lost[o] && INDEX(x_log[o]) < (calm -> MAXN : MAXN - 1) ->
        x_log[o] = (x_log[o] << 2) + (o == 1 -> 2 : (x_version[o] -> 1 : 0)); check() }
    :: atomic { x_dur[o] != x_log[o] -> x_dur[o] = x_log[o]; check() }
    /* LOG */
    :: atomic { up && who == o && !x_lost[o] && x_from[o] < INDEX(VISIBLE(o)) && nfull(to_ter) ->
        stored(LEADS(VISIBLE(o), x_dur[o]));
        to_ter ! x_from[o], VISIBLE(o); x_from[o] = INDEX(VISIBLE(o)); check() }
    /* a proposal is chosen once, and is the same until it is answered */
    :: atomic { !x_lost[o] && x_staged[o] == NONE && INDEX(x_log[o]) > INDEX(x_cur[o]) &&
#ifdef M_OTHER_N
        x_open[o] != x_log[o] ->
#else
        x_open[o] == NONE ->
#endif
        x_open[o] = x_log[o]; x_sent[o] = false; check() }
    :: atomic { up && who == o && !x_lost[o] && x_open[o] != NONE && x_staged[o] == NONE && !x_sent[o] &&
        LEADS(x_open[o], VISIBLE(o)) && x_from[o] >= INDEX(x_open[o]) && nfull(to_commit) ->
        stored(LEADS(x_open[o], x_dur[o]));
        same_n_again = x_said[o] == 0 || x_said[o] == INDEX(x_open[o]);
        assert(same_n_again);
        x_said[o] = INDEX(x_open[o]);
        x_sent[o] = true;
        to_commit ! PROPOSE, x_cur[o], x_open[o]; check() }
    /* 30 s without an answer */
    :: atomic { !calm && up && who == o && x_sent[o] && x_open[o] != NONE -> x_sent[o] = false; check() }
    :: atomic { up && who == o && !x_lost[o] && to_owner ? [CKACK, _] -> to_owner ? CKACK, s;
        x_ckack(o, s); s = 0; check() }
    :: atomic { up && who == o && !x_lost[o] && to_owner ? [WANT, _] -> to_owner ? WANT, s;
        if
        :: s <= INDEX(x_dur[o]) -> x_from[o] = s
        :: else -> skip
        fi;
        s = 0; check() }
    /* persisted, then used; a crash may come between */
    :: atomic { x_staged[o] != NONE && x_disk[o] != x_staged[o] -> x_disk[o] = x_staged[o]; check() }
    :: atomic { x_staged[o] != NONE && x_disk[o] == x_staged[o] ->
        x_cur[o] = x_staged[o]; x_staged[o] = NONE; check() }
#ifdef M_USED_BEFORE_STORED
    :: atomic { x_cur[o] != x_disk[o] -> x_disk[o] = x_cur[o]; check() }
#endif
#ifndef NO_CRASH
    :: atomic { !calm && (x_log[o] != x_dur[o] || x_staged[o] != NONE || x_open[o] != NONE ||
                          x_cur[o] != x_disk[o]) ->
        x_crash(o); check() }
#endif
    :: atomic { !calm && !x_lost[o] && !x_refused[o] && !(up && who == o) -> connect(o); check() }
    od
}

/* ---- The holder ---- */

inline y_send(kind, value) {
    if
    :: up && len(to_owner) < CAP -> to_owner ! kind, value
    :: else -> skip /* repeated or asked for again */
    fi
}

/* What was there must be the same, what is new must follow it (NZ1 3.3, 17). */
inline y_log(first, history) {
    if
    :: first > y_told -> y_send(WANT, y_told)
    :: else ->
        n = (y_kept > first -> y_kept : first);
        do
        :: n < INDEX(y_head) && n < INDEX(history) ->
            if
            :: (UPTO(y_head, n + 1) & 3) != (UPTO(history, n + 1) & 3) -> y_lost = true
            :: else -> skip
            fi;
            n++
        :: else -> break
        od;
        n = 0;
        if
        :: INDEX(history) <= INDEX(y_head) || first > INDEX(y_head) -> skip
        :: UPTO(history, INDEX(y_head)) == y_head -> y_head = history
        :: else -> y_lost = true
        fi;
        if
        :: INDEX(history) > y_told -> y_told = INDEX(history)
        :: else -> skip
        fi
    fi
}

inline y_propose(base, state) {
    if
    :: y_staged != NONE -> skip /* being stored: asked again, it is answered */
#ifdef M_BASE_RULE_DROPPED
    :: y_staged == NONE && INDEX(state) > INDEX(y_cur) -> y_claim = state; want = true
    :: y_staged == NONE && INDEX(state) <= INDEX(y_cur) -> y_send(CKACK, y_cur)
#else
    :: y_staged == NONE && base == y_cur ->
        if
        :: INDEX(state) <= INDEX(base) -> y_lost = true
        :: else -> y_claim = state; want = true
        fi
    :: y_staged == NONE && base != y_cur && base == y_prev ->
        if
        :: INDEX(state) == INDEX(y_cur) && state != y_cur -> y_lost = true
#ifdef M_CKACK_OF_WRONG_N
        :: INDEX(state) != INDEX(y_cur) && INDEX(state) > INDEX(y_prev) ->
            /* the ack of V.cur under the n of the proposal: no state n gives it */
            y_send(CKACK, ((UPTO(state, INDEX(state) - 1) << 2) + 3))
#endif
        :: else -> y_send(CKACK, y_cur)
        fi
    :: else ->
#ifdef M_STALE_BASE_ACCEPTED
        y_head = state; y_kept = INDEX(state); y_told = INDEX(state); y_claim = state
#else
        y_lost = true
#endif
#endif
    fi;
    if
    :: want && INDEX(state) > y_told -> y_send(WANT, y_told)
    :: else -> skip
    fi;
    want = false
}

/* The replica stands at the claimed index: verified, or another history. */
inline y_decide() {
    if
    :: UPTO(y_head, INDEX(y_claim)) == y_claim -> y_staged = y_claim
    :: else -> y_lost = true
    fi;
    y_claim = NONE;
#ifdef M_ACK_BEFORE_STORED
    if
    :: y_staged != NONE -> stored(LEADS(y_staged, y_disk_cur)); y_send(CKACK, y_staged)
    :: else -> skip
    fi
#endif
}

inline y_crash() {
    session_end();
    y_cur = y_disk_cur;
    y_prev = y_disk_prev;
    y_head = y_cur;
    y_kept = INDEX(y_cur);
#ifndef M_TERS_FORGOTTEN
    y_told = INDEX(y_cur);
#endif
    y_claim = NONE;
    y_staged = NONE;
    y_written = false
}

proctype holder() {
    byte a, b, n;
    bool want;
    end:
    do
    :: atomic { up && !y_lost && nempty(to_ter) -> to_ter ? a, b; y_log(a, b); a = 0; b = 0; check() }
    :: atomic { up && !y_lost && nempty(to_commit) ->
#ifdef M_REORDERED
        if
        :: to_commit ? _, a, b
        :: len(to_commit) > 1 -> to_commit ? _, a, b; to_commit ! PROPOSE, a, b; to_commit ? _, a, b
        fi;
#else
        to_commit ? _, a, b;
#endif
        y_propose(a, b); a = 0; b = 0; check() }
    :: atomic { !y_lost && y_claim != NONE && y_staged == NONE && INDEX(y_claim) <= INDEX(y_head) ->
        y_decide(); check() }
    /* both slots in one file; a crash may come before and after the host says that it is there */
    :: atomic { y_staged != NONE && !y_written ->
#ifdef M_PREV_DROPPED
        y_disk_prev = y_staged;
#else
        y_disk_prev = y_cur;
#endif
        y_disk_cur = y_staged; y_written = true; check() }
    :: atomic { y_staged != NONE && y_written ->
        y_prev = y_disk_prev; y_cur = y_staged; y_staged = NONE; y_written = false;
        y_kept = (INDEX(y_prev) > y_kept -> INDEX(y_prev) : y_kept);
        stored(y_disk_cur == y_cur);
        y_send(CKACK, y_cur); check() }
#ifndef NO_CRASH
    :: atomic { !calm && (y_staged != NONE || y_claim != NONE || y_head != y_cur) -> y_crash(); check() }
#endif
    od
}

/* The network, the thief, and the end of the faults. What then must follow is asked when nothing moves any more. */
proctype rest() {
    do
    :: atomic { !calm && up -> session_end(); check() }
#ifndef NO_LOSS
    :: atomic { !calm && nempty(to_ter) -> to_ter ? _, _; check() }
    :: atomic { !calm && nempty(to_commit) -> to_commit ? _, _, _; check() }
    :: atomic { !calm && nempty(to_owner) -> to_owner ? _, _; check() }
#endif
#ifdef COPY
    :: atomic { !calm && !x_there[1] ->
        x_there[1] = true; x_disk[1] = x_disk[0]; x_cur[1] = x_disk[0]; x_dur[1] = x_dur[0];
        x_log[1] = x_dur[0]; run owner(1); check() }
#endif
    :: atomic { !calm -> calm = true; session_end(); check() } -> break
    od;
    timeout ->
#ifdef COPY
    /* each comes again, and has made a TER of its own */
    if
    :: !x_there[1] -> goto end
    :: else -> skip
    fi;
    byte turn;
    do
    :: turn < 4 ->
        atomic {
            if
            :: !y_lost && !x_lost[turn % 2] && !x_refused[turn % 2] -> connect(turn % 2)
            :: else -> skip
            fi;
            turn++; check() };
        timeout
    :: else -> break
    od;
    copy_is_found = y_lost || x_lost[0] || x_lost[1] || x_refused[0] || x_refused[1];
    assert(copy_is_found);
#else
    atomic { connect(0); check() };
    timeout ->
    commit_agreed = INDEX(y_cur) == MAXN && x_cur[0] == y_cur && x_log[0] == y_cur;
    assert(commit_agreed);
#endif
    end: skip
}

init {
    atomic {
        x_there[0] = true;
        run owner(0);
        run holder();
        run rest()
    }
}
