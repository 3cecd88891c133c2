/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A shared key as messages among parties that do not trust each other: nobody decides, a cheat is named, and
 * no fault leaves one with a key and another without (LAB-6.2, decision 0551). */
#include "check.h"

#include <hookprobe/neuro_lab.h>
#include <sodium.h>

enum { MOST = 16, ROOM = 4096, COMMIT = 1, LIST = 2, REVEAL = 3, CONFIRM = 4, ABORT = 5 };

struct letter {
    uint32_t from, to;
    size_t len;
    uint8_t bytes[HKP_NEURO_LAB_MESSAGE_MAX];
};

/* Letters on their way; which one arrives next is drawn, in order between any two. */
struct world {
    struct hkp_neuro_lab_party party[MOST];
    uint32_t n;
    struct letter on_the_way[ROOM];
    size_t letters;
    /** what happens to a letter before it leaves; 0: it is lost */
    int (*alter)(struct letter *letter);
    uint8_t draw[32];
    uint64_t draws;
};

static uint32_t drawn(struct world *w, uint32_t below) {
    uint8_t nonce[8], out[4];
    for (size_t i = 0; i < 8; i++) nonce[i] = (uint8_t)(w->draws >> 8 * i);
    w->draws++;
    crypto_stream_chacha20(out, sizeof out, nonce, w->draw);
    return (uint32_t)(out[0] | out[1] << 8 | out[2] << 16) % below;
}

static void meet(struct world *w, uint32_t n, uint32_t attempt, int (*alter)(struct letter *)) {
    static const uint8_t session[32] = {9};
    memset(w, 0, sizeof *w);
    w->n = n;
    w->alter = alter;
    w->draw[0] = (uint8_t)check_seed();
    w->draw[1] = (uint8_t)n;
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t secret[32] = {1, (uint8_t)i}, blind[32] = {2, (uint8_t)i};
        CHECK_EQ(hkp_neuro_lab_party_begin(&w->party[i], session, n, i, attempt, secret, blind), HKP_OK);
    }
}

static void collect(struct world *w) {
    for (uint32_t from = 0; from < w->n; from++)
        for (uint32_t to = 0; to < w->n; to++)
            for (;;) {
                struct letter *l = &w->on_the_way[w->letters];
                *l = (struct letter){.from = from, .to = to};
                l->len = hkp_neuro_lab_party_send(&w->party[from], to, l->bytes);
                if (l->len == 0) break;
                w->letters += w->alter == NULL || w->alter(l);
                CHECK(w->letters < ROOM);
            }
}

static void deliver(struct world *w) {
    for (collect(w); w->letters > 0; collect(w)) {
        size_t k = drawn(w, (uint32_t)w->letters);
        for (size_t i = 0; i < k; i++)
            if (w->on_the_way[i].from == w->on_the_way[k].from && w->on_the_way[i].to == w->on_the_way[k].to)
                k = i;
        const struct letter l = w->on_the_way[k];
        memmove(&w->on_the_way[k], &w->on_the_way[k + 1], (--w->letters - k) * sizeof l);
        (void)hkp_neuro_lab_party_recv(&w->party[l.to], l.from, l.bytes, l.len);
    }
}

/* Everybody waits; who waits for the earliest stage is asked first. */
static void wait_out(struct world *w) {
    for (uint32_t stage = HKP_NEURO_LAB_COMMITS; stage < HKP_NEURO_LAB_DONE; stage++) {
        for (uint32_t i = 0; i < w->n; i++)
            if (w->party[i].stage == stage) (void)hkp_neuro_lab_party_expire(&w->party[i]);
        deliver(w);
    }
}

static void nobody_has_a_key(struct world *w, uint32_t honest) {
    uint8_t key[32] = {0};
    for (uint32_t i = 0; i < honest; i++) {
        CHECK_EQ(w->party[i].stage, HKP_NEURO_LAB_ENDED);
        CHECK_EQ(hkp_neuro_lab_party_key(&w->party[i], key), HKP_E_NEURO_LAB_STATE);
        CHECK(sodium_is_zero(&w->party[i].share.secret[0][0], sizeof w->party[i].share.secret));
    }
    CHECK(sodium_is_zero(key, 32));
}

static void all_have_one_key_in_whatever_order_letters_arrive(void) {
    static struct world w;
    uint8_t first[32], key[32];
    for (uint32_t n = 2; n <= MOST; n += 7) {
        meet(&w, n, n, NULL);
        deliver(&w);
        for (uint32_t i = 0; i < n; i++) {
            CHECK_EQ(w.party[i].stage, HKP_NEURO_LAB_DONE);
            CHECK_EQ(hkp_neuro_lab_party_key(&w.party[i], i == 0 ? first : key), HKP_OK);
            if (i > 0) CHECK_MEM(first, key, 32);
            CHECK_EQ(hkp_neuro_lab_party_key(&w.party[i], key), HKP_E_NEURO_LAB_STATE);
        }
    }
}

static int other_secret(struct letter *l) {
    if (l->from == 3 && l->bytes[0] == REVEAL) l->bytes[5] ^= 1;
    return 1;
}

static void another_secret_than_promised_names_its_party(void) {
    static struct world w;
    meet(&w, 4, 0, other_secret);
    deliver(&w);
    nobody_has_a_key(&w, 3);
    for (uint32_t i = 0; i < 3; i++) CHECK_EQ(w.party[i].named, 1U << 3);
}

static int other_secret_to_one(struct letter *l) {
    if (l->from == 3 && l->to == 0 && l->bytes[0] == REVEAL) l->bytes[5] ^= 1;
    return 1;
}

static void a_lie_to_one_party_gives_no_party_a_key(void) {
    static struct world w;
    meet(&w, 4, 0, other_secret_to_one);
    deliver(&w);
    nobody_has_a_key(&w, 3);
    CHECK_EQ(w.party[0].named, 1U << 3);
    CHECK_EQ(w.party[0].fault, HKP_E_NEURO_LAB_COMMIT);
    for (uint32_t i = 1; i < 3; i++) { /* they hear of it, and saw nothing themselves */
        CHECK_EQ(w.party[i].named, 0);
        CHECK_EQ(w.party[i].fault, HKP_E_NEURO_LAB_ABORT);
    }
}

static int revealed;
static int two_commits(struct letter *l) {
    if (l->from == 3 && l->to == 1 && l->bytes[0] == COMMIT) l->bytes[9] ^= 1;
    revealed += l->bytes[0] == REVEAL && l->from != 3;
    return 1;
}

static void different_commits_to_two_parties_are_found_before_a_secret_is_told(void) {
    static struct world w;
    revealed = 0;
    meet(&w, 4, 0, two_commits);
    deliver(&w);
    nobody_has_a_key(&w, 3);
    CHECK_EQ(revealed, 0);
    for (uint32_t i = 0; i < 3; i++)
        CHECK_EQ(w.party[i].named, 0); /* each could be the liar, to the others */
}

static uint32_t silent_type;
static int silent(struct letter *l) { return l->from != 3 || l->bytes[0] < silent_type; }

static void who_falls_silent_is_named_by_all_who_wait(void) {
    static struct world w;
    for (silent_type = COMMIT; silent_type <= CONFIRM; silent_type++) {
        meet(&w, 4, 0, silent);
        deliver(&w);
        for (uint32_t i = 0; i < 3; i++) CHECK(w.party[i].stage < HKP_NEURO_LAB_DONE);
        wait_out(&w);
        nobody_has_a_key(&w, 3);
        for (uint32_t i = 0; i < 3; i++) CHECK_EQ(w.party[i].named, 1U << 3);
    }
}

static int silent_to_one(struct letter *l) { return l->from != 3 || l->to != 0 || l->bytes[0] == ABORT; }

static void who_waits_for_a_silent_party_is_not_named_itself(void) {
    static struct world w;
    meet(&w, 4, 0, silent_to_one);
    deliver(&w);
    wait_out(&w);
    nobody_has_a_key(&w, 3);
    CHECK_EQ(w.party[0].named, 1U << 3);
    for (uint32_t i = 1; i < 3; i++) CHECK_EQ(w.party[i].named, 0);
}

static void a_secret_before_its_time_ends_the_session(void) {
    static struct world w;
    uint8_t msg[HKP_NEURO_LAB_MESSAGE_MAX] = {REVEAL, 0};
    meet(&w, 3, 0, NULL);
    CHECK_EQ(hkp_neuro_lab_party_recv(&w.party[0], 1, msg, 66), HKP_E_NEURO_LAB_STATE);
    CHECK_EQ(w.party[0].named, 1U << 1);
    meet(&w, 3, 0, NULL);
    msg[0] = CONFIRM;
    CHECK_EQ(hkp_neuro_lab_party_recv(&w.party[0], 2, msg, 2), HKP_E_NEURO_LAB_STATE);
    CHECK_EQ(w.party[0].named, 1U << 2);
}

static void what_is_no_message_ends_the_session_and_old_ones_do_not(void) {
    static struct world w;
    const uint8_t old[34] = {COMMIT, 6}, cut[33] = {COMMIT, 7}, unknown[2] = {6, 7}, none[2] = {0, 7};
    const struct {
        const uint8_t *bytes;
        size_t len;
    } bad[] = {{cut, 33}, {cut, 1}, {cut, 0}, {unknown, 2}, {none, 2}};
    meet(&w, 3, 7, NULL);
    CHECK_EQ(hkp_neuro_lab_party_recv(&w.party[0], 1, old, 34), HKP_OK);
    CHECK_EQ(w.party[0].share.commits, 1);
    CHECK_EQ(hkp_neuro_lab_party_recv(&w.party[0], 0, old, 34), HKP_E_NEURO_LAB_RANGE);
    CHECK_EQ(hkp_neuro_lab_party_recv(&w.party[0], 3, old, 34), HKP_E_NEURO_LAB_RANGE);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        meet(&w, 3, 7, NULL);
        CHECK_EQ(hkp_neuro_lab_party_recv(&w.party[0], 1, bad[i].bytes, bad[i].len), HKP_E_NEURO_LAB_LENGTH);
        CHECK_EQ(w.party[0].named, 1U << 1);
    }
}

static void a_second_commit_or_list_is_a_fault(void) {
    static struct world w;
    uint8_t msg[34] = {COMMIT, 0, 1};
    for (uint8_t type = COMMIT; type <= LIST; type++) {
        meet(&w, 3, 0, NULL);
        msg[0] = type;
        msg[2] = 1;
        CHECK_EQ(hkp_neuro_lab_party_recv(&w.party[0], 1, msg, 34), HKP_OK);
        CHECK_EQ(hkp_neuro_lab_party_recv(&w.party[0], 1, msg, 34), HKP_OK);
        msg[2] = 2;
        CHECK_EQ(hkp_neuro_lab_party_recv(&w.party[0], 1, msg, 34), HKP_E_NEURO_LAB_COMMIT);
        CHECK_EQ(w.party[0].named, 1U << 1);
    }
}

int main(void) {
    CHECK(sodium_init() >= 0);
    CASE(all_have_one_key_in_whatever_order_letters_arrive);
    CASE(another_secret_than_promised_names_its_party);
    CASE(a_lie_to_one_party_gives_no_party_a_key);
    CASE(different_commits_to_two_parties_are_found_before_a_secret_is_told);
    CASE(who_falls_silent_is_named_by_all_who_wait);
    CASE(who_waits_for_a_silent_party_is_not_named_itself);
    CASE(a_secret_before_its_time_ends_the_session);
    CASE(what_is_no_message_ends_the_session_and_old_ones_do_not);
    CASE(a_second_commit_or_list_is_a_fault);
    return check_done();
}
