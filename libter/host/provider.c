/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Which hardware for security is there; never more than that (SYN-12). One function for each kind. */
#include "libter/host/hardware.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tee.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

struct ask {
    const struct hkp_ter_hardware_options *opt;
    const char *root;
    int live;
};

static void tell(struct hkp_ter_provider *p, uint32_t state, int error, const char *reason) {
    p->state = state;
    p->system_error = error;
    snprintf(p->reason, sizeof p->reason, "%s", reason);
}

/* 0, or errno of looking for a path below root. */
static int look(const struct ask *ask, const char *where, struct stat *st) {
    char path[HKP_TER__HW_PATH_CAP];
    if (!hkp_ter__hw_path(path, ask->root, "%s", where)) return ENAMETOOLONG;
    return stat(path, st) == 0 ? 0 : errno;
}

static int is_gone(int error) { return error == ENOENT || error == ENOTDIR; }

/* A character device: 0; what else stands there counts as nothing. */
static int look_for_node(const struct ask *ask, const char *where) {
    struct stat st;
    const int error = look(ask, where, &st);
    return error != 0 ? error : S_ISCHR(st.st_mode) ? 0 : ENOENT;
}

/* ---- TPM ---- */

static void ask_tpm(const struct ask *ask, struct hkp_ter_provider *p) {
    struct stat st;
    char path[HKP_TER__HW_PATH_CAP], text[16] = "";
    size_t len;
    const int node = look_for_node(ask, "/dev/tpmrm0"), class = look(ask, "/sys/class/tpm/tpm0", &st);
    if (hkp_ter__hw_path(path, ask->root, "/sys/class/tpm/tpm0/tpm_version_major"))
        (void)hkp_ter__hw_file(path, text, sizeof text, &len);
    if (text[0] == '1')
        tell(p, HKP_TER_PROVIDER_PRESENT, 0, "/sys/class/tpm/tpm0: version 1.2, which is not used here");
    else if (node == 0)
        tell(p, HKP_TER_PROVIDER_PRESENT, 0, "/dev/tpmrm0");
    else if (class == 0)
        tell(p, HKP_TER_PROVIDER_PRESENT, node, "/sys/class/tpm/tpm0, but no /dev/tpmrm0 to reach it");
    else if (is_gone(node) && is_gone(class))
        tell(p, HKP_TER_PROVIDER_ABSENT, 0, "neither /dev/tpmrm0 nor /sys/class/tpm/tpm0");
    else
        tell(p, HKP_TER_PROVIDER_UNKNOWN, is_gone(node) ? class : node, "/dev/tpmrm0: cannot be looked at");
}

/* ---- TrustZone ---- */

void hkp_ter__tee_decide(int error, uint32_t kind, struct hkp_ter_provider *p) {
    if (error == 0 && kind == TEE_IMPL_ID_OPTEE)
        tell(p, HKP_TER_PROVIDER_PRESENT, 0, "/dev/tee0: OP-TEE");
    else if (error == 0)
        tell(p, HKP_TER_PROVIDER_ABSENT, 0, "/dev/tee0 belongs to another kind of secure world");
    else
        tell(p, HKP_TER_PROVIDER_UNKNOWN, error, "/dev/tee0 is there, but does not say what it is");
}

static void ask_trustzone(const struct ask *ask, struct hkp_ter_provider *p) {
    struct tee_ioctl_version_data version = {0};
    char path[HKP_TER__HW_PATH_CAP];
    struct stat st;
    const int node = look_for_node(ask, "/dev/tee0"), class = look(ask, "/sys/class/tee/tee0", &st);
    if (node == 0 && hkp_ter__hw_path(path, ask->root, "/dev/tee0")) {
        const int fd = hkp_ter__open_read(AT_FDCWD, path);
        const int error = fd < 0 || ioctl(fd, TEE_IOC_VERSION, &version) != 0 ? errno : 0;
        if (fd >= 0) close(fd);
        hkp_ter__tee_decide(error, version.impl_id, p);
    } else if (class == 0) {
        tell(p, HKP_TER_PROVIDER_UNKNOWN, node, "/sys/class/tee/tee0 is there, but no /dev/tee0 to ask");
    } else if (is_gone(node) && is_gone(class)) {
        tell(p, HKP_TER_PROVIDER_ABSENT, 0, "neither /dev/tee0 nor /sys/class/tee/tee0");
    } else {
        tell(p, HKP_TER_PROVIDER_UNKNOWN, is_gone(node) ? class : node, "/dev/tee0: cannot be looked at");
    }
}

/* ---- SGX and TXT ---- */

/* 1: the kernel lists this flag of the processor; 0: it lists flags, and not this one; -1: no list. */
static int cpu_flag(const struct ask *ask, const char *flag) {
    char path[HKP_TER__HW_PATH_CAP], info[HKP_TER__HW_FILE_CAP];
    size_t len;
    if (!hkp_ter__hw_path(path, ask->root, "/proc/cpuinfo") ||
        hkp_ter__hw_file(path, info, sizeof info, &len) != 0)
        return -1;
    char *at = strstr(info, "\nflags"), *save = NULL;
    if (at == NULL || (at = strchr(at, ':')) == NULL) return -1;
    at[1 + strcspn(at + 1, "\n")] = 0;
    for (char *word = strtok_r(at + 1, " \t", &save); word != NULL; word = strtok_r(NULL, " \t", &save))
        if (strcmp(word, flag) == 0) return 1;
    return 0;
}

/* The processor's own word, which the kernel's list leaves out where firmware has it switched off. */
static int cpuid_sgx(const struct ask *ask) {
#if defined(__x86_64__) || defined(__i386__)
    unsigned a, b = 0, c, d;
    if (ask->live && __get_cpuid_count(7, 0, &a, &b, &c, &d)) return (int)(b >> 2 & 1);
#else
    (void)ask;
#endif
    return 0;
}

static void ask_sgx(const struct ask *ask, struct hkp_ter_provider *p) {
    const int node = look_for_node(ask, "/dev/sgx_enclave"), flag = cpu_flag(ask, "sgx");
    if (node == 0)
        tell(p, HKP_TER_PROVIDER_PRESENT, 0, "/dev/sgx_enclave");
    else if (!is_gone(node))
        tell(p, HKP_TER_PROVIDER_UNKNOWN, node, "/dev/sgx_enclave: cannot be looked at");
    else if (flag == 1 || cpuid_sgx(ask))
        tell(p, HKP_TER_PROVIDER_UNKNOWN, 0, "the processor has it, but there is no /dev/sgx_enclave");
    else
        tell(p, HKP_TER_PROVIDER_ABSENT, 0, "no /dev/sgx_enclave, and the processor does not tell of it");
}

static void ask_txt(const struct ask *ask, struct hkp_ter_provider *p) {
    struct stat st;
    const int error = look(ask, "/sys/kernel/security/txt", &st);
    if (error == 0)
        tell(p, HKP_TER_PROVIDER_PRESENT, 0, "/sys/kernel/security/txt");
    else if (!is_gone(error))
        tell(p, HKP_TER_PROVIDER_UNKNOWN, error, "/sys/kernel/security/txt: cannot be looked at");
    else if (cpu_flag(ask, "smx") == 1)
        tell(p, HKP_TER_PROVIDER_UNKNOWN, 0,
             "the processor has SMX, but there is no /sys/kernel/security/txt");
    else
        tell(p, HKP_TER_PROVIDER_ABSENT, 0, "no /sys/kernel/security/txt, and the processor tells of no SMX");
}

/* ---- PUF ---- */

static void ask_puf(const struct ask *ask, struct hkp_ter_provider *p) {
    if (ask->opt->puf_path == NULL) {
        tell(p, HKP_TER_PROVIDER_ABSENT, 0, "no driver of a PUF is configured");
        return;
    }
    const int node = look_for_node(ask, ask->opt->puf_path);
    if (node == 0)
        tell(p, HKP_TER_PROVIDER_PRESENT, 0, "the configured device is there");
    else if (is_gone(node))
        tell(p, HKP_TER_PROVIDER_ABSENT, 0, "the configured device is not there");
    else
        tell(p, HKP_TER_PROVIDER_UNKNOWN, node, "the configured device cannot be looked at");
}

static const struct {
    const char *name;
    void (*ask)(const struct ask *ask, struct hkp_ter_provider *p);
} kinds[HKP_TER_PROVIDERS] = {
    {"TPM", ask_tpm}, {"TrustZone", ask_trustzone}, {"SGX", ask_sgx}, {"TXT", ask_txt}, {"PUF", ask_puf},
};

hkp_status hkp_ter_provider_read(const struct hkp_ter_hardware_options *opt, uint32_t kind,
                                 struct hkp_ter_provider *provider) {
    struct hkp_ter_hardware_options own;
    struct hkp_ter_provider p;
    struct ask ask = {.opt = &own, .root = ""};
    hkp_status st = hkp_ter__hw_options(opt, &own);
    if (st != HKP_OK) return st;
    if (kind >= HKP_TER_PROVIDERS) return HKP_E_NOTFOUND;
    ask.live = own.root == NULL;
    if (!ask.live) ask.root = own.root;
    memset(&p, 0, sizeof p);
    p.kind = kind;
    snprintf(p.name, sizeof p.name, "%s", kinds[kind].name);
    kinds[kind].ask(&ask, &p);
    *provider = p;
    return HKP_OK;
}
