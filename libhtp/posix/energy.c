/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Battery and load as the kernel tells them: power_supply of sysfs, /proc/loadavg (HTP-11.7). */
#include <hookprobe/htp.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    PATH_BYTES = 512,
    TEXT_BYTES = 128,
    /** supplies that are looked at */
    SUPPLIES_MAX = 64
};

/** What the supplies say together. */
struct supplies {
    unsigned batteries, known;
    uint64_t percents;
    /** sums over batteries that tell their charge: one that is larger counts for more */
    uint64_t now, full;
    int mains, discharges;
};

/* The first line of a small file, without its end; 0: not there, or not readable. */
static int read_line(int folder, const char *name, char text[TEXT_BYTES]) {
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return 0;
    ssize_t n = read(fd, text, TEXT_BYTES - 1);
    (void)close(fd);
    if (n <= 0) return 0;
    text[n] = 0;
    text[strcspn(text, "\r\n")] = 0;
    return 1;
}

/* Decimal digits only; 0: something else, or more than fits. */
static int read_number(int folder, const char *name, uint64_t *out) {
    char text[TEXT_BYTES];
    uint64_t v = 0;
    if (!read_line(folder, name, text) || text[0] == 0 || strlen(text) > 18) return 0;
    for (const char *p = text; *p != 0; p++) {
        if (*p < '0' || *p > '9') return 0;
        v = v * 10 + (uint64_t)(*p - '0');
    }
    *out = v;
    return 1;
}

/* Charge in µAh or energy in µWh, whichever the battery counts. */
static void add_charge(int folder, struct supplies *s) {
    static const char *const pairs[][2] = {{"energy_now", "energy_full"}, {"charge_now", "charge_full"}};
    for (int i = 0; i < 2; i++) {
        uint64_t now, full;
        if (!read_number(folder, pairs[i][0], &now) || !read_number(folder, pairs[i][1], &full)) continue;
        if (full == 0 || full > UINT64_C(1) << 40) continue;
        s->now += now < full ? now : full;
        s->full += full;
        return;
    }
}

static void add_battery(int folder, struct supplies *s) {
    char text[TEXT_BYTES];
    uint64_t v;
    if (read_line(folder, "scope", text) && strcmp(text, "Device") == 0) return; /* of a mouse */
    if (read_number(folder, "present", &v) && v == 0) return;
    s->batteries++;
    if (read_line(folder, "status", text)) s->discharges |= strcmp(text, "Discharging") == 0;
    if (read_number(folder, "capacity", &v) && v <= 100) {
        s->known++;
        s->percents += v;
    }
    add_charge(folder, s);
}

static void add_supply(int folder, struct supplies *s) {
    char type[TEXT_BYTES];
    uint64_t online;
    if (!read_line(folder, "type", type)) return;
    if (strcmp(type, "Battery") == 0)
        add_battery(folder, s);
    else if (strcmp(type, "UPS") != 0 && read_number(folder, "online", &online))
        s->mains |= online != 0;
}

static void read_supplies(const char *root, struct supplies *s) {
    char path[PATH_BYTES];
    int n = snprintf(path, sizeof path, "%s/class/power_supply", root);
    DIR *dir = n > 0 && n < PATH_BYTES ? opendir(path) : NULL;
    if (dir == NULL) return;
    const struct dirent *e;
    for (int i = 0; i < SUPPLIES_MAX && (e = readdir(dir)) != NULL; i++) {
        if (e->d_name[0] == '.') continue;
        int folder = openat(dirfd(dir), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0) continue;
        add_supply(folder, s);
        (void)close(folder);
    }
    (void)closedir(dir);
}

/* The mean load of a minute, as percent of all processors; 0: not told. */
static int read_load(const char *root, uint32_t processors, uint8_t *out) {
    char text[TEXT_BYTES];
    unsigned whole = 0, part = 0;
    int folder = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int told = folder >= 0 && read_line(folder, "loadavg", text) &&
               sscanf(text, "%5u.%2u", &whole, &part) == 2 && part < 100;
    if (folder >= 0) (void)close(folder);
    if (!told) return 0;
    uint32_t percent = (whole * 100 + part) / processors;
    *out = (uint8_t)(percent < 100 ? percent : 100);
    return 1;
}

static uint8_t percent_of(const struct supplies *s) {
    if (s->full > 0) return (uint8_t)(s->now * 100 / s->full);
    if (s->known > 0) return (uint8_t)(s->percents / s->known);
    return HKP_HTP_PERCENT_UNKNOWN;
}

hkp_status hkp_htp_energy_read(const char *sys, const char *proc, uint32_t processors,
                               struct hkp_htp_energy *out) {
    struct supplies s = {0};
    uint8_t load = 0;
    if (out == NULL || out->struct_size < sizeof *out || processors > 65536) return HKP_E_INVAL;
    if (processors == 0) {
        long n = sysconf(_SC_NPROCESSORS_ONLN);
        processors = n > 0 && n <= 65536 ? (uint32_t)n : 1;
    }
    read_supplies(sys != NULL ? sys : "/sys", &s);
    if (!read_load(proc != NULL ? proc : "/proc", processors, &load)) return HKP_E_IO;
    *out = (struct hkp_htp_energy){.struct_size = sizeof *out, .load = load};
    out->percent = s.batteries > 0 ? percent_of(&s) : HKP_HTP_PERCENT_UNKNOWN;
    /* Without a battery there is nothing but mains; a battery that gives power shows that mains do not. */
    out->mains = (uint8_t)(s.batteries == 0 || (s.mains && !s.discharges));
    return HKP_OK;
}
