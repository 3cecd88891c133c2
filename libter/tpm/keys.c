/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The attestation key, what it signs, and the endorsement key that vouches for it (SYN-8.5, D-CA-3). */
#include "libter/tpm/tpm.h"

#include <sodium.h>
#include <string.h>
#include <tss2/tss2_mu.h>

static const TPM2B_SENSITIVE_CREATE nothing;
static const TPM2B_DATA no_data;
static const TPML_PCR_SELECTION no_pcr;

int hkp_ter__tpm_ak_create(struct hkp_ter__tpm_task *t) {
    TPM2B_PUBLIC p = {0};
    TPMT_PUBLIC *a = &p.publicArea;
    ESYS_TR parent;
    a->type = TPM2_ALG_ECC;
    a->nameAlg = TPM2_ALG_SHA256;
    a->objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                          TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED |
                          TPMA_OBJECT_SIGN_ENCRYPT;
    a->parameters.eccDetail.symmetric.algorithm = TPM2_ALG_NULL;
    a->parameters.eccDetail.scheme.scheme = TPM2_ALG_ECDSA;
    a->parameters.eccDetail.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
    a->parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
    a->parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
    return hkp_ter__tpm_parent(t, &parent) && hkp_ter__tpm_create(t, parent, ESYS_TR_NONE, &nothing, &p);
}

static int put_quote(struct hkp_ter__tpm_task *t, const TPM2B_ATTEST *attest,
                     const TPMT_SIGNATURE *signature) {
    size_t at = 0;
    if (!hkp_ter__tpm_ok(t, Tss2_MU_TPM2B_ATTEST_Marshal(attest, t->out->bytes, HKP_TER_QUOTE_MAX, &at)) ||
        !hkp_ter__tpm_ok(t, Tss2_MU_TPMT_SIGNATURE_Marshal(signature, t->out->bytes, HKP_TER_QUOTE_MAX, &at)))
        return 0;
    t->out->len = (uint32_t)at;
    return 1;
}

int hkp_ter__tpm_quote(struct hkp_ter__tpm_task *t) {
    const TPMT_SIG_SCHEME scheme = {.scheme = TPM2_ALG_NULL}; /* that of the key */
    const TPML_PCR_SELECTION pcrs = hkp_ter__tpm_selection(t->work->pcr_mask);
    TPM2B_DATA extra = {.size = 32};
    TPM2B_ATTEST *attest = NULL;
    TPMT_SIGNATURE *signature = NULL;
    ESYS_TR parent, key;
    memcpy(extra.buffer, t->work->data, 32);
    if (!hkp_ter__tpm_parent(t, &parent) || !hkp_ter__tpm_load(t, parent, &key)) return 0;
    if (!hkp_ter__tpm_ok(t, Esys_Quote(t->esys, key, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &extra,
                                       &scheme, &pcrs, &attest, &signature)))
        return 0;
    const int ok = put_quote(t, attest, signature);
    Esys_Free(attest);
    Esys_Free(signature);
    return ok;
}

/* ---- The endorsement key ---- */

/* Template L-2 of the TCG's EK credential profile: only PolicySecret of the endorsement hierarchy uses it. */
static TPM2B_PUBLIC ek_template(void) {
    static const uint8_t policy_a[32] = {0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xB3, 0xF8, 0x1A, 0x90, 0xCC,
                                         0x8D, 0x46, 0xA5, 0xD7, 0x24, 0xFD, 0x52, 0xD7, 0x6E, 0x06, 0x52,
                                         0x0B, 0x64, 0xF2, 0xA1, 0xDA, 0x1B, 0x33, 0x14, 0x69, 0xAA};
    TPM2B_PUBLIC p = hkp_ter__tpm_parent_template(TPMA_OBJECT_ADMINWITHPOLICY);
    p.publicArea.authPolicy.size = 32;
    memcpy(p.publicArea.authPolicy.buffer, policy_a, 32);
    return p;
}

static int create_ek(struct hkp_ter__tpm_task *t, ESYS_TR *ek, TPM2B_PUBLIC **area) {
    const TPM2B_PUBLIC wanted = ek_template();
    if (!hkp_ter__tpm_ok(t, Esys_CreatePrimary(t->esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD,
                                               ESYS_TR_NONE, ESYS_TR_NONE, &nothing, &wanted, &no_data,
                                               &no_pcr, ek, area, NULL, NULL, NULL)))
        return 0;
    hkp_ter__tpm_keep(t, *ek);
    return 1;
}

int hkp_ter__tpm_ek_read(struct hkp_ter__tpm_task *t) {
    ESYS_TR ek;
    TPM2B_PUBLIC *area = NULL;
    size_t at = 0;
    if (!create_ek(t, &ek, &area)) return 0;
    const int ok = hkp_ter__tpm_ok(
        t, Tss2_MU_TPMT_PUBLIC_Marshal(&area->publicArea, t->out->area, HKP_TER_AREA_MAX, &at));
    Esys_Free(area);
    t->out->area_len = (uint32_t)at;
    return ok;
}

/* A session in which the endorsement hierarchy has said yes. */
static int endorsed(struct hkp_ter__tpm_task *t, ESYS_TR *session) {
    return hkp_ter__tpm_session(t, ESYS_TR_NONE, TPM2_SE_POLICY, 0, session) &&
           hkp_ter__tpm_ok(t, Esys_PolicySecret(t->esys, ESYS_TR_RH_ENDORSEMENT, *session, ESYS_TR_PASSWORD,
                                                ESYS_TR_NONE, ESYS_TR_NONE, NULL, NULL, NULL, 0, NULL, NULL));
}

int hkp_ter__tpm_activate(struct hkp_ter__tpm_task *t) {
    const struct hkp_ter__tpm_work *w = t->work;
    TPM2B_ID_OBJECT object = {0};
    TPM2B_ENCRYPTED_SECRET seed = {0};
    TPM2B_DIGEST *secret = NULL;
    ESYS_TR parent, ak, ek, session;
    size_t at = 0;
    if (Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(w->data, w->data_len, &at, &object) != TSS2_RC_SUCCESS ||
        Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(w->data, w->data_len, &at, &seed) != TSS2_RC_SUCCESS ||
        at != w->data_len)
        return hkp_ter__tpm_fail(t, HKP_E_INVAL);
    if (!hkp_ter__tpm_parent(t, &parent) || !hkp_ter__tpm_load(t, parent, &ak)) return 0;
    hkp_ter__tpm_drop(t, parent);
    if (!create_ek(t, &ek, NULL) || !endorsed(t, &session)) return 0;
    if (!hkp_ter__tpm_ok(t, Esys_ActivateCredential(t->esys, ak, ek, ESYS_TR_PASSWORD, session, ESYS_TR_NONE,
                                                    &object, &seed, &secret)))
        return 0;
    memcpy(t->out->bytes, secret->buffer, secret->size);
    t->out->len = secret->size;
    sodium_memzero(secret, sizeof *secret);
    Esys_Free(secret);
    return 1;
}
