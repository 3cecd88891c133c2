/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Names and classes of the results of this library (NZ1 23, SYN-10); lower ones are passed down. */
#include <hookprobe/neuro.h>
#include <hookprobe/ter.h>

const char *hkp_neuro_status_name(hkp_status status) {
#define NAME(code)                                                                                           \
    case HKP_##code:                                                                                         \
        return #code
    switch (status) {
        NAME(E_NEURO_TIME);
        NAME(E_NEURO_STEP);
        NAME(E_NEURO_LENGTH);
        NAME(E_NEURO_MAGIC);
        NAME(E_NEURO_VERSION);
        NAME(E_NEURO_FLAGS);
        NAME(E_NEURO_COUNT);
        NAME(E_NEURO_WEIGHT);
        NAME(E_NEURO_STATE);
        NAME(E_NEURO_RBA_FORMAT);
        NAME(E_NEURO_RBA_NODE);
        NAME(E_NEURO_RBA_SIGNER);
        NAME(E_NEURO_RBA_SIGNATURE);
        NAME(E_NEURO_RBA_ROOT);
        NAME(E_NEURO_RBA_VERSION);
        NAME(E_NEURO_RBA_EXPIRED);
        NAME(E_NEURO_REPLAY_BASE);
        NAME(E_NEURO_REPLAY_TER);
        NAME(E_NEURO_REPLAY_REBASE);
        NAME(E_NEURO_REPLAY_SHORT);
        NAME(E_NEURO_REPLAY_HCHAIN);
        NAME(E_NEURO_REPLAY_PROOF);
        NAME(E_NEURO_ENROL_LENGTH);
        NAME(E_NEURO_ENROL_CHAIN);
        NAME(E_NEURO_ENROL_NODE);
        NAME(E_NEURO_ENROL_CERT);
        NAME(E_NEURO_ENROL_STATE);
        NAME(E_NEURO_ENROL_TER);
        NAME(E_NEURO_ENROL_POLICY);
        NAME(E_NEURO_ENROL_TAG);
        NAME(E_NEURO_SYN_LENGTH);
        NAME(E_NEURO_SYN_VERSION);
        NAME(E_NEURO_SYN_RESERVED);
        NAME(E_NEURO_SYN_TYPE);
        NAME(E_NEURO_SYN_COUNT);
        NAME(E_NEURO_SYN_RECORD);
        NAME(E_NEURO_SYN_RANGE);
        NAME(E_NEURO_SYN_ROLE);
        NAME(E_NEURO_SYN_NODE);
        NAME(E_NEURO_SYN_GEN);
        NAME(E_NEURO_SYN_MAC);
        NAME(E_NEURO_SYN_POSF);
        NAME(E_NEURO_SYN_ORDER);
        NAME(E_NEURO_SYN_SIGNER);
        NAME(E_NEURO_SYN_GROUP);
        NAME(E_NEURO_SYN_SIG);
        NAME(E_NEURO_SYN_SUITE);
        NAME(E_NEURO_SYN_CE);
        NAME(E_NEURO_SYN_REPLAY);
        NAME(E_NEURO_SYN_SKIP);
        NAME(E_NEURO_SYN_AUTH);
        NAME(E_NEURO_SYN_MAGIC);
        NAME(E_NEURO_SYN_SHARE);
        NAME(E_NEURO_SYN_SHARE_DUP);
        NAME(E_NEURO_SYN_SHARE_COUNT);
        NAME(E_NEURO_LAB_ARCH);
        NAME(E_NEURO_LAB_ROUNDS);
        NAME(E_NEURO_LAB_LIMIT);
        NAME(E_NEURO_LAB_LENGTH);
        NAME(E_NEURO_LAB_RANGE);
        NAME(E_NEURO_LAB_STATE);
        NAME(E_NEURO_LAB_CANCELLED);
        NAME(E_NEURO_LAB_UNENCODABLE);
        NAME(E_NEURO_LAB_COMMIT);
        NAME(E_NEURO_LAB_ABORT);
        NAME(E_NEURO_LAB_ROUND);
        NAME(E_NEURO_LAB_FILE);
        NAME(E_NEURO_BR_CBOR);
        NAME(E_NEURO_BR_TYPE);
        NAME(E_NEURO_BR_UNMAPPED);
        NAME(E_NEURO_BR_MISSING);
        NAME(E_NEURO_BR_RANGE);
        NAME(E_NEURO_BR_ENUM);
        NAME(E_NEURO_BR_UTF8);
        NAME(E_NEURO_BR_CHARSET);
        NAME(E_NEURO_BR_LIMIT);
        NAME(E_NEURO_BR_SYNTAX);
        NAME(E_NEURO_BR_DEPTH);
        NAME(E_NEURO_BR_DUPLICATE);
        NAME(E_NEURO_BR_NUMBER);
        NAME(E_NEURO_BR_BASE64);
        NAME(E_NEURO_BR_WIRE);
        NAME(E_NEURO_BR_LENGTH);
        NAME(E_NEURO_BR_FILLER);
        NAME(E_NEURO_BR_TABLE);
        NAME(E_NEURO_BR_MAGIC);
        NAME(E_NEURO_BR_SIGNER);
        NAME(E_NEURO_BR_SIG);
        NAME(E_NEURO_BR_REVISION);
        NAME(E_NEURO_HYB_LENGTH);
        NAME(E_NEURO_HYB_VERSION);
        NAME(E_NEURO_HYB_PARAM);
        NAME(E_NEURO_HYB_KEY);
        NAME(E_NEURO_HYB_TABLE);
        NAME(E_NEURO_HYB_POLICY);
        NAME(E_NEURO_HYB_EXPIRED);
        NAME(E_NEURO_HYB_AUTH);
        NAME(E_NEURO_HYB_PADDING);
        NAME(E_NEURO_HYB_REPLAY);
    default:
        return hkp_ter_status_name(status);
    }
#undef NAME
}

int32_t hkp_neuro_status_class(hkp_status status) {
    switch (status) {
    case HKP_E_NEURO_REPLAY_SHORT:
    case HKP_E_NEURO_SYN_GEN:
    case HKP_E_NEURO_SYN_CE:
        return HKP_CLASS_RETRY;
    case HKP_E_NEURO_STEP:
    case HKP_E_NEURO_STATE:
        return HKP_CLASS_DEAD;
    default:
        break;
    }
    if (status <= HKP_E_NEURO_BASE && status > HKP_E_HTP_BASE) return HKP_CLASS_IGNORE;
    return hkp_ter_status_class(status);
}
