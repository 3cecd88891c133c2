/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Secrets that the TPM gives back only while its PCRs have values that an operator signed (SYN-8.5, decision
 * 0115). What crosses the bus is encrypted in a session salted by the storage key.
 */
#include "libter/area.h"
#include "libter/tpm/tpm.h"

#include <sodium.h>
#include <string.h>
#include <tss2/tss2_mu.h>

int hkp_ter__tpm_seal(struct hkp_ter__tpm_task *t) {
    const struct hkp_ter__tpm_work *w = t->work;
    TPM2B_PUBLIC p = {0};
    TPM2B_SENSITIVE_CREATE in = {0};
    ESYS_TR parent, session;
    p.publicArea.type = TPM2_ALG_KEYEDHASH;
    p.publicArea.nameAlg = TPM2_ALG_SHA256;
    p.publicArea.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_NODA;
    p.publicArea.authPolicy.size = 32;
    hkp_ter_pca_policy(w->pca_key, p.publicArea.authPolicy.buffer);
    p.publicArea.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL;
    if (!hkp_ter__tpm_parent(t, &parent) ||
        !hkp_ter__tpm_session(t, parent, TPM2_SE_HMAC, TPMA_SESSION_DECRYPT, &session))
        return 0;
    in.sensitive.data.size = (UINT16)w->data_len;
    memcpy(in.sensitive.data.buffer, w->data, w->data_len);
    const int ok = hkp_ter__tpm_create(t, parent, session, &in, &p);
    sodium_memzero(&in, sizeof in);
    return ok;
}

/* The operator's key is loaded only to have the TPM itself check the signature: it answers with a ticket. */
static int check_signature(struct hkp_ter__tpm_task *t, const struct hkp_ter__pca *pca, TPM2B_NAME *name,
                           TPMT_TK_VERIFIED **ticket) {
    TPM2B_PUBLIC area = {0};
    TPM2B_DIGEST digest = {.size = 32};
    TPMT_SIGNATURE s = {.sigAlg = TPM2_ALG_ECDSA, .signature.ecdsa.hash = TPM2_ALG_SHA256};
    uint8_t bytes[HKP_TER__PCA_AREA_SIZE], both[48];
    size_t at = 0;
    ESYS_TR key;
    hkp_ter__pca_area(pca->key, bytes);
    hkp_ter_area_name(bytes, sizeof bytes, name->name);
    name->size = HKP_TER_TPM_NAME_SIZE;
    memcpy(both, pca->policy, 32);
    memcpy(both + 32, hkp_ter__pca_ref, 16);
    crypto_hash_sha256(digest.buffer, both, sizeof both);
    s.signature.ecdsa.signatureR.size = s.signature.ecdsa.signatureS.size = 32;
    memcpy(s.signature.ecdsa.signatureR.buffer, pca->signature, 32);
    memcpy(s.signature.ecdsa.signatureS.buffer, pca->signature + 32, 32);
    if (!hkp_ter__tpm_ok(t, Tss2_MU_TPMT_PUBLIC_Unmarshal(bytes, sizeof bytes, &at, &area.publicArea)) ||
        !hkp_ter__tpm_ok(t, Esys_LoadExternal(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, NULL, &area,
                                              ESYS_TR_RH_OWNER, &key)))
        return 0;
    hkp_ter__tpm_keep(t, key);
    const TSS2_RC rc =
        Esys_VerifySignature(t->esys, key, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &digest, &s, ticket);
    const int ok = hkp_ter__tpm_ok(t, rc);
    if (hkp_ter__tpm_base(rc) == TPM2_RC_SIGNATURE) t->out->status = HKP_E_TER_PCA;
    hkp_ter__tpm_drop(t, key);
    return ok;
}

/* PolicyPCR brings the session to what the PCRs are now; PolicyAuthorize goes on only if that was signed. */
static int authorise(struct hkp_ter__tpm_task *t, const struct hkp_ter__pca *pca, ESYS_TR session) {
    const TPML_PCR_SELECTION pcrs = hkp_ter__tpm_selection(pca->pcr_mask);
    TPM2B_DIGEST approved = {.size = 32};
    TPM2B_NONCE reference = {.size = 16};
    TPM2B_NAME name = {0};
    TPMT_TK_VERIFIED *ticket = NULL;
    memcpy(approved.buffer, pca->policy, 32);
    memcpy(reference.buffer, hkp_ter__pca_ref, 16);
    if (!check_signature(t, pca, &name, &ticket)) return 0;
    int ok = hkp_ter__tpm_ok(
        t, Esys_PolicyPCR(t->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, NULL, &pcrs));
    if (ok) {
        const TSS2_RC rc = Esys_PolicyAuthorize(t->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                                &approved, &reference, &name, ticket);
        ok = hkp_ter__tpm_ok(t, rc);
        if (rc == (TPM2_RC_VALUE | TPM2_RC_P | TPM2_RC_1)) t->out->status = HKP_E_TER_TPM_POLICY;
    }
    Esys_Free(ticket);
    return ok;
}

int hkp_ter__tpm_unseal(struct hkp_ter__tpm_task *t) {
    struct hkp_ter__pca pca;
    TPM2B_SENSITIVE_DATA *secret = NULL;
    ESYS_TR parent, sealed, session;
    if (hkp_ter__pca_parse(&pca, t->work->data, t->work->data_len) != HKP_OK)
        return hkp_ter__tpm_fail(t, HKP_E_TER_PCA);
    if (!hkp_ter__tpm_parent(t, &parent) || !hkp_ter__tpm_load(t, parent, &sealed) ||
        !hkp_ter__tpm_session(t, parent, TPM2_SE_POLICY, TPMA_SESSION_ENCRYPT, &session))
        return 0;
    hkp_ter__tpm_drop(t, parent);
    if (!authorise(t, &pca, session)) return 0;
    if (!hkp_ter__tpm_ok(t, Esys_Unseal(t->esys, sealed, session, ESYS_TR_NONE, ESYS_TR_NONE, &secret)))
        return 0;
    memcpy(t->out->bytes, secret->buffer, secret->size);
    t->out->len = secret->size;
    sodium_memzero(secret, sizeof *secret);
    Esys_Free(secret);
    return 1;
}
