/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Which machine this is: its hardware record, what could not be read, and whether it is the enrolled one. */
#include "cli.h"

#include <errno.h>
#include <hookprobe/ter.h>
#include <hookprobe/ter/tpm.h>
#include <stdio.h>
#include <string.h>

enum { EK_AREA_CAP = 512, HEX_CAP = 2 * HKP_TER_HW_RECORD_MAX + 1 };

/* What the command was asked for. */
struct wanted {
    struct hkp_ter_hardware_options opt;
    const char *record_path, *compare_path, *ek_path, *tcti;
    int json, sources;
    uint8_t ek_area[EK_AREA_CAP];
};

/* All that is told. */
struct found {
    struct hkp_ter_hardware hw;
    struct hkp_ter_hardware_report report;
    uint8_t record[HKP_TER_HW_RECORD_MAX], fingerprint[32];
    size_t record_len;
    uint32_t weight;
};

static void hex(const uint8_t *bytes, size_t len, char *out) {
    out[0] = 0;
    for (size_t i = 0; i < len; i++) sprintf(out + 2 * i, "%02x", bytes[i]);
}

static const char *outcome_name(uint32_t outcome) {
    static const char *const names[] = {"?",           "read",          "absent",
                                        "placeholder", "not permitted", "not readable"};
    return names[outcome < 6 ? outcome : 0];
}

static const char *state_name(uint32_t state) {
    static const char *const names[] = {"absent", "present", "unknown"};
    return names[state < 3 ? state : 2];
}

static const char *verdict_name(uint32_t verdict) {
    static const char *const names[] = {"other machine", "changed machine", "same machine"};
    return names[verdict < 3 ? verdict : 0];
}

/* ---- Reading ---- */

static int read_all(const struct wanted *w, struct found *f) {
    memset(f, 0, sizeof *f);
    hkp_status st = hkp_ter_hardware_read(&w->opt, &f->hw, &f->report);
    if (st == HKP_OK) st = hkp_ter_hardware_encode(&f->hw, f->record, sizeof f->record, &f->record_len);
    if (st == HKP_OK) st = hkp_ter_hardware_fingerprint(&f->hw, f->fingerprint);
    if (st != HKP_OK) return cli_fail(CLI_SYSTEM, "cannot read the hardware: %s", cli_status_name(st));
    for (uint32_t key = 1; key < HKP_TER_HW_KEYS; key++)
        if ((f->hw.present >> key & 1) != 0) f->weight += hkp_ter_hardware_key_weight(key);
    return CLI_OK;
}

/* Values of one key as a JSON array of texts, empty if it is not there. */
static json_t *values_of(const struct hkp_ter_hardware *hw, uint32_t key) {
    char text[160];
    json_t *list = json_array();
    if ((hw->present >> key & 1) == 0) return list;
    switch (key) {
    case HKP_TER_HW_BOARD:
        json_array_append_new(list, json_string(hw->board.text));
        return list;
    case HKP_TER_HW_DISKS:
        for (uint32_t i = 0; i < hw->n_disks; i++)
            json_array_append_new(list, json_string(hw->disks[i].text));
        return list;
    case HKP_TER_HW_MACS:
        for (uint32_t i = 0; i < hw->n_macs; i++) {
            const uint8_t *m = hw->macs[i];
            snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
            json_array_append_new(list, json_string(text));
        }
        return list;
    case HKP_TER_HW_CPU:
        snprintf(text, sizeof text, "%s family %u model %u stepping %u", hw->cpu_vendor.text, hw->cpu_family,
                 hw->cpu_model, hw->cpu_stepping);
        break;
    case HKP_TER_HW_UUID:
        hex(hw->uuid, sizeof hw->uuid, text);
        break;
    default:
        hex(key == HKP_TER_HW_EK ? hw->ek : hw->machine, 32, text);
        break;
    }
    json_array_append_new(list, json_string(text));
    return list;
}

static json_t *keys_of(const struct found *f) {
    json_t *list = json_array();
    for (uint32_t key = 1; key < HKP_TER_HW_KEYS; key++) {
        const struct hkp_ter_hardware_item *item = &f->report.items[key];
        json_array_append_new(list, json_pack("{s:i,s:s,s:i,s:s,s:s,s:o,s:i,s:i}", "key", (int)key, "name",
                                              hkp_ter_hardware_key_name(key), "weight",
                                              (int)hkp_ter_hardware_key_weight(key), "outcome",
                                              outcome_name(item->outcome), "reason", item->reason, "values",
                                              values_of(&f->hw, key), "left_out", (int)item->left_out,
                                              "errno", (int)item->system_error));
    }
    return list;
}

static json_t *providers_of(const struct wanted *w) {
    json_t *list = json_array();
    for (uint32_t kind = 0; kind < HKP_TER_PROVIDERS; kind++) {
        struct hkp_ter_provider p;
        if (hkp_ter_provider_read(&w->opt, kind, &p) != HKP_OK) continue;
        json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "name", p.name, "state", state_name(p.state),
                                              "reason", p.reason));
    }
    return list;
}

/* ---- Sources of the fuzzy extractor ---- */

static json_t *source_of(const struct hkp_ter_fuzzy_source *source) {
    const uint32_t repeat = 1, blocks = 4;
    uint8_t reading[HKP_TER_FUZZY_READING_MAX], sketch[HKP_TER_FUZZY_SKETCH_MAX], key[32];
    const size_t len = hkp_ter_fuzzy_reading_size(repeat, blocks);
    struct hkp_ter_fuzzy_entropy e = {0};
    struct hkp_rng rng;
    struct hkp_mem mem;
    size_t sketch_len;
    hkp_ter_system_rng(&rng);
    int32_t locked;
    hkp_status st = hkp_ter_locked_mem(&mem, &locked);
    if (st == HKP_OK)
        st = source->read(source->user, reading, (size_t)HKP_TER_FUZZY_BLOCK_BITS * repeat * blocks);
    if (st == HKP_OK) st = hkp_ter_fuzzy_entropy_of(reading, len, repeat, blocks, HKP_TER_FUZZY_BIT, &e);
    if (st == HKP_OK)
        st = hkp_ter_fuzzy_source_enrol(source, repeat, blocks, &rng, &mem, sketch, sizeof sketch,
                                        &sketch_len, key);
    hkp_ter_wipe(key, sizeof key);
    return json_pack("{s:s,s:i,s:i,s:i,s:s}", "name", source->name, "declared_q16", (int)source->declared,
                     "measured_q16", (int)e.per_bit, "leak_bits", (int)e.leak, "verdict",
                     st == HKP_OK ? "accepted" : cli_status_name(st));
}

static json_t *sources_of(void) {
    struct hkp_ter_fuzzy_source clock_drift, cache_timing;
    hkp_ter_fuzzy_source_clock(&clock_drift);
    hkp_ter_fuzzy_source_cache(&cache_timing);
    return json_pack("[o,o]", source_of(&clock_drift), source_of(&cache_timing));
}

/* ---- Comparing ---- */

static json_t *names_of(uint32_t mask) {
    json_t *list = json_array();
    for (uint32_t key = 1; key < HKP_TER_HW_KEYS; key++)
        if ((mask >> key & 1) != 0) json_array_append_new(list, json_string(hkp_ter_hardware_key_name(key)));
    return list;
}

/* The verdict as JSON, and the exit code of the command. */
static int compare(const struct wanted *w, const struct found *f, json_t **out) {
    uint8_t bytes[HKP_TER_HW_RECORD_MAX];
    struct hkp_ter_hardware enrolled;
    struct hkp_ter_hardware_match m;
    size_t len = 0;
    hkp_status st = hkp_ter_file_read(w->compare_path, 0, bytes, sizeof bytes, &len);
    if (st == HKP_E_NOSPC) st = HKP_E_TER_HW_RECORD; /* no record is as long */
    if (st == HKP_OK) st = hkp_ter_hardware_decode(&enrolled, bytes, len);
    if (st == HKP_OK) st = hkp_ter_hardware_compare(&enrolled, &f->hw, &m);
    if (st == HKP_E_TER_HW_WEAK)
        return cli_fail(CLI_NO, "%s: it says too little for a verdict: %s", w->compare_path,
                        cli_status_name(st));
    if (st != HKP_OK)
        return cli_fail(st > HKP_E_TER_BASE ? CLI_SYSTEM : CLI_DAMAGED, "%s: %s", w->compare_path,
                        cli_status_name(st));
    *out = json_pack("{s:s,s:i,s:i,s:i,s:o,s:o,s:o,s:o,s:o}", "verdict", verdict_name(m.verdict), "score",
                     (int)m.score, "weight", (int)m.total, "found", (int)m.sum, "equal", names_of(m.equal),
                     "partly", names_of(m.partly), "differs", names_of(m.differs), "missing",
                     names_of(m.missing), "added", names_of(m.added));
    return m.verdict == HKP_TER_HW_SAME ? CLI_OK : CLI_NO;
}

/* ---- Telling ---- */

static const char *text_of(json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}
static int number_of(json_t *object, const char *key) {
    return (int)json_integer_value(json_object_get(object, key));
}

static void print_list(const char *name, json_t *list) {
    json_t *one;
    size_t i;
    if (json_array_size(list) == 0) return;
    printf("  %-9s", name);
    json_array_foreach(list, i, one) printf("%s%s", i == 0 ? "" : ", ", json_string_value(one));
    putchar('\n');
}

static void print_keys(json_t *keys) {
    json_t *one, *value;
    size_t i, k;
    json_array_foreach(keys, i, one) {
        json_t *values = json_object_get(one, "values");
        printf("  %-20s %-14s", text_of(one, "name"), text_of(one, "outcome"));
        json_array_foreach(values, k, value) printf("%s%s", k == 0 ? "" : ", ", json_string_value(value));
        if (json_array_size(values) == 0) printf("%s", text_of(one, "reason"));
        if (number_of(one, "errno") != 0) printf(": %s", strerror(number_of(one, "errno")));
        if (number_of(one, "left_out") > 0) printf(" (%d left out)", number_of(one, "left_out"));
        putchar('\n');
    }
}

static void print_text(json_t *all) {
    static const char *const lists[] = {"equal", "partly", "differs", "missing", "added"};
    json_t *one, *match = json_object_get(all, "compare");
    size_t i;
    printf("fingerprint %s\nrecord of %zu bytes, weight %d of 100\n", text_of(all, "fingerprint"),
           strlen(text_of(all, "record")) / 2, number_of(all, "weight"));
    print_keys(json_object_get(all, "keys"));
    puts("security hardware");
    json_array_foreach(json_object_get(all, "providers"), i, one)
        printf("  %-20s %-14s%s\n", text_of(one, "name"), text_of(one, "state"), text_of(one, "reason"));
    if (json_object_get(all, "sources") != NULL) puts("sources of the fuzzy extractor");
    json_array_foreach(json_object_get(all, "sources"), i, one)
        printf("  %-20s %-14s measured %.3f, declared %.3f bits of entropy a bit\n", text_of(one, "name"),
               text_of(one, "verdict"), number_of(one, "measured_q16") / 65536.0,
               number_of(one, "declared_q16") / 65536.0);
    if (match == NULL) return;
    printf("%s: score %d of 100 (%d of %d)\n", text_of(match, "verdict"), number_of(match, "score"),
           number_of(match, "found"), number_of(match, "weight"));
    for (i = 0; i < sizeof lists / sizeof lists[0]; i++)
        print_list(lists[i], json_object_get(match, lists[i]));
}

static int tell(const struct wanted *w, const struct found *f) {
    char record[HEX_CAP], fingerprint[65];
    json_t *match = NULL;
    const int code = w->compare_path != NULL ? compare(w, f, &match) : CLI_OK;
    if (w->compare_path != NULL && match == NULL) return code;
    hex(f->record, f->record_len, record);
    hex(f->fingerprint, 32, fingerprint);
    json_t *all = json_pack("{s:s,s:s,s:i,s:o,s:o}", "fingerprint", fingerprint, "record", record, "weight",
                            (int)f->weight, "keys", keys_of(f), "providers", providers_of(w));
    if (w->sources) json_object_set_new(all, "sources", sources_of());
    if (match != NULL) json_object_set_new(all, "compare", match);
    if (w->json) {
        cli_print_json(all, 0);
    } else {
        print_text(all);
        json_decref(all);
    }
    return code;
}

/* Public area of the endorsement key, from a TPM or a file that another program made. */
static hkp_status read_ek(struct wanted *w) {
    struct hkp_ter_tpm_options opt;
    struct hkp_ter_tpm_job job = {.struct_size = sizeof job, .op = HKP_TER_TPM_EK_READ};
    struct hkp_ter_tpm_result result = {0};
    hkp_ter_tpm *tpm = NULL;
    size_t len = 0;
    hkp_status st;
    if (w->ek_path != NULL) {
        st = hkp_ter_file_read(w->ek_path, 0, w->ek_area, sizeof w->ek_area, &len);
    } else {
        hkp_ter_tpm_options_init(&opt, sizeof opt);
        opt.tcti = w->tcti;
        st = hkp_ter_tpm_new(&tpm, &opt);
        if (st == HKP_OK) st = hkp_ter_tpm_run(tpm, &job, &result);
        hkp_ter_tpm_free(tpm);
        len = result.area_len;
        if (st == HKP_OK) memcpy(w->ek_area, result.area, len);
    }
    if (st != HKP_OK || len == 0) return st != HKP_OK ? st : HKP_E_NOTFOUND;
    w->opt.ek_area = w->ek_area;
    w->opt.ek_area_len = (uint32_t)len;
    return HKP_OK;
}

static int run(struct wanted *w) {
    struct found f;
    const hkp_status ek = w->ek_path != NULL || w->tcti != NULL ? read_ek(w) : HKP_OK;
    if (ek != HKP_OK)
        return cli_fail(ek == HKP_E_INVAL ? CLI_USAGE : CLI_SYSTEM, "%s: no public area: %s",
                        w->ek_path != NULL ? w->ek_path : w->tcti, cli_status_name(ek));
    int code = read_all(w, &f);
    if (code != CLI_OK) return code;
    if (w->record_path != NULL) {
        const hkp_status st = hkp_ter_file_write(w->record_path, f.record, f.record_len);
        if (st != HKP_OK)
            return cli_fail(CLI_SYSTEM, "%s: cannot be written: %s", w->record_path, cli_status_name(st));
    }
    return tell(w, &f);
}

static int hardware(int argc, char **argv) {
    static const struct option own[] = {
        {"record", required_argument, NULL, 'r'}, {"compare", required_argument, NULL, 'c'},
        {"ek", required_argument, NULL, 'e'},     {"puf", required_argument, NULL, 'p'},
        {"root", required_argument, NULL, 'o'},   {"tpm", required_argument, NULL, 't'},
        {"sources", no_argument, NULL, 's'},      {NULL, 0, NULL, 0}};
    struct wanted w = {0};
    int got;
    hkp_ter_hardware_options_init(&w.opt, sizeof w.opt);
    while ((got = cli_option(&cli_ter_hardware, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'r') w.record_path = optarg;
        if (got == 'c') w.compare_path = optarg;
        if (got == 'e') w.ek_path = optarg;
        if (got == 'p') w.opt.puf_path = optarg;
        if (got == 'o') w.opt.root = optarg;
        if (got == 's') w.sources = 1;
        if (got == 't') w.tcti = optarg;
        if (got == 'j') w.json = 1;
    }
    if (optind != argc) return cli_fail(CLI_USAGE, "ter hardware wants no argument: %s", argv[optind]);
    return run(&w);
}

const struct cli_command cli_ter_hardware = {
    .name = "ter hardware",
    .summary = "tell which machine this is",
    .help =
        "usage: hookprobe ter hardware [--record FILE] [--compare FILE] [--tpm TPM | --ek FILE]\n"
        "                             [--puf DEVICE] [--root DIR] [--sources] [--json]\n\n"
        "Reads the hardware record of this machine as far as this user may, says what could not be read and\n"
        "why, and which hardware for security is there. The record identifies; it authenticates nothing.\n\n"
        "  --record FILE   write the record, as it is enrolled\n"
        "  --compare FILE  compare with an enrolled record; exit 1 if it is not the same machine\n"
        "  --ek FILE       public area of the TPM's endorsement key, as a part of the record\n"
        "  --tpm TPM       take that part from a TPM: device:/dev/tpmrm0, or swtpm:path=PATH\n"
        "  --puf DEVICE    device node of the driver of a PUF\n"
        "  --root DIR      folder that stands for /\n"
        "  --sources       measure the sources of the fuzzy extractor, and say why they are refused\n"
        "  --json          one JSON object\n",
    .run = hardware,
};
