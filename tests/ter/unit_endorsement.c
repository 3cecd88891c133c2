/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Certificates of endorsement keys (SYN-8.5, decision 0582), on what OpenSSL wrote (make-endorsements.py). */
#include "check.h"
#include "ek_file.h"

#include <stdlib.h>

/* first seconds of 2020, 2026 and 2050 */
enum { Y2020 = 1577836800, Y2026 = 1767225600 };
static const uint64_t y2050 = 2524608000;

static uint8_t bytes[32768];
static struct ek_file file;

static void take(const char *name) {
    char path[4096];
    const char *source = getenv("HKP_SOURCE");
    snprintf(path, sizeof path, "%s/tests/ter/corpus/endorsement/%s", source != NULL ? source : ".", name);
    FILE *in = fopen(path, "rb");
    const size_t len = in != NULL ? fread(bytes, 1, sizeof bytes, in) : 0;
    if (in != NULL) fclose(in);
    if (ek_file_split(&file, bytes, len)) return;
    printf("Bail out! no %s\n", path);
    exit(1);
}

static hkp_status at(const char *name, uint64_t now_s, struct hkp_ter_ek *ek) {
    take(name);
    const struct hkp_ter_ek_verifier v = ek_file_verifier(&file, now_s);
    return hkp_ter_ek_verify(&v, ek);
}

static hkp_status judge(const char *name) { return at(name, Y2026, NULL); }

static void a_certificate_by_a_root_of_the_caller_holds(void) {
    struct hkp_ter_ek ek;
    CHECK_EQ(at("direct", Y2026, &ek), HKP_OK);
    CHECK(strcmp(ek.manufacturer, "id:54455354") == 0);
    CHECK(strcmp(ek.model, "model") == 0);
    CHECK(strcmp(ek.version, "id:00010002") == 0);
    CHECK(strcmp(ek.issuer, "CN=maker root") == 0);
    CHECK_EQ(ek.not_before_s, Y2020);
    CHECK_EQ(ek.not_after_s, y2050);
    CHECK_EQ(judge("chain"), HKP_OK);
    CHECK_EQ(judge("one-of-two-roots"), HKP_OK);
    CHECK_EQ(judge("rsa-root"), HKP_OK);
    CHECK_EQ(judge("padded"), HKP_OK);
    CHECK_EQ(judge("no-purpose"), HKP_OK);
}

static void the_certified_key_is_the_one_of_the_area(void) {
    CHECK_EQ(judge("other-key"), HKP_E_TER_EK_KEY);
    CHECK_EQ(judge("rsa-key"), HKP_E_TER_EK_KEY);
}

static void nothing_else_than_a_chain_to_a_root_is_believed(void) {
    static const char *const names[] = {"no-second",           "other-root",      "self-signed",
                                        "second-no-authority", "signed-by-a-tpm", "small-root"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) CHECK_EQ(judge(names[i]), HKP_E_TER_EK_CHAIN);
}

/* By the caller's clock, whatever that of the system says. */
static void every_certificate_of_the_chain_is_valid_at_that_time(void) {
    CHECK_EQ(at("chain", Y2020 - 1, NULL), HKP_E_TER_EK_TIME);
    CHECK_EQ(at("chain", Y2020, NULL), HKP_OK);
    CHECK_EQ(at("chain", y2050, NULL), HKP_OK);
    CHECK_EQ(at("chain", y2050 + 1, NULL), HKP_E_TER_EK_TIME);
    CHECK_EQ(judge("second-expired"), HKP_E_TER_EK_TIME);
    CHECK_EQ(at("second-expired", Y2020, NULL), HKP_OK);
    CHECK_EQ(at("other-root", Y2020 - 1, NULL), HKP_E_TER_EK_CHAIN); /* the worse of both */
}

static void other_certificates_of_the_maker_are_none_of_a_tpm(void) {
    static const char *const names[] = {"is-authority",   "no-usage", "signing-usage",
                                        "server-purpose", "no-names", "two-names"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) CHECK_EQ(judge(names[i]), HKP_E_TER_EK_USE);
}

static void malformed_and_oversized_files_are_refused(void) {
    static uint8_t big[HKP_TER_EK_FILE_MAX + 1];
    static struct hkp_ter_ek_file many[HKP_TER_EK_ROOTS_MAX + 1];
    struct hkp_ter_ek ek = {.not_after_s = 7};
    CHECK_EQ(at("unknown-critical", Y2026, &ek), HKP_E_TER_EK_FORM);
    CHECK_EQ(at("cut-short", Y2026, &ek), HKP_E_TER_EK_FORM);
    CHECK_EQ(at("nine-certificates", Y2026, &ek), HKP_E_TER_EK_FORM);
    CHECK_EQ(ek.not_after_s, 7);
    take("direct");
    struct hkp_ter_ek_verifier v = ek_file_verifier(&file, Y2026);
    memcpy(big, file.certificate.bytes, file.certificate.len);
    v.certificate = (struct hkp_ter_ek_file){big, HKP_TER_EK_FILE_MAX};
    CHECK_EQ(hkp_ter_ek_verify(&v, NULL), HKP_OK);
    v.certificate.len++;
    CHECK_EQ(hkp_ter_ek_verify(&v, NULL), HKP_E_INVAL);
    v.certificate.len = 0;
    CHECK_EQ(hkp_ter_ek_verify(&v, NULL), HKP_E_INVAL);
    v = ek_file_verifier(&file, Y2026);
    for (size_t i = 0; i <= HKP_TER_EK_ROOTS_MAX; i++) many[i] = file.roots;
    v.roots = many;
    v.n_roots = HKP_TER_EK_ROOTS_MAX;
    CHECK_EQ(hkp_ter_ek_verify(&v, NULL), HKP_OK);
    v.n_roots++;
    CHECK_EQ(hkp_ter_ek_verify(&v, NULL), HKP_E_INVAL);
    v.n_roots = 0;
    CHECK_EQ(hkp_ter_ek_verify(&v, NULL), HKP_E_INVAL);
    v = ek_file_verifier(&file, Y2026);
    v.struct_size--;
    CHECK_EQ(hkp_ter_ek_verify(&v, NULL), HKP_E_INVAL);
    v = ek_file_verifier(&file, Y2026);
    v.area_len--;
    CHECK_EQ(hkp_ter_ek_verify(&v, NULL), HKP_E_TER_QUOTE_AREA);
}

/* Of the signed part every byte counts: what is changed does not hold, and gives no other result. */
static void one_bit_anywhere_in_the_certificate_is_noticed(void) {
    take("direct");
    uint8_t *c = bytes + (file.certificate.bytes - bytes);
    const struct hkp_ter_ek_verifier v = ek_file_verifier(&file, Y2026);
    for (size_t i = 0; i < file.certificate.len; i++) {
        c[i] ^= 1;
        const hkp_status st = hkp_ter_ek_verify(&v, NULL);
        CHECK(st <= HKP_E_TER_EK_FORM && st >= HKP_E_TER_EK_USE);
        c[i] ^= 1;
    }
    CHECK_EQ(hkp_ter_ek_verify(&v, NULL), HKP_OK);
}

static void every_result_has_a_name_and_a_class(void) {
    for (hkp_status st = HKP_E_TER_EK_FORM; st >= HKP_E_TER_EK_USE; st--) {
        CHECK(strncmp(hkp_ter_status_name(st), "E_TER_EK_", 9) == 0);
        CHECK_EQ(hkp_ter_status_class(st), HKP_CLASS_IGNORE);
    }
}

int main(void) {
    CASE(a_certificate_by_a_root_of_the_caller_holds);
    CASE(the_certified_key_is_the_one_of_the_area);
    CASE(nothing_else_than_a_chain_to_a_root_is_believed);
    CASE(every_certificate_of_the_chain_is_valid_at_that_time);
    CASE(other_certificates_of_the_maker_are_none_of_a_tpm);
    CASE(malformed_and_oversized_files_are_refused);
    CASE(one_bit_anywhere_in_the_certificate_is_noticed);
    CASE(every_result_has_a_name_and_a_class);
    return check_done();
}
