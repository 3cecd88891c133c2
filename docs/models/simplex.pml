/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * DSM-Simplex (dsm.md 9.4): which promises honest members may make, which certs these allow, and that no two final
 * checkpoints exist on different chains. HONEST members keep the rules; the others are Byzantine and sign everything,
 * so a cert exists as soon as NEED = q - (n - HONEST) honest members signed it. All leaders are Byzantine: they
 * propose whatever may be voted for, another thing to each member. Timers run out at any time; a message takes any
 * time. So a member acts on a cert at any time from when it exists, or never.
 *
 * Views are explored one after the other, though members do not pass them so. What a member may promise in a view
 * depends on its promises of that view and on certs of it and of earlier views, and a cert never goes away: any run
 * can be put in the order of views, each step stays allowed, and it ends with the same certs. Of a view that is over
 * only its certs are kept.
 *
 * A digest is a number that holds its parent: 0 is the epoch's genesis, view v has those from 3^(v-1) on, two for
 * each digest before it (TWINS). Members are alike: a state is kept with its members sorted.
 *
 * -DM_...: mutants, -DNO_MONITOR: without the two assertions that name a broken promise directly, so that its
 * consequence is found.
 */
#ifndef HONEST /* n = 4, f = 1, q = 3 */
#define HONEST 3
#define NEED 2
#endif
#ifndef VIEWS
#define VIEWS 3
#endif
#if VIEWS == 3
#define DIGESTS 27
#else
#define DIGESTS 81
#endif

#define VIEW(d) ((d) == 0 -> 0 : ((d) < 3 -> 1 : ((d) < 9 -> 2 : ((d) < 27 -> 3 : 4))))
#define FIRST(v) ((v) == 1 -> 1 : ((v) == 2 -> 3 : ((v) == 3 -> 9 : ((v) == 4 -> 27 : 81))))
#define PARENT(d) ((d) == 0 -> 0 : ((d) - FIRST(VIEW(d))) / 2)

/* Promises of the current view, digests or 0: NOTAR, FINAL, and whether NULL. */
byte notar[HONEST], final[HONEST];
bool null[HONEST];
/* What member 0 signed and forgot, or signed beside it. */
byte notar_too, final_too;
bool null_too;

byte view = 1;
/* The certs that exist: CERT_N and CERT_F by digest, CERT_0 by view. */
bool cert_n[DIGESTS], cert_f[DIGESTS], cert_0[VIEWS + 1];

/* The properties, by the names that an assertion shows. */
bool one_notarised = true, final_or_null = true, one_chain = true;

byte i, d, e, k; /* 0 between steps */

#ifdef NO_MONITOR
#define told(property) skip
#else
#define told(property) assert(property)
#endif
/* Without this there is no step. */
#define need(condition)      \
    if                       \
    :: condition             \
    :: else -> goto none     \
    fi

/* Whether promise a is one for d. */
#ifdef M_PARENT_LEFT_OUT /* one digest whatever the parent (header key 4) */
#define FOR(a, d) ((a) != 0 && (((a) ^ (d)) & 1) == 0)
#else
#define FOR(a, d) ((a) == (d))
#endif

#define PROMISED(promise, too, x) \
    (FOR(promise[0], x) || FOR(too, x)) + FOR(promise[1], x) + FOR(promise[2], x) + OTHERS(promise, x)
#if HONEST == 5
#define OTHERS(promise, x) FOR(promise[3], x) + FOR(promise[4], x)
#define NULLED (null[0] || null_too) + null[1] + null[2] + null[3] + null[4]
#else
#define OTHERS(promise, x) 0
#define NULLED (null[0] || null_too) + null[1] + null[2]
#endif

/* ---- The promises ---- */

/* One of the digests of this view: d. */
inline some_digest() {
    d = FIRST(view);
    do
    :: d < FIRST(view + 1) - 1 -> d++
    :: break
    od
}

/* R2, validity (b) and (c): the first proposal seen that extends a digest with CERT_N by CERT_0 of each view between. */
inline promise_notar() {
#ifdef M_SECOND_NOTAR
    if
    :: notar[i] == 0
    :: i == 0 && notar[0] != 0 && notar_too == 0 -> notar_too = notar[0]
    :: else -> goto none
    fi;
#else
    need(notar[i] == 0);
#endif
    some_digest();
#ifndef M_PARENT_UNCERTIFIED
    need(PARENT(d) == 0 || cert_n[PARENT(d)]);
#endif
#ifndef M_VIEWS_SKIPPED
    e = VIEW(PARENT(d)) + 1;
    do
    :: e < view && cert_0[e] -> e++
    :: else -> break
    od;
    need(e == view);
#endif
    notar[i] = d;
    k = 0;
    d = FIRST(view);
    do
    :: d < FIRST(view + 1) ->
        cert_n[d] = PROMISED(notar, notar_too, d) >= NEED;
        k = k + cert_n[d];
        d++
    :: else -> break
    od;
    one_notarised = k < 2;
    told(one_notarised)
}

/* Final checkpoints lie on one chain: going back from d, each one before it is met. */
inline judge_chain() {
    e = 1;
    do
    :: e < FIRST(view + 1) ->
        if
        :: e != d && cert_f[e] ->
            k = d;
            do
            :: VIEW(k) > VIEW(e) -> k = PARENT(k)
            :: else -> break
            od;
            one_chain = one_chain && k == e
        :: else
        fi;
        e++
    :: else -> break
    od;
    assert(one_chain)
}

/* R3: for what has CERT_N, unless NULL was sent. */
inline promise_final() {
    need(final[i] == 0);
#ifndef M_FINAL_AFTER_NULL
    need(!null[i]);
#endif
    some_digest();
    need(cert_n[d]);
    final[i] = d;
    d = FIRST(view);
    do
    :: d < FIRST(view + 1) ->
        cert_f[d] = PROMISED(final, final_too, d) >= NEED;
        if
        :: cert_f[d] ->
            final_or_null = final_or_null && !cert_0[view];
            told(final_or_null);
            judge_chain()
        :: else
        fi;
        d++
    :: else -> break
    od
}

/* R4: unless FINAL was sent. */
inline promise_null() {
    need(!null[i]);
#ifndef M_NULL_AFTER_FINAL
    need(final[i] == 0);
#endif
    null[i] = true;
    cert_0[view] = NULLED >= NEED;
    if
    :: cert_0[view] ->
        d = FIRST(view);
        do
        :: d < FIRST(view + 1) ->
            final_or_null = final_or_null && !cert_f[d];
            d++
        :: else -> break
        od;
        told(final_or_null)
    :: else
    fi
}

inline next_view() {
    need(view < VIEWS);
    view++;
    do
    :: k < HONEST ->
        notar[k] = 0; final[k] = 0; null[k] = false;
        k++
    :: else -> break
    od;
    notar_too = 0; final_too = 0; null_too = false
}

/* A member that lost its memory, or runs from an old copy of it. */
inline forget() {
    need(notar_too == 0 && final_too == 0 && !null_too);
    notar_too = notar[0]; final_too = final[0]; null_too = null[0];
    notar[0] = 0; final[0] = 0; null[0] = false
}

#define RANK(x) (notar[x] * 162 + final[x] * 2 + null[x])
#define in_order(a, b)                                              \
    if                                                              \
    :: RANK(a) > RANK(b) ->                                         \
        d = notar[a]; notar[a] = notar[b]; notar[b] = d;            \
        d = final[a]; final[a] = final[b]; final[b] = d;            \
        d = null[a]; null[a] = null[b]; null[b] = d                 \
    :: else                                                         \
    fi

active proctype world() {
    do
    :: atomic {
        do
        :: i < HONEST - 1 -> i++
        :: break
        od;
        if
        :: true -> promise_notar()
        :: true -> promise_final()
        :: true -> promise_null()
        :: i == 0 -> next_view()
#ifdef M_FORGETS
        :: i == 0 -> forget()
#endif
        fi;
    none:
#if !defined(M_FORGETS) && !defined(M_SECOND_NOTAR) /* there member 0 is not like the others */
#if HONEST == 5
        in_order(0, 1); in_order(1, 2); in_order(2, 3); in_order(3, 4);
        in_order(0, 1); in_order(1, 2); in_order(2, 3);
#endif
        in_order(0, 1); in_order(1, 2); in_order(0, 1);
#endif
        i = 0; d = 0; e = 0; k = 0
    }
    od
}
