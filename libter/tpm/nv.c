/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* PCR values, and a counter that nobody can turn back (SYN-8.5). */
#include "libter/bytes.h"
#include "libter/tpm/tpm.h"

#include <string.h>

#define COUNTER_ATTRIBUTES                                                                                   \
    ((TPMA_NV)TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT | TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE |              \
     TPMA_NV_OWNERREAD | TPMA_NV_OWNERWRITE | TPMA_NV_NO_DA)

/* A TPM tells a few values at a time, and says which. */
int hkp_ter__tpm_pcr_read(struct hkp_ter__tpm_task *t) {
    uint32_t left = t->work->pcr_mask, n = 0;
    uint8_t values[HKP_TER_PCRS][32];
    while (left != 0) {
        const TPML_PCR_SELECTION pcrs = hkp_ter__tpm_selection(left);
        TPML_PCR_SELECTION *told = NULL;
        TPML_DIGEST *digests = NULL;
        uint32_t mask = 0, k = 0;
        if (!hkp_ter__tpm_ok(t, Esys_PCR_Read(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &pcrs, NULL,
                                              &told, &digests)))
            return 0;
        if (told->count == 1 && told->pcrSelections[0].sizeofSelect == 3)
            for (int i = 0; i < 3; i++) mask |= (uint32_t)told->pcrSelections[0].pcrSelect[i] << 8 * i;
        for (uint32_t pcr = 0; pcr < HKP_TER_PCRS; pcr++) {
            if ((mask & left & 1u << pcr) == 0 || k >= digests->count || digests->digests[k].size != 32)
                continue;
            memcpy(values[pcr], digests->digests[k++].buffer, 32);
            left &= ~(1u << pcr);
        }
        Esys_Free(told);
        Esys_Free(digests);
        if (k == 0) return hkp_ter__tpm_fail(t, HKP_E_NOTFOUND); /* no SHA-256 bank */
    }
    for (uint32_t pcr = 0; pcr < HKP_TER_PCRS; pcr++)
        if ((t->work->pcr_mask & 1u << pcr) != 0) memcpy(t->out->bytes + 32 * (size_t)n++, values[pcr], 32);
    t->out->len = n * 32;
    return 1;
}

/* ---- Counters ---- */

static int define(struct hkp_ter__tpm_task *t, ESYS_TR *nv) {
    const TPM2B_AUTH no_auth = {0};
    TPM2B_NV_PUBLIC p = {0};
    p.nvPublic.nvIndex = t->work->nv_index;
    p.nvPublic.nameAlg = TPM2_ALG_SHA256;
    p.nvPublic.attributes = COUNTER_ATTRIBUTES;
    p.nvPublic.dataSize = 8;
    return hkp_ter__tpm_ok(t, Esys_NV_DefineSpace(t->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                                  ESYS_TR_NONE, &no_auth, &p, nv));
}

/* Another's index may be of any kind; only one of our form is used. */
static int check_form(struct hkp_ter__tpm_task *t, ESYS_TR nv, int *written) {
    TPM2B_NV_PUBLIC *p = NULL;
    TPM2B_NAME *name = NULL;
    if (!hkp_ter__tpm_ok(
            t, Esys_NV_ReadPublic(t->esys, nv, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &p, &name)))
        return 0;
    const TPMA_NV have = p->nvPublic.attributes;
    const int right = (have & ~TPMA_NV_WRITTEN) == COUNTER_ATTRIBUTES && p->nvPublic.dataSize == 8;
    *written = (have & TPMA_NV_WRITTEN) != 0;
    Esys_Free(p);
    Esys_Free(name);
    return right || hkp_ter__tpm_fail(t, HKP_E_TER_TPM_NV);
}

static int increment(struct hkp_ter__tpm_task *t, ESYS_TR nv) {
    return hkp_ter__tpm_ok(t,
                           Esys_NV_Increment(t->esys, nv, nv, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE));
}

static int read_counter(struct hkp_ter__tpm_task *t, ESYS_TR nv) {
    TPM2B_MAX_NV_BUFFER *data = NULL;
    if (!hkp_ter__tpm_ok(
            t, Esys_NV_Read(t->esys, nv, nv, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, 8, 0, &data)))
        return 0;
    const int ok = data->size == 8;
    if (ok) t->out->counter = hkp_be64(data->buffer);
    Esys_Free(data);
    return ok || hkp_ter__tpm_fail(t, HKP_E_TER_TPM_NV);
}

int hkp_ter__tpm_nv(struct hkp_ter__tpm_task *t) {
    const uint32_t op = t->work->op;
    ESYS_TR nv = ESYS_TR_NONE;
    int written = 0;
    const TSS2_RC rc =
        Esys_TR_FromTPMPublic(t->esys, t->work->nv_index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &nv);
    if (hkp_ter__tpm_base(rc) == TPM2_RC_HANDLE) {
        if (op != HKP_TER_TPM_NV_OPEN) return hkp_ter__tpm_fail(t, HKP_E_NOTFOUND);
        if (!define(t, &nv)) return 0;
    } else if (!hkp_ter__tpm_ok(t, rc)) {
        return 0;
    }
    if (!check_form(t, nv, &written)) return 0;
    if (op == HKP_TER_TPM_NV_INCREMENT || (op == HKP_TER_TPM_NV_OPEN && !written))
        if (!increment(t, nv)) return 0;
    return read_counter(t, nv);
}
