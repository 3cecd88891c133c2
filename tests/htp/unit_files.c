/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* HTP-13: what transfers do, over two endpoints in memory. */
#include "files_pair.h"

static void a_file_goes_there_and_comes_back(void) {
    struct files_pair *fp = fp_new();
    static const size_t sizes[] = {0, 1, 1023, 8191, 8192, 8193, 20000, 300000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t *b = fp_bytes(sizes[i], i);
        uint8_t sha[32];
        crypto_hash_sha256(sha, b, sizes[i]);
        mem_write(&fp->side[0].store, "here.log", b, sizes[i]);
        CHECK_EQ(fp_put(fp, "/there.log", "here.log", HKP_HTP_FILE_OVERWRITE), HKP_HTP_FILE_OK);
        CHECK(mem_has(&fp->side[1].store, "there.log", b, sizes[i]));
        CHECK_MEM(fp_last(fp, 0)->sha256, sha, 32);
        CHECK_EQ(fp_get(fp, "there.log", "back.log", 0), HKP_HTP_FILE_OK);
        CHECK(mem_has(&fp->side[0].store, "back.log", b, sizes[i]));
        CHECK_MEM(fp_last(fp, 0)->sha256, sha, 32);
        free(b);
    }
    fp_free(fp);
}

int main(void) {
    CASE(a_file_goes_there_and_comes_back);
    return check_done();
}
