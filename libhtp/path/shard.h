/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Several endpoints of one node on one port: tokens say which one a packet is for (HTP-9.1, decision 0342).
 */
#ifndef HKP_LIBHTP_SHARD_H
#define HKP_LIBHTP_SHARD_H

#include <hookprobe/htp.h>

enum {
    /** byte of a HELLO that decides: the first of E_e, the same in all its copies */
    HKP_HTP__SHARD_HELLO_AT = 120
};

/** The token, changed so that it leads to shard index of count. */
uint64_t hkp_htp__shard_token(uint64_t token, uint32_t index, uint32_t count);

#endif
