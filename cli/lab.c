/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What the lab's commands share, and their answer in a build without the lab. */
#ifdef CLI_LAB
#include "lab.h"
#include "bridge.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int cli_lab_key(const char *text, uint8_t key[32]) {
    size_t len = 0;
    if (sodium_init() < 0) return -1;
    if (text == NULL) {
        randombytes_buf(key, 32);
        return 0;
    }
    return sodium_hex2bin(key, 32, text, strlen(text), NULL, &len, NULL) == 0 && len == 32 ? 0 : -1;
}

void cli_lab_warn(void) { fputs(HKP_NEURO_LAB_WARNING "\n", stderr); }

void cli_lab_line(int json, json_t *line, const char *format, ...) {
    if (json) {
        cli_print_json(line, 0);
        return;
    }
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    json_decref(line);
}

const char *cli_lab_name(uint32_t index, char text[40]) {
    static const char *const acts[] = {"ReLU", "Tanh", "Sigmoid"};
    struct hkp_neuro_lab_arch arch;
    if (hkp_neuro_lab_arch_get(index, &arch) != HKP_OK) return "none";
    int at = snprintf(text, 40, "%s ", acts[arch.act]);
    for (uint32_t k = 0; k < arch.depth; k++)
        at += snprintf(text + at, 40 - (size_t)at, "%s%u", k == 0 ? "" : "-", arch.widths[k]);
    return text;
}

int32_t cli_lab_progress(void *user, uint32_t step, uint32_t of, uint32_t wrong, uint32_t bits) {
    const char *what = user;
    if (!isatty(STDERR_FILENO)) return 0;
    if (bits != 0)
        fprintf(stderr, "\r%s %u of %u, %.2f %% of bits wrong ", what, step, of, 100.0 * wrong / bits);
    else
        fprintf(stderr, "\r%s %u of %u ", what, step, of);
    if (step == of) fputc('\n', stderr);
    return 0;
}

void cli_lab_layer(struct hkp_neuro_hyb_layer *layer) {
    static struct hkp_neuro_lab_layer nc1;
    if (layer == NULL) {
        hkp_neuro_lab_layer_end(&nc1);
        return;
    }
    layer->user = &nc1;
    layer->apply = hkp_neuro_lab_layer_apply;
}
#else
#include "bridge.h"

void cli_lab_layer(struct hkp_neuro_hyb_layer *layer) { (void)layer; }

static int none(int argc, char **argv) {
    (void)argc;
    (void)argv;
    return cli_fail(CLI_USAGE, "this build has no lab: build with \"meson setup -Dlab=true\"");
}

const struct cli_command cli_lab_cipher = {
    .name = "lab cipher", .summary = "(not in this build)", .run = none};
const struct cli_command cli_lab_attack = {
    .name = "lab attack", .summary = "(not in this build)", .run = none};
const struct cli_command cli_demo_lab = {.name = "demo lab", .summary = "(not in this build)", .run = none};
const struct cli_command cli_lab_map_propose = {
    .name = "lab map propose", .summary = "(not in this build)", .run = none};
#endif
