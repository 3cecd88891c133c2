/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Fixed disks and permanent network addresses (SYN-8.1, keys 4 and 5). */
#include "libter/host/hardware.h"

#include <dirent.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Entries of a folder that are looked at; a machine with more has enough in these. */
enum { ENTRIES_MAX = 4096 };

/* What one folder gave. */
struct tally {
    uint32_t fillers, removable, denied, beyond;
    int error;
};

/* First line of a small attribute of one device, without its end; 0 or errno. */
static int attribute(const struct hkp_ter__hw_scan *scan, const char *folder, const char *name,
                     const char *what, char *text, size_t cap, size_t *len) {
    char path[HKP_TER__HW_PATH_CAP];
    if (!hkp_ter__hw_path(path, scan->root, "%s/%s/%s", folder, name, what)) return ENAMETOOLONG;
    return hkp_ter__hw_file(path, text, cap, len);
}

static int attribute_is(const struct hkp_ter__hw_scan *scan, const char *folder, const char *name,
                        const char *what, const char *value) {
    char text[32];
    size_t len;
    if (attribute(scan, folder, name, what, text, sizeof text, &len) != 0) return 0;
    text[strcspn(text, "\n")] = 0;
    return strcmp(text, value) == 0;
}

/* A device of the machine and nothing that the kernel made up: it has a parent. */
static int has_device(const struct hkp_ter__hw_scan *scan, const char *folder, const char *name) {
    char path[HKP_TER__HW_PATH_CAP];
    return hkp_ter__hw_path(path, scan->root, "%s/%s/device", folder, name) && access(path, F_OK) == 0;
}

/* Calls one() for each entry of a folder; 0 or errno. */
static int each(struct hkp_ter__hw_scan *scan, const char *folder, struct tally *tally,
                void (*one)(struct hkp_ter__hw_scan *, const char *, struct tally *)) {
    char path[HKP_TER__HW_PATH_CAP];
    struct dirent *entry;
    if (!hkp_ter__hw_path(path, scan->root, "%s", folder)) return ENAMETOOLONG;
    DIR *dir = opendir(path);
    if (dir == NULL) return errno;
    for (int i = 0; i < ENTRIES_MAX && (entry = readdir(dir)) != NULL; i++)
        if (entry->d_name[0] != '.') one(scan, entry->d_name, tally);
    closedir(dir);
    return 0;
}

static void conclude(struct hkp_ter__hw_scan *scan, uint32_t key, const char *folder, int error,
                     const struct tally *t, uint32_t n) {
    struct hkp_ter_hardware_item *item = &scan->report->items[key];
    if (n > 0) {
        hkp_ter__hw_note(item, HKP_TER_HW_READ, 0, "%s", folder);
        scan->hw->present |= 1u << key;
    } else if (error != 0) {
        hkp_ter__hw_note(item, hkp_ter__hw_outcome_of(error), error, "%s", folder);
    } else if (t->denied > 0) {
        hkp_ter__hw_note(item, HKP_TER_HW_DENIED, t->error, "%s: of %u devices", folder, t->denied);
    } else if (t->fillers > 0) {
        hkp_ter__hw_note(item, HKP_TER_HW_PLACEHOLDER, 0, "%s: no value of any of %u identifies it", folder,
                         t->fillers);
    } else {
        hkp_ter__hw_note(item, HKP_TER_HW_ABSENT, 0, "%s: none of that kind", folder);
    }
    item->taken = n;
    item->left_out = t->fillers + t->removable + t->beyond;
}

/* ---- Disks ---- */

static const char blocks[] = "/sys/block";

static int starts_with(const char *name, const char *prefix) {
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* What can be taken out: by its own word, cards, and all that hangs on USB. */
static int is_removable(const struct hkp_ter__hw_scan *scan, const char *name) {
    char path[HKP_TER__HW_PATH_CAP], target[HKP_TER__HW_PATH_CAP];
    if (!attribute_is(scan, blocks, name, "removable", "0")) return 1;
    if (attribute_is(scan, blocks, name, "device/type", "SD")) return 1;
    if (!hkp_ter__hw_path(path, scan->root, "%s/%s", blocks, name)) return 1;
    const ssize_t n = readlink(path, target, sizeof target - 1);
    target[n > 0 ? n : 0] = 0;
    return strstr(target, "/usb") != NULL;
}

/* The first of its names that is a value; pages of SCSI have four bytes before it. */
static int disk_text(const struct hkp_ter__hw_scan *scan, const char *name, struct tally *t,
                     struct hkp_ter_hardware_text *text) {
    static const char *const places[] = {"device/serial", "serial", "device/vpd_pg80", "wwid", "device/wwid"};
    int denied = 0;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char raw[512];
        size_t len, skip = i == 2 ? 4 : 0;
        const int error = attribute(scan, blocks, name, places[i], raw, sizeof raw, &len);
        if (error == 0 && len > skip && hkp_ter__hw_text(raw + skip, len - skip, text)) return 1;
        if (hkp_ter__hw_outcome_of(error) == HKP_TER_HW_DENIED) denied = error;
    }
    if (denied != 0)
        t->denied++, t->error = denied;
    else
        t->fillers++;
    return 0;
}

static void one_disk(struct hkp_ter__hw_scan *scan, const char *name, struct tally *t) {
    struct hkp_ter_hardware_text text;
    static const char *const virtual_names[] = {"loop", "ram", "zram", "dm-", "md", "nbd", "zd"};
    for (size_t i = 0; i < sizeof virtual_names / sizeof virtual_names[0]; i++)
        if (starts_with(name, virtual_names[i])) return;
    if (!has_device(scan, blocks, name) || attribute_is(scan, blocks, name, "hidden", "1")) return;
    if (is_removable(scan, name))
        t->removable++;
    else if (disk_text(scan, name, t, &text) && !hkp_ter__hw_add_disk(scan->hw, &text))
        t->beyond++;
}

void hkp_ter__hw_read_disks(struct hkp_ter__hw_scan *scan) {
    struct tally t = {0};
    const int error = each(scan, blocks, &t, one_disk);
    conclude(scan, HKP_TER_HW_DISKS, blocks, error, &t, scan->hw->n_disks);
}

/* ---- Network addresses ---- */

static const char nets[] = "/sys/class/net";

/* The address that the maker gave, whatever is set now; 0 or errno. */
static int ask_permanent(const char *name, uint8_t mac[6]) {
    union {
        struct ethtool_perm_addr head;
        uint8_t room[sizeof(struct ethtool_perm_addr) + 32];
    } ask;
    struct ifreq ifr;
    memset(&ask, 0, sizeof ask);
    memset(&ifr, 0, sizeof ifr);
    if (strlen(name) >= sizeof ifr.ifr_name) return ENAMETOOLONG;
    memcpy(ifr.ifr_name, name, strlen(name));
    ask.head.cmd = ETHTOOL_GPERMADDR;
    ask.head.size = 32;
    ifr.ifr_data = (char *)&ask;
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    const int error = ioctl(fd, SIOCETHTOOL, &ifr) != 0 ? errno : ask.head.size == 6 ? 0 : ENODATA;
    close(fd);
    if (error == 0) memcpy(mac, ask.room + sizeof ask.head, 6);
    return error;
}

static int parse_mac(const char *text, uint8_t mac[6]) {
    unsigned v[6];
    int end = 0;
    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &end) != 6 ||
        end != 17)
        return 0;
    for (int i = 0; i < 6; i++) mac[i] = (uint8_t)v[i];
    return 1;
}

/* From sysfs, where it says that the address is the permanent one. */
static int shown_permanent(const struct hkp_ter__hw_scan *scan, const char *name, uint8_t mac[6],
                           int *error) {
    char text[64];
    size_t len;
    if (!attribute_is(scan, nets, name, "addr_assign_type", "0")) return 0;
    *error = attribute(scan, nets, name, "address", text, sizeof text, &len);
    return *error == 0 && parse_mac(text, mac);
}

static void one_mac(struct hkp_ter__hw_scan *scan, const char *name, struct tally *t) {
    uint8_t mac[6];
    int error = 0;
    if (!has_device(scan, nets, name) || !attribute_is(scan, nets, name, "type", "1")) return;
    if (!(scan->live && ask_permanent(name, mac) == 0 && hkp_ter__hw_mac(mac)) &&
        !shown_permanent(scan, name, mac, &error)) {
        if (hkp_ter__hw_outcome_of(error) == HKP_TER_HW_DENIED)
            t->denied++, t->error = error;
        else
            t->fillers++;
    } else if (!hkp_ter__hw_mac(mac)) {
        t->fillers++;
    } else if (!hkp_ter__hw_add_mac(scan->hw, mac)) {
        t->beyond++;
    }
}

void hkp_ter__hw_read_macs(struct hkp_ter__hw_scan *scan) {
    struct tally t = {0};
    const int error = each(scan, nets, &t, one_mac);
    conclude(scan, HKP_TER_HW_MACS, nets, error, &t, scan->hw->n_macs);
}
