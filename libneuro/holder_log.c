/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What a holder takes of the owner's log, at which rate, and what it asks for or gives back (NZ1 17,
 * SYN-2.5). */
#include "libneuro/holder.h"
#include "libter/bytes.h"

#include <sodium.h>

/* TER_CREDIT (NZ1 17) in units of 10 us of stream or clock: 600 TERs, one more for each 100 ms. */
enum { CREDIT_TER = 10000, CREDIT_UNIT_US = 10, TER_TIME = 52, TCK_N = 24, TCK_LOG_GEN = 156 };
#define CREDIT_MAX ((uint64_t)HKP_NEURO_CATCHUP_MAX * CREDIT_TER)
#define FAR_FUTURE_US UINT64_C(3600000000)

static void credit_add(hkp_neuro_holder *h, uint64_t units) {
    h->credit = units < CREDIT_MAX - h->credit ? h->credit + units : CREDIT_MAX;
}

static void credit_clock(hkp_neuro_holder *h) {
    const uint64_t passed = (h->core.now - h->credit_at) / 1000 / CREDIT_UNIT_US;
    if (passed == 0) return;
    credit_add(h, passed);
    h->credit_at += passed * 1000 * CREDIT_UNIT_US;
}

void hkp_neuro__holder_want(hkp_neuro_holder *h, uint64_t to) {
    if (h->want_open && h->want_from == h->head.index) return; /* one at a time */
    if (to <= h->head.index) return;
    h->want_open = 1;
    h->want_tries = 1;
    h->want_from = h->head.index;
    h->want_to = to - h->want_from > HKP_NEURO__RANGE_MAX ? h->want_from + HKP_NEURO__RANGE_MAX : to;
    h->want_at = h->core.now;
    hkp_neuro__core_send_range(&h->core, HKP_NEURO_MSG_WANT, h->want_from, h->want_to);
}

void hkp_neuro__holder_timers(hkp_neuro_holder *h) {
    if (!h->want_open) return;
    if (h->head.index >= h->want_to) {
        h->want_open = 0;
        return;
    }
    if (h->core.now - h->want_at < HKP_NEURO__ANSWER_NS || !h->core.session.up) return;
    if (h->want_tries >= HKP_NEURO__TRIES) {
        h->want_open = 0;
        h->want_failed = 1;
        return;
    }
    h->want_tries++;
    h->want_at = h->core.now;
    hkp_neuro__core_send_range(&h->core, HKP_NEURO_MSG_WANT, h->want_from, h->want_to);
}

/* A TER that was seen before must be the same, byte for byte (NZ1 17); what is no longer kept cannot be
 * compared. */
static int same_as_kept(const hkp_neuro_holder *h, uint64_t index, const uint8_t *ter) {
    const uint8_t *kept = hkp_neuro__kept_ter(&h->kept, index);
    return kept == NULL || memcmp(kept, ter, HKP_TER_SIZE) == 0;
}

/* Damage on the way is asked for again, at most three times; everything else is another history. */
static hkp_status refuse_ter(hkp_neuro_holder *h, hkp_status st, uint64_t to) {
    const int transport =
        st == HKP_E_TER_LENGTH || st == HKP_E_TER_GAP || st == HKP_E_TER_REPLAY || st == HKP_E_TER_CRC;
    if (transport && h->broken < HKP_NEURO__TRIES) {
        h->broken++;
        h->want_open = 0;
        hkp_neuro__holder_want(h, to);
    } else
        hkp_neuro__holder_lost(h, HKP_NEURO_CAUSE_HISTORY);
    return st;
}

static hkp_status take_ter(hkp_neuro_holder *h, uint64_t wall_us, const uint8_t *body, uint64_t last) {
    const uint64_t ts = hkp_le64(body + TER_TIME);
    const uint64_t prev = h->head.has_last ? hkp_le64(h->head.last_ter + TER_TIME) : ts;
    struct hkp_ter_cursor next = h->head;
    credit_clock(h);
    const uint64_t stream = ts > prev ? (ts - prev) / CREDIT_UNIT_US : 0;
    const uint64_t room = CREDIT_MAX - h->credit;
    const uint64_t credit = h->credit + (stream < room ? stream : room);
    if (credit < CREDIT_TER || (ts <= HKP_TER_TIME_MAX && ts > wall_us && ts - wall_us > FAR_FUTURE_US)) {
        h->starved = 1;
        h->core.waited++;
        return HKP_E_LIMIT;
    }
    hkp_status st = hkp_ter_cursor_accept(&next, body, HKP_TER_SIZE, body + HKP_TER_SIZE);
    if (st != HKP_OK) return refuse_ter(h, st, last);
    st = hkp_neuro__kept_reserve(&h->kept, &h->core.opt.mem);
    if (st != HKP_OK) return st;
    hkp_neuro__kept_append(&h->kept, body);
    memcpy(h->h_before, h->head.h, 32);
    h->head = next;
    h->credit = credit - CREDIT_TER;
    h->broken = 0;
    h->starved = 0;
    h->want_failed = 0;
    h->recent[h->recent_count++ % HOLDER_RECENT] = ts;
    h->core.accepted++;
    return HKP_OK;
}

static hkp_status take_rebase(hkp_neuro_holder *h, const uint8_t *body) {
    struct hkp_neuro_rba rba;
    const uint8_t *bytes = body + 8;
    /* the time of the state, 0 where it begins (NZ1 8): the owner and a replay decide by the same */
    const uint64_t last_us =
        h->head.index > h->core.view.first_index ? hkp_le64(h->head.last_ter + TER_TIME) : 0;
    if (hkp_le64(body) != h->head.index) return HKP_OK; /* seen before, at its place */
    hkp_status st = hkp_neuro_rba_check(&rba, bytes, HKP_NEURO_RBA_SIZE, h->core.opt.owner_id, h->core.keys,
                                        h->core.opt.n_policy_keys);
    if (st == HKP_OK && rba.policy_ver == h->head_policy && memcmp(bytes + 40, h->head_h_ref, 20) == 0)
        return HKP_OK;
    if (st == HKP_OK) st = hkp_neuro__rba_fits(&rba, h->head_policy, last_us);
    if (st != HKP_OK) {
        hkp_neuro__holder_lost(h, HKP_NEURO_CAUSE_HISTORY);
        return st;
    }
    st = hkp_neuro__kept_rebase(&h->kept, bytes);
    if (st != HKP_OK) return st;
    h->head_policy = rba.policy_ver;
    memcpy(h->head_h_ref, bytes + 40, 20);
    return HKP_OK;
}

/* With an unbroken line from the newest TCK1 held the whole check; after a restart that of a beginner. */
static hkp_status judge_tck(const hkp_neuro_holder *h, const uint8_t *bytes) {
    if (h->has_tck && h->tck_follows) {
        struct hkp_ter_tck_verifier v = {
            .cursor = &h->head, .policy_ver = h->head_policy, .log_gen = hkp_le32(h->tck + TCK_LOG_GEN)};
        memcpy(v.node_id, h->core.opt.owner_id, 16);
        memcpy(v.device_public, h->core.opt.owner_public, 32);
        memcpy(v.h_ref, h->head_h_ref, 20);
        return hkp_ter_tck_verify(bytes, HKP_TER_TCK_SIZE, h->tck, &v);
    }
    struct hkp_ter_tck_enrol e = {.held = h->has_tck ? h->tck : NULL,
                                  .h_before = h->h_before,
                                  .ter = h->head.last_ter,
                                  .gen = h->core.view.gen_owner};
    memcpy(e.node_id, h->core.opt.owner_id, 16);
    memcpy(e.device_public, h->core.opt.owner_public, 32);
    return hkp_ter_tck_verify_enrol(bytes, HKP_TER_TCK_SIZE, &e);
}

static hkp_status take_tck(hkp_neuro_holder *h, const uint8_t *bytes) {
    const uint64_t n = hkp_le64(bytes + TCK_N);
    if (h->has_tck && memcmp(h->tck, bytes, HKP_TER_TCK_SIZE) == 0) return HKP_OK;
    if (n < h->head.index) return HKP_OK; /* of a stretch that is behind us */
    const int same_log = h->has_tck && hkp_le32(bytes + TCK_LOG_GEN) == hkp_le32(h->tck + TCK_LOG_GEN);
    const uint64_t held = h->has_tck ? hkp_le64(h->tck + TCK_N) : 0;
    if (same_log && n < held) return HKP_OK; /* seen before a restart, and one after it, too */
    if (h->head.index == h->core.view.cur->index && h->kept.end == h->kept.first && !h->tck_follows)
        return HKP_OK; /* h before it is not known after a restart */
    hkp_status st = judge_tck(h, bytes);
    if (st != HKP_OK) {
        /* signed both, of one log and one n: proof of a fork, for everybody (NZ1 4) */
        if (st == HKP_E_TER_TCK_INDEX && same_log && n == held)
            hkp_neuro__holder_lost(h, HKP_NEURO_CAUSE_FORK);
        h->want_failed = 1; /* the log goes on nowhere: trust says "history gap" */
        return st;
    }
    memcpy(h->tck, bytes, HKP_TER_TCK_SIZE);
    h->has_tck = h->tck_follows = 1;
    return HKP_OK;
}

hkp_status hkp_neuro__holder_log(hkp_neuro_holder *h, uint64_t wall_us, const uint8_t *msg, size_t len) {
    uint64_t index = hkp_le64(msg + 4);
    size_t at = HKP_NEURO__LOG_HEAD;
    if (!hkp_neuro__holder_works(h)) return HKP_OK;
    if (index > h->head.index) {
        hkp_neuro__holder_want(h, index);
        return HKP_OK;
    }
    const uint64_t last = index + hkp_le16(msg + 2);
    while (at < len) {
        struct hkp_neuro__record record;
        hkp_status st = hkp_neuro__record_read(msg + at, len - at, &record);
        if (st != HKP_OK) return st;
        at += record.size;
        if (record.type == HKP_TER_LOG_TER && index < h->head.index) {
            if (!same_as_kept(h, index, record.body)) {
                hkp_neuro__holder_lost(h, HKP_NEURO_CAUSE_HISTORY);
                return HKP_E_NEURO_REPLAY_HCHAIN;
            }
            index++;
            continue;
        }
        if (index < h->head.index && record.type != HKP_TER_LOG_GAP) continue;
        switch (record.type) {
        case HKP_TER_LOG_TER:
            st = take_ter(h, wall_us, record.body, last);
            index++;
            break;
        case HKP_TER_LOG_REBASE:
            st = take_rebase(h, record.body);
            break;
        case HKP_TER_LOG_TCK:
            st = take_tck(h, record.body);
            break;
        case HKP_TER_LOG_GAP:
            if (hkp_le64(record.body + 8) <= h->head.index) {
                index = hkp_le64(record.body + 8);
                break;
            }
            hkp_neuro__core_move(&h->core, HKP_NEURO_MOVE_GAP, HKP_NEURO_CAUSE_GAP);
            return HKP_OK;
        default:
            break;
        }
        if (st != HKP_OK) return st;
    }
    return HKP_OK;
}

/* A message of records under way: [cap] at dst, len of them used. */
struct back {
    uint8_t *dst;
    size_t cap, len, count;
};

static int back_record(struct back *b, uint32_t type, const uint8_t *body, size_t body_len) {
    size_t size = 0;
    if (b->count >= HKP_NEURO_LOG_RECORDS_MAX ||
        hkp_ter_log_record_encode(type, body, body_len, b->dst + b->len, b->cap - b->len, &size) != HKP_OK)
        return 0;
    b->len += size;
    b->count++;
    return 1;
}

/* What else stood at an index: rebases, and behind them the newest TCK1 (NZ1 11). Without them the owner
 * would go on under another policy, and sign a second checkpoint that names the one before. */
static int back_others(const hkp_neuro_holder *h, uint64_t index, int behind_a_ter, struct back *b) {
    uint8_t body[8 + HKP_NEURO_RBA_SIZE];
    for (uint32_t i = 0; i < h->kept.n_rebases; i++) {
        if (h->kept.rebases[i].index != index) continue;
        hkp_put_le64(body, index);
        memcpy(body + 8, h->kept.rebases[i].rba, HKP_NEURO_RBA_SIZE);
        if (!back_record(b, HKP_TER_LOG_REBASE, body, sizeof body)) return 0;
    }
    if (!behind_a_ter || !h->has_tck || hkp_le64(h->tck + TCK_N) != index) return 1;
    return back_record(b, HKP_TER_LOG_TCK, h->tck, HKP_TER_TCK_SIZE);
}

/* The next stretch of what the owner lost and asked for, as a LOG message (SYN-2.6). */
size_t hkp_neuro__holder_back(hkp_neuro_holder *h, uint8_t *dst, size_t cap) {
    enum { AT_ONCE = 512 };
    uint8_t body[96];
    struct back b = {dst, cap, HKP_NEURO__LOG_HEAD, 0};
    const struct hkp_neuro__view *view = &h->core.view;
    const uint64_t first = h->back_from, to = h->back_to;
    if (first >= to || cap < HKP_NEURO__LOG_HEAD) return 0;
    /* h of each is computed from the commit before it on */
    struct hkp_ter_cursor walk = first >= view->cur->index ? view->cur->cursor : view->prev->cursor;
    int begun = 0;
    for (uint64_t i = walk.index; i < to && b.count < AT_ONCE; i++) {
        const uint8_t *ter = hkp_neuro__kept_ter(&h->kept, i);
        if (ter == NULL || hkp_ter_cursor_accept(&walk, ter, HKP_TER_SIZE, NULL) != HKP_OK) break;
        if (i < first) continue;
        if (!begun && !back_others(h, i, 0, &b)) break;
        begun = 1;
        memcpy(body, ter, HKP_TER_SIZE);
        memcpy(body + HKP_TER_SIZE, walk.h, 32);
        if (!back_record(&b, HKP_TER_LOG_TER, body, sizeof body) || !back_others(h, i + 1, 1, &b)) break;
    }
    h->back_from = h->back_to = 0; /* the owner asks again for what did not fit */
    if (!begun) {
        hkp_neuro__core_send_range(&h->core, HKP_NEURO_MSG_NONE, first, to);
        return 0;
    }
    hkp_neuro__msg_head(dst, HKP_NEURO_MSG_LOG, (uint32_t)b.count);
    hkp_put_le64(dst + 4, first);
    return b.len;
}
