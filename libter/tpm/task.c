/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* One job: open the line, do it, flush what was loaded, close. */
#include "libter/tpm/tpm.h"

#include <sodium.h>
#include <string.h>
#include <tss2/tss2_mu.h>

TSS2_RC hkp_ter__tpm_base(TSS2_RC rc) { return (rc & TPM2_RC_FMT1) != 0 ? rc & (TPM2_RC_FMT1 | 0x3F) : rc; }

static hkp_status status_of(const struct hkp_ter__tpm_task *t, TSS2_RC rc) {
    if (t->line->fault != HKP_OK) return t->line->fault;
    if ((rc & TSS2_RC_LAYER_MASK) != TSS2_TPM_RC_LAYER) {
        const TSS2_RC what = rc & ~TSS2_RC_LAYER_MASK;
        if (what == TSS2_BASE_RC_MEMORY) return HKP_E_NOMEM;
        return what == TSS2_BASE_RC_IO_ERROR ? HKP_E_TER_TPM_IO : HKP_E_TER_TPM_REFUSED;
    }
    const TSS2_RC base = hkp_ter__tpm_base(rc);
    if (base == TPM2_RC_POLICY_FAIL || rc == TPM2_RC_PCR_CHANGED) return HKP_E_TER_TPM_POLICY;
    return HKP_E_TER_TPM_REFUSED;
}

int hkp_ter__tpm_ok(struct hkp_ter__tpm_task *t, TSS2_RC rc) {
    if (rc == TSS2_RC_SUCCESS) return 1;
    if (t->out->status != HKP_OK) return 0;
    t->out->tpm_rc = rc;
    t->out->status = status_of(t, rc);
    return 0;
}

int hkp_ter__tpm_fail(struct hkp_ter__tpm_task *t, hkp_status status) {
    if (t->out->status == HKP_OK) t->out->status = status;
    return 0;
}

void hkp_ter__tpm_keep(struct hkp_ter__tpm_task *t, ESYS_TR handle) {
    if (t->n_live < HKP_TER__TPM_LIVE_MAX) t->live[t->n_live++] = handle;
}

void hkp_ter__tpm_drop(struct hkp_ter__tpm_task *t, ESYS_TR handle) {
    for (int i = 0; i < t->n_live; i++) {
        if (t->live[i] != handle) continue;
        t->live[i] = t->live[--t->n_live];
        (void)hkp_ter__tpm_ok(t, Esys_FlushContext(t->esys, handle));
        return;
    }
}

TPML_PCR_SELECTION hkp_ter__tpm_selection(uint32_t pcr_mask) {
    TPML_PCR_SELECTION s = {.count = 1};
    s.pcrSelections[0].hash = TPM2_ALG_SHA256;
    s.pcrSelections[0].sizeofSelect = 3;
    for (int i = 0; i < 3; i++) s.pcrSelections[0].pcrSelect[i] = (BYTE)(pcr_mask >> 8 * i);
    return s;
}

/* ---- Keys ---- */

TPM2B_PUBLIC hkp_ter__tpm_parent_template(TPMA_OBJECT more) {
    TPM2B_PUBLIC p = {0};
    TPMT_PUBLIC *a = &p.publicArea;
    a->type = TPM2_ALG_ECC;
    a->nameAlg = TPM2_ALG_SHA256;
    a->objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                          TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT | more;
    a->parameters.eccDetail.symmetric.algorithm = TPM2_ALG_AES;
    a->parameters.eccDetail.symmetric.keyBits.aes = 128;
    a->parameters.eccDetail.symmetric.mode.aes = TPM2_ALG_CFB;
    a->parameters.eccDetail.scheme.scheme = TPM2_ALG_NULL;
    a->parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
    a->parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
    a->unique.ecc.x.size = 32;
    a->unique.ecc.y.size = 32;
    return p;
}

/* The storage key of the TCG's provisioning guidance for P-256: the same at each call, of the owner's seed.
 */
static TPM2B_PUBLIC storage_template(void) {
    return hkp_ter__tpm_parent_template(TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA);
}

int hkp_ter__tpm_parent(struct hkp_ter__tpm_task *t, ESYS_TR *parent) {
    const TPM2B_SENSITIVE_CREATE nothing = {0};
    const TPM2B_DATA no_data = {0};
    const TPML_PCR_SELECTION no_pcr = {0};
    if (t->parent != 0) {
        const TSS2_RC rc =
            Esys_TR_FromTPMPublic(t->esys, t->parent, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, parent);
        if (hkp_ter__tpm_base(rc) == TPM2_RC_HANDLE) return hkp_ter__tpm_fail(t, HKP_E_NOTFOUND);
        return hkp_ter__tpm_ok(t, rc);
    }
    const TPM2B_PUBLIC area = storage_template();
    if (!hkp_ter__tpm_ok(t, Esys_CreatePrimary(t->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                               ESYS_TR_NONE, &nothing, &area, &no_data, &no_pcr, parent, NULL,
                                               NULL, NULL, NULL)))
        return 0;
    hkp_ter__tpm_keep(t, *parent);
    return 1;
}

static int put_blob(struct hkp_ter__tpm_task *t, const TPM2B_PRIVATE *secret, const TPM2B_PUBLIC *area) {
    size_t at = 0, area_at = 0;
    if (!hkp_ter__tpm_ok(t,
                         Tss2_MU_TPM2B_PRIVATE_Marshal(secret, t->out->bytes, HKP_TER_TPM_BLOB_MAX, &at)) ||
        !hkp_ter__tpm_ok(t, Tss2_MU_TPM2B_PUBLIC_Marshal(area, t->out->bytes, HKP_TER_TPM_BLOB_MAX, &at)) ||
        !hkp_ter__tpm_ok(
            t, Tss2_MU_TPMT_PUBLIC_Marshal(&area->publicArea, t->out->area, HKP_TER_AREA_MAX, &area_at)))
        return 0;
    t->out->len = (uint32_t)at;
    t->out->area_len = (uint32_t)area_at;
    return 1;
}

int hkp_ter__tpm_create(struct hkp_ter__tpm_task *t, ESYS_TR parent, ESYS_TR session,
                        const TPM2B_SENSITIVE_CREATE *sensitive, const TPM2B_PUBLIC *area) {
    const TPM2B_DATA no_data = {0};
    const TPML_PCR_SELECTION no_pcr = {0};
    TPM2B_PRIVATE *secret = NULL;
    TPM2B_PUBLIC *made = NULL;
    if (!hkp_ter__tpm_ok(t, Esys_Create(t->esys, parent, ESYS_TR_PASSWORD, session, ESYS_TR_NONE, sensitive,
                                        area, &no_data, &no_pcr, &secret, &made, NULL, NULL, NULL)))
        return 0;
    const int ok = put_blob(t, secret, made);
    Esys_Free(secret);
    Esys_Free(made);
    return ok;
}

int hkp_ter__tpm_load(struct hkp_ter__tpm_task *t, ESYS_TR parent, ESYS_TR *key) {
    TPM2B_PRIVATE secret = {0};
    TPM2B_PUBLIC area = {0};
    size_t at = 0;
    const struct hkp_ter__tpm_work *w = t->work;
    if (Tss2_MU_TPM2B_PRIVATE_Unmarshal(w->blob, w->blob_len, &at, &secret) != TSS2_RC_SUCCESS ||
        Tss2_MU_TPM2B_PUBLIC_Unmarshal(w->blob, w->blob_len, &at, &area) != TSS2_RC_SUCCESS ||
        at != w->blob_len)
        return hkp_ter__tpm_fail(t, HKP_E_INVAL);
    if (!hkp_ter__tpm_ok(
            t, Esys_Load(t->esys, parent, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &secret, &area, key)))
        return 0;
    hkp_ter__tpm_keep(t, *key);
    return 1;
}

int hkp_ter__tpm_session(struct hkp_ter__tpm_task *t, ESYS_TR parent, TPM2_SE type, TPMA_SESSION attributes,
                         ESYS_TR *session) {
    const TPMT_SYM_DEF aes = {.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB};
    if (!hkp_ter__tpm_ok(t, Esys_StartAuthSession(t->esys, parent, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                                  ESYS_TR_NONE, NULL, type, &aes, TPM2_ALG_SHA256, session)))
        return 0;
    hkp_ter__tpm_keep(t, *session);
    attributes |= TPMA_SESSION_CONTINUESESSION;
    return hkp_ter__tpm_ok(t, Esys_TRSess_SetAttributes(t->esys, *session, attributes, 0xFF));
}

/* ---- The whole ---- */

int hkp_ter__tpm_info(struct hkp_ter__tpm_task *t) {
    TPMS_CAPABILITY_DATA *caps = NULL;
    if (!hkp_ter__tpm_ok(t, Esys_GetCapability(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                               TPM2_CAP_TPM_PROPERTIES, TPM2_PT_MANUFACTURER,
                                               TPM2_PT_FIRMWARE_VERSION_2 - TPM2_PT_MANUFACTURER + 1, NULL,
                                               &caps)))
        return 0;
    const TPML_TAGGED_TPM_PROPERTY *list = &caps->data.tpmProperties;
    for (UINT32 i = 0; i < list->count && i < TPM2_MAX_TPM_PROPERTIES; i++) {
        const uint32_t value = list->tpmProperty[i].value;
        switch (list->tpmProperty[i].property) {
        case TPM2_PT_MANUFACTURER:
            for (int k = 0; k < 4; k++) t->out->bytes[k] = (uint8_t)(value >> (24 - 8 * k));
            t->out->len = 4;
            break;
        case TPM2_PT_FIRMWARE_VERSION_1:
            t->out->counter |= (uint64_t)value << 32;
            break;
        case TPM2_PT_FIRMWARE_VERSION_2:
            t->out->counter |= value;
            break;
        default:
            break;
        }
    }
    Esys_Free(caps);
    return 1;
}

static int run(struct hkp_ter__tpm_task *t) {
    switch (t->work->op) {
    case HKP_TER_TPM_INFO:
        return hkp_ter__tpm_info(t);
    case HKP_TER_TPM_AK_CREATE:
        return hkp_ter__tpm_ak_create(t);
    case HKP_TER_TPM_QUOTE:
        return hkp_ter__tpm_quote(t);
    case HKP_TER_TPM_SEAL:
        return hkp_ter__tpm_seal(t);
    case HKP_TER_TPM_UNSEAL:
        return hkp_ter__tpm_unseal(t);
    case HKP_TER_TPM_PCR_READ:
        return hkp_ter__tpm_pcr_read(t);
    case HKP_TER_TPM_NV_OPEN:
    case HKP_TER_TPM_NV_READ:
    case HKP_TER_TPM_NV_INCREMENT:
        return hkp_ter__tpm_nv(t);
    case HKP_TER_TPM_EK_READ:
        return hkp_ter__tpm_ek_read(t);
    default:
        return hkp_ter__tpm_activate(t);
    }
}

/* What a failed job wrote is nobody's. */
static void forget(struct hkp_ter_tpm_result *out) {
    sodium_memzero(out->bytes, sizeof out->bytes);
    sodium_memzero(out->area, sizeof out->area);
    out->len = out->area_len = 0;
    out->counter = 0;
}

void hkp_ter__tpm_do(const struct hkp_ter__tpm_work *work, struct hkp_ter__tpm_line *line, uint32_t parent,
                     int *dirty, struct hkp_ter_tpm_result *out) {
    struct hkp_ter__tpm_task t = {.work = work, .out = out, .line = line, .parent = parent};
    out->status = hkp_ter__tpm_line_open(line);
    if (out->status != HKP_OK) return;
    if (*dirty) out->status = hkp_ter__tpm_line_clean(line);
    if (out->status == HKP_OK &&
        hkp_ter__tpm_ok(&t, Esys_Initialize(&t.esys, (TSS2_TCTI_CONTEXT *)(void *)line, NULL))) {
        (void)run(&t);
        while (t.n_live > 0 && line->fault == HKP_OK) hkp_ter__tpm_drop(&t, t.live[t.n_live - 1]);
        Esys_Finalize(&t.esys);
    }
    *dirty = line->fault != HKP_OK;
    hkp_ter__tpm_line_close(line);
    if (out->status != HKP_OK) forget(out);
}
