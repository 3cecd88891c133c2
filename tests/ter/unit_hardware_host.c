/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Reading the hardware record from made-up machines and from this one; providers; sources of noise (SYN-8,
 * 9). */
#include "alloc.h"
#include "folder.h"
#include "libter/host/hardware.h"

#include <errno.h>
#include <sched.h>
#include <sodium.h>
#include <sys/wait.h>

static char root[64];

/* Content of a file below the made-up root; its folders are made. NULL: removed. */
static void put(const char *name, const char *text) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
        *slash = 0;
        CHECK(mkdir(path, 0700) == 0 || errno == EEXIST);
    }
    if (text == NULL)
        unlink(path);
    else
        file_put(path, text, strlen(text));
}

static void link_to(const char *name, const char *target) {
    char path[512];
    put(name, "");
    snprintf(path, sizeof path, "%s/%s", root, name);
    unlink(path);
    CHECK(symlink(target, path) == 0);
}

static void disk(const char *name, const char *removable, const char *place, const char *serial) {
    char path[256];
    snprintf(path, sizeof path, "sys/block/%s/removable", name);
    put(path, removable);
    snprintf(path, sizeof path, "sys/block/%s/device/vendor", name);
    put(path, "x\n");
    snprintf(path, sizeof path, "sys/block/%s/%s", name, place);
    put(path, serial);
}

static void card(const char *name, const char *type, const char *assigned, const char *address) {
    char path[256];
    snprintf(path, sizeof path, "sys/class/net/%s/type", name);
    put(path, type);
    snprintf(path, sizeof path, "sys/class/net/%s/addr_assign_type", name);
    put(path, assigned);
    snprintf(path, sizeof path, "sys/class/net/%s/device/vendor", name);
    put(path, "x\n");
    snprintf(path, sizeof path, "sys/class/net/%s/address", name);
    put(path, address);
}

static const char x86[] = "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 158\n"
                          "model name\t: Intel(R)\nstepping\t: 10\nflags\t\t: fpu smx sgx_lc\n\n"
                          "processor\t: 1\nvendor_id\t: Other\ncpu family\t: 7\n";

static void machine_make(void) {
    folder_remove(root);
    CHECK(mkdir(root, 0700) == 0);
    put("sys/class/dmi/id/product_uuid", "7e6f347f-9486-1af5-57cf-3861b93b08be\n");
    put("sys/class/dmi/id/board_serial", " SN-4711 \n");
    put("proc/cpuinfo", x86);
    put("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    disk("nvme0n1", "0\n", "device/serial", "S2              \n");
    disk("sda", "0\n", "device/vpd_pg80", "\1\1\1\4S1  "); /* four bytes of header, none of them zero here */
    disk("vda", "0\n", "serial", "S3\n");
    disk("sdb", "0\n", "device/wwid", "naa.5000c500\n");
    card("eth1", "1\n", "0\n", "00:1b:21:00:00:02\n");
    card("eth0", "1\n", "0\n", "00:1b:21:00:00:01\n");
}

static hkp_status read_machine(struct hkp_ter_hardware *hw, struct hkp_ter_hardware_report *report) {
    struct hkp_ter_hardware_options opt;
    hkp_ter_hardware_options_init(&opt, sizeof opt);
    opt.root = root;
    return hkp_ter_hardware_read(&opt, hw, report);
}

static uint32_t outcome(uint32_t key, struct hkp_ter_hardware *hw) {
    struct hkp_ter_hardware_report report;
    CHECK_EQ(read_machine(hw, &report), HKP_OK);
    CHECK_EQ(report.items[key].outcome == HKP_TER_HW_READ, hw->present >> key & 1);
    CHECK(report.items[key].reason[0] != 0);
    return report.items[key].outcome;
}

static void a_whole_machine_is_read(void) {
    struct hkp_ter_hardware hw;
    struct hkp_ter_hardware_report report;
    uint8_t bytes[HKP_TER_HW_RECORD_MAX], want[32];
    const uint8_t id[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                            0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
    size_t len;
    machine_make();
    CHECK_EQ(read_machine(&hw, &report), HKP_OK);
    CHECK_EQ(hw.present, 0xFC); /* all but the endorsement key */
    CHECK_EQ(report.items[HKP_TER_HW_EK].outcome, HKP_TER_HW_ABSENT);
    CHECK_MEM(hw.uuid, "\x7e\x6f\x34\x7f\x94\x86\x1a\xf5\x57\xcf\x38\x61\xb9\x3b\x08\xbe", 16);
    CHECK(strcmp(hw.board.text, "SN-4711") == 0);
    CHECK_EQ(hw.n_disks, 4);
    CHECK(strcmp(hw.disks[0].text, "S1") == 0 && strcmp(hw.disks[1].text, "S2") == 0 &&
          strcmp(hw.disks[2].text, "S3") == 0 && strcmp(hw.disks[3].text, "naa.5000c500") == 0);
    CHECK_EQ(hw.n_macs, 2);
    CHECK_MEM(hw.macs, "\x00\x1b\x21\0\0\1\x00\x1b\x21\0\0\2", 12);
    CHECK(strcmp(hw.cpu_vendor.text, "GenuineIntel") == 0);
    CHECK(hw.cpu_family == 6 && hw.cpu_model == 158 && hw.cpu_stepping == 10);
    crypto_auth_hmacsha256_state h;
    crypto_auth_hmacsha256_init(&h, id, 16);
    crypto_auth_hmacsha256_update(&h, (const uint8_t *)"hookprobe", 9);
    crypto_auth_hmacsha256_final(&h, want);
    CHECK_MEM(hw.machine, want, 32);
    CHECK_EQ(hkp_ter_hardware_encode(&hw, bytes, sizeof bytes, &len), HKP_OK);
    for (uint32_t key = 2; key < HKP_TER_HW_KEYS; key++) {
        CHECK_EQ(report.items[key].outcome, HKP_TER_HW_READ);
        CHECK_EQ(report.items[key].taken, key == HKP_TER_HW_DISKS ? 4 : key == HKP_TER_HW_MACS ? 2 : 1);
    }
}

static void the_endorsement_key_is_what_the_caller_gives(void) {
    struct hkp_ter_hardware hw;
    struct hkp_ter_hardware_options opt;
    uint8_t area[512] = {0, 1, 0, 11}, want[32];
    hkp_ter_hardware_options_init(&opt, sizeof opt);
    opt.root = root;
    opt.ek_area = area;
    opt.ek_area_len = 314;
    CHECK_EQ(hkp_ter_hardware_read(&opt, &hw, NULL), HKP_OK);
    crypto_hash_sha256(want, area, 314);
    CHECK_EQ(hw.present >> HKP_TER_HW_EK & 1, 1);
    CHECK_MEM(hw.ek, want, 32);
    opt.ek_area_len = 513;
    CHECK_EQ(hkp_ter_hardware_read(&opt, &hw, NULL), HKP_E_INVAL);
    opt.ek_area_len = 0;
    CHECK_EQ(hkp_ter_hardware_read(&opt, &hw, NULL), HKP_E_INVAL);
    opt.ek_area = NULL;
    opt.struct_size = 8;
    CHECK_EQ(hkp_ter_hardware_read(&opt, &hw, NULL), HKP_E_INVAL);
    CHECK_MEM(hw.ek, want, 32);
}

static void an_empty_machine_has_an_empty_record(void) {
    struct hkp_ter_hardware hw;
    struct hkp_ter_hardware_report report;
    struct hkp_ter_hardware_match m;
    folder_remove(root);
    CHECK(mkdir(root, 0700) == 0);
    CHECK_EQ(read_machine(&hw, &report), HKP_OK);
    CHECK_EQ(hw.present, 0);
    for (uint32_t key = 1; key < HKP_TER_HW_KEYS; key++)
        CHECK_EQ(report.items[key].outcome, HKP_TER_HW_ABSENT);
    CHECK_EQ(hkp_ter_hardware_compare(&hw, &hw, &m), HKP_E_TER_HW_WEAK);
}

static void fillers_of_makers_are_told_as_such(void) {
    struct hkp_ter_hardware hw;
    machine_make();
    put("sys/class/dmi/id/product_uuid", "ffffffff-ffff-ffff-ffff-ffffffffffff\n");
    CHECK_EQ(outcome(HKP_TER_HW_UUID, &hw), HKP_TER_HW_PLACEHOLDER);
    put("sys/class/dmi/id/product_uuid", "00000000-0000-0000-0000-000000000000\n");
    CHECK_EQ(outcome(HKP_TER_HW_UUID, &hw), HKP_TER_HW_PLACEHOLDER);
    put("sys/class/dmi/id/product_uuid", "Not Settable\n");
    CHECK_EQ(outcome(HKP_TER_HW_UUID, &hw), HKP_TER_HW_UNKNOWN);
    put("sys/class/dmi/id/board_serial", "To be filled by O.E.M.\n");
    CHECK_EQ(outcome(HKP_TER_HW_BOARD, &hw), HKP_TER_HW_PLACEHOLDER);
    put("sys/firmware/devicetree/base/serial-number", "10000000abcdef01");
    CHECK_EQ(outcome(HKP_TER_HW_BOARD, &hw), HKP_TER_HW_READ);
    CHECK(strcmp(hw.board.text, "10000000abcdef01") == 0);
    put("etc/machine-id", "uninitialized\n");
    CHECK_EQ(outcome(HKP_TER_HW_MACHINE, &hw), HKP_TER_HW_UNKNOWN);
    put("etc/machine-id", "00000000000000000000000000000000\n");
    CHECK_EQ(outcome(HKP_TER_HW_MACHINE, &hw), HKP_TER_HW_PLACEHOLDER);
    put("etc/machine-id", NULL);
    put("var/lib/dbus/machine-id", "0123456789abcdef0123456789abcdef\n");
    CHECK_EQ(outcome(HKP_TER_HW_MACHINE, &hw), HKP_TER_HW_READ);
}

static void only_fixed_disks_count(void) {
    struct hkp_ter_hardware hw;
    struct hkp_ter_hardware_report report;
    machine_make();
    disk("sdc", "1\n", "device/serial", "STICK\n");
    disk("mmcblk0", "0\n", "device/serial", "CARD\n");
    put("sys/block/mmcblk0/device/type", "SD\n");
    disk("mmcblk1", "0\n", "device/serial", "EMMC\n");
    put("sys/block/mmcblk1/device/type", "MMC\n");
    put("sys/devices/pci0000:00/usb1/1-1/sdd/removable", "0\n");
    put("sys/devices/pci0000:00/usb1/1-1/sdd/device/serial", "USB\n");
    link_to("sys/block/sdd", "../devices/pci0000:00/usb1/1-1/sdd");
    disk("nvme0c0n1", "0\n", "device/serial", "PATH\n");
    put("sys/block/nvme0c0n1/hidden", "1\n");
    put("sys/block/dm-0/removable", "0\n");
    put("sys/block/dm-0/serial", "MAPPED\n");
    disk("loop0", "0\n", "serial", "LOOP\n");
    disk("ram0", "0\n", "serial", "RAM\n");
    disk("zram0", "0\n", "serial", "ZRAM\n");
    disk("sde", "0\n", "device/serial", "None\n");
    CHECK_EQ(read_machine(&hw, &report), HKP_OK);
    CHECK_EQ(hw.n_disks, 5);
    CHECK(strcmp(hw.disks[0].text, "EMMC") == 0);
    CHECK_EQ(report.items[HKP_TER_HW_DISKS].left_out, 4); /* stick, card, USB, the one without a name */
}

/* The eight that a record holds do not depend on the order of the folder. */
static void of_many_disks_the_first_eight_in_order_count(void) {
    struct hkp_ter_hardware hw;
    struct hkp_ter_hardware_report report;
    machine_make();
    for (int i = 0; i < 20; i++) {
        char name[16], serial[16];
        snprintf(name, sizeof name, "sd%c%c", 'a' + i / 8, 'a' + i);
        snprintf(serial, sizeof serial, "A%02d\n", (i * 7 + 3) % 20);
        disk(name, "0\n", "device/serial", serial);
    }
    CHECK_EQ(read_machine(&hw, &report), HKP_OK);
    CHECK_EQ(hw.n_disks, 8);
    for (uint32_t i = 0; i < hw.n_disks; i++) {
        char want[16];
        snprintf(want, sizeof want, "A%02u", i);
        CHECK(strcmp(hw.disks[i].text, want) == 0);
    }
    CHECK_EQ(report.items[HKP_TER_HW_DISKS].left_out, 24 - 8);
}

static void only_permanent_addresses_count(void) {
    struct hkp_ter_hardware hw;
    struct hkp_ter_hardware_report report;
    machine_make();
    card("wlan0", "1\n", "1\n", "00:1b:21:00:00:03\n"); /* random */
    card("wlan1", "1\n", "3\n", "00:1b:21:00:00:04\n"); /* set by somebody */
    card("usb0", "1\n", "0\n", "02:1b:21:00:00:05\n");  /* local bit */
    card("ib0", "32\n", "0\n", "00:1b:21:00:00:06\n");  /* no Ethernet */
    card("eth2", "1\n", "0\n", "00:1b:21:00:00\n");
    put("sys/class/net/veth0/type", "1\n"); /* of no device */
    put("sys/class/net/veth0/addr_assign_type", "0\n");
    put("sys/class/net/veth0/address", "00:1b:21:00:00:07\n");
    CHECK_EQ(read_machine(&hw, &report), HKP_OK);
    CHECK_EQ(hw.n_macs, 2);
    CHECK_MEM(hw.macs, "\x00\x1b\x21\0\0\1\x00\x1b\x21\0\0\2", 12);
    CHECK_EQ(report.items[HKP_TER_HW_MACS].left_out, 4);
    put("sys/class/net/eth0/addr_assign_type", "3\n");
    put("sys/class/net/eth1/addr_assign_type", "3\n");
    CHECK_EQ(outcome(HKP_TER_HW_MACS, &hw), HKP_TER_HW_PLACEHOLDER);
}

static void processors_of_two_families_are_known(void) {
    struct hkp_ter_hardware hw;
    machine_make();
    put("proc/cpuinfo", "processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\n"
                        "CPU architecture: 8\nCPU variant\t: 0x1\nCPU part\t: 0xd0b\nCPU revision\t: 3\n");
    CHECK_EQ(outcome(HKP_TER_HW_CPU, &hw), HKP_TER_HW_READ);
    CHECK(strcmp(hw.cpu_vendor.text, "ARM-41") == 0);
    CHECK(hw.cpu_family == 8 && hw.cpu_model == 0xd0b && hw.cpu_stepping == 0x13);
    static const char arm_of_another_kind[] = "CPU implementer\t: 0x141\nCPU architecture: 8\n"
                                              "CPU variant\t: 0x1\nCPU part\t: 1\nCPU revision\t: 3\n";
    static const char *const unknown[] = {
        "",
        "no colon at all",
        "vendor_id : x",
        "vendor_id\t: A\ncpu family\t: 6\nmodel\t: x\nstepping\t: 1\n",
        "vendor_id\t: A\ncpu family\t: 6\nmodel\t: 4294967296\nstepping\t: 1\n",
        "vendor_id\t: A\ncpu family\t: -6\nmodel\t: 4\nstepping\t: 1\n",
        arm_of_another_kind,
    };
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        put("proc/cpuinfo", unknown[i]);
        CHECK_EQ(outcome(HKP_TER_HW_CPU, &hw), HKP_TER_HW_UNKNOWN);
        CHECK_EQ(hw.cpu_family, 0);
    }
}

/* As nobody, in a child: what is forbidden is told, and the rest is read. */
static void what_may_not_be_read_is_told_and_the_rest_is_read(void) {
    char path[512];
    machine_make();
    CHECK(chmod(root, 0755) == 0);
    snprintf(path, sizeof path, "find %s -type d -exec chmod 755 {} + ; find %s -type f -exec chmod 644 {} +",
             root, root);
    CHECK_EQ(system(path), 0);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/sys/class/dmi/id/%s", root, i == 0 ? "product_uuid" : "board_serial");
        CHECK(chmod(path, 0) == 0);
    }
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        struct hkp_ter_hardware hw;
        struct hkp_ter_hardware_report report;
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(9);
        const hkp_status st = read_machine(&hw, &report);
        const struct hkp_ter_hardware_item *uuid = &report.items[HKP_TER_HW_UUID];
        _exit(st != HKP_OK                                                               ? 2
              : uuid->outcome != HKP_TER_HW_DENIED || uuid->system_error != EACCES       ? 3
              : report.items[HKP_TER_HW_BOARD].outcome != HKP_TER_HW_DENIED              ? 4
              : hw.present != (0xFC & ~(1u << HKP_TER_HW_UUID | 1u << HKP_TER_HW_BOARD)) ? 5
                                                                                         : 0);
    }
    int status = -1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
}

/* The older system hashed hostname and time into its fingerprint, which no run could repeat (SYN-12). */
static void neither_hostname_nor_time_make_a_difference(void) {
    struct hkp_ter_hardware hw;
    uint8_t first[32], second[32], bytes[HKP_TER_HW_RECORD_MAX];
    char name[256] = "", other[] = "another-name";
    size_t len;
    machine_make();
    put("etc/hostname", "first\n");
    CHECK_EQ(read_machine(&hw, NULL), HKP_OK);
    CHECK_EQ(hkp_ter_hardware_fingerprint(&hw, first), HKP_OK);
    put("etc/hostname", "second\n");
    put("proc/sys/kernel/hostname", "second\n");
    put("proc/uptime", "1.0 1.0\n");
    usleep(2000);
    CHECK_EQ(read_machine(&hw, NULL), HKP_OK);
    CHECK_EQ(hkp_ter_hardware_fingerprint(&hw, second), HKP_OK);
    CHECK_MEM(first, second, 32);
    /* the name of this machine is in no record of it, and with another one it is the same machine */
    CHECK_EQ(hkp_ter_hardware_read(NULL, &hw, NULL), HKP_OK);
    CHECK_EQ(hkp_ter_hardware_encode(&hw, bytes, sizeof bytes, &len), HKP_OK);
    CHECK(gethostname(name, sizeof name - 1) == 0);
    CHECK(strlen(name) < 4 || memmem(bytes, len, name, strlen(name)) == NULL);
    CHECK_EQ(hkp_ter_hardware_fingerprint(&hw, first), HKP_OK);
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        if (unshare(CLONE_NEWUTS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWUTS) != 0) _exit(77);
        if (sethostname(other, strlen(other)) != 0) _exit(77);
        if (hkp_ter_hardware_read(NULL, &hw, NULL) != HKP_OK) _exit(2);
        if (hkp_ter_hardware_fingerprint(&hw, second) != HKP_OK) _exit(3);
        _exit(memcmp(first, second, 32) == 0 ? 0 : 4);
    }
    int status = -1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        printf("# the hostname may not be changed here\n");
    else
        CHECK_EQ(WEXITSTATUS(status), 0);
}

static void this_machine_is_itself(void) {
    struct hkp_ter_hardware a, b;
    struct hkp_ter_hardware_report report;
    struct hkp_ter_hardware_match m;
    CHECK_EQ(hkp_ter_hardware_read(NULL, &a, &report), HKP_OK);
    CHECK_EQ(hkp_ter_hardware_read(NULL, &b, NULL), HKP_OK);
    CHECK_MEM(&a, &b, sizeof a);
    for (uint32_t key = 1; key < HKP_TER_HW_KEYS; key++) {
        CHECK(report.items[key].outcome >= HKP_TER_HW_READ &&
              report.items[key].outcome <= HKP_TER_HW_UNKNOWN);
        CHECK_EQ(report.items[key].outcome == HKP_TER_HW_READ, a.present >> key & 1);
    }
    const hkp_status st = hkp_ter_hardware_compare(&a, &b, &m);
    CHECK(st == HKP_E_TER_HW_WEAK || (st == HKP_OK && m.score == 100 && m.verdict == HKP_TER_HW_SAME));
}

/* Half of a machine changed is not the same machine; the older system let two of four categories change. */
static void two_of_four_parts_changed_is_not_the_same_machine(void) {
    struct hkp_ter_hardware then, now;
    struct hkp_ter_hardware_match m;
    machine_make();
    CHECK_EQ(read_machine(&then, NULL), HKP_OK);
    put("sys/class/dmi/id/product_uuid", "11111111-9486-1af5-57cf-3861b93b08be\n");
    put("sys/class/dmi/id/board_serial", "SN-4712\n");
    put("proc/cpuinfo", "vendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t: 1\nstepping\t: 1\n");
    CHECK_EQ(read_machine(&now, NULL), HKP_OK);
    CHECK_EQ(hkp_ter_hardware_compare(&then, &now, &m), HKP_OK);
    CHECK_EQ(m.score, 50);
    CHECK_EQ(m.verdict, HKP_TER_HW_CHANGED);
    card("eth0", "1\n", "0\n", "00:1b:21:00:01:01\n");
    CHECK_EQ(read_machine(&now, NULL), HKP_OK);
    CHECK_EQ(hkp_ter_hardware_compare(&then, &now, &m), HKP_OK);
    CHECK_EQ(m.score, 36); /* (15 + 7) of 60 */
    CHECK_EQ(m.verdict, HKP_TER_HW_OTHER);
}

/* ---- Providers ---- */

static uint32_t provider(uint32_t kind, const char *puf_path) {
    struct hkp_ter_hardware_options opt;
    struct hkp_ter_provider p;
    hkp_ter_hardware_options_init(&opt, sizeof opt);
    opt.root = root;
    opt.puf_path = puf_path;
    CHECK_EQ(hkp_ter_provider_read(&opt, kind, &p), HKP_OK);
    CHECK_EQ(p.kind, kind);
    CHECK(p.name[0] != 0 && p.reason[0] != 0);
    return p.state;
}

static void a_machine_without_them_has_no_provider(void) {
    struct hkp_ter_provider p;
    folder_remove(root);
    CHECK(mkdir(root, 0700) == 0);
    for (uint32_t kind = 0; kind < HKP_TER_PROVIDERS; kind++)
        CHECK_EQ(provider(kind, "/dev/puf0"), HKP_TER_PROVIDER_ABSENT);
    CHECK_EQ(provider(HKP_TER_PROVIDER_PUF, NULL), HKP_TER_PROVIDER_ABSENT);
    CHECK_EQ(hkp_ter_provider_read(NULL, HKP_TER_PROVIDERS, &p), HKP_E_NOTFOUND);
    for (uint32_t kind = 0; kind < HKP_TER_PROVIDERS; kind++)
        CHECK_EQ(hkp_ter_provider_read(NULL, kind, &p), HKP_OK);
}

/* A plain file is no device, however it is called. */
static void names_alone_make_no_device(void) {
    put("dev/tpmrm0", "");
    put("dev/tee0", "");
    put("dev/sgx_enclave", "");
    put("dev/puf0", "");
    for (uint32_t kind = 0; kind < HKP_TER_PROVIDERS; kind++)
        CHECK_EQ(provider(kind, "/dev/puf0"), HKP_TER_PROVIDER_ABSENT);
}

static void what_is_there_is_told_and_doubt_is_told_as_doubt(void) {
    link_to("dev/tpmrm0", "/dev/null");
    link_to("dev/tee0", "/dev/null");
    link_to("dev/sgx_enclave", "/dev/null");
    link_to("dev/puf0", "/dev/null");
    put("sys/kernel/security/txt/x", "");
    CHECK_EQ(provider(HKP_TER_PROVIDER_TPM, NULL), HKP_TER_PROVIDER_PRESENT);
    CHECK_EQ(provider(HKP_TER_PROVIDER_SGX, NULL), HKP_TER_PROVIDER_PRESENT);
    CHECK_EQ(provider(HKP_TER_PROVIDER_TXT, NULL), HKP_TER_PROVIDER_PRESENT);
    CHECK_EQ(provider(HKP_TER_PROVIDER_PUF, "/dev/puf0"), HKP_TER_PROVIDER_PRESENT);
    CHECK_EQ(provider(HKP_TER_PROVIDER_TRUSTZONE, NULL), HKP_TER_PROVIDER_UNKNOWN); /* it does not answer */
    folder_remove(root);
    CHECK(mkdir(root, 0700) == 0);
    put("proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu sgx_lc smx sgx\n");
    CHECK_EQ(provider(HKP_TER_PROVIDER_SGX, NULL), HKP_TER_PROVIDER_UNKNOWN);
    CHECK_EQ(provider(HKP_TER_PROVIDER_TXT, NULL), HKP_TER_PROVIDER_UNKNOWN);
    put("proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu sgx_lc smxx\nbugs\t\t: sgx smx\n");
    CHECK_EQ(provider(HKP_TER_PROVIDER_SGX, NULL), HKP_TER_PROVIDER_ABSENT);
    CHECK_EQ(provider(HKP_TER_PROVIDER_TXT, NULL), HKP_TER_PROVIDER_ABSENT);
    put("sys/class/tpm/tpm0/tpm_version_major", "2\n");
    put("sys/class/tee/tee0/dev", "1:1\n");
    CHECK_EQ(provider(HKP_TER_PROVIDER_TPM, NULL), HKP_TER_PROVIDER_PRESENT);
    CHECK_EQ(provider(HKP_TER_PROVIDER_TRUSTZONE, NULL), HKP_TER_PROVIDER_UNKNOWN);
}

static void only_op_tee_counts_as_trustzone(void) {
    struct hkp_ter_provider p;
    memset(&p, 0, sizeof p);
    hkp_ter__tee_decide(0, 1, &p);
    CHECK_EQ(p.state, HKP_TER_PROVIDER_PRESENT);
    hkp_ter__tee_decide(0, 2, &p); /* that of a processor of another maker */
    CHECK_EQ(p.state, HKP_TER_PROVIDER_ABSENT);
    hkp_ter__tee_decide(EACCES, 0, &p);
    CHECK_EQ(p.state, HKP_TER_PROVIDER_UNKNOWN);
    CHECK_EQ(p.system_error, EACCES);
}

/* ---- Sources of noise ---- */

/* SYN-9.2: real readings of both, refused by the entropy test and by nothing else. */
static void clock_and_cache_are_measured_and_refused(void) {
    void (*const drivers[])(struct hkp_ter_fuzzy_source *) = {hkp_ter_fuzzy_source_clock,
                                                              hkp_ter_fuzzy_source_cache};
    struct hkp_rng rng;
    hkp_ter_system_rng(&rng);
    for (size_t i = 0; i < 2; i++) {
        struct hkp_ter_fuzzy_source source;
        struct hkp_ter_fuzzy_entropy entropy;
        uint8_t a[HKP_TER_FUZZY_READING_MAX], b[HKP_TER_FUZZY_READING_MAX], key[32] = {0x44};
        uint8_t sketch[HKP_TER_FUZZY_SKETCH_MAX] = {0x33};
        const size_t size = hkp_ter_fuzzy_reading_size(1, 4);
        size_t len = 7;
        drivers[i](&source);
        CHECK_EQ(source.declared, 0);
        CHECK_EQ(source.read(source.user, a, size * 8 - 4), 0);
        CHECK_EQ(source.read(source.user, b, size * 8 - 4), 0);
        CHECK(memcmp(a, b, size) != 0); /* it was measured, and it is noise */
        CHECK_EQ(a[size - 1] & 15, 0);
        for (uint32_t declared = 0; declared <= HKP_TER_FUZZY_BIT; declared += HKP_TER_FUZZY_BIT) {
            CHECK_EQ(hkp_ter_fuzzy_entropy_of(a, size, 1, 4, declared, &entropy), HKP_OK);
            printf("# %s, declared %u: %u of 65536 a bit, %u bits, %u leak\n", source.name, declared,
                   entropy.per_bit, entropy.total, entropy.leak);
            CHECK(declared > 0 || entropy.total == 0);
        }
        CHECK_EQ(hkp_ter_fuzzy_source_enrol(&source, 1, 4, &rng, NULL, sketch, sizeof sketch, &len, key),
                 HKP_E_TER_FUZZ_ENTROPY);
        CHECK_EQ(hkp_ter_fuzzy_source_enrol(&source, 3, 16, &rng, NULL, sketch, sizeof sketch, &len, key),
                 HKP_E_TER_FUZZ_ENTROPY);
        CHECK(len == 7 && sketch[0] == 0x33 && key[0] == 0x44);
    }
}

/* A line of /proc/self/smaps of the mapping that begins at ptr; 0 if there is none. */
static int mapping_says(const void *ptr, const char *name, char *value, size_t cap) {
    char line[512], start[32];
    int inside = 0, found = 0;
    FILE *f = fopen("/proc/self/smaps", "r");
    snprintf(start, sizeof start, "%lx-", (unsigned long)ptr);
    while (f != NULL && !found && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, start, strlen(start)) == 0) inside = 1;
        if (inside && strncmp(line, name, strlen(name)) == 0) {
            snprintf(value, cap, "%s", line + strlen(name));
            found = 1;
        }
    }
    if (f != NULL) fclose(f);
    return found;
}

/* The address sanitizer takes mlock() for itself and does nothing. */
#if defined(__SANITIZE_ADDRESS__)
#define LOCKS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LOCKS 0
#endif
#endif
#ifndef LOCKS
#define LOCKS 1
#endif

static void locked_memory_is_neither_paged_nor_dumped(void) {
    struct hkp_mem mem;
    char flags[512];
    int32_t locked = -1;
    CHECK_EQ(hkp_ter_locked_mem(&mem, &locked), HKP_OK);
    if (!locked) printf("# no memory may be locked here\n");
    uint8_t *ptr = mem.alloc(mem.user, 5000);
    CHECK(ptr != NULL && (uintptr_t)ptr % 64 == 0); /* vectors want that */
    if (ptr == NULL) return;
    memset(ptr, 1, 5000);
    if (mapping_says(ptr, "VmFlags:", flags, sizeof flags)) {
        CHECK(!LOCKS || !locked || strstr(flags, " lo") != NULL);
        CHECK(strstr(flags, " dd") != NULL);
    } else {
        printf("# the kernel does not show flags of mappings here\n");
    }
    mem.free(mem.user, ptr, 5000);
    CHECK(mem.alloc(mem.user, SIZE_MAX - 1) == NULL);
}

int main(void) {
    folder_make(root);
    CASE(a_whole_machine_is_read);
    CASE(the_endorsement_key_is_what_the_caller_gives);
    CASE(an_empty_machine_has_an_empty_record);
    CASE(fillers_of_makers_are_told_as_such);
    CASE(only_fixed_disks_count);
    CASE(of_many_disks_the_first_eight_in_order_count);
    CASE(only_permanent_addresses_count);
    CASE(processors_of_two_families_are_known);
    CASE(what_may_not_be_read_is_told_and_the_rest_is_read);
    CASE(neither_hostname_nor_time_make_a_difference);
    CASE(this_machine_is_itself);
    CASE(two_of_four_parts_changed_is_not_the_same_machine);
    CASE(a_machine_without_them_has_no_provider);
    CASE(names_alone_make_no_device);
    CASE(what_is_there_is_told_and_doubt_is_told_as_doubt);
    CASE(only_op_tee_counts_as_trustzone);
    CASE(clock_and_cache_are_measured_and_refused);
    CASE(locked_memory_is_neither_paged_nor_dumped);
    folder_remove(root);
    return check_done();
}
