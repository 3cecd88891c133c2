/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe file: the line that shows how far it is. */
#include "file.h"

#include <stdio.h>
#include <string.h>

enum { EVERY_MS = 100, CELLS = 20 };

const char *cli_file_amount(uint64_t bytes, char text[16]) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double v = (double)bytes;
    size_t i = 0;
    while (v >= 1024 && i < 4) v /= 1024, i++;
    snprintf(text, 16, i == 0 ? "%.0f %s" : "%.1f %s", v, units[i]);
    return text;
}

/* Smoothed over about two seconds. */
static void measure(struct cli_file_run *r, hkp_time now) {
    struct cli_file_bar *b = &r->bar;
    const double seconds = (double)(now - b->last) * 1e-9;
    const double rate = (double)(r->bytes_moved - b->last_bytes) / seconds;
    const double part = seconds > 2 ? 1 : b->rate > 0 ? seconds / 2 : 1;
    b->rate += part * (rate - b->rate);
    b->last = now;
    b->last_bytes = r->bytes_moved;
}

static void time_left(const struct cli_file_run *r, char text[24]) {
    const double left = (double)(r->bytes - r->bytes_done) / r->bar.rate;
    if (r->bytes_done > r->bytes || !(left < 360000))
        snprintf(text, 24, "--:--");
    else if (left >= 3600)
        snprintf(text, 24, "%u:%02u:%02u", (unsigned)left / 3600, (unsigned)left / 60 % 60,
                 (unsigned)left % 60);
    else
        snprintf(text, 24, "%u:%02u", (unsigned)left / 60, (unsigned)left % 60);
}

static void print(struct cli_file_run *r, const char *line) {
    const size_t len = strlen(line);
    const int blanks = len < r->bar.width ? (int)(r->bar.width - len) : 0;
    fprintf(stderr, "\r%s%*s", line, blanks, "");
    fflush(stderr);
    r->bar.width = len;
}

void cli_file_bar_draw(struct cli_file_run *r, hkp_time now) {
    struct cli_file_bar *b = &r->bar;
    char line[200], cells[CELLS + 1], done[16], all[16], rate[16], left[24];
    if (!b->shown || now - b->drawn < (hkp_time)EVERY_MS * 1000000U) return;
    b->drawn = now;
    if (r->session == 0) {
        print(r, r->was_up ? "the server is away, trying again" : "connecting");
        return;
    }
    if (b->last == 0) b->last = now - 1;
    measure(r, now);
    const unsigned percent = r->bytes == 0 ? 0
                             : r->bytes_done >= r->bytes
                                 ? 100
                                 : (unsigned)((double)r->bytes_done * 100 / (double)r->bytes);
    memset(cells, ' ', CELLS);
    memset(cells, '#', percent * CELLS / 100);
    cells[CELLS] = 0;
    time_left(r, left);
    snprintf(line, sizeof line, "[%s] %3u%%  %s of %s  %s/s  ETA %s  %u of %u", cells, percent,
             cli_file_amount(r->bytes_done, done), cli_file_amount(r->bytes, all),
             cli_file_amount((uint64_t)b->rate, rate), left, r->files_done + r->files_same, r->files);
    print(r, line);
}

void cli_file_bar_hide(struct cli_file_run *r) {
    if (!r->bar.shown || r->bar.width == 0) return;
    print(r, "");
    fputc('\r', stderr);
    r->bar.width = 0;
    r->bar.drawn = 0;
}
