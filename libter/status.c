/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Names and classes of the results of base.h and of this library (NZ1 23). */
#include <hookprobe/ter.h>

const char *hkp_ter_status_name(hkp_status status) {
#define NAME(code)                                                                                           \
    case HKP_##code:                                                                                         \
        return #code
    switch (status) {
        NAME(OK);
        NAME(E_INVAL);
        NAME(E_NOMEM);
        NAME(E_NOSPC);
        NAME(E_STATE);
        NAME(E_TOOBIG);
        NAME(E_LIMIT);
        NAME(E_CALLBACK);
        NAME(E_NOTFOUND);
        NAME(E_IO);
        NAME(E_UNSUPPORTED);
        NAME(E_TER_LENGTH);
        NAME(E_TER_TIME_RANGE);
        NAME(E_TER_ENTROPY_ZERO);
        NAME(E_TER_REPLAY);
        NAME(E_TER_GAP);
        NAME(E_TER_CRC);
        NAME(E_TER_TIME_ORDER);
        NAME(E_TER_ENTROPY_REPEAT);
        NAME(E_TER_HCHAIN);
        NAME(E_TER_EMPTY);
        NAME(E_TER_INDEX);
        NAME(E_TER_DUPLICATE);
        NAME(E_TER_SOURCE);
        NAME(E_TER_TCK_LENGTH);
        NAME(E_TER_TCK_MAGIC);
        NAME(E_TER_TCK_VERSION);
        NAME(E_TER_TCK_FLAGS);
        NAME(E_TER_TCK_RESERVED);
        NAME(E_TER_TCK_NODE);
        NAME(E_TER_TCK_SIGNATURE);
        NAME(E_TER_TCK_INDEX);
        NAME(E_TER_TCK_PREV);
        NAME(E_TER_TCK_HCHAIN);
        NAME(E_TER_TCK_TIME);
        NAME(E_TER_TCK_INTEGRITY);
        NAME(E_TER_TCK_POLICY);
        NAME(E_TER_LOG_HEADER);
        NAME(E_TER_LOG_NODE);
        NAME(E_TER_LOG_ORDER);
        NAME(E_TER_LOG_CORRUPT);
        NAME(E_TER_LOG_ROLLBACK);
        NAME(E_TER_LOG_FULL);
        NAME(E_TER_LOG_IO);
        NAME(E_TER_LOG_TORN);
        NAME(E_TER_MAN_LENGTH);
        NAME(E_TER_MAN_MAGIC);
        NAME(E_TER_MAN_VERSION);
        NAME(E_TER_MAN_RESERVED);
        NAME(E_TER_MAN_NODE);
        NAME(E_TER_MAN_SIGNER);
        NAME(E_TER_MAN_SIGNATURE);
        NAME(E_TER_MAN_ITEM);
        NAME(E_TER_MAN_ALLOW);
        NAME(E_TER_MAN_SELF);
        NAME(E_TER_TPM_ABSENT);
        NAME(E_TER_TPM_IO);
        NAME(E_TER_TPM_TIMEOUT);
        NAME(E_TER_TPM_REFUSED);
        NAME(E_TER_TPM_POLICY);
        NAME(E_TER_TPM_NV);
        NAME(E_TER_QUOTE_FORM);
        NAME(E_TER_QUOTE_AREA);
        NAME(E_TER_QUOTE_NAME);
        NAME(E_TER_QUOTE_SIGNATURE);
        NAME(E_TER_QUOTE_EXTRA);
        NAME(E_TER_QUOTE_PCR);
        NAME(E_TER_PCA);
        NAME(E_TER_KEY_FORM);
        NAME(E_TER_KEY_ACCESS);
        NAME(E_TER_KEY_PASSPHRASE);
        NAME(E_TER_KEY_TPM);
        NAME(E_TER_PIN_ROLLBACK);
        NAME(E_TER_PIN_FORM);
        NAME(E_TER_EK_FORM);
        NAME(E_TER_EK_KEY);
        NAME(E_TER_EK_CHAIN);
        NAME(E_TER_EK_TIME);
        NAME(E_TER_EK_USE);
        NAME(E_TER_HW_VERSION);
        NAME(E_TER_HW_RECORD);
        NAME(E_TER_HW_WEAK);
        NAME(E_TER_FUZZ_LENGTH);
        NAME(E_TER_FUZZ_RESERVED);
        NAME(E_TER_FUZZ_MAGIC);
        NAME(E_TER_FUZZ_ENTROPY);
        NAME(E_TER_FUZZ_DECODE);
        NAME(E_TER_FUZZ_UNSTABLE);
    default:
        return "E_?";
    }
#undef NAME
}

int32_t hkp_ter_status_class(hkp_status status) {
    switch (status) {
    case HKP_OK:
        return HKP_CLASS_OK;
    case HKP_E_NOMEM:
    case HKP_E_LIMIT:
    case HKP_E_CALLBACK:
    case HKP_E_IO:
    case HKP_E_TER_GAP:
    case HKP_E_TER_TPM_IO:
    case HKP_E_TER_TPM_TIMEOUT:
    case HKP_E_TER_TPM_POLICY:
        return HKP_CLASS_RETRY;
    case HKP_E_TER_INDEX:
    case HKP_E_TER_LOG_HEADER:
    case HKP_E_TER_LOG_NODE:
    case HKP_E_TER_LOG_ORDER:
    case HKP_E_TER_LOG_CORRUPT:
    case HKP_E_TER_LOG_ROLLBACK:
    case HKP_E_TER_LOG_IO:
    case HKP_E_TER_PIN_ROLLBACK:
    case HKP_E_TER_PIN_FORM:
        return HKP_CLASS_DEAD;
    case HKP_E_NOTFOUND:
    case HKP_E_TER_HW_VERSION:
    case HKP_E_TER_HW_RECORD:
    case HKP_E_TER_HW_WEAK:
    case HKP_E_TER_FUZZ_LENGTH:
    case HKP_E_TER_FUZZ_RESERVED:
    case HKP_E_TER_FUZZ_MAGIC:
    case HKP_E_TER_FUZZ_ENTROPY:
    case HKP_E_TER_FUZZ_DECODE:
    case HKP_E_TER_FUZZ_UNSTABLE:
        return HKP_CLASS_IGNORE;
    case HKP_E_TER_EMPTY:
        return HKP_CLASS_BUG;
    default:
        break;
    }
    if (status <= HKP_E_TER_LENGTH && status >= HKP_E_TER_MAN_SELF) return HKP_CLASS_IGNORE;
    if (status <= HKP_E_TER_TPM_ABSENT && status >= HKP_E_TER_TPM_NV) return HKP_CLASS_IGNORE;
    if (status <= HKP_E_TER_KEY_FORM && status >= HKP_E_TER_KEY_TPM) return HKP_CLASS_IGNORE;
    if (status <= HKP_E_TER_EK_FORM && status >= HKP_E_TER_EK_USE) return HKP_CLASS_IGNORE;
    if (status <= HKP_E_TER_QUOTE_FORM && status >= HKP_E_TER_PCA) return HKP_CLASS_IGNORE;
    return HKP_CLASS_BUG;
}
