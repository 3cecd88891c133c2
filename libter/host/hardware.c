/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Reading the hardware record: DMI, processor, machine-id; and what became of each key (SYN-8.1). */
#include "libter/host/hardware.h"
#include "libter/bytes.h"
#include "libter/options.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum {
    OPTIONS_V0 = offsetof(struct hkp_ter_hardware_options, puf_path) + sizeof(const char *),
    EK_AREA_MAX = 512,
    MACHINE_ID_TEXT = 32
};

void hkp_ter_hardware_options_init(struct hkp_ter_hardware_options *opt, size_t struct_size) {
    hkp_options_init(opt, struct_size);
}

hkp_status hkp_ter__hw_options(const struct hkp_ter_hardware_options *from,
                               struct hkp_ter_hardware_options *opt) {
    memset(opt, 0, sizeof *opt);
    if (from == NULL) return HKP_OK;
    hkp_status st = hkp_options_import(opt, sizeof *opt, OPTIONS_V0, from);
    if (st != HKP_OK) return st;
    if (opt->ek_area_len > EK_AREA_MAX || (opt->ek_area == NULL) != (opt->ek_area_len == 0))
        return HKP_E_INVAL;
    if (opt->root != NULL && strnlen(opt->root, HKP_TER__HW_ROOT_MAX + 1) > HKP_TER__HW_ROOT_MAX)
        return HKP_E_INVAL;
    return HKP_OK;
}

int hkp_ter__hw_path(char path[HKP_TER__HW_PATH_CAP], const char *root, const char *format, ...) {
    const size_t at = strlen(root);
    va_list args;
    memcpy(path, root, at);
    va_start(args, format);
    const int n = vsnprintf(path + at, HKP_TER__HW_PATH_CAP - at, format, args);
    va_end(args);
    return n >= 0 && (size_t)n < HKP_TER__HW_PATH_CAP - at;
}

int hkp_ter__hw_file(const char *path, char *dst, size_t cap, size_t *len) {
    const int fd = hkp_ter__open_read(AT_FDCWD, path);
    if (fd < 0) return errno;
    const int error = hkp_ter__read_at(fd, 0, (uint8_t *)dst, cap - 1, len);
    close(fd);
    if (error == 0) dst[*len] = 0;
    return error;
}

void hkp_ter__hw_note(struct hkp_ter_hardware_item *item, uint32_t outcome, int error, const char *format,
                      ...) {
    va_list args;
    item->outcome = outcome;
    item->system_error = error;
    va_start(args, format);
    vsnprintf(item->reason, sizeof item->reason, format, args);
    va_end(args);
}

uint32_t hkp_ter__hw_outcome_of(int error) {
    if (error == ENOENT || error == ENOTDIR) return HKP_TER_HW_ABSENT;
    return error == EACCES || error == EPERM ? HKP_TER_HW_DENIED : HKP_TER_HW_UNKNOWN;
}

static void took(struct hkp_ter__hw_scan *scan, uint32_t key, const char *where) {
    struct hkp_ter_hardware_item *item = &scan->report->items[key];
    hkp_ter__hw_note(item, HKP_TER_HW_READ, 0, "%s", where);
    item->taken = 1;
    scan->hw->present |= 1u << key;
}

/* Content of one file below root; 0, or the outcome is noted. */
static int file_of(struct hkp_ter__hw_scan *scan, uint32_t key, const char *where, char *text, size_t cap,
                   size_t *len) {
    char path[HKP_TER__HW_PATH_CAP];
    const int error = hkp_ter__hw_path(path, scan->root, "%s", where) ? hkp_ter__hw_file(path, text, cap, len)
                                                                      : ENAMETOOLONG;
    if (error != 0)
        hkp_ter__hw_note(&scan->report->items[key], hkp_ter__hw_outcome_of(error), error, "%s", where);
    return error;
}

/* ---- TPM, DMI ---- */

static void read_ek(struct hkp_ter__hw_scan *scan) {
    struct hkp_ter_hardware_item *item = &scan->report->items[HKP_TER_HW_EK];
    if (scan->opt.ek_area == NULL) {
        hkp_ter__hw_note(item, HKP_TER_HW_ABSENT, 0, "no endorsement key was given");
        return;
    }
    crypto_hash_sha256(scan->hw->ek, scan->opt.ek_area, scan->opt.ek_area_len);
    took(scan, HKP_TER_HW_EK, "given by the caller");
}

static void read_uuid(struct hkp_ter__hw_scan *scan) {
    static const char where[] = "/sys/class/dmi/id/product_uuid";
    struct hkp_ter_hardware_item *item = &scan->report->items[HKP_TER_HW_UUID];
    char text[128];
    uint8_t uuid[16];
    size_t len;
    if (file_of(scan, HKP_TER_HW_UUID, where, text, sizeof text, &len) != 0) return;
    if (!hkp_ter__parse_uuid((const uint8_t *)text, len, uuid)) {
        hkp_ter__hw_note(item, HKP_TER_HW_UNKNOWN, 0, "%s: not a UUID", where);
    } else if (!hkp_ter__hw_uuid(uuid)) {
        hkp_ter__hw_note(item, HKP_TER_HW_PLACEHOLDER, 0, "%s: all 00 or all FF", where);
        item->left_out = 1;
    } else {
        memcpy(scan->hw->uuid, uuid, 16);
        took(scan, HKP_TER_HW_UUID, where);
    }
}

/* DMI first, then the device tree of boards that have no DMI; the first place that says anything counts. */
static void read_board(struct hkp_ter__hw_scan *scan) {
    static const char *const places[] = {"/sys/class/dmi/id/board_serial",
                                         "/sys/firmware/devicetree/base/serial-number"};
    struct hkp_ter_hardware_item *item = &scan->report->items[HKP_TER_HW_BOARD], first;
    for (size_t i = 0; i < 2; i++) {
        char text[512];
        size_t len;
        if (file_of(scan, HKP_TER_HW_BOARD, places[i], text, sizeof text, &len) == 0) {
            if (hkp_ter__hw_text(text, len, &scan->hw->board)) {
                took(scan, HKP_TER_HW_BOARD, places[i]);
                return;
            }
            hkp_ter__hw_note(item, HKP_TER_HW_PLACEHOLDER, 0, "%s: a filler of the maker", places[i]);
            item->left_out = 1;
        }
        if (i == 0) first = *item;
    }
    if (item->outcome == HKP_TER_HW_ABSENT) *item = first;
}

/* ---- Processor ---- */

/* Value of the first line "name : value" as text[cap]; 0 if there is none. */
static int field(const char *info, const char *name, char *value, size_t cap) {
    const size_t name_len = strlen(name);
    for (const char *line = info; line != NULL && *line != 0;) {
        const char *end = strchr(line, '\n'), *colon = strchr(line, ':');
        const size_t line_len = end != NULL ? (size_t)(end - line) : strlen(line);
        if (colon != NULL && colon < line + line_len && strncmp(line, name, name_len) == 0 &&
            line + name_len + strspn(line + name_len, " \t") == colon) {
            const char *from = colon + 1 + strspn(colon + 1, " \t");
            const size_t len = from < line + line_len ? (size_t)(line + line_len - from) : 0;
            if (len == 0 || len >= cap) return 0;
            memcpy(value, from, len);
            value[len] = 0;
            return 1;
        }
        line = end != NULL ? end + 1 : NULL;
    }
    return 0;
}

/* Unsigned number, decimal or with 0x; 0 if it is anything else. */
static int number(const char *info, const char *name, uint32_t *out) {
    char text[24], *end;
    if (!field(info, name, text, sizeof text) || text[0] < '0' || text[0] > '9') return 0;
    const unsigned long long v = strtoull(text, &end, text[1] == 'x' ? 16 : 10);
    if (*end != 0 || v > UINT32_MAX) return 0;
    *out = (uint32_t)v;
    return 1;
}

static int cpu_of_x86(const char *info, struct hkp_ter_hardware *hw) {
    char vendor[72];
    return field(info, "vendor_id", vendor, sizeof vendor) && number(info, "cpu family", &hw->cpu_family) &&
           number(info, "model", &hw->cpu_model) && number(info, "stepping", &hw->cpu_stepping) &&
           hkp_ter__hw_text(vendor, strlen(vendor), &hw->cpu_vendor);
}

/* Implementer as vendor, architecture as family, part as model, variant and revision as stepping. */
static int cpu_of_arm(const char *info, struct hkp_ter_hardware *hw) {
    uint32_t implementer, variant, revision;
    char vendor[16];
    if (!number(info, "CPU implementer", &implementer) ||
        !number(info, "CPU architecture", &hw->cpu_family) || !number(info, "CPU variant", &variant) ||
        !number(info, "CPU part", &hw->cpu_model) || !number(info, "CPU revision", &revision) ||
        implementer > 255 || variant > 15 || revision > 15)
        return 0;
    hw->cpu_stepping = variant << 4 | revision;
    const int n = snprintf(vendor, sizeof vendor, "ARM-%02x", implementer);
    return hkp_ter__hw_text(vendor, (size_t)n, &hw->cpu_vendor);
}

static void read_cpu(struct hkp_ter__hw_scan *scan) {
    static const char where[] = "/proc/cpuinfo";
    struct hkp_ter_hardware cpu;
    char info[HKP_TER__HW_FILE_CAP];
    size_t len;
    memset(&cpu, 0, sizeof cpu);
    if (file_of(scan, HKP_TER_HW_CPU, where, info, sizeof info, &len) != 0) return;
    if (!cpu_of_x86(info, &cpu) && !cpu_of_arm(info, &cpu)) {
        hkp_ter__hw_note(&scan->report->items[HKP_TER_HW_CPU], HKP_TER_HW_UNKNOWN, 0, "%s: no known form",
                         where);
        return;
    }
    scan->hw->cpu_vendor = cpu.cpu_vendor;
    scan->hw->cpu_family = cpu.cpu_family;
    scan->hw->cpu_model = cpu.cpu_model;
    scan->hw->cpu_stepping = cpu.cpu_stepping;
    took(scan, HKP_TER_HW_CPU, where);
}

/* ---- machine-id ---- */

/* "uninitialized" is what an image has before its first start. */
static void take_machine(struct hkp_ter__hw_scan *scan, const char *where, const char *text, size_t len) {
    struct hkp_ter_hardware_item *item = &scan->report->items[HKP_TER_HW_MACHINE];
    uint8_t id[16], mac[32];
    size_t n = 0;
    if (len < MACHINE_ID_TEXT || sodium_hex2bin(id, 16, text, MACHINE_ID_TEXT, NULL, &n, NULL) != 0 ||
        n != 16) {
        hkp_ter__hw_note(item, HKP_TER_HW_UNKNOWN, 0, "%s: not 32 hex digits", where);
    } else if (hkp_is_zero(id, 16)) {
        hkp_ter__hw_note(item, HKP_TER_HW_PLACEHOLDER, 0, "%s: all zero", where);
        item->left_out = 1;
    } else {
        crypto_auth_hmacsha256_state h;
        crypto_auth_hmacsha256_init(&h, id, sizeof id);
        crypto_auth_hmacsha256_update(&h, (const uint8_t *)"hookprobe", 9);
        crypto_auth_hmacsha256_final(&h, mac);
        memcpy(scan->hw->machine, mac, 32);
        took(scan, HKP_TER_HW_MACHINE, where);
    }
}

static void read_machine(struct hkp_ter__hw_scan *scan) {
    static const char *const places[] = {"/etc/machine-id", "/var/lib/dbus/machine-id"};
    for (size_t i = 0; i < 2; i++) {
        char text[64];
        size_t len;
        if (file_of(scan, HKP_TER_HW_MACHINE, places[i], text, sizeof text, &len) == 0) {
            take_machine(scan, places[i], text, len);
            return;
        }
        if (scan->report->items[HKP_TER_HW_MACHINE].outcome != HKP_TER_HW_ABSENT) return;
    }
}

hkp_status hkp_ter_hardware_read(const struct hkp_ter_hardware_options *opt, struct hkp_ter_hardware *hw,
                                 struct hkp_ter_hardware_report *report) {
    struct hkp_ter_hardware got;
    struct hkp_ter_hardware_report told;
    struct hkp_ter__hw_scan scan = {.hw = &got, .report = &told};
    memset(&got, 0, sizeof got);
    memset(&told, 0, sizeof told);
    hkp_status st = hkp_ter__hw_options(opt, &scan.opt);
    if (st != HKP_OK) return st;
    scan.live = scan.opt.root == NULL;
    scan.root = scan.live ? "" : scan.opt.root;
    read_ek(&scan);
    read_uuid(&scan);
    read_board(&scan);
    hkp_ter__hw_read_disks(&scan);
    hkp_ter__hw_read_macs(&scan);
    read_cpu(&scan);
    read_machine(&scan);
    *hw = got;
    if (report != NULL) *report = told;
    return HKP_OK;
}
