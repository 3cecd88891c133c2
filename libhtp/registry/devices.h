/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A set of devices: a list in the order of enrolment, and a table over it. */
#ifndef HKP_LIBHTP_DEVICES_H
#define HKP_LIBHTP_DEVICES_H

#include <hookprobe/htp/registry.h>

enum { HKP_HTP__DEVICES_MAX = 1000000 };

struct hkp_htp_devices {
    struct hkp_htp_devices_options opt;
    struct hkp_htp_device *list;
    uint32_t n, cap;
    /** index + 1 into list, 0: free; open addressing, at most half full */
    uint32_t *table;
    uint32_t mask;
};

/** HKP_E_INVAL if a member is out of range. */
hkp_status hkp_htp__device_check(const struct hkp_htp_device *d);
/** Releases list and table. */
void hkp_htp__devices_clear(struct hkp_htp_devices *set);
/** Adds a device that was checked: HKP_OK, HKP_E_STATE, _LIMIT, _NOMEM. */
hkp_status hkp_htp__devices_put(struct hkp_htp_devices *set, const struct hkp_htp_device *d);

#endif
