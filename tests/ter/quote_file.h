/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Files of corpus/quote: u16 length of the area, TPMT_PUBLIC, the wire form of a quote (make-quotes.sh). */
#ifndef HKP_TESTS_TER_QUOTE_FILE_H
#define HKP_TESTS_TER_QUOTE_FILE_H

#include "check.h"

#include <hookprobe/ter.h>

struct quote_file {
    uint8_t bytes[2048];
    const uint8_t *area, *quote;
    size_t area_len, quote_len;
};

static inline int quote_file_split(struct quote_file *f, size_t len) {
    if (len < 2) return 0;
    f->area = f->bytes + 2;
    f->area_len = (size_t)(f->bytes[0] << 8 | f->bytes[1]);
    if (f->area_len > len - 2) return 0;
    f->quote = f->area + f->area_len;
    f->quote_len = len - 2 - f->area_len;
    return 1;
}

static inline void quote_file_read(struct quote_file *f, const char *name) {
    char path[4096];
    const char *source = getenv("HKP_SOURCE");
    snprintf(path, sizeof path, "%s/tests/ter/corpus/quote/%s", source != NULL ? source : ".", name);
    FILE *in = fopen(path, "rb");
    size_t len = in != NULL ? fread(f->bytes, 1, sizeof f->bytes, in) : 0;
    if (in != NULL) fclose(in);
    if (quote_file_split(f, len)) return;
    printf("Bail out! no %s\n", path);
    exit(1);
}

/** The verifier that accepts a file of that folder: its own key, extraData 00..1f, this mask, these values.
 */
static inline void quote_file_verifier(struct hkp_ter_quote_verifier *v, const struct quote_file *f,
                                       uint32_t mask, const uint8_t digest[32]) {
    memset(v, 0, sizeof *v);
    v->area = f->area;
    v->area_len = f->area_len;
    v->pcr_digests = digest;
    v->n_pcr_digests = 1;
    v->pcr_mask = mask;
    for (uint8_t i = 0; i < 32; i++) v->extra[i] = i;
    hkp_ter_area_name(f->area, f->area_len, v->ak_name);
}

#endif
