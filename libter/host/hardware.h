/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Internal to libter/host: what the readers of hardware share (SYN-8.1). */
#ifndef HKP_LIBTER_HOST_HARDWARE_H
#define HKP_LIBTER_HOST_HARDWARE_H

#include "libter/hardware.h"
#include "libter/host/host.h"

enum { HKP_TER__HW_ROOT_MAX = 3500, HKP_TER__HW_PATH_CAP = 4096, HKP_TER__HW_FILE_CAP = 16384 };

/** One run of the reader. */
struct hkp_ter__hw_scan {
    struct hkp_ter_hardware_options opt;
    struct hkp_ter_hardware *hw;
    struct hkp_ter_hardware_report *report;
    /** "" for the system itself */
    const char *root;
    /** 1: the system itself, which can be asked by other means than files, too */
    int live;
};

/** Options of a caller, or the defaults for NULL. HKP_E_INVAL or HKP_E_TOOBIG. */
hkp_status hkp_ter__hw_options(const struct hkp_ter_hardware_options *from,
                               struct hkp_ter_hardware_options *opt);

/** root and a path made like printf; 0 if it does not fit. */
int hkp_ter__hw_path(char path[HKP_TER__HW_PATH_CAP], const char *root, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** First bytes of a file, zero-terminated, at most cap - 1; 0 or errno. */
int hkp_ter__hw_file(const char *path, char *dst, size_t cap, size_t *len);

/** Writes down what became of a key: outcome, errno and where. */
void hkp_ter__hw_note(struct hkp_ter_hardware_item *item, uint32_t outcome, int error, const char *format,
                      ...) __attribute__((format(printf, 4, 5)));

/** Outcome that an errno stands for. */
uint32_t hkp_ter__hw_outcome_of(int error);

/** Keys 4 and 5. */
void hkp_ter__hw_read_disks(struct hkp_ter__hw_scan *scan);
void hkp_ter__hw_read_macs(struct hkp_ter__hw_scan *scan);

/** What is known of the driver behind /dev/tee0: 0 or errno of asking it, and the kind that it told. */
void hkp_ter__tee_decide(int error, uint32_t kind, struct hkp_ter_provider *provider);

#endif
