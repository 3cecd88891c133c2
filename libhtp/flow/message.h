/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Messages inside a stream (HTP-10.7): length u32 || body, and bounded inflation. */
#ifndef HKP_LIBHTP_MESSAGE_H
#define HKP_LIBHTP_MESSAGE_H

#include <hookprobe/base.h>

#include "libhtp/flow/chain.h"

enum {
    HKP_HTP__MESSAGE_MAX = 1048576,
    HKP_HTP__MESSAGE_MAX_DSM = 2097152,
    HKP_HTP__MESSAGE_CEILING = 16 * 1024 * 1024,
    HKP_HTP__MESSAGE_HEAD = 4,
    /** zlib may lengthen what does not compress */
    HKP_HTP__MESSAGE_SLACK = 4096,
    /** no zlib stream gives more bytes for one (RFC 1951: 258 for two bits) */
    HKP_HTP__MESSAGE_RATIO = 1032
};

/** Bit of the length: the body is compressed. */
#define HKP_HTP__MESSAGE_COMPRESSED 0x80000000U

/** Head of one message. */
struct hkp_htp__message {
    /** bytes of head and body; 0: not enough bytes to judge yet */
    uint64_t size;
    uint32_t plain_len;
    uint8_t compressed;
};

/** Judges the first avail bytes of a message; reads at most 8. HKP_E_HTP_MESSAGE: no message of max bytes. */
hkp_status hkp_htp__message_head(const uint8_t *head, uint64_t avail, uint32_t max,
                                 struct hkp_htp__message *m);

/**
 * Copies the plain body of the whole message at offset of the chain into scratch memory of the pools.
 * HKP_E_HTP_MESSAGE: does not inflate to exactly plain_len bytes; HKP_E_NOMEM.
 */
hkp_status hkp_htp__message_body(struct hkp_htp__chain *chain, struct hkp_htp__pools *pools, uint64_t offset,
                                 const struct hkp_htp__message *m, const uint8_t **body);

/**
 * Writes msg as a zlib stream to offset of the chain; the pools have the blocks that msg itself needs.
 * Returns its length, 0: it does not become shorter, or there is no memory to try; then what was written is
 * of no use.
 */
size_t hkp_htp__message_deflate(struct hkp_htp__chain *chain, struct hkp_htp__pools *pools, uint64_t offset,
                                const uint8_t *msg, size_t len, int level);

#endif
