/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* D-STO-4, D-STO-5: the log of promises; D-WIT-3: counting of witnesses. */
#include "dsm_vectors.h"

static void write_ahead_logs(void) {
    json_t *c;
    size_t i;
    json_array_foreach(vec_get(vec_load("dsm/wal.json"), "cases"), i, c) {
        struct vec_bytes in = vec_hex(c, "wal");
        size_t n = 77;
        int torn = 77;
        hkp_status st = hkp_dsm__wal_check(in.ptr, in.len, &n, &torn);
        CHECK_VERDICT(st, c);
        if (st != HKP_OK) CHECK(n == 77 && torn == 77);
        for (size_t j = 0; st == HKP_OK && j < n; j++) {
            json_t *want = json_array_get(vec_get(c, "records"), j);
            struct hkp_dsm__wal_record record;
            uint8_t again[HKP_DSM__WAL_RECORD];
            struct vec_bytes digest = vec_value_hex(json_array_get(want, 3));
            CHECK(hkp_dsm__wal_decode(in.ptr + j * HKP_DSM__WAL_RECORD, &record));
            CHECK_EQ(record.kind, vec_value_u64(json_array_get(want, 0)));
            CHECK_EQ(record.epoch, vec_value_u64(json_array_get(want, 1)));
            CHECK_EQ(record.view, vec_value_u64(json_array_get(want, 2)));
            CHECK_MEM(record.digest, digest.ptr, 32);
            hkp_dsm__wal_encode(&record, again);
            CHECK_MEM(again, in.ptr + j * HKP_DSM__WAL_RECORD, sizeof again);
            free(digest.ptr);
        }
        if (st == HKP_OK) {
            CHECK_EQ(n, json_array_size(vec_get(c, "records")));
            CHECK_EQ(torn, vec_bool(c, "torn"));
        }
        free(in.ptr);
    }
}

static void witnesses(void) {
    static const char *const names[] = {"PENDING", "CONFIRMED", "REFUTED", "EXPIRED"};
    json_t *c, *each;
    size_t i, j;
    json_array_foreach(vec_get(vec_load("dsm/witness.json"), "cases"), i, c) {
        struct hkp_dsm__verdict verdicts[64];
        uint32_t confirms, refutes;
        size_t n = 0;
        json_array_foreach(vec_get(c, "votes"), j, each) {
            verdicts[n++] =
                (struct hkp_dsm__verdict){.witness = vec_value_u64(json_array_get(each, 0)),
                                          .group = (uint32_t)vec_value_u64(json_array_get(each, 1)),
                                          .verdict = (uint32_t)vec_value_u64(json_array_get(each, 2))};
        }
        const int before = check_faults;
        const int state =
            hkp_dsm__witness_state(verdicts, n, (uint32_t)vec_u64(c, "claimant_group"),
                                   (uint32_t)vec_u64(c, "k"), vec_bool(c, "expired"), &confirms, &refutes);
        CHECK(strcmp(names[state], vec_text(c, "state")) == 0);
        CHECK_EQ(confirms, vec_u64(c, "confirm_groups"));
        CHECK_EQ(refutes, vec_u64(c, "refute_groups"));
        CHECK_NOTE(before, "%s", vec_text(c, "name"));
    }
}

/* Void is the witness, not its group; and saying nothing beside a verdict is another verdict. */
static void a_witness_of_two_verdicts_is_void(void) {
    const struct hkp_dsm__verdict beside[] = {{1, 1, 1}, {1, 1, 0}, {2, 1, 1}},
                                  abstained[] = {{1, 1, 1}, {1, 1, 2}};
    uint32_t confirms, refutes;
    CHECK_EQ(hkp_dsm__witness_state(beside, 3, 9, 1, 0, &confirms, &refutes), HKP_DSM__CONFIRMED);
    CHECK_EQ(confirms, 1);
    CHECK_EQ(hkp_dsm__witness_state(abstained, 2, 9, 1, 1, &confirms, &refutes), HKP_DSM__EXPIRED);
    CHECK_EQ(confirms, 0);
}

int main(void) {
    CASE(write_ahead_logs);
    CASE(witnesses);
    CASE(a_witness_of_two_verdicts_is_void);
    return check_done();
}
