/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The TPM of a running node. A quote is two jobs of libter's worker, the values of the PCRs and the quote
 * itself; the loop goes on meanwhile and collects them when the descriptor says so.
 */
#include "libmesh/posix/runner.h"

#include <stdio.h>
#include <string.h>

hkp_status hkp_mesh__tpm_open(struct hkp_mesh_runner *r, const struct hkp_mesh_runner_options *opt,
                              struct hkp_mesh_fault *fault) {
    struct hkp_ter_tpm_options o;
    if (opt->tpm == NULL) return HKP_OK;
    hkp_ter_tpm_options_init(&o, sizeof o);
    o.tcti = opt->tpm;
    const hkp_status st = hkp_ter_tpm_new(&r->tpm, &o);
    if (st == HKP_OK) return HKP_OK;
    return hkp_mesh__fault(fault, st, "tpm",
                           st == HKP_E_TER_TPM_ABSENT ? "this program was built without TPM support"
                           : st == HKP_E_INVAL
                               ? "wants device:PATH, swtpm:path=PATH or swtpm:host=IPV4,port=N"
                               : "cannot be used",
                           UINT64_MAX);
}

/* ---- The attestation key ---- */

static hkp_status read_file(const char *path, uint8_t *dst, size_t cap, size_t *len,
                            struct hkp_mesh_fault *fault) {
    const hkp_status st = hkp_ter_file_read(path, 0, dst, cap, len);
    if (st == HKP_OK && *len > 0) return HKP_OK;
    return hkp_mesh__fault(fault, st == HKP_OK ? HKP_E_IO : st, path, "cannot be read as an attestation key",
                           UINT64_MAX);
}

static hkp_status check_certificate(const struct hkp_mesh_runner *r, struct hkp_mesh_fault *fault) {
    struct hkp_dsm_certificate c;
    uint8_t name[HKP_TER_TPM_NAME_SIZE];
    const hkp_status st = hkp_dsm_certificate_parse(r->dir.certificate, r->dir.certificate_len, &c);
    if (st != HKP_OK) return hkp_mesh__fault(fault, st, "certificate", hkp_dsm_status_name(st), 0);
    hkp_ter_area_name(r->quoting.area, r->quoting.area_len, name);
    if (c.has_ak && memcmp(c.ak, name, sizeof name) == 0) return HKP_OK;
    return hkp_mesh__fault(fault, HKP_E_INVAL, "certificate",
                           c.has_ak ? "names another attestation key than tpm.ak"
                                    : "names no attestation key, so tpm.ak proves nothing",
                           UINT64_MAX);
}

static const char *why_no_quote(hkp_status st) {
    switch (st) {
    case HKP_E_TER_TPM_IO:
        return "no TPM answers there";
    case HKP_E_TER_TPM_TIMEOUT:
        return "the TPM did not answer in time";
    case HKP_E_TER_TPM_REFUSED:
        return "the TPM refuses tpm.ak: it is of another TPM, or of one that was cleared";
    case HKP_E_TER_QUOTE_SIGNATURE:
        return "the TPM signs with another key than the one of tpm.ak's area";
    default:
        return "gives no quote";
    }
}

/* One quote before anything starts: a node that cannot attest says so now, not to its peers. */
static hkp_status probe(struct hkp_mesh_runner *r, uint32_t mask, struct hkp_mesh_fault *fault) {
    struct hkp_mesh__quoting *q = &r->quoting;
    struct hkp_ter_tpm_result result = {0};
    struct hkp_ter_quote parts;
    struct hkp_ter_quote_verifier v = {
        .area = q->area, .area_len = q->area_len, .n_pcr_digests = 1, .pcr_mask = mask};
    const struct hkp_ter_tpm_job job = {.struct_size = sizeof job,
                                        .op = HKP_TER_TPM_QUOTE,
                                        .pcr_mask = mask,
                                        .blob = q->blob,
                                        .blob_len = q->blob_len,
                                        .data = v.extra,
                                        .data_len = sizeof v.extra};
    hkp_status st = hkp_ter_tpm_run(r->tpm, &job, &result);
    if (st == HKP_OK) st = hkp_ter_quote_parse(&parts, result.bytes, result.len);
    if (st == HKP_OK) {
        v.pcr_digests = parts.pcr_digest;
        hkp_ter_area_name(q->area, q->area_len, v.ak_name);
        st = hkp_ter_quote_verify(&v, result.bytes, result.len, NULL);
    }
    return st == HKP_OK ? HKP_OK : hkp_mesh__fault(fault, st, "tpm", why_no_quote(st), UINT64_MAX);
}

hkp_status hkp_mesh__tpm_ak(struct hkp_mesh_runner *r, const struct hkp_mesh_runner_options *opt,
                            struct hkp_mesh_fault *fault) {
    struct hkp_mesh__quoting *q = &r->quoting;
    const struct hkp_mesh_attest_policy *p = opt->attest_policy;
    char area[HKP_MESH__PATH_MAX];
    const int demanded = opt->attest == HKP_DSM_EVIDENCE_TPM;
    if (demanded && (opt->tpm == NULL || opt->ak == NULL))
        return hkp_mesh__fault(fault, HKP_E_INVAL, "attest",
                               "tpm wants tpm.tcti and tpm.ak: this node has to attest itself", UINT64_MAX);
    if (demanded && (p == NULL || p->pcr_mask == 0 || p->n_pcr_digests == 0))
        return hkp_mesh__fault(fault, HKP_E_INVAL, "attest",
                               "tpm wants a policy: PCRs, and digests of their values", UINT64_MAX);
    if (opt->ak == NULL) return HKP_OK;
    if (r->tpm == NULL) return hkp_mesh__fault(fault, HKP_E_INVAL, "tpm.ak", "wants tpm.tcti", UINT64_MAX);
    if (snprintf(area, sizeof area, "%s.area", opt->ak) >= (int)sizeof area)
        return hkp_mesh__fault(fault, HKP_E_INVAL, "tpm.ak", "path is too long", UINT64_MAX);
    hkp_status st = read_file(opt->ak, q->blob, sizeof q->blob, &q->blob_len, fault);
    if (st == HKP_OK) st = read_file(area, q->area, sizeof q->area, &q->area_len, fault);
    if (st == HKP_OK) st = check_certificate(r, fault);
    const uint32_t mask = p != NULL && p->pcr_mask != 0 ? p->pcr_mask : HKP_TER_PCR_MASK_SEAL;
    return st == HKP_OK ? probe(r, mask, fault) : st;
}

/* ---- Quotes ---- */

int hkp_mesh__tpm_fd(const struct hkp_mesh_runner *r) {
    return r->quoting.ticket != 0 ? hkp_ter_tpm_fd(r->tpm) : -1;
}

static void done(struct hkp_mesh_runner *r, hkp_status st, const uint8_t *quote, size_t len) {
    struct hkp_mesh__quoting *q = &r->quoting;
    const uint64_t ticket = q->ticket;
    q->ticket = 0;
    if (st != HKP_OK) hkp_mesh__say(r, HKP_MESH_LOG_NOTE, "tpm: no quote: %s", why_no_quote(st));
    st = hkp_mesh_quoted(r->node, hkp_mesh__mono(), hkp_mesh__wall(), ticket, st, q->values, q->n_values,
                         quote, len);
    if (st != HKP_OK) hkp_mesh__say(r, HKP_MESH_LOG_NOTE, "tpm: what it gives is no quote of these PCRs");
}

static void submit(struct hkp_mesh_runner *r, uint32_t op) {
    const struct hkp_mesh__quoting *q = &r->quoting;
    const struct hkp_ter_tpm_job job = {.struct_size = sizeof job,
                                        .op = op,
                                        .pcr_mask = q->mask,
                                        .blob = q->blob,
                                        .blob_len = op == HKP_TER_TPM_QUOTE ? q->blob_len : 0,
                                        .data = q->extra,
                                        .data_len = op == HKP_TER_TPM_QUOTE ? sizeof q->extra : 0};
    const hkp_status st = hkp_ter_tpm_submit(r->tpm, &job, NULL);
    if (st != HKP_OK) done(r, st, NULL, 0);
}

void hkp_mesh__tpm_quote(struct hkp_mesh_runner *r, const struct hkp_mesh_event *ev) {
    struct hkp_mesh__quoting *q = &r->quoting;
    q->ticket = ev->ticket;
    q->mask = (uint32_t)ev->number;
    q->n_values = 0;
    memcpy(q->extra, ev->data, sizeof q->extra);
    submit(r, HKP_TER_TPM_PCR_READ);
}

/* The values first, then the quote: the node compares them. */
void hkp_mesh__tpm_step(struct hkp_mesh_runner *r) {
    struct hkp_mesh__quoting *q = &r->quoting;
    struct hkp_ter_tpm_result result;
    while (q->ticket != 0 && hkp_ter_tpm_collect(r->tpm, &result) == HKP_OK) {
        if (result.status != HKP_OK) {
            done(r, result.status, NULL, 0);
        } else if (result.op == HKP_TER_TPM_QUOTE) {
            done(r, HKP_OK, result.bytes, result.len);
        } else if (result.len <= sizeof q->values) {
            memcpy(q->values, result.bytes, result.len);
            q->n_values = result.len / 32;
            submit(r, HKP_TER_TPM_QUOTE);
        }
    }
}
