/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/files/file_pack.h"

#include "libter/bytes.h"

int hkp_htp__pack_inflate_new(z_stream *z, struct hkp_htp__zarena *arena) {
    hkp_htp__zarena_use(arena, z);
    return inflateInit(z) == Z_OK;
}

int hkp_htp__pack_deflate_new(z_stream *z, struct hkp_htp__zarena *arena) {
    hkp_htp__zarena_use(arena, z);
    return deflateInit(z, HKP_HTP__PACK_LEVEL) == Z_OK;
}

uint32_t hkp_htp__pack_inflate(z_stream *z, const uint8_t *data, size_t data_len, uint8_t *dst, size_t len) {
    if (data_len <= HKP_HTP__PACK_HEAD || len > HKP_HTP_FILE_CHUNK_MAX || hkp_be32(data) != len ||
        inflateReset(z) != Z_OK)
        return HKP_HTP_FILE_INTEGRITY_FAILURE;
    z->next_in = data + HKP_HTP__PACK_HEAD;
    z->avail_in = (uInt)(data_len - HKP_HTP__PACK_HEAD);
    z->next_out = dst;
    z->avail_out = (uInt)len + 1; /* one more shows a lie without a bomb */
    const int rc = inflate(z, Z_FINISH);
    const int good = rc == Z_STREAM_END && z->avail_in == 0 && z->total_out == len;
    return good ? HKP_HTP_FILE_OK : HKP_HTP_FILE_INTEGRITY_FAILURE;
}

size_t hkp_htp__pack_deflate(z_stream *z, const uint8_t *plain, size_t len, uint8_t *dst) {
    if (len <= HKP_HTP__PACK_HEAD + 1 || deflateReset(z) != Z_OK) return 0;
    z->next_in = plain;
    z->avail_in = (uInt)len;
    z->next_out = dst + HKP_HTP__PACK_HEAD;
    z->avail_out = (uInt)(len - HKP_HTP__PACK_HEAD - 1);
    if (deflate(z, Z_FINISH) != Z_STREAM_END) return 0;
    hkp_put_be32(dst, (uint32_t)len);
    return HKP_HTP__PACK_HEAD + (size_t)z->total_out;
}
