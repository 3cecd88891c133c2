/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Battery and load read from a system that the test writes, and from this machine (HTP-11.7). */
#include <hookprobe/htp.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static char root[64];

static void put(const char *path, const char *text) {
    char full[256];
    snprintf(full, sizeof full, "%s/%s", root, path);
    for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')) != NULL; p++) {
        *p = 0;
        (void)mkdir(full, 0700);
        *p = '/';
    }
    FILE *f = fopen(full, "w");
    CHECK(f != NULL);
    if (f == NULL) return;
    fputs(text, f);
    fclose(f);
}

static void remove_tree(const char *path) {
    DIR *dir = opendir(path);
    const struct dirent *e;
    while (dir != NULL && (e = readdir(dir)) != NULL) {
        char full[512];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        snprintf(full, sizeof full, "%s/%s", path, e->d_name);
        if (unlink(full) != 0) remove_tree(full);
    }
    if (dir != NULL) closedir(dir);
    (void)rmdir(path);
}

static void begin(void) {
    snprintf(root, sizeof root, "/tmp/hkp-energy-XXXXXX");
    CHECK(mkdtemp(root) != NULL);
    put("loadavg", "0.50 0.40 0.30 1/100 1234\n");
}

static struct hkp_htp_energy look(uint32_t processors) {
    struct hkp_htp_energy e = {.struct_size = sizeof e};
    CHECK_EQ(hkp_htp_energy_read(root, root, processors, &e), HKP_OK);
    return e;
}

static void battery(const char *name, const char *status, const char *capacity) {
    char path[128];
    snprintf(path, sizeof path, "class/power_supply/%s/type", name);
    put(path, "Battery\n");
    snprintf(path, sizeof path, "class/power_supply/%s/status", name);
    put(path, status);
    snprintf(path, sizeof path, "class/power_supply/%s/capacity", name);
    put(path, capacity);
}

static void without_a_battery_there_is_mains(void) {
    begin();
    struct hkp_htp_energy e = look(1);
    CHECK(e.mains == 1 && e.percent == HKP_HTP_PERCENT_UNKNOWN && e.load == 50);
    put("class/power_supply/AC/type", "Mains\n");
    put("class/power_supply/AC/online", "1\n");
    CHECK_EQ(look(1).mains, 1);
    remove_tree(root);
}

static void a_battery_that_discharges_counts(void) {
    begin();
    battery("BAT0", "Discharging\n", "37\n");
    struct hkp_htp_energy e = look(2);
    CHECK(e.mains == 0 && e.percent == 37 && e.load == 25);
    put("class/power_supply/AC/type", "Mains\n");
    put("class/power_supply/AC/online", "0\n");
    CHECK_EQ(look(2).mains, 0);
    put("class/power_supply/AC/online", "1\n"); /* too weak a charger */
    CHECK_EQ(look(2).mains, 0);
    put("class/power_supply/BAT0/status", "Charging\n");
    CHECK_EQ(look(2).mains, 1);
    put("class/power_supply/AC/online", "0\n");
    put("class/power_supply/usb/type", "USB\n");
    put("class/power_supply/usb/online", "1\n");
    CHECK_EQ(look(2).mains, 1);
    remove_tree(root);
}

/* Two batteries: by what they hold, not by their mean. */
static void a_larger_battery_counts_for_more(void) {
    begin();
    battery("BAT0", "Discharging\n", "10\n");
    battery("BAT1", "Discharging\n", "90\n");
    CHECK_EQ(look(1).percent, 50);
    put("class/power_supply/BAT0/energy_now", "9000000\n");
    put("class/power_supply/BAT0/energy_full", "90000000\n");
    put("class/power_supply/BAT1/energy_now", "9000000\n");
    put("class/power_supply/BAT1/energy_full", "10000000\n");
    CHECK_EQ(look(1).percent, 18);
    remove_tree(root);
}

/* Batteries of a mouse, empty slots and files that hold anything else say nothing. */
static void what_is_no_battery_of_ours_is_passed_over(void) {
    begin();
    battery("hid-1", "Discharging\n", "3\n");
    put("class/power_supply/hid-1/scope", "Device\n");
    battery("BAT1", "Unknown\n", "0\n");
    put("class/power_supply/BAT1/present", "0\n");
    put("class/power_supply/strange/type", "");
    put("class/power_supply/file", "Battery");
    CHECK(look(1).mains == 1 && look(1).percent == HKP_HTP_PERCENT_UNKNOWN);
    static const char *const wrong[] = {
        "", "-1\n", "101\n", "5x\n", "0x10", "99999999999999999999999999999\n", " 7\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        battery("BAT0", "Discharging\n", wrong[i]);
        CHECK(look(1).mains == 0 && look(1).percent == HKP_HTP_PERCENT_UNKNOWN);
    }
    put("class/power_supply/BAT0/charge_now", "5\n");
    put("class/power_supply/BAT0/charge_full", "0\n");
    CHECK_EQ(look(1).percent, HKP_HTP_PERCENT_UNKNOWN);
    put("class/power_supply/BAT0/charge_full", "4\n");
    CHECK_EQ(look(1).percent, 100);
    remove_tree(root);
}

static void load_is_of_all_processors(void) {
    static const struct {
        const char *text;
        uint32_t processors;
        uint8_t load;
    } rows[] = {{"0.00 ", 1, 0},   {"0.97 1.00 1.00 2/200 7\n", 1, 97},
                {"3.99 ", 4, 99},  {"400.00 ", 4, 100},
                {"4.00 ", 4, 100}, {"99999.99 ", 1, 100}};
    begin();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        put("loadavg", rows[i].text);
        CHECK_EQ(look(rows[i].processors).load, rows[i].load);
    }
    struct hkp_htp_energy e = {.struct_size = sizeof e, .percent = 77};
    put("loadavg", "none");
    CHECK_EQ(hkp_htp_energy_read(root, root, 1, &e), HKP_E_IO);
    CHECK_EQ(hkp_htp_energy_read(root, "/nowhere", 1, &e), HKP_E_IO);
    CHECK_EQ(hkp_htp_energy_read(root, root, 65537, &e), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_energy_read(root, root, 1, NULL), HKP_E_INVAL);
    CHECK_EQ(e.percent, 77);
    e.struct_size = 4;
    CHECK_EQ(hkp_htp_energy_read(root, root, 1, &e), HKP_E_INVAL);
    remove_tree(root);
}

/* What the reader says of this machine is something that an endpoint takes. */
static void this_machine_can_be_read(void) {
    struct hkp_htp_energy e = {.struct_size = sizeof e};
    CHECK_EQ(hkp_htp_energy_read(NULL, NULL, 0, &e), HKP_OK);
    CHECK(e.load <= 100 && e.mains <= 1 && (e.percent <= 100 || e.percent == HKP_HTP_PERCENT_UNKNOWN));
    printf("# this machine: %u %%, mains %u, load %u %%\n", e.percent, e.mains, e.load);
}

int main(void) {
    CASE(without_a_battery_there_is_mains);
    CASE(a_battery_that_discharges_counts);
    CASE(a_larger_battery_counts_for_more);
    CASE(what_is_no_battery_of_ours_is_passed_over);
    CASE(load_is_of_all_processors);
    CASE(this_machine_can_be_read);
    return check_done();
}
