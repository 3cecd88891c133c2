/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A library without trace and key log (-Dtrace=disabled). */
#include <hookprobe/htp/trace.h>

hkp_status hkp_htp_trace_set(hkp_htp_endpoint *ep, const struct hkp_htp_trace *trace, hkp_time now,
                             uint64_t wall_us) {
    (void)ep, (void)trace, (void)now, (void)wall_us;
    return HKP_E_UNSUPPORTED;
}
