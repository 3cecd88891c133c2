/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe demo lab: facts, each shown and checked. */
#ifndef HKP_CLI_DEMO_LAB_H
#define HKP_CLI_DEMO_LAB_H

#include "bridge.h"
#include "lab.h"

struct demo_lab {
    int json;
    /** facts of the demonstration that runs, and of all those that did not hold */
    json_t *facts;
    unsigned shown, failed;
    hkp_time began;
};

/** One thing that is shown: what people read, and whether it is so. */
void demo_lab_fact(struct demo_lab *d, const char *name, int holds, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/** More of the same that claims nothing. */
void demo_lab_say(struct demo_lab *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** demo_lab_hybrid.c: the table of the demonstrations, signed and opened again; NULL: said why. */
hkp_neuro_bridge *demo_lab_bridge(void);
void demo_lab_services(struct demo_lab *d, hkp_neuro_bridge *bridge);
void demo_lab_levels(struct demo_lab *d, hkp_neuro_bridge *bridge);

#endif
