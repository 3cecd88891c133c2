/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* TERs of this machine now. */
#include "ter_log.h"

#include <hookprobe/ter.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void cli_ter_print(const uint8_t ter[64], uint64_t index, int json) {
    struct hkp_ter_record r;
    char when[32], entropy[65], integrity[41], all[129];
    if (hkp_ter_record_decode(&r, ter, HKP_TER_SIZE) != HKP_OK) return;
    cli_time_text(r.timestamp_us, when);
    cli_ter_hex(r.h_entropy, 32, entropy);
    cli_ter_hex(r.h_integrity, 20, integrity);
    cli_ter_hex(ter, 64, all);
    if (json)
        cli_print_json(json_pack("{s:I,s:s,s:I,s:i,s:i,s:s,s:s,s:s}", "index", (json_int_t)index, "time",
                                 when, "timestamp_us", (json_int_t)r.timestamp_us, "sequence",
                                 (int)r.sequence, "chain_crc", (int)r.chain_crc, "entropy", entropy,
                                 "integrity", integrity, "ter", all),
                       0);
    else
        printf("%8llu  %s  crc %04x  integrity %.16s  entropy %.16s\n", (unsigned long long)index, when,
               r.chain_crc, integrity, entropy);
}

/* ---- capture ---- */

static int capture_all(hkp_ter_capture *c, uint64_t count, uint64_t interval_ms, int json) {
    static const uint8_t nobody[32];
    uint8_t ter[HKP_TER_SIZE];
    struct hkp_ter_cursor cursor;
    hkp_ter_cursor_init(&cursor, nobody, nobody);
    for (uint64_t i = 0; i < count;) {
        uint32_t flags = 0;
        const hkp_status st = hkp_ter_capture_next(c, cli_mono(), &cursor, nobody, ter, &flags);
        const struct timespec pause = {.tv_sec = (time_t)(interval_ms / 1000),
                                       .tv_nsec = (long)(interval_ms % 1000) * 1000000};
        if (st == HKP_E_STATE)
            return cli_fail(CLI_SYSTEM,
                            "the kernel's clock is not synchronised; --trust-clock vouches for it");
        if (st != HKP_OK) return cli_fail(CLI_SYSTEM, "no TER: %s", cli_status_name(st));
        const hkp_status accepted = hkp_ter_cursor_accept(&cursor, ter, sizeof ter, NULL);
        if (accepted != HKP_OK)
            return cli_fail(CLI_SYSTEM, "the TER breaks its own chain: %s", cli_status_name(accepted));
        cli_ter_print(ter, cursor.index - 1, json);
        fflush(stdout);
        if (++i < count && interval_ms > 0) nanosleep(&pause, NULL);
    }
    return CLI_OK;
}

static int capture(int argc, char **argv) {
    static const struct option own[] = {{"count", required_argument, NULL, 'n'},
                                        {"interval", required_argument, NULL, 'i'},
                                        {"trust-clock", no_argument, NULL, 't'},
                                        {NULL, 0, NULL, 0}};
    uint64_t count = 1, interval_ms = 1000;
    int json = 0, got;
    struct hkp_ter_capture_options o;
    hkp_ter_capture_options_init(&o, sizeof o);
    while ((got = cli_option(&cli_ter_capture, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'n' && cli_number(optarg, 1, UINT32_MAX, &count) != 0)
            return cli_fail(CLI_USAGE, "--count: a number from 1 on");
        if (got == 'i' && cli_number(optarg, 0, 3600000, &interval_ms) != 0)
            return cli_fail(CLI_USAGE, "--interval: milliseconds, 0..3600000");
        if (got == 't') o.clock_trusted = 1;
        if (got == 'j') json = 1;
    }
    if (optind != argc) return cli_fail(CLI_USAGE, "ter capture wants no argument: %s", argv[optind]);
    hkp_ter_capture *c = NULL;
    const hkp_status st = hkp_ter_capture_new(&c, &o, cli_mono());
    if (st != HKP_OK) return cli_fail(CLI_SYSTEM, "cannot capture: %s", cli_status_name(st));
    const int code = capture_all(c, count, interval_ms, json);
    hkp_ter_capture_free(c);
    return code;
}

const struct cli_command cli_ter_capture = {
    .name = "ter capture",
    .summary = "capture TERs of this machine",
    .help = "usage: hookprobe ter capture [--count N] [--interval MS] [--trust-clock] [--json]\n\n"
            "Captures from the live /proc and prints each TER. They belong to no node: integrity is zero.\n\n"
            "  --count N      how many; default 1\n"
            "  --interval MS  milliseconds between two; default 1000\n"
            "  --trust-clock  vouch for the clock where the kernel does not, as in a container\n"
            "  --json         one JSON object a line\n",
    .run = capture,
};
