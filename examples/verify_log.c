/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Verifies the log of another device: its folder, an exported part of it, or one segment.
 *
 *     cc verify_log.c $(pkg-config --cflags --libs hookprobe-ter) -o verify_log
 *     ./verify_log PATH NODE_ID KEY [CHECKPOINT]         NODE_ID and KEY in hex; CHECKPOINT: file of 256
 * bytes
 *
 * Exit 0: the device wrote all of it. 1: it did not, or somebody changed it since. 2: it could not be read.
 */
#include <hookprobe/ter.h>

#include <stdio.h>
#include <string.h>

static int unhex(const char *text, uint8_t *out, size_t len) {
    unsigned byte;
    if (strlen(text) != 2 * len) return 0;
    for (size_t i = 0; i < len; i++, text += 2) {
        if (sscanf(text, "%2x", &byte) != 1) return 0;
        out[i] = (uint8_t)byte;
    }
    return 1;
}

static int usage(void) {
    fputs("usage: verify_log PATH NODE_ID KEY [CHECKPOINT]\n", stderr);
    return 2;
}

int main(int argc, char **argv) {
    uint8_t held[HKP_TER_TCK_SIZE];
    size_t held_len = 0;
    struct hkp_ter_verify_options opt;
    struct hkp_ter_verdict v = {.struct_size = sizeof v};
    struct hkp_ter_diag diag;

    hkp_ter_verify_options_init(&opt, sizeof opt);
    if (argc < 4 || !unhex(argv[2], opt.node_id, 16) || !unhex(argv[3], opt.device_public, 32))
        return usage();
    if (argc > 4) { /* what the device once showed us, or a peer: nothing before it may be missing */
        if (hkp_ter_file_read(argv[4], 0, held, sizeof held, &held_len) != HKP_OK || held_len != sizeof held)
            return usage();
        opt.held = held;
    }

    memset(&diag, 0, sizeof diag);
    hkp_status st = hkp_ter_verify_path(argv[1], &opt, &v, &diag);
    if (st == HKP_OK) {
        printf("%s: TERs %llu..%llu, signed below %llu, %llu checkpoints\n", hkp_ter_verdict_name(v.kind),
               (unsigned long long)v.first_index, (unsigned long long)v.end_index - 1,
               (unsigned long long)v.signed_index, (unsigned long long)v.checkpoints);
        return 0;
    }
    if (st == HKP_E_TER_LOG_CORRUPT || st == HKP_E_TER_LOG_NODE) {
        printf("%s at byte %llu of segment %llu, TER %llu: %s\n", hkp_ter_verdict_name(v.kind),
               (unsigned long long)v.offset, (unsigned long long)v.segment, (unsigned long long)v.index,
               v.reason);
        return 1;
    }
    fprintf(stderr, "%s: %s (%s)\n", diag.path, diag.reason, hkp_ter_status_name(st));
    return 2;
}
