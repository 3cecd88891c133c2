/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Files of corpus/endorsement: u16 length of an area, TPMT_PUBLIC, u16 length of certificates, these, roots.
 */
#ifndef HKP_TESTS_TER_EK_FILE_H
#define HKP_TESTS_TER_EK_FILE_H

#include <hookprobe/ter.h>

struct ek_file {
    const uint8_t *area;
    size_t area_len;
    struct hkp_ter_ek_file certificate, roots;
};

static inline int ek_file_part(const uint8_t **at, size_t *left, const uint8_t **part, size_t *len) {
    if (*left < 2) return 0;
    *len = (size_t)((*at)[0] << 8 | (*at)[1]);
    if (*len > *left - 2) return 0;
    *part = *at + 2;
    *at += 2 + *len;
    *left -= 2 + *len;
    return 1;
}

static inline int ek_file_split(struct ek_file *f, const uint8_t *bytes, size_t len) {
    if (!ek_file_part(&bytes, &len, &f->area, &f->area_len) ||
        !ek_file_part(&bytes, &len, &f->certificate.bytes, &f->certificate.len))
        return 0;
    f->roots = (struct hkp_ter_ek_file){bytes, len};
    return 1;
}

static inline struct hkp_ter_ek_verifier ek_file_verifier(const struct ek_file *f, uint64_t now_s) {
    return (struct hkp_ter_ek_verifier){.struct_size = sizeof(struct hkp_ter_ek_verifier),
                                        .n_roots = 1,
                                        .area = f->area,
                                        .area_len = f->area_len,
                                        .certificate = f->certificate,
                                        .roots = &f->roots,
                                        .now_s = now_s};
}

#endif
