/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Capture of a TER from the live system (NZ1 2). Everything is opened and allocated once; a capture itself is
 * reads into one buffer, a hash and a getrandom.
 */
#include "libter/bytes.h"
#include "libter/host/host.h"
#include "libter/options.h"

#include <sodium.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define CLOCK_WAIT_US 600000000ULL
#define CLOCK_HOLD_US 86400000000ULL
#define INDEX_END 0x7FFFFFFFFFFFFFFFULL
enum { AT_TIME = 52, PATH_CAP = 4096, OPTIONS_V0 = 56 };

struct hkp_ter_capture {
    struct hkp_mem mem;
    hkp_time started;
    hkp_time now;
    uint64_t clock_wait_us;
    uint64_t told_us;
    /** the last TER made here: its timestamp and CLOCK_BOOTTIME then; 0: none */
    uint64_t made_us;
    uint64_t made_boottime_us;
    uint32_t clock_trusted;
    uint32_t boot_made;
    int fds[HKP_TER_SOURCES];
    uint8_t boot_id[16];
    uint8_t bytes[HKP_TER_SOURCES][HKP_TER_SOURCE_CAP];
};

void hkp_ter_capture_options_init(struct hkp_ter_capture_options *opt, size_t struct_size) {
    hkp_options_init(opt, struct_size);
}

static void close_sources(struct hkp_ter_capture *c) {
    for (size_t k = 0; k < HKP_TER_SOURCES; k++)
        if (c->fds[k] >= 0) close(c->fds[k]);
}

/* A source that cannot be opened or read counts as unreadable; without any there is nothing to capture. */
static hkp_status open_sources(struct hkp_ter_capture *c, const char *proc_path) {
    static const char *const names[HKP_TER_SOURCES] = {"stat", "meminfo", "net/dev", "diskstats"};
    int opened = 0;
    for (size_t k = 0; k < HKP_TER_SOURCES; k++) {
        char path[PATH_CAP];
        c->fds[k] = -1;
        if (hkp_ter__join(path, sizeof path, proc_path, names[k])) c->fds[k] = hkp_ter__open_read(-1, path);
        opened |= c->fds[k] >= 0;
    }
    return opened ? HKP_OK : HKP_E_TER_SOURCE;
}

hkp_status hkp_ter_capture_new(hkp_ter_capture **out, const struct hkp_ter_capture_options *opt,
                               hkp_time now) {
    struct hkp_ter_capture_options o;
    hkp_status st = hkp_options_import(&o, sizeof o, OPTIONS_V0, opt);
    if (st == HKP_OK) st = hkp_mem_import(&o.mem);
    if (st != HKP_OK) return st;
    if (o.clock_wait_us == 0) o.clock_wait_us = CLOCK_WAIT_US;
    if (o.clock_wait_us > CLOCK_WAIT_US || o.clock_trusted > 1) return HKP_E_INVAL;
    if (o.proc_path == NULL) o.proc_path = "/proc";
    if (o.proc_path[0] != '/') return HKP_E_INVAL;
    struct hkp_ter_capture *c = hkp_mem_alloc(&o.mem, sizeof *c);
    if (c == NULL) return HKP_E_NOMEM;
    c->mem = o.mem;
    c->started = c->now = now;
    c->clock_wait_us = o.clock_wait_us;
    c->clock_trusted = o.clock_trusted;
    st = open_sources(c, o.proc_path);
    if (st == HKP_OK) st = hkp_ter__boot_id(o.proc_path, o.state_path, c->boot_id, &c->boot_made);
    if (st != HKP_OK) {
        hkp_ter_capture_free(c);
        return st;
    }
    *out = c;
    return HKP_OK;
}

void hkp_ter_capture_free(hkp_ter_capture *capture) {
    if (capture == NULL) return;
    struct hkp_mem mem = capture->mem;
    close_sources(capture);
    sodium_memzero(capture, sizeof *capture);
    hkp_mem_free(&mem, capture, sizeof *capture);
}

void hkp_ter_capture_tell_time(hkp_ter_capture *capture, uint64_t wall_us) { capture->told_us = wall_us; }

int32_t hkp_ter_capture_boot_id(const hkp_ter_capture *capture, uint8_t boot_id[16]) {
    memcpy(boot_id, capture->boot_id, 16);
    return (int32_t)capture->boot_made;
}

static uint64_t read_clock_us(clockid_t id) {
    struct timespec ts = {0};
    clock_gettime(id, &ts);
    return ts.tv_sec < 0 ? 0 : (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static uint32_t kernel_clock_is_synchronised(void) {
    struct timex tx = {0};
    int state = adjtimex(&tx);
    return state >= 0 && state != TIME_ERROR;
}

static hkp_status time_of(struct hkp_ter_capture *c, uint64_t prev_us, struct hkp_ter_clock *clock,
                          uint64_t *time_us, uint32_t *flags) {
    uint64_t waited_us = (c->now - c->started) / 1000;
    *clock = (struct hkp_ter_clock){.realtime_us = read_clock_us(CLOCK_REALTIME),
                                    .boottime_us = read_clock_us(CLOCK_BOOTTIME),
                                    .prev_us = prev_us,
                                    .prev_boottime_us = c->made_boottime_us,
                                    .told_us = c->told_us,
                                    .waited_us = waited_us >= c->clock_wait_us ? CLOCK_WAIT_US : waited_us,
                                    .synchronised = c->clock_trusted,
                                    .has_prev_boottime = prev_us > 0 && c->made_us == prev_us};
    /* The kernel is asked only where its answer can matter. */
    int matters =
        prev_us == 0 || (clock->realtime_us > prev_us && clock->realtime_us - prev_us > CLOCK_HOLD_US);
    if (matters && !clock->synchronised) clock->synchronised = kernel_clock_is_synchronised();
    return hkp_ter_clock_decide(clock, time_us, flags);
}

static hkp_status read_entropy(struct hkp_ter_capture *c, uint8_t h_entropy[32]) {
    struct hkp_ter_sources sources = {0};
    struct timespec raw = {0};
    for (size_t k = 0; k < HKP_TER_SOURCES; k++) {
        if (c->fds[k] < 0) continue;
        if (hkp_ter__read_at(c->fds[k], 0, c->bytes[k], HKP_TER_SOURCE_CAP, &sources.len[k]) == 0)
            sources.bytes[k] = c->bytes[k];
    }
    clock_gettime(CLOCK_MONOTONIC_RAW, &raw);
    sources.mono_sec = (uint64_t)raw.tv_sec;
    sources.mono_nsec = (uint64_t)raw.tv_nsec;
    memcpy(sources.boot_id, c->boot_id, 16);
    if (hkp_ter__random(NULL, sources.r, sizeof sources.r) != 0) return HKP_E_TER_SOURCE;
    hkp_status st = hkp_ter_entropy_digest(&sources, h_entropy);
    sodium_memzero(sources.r, sizeof sources.r);
    return st;
}

hkp_status hkp_ter_capture_next(hkp_ter_capture *capture, hkp_time now, const struct hkp_ter_cursor *cursor,
                                const uint8_t h_integrity[20], uint8_t ter[64], uint32_t *flags) {
    struct hkp_ter_record record;
    struct hkp_ter_clock clock;
    uint32_t seen;
    if (now > capture->now) capture->now = now;
    if (cursor->index >= INDEX_END) return HKP_E_TER_INDEX;
    uint64_t prev_us = cursor->has_last ? hkp_le64(cursor->last_ter + AT_TIME) : 0;
    hkp_status st = time_of(capture, prev_us, &clock, &record.timestamp_us, &seen);
    if (st == HKP_OK) st = read_entropy(capture, record.h_entropy);
    if (st != HKP_OK) return st;
    memcpy(record.h_integrity, h_integrity, 20);
    record.sequence = (uint16_t)cursor->index;
    record.chain_crc = cursor->has_last ? hkp_ter_crc16(cursor->last_ter, HKP_TER_SIZE) : 0;
    hkp_ter_record_encode(&record, ter);
    capture->made_us = record.timestamp_us;
    capture->made_boottime_us = clock.boottime_us;
    *flags = seen;
    return HKP_OK;
}
