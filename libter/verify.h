/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Internal: the state of a verification, and what its files share (NZ1 5.5). */
#ifndef HKP_LIBTER_VERIFY_H
#define HKP_LIBTER_VERIFY_H

#include <hookprobe/ter.h>

/* Last TERs that are remembered, to see where a record belongs that fits to none of them. */
enum { HKP_TER__LINKS = 64, HKP_TER__VERIFY_OPTIONS_V0 = 104 };

/** Where a record stands. */
struct hkp_ter__place {
    uint64_t segment;
    uint64_t offset;
};

/** A TER that was accepted: where it stands, and the chain before it. */
struct hkp_ter__link {
    struct hkp_ter__place at;
    uint64_t index;
    uint8_t h[32];
};

/** The first record that does not fit, and what the records behind it say about it. */
struct hkp_ter__suspect {
    /** cursor before it */
    struct hkp_ter_cursor before;
    /** cursor of the records that go on as if it were not there, if resumed */
    struct hkp_ter_cursor on;
    struct hkp_ter__place at;
    /** the TER or header before it */
    struct hkp_ter__place prev;
    uint64_t prev_index;
    uint32_t prev_type;
    hkp_status status;
    uint32_t type;
    /** h_index stands right and TER_{index-1} follows before */
    uint32_t resumed;
    /** TERs from it on, with it */
    uint64_t seen;
    /** the next TER: whether there was one, fits behind this one's own h, carries this one's CRC-16 */
    uint32_t next;
    uint32_t next_linked;
    uint32_t next_crc;
    uint32_t next_ahead;
    /** the first checkpoint behind it */
    uint32_t has_tck;
    uint64_t tck_n;
    /** of a checkpoint that came too late: where it belongs */
    struct hkp_ter__place belongs;
    uint64_t belongs_index;
    uint32_t belongs_known;
    /** of a header: the cursor in it */
    struct hkp_ter_cursor head;
    uint8_t body[HKP_TER_TCK_SIZE];
};

struct hkp_ter_verify {
    struct hkp_mem mem;
    uint32_t flags;
    uint8_t node_id[16];
    uint8_t device_public[32];
    /** what somebody else holds: 0 nothing, else whether h there was as it says (1 not yet known) */
    uint32_t held_state;
    uint8_t held[HKP_TER_TCK_SIZE];
    struct hkp_ter_tck held_tck;
    /** the stream: what is read and not yet a whole record, and where it began */
    uint32_t stage;
    size_t have;
    uint8_t buf[HKP_TER_LOG_RECORD_MAX];
    struct hkp_ter__place at;
    /** bytes that are no record: all, and up to the last that is not zero */
    uint64_t tail_len;
    uint64_t tail_used;
    /** type of the record that they seem to begin with; whether that one was cut short */
    uint32_t tail_type;
    uint32_t cut;
    /** what is sound so far */
    uint32_t begun;
    uint32_t segments;
    uint32_t has_tck;
    uint32_t rules_known;
    struct hkp_ter_cursor cursor;
    struct hkp_ter_tck tck;
    uint8_t tck_bytes[HKP_TER_TCK_SIZE];
    /** policy in force */
    uint32_t policy_ver;
    uint8_t h_ref[20];
    /** since the last checkpoint */
    uint32_t boots;
    uint32_t rebases;
    uint32_t holes;
    struct hkp_ter__place rebase_at;
    uint64_t rebase_index;
    struct hkp_ter__place hole_at;
    uint64_t hole_from;
    uint64_t hole_to;
    /** the last TER, or the header behind it */
    struct hkp_ter__place prev;
    uint64_t prev_index;
    uint32_t prev_type;
    /** 0 sound, 1 a suspect is being explained, 2 the verdict stands */
    uint32_t phase;
    uint32_t n_links;
    struct hkp_ter__link links[HKP_TER__LINKS];
    struct hkp_ter__suspect suspect;
    struct hkp_ter_verdict verdict;
};

enum {
    HKP_TER__HELD_NONE = 0,
    HKP_TER__HELD_AHEAD,
    HKP_TER__HELD_RIGHT,
    HKP_TER__HELD_WRONG,
    HKP_TER__HELD_FOUND
};

/** 1 if the 256 bytes carry the device's signature. */
int hkp_ter__tck_signed(const uint8_t *bytes, const uint8_t device_public[32]);

/** 1 if a TER with its h follows a chain value. */
int hkp_ter__follows(const uint8_t h[32], const uint8_t body[96]);

/** How far ahead of an index a TER's sequence is, mod 65,536. */
uint32_t hkp_ter__ahead(uint64_t index, const uint8_t *ter);

/** Sets the verdict, at a record. */
void hkp_ter__verdict(struct hkp_ter_verify *v, uint32_t kind, hkp_status status, uint32_t type,
                      const struct hkp_ter__place *at, uint64_t index, uint64_t count);

/** Sets the verdict, somewhere in TERs from..to-1; at is where it showed. */
void hkp_ter__verdict_between(struct hkp_ter_verify *v, uint32_t kind, hkp_status status, uint32_t type,
                              const struct hkp_ter__place *at, uint64_t from, uint64_t to, uint64_t count);

/** Notes that the record at v->at fits; type 0: a header. */
void hkp_ter__accepted(struct hkp_ter_verify *v, uint32_t type);

/** Judges a checkpoint, and notes it if it fits. */
void hkp_ter__check_tck(struct hkp_ter_verify *v, const struct hkp_ter_log_record *record);

/** Makes the record at v->at the suspect. */
void hkp_ter__suspect(struct hkp_ter_verify *v, hkp_status status, uint32_t type, const uint8_t *body,
                      size_t body_len);

/** A record behind the suspect. */
void hkp_ter__explain(struct hkp_ter_verify *v, const struct hkp_ter_log_record *record);

/** Nothing more comes: the suspect is judged by what is known. */
void hkp_ter__explain_end(struct hkp_ter_verify *v);

#endif
