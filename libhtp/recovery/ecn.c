/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "libhtp/recovery/ecn.h"

/* Counts are mod 2^32, so only their growth is compared. */
int hkp_htp__ecn_on_ack(struct hkp_htp__ecn *e, const struct hkp_htp__frame *ack, uint32_t newly) {
    if (e->state == HKP_HTP__ECN_FAILED) return 0;
    if (!ack->ack.ecn) {
        if (newly > 0) e->state = HKP_HTP__ECN_FAILED; /* not told, or bleached on the way */
        return 0;
    }
    uint32_t more_ect0 = ack->ack.ect0 - e->ect0, more_ce = ack->ack.ce - e->ce;
    int shrank = (more_ect0 | more_ce) >> 31 != 0;
    int bleached = (uint64_t)more_ect0 + more_ce < newly;
    int invented = ack->ack.ect0 + ack->ack.ce - e->marked - 1 < 0x80000000U;
    if (shrank || bleached || invented) {
        e->state = HKP_HTP__ECN_FAILED;
        return 0;
    }
    e->ect0 = ack->ack.ect0;
    e->ce = ack->ack.ce;
    if (newly > 0) e->state = HKP_HTP__ECN_CAPABLE;
    return e->state == HKP_HTP__ECN_CAPABLE && more_ce > 0;
}
