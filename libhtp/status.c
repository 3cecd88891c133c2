/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Names and classes of results and reasons (HTP-15). */
#include <hookprobe/htp.h>

static const char *const names[64] = {
    [1] = "HKP_E_HTP_SHORT",        [2] = "HKP_E_HTP_VERSION",
    [3] = "HKP_E_HTP_TYPE",         [4] = "HKP_E_HTP_FLAGS",
    [5] = "HKP_E_HTP_LENGTH",       [6] = "HKP_E_HTP_TOKEN",
    [7] = "HKP_E_HTP_RDV",          [8] = "HKP_E_HTP_COOKIE",
    [9] = "HKP_E_HTP_FIELD",        [10] = "HKP_E_HTP_DH",
    [11] = "HKP_E_HTP_AUTH",        [12] = "HKP_E_HTP_REPLAY",
    [13] = "HKP_E_HTP_EPOCH",       [14] = "HKP_E_HTP_STATE",
    [15] = "HKP_E_HTP_LIMIT",       [16] = "HKP_E_HTP_INNER",
    [17] = "HKP_E_HTP_SIG",         [18] = "HKP_E_HTP_IDENTITY",
    [19] = "HKP_E_HTP_WCOMMIT",     [20] = "HKP_E_HTP_POSF",
    [21] = "HKP_E_HTP_RDV_NEURAL",  [22] = "HKP_E_HTP_DOWNGRADE",
    [23] = "HKP_E_HTP_REJECTED",    [24] = "HKP_E_HTP_TIMEOUT",
    [25] = "HKP_E_HTP_ATTESTATION", [26] = "HKP_E_HTP_CLOCK",
    [27] = "HKP_E_HTP_POLICY",      [32] = "HKP_E_HTP_FRAME",
    [33] = "HKP_E_HTP_FRAME_TYPE",  [34] = "HKP_E_HTP_ACK",
    [35] = "HKP_E_HTP_CREDIT",      [36] = "HKP_E_HTP_STREAM",
    [37] = "HKP_E_HTP_MESSAGE",     [38] = "HKP_E_HTP_RES_MISSING",
    [39] = "HKP_E_HTP_RESONANCE",   [40] = "HKP_E_HTP_REKEY",
    [41] = "HKP_E_HTP_KEY_LIMIT",   [42] = "HKP_E_HTP_INTEGRITY_LIMIT",
    [43] = "HKP_E_HTP_INTERNAL",    [48] = "HKP_E_HTP_IDLE",
    [49] = "HKP_E_HTP_RESET",       [50] = "HKP_E_HTP_CLOSED",
};

static const char *const reasons[HKP_HTP_REASON_APPLICATION] = {
    [HKP_HTP_REASON_REFUSED] = "REFUSED",
    [HKP_HTP_REASON_VERSION] = "VERSION",
    [HKP_HTP_REASON_SUITE] = "SUITE",
    [HKP_HTP_REASON_IDENTITY] = "IDENTITY",
    [HKP_HTP_REASON_POLICY] = "POLICY",
    [HKP_HTP_REASON_ATTESTATION] = "ATTESTATION",
    [HKP_HTP_REASON_RESONANCE_LOST] = "RESONANCE_LOST",
    [HKP_HTP_REASON_RESONANCE_STALE] = "RESONANCE_STALE",
    [HKP_HTP_REASON_OVERLOAD] = "OVERLOAD",
    [HKP_HTP_REASON_CLOCK] = "CLOCK",
    [HKP_HTP_REASON_DONE] = "DONE",
    [HKP_HTP_REASON_SLEEP] = "SLEEP",
    [HKP_HTP_REASON_TRUST] = "TRUST",
    [HKP_HTP_REASON_REPLACED] = "REPLACED",
    [HKP_HTP_REASON_SHUTDOWN] = "SHUTDOWN",
    [HKP_HTP_REASON_FRAME] = "FRAME",
    [HKP_HTP_REASON_FRAME_TYPE] = "FRAME_TYPE",
    [HKP_HTP_REASON_ACK] = "ACK",
    [HKP_HTP_REASON_CREDIT] = "CREDIT",
    [HKP_HTP_REASON_STREAM] = "STREAM",
    [HKP_HTP_REASON_MESSAGE] = "MESSAGE",
    [HKP_HTP_REASON_RES_MISSING] = "RES_MISSING",
    [HKP_HTP_REASON_RESONANCE] = "RESONANCE",
    [HKP_HTP_REASON_REKEY] = "REKEY",
    [HKP_HTP_REASON_KEY_LIMIT] = "KEY_LIMIT",
    [HKP_HTP_REASON_INTEGRITY_LIMIT] = "INTEGRITY_LIMIT",
    [HKP_HTP_REASON_INTERNAL] = "INTERNAL",
};

static const char *const base_names[] = {
    "HKP_OK",      "HKP_E_INVAL",    "HKP_E_NOMEM",    "HKP_E_NOSPC", "HKP_E_STATE",      "HKP_E_TOOBIG",
    "HKP_E_LIMIT", "HKP_E_CALLBACK", "HKP_E_NOTFOUND", "HKP_E_IO",    "HKP_E_UNSUPPORTED"};

static int number_of(hkp_status status) {
    return status <= HKP_E_HTP_BASE && status > HKP_E_HTP_BASE - 64 ? HKP_E_HTP_BASE - status : -1;
}

const char *hkp_htp_status_name(hkp_status status) {
    const int n = number_of(status);
    if (n >= 0 && names[n] != NULL) return names[n];
    if (status <= 0 && status >= HKP_E_UNSUPPORTED) return base_names[-status];
    return "unknown";
}

uint32_t hkp_htp_status_class(hkp_status status) {
    const int n = number_of(status);
    if (status == HKP_OK) return HKP_CLASS_OK;
    if (n >= 0 && names[n] != NULL) return n <= 15 ? HKP_CLASS_IGNORE : HKP_CLASS_DEAD;
    if (status == HKP_E_NOMEM || status == HKP_E_LIMIT || status == HKP_E_CALLBACK || status == HKP_E_IO)
        return HKP_CLASS_RETRY;
    return HKP_CLASS_BUG;
}

const char *hkp_htp_reason_name(uint16_t reason) {
    if (reason >= HKP_HTP_REASON_APPLICATION) return "APPLICATION";
    return reasons[reason] != NULL ? reasons[reason] : "UNKNOWN";
}

static uint32_t kind_of_reason(uint16_t reason) {
    switch (reason) {
    case HKP_HTP_REASON_DONE:
        return HKP_HTP_KIND_NONE;
    case HKP_HTP_REASON_REFUSED:
    case HKP_HTP_REASON_IDENTITY:
    case HKP_HTP_REASON_POLICY:
    case HKP_HTP_REASON_ATTESTATION:
    case HKP_HTP_REASON_INTEGRITY_LIMIT:
        return HKP_HTP_KIND_AUTHENTICATION;
    case HKP_HTP_REASON_RESONANCE_LOST:
    case HKP_HTP_REASON_RESONANCE_STALE:
    case HKP_HTP_REASON_CLOCK:
    case HKP_HTP_REASON_TRUST:
    case HKP_HTP_REASON_RES_MISSING:
    case HKP_HTP_REASON_RESONANCE:
        return HKP_HTP_KIND_RESONANCE;
    case HKP_HTP_REASON_SLEEP:
    case HKP_HTP_REASON_REPLACED:
    case HKP_HTP_REASON_SHUTDOWN:
    case HKP_HTP_REASON_KEY_LIMIT:
        return HKP_HTP_KIND_EXPIRED;
    default:
        return HKP_HTP_KIND_ERROR;
    }
}

uint32_t hkp_htp_kind(hkp_status result, uint16_t reason) {
    const int n = number_of(result);
    if (result == HKP_OK) return HKP_HTP_KIND_NONE;
    if (n == 23 || n == 50 || (n >= 32 && n <= 43)) return kind_of_reason(reason);
    if (n == 48 || n == 49) return HKP_HTP_KIND_EXPIRED;
    if (n == 17 || n == 18 || n == 22) return HKP_HTP_KIND_AUTHENTICATION;
    if ((n >= 19 && n <= 21) || n == 26) return HKP_HTP_KIND_RESONANCE;
    return HKP_HTP_KIND_ERROR;
}
