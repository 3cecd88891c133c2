/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Work for a TPM, on a swtpm of the test's own, and against tpm2-tools (SYN-8.5, HTP-5.5, D-CA-3). */
#include "alloc.h"
#include "quote_file.h"
#include "swtpm.h"

#include <poll.h>
#include <sodium.h>

enum { COUNTER = 0x01500016 };

static struct swtpm sw;
static hkp_ter_tpm *tpm;
static struct hkp_ter_tpm_result ak; /* the attestation key of all cases */
static uint8_t pca_secret[32], pca_key[64];
static int tools; /* tpm2-tools are here */

static struct hkp_ter_tpm_job job_of(uint32_t op) {
    return (struct hkp_ter_tpm_job){.struct_size = sizeof(struct hkp_ter_tpm_job), .op = op};
}

static hkp_status run(uint32_t op, struct hkp_ter_tpm_result *r) {
    struct hkp_ter_tpm_job job = job_of(op);
    return hkp_ter_tpm_run(tpm, &job, r);
}

static hkp_status read_pcrs(uint32_t mask, uint8_t digest[32]) {
    struct hkp_ter_tpm_job job = job_of(HKP_TER_TPM_PCR_READ);
    struct hkp_ter_tpm_result r;
    job.pcr_mask = mask;
    const hkp_status st = hkp_ter_tpm_run(tpm, &job, &r);
    if (st == HKP_OK) hkp_ter_pcr_digest(r.bytes, r.len / 32, digest);
    return st;
}

static hkp_status quote(const struct hkp_ter_tpm_result *key, uint32_t mask, const uint8_t extra[32],
                        struct hkp_ter_tpm_result *r) {
    struct hkp_ter_tpm_job job = job_of(HKP_TER_TPM_QUOTE);
    job.blob = key->bytes;
    job.blob_len = key->len;
    job.data = extra;
    job.data_len = 32;
    job.pcr_mask = mask;
    return hkp_ter_tpm_run(tpm, &job, r);
}

static void verifier(struct hkp_ter_quote_verifier *v, const struct hkp_ter_tpm_result *key, uint32_t mask,
                     const uint8_t extra[32], const uint8_t digest[32]) {
    *v = (struct hkp_ter_quote_verifier){.area = key->area,
                                         .area_len = key->area_len,
                                         .pcr_mask = mask,
                                         .pcr_digests = digest,
                                         .n_pcr_digests = 1};
    memcpy(v->extra, extra, 32);
    hkp_ter_area_name(key->area, key->area_len, v->ak_name);
}

/* ---- Keys and quotes ---- */

static void it_says_what_it_is(void) {
    struct hkp_ter_tpm_result r;
    CHECK_EQ(run(HKP_TER_TPM_INFO, &r), HKP_OK);
    CHECK_EQ(r.len, 4);
    CHECK(r.counter != 0);
}

static void our_quote_is_accepted_by_our_verifier(void) {
    uint8_t extra[32], digest[32];
    struct hkp_ter_tpm_result r;
    struct hkp_ter_quote_verifier v;
    struct hkp_ter_quote q;
    memset(extra, 0x5A, sizeof extra);
    CHECK_EQ(hkp_ter_area_check_ak(ak.area, ak.area_len), HKP_OK);
    CHECK_EQ(read_pcrs(HKP_TER_PCR_MASK_SEAL, digest), HKP_OK);
    CHECK_EQ(quote(&ak, HKP_TER_PCR_MASK_SEAL, extra, &r), HKP_OK);
    verifier(&v, &ak, HKP_TER_PCR_MASK_SEAL, extra, digest);
    CHECK_EQ(hkp_ter_quote_verify(&v, r.bytes, r.len, &q), HKP_OK);
    CHECK(r.len <= HKP_TER_QUOTE_MAX);
    v.extra[31] ^= 1;
    CHECK_EQ(hkp_ter_quote_verify(&v, r.bytes, r.len, &q), HKP_E_TER_QUOTE_EXTRA);
}

static void a_quote_of_no_and_of_all_pcrs_is_made(void) {
    const uint8_t extra[32] = {1};
    uint8_t digest[32];
    struct hkp_ter_tpm_result r;
    struct hkp_ter_quote_verifier v;
    const uint32_t masks[] = {0, 0xFFFFFF};
    for (size_t i = 0; i < 2; i++) {
        CHECK_EQ(read_pcrs(masks[i], digest), HKP_OK);
        CHECK_EQ(quote(&ak, masks[i], extra, &r), HKP_OK);
        verifier(&v, &ak, masks[i], extra, digest);
        CHECK_EQ(hkp_ter_quote_verify(&v, r.bytes, r.len, NULL), HKP_OK);
    }
}

/* tpm2_checkquote wants TPM2B_PUBLIC or PEM, and attest and signature apart. */
static void our_quote_is_accepted_by_tpm2_tools(void) {
    const uint8_t extra[32] = {0xAB, [31] = 0xCD};
    uint8_t area[2 + HKP_TER_AREA_MAX];
    char path[128];
    struct hkp_ter_tpm_result r;
    if (!tools) return;
    CHECK_EQ(quote(&ak, 0x95, extra, &r), HKP_OK);
    const size_t attest_len = (size_t)(r.bytes[0] << 8 | r.bytes[1]);
    area[0] = 0;
    area[1] = (uint8_t)ak.area_len;
    memcpy(area + 2, ak.area, ak.area_len);
    folder_path(path, sw.folder, "ak.pub");
    file_put(path, area, 2 + ak.area_len);
    folder_path(path, sw.folder, "q.msg");
    file_put(path, r.bytes + 2, attest_len);
    folder_path(path, sw.folder, "q.sig");
    file_put(path, r.bytes + 2 + attest_len, r.len - 2 - attest_len);
    static const char check[] = "tpm2_checkquote -u ak.pub -m q.msg -s q.sig -g sha256 -q ";
    char command[256];
    snprintf(command, sizeof command, "%sab%060dcd", check, 0);
    CHECK_EQ(swtpm_tool(&sw, command), 0);
    snprintf(command, sizeof command, "%sab%060dce", check, 0);
    CHECK(swtpm_tool(&sw, command) != 0);
}

static void a_key_of_another_tpm_is_refused(void) {
    struct hkp_ter_tpm_result other = ak, r;
    const uint8_t extra[32] = {0};
    other.bytes[20] ^= 1;
    CHECK_EQ(quote(&other, 1, extra, &r), HKP_E_TER_TPM_REFUSED);
    CHECK(r.tpm_rc != 0 && r.len == 0);
    other.len = 5;
    CHECK_EQ(quote(&other, 1, extra, &r), HKP_E_INVAL);
    CHECK_EQ(quote(&ak, 1, extra, &r), HKP_OK);
}

/* D-CA-3: what was wrapped without a TPM opens only in this one, and only beside that attestation key. */
static void a_credential_is_activated(void) {
    struct hkp_ter_tpm_result ek, second, r;
    struct hkp_ter_tpm_job job = job_of(HKP_TER_TPM_ACTIVATE);
    struct hkp_rng rng;
    const uint8_t secret[20] = "a word to be shown";
    uint8_t name[34], credential[HKP_TER_CREDENTIAL_MAX];
    size_t len = 0;
    hkp_ter_system_rng(&rng);
    CHECK_EQ(run(HKP_TER_TPM_EK_READ, &ek), HKP_OK);
    hkp_ter_area_name(ak.area, ak.area_len, name);
    CHECK_EQ(hkp_ter_credential_make(ek.area, ek.area_len, name, secret, sizeof secret, &rng, credential,
                                     sizeof credential, &len),
             HKP_OK);
    job.blob = ak.bytes;
    job.blob_len = ak.len;
    job.data = credential;
    job.data_len = len;
    CHECK_EQ(hkp_ter_tpm_run(tpm, &job, &r), HKP_OK);
    CHECK_EQ(r.len, sizeof secret);
    CHECK_MEM(r.bytes, secret, sizeof secret);

    CHECK_EQ(run(HKP_TER_TPM_AK_CREATE, &second), HKP_OK);
    job.blob = second.bytes;
    job.blob_len = second.len;
    CHECK_EQ(hkp_ter_tpm_run(tpm, &job, &r), HKP_E_TER_TPM_REFUSED);
    job.blob = ak.bytes;
    job.blob_len = ak.len;
    credential[40] ^= 1;
    CHECK_EQ(hkp_ter_tpm_run(tpm, &job, &r), HKP_E_TER_TPM_REFUSED);
    job.data_len = 7;
    CHECK_EQ(hkp_ter_tpm_run(tpm, &job, &r), HKP_E_INVAL);
}

static void the_endorsement_key_is_that_of_the_template(void) {
    struct hkp_ter_tpm_result ek, again;
    uint8_t area[2 + HKP_TER_AREA_MAX];
    char path[128];
    CHECK_EQ(run(HKP_TER_TPM_EK_READ, &ek), HKP_OK);
    CHECK_EQ(run(HKP_TER_TPM_EK_READ, &again), HKP_OK);
    CHECK_MEM(again.area, ek.area, ek.area_len);
    if (!tools) return;
    CHECK_EQ(swtpm_tool(&sw, "tpm2_createek -c ek.ctx -G ecc -u ek.pub && TPM2TOOLS_TCTI=swtpm:path=s "
                             "tpm2_flushcontext -t"),
             0);
    folder_path(path, sw.folder, "ek.pub");
    CHECK_EQ(file_get(path, area, sizeof area), 2 + ek.area_len);
    CHECK_MEM(area + 2, ek.area, ek.area_len);
}

/* ---- Sealing ---- */

static hkp_status unseal(const struct hkp_ter_tpm_result *sealed, const uint8_t pca[176],
                         struct hkp_ter_tpm_result *r) {
    struct hkp_ter_tpm_job job = job_of(HKP_TER_TPM_UNSEAL);
    job.blob = sealed->bytes;
    job.blob_len = sealed->len;
    job.data = pca;
    job.data_len = HKP_TER_PCA_SIZE;
    return hkp_ter_tpm_run(tpm, &job, r);
}

static void authorise(uint32_t mask, const uint8_t secret[32], uint8_t pca[176]) {
    uint8_t digest[32];
    struct hkp_rng rng;
    hkp_ter_system_rng(&rng);
    CHECK_EQ(read_pcrs(mask, digest), HKP_OK);
    CHECK_EQ(hkp_ter_pca_sign(mask, digest, secret, &rng, pca), HKP_OK);
}

static hkp_status seal(const uint8_t *secret, size_t len, struct hkp_ter_tpm_result *r) {
    struct hkp_ter_tpm_job job = job_of(HKP_TER_TPM_SEAL);
    job.data = secret;
    job.data_len = len;
    memcpy(job.pca_key, pca_key, 64);
    return hkp_ter_tpm_run(tpm, &job, r);
}

static void what_is_sealed_comes_back_whole(void) {
    struct hkp_ter_tpm_result sealed, r;
    uint8_t secret[HKP_TER_SEAL_MAX], pca[176];
    memset(secret, 0x77, sizeof secret);
    authorise(HKP_TER_PCR_MASK_SEAL, pca_secret, pca);
    for (size_t len = 1; len <= sizeof secret; len += 127) {
        CHECK_EQ(seal(secret, len, &sealed), HKP_OK);
        CHECK_EQ(unseal(&sealed, pca, &r), HKP_OK);
        CHECK_EQ(r.len, len);
        CHECK_MEM(r.bytes, secret, len);
    }
    CHECK_EQ(seal(secret, 0, &sealed), HKP_E_INVAL);
    CHECK_EQ(seal(secret, sizeof secret + 1, &sealed), HKP_E_INVAL);
}

/* SYN-8.5: another boot chain opens nothing, until the operator signs for it; no new enrolment. */
static void changed_pcrs_close_and_a_new_authorisation_opens(void) {
    struct hkp_ter_tpm_result sealed, r;
    const uint8_t secret[32] = {1, 2, 3};
    const uint32_t mask = 1u << 16 | 1u << 7;
    uint8_t before[176], after[176], strange[176], other_secret[32], other_key[64];
    struct hkp_rng rng;
    char extend[160];
    hkp_ter_system_rng(&rng);
    if (!tools) return;
    authorise(mask, pca_secret, before);
    CHECK_EQ(seal(secret, sizeof secret, &sealed), HKP_OK);
    CHECK_EQ(unseal(&sealed, before, &r), HKP_OK);
    snprintf(extend, sizeof extend, "tpm2_pcrextend 16:sha256=%064d", 7);
    CHECK_EQ(swtpm_tool(&sw, extend), 0);
    CHECK_EQ(unseal(&sealed, before, &r), HKP_E_TER_TPM_POLICY);
    CHECK_EQ(r.len, 0);

    CHECK_EQ(hkp_ter_pca_key(other_secret, other_key, &rng), HKP_OK);
    authorise(mask, other_secret, strange); /* right values, wrong signer */
    CHECK(unseal(&sealed, strange, &r) != HKP_OK);
    authorise(mask, pca_secret, after);
    CHECK_EQ(unseal(&sealed, after, &r), HKP_OK);
    CHECK_MEM(r.bytes, secret, sizeof secret);
    after[120] ^= 1; /* the signature */
    CHECK_EQ(unseal(&sealed, after, &r), HKP_E_TER_PCA);
    after[120] ^= 1;
    after[8] ^= 1; /* the mask */
    CHECK(unseal(&sealed, after, &r) != HKP_OK);
    after[0] ^= 1;
    CHECK_EQ(unseal(&sealed, after, &r), HKP_E_TER_PCA);
}

/* The key store's third form: gone with other PCRs, back with a new PCA1, never a file that would not open.
 */
static void the_key_store_seals(void) {
    struct hkp_ter_keystore_options o;
    const uint8_t secret[96] = {4, 4, [95] = 1};
    uint8_t pca[176], got[HKP_TER_KEY_MAX];
    char path[128], pca_path[136], extend[160];
    size_t len = 0;
    uint32_t form = 0;
    folder_path(path, sw.folder, "keys");
    snprintf(pca_path, sizeof pca_path, "%s.pca", path);
    hkp_ter_keystore_options_init(&o, sizeof o);
    o.path = path;
    o.form = HKP_TER_KEY_TPM;
    o.tpm = tpm;
    memcpy(o.pca_key, pca_key, 64);
    CHECK_EQ(hkp_ter_keystore_write(&o, secret, sizeof secret), HKP_E_TER_KEY_TPM); /* no keys.pca */
    CHECK(access(path, F_OK) != 0);
    authorise(1u << 16, pca_secret, pca);
    file_put(pca_path, pca, sizeof pca);
    CHECK_EQ(hkp_ter_keystore_write(&o, secret, sizeof secret), HKP_OK);
    CHECK_EQ(hkp_ter_keystore_read(&o, got, sizeof got, &len, &form), HKP_OK);
    CHECK_EQ(len, sizeof secret);
    CHECK_EQ(form, HKP_TER_KEY_TPM);
    CHECK_MEM(got, secret, sizeof secret);
    o.tpm = NULL;
    CHECK_EQ(hkp_ter_keystore_read(&o, got, sizeof got, &len, &form), HKP_E_TER_KEY_TPM);
    o.tpm = tpm;
    if (!tools) return;
    snprintf(extend, sizeof extend, "tpm2_pcrextend 16:sha256=%064d", 8);
    CHECK_EQ(swtpm_tool(&sw, extend), 0);
    CHECK_EQ(hkp_ter_keystore_read(&o, got, sizeof got, &len, &form), HKP_E_TER_TPM_POLICY);
    CHECK_EQ(hkp_ter_keystore_write(&o, secret, sizeof secret),
             HKP_E_TER_TPM_POLICY); /* the old file stays */
    authorise(1u << 16, pca_secret, pca);
    file_put(pca_path, pca, sizeof pca);
    CHECK_EQ(hkp_ter_keystore_read(&o, got, sizeof got, &len, &form), HKP_OK);
    pca[150] ^= 1;
    file_put(pca_path, pca, sizeof pca);
    CHECK_EQ(hkp_ter_keystore_read(&o, got, sizeof got, &len, &form), HKP_E_TER_PCA);
}

/* ---- Counter ---- */

static hkp_status nv(uint32_t op, uint32_t index, uint64_t *counter) {
    struct hkp_ter_tpm_job job = job_of(op);
    struct hkp_ter_tpm_result r = {0};
    job.nv_index = index;
    const hkp_status st = hkp_ter_tpm_run(tpm, &job, &r);
    *counter = r.counter;
    return st;
}

static void a_counter_only_goes_up(void) {
    uint64_t first, next, again;
    CHECK_EQ(nv(HKP_TER_TPM_NV_READ, COUNTER, &first), HKP_E_NOTFOUND);
    CHECK_EQ(nv(HKP_TER_TPM_NV_INCREMENT, COUNTER, &first), HKP_E_NOTFOUND);
    CHECK_EQ(nv(HKP_TER_TPM_NV_OPEN, COUNTER, &first), HKP_OK);
    CHECK(first > 0);
    CHECK_EQ(nv(HKP_TER_TPM_NV_INCREMENT, COUNTER, &next), HKP_OK);
    CHECK_EQ(next, first + 1);
    CHECK_EQ(nv(HKP_TER_TPM_NV_OPEN, COUNTER, &again), HKP_OK);
    CHECK_EQ(again, next);
    CHECK_EQ(nv(HKP_TER_TPM_NV_READ, COUNTER, &again), HKP_OK);
    CHECK_EQ(again, next);
    if (!tools) return;
    /* whoever deletes it and makes it anew does not get back below: the state on disk stays the older one */
    CHECK_EQ(swtpm_tool(&sw, "tpm2_nvundefine 0x1500016 -C o"), 0);
    CHECK_EQ(nv(HKP_TER_TPM_NV_OPEN, COUNTER, &again), HKP_OK);
    CHECK(again > next);
}

/* SYN-8.5: an older file is found out, a cut of power between file and counter is not. */
static void an_older_state_that_is_put_back_is_found_out(void) {
    struct hkp_ter_pin_options o = {
        .struct_size = sizeof o, .nv_index = COUNTER + 2, .tpm = tpm, .key = {1, 2, 3}};
    char path[128];
    uint8_t old[64], newer[64];
    uint64_t value = 0, counter = 0;
    folder_path(path, sw.folder, "pin");
    o.path = path;
    CHECK_EQ(hkp_ter_pin_read(&o, &value), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_ter_pin_advance(&o, 1), HKP_E_NOTFOUND);
    CHECK_EQ(hkp_ter_pin_create(&o, 7), HKP_OK);
    CHECK_EQ(hkp_ter_pin_create(&o, 7), HKP_E_STATE);
    CHECK_EQ(hkp_ter_pin_read(&o, &value), HKP_OK);
    CHECK_EQ(value, 7);
    CHECK_EQ(file_get(path, old, sizeof old), 64);
    CHECK_EQ(hkp_ter_pin_advance(&o, 6), HKP_E_INVAL);
    CHECK_EQ(hkp_ter_pin_advance(&o, 8), HKP_OK);
    CHECK_EQ(file_get(path, newer, sizeof newer), 64);
    file_put(path, old, sizeof old); /* the folder of before */
    CHECK_EQ(hkp_ter_pin_read(&o, &value), HKP_E_TER_PIN_ROLLBACK);
    CHECK_EQ(hkp_ter_pin_advance(&o, 9), HKP_E_TER_PIN_ROLLBACK);
    CHECK_EQ(hkp_ter_pin_create(&o, 9), HKP_E_STATE);
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(hkp_ter_pin_read(&o, &value), HKP_E_TER_PIN_ROLLBACK);
    file_put(path, newer, sizeof newer);
    CHECK_EQ(hkp_ter_pin_read(&o, &value), HKP_OK);
    CHECK_EQ(value, 8);
    for (size_t i = 0; i < sizeof newer; i++) {
        newer[i] ^= 1;
        file_put(path, newer, sizeof newer);
        CHECK_EQ(hkp_ter_pin_read(&o, &value), HKP_E_TER_PIN_FORM);
        newer[i] ^= 1;
    }
    file_put(path, newer, 63);
    CHECK_EQ(hkp_ter_pin_read(&o, &value), HKP_E_TER_PIN_FORM);
    file_put(path, newer, sizeof newer);
    o.key[0] ^= 1;
    CHECK_EQ(hkp_ter_pin_read(&o, &value), HKP_E_TER_PIN_FORM);
    o.key[0] ^= 1;
    CHECK_EQ(nv(HKP_TER_TPM_NV_INCREMENT, o.nv_index, &counter), HKP_OK); /* somebody else counts: seen too */
    CHECK_EQ(hkp_ter_pin_read(&o, &value), HKP_E_TER_PIN_ROLLBACK);
    o.nv_index = 1;
    CHECK_EQ(hkp_ter_pin_read(&o, &value), HKP_E_INVAL);
}

/* The file is written, the counter not yet counted: the next start brings it up, once. */
static void a_cut_between_file_and_counter_loses_nothing(void) {
    struct hkp_ter_pin_options o = {.struct_size = sizeof o, .nv_index = COUNTER + 3, .tpm = tpm};
    struct hkp_ter_tpm_options dead;
    char path[128];
    uint8_t before[64], after[64];
    uint64_t value = 0, counter = 0, then = 0;
    folder_path(path, sw.folder, "pin-cut");
    o.path = path;
    CHECK_EQ(hkp_ter_pin_create(&o, 1), HKP_OK);
    CHECK_EQ(nv(HKP_TER_TPM_NV_READ, o.nv_index, &counter), HKP_OK);
    CHECK_EQ(file_get(path, before, sizeof before), 64);
    CHECK_EQ(hkp_ter_pin_advance(&o, 2), HKP_OK);
    CHECK_EQ(hkp_ter_pin_advance(&o, 3), HKP_OK);
    CHECK_EQ(nv(HKP_TER_TPM_NV_READ, o.nv_index, &then), HKP_OK);
    CHECK_EQ(then, counter + 2);
    file_put(path, before, sizeof before); /* two behind */
    CHECK_EQ(hkp_ter_pin_read(&o, &value), HKP_E_TER_PIN_ROLLBACK);

    o.nv_index = COUNTER + 4; /* the file for the next count, by a second pin under the same key */
    folder_path(path, sw.folder, "pin-next");
    CHECK_EQ(hkp_ter_pin_create(&o, 1), HKP_OK);
    CHECK_EQ(file_get(path, before, sizeof before), 64);
    memcpy(after, before, sizeof after);
    after[8] = 2; /* value */
    after[16]++;  /* counter; no carry: counters of this TPM are small */
    crypto_auth_hmacsha256_state h;
    crypto_auth_hmacsha256_init(&h, o.key, 32);
    crypto_auth_hmacsha256_update(&h, (const uint8_t *)"HKP1 pin", 9);
    crypto_auth_hmacsha256_update(&h, after, 32);
    crypto_auth_hmacsha256_final(&h, after + 32);
    file_put(path, after, sizeof after);
    CHECK_EQ(hkp_ter_pin_read(&o, &value), HKP_OK);
    CHECK_EQ(value, 2);
    CHECK_EQ(hkp_ter_pin_read(&o, &value), HKP_OK);
    file_put(path, before, sizeof before);
    CHECK_EQ(hkp_ter_pin_read(&o, &value), HKP_E_TER_PIN_ROLLBACK);

    hkp_ter_tpm_options_init(&dead, sizeof dead); /* without its TPM nothing is believed */
    dead.tcti = "swtpm:path=/nonexistent/s";
    o.tpm = NULL;
    CHECK_EQ(hkp_ter_pin_read(&o, &value), HKP_E_INVAL);
    CHECK_EQ(hkp_ter_tpm_new(&o.tpm, &dead), HKP_OK);
    CHECK_EQ(hkp_ter_pin_read(&o, &value), HKP_E_TER_TPM_IO);
    hkp_ter_tpm_free(o.tpm);
}

static void an_index_of_another_form_is_not_used(void) {
    uint64_t counter;
    if (!tools) return;
    CHECK_EQ(
        swtpm_tool(&sw, "tpm2_nvdefine 0x1500017 -C o -s 8 -a 'ownerread|ownerwrite|authread|authwrite'"), 0);
    CHECK_EQ(nv(HKP_TER_TPM_NV_OPEN, 0x01500017, &counter), HKP_E_TER_TPM_NV);
    CHECK_EQ(nv(HKP_TER_TPM_NV_INCREMENT, 0x01500017, &counter), HKP_E_TER_TPM_NV);
    CHECK_EQ(nv(HKP_TER_TPM_NV_OPEN, 0x01400000, &counter), HKP_E_INVAL);
}

/* ---- The line is held by nobody, and nobody waits ---- */

static void the_tpm_is_free_between_and_during_jobs(void) {
    struct hkp_ter_tpm_job job = job_of(HKP_TER_TPM_EK_READ);
    struct hkp_ter_tpm_result r;
    if (!tools) return;
    CHECK_EQ(run(HKP_TER_TPM_INFO, &r), HKP_OK);
    CHECK_EQ(swtpm_tool(&sw, "tpm2_getrandom 8"), 0);
    for (int i = 0; i < 8; i++) CHECK_EQ(hkp_ter_tpm_submit(tpm, &job, NULL), HKP_OK);
    CHECK_EQ(swtpm_tool(&sw, "tpm2_getrandom 8"), 0);
    for (int n = 0; n < 8;)
        if (hkp_ter_tpm_collect(tpm, &r) == HKP_OK) {
            CHECK_EQ(r.status, HKP_OK);
            n++;
        } else {
            struct pollfd p = {.fd = hkp_ter_tpm_fd(tpm), .events = POLLIN};
            CHECK_EQ(poll(&p, 1, 20000), 1);
            if (p.revents == 0) return;
        }
}

/* swtpm has room for three objects; one that stayed loaded would show within three jobs. */
static void nothing_stays_loaded_in_100_jobs(void) {
    static const uint32_t ops[] = {HKP_TER_TPM_QUOTE, HKP_TER_TPM_UNSEAL, HKP_TER_TPM_AK_CREATE,
                                   HKP_TER_TPM_EK_READ, HKP_TER_TPM_INFO};
    struct hkp_ter_tpm_result sealed, r;
    const uint8_t secret[96] = {9}, extra[32] = {0};
    uint8_t pca[176];
    authorise(1, pca_secret, pca);
    CHECK_EQ(seal(secret, sizeof secret, &sealed), HKP_OK);
    for (int i = 0; i < 100; i++) {
        const uint32_t op = ops[i % 5];
        const hkp_status st = op == HKP_TER_TPM_QUOTE    ? quote(&ak, 1, extra, &r)
                              : op == HKP_TER_TPM_UNSEAL ? unseal(&sealed, pca, &r)
                                                         : run(op, &r);
        CHECK_EQ(st, HKP_OK);
    }
    for (int i = 0; i < 10; i++) { /* nor when a job fails half way */
        pca[8] ^= 1;
        CHECK(unseal(&sealed, pca, &r) != HKP_OK);
        pca[8] ^= 1;
        CHECK_EQ(unseal(&sealed, pca, &r), HKP_OK);
    }
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A TPM that hangs costs its own job and no more: submit returns, the limit fires, and what the broken job
 * left loaded is cleaned away. */
static void a_hanging_tpm_holds_nobody_up(void) {
    struct hkp_ter_tpm_job job = job_of(HKP_TER_TPM_AK_CREATE);
    struct hkp_ter_tpm_result r;
    uint64_t id = 0;
    hkp_ter_tpm *own = swtpm_open(&sw, 600);
    if (own == NULL) return;
    struct pollfd p = {.fd = hkp_ter_tpm_fd(own), .events = POLLIN};
    for (int round = 0; round < 4; round++) {
        kill(sw.pid, SIGSTOP);
        CHECK_EQ(hkp_ter_tpm_submit(own, &job, &id), HKP_OK);
        CHECK_EQ(poll(&p, 1, 0), 0); /* we are back, and it is not done */
        CHECK_EQ(hkp_ter_tpm_collect(own, &r), HKP_E_NOTFOUND);
        CHECK_EQ(poll(&p, 1, 20000), 1);
        CHECK_EQ(hkp_ter_tpm_collect(own, &r), HKP_OK);
        CHECK_EQ(r.status, HKP_E_TER_TPM_TIMEOUT);
        CHECK_EQ(r.id, id);
        kill(sw.pid, SIGCONT);
    }
    hkp_ter_tpm_free(own);
    CHECK_EQ(run(HKP_TER_TPM_AK_CREATE, &r), HKP_OK);
}

static void freeing_breaks_off_what_runs(void) {
    struct hkp_ter_tpm_job job = job_of(HKP_TER_TPM_EK_READ);
    hkp_ter_tpm *own = swtpm_open(&sw, 600000);
    if (own == NULL) return;
    kill(sw.pid, SIGSTOP);
    for (int i = 0; i < HKP_TER_TPM_JOBS; i++) CHECK_EQ(hkp_ter_tpm_submit(own, &job, NULL), HKP_OK);
    CHECK_EQ(hkp_ter_tpm_submit(own, &job, NULL), HKP_E_LIMIT);
    const double begun = seconds();
    hkp_ter_tpm_free(own);
    CHECK(seconds() - begun < 60); /* not the 600 s of its limit */
    kill(sw.pid, SIGCONT);
}

static void a_tpm_that_is_not_there_is_told(void) {
    struct hkp_ter_tpm_options opt;
    struct hkp_ter_tpm_job job = job_of(HKP_TER_TPM_INFO);
    struct hkp_ter_tpm_result r;
    static const char *const none[] = {"swtpm:path=/nonexistent/s", "device:/nonexistent/tpm",
                                       "swtpm:host=127.0.0.1,port=1", "device:/dev/null"};
    hkp_ter_tpm_options_init(&opt, sizeof opt);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        hkp_ter_tpm *own = NULL;
        opt.tcti = none[i];
        CHECK_EQ(hkp_ter_tpm_new(&own, &opt), HKP_OK);
        if (own == NULL) continue;
        CHECK_EQ(hkp_ter_tpm_run(own, &job, &r), HKP_E_TER_TPM_IO);
        hkp_ter_tpm_free(own);
    }
}

static void wrong_options_and_jobs_are_refused(void) {
    static const char *const wrong[] = {"",
                                        "mssim:",
                                        "device:",
                                        "swtpm:path=",
                                        "swtpm:host=127.0.0.1",
                                        "swtpm:",
                                        "swtpm:host=name,port=1",
                                        "swtpm:host=127.0.0.1,port=0",
                                        "swtpm:host=127.0.0.1,port=65536"};
    struct hkp_ter_tpm_options opt;
    hkp_ter_tpm *none = NULL;
    char path[200];
    hkp_ter_tpm_options_init(&opt, sizeof opt);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        opt.tcti = wrong[i];
        CHECK_EQ(hkp_ter_tpm_new(&none, &opt), HKP_E_INVAL);
    }
    snprintf(path, sizeof path, "swtpm:path=/%0120d", 0);
    opt.tcti = path;
    CHECK_EQ(hkp_ter_tpm_new(&none, &opt), HKP_E_INVAL);
    opt.tcti = NULL;
    opt.jobs = HKP_TER_TPM_JOBS_MAX + 1;
    CHECK_EQ(hkp_ter_tpm_new(&none, &opt), HKP_E_INVAL);
    opt.jobs = 0;
    opt.parent = 0x80000000;
    CHECK_EQ(hkp_ter_tpm_new(&none, &opt), HKP_E_INVAL);
    CHECK(none == NULL);

    struct hkp_ter_tpm_job job = job_of(HKP_TER_TPM_ACTIVATE + 1);
    CHECK_EQ(hkp_ter_tpm_submit(tpm, &job, NULL), HKP_E_INVAL);
    job = job_of(0);
    CHECK_EQ(hkp_ter_tpm_submit(tpm, &job, NULL), HKP_E_INVAL);
    job = job_of(HKP_TER_TPM_PCR_READ);
    job.pcr_mask = 1u << 24;
    CHECK_EQ(hkp_ter_tpm_submit(tpm, &job, NULL), HKP_E_INVAL);
    job = job_of(HKP_TER_TPM_QUOTE);
    CHECK_EQ(hkp_ter_tpm_submit(tpm, &job, NULL), HKP_E_INVAL);
    hkp_ter_tpm_free(NULL);
}

static void a_persistent_parent_is_used(void) {
    struct hkp_ter_tpm_options opt;
    struct hkp_ter_tpm_job job = job_of(HKP_TER_TPM_AK_CREATE);
    struct hkp_ter_tpm_result r;
    hkp_ter_tpm *own = NULL;
    if (!tools) return;
    hkp_ter_tpm_options_init(&opt, sizeof opt);
    opt.tcti = sw.tcti;
    opt.parent = 0x81000001;
    CHECK_EQ(hkp_ter_tpm_new(&own, &opt), HKP_OK);
    if (own == NULL) return;
    CHECK_EQ(hkp_ter_tpm_run(own, &job, &r), HKP_E_NOTFOUND);
    CHECK_EQ(swtpm_tool(&sw, "sh -c 'tpm2_createprimary -C o -G ecc -c p.ctx && tpm2_flushcontext -t && "
                             "tpm2_evictcontrol -C o -c p.ctx 0x81000001 && tpm2_flushcontext -t'"),
             0);
    CHECK_EQ(hkp_ter_tpm_run(own, &job, &r), HKP_OK);
    job.op = HKP_TER_TPM_QUOTE;
    job.blob = r.bytes;
    job.blob_len = r.len;
    uint8_t extra[32] = {0};
    job.data = extra;
    job.data_len = 32;
    struct hkp_ter_tpm_result q;
    CHECK_EQ(hkp_ter_tpm_run(own, &job, &q), HKP_OK);
    hkp_ter_tpm_free(own);
}

static void every_allocation_may_fail(void) {
    for (long budget = 0;; budget++) {
        struct failing f = {.left = budget};
        struct hkp_ter_tpm_options opt;
        hkp_ter_tpm *own = NULL;
        hkp_ter_tpm_options_init(&opt, sizeof opt);
        opt.tcti = sw.tcti;
        opt.mem = failing_mem(&f);
        const hkp_status st = hkp_ter_tpm_new(&own, &opt);
        if (st == HKP_OK) {
            struct hkp_ter_tpm_job job = job_of(HKP_TER_TPM_INFO);
            struct hkp_ter_tpm_result r;
            CHECK(budget > 0);
            CHECK_EQ(hkp_ter_tpm_run(own, &job, &r), HKP_OK); /* a job allocates nothing of the host's */
            hkp_ter_tpm_free(own);
            CHECK_EQ(f.live, 0);
            return;
        }
        CHECK_EQ(st, HKP_E_NOMEM);
        CHECK(own == NULL);
    }
}

int main(void) {
    struct hkp_rng rng;
    setenv("TSS2_LOG", "all+none", 0); /* refusals are expected here */
    swtpm_start(&sw);
    tpm = swtpm_open(&sw, 60000);
    tools = swtpm_tool(&sw, "tpm2_getrandom 8") == 0;
    if (!tools) printf("# without tpm2-tools: what compares with them is left out\n");
    hkp_ter_system_rng(&rng);
    CHECK_EQ(hkp_ter_pca_key(pca_secret, pca_key, &rng), HKP_OK);
    CHECK_EQ(run(HKP_TER_TPM_AK_CREATE, &ak), HKP_OK);
    CASE(it_says_what_it_is);
    CASE(our_quote_is_accepted_by_our_verifier);
    CASE(a_quote_of_no_and_of_all_pcrs_is_made);
    CASE(our_quote_is_accepted_by_tpm2_tools);
    CASE(a_key_of_another_tpm_is_refused);
    CASE(a_credential_is_activated);
    CASE(the_endorsement_key_is_that_of_the_template);
    CASE(what_is_sealed_comes_back_whole);
    CASE(changed_pcrs_close_and_a_new_authorisation_opens);
    CASE(the_key_store_seals);
    CASE(a_counter_only_goes_up);
    CASE(an_older_state_that_is_put_back_is_found_out);
    CASE(a_cut_between_file_and_counter_loses_nothing);
    CASE(an_index_of_another_form_is_not_used);
    CASE(the_tpm_is_free_between_and_during_jobs);
    CASE(nothing_stays_loaded_in_100_jobs);
    CASE(a_hanging_tpm_holds_nobody_up);
    CASE(freeing_breaks_off_what_runs);
    CASE(a_tpm_that_is_not_there_is_told);
    CASE(wrong_options_and_jobs_are_refused);
    CASE(a_persistent_parent_is_used);
    CASE(every_allocation_may_fail);
    hkp_ter_tpm_free(tpm);
    swtpm_end(&sw);
    return check_done();
}
