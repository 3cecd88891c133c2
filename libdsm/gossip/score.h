/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* How much a neighbour may send, and what it is worth (D-GSP-15 to D-GSP-17). */
#ifndef HKP_LIBDSM_SCORE_H
#define HKP_LIBDSM_SCORE_H

#include <hookprobe/base.h>

/* What is rationed: messages of the lanes 0 to 3, bytes of lane 4, and some ops beside. */
enum {
    HKP_DSM__RATE_LANE4 = 4,
    HKP_DSM__RATE_MEMBERSHIP = 5,
    HKP_DSM__RATE_WANT = 6,
    HKP_DSM__RATE_DIGEST = 7,
    /** questions whose answers are long, and the bytes of those answers */
    HKP_DSM__RATE_QUESTION = 8,
    HKP_DSM__RATE_ANSWER = 9,
    /** probes that others ask for */
    HKP_DSM__RATE_PING_REQ = 10,
    HKP_DSM__RATES = 11
};

/* What happened, in points (D-GSP-16). */
enum {
    HKP_DSM__SCORE_DELIVERED = 1,
    HKP_DSM__SCORE_FALSE = -100,
    HKP_DSM__SCORE_OVERRUN = -10,
    HKP_DSM__SCORE_SILENT = -5,
    HKP_DSM__SCORE_COPY = -1,
    HKP_DSM__SCORE_CROWD = -50,
    HKP_DSM__SCORE_PRAISE_MAX = 50,
    /** below: no graft; nothing of lanes 3 and 4; not wanted here (D-GSP-17) */
    HKP_DSM__SCORE_NO_GRAFT = 0,
    HKP_DSM__SCORE_NO_LANES = -50,
    HKP_DSM__SCORE_OUT = -200,
    /** PRUNE said again to one who goes on, in a row, that cost nothing */
    HKP_DSM__UNHEARD_FREE = 2
};

struct hkp_dsm__score {
    int32_t score;
    /** of it, what was given for deliveries */
    int32_t praise;
    hkp_time minute;
    struct {
        /** thousandths */
        uint64_t tokens;
        hkp_time at;
    } rate[HKP_DSM__RATES];
};

void hkp_dsm__score_init(struct hkp_dsm__score *s, hkp_time now);
/** Takes amount from a ration; 0: it is used up, nothing was taken. member: of V_e, some rations are larger.
 */
int hkp_dsm__score_take(struct hkp_dsm__score *s, hkp_time now, uint32_t rate, uint32_t amount, int member);
/** The same for what is sent: an eighth less than what the other side allows, so that no delay makes it too
 * much. */
int hkp_dsm__score_pace(struct hkp_dsm__score *s, hkp_time now, uint32_t rate, uint32_t amount, int member);
/** When so much may be sent, if nothing else is until then. */
hkp_time hkp_dsm__score_pace_at(const struct hkp_dsm__score *s, uint32_t rate, uint32_t amount, int member);
/** Adds points and returns the score after them. */
int32_t hkp_dsm__score_add(struct hkp_dsm__score *s, hkp_time now, int32_t points);
int32_t hkp_dsm__score_now(struct hkp_dsm__score *s, hkp_time now);

enum { HKP_DSM__GREY_MAX = 4096 };

/** Nodes that were sent away. The oldest entry makes room. */
struct hkp_dsm__grey {
    struct hkp_dsm__grey_entry {
        uint8_t node_id[16];
        hkp_time until;
        /** times in a row, 0: free */
        uint32_t times;
    } * entries;
    uint32_t cap;
};

/** Sends a node away for 10 minutes, twice as long each time, 24 hours at most; returns until when. */
hkp_time hkp_dsm__grey_add(struct hkp_dsm__grey *g, hkp_time now, const uint8_t node_id[16]);
/** 1 while it is not to come back. A node that stayed away for a day counts as new. */
int hkp_dsm__grey_has(const struct hkp_dsm__grey *g, hkp_time now, const uint8_t node_id[16]);

#endif
