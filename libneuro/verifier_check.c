/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What a replay says about a claim: the same bit for bit, or since when not, and why in plain words (NZ1 17).
 */
#include "libneuro/msg.h"
#include "libneuro/verifier.h"
#include "libter/bytes.h"

#include <sodium.h>
#include <stdio.h>

enum { TCK_N = 24, TCK_H = 32, DRIFT_OF_ONE = 11000, DRIFT_UNRELATED = 1000000, DRIFT_AGE_MAX = 1000 };

typedef unsigned long long ull;

const char *hkp_neuro__cause_words(hkp_status cause) {
    switch (cause) {
    case HKP_E_TER_TIME_RANGE:
        return "its time is outside what a TER may have";
    case HKP_E_TER_ENTROPY_ZERO:
        return "its entropy hash is zero";
    case HKP_E_TER_REPLAY:
    case HKP_E_TER_GAP:
        return "its sequence number belongs to another index: records are missing, repeated or out of order";
    case HKP_E_TER_CRC:
        return "its chain_crc is not that of the TER before it: one of the two is not the original";
    case HKP_E_TER_TIME_ORDER:
        return "its time is not after that of the TER before it";
    case HKP_E_TER_ENTROPY_REPEAT:
        return "it repeats the entropy of the TER before it";
    case HKP_E_TER_HCHAIN:
        return "the hash beside it is not that of this history: it was edited, or stood behind another TER";
    case HKP_E_TER_INDEX:
        return "the index has reached its end";
    case HKP_E_TER_TCK_NODE:
        return "it is of another device or another log";
    case HKP_E_TER_TCK_SIGNATURE:
        return "its signature is wrong";
    case HKP_E_TER_TCK_INDEX:
        return "it is not of this index";
    case HKP_E_TER_TCK_PREV:
        return "it does not name the checkpoint before it: one was removed, or it was put here";
    case HKP_E_TER_TCK_HCHAIN:
        return "it was signed over another history";
    case HKP_E_TER_TCK_TIME:
    case HKP_E_TER_TCK_INTEGRITY:
        return "it was signed over another TER";
    case HKP_E_TER_TCK_POLICY:
        return "it names another reference than the one in force";
    case HKP_E_NEURO_RBA_NODE:
        return "it is of another device";
    case HKP_E_NEURO_RBA_SIGNER:
    case HKP_E_NEURO_RBA_SIGNATURE:
        return "it is not signed by a policy key";
    case HKP_E_NEURO_RBA_ROOT:
        return "its reference is not that of its root";
    case HKP_E_NEURO_RBA_VERSION:
        return "its version was in force already, or is more than 1,024 ahead";
    case HKP_E_NEURO_RBA_EXPIRED:
        return "it had expired in the time of the log";
    case HKP_E_NEURO_REPLAY_REBASE:
        return "it is of another index";
    default:
        return "it is not well formed";
    }
}

void hkp_neuro__verdict_of(const hkp_neuro_verifier *v, uint64_t claimed, uint32_t verdict, hkp_status status,
                           struct hkp_neuro_verdict *out) {
    memset(out, 0, sizeof *out);
    out->verdict = verdict;
    out->status = out->cause = status;
    out->claimed = claimed;
    out->index = v->at.cursor.index;
}

void hkp_neuro_verifier_verdict(const hkp_neuro_verifier *verifier, struct hkp_neuro_verdict *verdict) {
    if (verifier->ended.verdict != HKP_NEURO_VERDICT_OPEN) {
        *verdict = verifier->ended;
        return;
    }
    hkp_neuro__verdict_of(verifier, verifier->at.cursor.index, HKP_NEURO_VERDICT_OPEN, HKP_OK, verdict);
    snprintf(verdict->reason, sizeof verdict->reason, "TERs %llu to %llu follow each other",
             (ull)verifier->first, (ull)verifier->at.cursor.index);
}

/* 1: the replay is not where the claim is; out says so. */
static int elsewhere(const hkp_neuro_verifier *v, uint64_t n, struct hkp_neuro_verdict *out) {
    const uint64_t index = v->at.cursor.index;
    if (v->begun && index == n) return 0;
    if (v->begun && index < n && v->ended.verdict != HKP_NEURO_VERDICT_OPEN) {
        *out = v->ended;
        out->claimed = n;
        return 1;
    }
    hkp_neuro__verdict_of(v, n, v->begun && index < n ? HKP_NEURO_VERDICT_BEHIND : HKP_NEURO_VERDICT_OPEN,
                          v->begun && index < n ? HKP_E_NEURO_REPLAY_SHORT : HKP_E_STATE, out);
    if (!v->begun)
        snprintf(out->reason, sizeof out->reason, "nothing was replayed yet");
    else if (index < n)
        snprintf(out->reason, sizeof out->reason, "the log ends at index %llu, before the claimed index %llu",
                 (ull)index, (ull)n);
    else
        snprintf(out->reason, sizeof out->reason, "the replay is past index %llu: begin again before it",
                 (ull)n);
    return 1;
}

static void same(struct hkp_neuro_verdict *out) {
    out->verdict = HKP_NEURO_VERDICT_EXACT;
    snprintf(out->reason, sizeof out->reason, "the same bit for bit at index %llu", (ull)out->claimed);
}

static void other_history(const hkp_neuro_verifier *v, uint64_t common, struct hkp_neuro_verdict *out) {
    out->verdict = HKP_NEURO_VERDICT_HISTORY;
    out->fork = HKP_NEURO_FORK_RANGE;
    out->fork_from = common < v->first ? v->first : common;
    out->fork_to = out->claimed;
    snprintf(out->reason, sizeof out->reason,
             "history fork: a TER in %llu..%llu is not the one that was replayed", (ull)out->fork_from,
             (ull)(out->fork_to - 1));
}

void hkp_neuro_verifier_check_propose(const hkp_neuro_verifier *verifier, const uint8_t propose[112],
                                      const hkp_neuro_commit *base, struct hkp_neuro_verdict *verdict) {
    struct hkp_neuro__claim claim;
    hkp_neuro__claim_read(propose, &claim);
    if (claim.n <= claim.base || (base != NULL && !hkp_neuro__f_tag_ok(base, &claim))) {
        hkp_neuro__verdict_of(verifier, claim.n, HKP_NEURO_VERDICT_STATE, HKP_E_NEURO_REPLAY_BASE, verdict);
        snprintf(verdict->reason, sizeof verdict->reason,
                 "it builds on a state at index %llu that is not the agreed one: an old state or a copy",
                 (ull)claim.base);
        return;
    }
    if (elsewhere(verifier, claim.n, verdict)) return;
    const hkp_status st = hkp_neuro__replica_verdict(&verifier->at, &claim);
    hkp_neuro__verdict_of(verifier, claim.n, HKP_NEURO_VERDICT_STATE, st, verdict);
    if (st == HKP_OK) {
        same(verdict);
    } else if (st == HKP_E_NEURO_REPLAY_HCHAIN) {
        other_history(verifier, claim.base, verdict);
    } else
        snprintf(verdict->reason, sizeof verdict->reason,
                 "the history agrees to index %llu, the state does not: another seed, or a rollback",
                 (ull)claim.n);
}

/* What the drift alone tells of the age of a fork; an estimate, and said so. */
static void estimate(struct hkp_neuro_verdict *out) {
    const uint64_t age = hkp_neuro_drift_age(out->drift_ppm);
    if (out->drift_ppm == 0 || age > out->claimed) return;
    out->fork = HKP_NEURO_FORK_ESTIMATE;
    out->fork_to = out->claimed - age;
    out->fork_from = out->fork_to;
}

static void state_differs(const hkp_neuro_verifier *v, const uint8_t *h, const hkp_neuro_state *theirs,
                          struct hkp_neuro_verdict *out) {
    char *text = out->reason;
    out->has_drift = 1;
    out->drift_ppm = hkp_neuro_state_drift(v->at.state, theirs);
    const int known = h != NULL, same_history = known && memcmp(h, v->at.cursor.h, 32) == 0;
    if (same_history) {
        out->verdict = HKP_NEURO_VERDICT_STATE;
        out->status = out->cause = HKP_E_NEURO_REPLAY_PROOF;
        snprintf(text, sizeof out->reason,
                 "the history agrees, the state does not (drift %u ppm): another seed, or a rollback",
                 (unsigned)out->drift_ppm);
        return;
    }
    out->verdict = HKP_NEURO_VERDICT_HISTORY;
    out->status = out->cause = known ? HKP_E_NEURO_REPLAY_HCHAIN : HKP_E_NEURO_REPLAY_PROOF;
    if (out->drift_ppm >= DRIFT_UNRELATED) {
        snprintf(text, sizeof out->reason, "the states are unrelated (drift %u ppm): another seed or device",
                 (unsigned)out->drift_ppm);
        if (!known) out->verdict = HKP_NEURO_VERDICT_STATE;
        return;
    }
    estimate(out);
    const ull age = (ull)hkp_neuro_drift_age(out->drift_ppm);
    if (out->fork == HKP_NEURO_FORK_NONE)
        snprintf(text, sizeof out->reason, "history fork, drift %u ppm, which gives no age",
                 (unsigned)out->drift_ppm);
    else if (age > DRIFT_AGE_MAX)
        snprintf(text, sizeof out->reason, "history fork, drift %u ppm: by estimate more than %u TERs old",
                 (unsigned)out->drift_ppm, (unsigned)DRIFT_AGE_MAX);
    else
        snprintf(text, sizeof out->reason,
                 "history fork, drift %u ppm: by estimate %llu TERs old, at about index %llu",
                 (unsigned)out->drift_ppm, age, (ull)out->fork_to);
}

hkp_status hkp_neuro_verifier_check_state(const hkp_neuro_verifier *verifier, uint64_t index,
                                          const uint8_t *h, const uint8_t *state, size_t len,
                                          struct hkp_neuro_verdict *verdict) {
    uint8_t ours[64], own_f[64];
    hkp_neuro_state *theirs = NULL;
    if (len != HKP_NEURO_STATE_SIZE) return HKP_E_NEURO_LENGTH;
    hkp_status st = hkp_neuro_state_new(&theirs, &verifier->mem, verifier->at.state->kernel->variant);
    if (st != HKP_OK) return st;
    st = hkp_neuro_state_decode(theirs, state, len);
    if (st == HKP_OK && !elsewhere(verifier, index, verdict)) {
        hkp_neuro__verdict_of(verifier, index, HKP_NEURO_VERDICT_OPEN, HKP_OK, verdict);
        hkp_neuro_state_fingerprint(verifier->at.state, ours);
        hkp_neuro_state_fingerprint(theirs, own_f);
        const int equal = sodium_memcmp(ours, own_f, 64) == 0;
        if (equal && (h == NULL || memcmp(h, verifier->at.cursor.h, 32) == 0)) {
            verdict->has_drift = 1;
            same(verdict);
        } else
            state_differs(verifier, h, theirs, verdict);
        sodium_memzero(ours, sizeof ours);
        sodium_memzero(own_f, sizeof own_f);
    }
    hkp_neuro_state_free(theirs);
    return st;
}

void hkp_neuro_verifier_check_tck(const hkp_neuro_verifier *verifier, const uint8_t tck[256],
                                  struct hkp_neuro_verdict *verdict) {
    struct hkp_ter_tck_enrol known = {
        .h_before = verifier->h_before, .ter = verifier->at.cursor.last_ter, .gen = verifier->gen};
    const uint64_t n = hkp_le64(tck + TCK_N);
    memcpy(known.node_id, verifier->node_id, 16);
    memcpy(known.device_public, verifier->device_public, 32);
    if (elsewhere(verifier, n, verdict)) return;
    hkp_neuro__verdict_of(verifier, n, HKP_NEURO_VERDICT_OPEN, HKP_E_STATE, verdict);
    snprintf(verdict->reason, sizeof verdict->reason, "no TER before index %llu was replayed", (ull)n);
    if (!verifier->has_before) return;
    const hkp_status st = hkp_ter_tck_verify_enrol(tck, HKP_TER_TCK_SIZE, &known);
    verdict->status = verdict->cause = st;
    if (st == HKP_OK) {
        same(verdict);
    } else if (st == HKP_E_TER_TCK_HCHAIN) {
        other_history(verifier, verifier->has_tck ? hkp_le64(verifier->tck + TCK_N) : verifier->first,
                      verdict);
    } else {
        verdict->verdict = HKP_NEURO_VERDICT_RECORD;
        snprintf(verdict->reason, sizeof verdict->reason, "the checkpoint at index %llu is not sound: %s",
                 (ull)n, hkp_neuro__cause_words(st));
    }
}

/* ---- Where two histories parted ---- */

/* The last index at which both kept the same h, and the first at which it differs, if one does. Once two
 * chains differ they differ for ever. */
static int part_of_marks(const hkp_neuro_verifier *a, const hkp_neuro_verifier *b, uint64_t *from,
                         uint64_t *to) {
    *from = a->first > b->first ? a->first : b->first;
    for (uint32_t i = 0, k = 0; i < a->n_marks && k < b->n_marks;) {
        const struct hkp_neuro__mark *x = &a->marks[i], *y = &b->marks[k];
        if (x->index < y->index) {
            i++;
        } else if (x->index > y->index) {
            k++;
        } else if (memcmp(x->h, y->h, 32) != 0) {
            *to = x->index;
            return 1;
        } else {
            *from = x->index;
            i++, k++;
        }
    }
    return 0;
}

static int same_state(const hkp_neuro_state *a, const hkp_neuro_state *b) {
    uint8_t fa[64], fb[64];
    hkp_neuro_state_fingerprint(a, fa);
    hkp_neuro_state_fingerprint(b, fb);
    const int equal = sodium_memcmp(fa, fb, 64) == 0;
    sodium_memzero(fa, sizeof fa);
    sodium_memzero(fb, sizeof fb);
    return equal;
}

/* One history, two states: between which of the states that both kept. */
static void part_of_state(const hkp_neuro_verifier *a, const hkp_neuro_verifier *b,
                          struct hkp_neuro_verdict *out) {
    uint64_t from = 0, to = a->at.cursor.index;
    int common = 0;
    for (uint32_t i = 0, k = 0; i < a->n_kept && k < b->n_kept;) {
        const struct hkp_neuro__replica *x = &a->kept[i], *y = &b->kept[k];
        if (x->cursor.index < y->cursor.index) {
            i++;
        } else if (x->cursor.index > y->cursor.index) {
            k++;
        } else if (same_state(x->state, y->state)) {
            common = 1;
            from = x->cursor.index;
            i++, k++;
        } else {
            to = x->cursor.index;
            break;
        }
    }
    out->verdict = HKP_NEURO_VERDICT_STATE;
    out->status = out->cause = HKP_E_NEURO_REPLAY_PROOF;
    if (common) {
        out->fork = HKP_NEURO_FORK_RANGE;
        out->fork_from = from;
        out->fork_to = to;
        snprintf(out->reason, sizeof out->reason,
                 "the history agrees, the states part between %llu and %llu: a rebase or a rollback",
                 (ull)from, (ull)to);
    } else
        snprintf(out->reason, sizeof out->reason, "the history agrees, the states never did: another seed");
}

void hkp_neuro_verifier_compare(const hkp_neuro_verifier *a, const hkp_neuro_verifier *b,
                                struct hkp_neuro_verdict *verdict) {
    const uint64_t at_a = a->at.cursor.index, at_b = b->at.cursor.index;
    hkp_neuro__verdict_of(a, at_b, HKP_NEURO_VERDICT_OPEN, HKP_OK, verdict);
    if (at_a == at_b) {
        verdict->has_drift = 1;
        verdict->drift_ppm = hkp_neuro_state_drift(a->at.state, b->at.state);
    }
    uint64_t from, to = at_a < at_b ? at_a : at_b;
    const int parted = part_of_marks(a, b, &from, &to);
    if (parted || (at_a == at_b && memcmp(a->at.cursor.h, b->at.cursor.h, 32) != 0)) {
        verdict->verdict = HKP_NEURO_VERDICT_HISTORY;
        verdict->status = verdict->cause = HKP_E_NEURO_REPLAY_HCHAIN;
        verdict->fork = HKP_NEURO_FORK_RANGE;
        verdict->fork_from = from;
        verdict->fork_to = to;
        snprintf(verdict->reason, sizeof verdict->reason,
                 "history fork: the same up to index %llu, another TER before %llu", (ull)from, (ull)to);
    } else if (at_a != at_b) {
        verdict->verdict = at_b < at_a ? HKP_NEURO_VERDICT_BEHIND : HKP_NEURO_VERDICT_OPEN;
        snprintf(verdict->reason, sizeof verdict->reason,
                 "nothing that both kept differs; one ends at index %llu, the other at %llu", (ull)at_a,
                 (ull)at_b);
    } else if (same_state(a->at.state, b->at.state)) {
        same(verdict);
    } else
        part_of_state(a, b, verdict);
}

/* The next record that counts; 0: there is none, -1: st is set. */
static int next_record(const uint8_t *bytes, size_t len, size_t *at, struct hkp_neuro__record *r,
                       hkp_status *st) {
    while (*at < len) {
        *st = hkp_neuro__record_read(bytes + *at, len - *at, r);
        if (*st != HKP_OK) return -1;
        *at += r->size;
        if (r->type == HKP_TER_LOG_TER || r->type == HKP_TER_LOG_TCK || r->type == HKP_TER_LOG_REBASE)
            return 1;
    }
    return 0;
}

hkp_status hkp_neuro_records_compare(uint64_t first, const uint8_t *a, size_t a_len, const uint8_t *b,
                                     size_t b_len, struct hkp_neuro_verdict *verdict) {
    static const char *const names[] = {"record", "TER", "checkpoint", "rebase"};
    struct hkp_neuro_verdict out = {.verdict = HKP_NEURO_VERDICT_EXACT};
    size_t at_a = 0, at_b = 0;
    out.index = out.claimed = first;
    for (;;) {
        struct hkp_neuro__record x, y;
        hkp_status st = HKP_OK;
        const int has_a = next_record(a, a_len, &at_a, &x, &st);
        const int has_b = has_a < 0 ? -1 : next_record(b, b_len, &at_b, &y, &st);
        if (has_a < 0 || has_b < 0) return st;
        if (!has_a || !has_b) {
            /* what the longer one still holds */
            for (int more = has_a; more > 0; more = next_record(a, a_len, &at_a, &x, &st))
                out.index += x.type == HKP_TER_LOG_TER;
            for (int more = has_b; more > 0; more = next_record(b, b_len, &at_b, &y, &st))
                out.claimed += y.type == HKP_TER_LOG_TER;
            if (st != HKP_OK) return st;
            if (has_a) out.verdict = HKP_NEURO_VERDICT_BEHIND;
            snprintf(out.reason, sizeof out.reason, "the same as far as both go, to index %llu",
                     (ull)(out.index < out.claimed ? out.index : out.claimed));
            break;
        }
        if (x.type != y.type || memcmp(x.body, y.body, x.body_len) != 0) {
            out.verdict = HKP_NEURO_VERDICT_HISTORY;
            out.status = out.cause = HKP_E_NEURO_REPLAY_HCHAIN;
            out.fork = HKP_NEURO_FORK_EXACT;
            out.fork_from = out.fork_to = out.index;
            snprintf(out.reason, sizeof out.reason, "the %s at index %llu differs from the one acknowledged",
                     names[x.type], (ull)out.index);
            break;
        }
        out.index += x.type == HKP_TER_LOG_TER;
        out.claimed = out.index;
    }
    *verdict = out;
    return HKP_OK;
}

uint64_t hkp_neuro_drift_age(uint32_t drift_ppm) {
    const uint64_t d = drift_ppm, one = DRIFT_OF_ONE;
    return (d * d + one * one / 2) / (one * one);
}
