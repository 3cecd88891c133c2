/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* EXPERIMENT, see lab.h: one party of a shared key as messages (LAB-6.2, decision 0551). A caller carries
 * them over authenticated, confidential sessions. */
#include "libneuro/lab/lab.h"

enum { MSG_COMMIT = 1, MSG_LIST, MSG_REVEAL, MSG_CONFIRM, MSG_ABORT, HEAD = 2 };

static const size_t length_of[] = {[MSG_COMMIT] = HEAD + 32,
                                   [MSG_LIST] = HEAD + 32,
                                   [MSG_REVEAL] = HEAD + 64,
                                   [MSG_CONFIRM] = HEAD,
                                   [MSG_ABORT] = HEAD};

static uint32_t all_of(const struct hkp_neuro_lab_party *p) { return (1U << p->share.n) - 1; }

/* The session is over; faulty: whose fault it is, as this party saw it. */
static hkp_status end(struct hkp_neuro_lab_party *p, hkp_status fault, uint32_t faulty) {
    if (p->stage != HKP_NEURO_LAB_ENDED) p->fault = fault;
    p->stage = HKP_NEURO_LAB_ENDED;
    p->named |= faulty;
    sodium_memzero(p->share.secret, sizeof p->share.secret);
    sodium_memzero(p->share.blind, sizeof p->share.blind);
    return fault;
}

/* What all must hold alike before a secret is told: the commits, in order. */
static void list_of(const struct hkp_neuro_lab_party *p, uint8_t list[32]) {
    crypto_hash_sha256_state h;
    crypto_hash_sha256_init(&h);
    crypto_hash_sha256_update(&h, (const uint8_t *)"LAB1 fed list", 14);
    crypto_hash_sha256_update(&h, p->share.session, 32);
    crypto_hash_sha256_update(&h, p->share.commit[0], 32ULL * p->share.n);
    crypto_hash_sha256_final(&h, list);
}

hkp_status hkp_neuro_lab_party_begin(struct hkp_neuro_lab_party *party, const uint8_t session[32], uint32_t n,
                                     uint32_t self, uint32_t attempt, const uint8_t secret[32],
                                     const uint8_t blind[32]) {
    memset(party, 0, sizeof *party);
    party->stage = HKP_NEURO_LAB_ENDED;
    if (attempt > 255) return HKP_E_NEURO_LAB_RANGE;
    const hkp_status st = hkp_neuro_lab_share_begin(&party->share, session, n, self, secret, blind);
    if (st != HKP_OK) return st;
    party->stage = HKP_NEURO_LAB_COMMITS;
    party->attempt = attempt;
    party->lists = party->confirms = 1U << self;
    return HKP_OK;
}

/* Two lists that differ: somebody told two parties different commits, and it cannot be shown who. */
static hkp_status compare(struct hkp_neuro_lab_party *p) {
    for (uint32_t i = 0; i < p->share.n; i++)
        if ((p->lists >> i & 1) != 0 && memcmp(p->list[i], p->list[p->share.self], 32) != 0)
            return end(p, HKP_E_NEURO_LAB_COMMIT, 0);
    return HKP_OK;
}

static hkp_status advance(struct hkp_neuro_lab_party *p) {
    if (p->stage == HKP_NEURO_LAB_COMMITS && hkp_neuro_lab_share_open(&p->share)) {
        list_of(p, p->list[p->share.self]);
        p->stage = HKP_NEURO_LAB_LISTS;
    }
    if (p->stage == HKP_NEURO_LAB_LISTS) {
        const hkp_status st = compare(p);
        if (st != HKP_OK) return st;
        if (p->lists == all_of(p)) p->stage = HKP_NEURO_LAB_REVEALS;
    }
    if (p->stage == HKP_NEURO_LAB_REVEALS && p->share.reveals == all_of(p)) p->stage = HKP_NEURO_LAB_CONFIRMS;
    if (p->stage == HKP_NEURO_LAB_CONFIRMS && p->confirms == all_of(p)) p->stage = HKP_NEURO_LAB_DONE;
    return HKP_OK;
}

/* A list may come before the last commit did; it is held, and compared when the own one is made. */
static hkp_status take_list(struct hkp_neuro_lab_party *p, uint32_t from, const uint8_t list[32]) {
    if ((p->lists >> from & 1) != 0)
        return memcmp(p->list[from], list, 32) == 0 ? HKP_OK : end(p, HKP_E_NEURO_LAB_COMMIT, 1U << from);
    memcpy(p->list[from], list, 32);
    p->lists |= 1U << from;
    return HKP_OK;
}

static hkp_status take(struct hkp_neuro_lab_party *p, uint32_t from, uint32_t type, const uint8_t *body) {
    hkp_status st = HKP_OK;
    if (type == MSG_COMMIT) st = hkp_neuro_lab_share_commit(&p->share, from, body);
    if (type == MSG_LIST) return take_list(p, from, body);
    if (type == MSG_REVEAL) st = hkp_neuro_lab_share_reveal(&p->share, from, body, body + 32);
    /* who confirms has seen our secret, so it was told */
    if (type == MSG_CONFIRM && p->stage < HKP_NEURO_LAB_REVEALS) st = HKP_E_NEURO_LAB_STATE;
    if (type == MSG_CONFIRM && st == HKP_OK) p->confirms |= 1U << from;
    return st == HKP_OK ? HKP_OK : end(p, st, 1U << from);
}

/* After an abort by another a party still looks at what is revealed: it believes its own eyes. */
static void look(struct hkp_neuro_lab_party *p, uint32_t from, uint32_t type, const uint8_t *body) {
    if (type != MSG_REVEAL || !hkp_neuro_lab_share_open(&p->share)) return;
    if (hkp_neuro_lab_share_reveal(&p->share, from, body, body + 32) != HKP_OK) p->named |= 1U << from;
    sodium_memzero(p->share.secret, sizeof p->share.secret);
}

hkp_status hkp_neuro_lab_party_recv(struct hkp_neuro_lab_party *party, uint32_t from, const uint8_t *msg,
                                    size_t len) {
    if (from >= party->share.n || from == party->share.self) return HKP_E_NEURO_LAB_RANGE;
    const uint32_t type = len < HEAD ? 0 : msg[0];
    if (len >= HEAD && msg[1] != party->attempt) return HKP_OK; /* of a session that is over */
    const int whole = type >= MSG_COMMIT && type <= MSG_ABORT && len == length_of[type];
    if (party->stage == HKP_NEURO_LAB_ENDED) {
        if (whole) look(party, from, type, msg + HEAD);
        return party->fault;
    }
    if (!whole) return end(party, HKP_E_NEURO_LAB_LENGTH, 1U << from);
    if (type == MSG_ABORT) return end(party, HKP_E_NEURO_LAB_ABORT, 0);
    const hkp_status st = take(party, from, type, msg + HEAD);
    return st == HKP_OK ? advance(party) : st;
}

/* The message that is due next for a peer, or 0: commit, list, reveal, confirm, each when its stage came. */
static uint32_t due(const struct hkp_neuro_lab_party *p, uint32_t bit) {
    if (p->stage == HKP_NEURO_LAB_ENDED) return (p->sent[MSG_ABORT] & bit) == 0 ? MSG_ABORT : 0;
    for (uint32_t type = MSG_COMMIT; type <= MSG_CONFIRM && type <= p->stage + 1; type++)
        if ((p->sent[type] & bit) == 0) return type;
    return 0;
}

size_t hkp_neuro_lab_party_send(struct hkp_neuro_lab_party *party, uint32_t to, uint8_t msg[66]) {
    if (to >= party->share.n || to == party->share.self) return 0;
    const uint32_t type = due(party, 1U << to);
    if (type == 0) return 0;
    party->sent[type] |= 1U << to;
    msg[0] = (uint8_t)type;
    msg[1] = (uint8_t)party->attempt;
    if (type == MSG_COMMIT) memcpy(msg + HEAD, party->share.commit[party->share.self], 32);
    if (type == MSG_LIST) memcpy(msg + HEAD, party->list[party->share.self], 32);
    if (type == MSG_REVEAL) {
        memcpy(msg + HEAD, party->share.secret[party->share.self], 32);
        memcpy(msg + HEAD + 32, party->share.blind, 32);
    }
    return length_of[type];
}

uint32_t hkp_neuro_lab_party_expire(struct hkp_neuro_lab_party *party) {
    const uint32_t held[] = {party->share.commits, party->lists, party->share.reveals, party->confirms};
    if (party->stage < HKP_NEURO_LAB_DONE)
        (void)end(party, HKP_E_NEURO_LAB_ABORT, all_of(party) & ~held[party->stage]);
    return party->named;
}

hkp_status hkp_neuro_lab_party_key(struct hkp_neuro_lab_party *party, uint8_t key[32]) {
    if (party->stage != HKP_NEURO_LAB_DONE) return HKP_E_NEURO_LAB_STATE;
    const hkp_status st = hkp_neuro_lab_share_key(&party->share, key);
    sodium_memzero(party, sizeof *party);
    party->stage = HKP_NEURO_LAB_ENDED;
    return st;
}
