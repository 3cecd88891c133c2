/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Collective entropy: which bundle is adopted, and what a collector takes (SYN-4). */
#include "alloc.h"
#include "synapse_support.h"

static const uint8_t chain[32] = {0xC4};

/* n rows of groups in turn, all good. */
static void rows_make(struct hkp_neuro_ce_row *rows, size_t n, uint32_t groups) {
    memset(rows, 0, n * sizeof *rows);
    for (size_t i = 0; i < n; i++) {
        rows[i].node_id[0] = (uint8_t)(i + 1);
        rows[i].share[0] = (uint8_t)(0x40 + i);
        rows[i].certified = rows[i].signatures = 1;
        rows[i].group = (uint32_t)i % groups;
    }
}

static hkp_status adopt(struct hkp_neuro_ce_book *book, uint32_t epoch, uint8_t object, size_t n,
                        uint32_t groups, int32_t *changed) {
    struct hkp_neuro_ce_row rows[70];
    uint8_t object_id[32] = {0};
    object_id[0] = object;
    rows_make(rows, n, groups);
    *changed = -1;
    return hkp_neuro_ce_adopt(book, chain, epoch, epoch, object_id, rows, n, changed);
}

static void most_groups_then_most_rows_then_the_lowest_id_are_adopted(void) {
    struct hkp_neuro_ce_book book = {0};
    int32_t changed;
    CHECK_EQ(adopt(&book, 7, 9, 4, 2, &changed), HKP_OK);
    CHECK_EQ(changed, 1);
    CHECK_EQ(adopt(&book, 7, 9, 3, 3, &changed), HKP_OK); /* more groups, fewer rows */
    CHECK_EQ(changed, 1);
    CHECK_EQ(adopt(&book, 7, 9, 4, 2, &changed), HKP_OK);
    CHECK_EQ(changed, 0);
    CHECK_EQ(adopt(&book, 7, 9, 5, 3, &changed), HKP_OK); /* more rows */
    CHECK_EQ(changed, 1);
    CHECK_EQ(adopt(&book, 7, 10, 5, 3, &changed), HKP_OK);
    CHECK_EQ(changed, 0);
    CHECK_EQ(adopt(&book, 7, 8, 5, 3, &changed), HKP_OK); /* lower object id */
    CHECK_EQ(changed, 1);
    CHECK_EQ(book.n, 1);
    CHECK_EQ(book.held[0].groups, 3);
    CHECK_EQ(book.held[0].rows, 5);
    CHECK_EQ(book.held[0].object_id[0], 8);
}

static void the_four_newest_values_are_kept(void) {
    struct hkp_neuro_ce_book book = {0};
    int32_t changed;
    for (uint32_t epoch = 10; epoch < 16; epoch++) CHECK_EQ(adopt(&book, epoch, 1, 3, 3, &changed), HKP_OK);
    CHECK_EQ(book.n, 4);
    for (uint32_t i = 0; i < 4; i++) CHECK_EQ(book.held[i].epoch, 15 - i);
    CHECK_EQ(adopt(&book, 11, 1, 5, 3, &changed), HKP_OK); /* older than all four */
    CHECK_EQ(changed, 0);
    CHECK_EQ(book.held[3].epoch, 12);
    CHECK_EQ(adopt(&book, 13, 1, 5, 3, &changed), HKP_OK); /* a better one for an epoch between */
    CHECK_EQ(changed, 1);
    CHECK_EQ(book.held[2].epoch, 13);
    CHECK_EQ(book.held[2].rows, 5);
    CHECK_EQ(book.n, 4);
}

static void no_value_is_no_value_and_not_filler(void) {
    struct hkp_neuro_ce_book book = {0};
    const uint8_t zero[8] = {0};
    int32_t changed;
    CHECK(hkp_neuro_ce_newest(&book, 5) == NULL);
    CHECK(hkp_neuro_ce_find(&book, zero) == NULL);
    CHECK_EQ(adopt(&book, 100, 1, 3, 3, &changed), HKP_OK);
    CHECK(hkp_neuro_ce_newest(&book, 110) == &book.held[0]);
    CHECK(hkp_neuro_ce_newest(&book, 111) == NULL); /* older than 10 epochs */
    CHECK(hkp_neuro_ce_find(&book, book.held[0].check) == &book.held[0]);
    CHECK(hkp_neuro_ce_find(&book, zero) == NULL);
}

static void each_wrong_bundle_has_its_result(void) {
    struct hkp_neuro_ce_book book = {0}, empty = {0};
    struct hkp_neuro_ce_row rows[70];
    const uint8_t id[32] = {0};
    int32_t changed;
    rows_make(rows, 65, 65);
#define TRY(now, n) hkp_neuro_ce_adopt(&book, chain, now, 50, id, rows, n, &changed)
    CHECK_EQ(TRY(52, 5), HKP_E_NEURO_SYN_RANGE);
    CHECK_EQ(TRY(49, 5), HKP_E_NEURO_SYN_RANGE);
    CHECK_EQ(TRY(50, 2), HKP_E_NEURO_SYN_COUNT);
    CHECK_EQ(TRY(50, 0), HKP_E_NEURO_SYN_COUNT);
    CHECK_EQ(TRY(50, 65), HKP_E_NEURO_SYN_COUNT);
    for (size_t i = 0; i < 5; i++) {
        rows_make(rows, 5, 5);
        rows[i].signatures = 0;
        CHECK_EQ(TRY(50, 5), HKP_E_NEURO_SYN_SIG);
        rows[i].certified = 0; /* certificates are looked at before signatures */
        CHECK_EQ(TRY(50, 5), HKP_E_NEURO_SYN_SIGNER);
        if (i == 0) continue;
        memcpy(rows[i].node_id, rows[i - 1].node_id, 16); /* a node twice; order before certificates */
        CHECK_EQ(TRY(50, 5), HKP_E_NEURO_SYN_ORDER);
    }
    rows_make(rows, 5, 2); /* groups 0 1 0 1 0: three of one */
    CHECK_EQ(TRY(50, 5), HKP_E_NEURO_SYN_GROUP);
    rows_make(rows, 3, 1);
    CHECK_EQ(TRY(50, 3), HKP_E_NEURO_SYN_GROUP);
    CHECK_MEM(&book, &empty, sizeof book);
    rows_make(rows, 64, 32);
    CHECK_EQ(TRY(51, 64), HKP_OK);
#undef TRY
}

static void the_value_depends_on_every_part(void) {
    struct hkp_neuro_ce_row rows[5];
    uint8_t a[32], b[32], other[32] = {0};
    rows_make(rows, 5, 5);
    hkp_neuro_ce_value(chain, 50, rows, 5, a);
    hkp_neuro_ce_value(chain, 51, rows, 5, b);
    CHECK(memcmp(a, b, 32) != 0);
    hkp_neuro_ce_value(other, 50, rows, 5, b);
    CHECK(memcmp(a, b, 32) != 0);
    hkp_neuro_ce_value(chain, 50, rows, 4, b);
    CHECK(memcmp(a, b, 32) != 0);
    rows[4].share[31] ^= 1;
    hkp_neuro_ce_value(chain, 50, rows, 5, b);
    CHECK(memcmp(a, b, 32) != 0);
    rows[4].share[31] ^= 1;
    rows[4].commit_sig[0] ^= 1; /* signatures prove it, they do not choose it */
    hkp_neuro_ce_value(chain, 50, rows, 5, b);
    CHECK_MEM(b, a, 32);
}

/* ---- collector */

#define EPOCH 1000U
#define AT(epoch, second) (((uint64_t)(epoch)*60 + (second)) * 1000000)

static hkp_neuro_collector *collector_make(const struct hkp_mem *mem) {
    struct hkp_neuro_collector_options opt;
    hkp_neuro_collector *c = NULL;
    hkp_neuro_collector_options_init(&opt, sizeof opt);
    memcpy(opt.chain_id, chain, 32);
    if (mem != NULL) opt.mem = *mem;
    return hkp_neuro_collector_new(&c, &opt) == HKP_OK ? c : NULL;
}

static void node_of(uint32_t k, uint8_t id[16]) {
    memset(id, 0, 16);
    hkp_put_be32(id, k * 2654435761U); /* not ascending */
}

static void share_of(uint32_t k, uint8_t share[32]) {
    memset(share, 0x77, 32);
    hkp_put_be32(share, k);
}

static hkp_status commit(hkp_neuro_collector *c, uint64_t wall, uint32_t epoch, uint32_t k, uint32_t group) {
    uint8_t id[16], share[32], C[32], sig[64] = {0};
    node_of(k, id);
    share_of(k, share);
    hkp_neuro_ce_commitment(chain, epoch, id, share, C);
    hkp_put_be32(sig, k);
    return hkp_neuro_collector_commit(c, wall, epoch, id, group, C, sig);
}

static hkp_status reveal(hkp_neuro_collector *c, uint64_t wall, uint32_t epoch, uint32_t k) {
    uint8_t id[16], share[32], sig[64] = {0};
    node_of(k, id);
    share_of(k, share);
    hkp_put_be32(sig + 4, k);
    return hkp_neuro_collector_reveal(c, wall, epoch, id, share, sig);
}

static void commits_and_reveals_count_in_their_windows_only(void) {
    hkp_neuro_collector *c = collector_make(NULL);
    CHECK_EQ(commit(c, AT(EPOCH, 0) - 5000001, EPOCH, 1, 1), HKP_E_NEURO_SYN_RANGE);
    CHECK_EQ(commit(c, AT(EPOCH, 0) - 5000000, EPOCH, 1, 1), HKP_OK);
    CHECK_EQ(commit(c, AT(EPOCH, 25) - 1, EPOCH, 2, 2), HKP_OK);
    CHECK_EQ(commit(c, AT(EPOCH, 25), EPOCH, 3, 3), HKP_E_NEURO_SYN_RANGE);
    CHECK_EQ(commit(c, AT(EPOCH, 10), EPOCH + 1, 3, 3), HKP_E_NEURO_SYN_RANGE);
    CHECK_EQ(commit(c, AT(EPOCH, 10), EPOCH - 1, 3, 3), HKP_E_NEURO_SYN_RANGE);
    CHECK_EQ(reveal(c, AT(EPOCH, 15) - 1, EPOCH, 1), HKP_E_NEURO_SYN_RANGE);
    CHECK_EQ(reveal(c, AT(EPOCH, 15), EPOCH, 1), HKP_OK);
    CHECK_EQ(reveal(c, AT(EPOCH, 45) - 1, EPOCH, 2), HKP_OK);
    CHECK_EQ(reveal(c, AT(EPOCH, 45), EPOCH, 2), HKP_E_NEURO_SYN_RANGE);
    CHECK_EQ(reveal(c, AT(EPOCH, 30), EPOCH + 1, 1), HKP_E_NEURO_SYN_RANGE);
    hkp_neuro_collector_free(c);
}

static void a_reveal_must_be_what_was_committed_to(void) {
    hkp_neuro_collector *c = collector_make(NULL);
    struct hkp_neuro_collector_info info;
    uint8_t id[16], share[32], sig[64] = {0};
    CHECK_EQ(commit(c, AT(EPOCH, 1), EPOCH, 1, 1), HKP_OK);
    node_of(1, id);
    share_of(1, share);
    share[31] ^= 1;
    CHECK_EQ(hkp_neuro_collector_reveal(c, AT(EPOCH, 30), EPOCH, id, share, sig), HKP_E_NEURO_SYN_SIG);
    node_of(2, id); /* the share of another node */
    CHECK_EQ(reveal(c, AT(EPOCH, 30), EPOCH, 2), HKP_E_NOTFOUND);
    hkp_neuro_collector_info(c, &info);
    CHECK_EQ(info.commits, 1);
    CHECK_EQ(info.reveals, 0);
    CHECK_EQ(reveal(c, AT(EPOCH, 30), EPOCH, 1), HKP_OK);
    CHECK_EQ(reveal(c, AT(EPOCH, 31), EPOCH, 1), HKP_OK);
    hkp_neuro_collector_info(c, &info);
    CHECK_EQ(info.reveals, 1);
    hkp_neuro_collector_free(c);
}

static void a_second_different_commit_voids_the_node(void) {
    hkp_neuro_collector *c = collector_make(NULL);
    struct hkp_neuro_collector_info info;
    struct hkp_neuro_ce_row rows[64];
    uint8_t id[16], other[32] = {9}, sig[64] = {0};
    uint32_t epoch;
    size_t n = 0;
    for (uint32_t k = 1; k <= 4; k++) CHECK_EQ(commit(c, AT(EPOCH, 2), EPOCH, k, k), HKP_OK);
    CHECK_EQ(commit(c, AT(EPOCH, 3), EPOCH, 1, 1), HKP_OK); /* the same again */
    node_of(1, id);
    CHECK_EQ(hkp_neuro_collector_commit(c, AT(EPOCH, 3), EPOCH, id, 1, other, sig), HKP_E_NEURO_SYN_COUNT);
    CHECK_EQ(commit(c, AT(EPOCH, 4), EPOCH, 1, 1), HKP_E_NEURO_SYN_COUNT); /* no way back */
    CHECK_EQ(reveal(c, AT(EPOCH, 30), EPOCH, 1), HKP_E_NEURO_SYN_COUNT);
    for (uint32_t k = 2; k <= 4; k++) CHECK_EQ(reveal(c, AT(EPOCH, 30), EPOCH, k), HKP_OK);
    hkp_neuro_collector_info(c, &info);
    CHECK_EQ(info.voided, 1);
    CHECK_EQ(hkp_neuro_collector_bundle(c, AT(EPOCH, 40), rows, &n, &epoch), HKP_OK);
    CHECK_EQ(n, 3);
    for (size_t i = 0; i < n; i++) CHECK(memcmp(rows[i].node_id, id, 16) != 0);
    hkp_neuro_collector_free(c);
}

static void a_bundle_takes_all_groups_first_and_passes_its_own_check(void) {
    hkp_neuro_collector *c = collector_make(NULL);
    struct hkp_neuro_ce_row rows[64];
    struct hkp_neuro_ce_book book = {0};
    const uint8_t id[32] = {1};
    uint32_t epoch = 0, seen[100] = {0};
    int32_t changed;
    size_t n = 99;
    CHECK_EQ(hkp_neuro_collector_bundle(c, AT(EPOCH, 40), rows, &n, &epoch), HKP_E_NEURO_SYN_RANGE);
    for (uint32_t k = 0; k < 300; k++) CHECK_EQ(commit(c, AT(EPOCH, 2), EPOCH, k, k % 50), HKP_OK);
    for (uint32_t k = 0; k < 299; k++) CHECK_EQ(reveal(c, AT(EPOCH, 22), EPOCH, k), HKP_OK);
    CHECK_EQ(hkp_neuro_collector_bundle(c, AT(EPOCH, 40) - 1, rows, &n, &epoch), HKP_E_NEURO_SYN_RANGE);
    CHECK_EQ(hkp_neuro_collector_bundle(c, AT(EPOCH + 2, 0), rows, &n, &epoch), HKP_E_NEURO_SYN_RANGE);
    CHECK_EQ(n, 99);
    CHECK_EQ(hkp_neuro_collector_bundle(c, AT(EPOCH, 40), rows, &n, &epoch), HKP_OK);
    CHECK_EQ(n, 64);
    CHECK_EQ(epoch, EPOCH);
    for (size_t i = 0; i < n; i++) {
        seen[rows[i].group]++;
        const uint32_t k = hkp_be32(rows[i].commit_sig); /* the row carries the signatures of its node */
        CHECK_EQ(hkp_be32(rows[i].reveal_sig + 4), k);
        CHECK_EQ(hkp_be32(rows[i].node_id), k * 2654435761U);
    }
    for (int g = 0; g < 50; g++) CHECK(seen[g] >= 1 && seen[g] <= 2);
    CHECK_EQ(hkp_neuro_ce_adopt(&book, chain, EPOCH, epoch, id, rows, n, &changed), HKP_OK);
    CHECK_EQ(book.held[0].groups, 50);
    hkp_neuro_collector_free(c);
}

static void fewer_than_three_rows_make_no_value(void) {
    hkp_neuro_collector *c = collector_make(NULL);
    struct hkp_neuro_ce_row rows[64];
    uint32_t epoch;
    size_t n;
    for (uint32_t k = 0; k < 5; k++) CHECK_EQ(commit(c, AT(EPOCH, 2), EPOCH, k, 1), HKP_OK);
    for (uint32_t k = 0; k < 5; k++) CHECK_EQ(reveal(c, AT(EPOCH, 22), EPOCH, k), HKP_OK);
    /* five of one group count as two */
    CHECK_EQ(hkp_neuro_collector_bundle(c, AT(EPOCH, 41), rows, &n, &epoch), HKP_E_NEURO_SYN_COUNT);
    hkp_neuro_collector_free(c);
}

static void at_most_1024_contributors_wait(void) {
    hkp_neuro_collector *c = collector_make(NULL);
    for (uint32_t k = 0; k < 1024; k++) CHECK_EQ(commit(c, AT(EPOCH, 2), EPOCH, k, k), HKP_OK);
    CHECK_EQ(commit(c, AT(EPOCH, 2), EPOCH, 1024, 1), HKP_E_LIMIT);
    CHECK_EQ(commit(c, AT(EPOCH, 2), EPOCH, 5, 5), HKP_OK);
    CHECK_EQ(commit(c, AT(EPOCH + 1, 2), EPOCH + 1, 1024, 1), HKP_OK); /* the next epoch begins empty */
    hkp_neuro_collector_free(c);
}

static void who_withholds_ten_times_is_left_out(void) {
    hkp_neuro_collector *c = collector_make(NULL);
    struct hkp_neuro_collector_info info;
    uint8_t id[16];
    uint32_t e = EPOCH;
    node_of(1, id);
    for (int i = 0; i < 10; i++, e++) CHECK_EQ(commit(c, AT(e, 2), e, 1, 1), HKP_OK);
    CHECK_EQ(hkp_neuro_collector_withheld(c, id), 9); /* the tenth epoch is not over */
    CHECK_EQ(commit(c, AT(e, 2), e, 2, 1), HKP_OK);
    CHECK_EQ(hkp_neuro_collector_withheld(c, id), 10);
    CHECK_EQ(commit(c, AT(e, 2), e, 1, 1), HKP_E_NEURO_SYN_SIGNER);
    hkp_neuro_collector_info(c, &info);
    CHECK_EQ(info.withheld, 10);
    hkp_neuro_collector_free(c);
}

static void a_reveal_makes_good_for_one_that_was_lost(void) {
    hkp_neuro_collector *c = collector_make(NULL);
    uint8_t id[16];
    node_of(1, id);
    for (uint32_t e = EPOCH; e < EPOCH + 40; e++) {
        CHECK_EQ(commit(c, AT(e, 2), e, 1, 1), HKP_OK);
        if (e % 2 == 0) CHECK_EQ(reveal(c, AT(e, 22), e, 1), HKP_OK);
        CHECK(hkp_neuro_collector_withheld(c, id) <= 1);
    }
    hkp_neuro_collector_free(c);
}

static void reveals_without_a_debt_count_nothing(void) {
    hkp_neuro_collector *c = collector_make(NULL);
    uint8_t id[16];
    node_of(1, id);
    for (uint32_t e = EPOCH; e < EPOCH + 8; e++) {
        CHECK_EQ(commit(c, AT(e, 2), e, 1, 1), HKP_OK);
        if (e > EPOCH + 1) CHECK_EQ(reveal(c, AT(e, 22), e, 1), HKP_OK); /* two owed, six revealed */
    }
    CHECK_EQ(hkp_neuro_collector_withheld(c, id), 0);
    hkp_neuro_collector_free(c);
}

static void the_worst_1024_withholders_are_remembered(void) {
    hkp_neuro_collector *c = collector_make(NULL);
    uint8_t id[16];
    for (uint32_t e = EPOCH; e < EPOCH + 2; e++) /* 1000 withhold twice, then 1000 others once */
        for (uint32_t k = 0; k < 1000; k++) CHECK_EQ(commit(c, AT(e, 2), e, k, k), HKP_OK);
    for (uint32_t k = 1000; k < 2000; k++) CHECK_EQ(commit(c, AT(EPOCH + 2, 2), EPOCH + 2, k, k), HKP_OK);
    CHECK_EQ(commit(c, AT(EPOCH + 3, 2), EPOCH + 3, 5000, 1), HKP_OK);
    uint32_t once = 0;
    for (uint32_t k = 0; k < 2000; k++) {
        node_of(k, id);
        const uint32_t epochs = hkp_neuro_collector_withheld(c, id);
        if (k < 1000) CHECK_EQ(epochs, 2);
        once += epochs == 1;
    }
    CHECK_EQ(once, 24);
    hkp_neuro_collector_free(c);
}

static void options_of_a_wrong_size_are_refused(void) {
    struct hkp_neuro_collector_options opt;
    hkp_neuro_collector *c = NULL;
    hkp_neuro_collector_options_init(&opt, sizeof opt);
    opt.struct_size = 8;
    CHECK_EQ(hkp_neuro_collector_new(&c, &opt), HKP_E_INVAL);
    CHECK(c == NULL);
}

static void a_failed_allocation_leaves_nothing(void) {
    struct failing f = {.left = 0};
    const struct hkp_mem mem = failing_mem(&f);
    CHECK(collector_make(&mem) == NULL);
    f.left = 1;
    hkp_neuro_collector *c = collector_make(&mem);
    CHECK(c != NULL);
    hkp_neuro_collector_free(c);
    CHECK_EQ(f.live, 0);
    hkp_neuro_collector_free(NULL);
}

int main(void) {
    if (sodium_init() < 0) return 1;
    CASE(most_groups_then_most_rows_then_the_lowest_id_are_adopted);
    CASE(the_four_newest_values_are_kept);
    CASE(no_value_is_no_value_and_not_filler);
    CASE(each_wrong_bundle_has_its_result);
    CASE(the_value_depends_on_every_part);
    CASE(commits_and_reveals_count_in_their_windows_only);
    CASE(a_reveal_must_be_what_was_committed_to);
    CASE(a_second_different_commit_voids_the_node);
    CASE(a_bundle_takes_all_groups_first_and_passes_its_own_check);
    CASE(fewer_than_three_rows_make_no_value);
    CASE(at_most_1024_contributors_wait);
    CASE(who_withholds_ten_times_is_left_out);
    CASE(a_reveal_makes_good_for_one_that_was_lost);
    CASE(reveals_without_a_debt_count_nothing);
    CASE(the_worst_1024_withholders_are_remembered);
    CASE(options_of_a_wrong_size_are_refused);
    CASE(a_failed_allocation_leaves_nothing);
    return check_done();
}
