/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Names and classes of results (D 14). */
#include <hookprobe/dsm.h>
#include <hookprobe/ter.h>

/* By code of section 14; codes 15 to 19 are not given out. */
static const char *const NAMES[] = {
    [1] = "E_DSM_CBOR_TRUNCATED",
    [2] = "E_DSM_CBOR_RESERVED",
    [3] = "E_DSM_CBOR_INDEFINITE",
    [4] = "E_DSM_CBOR_TAG",
    [5] = "E_DSM_CBOR_FLOAT",
    [6] = "E_DSM_CBOR_SIMPLE",
    [7] = "E_DSM_CBOR_NONMINIMAL",
    [8] = "E_DSM_CBOR_RANGE",
    [9] = "E_DSM_CBOR_UTF8",
    [10] = "E_DSM_CBOR_DEPTH",
    [11] = "E_DSM_CBOR_KEY_TYPE",
    [12] = "E_DSM_CBOR_KEY_DUP",
    [13] = "E_DSM_CBOR_KEY_ORDER",
    [14] = "E_DSM_CBOR_TRAILING",
    [20] = "E_DSM_SCHEMA",
    [21] = "E_DSM_VERSION",
    [22] = "E_DSM_KIND",
    [23] = "E_DSM_TOO_BIG",
    [24] = "E_DSM_SIGNER",
    [25] = "E_DSM_SIG",
    [26] = "E_DSM_SIG_ORDER",
    [27] = "E_DSM_SIG_COUNT",
    [28] = "E_DSM_QUORUM",
    [29] = "E_DSM_CA_VERSION",
    [30] = "E_DSM_NODE_ID",
    [31] = "E_DSM_VALIDITY",
    [32] = "E_DSM_NOT_YET",
    [33] = "E_DSM_EXPIRED",
    [34] = "E_DSM_REVOKED",
    [35] = "E_DSM_STALE",
    [36] = "E_DSM_NEURO",
    [37] = "E_DSM_PAYLOAD",
    [38] = "E_DSM_PREV",
    [39] = "E_DSM_GAP",
    [40] = "E_DSM_OLD",
    [41] = "E_DSM_DUPLICATE",
    [42] = "E_DSM_FORK",
    [43] = "E_DSM_TIME",
    [44] = "E_DSM_TIME_AHEAD",
    [45] = "E_DSM_PROOF",
    [46] = "E_DSM_VIEW",
    [47] = "E_DSM_SCHEME",
    [48] = "E_DSM_EPOCH",
    [49] = "E_DSM_BITMAP",
    [50] = "E_DSM_EVIDENCE",
    [51] = "E_DSM_ATTEST",
    [52] = "E_DSM_WAL_CORRUPT",
    [53] = "E_DSM_HOST",
    [54] = "E_DSM_OP",
    [55] = "E_DSM_LANE",
    [56] = "E_DSM_ROLE",
    [57] = "E_DSM_TARGET",
    [58] = "E_DSM_ORDER",
    [59] = "E_DSM_RATE",
};

enum { N_NAMES = sizeof NAMES / sizeof NAMES[0] };

/* Code of section 14, 0 if the result is none of this library. */
static int32_t code_of(hkp_status status) {
    if (status >= HKP_E_DSM_BASE || status <= HKP_E_DSM_BASE - N_NAMES) return 0;
    const int32_t code = HKP_E_DSM_BASE - status;
    return NAMES[code] != NULL ? code : 0;
}

const char *hkp_dsm_status_name(hkp_status status) {
    const int32_t code = code_of(status);
    return code != 0 ? NAMES[code] : hkp_ter_status_name(status);
}

int32_t hkp_dsm_status_class(hkp_status status) {
    switch (status) {
    case HKP_E_DSM_GAP:
    case HKP_E_DSM_TIME_AHEAD:
    case HKP_E_DSM_CA_VERSION:
    case HKP_E_DSM_STALE:
    case HKP_E_DSM_SIGNER:
    case HKP_E_DSM_ORDER:
        return HKP_CLASS_RETRY;
    case HKP_E_DSM_WAL_CORRUPT:
    case HKP_E_DSM_HOST:
        return HKP_CLASS_DEAD;
    default:
        return code_of(status) != 0 ? HKP_CLASS_IGNORE : hkp_ter_status_class(status);
    }
}
