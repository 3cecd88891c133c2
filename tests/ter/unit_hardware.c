/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* vectors synapse/hardware.json, and the rules of the record that no vector lists (SYN-8). */
#include "hardware.h"
#include "libter/bytes.h"

static json_t *file;

/* The enrolled record of the vectors. */
static void enrolled(struct hkp_ter_hardware *hw) {
    struct vec_bytes record = vec_hex(file, "record");
    CHECK_EQ(hkp_ter_hardware_decode(hw, record.ptr, record.len), HKP_OK);
    free(record.ptr);
}

static void the_record_is_made_again_byte_for_byte(void) {
    struct vec_bytes record = vec_hex(file, "record");
    struct hkp_ter_hardware hw, same;
    uint8_t bytes[HKP_TER_HW_RECORD_MAX];
    size_t len = 7;
    enrolled(&hw);
    hardware_of(vec_get(json_array_get(vec_get(file, "cases"), 0), "record"), &same);
    CHECK_MEM(&hw, &same, sizeof hw);
    CHECK_EQ(hkp_ter_hardware_encode(&hw, bytes, record.len - 1, &len), HKP_E_NOSPC);
    CHECK_EQ(len, 7);
    CHECK_EQ(hkp_ter_hardware_encode(&hw, bytes, sizeof bytes, &len), HKP_OK);
    CHECK_EQ(len, record.len);
    CHECK_MEM(bytes, record.ptr, len);
    free(record.ptr);
}

static void fingerprint_enrolment_and_tag_agree_with_the_vectors(void) {
    struct hkp_ter_hardware hw;
    uint8_t want[32], got[32], nonce[16], chain_id[32], tag[16];
    enrolled(&hw);
    vec_hex_into(file, "hw_fp", want, 32);
    CHECK_EQ(hkp_ter_hardware_fingerprint(&hw, got), HKP_OK);
    CHECK_MEM(got, want, 32);
    vec_hex_into(file, "nonce", nonce, 16);
    hkp_ter_hardware_enroll_id(want, vec_u64(file, "time_us"), nonce, got);
    vec_hex_into(file, "enroll_id", want, 32);
    CHECK_MEM(got, want, 32);
    vec_hex_into(file, "chain_id", chain_id, 32);
    vec_hex_into(file, "tag_uuid", want, 16);
    CHECK_EQ(hkp_ter_hardware_tag(&hw, HKP_TER_HW_UUID, chain_id, tag), HKP_OK);
    CHECK_MEM(tag, want, 16);
    CHECK_EQ(hkp_ter_hardware_tag(&hw, 0, chain_id, tag), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_ter_hardware_tag(&hw, HKP_TER_HW_KEYS, chain_id, tag), HKP_E_NOTFOUND);
    hw.present &= ~(1u << HKP_TER_HW_UUID);
    CHECK_EQ(hkp_ter_hardware_tag(&hw, HKP_TER_HW_UUID, chain_id, tag), HKP_E_NOTFOUND);
    CHECK_MEM(tag, want, 16);
}

static void scores_and_verdicts_agree_with_the_vectors(void) {
    struct hkp_ter_hardware then, now;
    json_t *v;
    size_t i;
    enrolled(&then);
    json_array_foreach(vec_get(file, "cases"), i, v) {
        int faults = check_faults;
        struct hkp_ter_hardware_match m;
        hardware_of(vec_get(v, "record"), &now);
        CHECK_EQ(hkp_ter_hardware_compare(&then, &now, &m), HKP_OK);
        CHECK_EQ(m.score, vec_u64(v, "score"));
        CHECK_EQ(m.verdict, vec_u64(v, "verdict"));
        CHECK_EQ(m.total, 100);
        CHECK_NOTE(faults, "%s", vec_text(v, "name"));
    }
}

static void a_record_that_says_too_little_gives_no_verdict(void) {
    struct vec_bytes weak = vec_hex(vec_get(file, "weak"), "record");
    struct hkp_ter_hardware then, now;
    struct hkp_ter_hardware_match m = {.score = 77};
    CHECK_EQ(hkp_ter_hardware_decode(&then, weak.ptr, weak.len), HKP_OK);
    enrolled(&now);
    CHECK_EQ(hkp_ter_hardware_compare(&then, &now, &m), HKP_E_TER_HW_WEAK);
    CHECK_EQ(hkp_ter_hardware_compare(&then, &then, &m), HKP_E_TER_HW_WEAK);
    CHECK_EQ(m.score, 77);
    then.present |= 1u << HKP_TER_HW_MACS; /* 10 + 15: just enough */
    then.n_macs = 1;
    memcpy(then.macs[0], "\0\1\2\3\4\5", 6);
    CHECK_EQ(hkp_ter_hardware_compare(&then, &now, &m), HKP_OK);
    CHECK_EQ(m.total, HKP_TER_HW_WEIGHT_MIN);
    CHECK_EQ(m.score, 40); /* the processor alone */
    CHECK_EQ(m.verdict, HKP_TER_HW_CHANGED);
    free(weak.ptr);
}

/* Both borders, with a record of disks (15), addresses (15) and processor (10): the sums 27 and 28 of 40. */
static void verdicts_change_at_40_and_70(void) {
    struct hkp_ter_hardware then, now;
    struct hkp_ter_hardware_match m;
    memset(&then, 0, sizeof then);
    then.present = 1u << HKP_TER_HW_DISKS | 1u << HKP_TER_HW_MACS | 1u << HKP_TER_HW_CPU;
    then.n_disks = then.n_macs = 8;
    for (int i = 0; i < 8; i++) then.disks[i].text[0] = (char)('A' + i), then.macs[i][5] = (uint8_t)i;
    hardware_text(&then.cpu_vendor, "V");
    const struct {
        uint32_t disks, macs, score, verdict;
    } cases[] = {
        /* 15 * 5 / 8 = 9, 15 * 4 / 8 = 7 and so on, rounded down each */
        {8, 8, 100, HKP_TER_HW_SAME},   {5, 5, 70, HKP_TER_HW_SAME},  {5, 4, 65, HKP_TER_HW_CHANGED},
        {2, 2, 40, HKP_TER_HW_CHANGED}, {2, 1, 35, HKP_TER_HW_OTHER},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        now = then;
        for (uint32_t i = cases[c].disks; i < 8; i++) now.disks[i].text[0] = (char)('a' + i);
        for (uint32_t i = cases[c].macs; i < 8; i++) now.macs[i][5] = (uint8_t)(i + 8);
        CHECK_EQ(hkp_ter_hardware_compare(&then, &now, &m), HKP_OK);
        CHECK_EQ(m.score, cases[c].score);
        CHECK_EQ(m.verdict, cases[c].verdict);
    }
    now = then;
    now.cpu_stepping = 1;
    now.n_macs = 4; /* half of the larger count, the enrolled one: 7 of 15 */
    now.disks[7].text[0] = 0, now.n_disks = 7, now.machine[0] = 1, now.present |= 1u << HKP_TER_HW_MACHINE;
    CHECK_EQ(hkp_ter_hardware_compare(&then, &now, &m), HKP_OK);
    CHECK_EQ(m.sum, 13 + 7);
    CHECK_EQ(m.differs, 1u << HKP_TER_HW_CPU);
    CHECK_EQ(m.partly, 1u << HKP_TER_HW_DISKS | 1u << HKP_TER_HW_MACS);
    CHECK_EQ(m.added, 1u << HKP_TER_HW_MACHINE);
    CHECK_EQ(hkp_ter_hardware_compare(&now, &then, &m), HKP_OK);
    CHECK_EQ(m.missing, 1u << HKP_TER_HW_MACHINE);
    CHECK_EQ(m.sum, 13 + 7);
    now.n_macs = 9;
    CHECK_EQ(hkp_ter_hardware_compare(&then, &now, &m), HKP_E_INVAL);
    CHECK_EQ(hkp_ter_hardware_compare(&now, &then, &m), HKP_E_INVAL);
}

static void weights_make_a_hundred(void) {
    uint32_t sum = 0;
    for (uint32_t key = 0; key < 12; key++) sum += hkp_ter_hardware_key_weight(key);
    CHECK_EQ(sum, 100);
    CHECK(strcmp(hkp_ter_hardware_key_name(HKP_TER_HW_BOARD), "board serial") == 0);
    CHECK(strcmp(hkp_ter_hardware_key_name(HKP_TER_HW_KEYS), "?") == 0);
}

/* SYN-8.1: what a maker fills in is no value. */
static void placeholders_are_left_out(void) {
    static const char *const fillers[] = {"",
                                          "  ",
                                          "0",
                                          "None",
                                          "NONE ",
                                          "Default string",
                                          " default STRING",
                                          "To be filled by O.E.M.",
                                          "System Serial Number",
                                          "Not Specified"};
    static const char *const values[] = {"00", "N", "None1", "Default strings", "a None"};
    struct hkp_ter_hardware hw;
    uint32_t dropped;
    for (size_t i = 0; i < sizeof fillers / sizeof fillers[0]; i++) {
        memset(&hw, 0, sizeof hw);
        hw.present = 1u << HKP_TER_HW_BOARD;
        hardware_text(&hw.board, fillers[i]);
        CHECK_EQ(hkp_ter_hardware_clean(&hw, &dropped), HKP_OK);
        CHECK_EQ(dropped, 1u << HKP_TER_HW_BOARD);
        CHECK_EQ(hw.present, 0);
        CHECK_EQ(hw.board.text[0], 0);
    }
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        memset(&hw, 0, sizeof hw);
        hw.present = 1u << HKP_TER_HW_BOARD;
        hardware_text(&hw.board, values[i]);
        CHECK_EQ(hkp_ter_hardware_clean(&hw, &dropped), HKP_OK);
        CHECK_EQ(dropped, 0);
        CHECK(strcmp(hw.board.text, values[i]) == 0);
    }
}

static void identifiers_of_nothing_are_left_out(void) {
    struct hkp_ter_hardware hw;
    uint32_t dropped;
    memset(&hw, 0, sizeof hw);
    hw.present = 0xFE;
    memset(hw.uuid, 0xFF, 16);
    hw.n_macs = 5;
    memcpy(hw.macs[0], "\2\0\0\0\0\1", 6); /* local */
    memcpy(hw.macs[1], "\1\0\0\0\0\1", 6); /* group */
    memcpy(hw.macs[2], "\0\x1b\0\0\0\2", 6);
    memcpy(hw.macs[4], "\0\x1b\0\0\0\1", 6); /* [3] is zero */
    CHECK_EQ(hkp_ter_hardware_clean(&hw, &dropped), HKP_OK);
    CHECK_EQ(dropped, 0xFE);
    CHECK_EQ(hw.present, 1u << HKP_TER_HW_MACS);
    CHECK_EQ(hw.n_macs, 2);
    CHECK_MEM(hw.macs[0], "\0\x1b\0\0\0\1\0\x1b\0\0\0\2\0\0\0\0\0\0", 18);
    memset(hw.uuid, 0, 16);
    hw.present |= 1u << HKP_TER_HW_UUID;
    CHECK_EQ(hkp_ter_hardware_clean(&hw, &dropped), HKP_OK);
    CHECK_EQ(dropped, 1u << HKP_TER_HW_UUID);
}

/* Trimmed, sorted, without repeats; what fits in no text stands as its digest; and cleaning twice is as once.
 */
static void values_come_into_the_order_of_a_record(void) {
    struct hkp_ter_hardware hw, again;
    uint32_t dropped;
    uint8_t bytes[HKP_TER_HW_RECORD_MAX];
    size_t len;
    memset(&hw, 0, sizeof hw);
    hw.present = 1u << HKP_TER_HW_DISKS | 1u << HKP_TER_HW_BOARD;
    memset(hw.board.text, 'x', 65);
    hw.n_disks = 6;
    hardware_text(&hw.disks[0], "S2 ");
    hardware_text(&hw.disks[1], "S10");
    hardware_text(&hw.disks[2], "\tS2");
    hardware_text(&hw.disks[3], "None");
    hardware_text(&hw.disks[4], "S");
    hardware_text(&hw.disks[5], "bell\a");
    CHECK_EQ(hkp_ter_hardware_encode(&hw, bytes, sizeof bytes, &len), HKP_E_INVAL);
    CHECK_EQ(hkp_ter_hardware_clean(&hw, &dropped), HKP_OK);
    CHECK_EQ(dropped, 1u << HKP_TER_HW_DISKS);
    CHECK_EQ(hw.n_disks, 4);
    CHECK(strcmp(hw.disks[0].text, "S") == 0 && strcmp(hw.disks[1].text, "S10") == 0 &&
          strcmp(hw.disks[2].text, "S2") == 0);
    CHECK_EQ(strspn(hw.disks[3].text, "0123456789abcdef"), 64); /* behind S: it begins with a letter */
    CHECK_EQ(strlen(hw.board.text), 64);
    CHECK_EQ(strspn(hw.board.text, "0123456789abcdef"), 64);
    again = hw;
    CHECK_EQ(hkp_ter_hardware_clean(&again, &dropped), HKP_OK);
    CHECK_EQ(dropped, 0);
    CHECK_MEM(&again, &hw, sizeof hw);
    CHECK_EQ(hkp_ter_hardware_encode(&hw, bytes, sizeof bytes, &len), HKP_OK);
    hw.n_disks = 9;
    again = hw;
    CHECK_EQ(hkp_ter_hardware_clean(&hw, &dropped), HKP_E_INVAL);
    CHECK_MEM(&again, &hw, sizeof hw);
}

static void the_largest_record_has_the_size_that_is_told(void) {
    struct hkp_ter_hardware hw, back;
    uint8_t bytes[HKP_TER_HW_RECORD_MAX];
    size_t len = 0;
    memset(&hw, 0, sizeof hw);
    hw.present = 0xFE;
    hw.n_disks = hw.n_macs = 8;
    memset(hw.board.text, 'b', 64);
    memset(hw.cpu_vendor.text, 'v', 64);
    hw.cpu_family = hw.cpu_model = hw.cpu_stepping = UINT32_MAX;
    for (int i = 0; i < 8; i++) {
        memset(hw.disks[i].text, 'd', 63);
        hw.disks[i].text[63] = (char)('0' + i);
        hw.macs[i][0] = (uint8_t)(4 * i);
    }
    CHECK_EQ(hkp_ter_hardware_encode(&hw, bytes, sizeof bytes, &len), HKP_OK);
    CHECK_EQ(len, HKP_TER_HW_RECORD_MAX);
    CHECK_EQ(hkp_ter_hardware_decode(&back, bytes, len), HKP_OK);
    CHECK_MEM(&back, &hw, sizeof hw);
    hw.disks[3].text[64] = 'x';
    CHECK_EQ(hkp_ter_hardware_encode(&hw, bytes, sizeof bytes, &len), HKP_E_INVAL);
}

struct malformed {
    const char *name, *hex;
    hkp_status st;
};

static void only_the_canonical_form_is_read(void) {
    static const struct malformed cases[] = {
        {"no key at all is a record", "a10001", HKP_OK},
        {"version 2", "a10002", HKP_E_TER_HW_VERSION},
        {"empty", "", HKP_E_TER_HW_RECORD},
        {"no version", "a0", HKP_E_TER_HW_RECORD},
        {"cut", "a100", HKP_E_TER_HW_RECORD},
        {"more behind it", "a1000100", HKP_E_TER_HW_RECORD},
        {"an array", "810001", HKP_E_TER_HW_RECORD},
        {"long count", "b8010001", HKP_E_TER_HW_RECORD},
        {"long version", "a1001801", HKP_E_TER_HW_RECORD},
        {"no end told", "bf0001ff", HKP_E_TER_HW_RECORD},
        {"unknown key", "a200010800", HKP_E_TER_HW_RECORD},
        {"key twice", "a30001036141036141", HKP_E_TER_HW_RECORD},
        {"keys descending", "a3000106846141000102036141", HKP_E_TER_HW_RECORD},
        {"more pairs told", "a30001036141", HKP_E_TER_HW_RECORD},
        {"board", "a20001036141", HKP_OK},
        {"board empty", "a200010360", HKP_E_TER_HW_RECORD},
        {"board is bytes", "a20001034141", HKP_E_TER_HW_RECORD},
        {"board rings", "a20001036107", HKP_E_TER_HW_RECORD},
        {"board has a zero", "a2000103624100", HKP_E_TER_HW_RECORD},
        {"board beyond ASCII", "a200010362c3a4", HKP_E_TER_HW_RECORD},
        {"board of 2^32 - 1", "a20001037affffffff41", HKP_E_TER_HW_RECORD},
        {"board of 2^64 - 1", "a20001037bffffffffffffffff41", HKP_E_TER_HW_RECORD},
        {"board tagged", "a2000103c06141", HKP_E_TER_HW_RECORD},
        {"disks", "a20001048261416142", HKP_OK},
        {"no disks", "a200010480", HKP_E_TER_HW_RECORD},
        {"disks descending", "a20001048261426141", HKP_E_TER_HW_RECORD},
        {"disk twice", "a20001048261416141", HKP_E_TER_HW_RECORD},
        {"nine disks", "a200010489614161426143614461456146614761486149", HKP_E_TER_HW_RECORD},
        {"address", "a20001058146020000000001", HKP_OK},
        {"address short", "a200010581450200000001", HKP_E_TER_HW_RECORD},
        {"addresses descending", "a2000105824602000000000246020000000001", HKP_E_TER_HW_RECORD},
        {"processor", "a2000106846141000102", HKP_OK},
        {"processor of three", "a20001068361410001", HKP_E_TER_HW_RECORD},
        {"negative family", "a2000106846141200102", HKP_E_TER_HW_RECORD},
        {"long family", "a200010684614118000102", HKP_E_TER_HW_RECORD},
        {"longer family", "a20001068461411900ff0102", HKP_E_TER_HW_RECORD},
        {"longest family", "a20001068461411a0000ffff0102", HKP_E_TER_HW_RECORD},
        {"family as float", "a2000106846141f900000102", HKP_E_TER_HW_RECORD},
        {"UUID of 15", "a20001024f000102030405060708090a0b0c0d0e", HKP_E_TER_HW_RECORD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int faults = check_faults;
        struct vec_bytes bytes = vec_parse_hex(cases[i].hex);
        struct hkp_ter_hardware hw, before;
        memset(&hw, 0x5A, sizeof hw);
        before = hw;
        CHECK_EQ(hkp_ter_hardware_decode(&hw, bytes.ptr, bytes.len), cases[i].st);
        if (cases[i].st != HKP_OK) CHECK_MEM(&hw, &before, sizeof hw);
        CHECK_NOTE(faults, "%s", cases[i].name);
        free(bytes.ptr);
    }
}

/* What is read has one form, and every cut is refused. */
static void every_change_is_refused_or_another_record(void) {
    struct vec_bytes record = vec_hex(file, "record");
    struct hkp_ter_hardware hw;
    uint8_t again[HKP_TER_HW_RECORD_MAX];
    size_t len;
    for (size_t cut = 0; cut < record.len; cut++)
        CHECK_EQ(hkp_ter_hardware_decode(&hw, record.ptr, cut), HKP_E_TER_HW_RECORD);
    for (size_t bit = 0; bit < record.len * 8; bit++) {
        record.ptr[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (hkp_ter_hardware_decode(&hw, record.ptr, record.len) == HKP_OK) {
            CHECK_EQ(hkp_ter_hardware_encode(&hw, again, sizeof again, &len), HKP_OK);
            CHECK_EQ(len, record.len);
            CHECK_MEM(again, record.ptr, len);
        }
        record.ptr[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(record.ptr);
}

int main(void) {
    file = vec_load("synapse/hardware.json");
    CASE(the_record_is_made_again_byte_for_byte);
    CASE(fingerprint_enrolment_and_tag_agree_with_the_vectors);
    CASE(scores_and_verdicts_agree_with_the_vectors);
    CASE(a_record_that_says_too_little_gives_no_verdict);
    CASE(verdicts_change_at_40_and_70);
    CASE(weights_make_a_hundred);
    CASE(placeholders_are_left_out);
    CASE(identifiers_of_nothing_are_left_out);
    CASE(values_come_into_the_order_of_a_record);
    CASE(the_largest_record_has_the_size_that_is_told);
    CASE(only_the_canonical_form_is_read);
    CASE(every_change_is_refused_or_another_record);
    return check_done();
}
