/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Compressed chunks (HTP-13.4): plain_len u32 || zlib. Both directions work in memory that is given. */
#ifndef HKP_LIBHTP_FILE_PACK_H
#define HKP_LIBHTP_FILE_PACK_H

#include "libhtp/zarena.h"

#include <hookprobe/htp/file.h>

enum {
    /** bytes of plain_len before the zlib stream */
    HKP_HTP__PACK_HEAD = 4,
    /** level of the older system (seed 003) */
    HKP_HTP__PACK_LEVEL = 6,
    /** what zlib takes to inflate and to deflate, with windows of 32 KiB */
    HKP_HTP__INFLATE_BYTES = 48 * 1024,
    HKP_HTP__DEFLATE_BYTES = 272 * 1024
};

/** Sets a stream up in an arena; 0: it is too small. */
int hkp_htp__pack_inflate_new(z_stream *z, struct hkp_htp__zarena *arena);
int hkp_htp__pack_deflate_new(z_stream *z, struct hkp_htp__zarena *arena);
/** Inflates the data of a chunk that must be len bytes, 1..65536, into dst[len + 1]. OK or INTEGRITY_FAILURE.
 */
uint32_t hkp_htp__pack_inflate(z_stream *z, const uint8_t *data, size_t data_len, uint8_t *dst, size_t len);
/** Writes plain_len and zlib; 0: that is not shorter than len. */
size_t hkp_htp__pack_deflate(z_stream *z, const uint8_t *plain, size_t len, uint8_t *dst);

#endif
