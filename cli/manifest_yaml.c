/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What an operator writes about what is measured: schema, checks, expansion by libter (decision 0108). */
#include "manifest.h"
#include "yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

enum { LIST_MAX = 16384, MODULES_MAX = 4096, EXCLUDES_MAX = 256, PATH_LEN_MAX = 4095 };

const char cli_manifest_help[] =
    "what is measured (YAML; all paths are absolute; unknown keys are errors):\n"
    "  method: content|fs-verity     how files are measured unless they say otherwise; default content\n"
    "  symlinks: record|follow|refuse  links found in folders and by patterns; default record: the link "
    "itself\n"
    "  node_id: 32 hex digits        the node it is for; default: any\n"
    "  files:                        a file each; it need not exist: absent is a result\n"
    "    - path: PATH\n"
    "      method: content|fs-verity\n"
    "  links: [PATH, ...]            links whose target is measured, not what is behind it\n"
    "  folders:                      all files below, on its file system; devices, pipes and sockets are "
    "refused\n"
    "    - path: PATH\n"
    "      method, symlinks: as above\n"
    "      exclude: [PATTERN, ...]   names, or whole paths if they begin with a slash\n"
    "  globs:                        files that fit a pattern: * ? [ ] in any name of the path\n"
    "    - path: PATTERN             and method, symlinks, exclude as in folders\n"
    "  kernel:\n"
    "    image: PATH|running           running: /boot/vmlinuz-RELEASE of this machine\n"
    "    cmdline: true|false           the command line of the kernel, @cmdline\n"
    "  modules:                      loaded modules, @modules, but for those of the list\n"
    "    allow: [NAME, ...]\n"
    "  own_binaries: true|false      this program and the libraries that it runs with\n"
    "  policy: true|false            the active policy, @policy\n"
    "  pcr10: true|false             PCR 10 of the TPM (what IMA measured), @pcr10\n"
    "The manifest itself, @manifest, is always measured. An entry of files or links goes before what folders "
    "and\n"
    "globs find; of two findings the first holds. At most 65,536 items, 32 folders deep, 1,048,576 names.\n";

struct file {
    char *path;
    uint32_t method;
};

struct rule {
    char *path;
    uint32_t method, symlinks;
    char **exclude;
    unsigned exclude_count;
};

struct kernel {
    char *image;
    int cmdline;
};

struct modules {
    char **allow;
    unsigned allow_count;
};

struct wanted {
    uint32_t method, symlinks;
    char *node_id;
    struct file *files;
    unsigned files_count;
    char **links;
    unsigned links_count;
    struct rule *folders;
    unsigned folders_count;
    struct rule *globs;
    unsigned globs_count;
    struct kernel kernel;
    struct modules *modules;
    int own_binaries, policy, pcr10;
};

/* ---- schema ---- */

/* 0 is "not said": values are those of the library plus one for links. */
static const cyaml_strval_t method_names[] = {{"content", HKP_TER_KIND_FILE},
                                              {"fs-verity", HKP_TER_KIND_VERITY}};
static const cyaml_strval_t symlink_names[] = {{"record", HKP_TER_LINKS_RECORD + 1},
                                               {"follow", HKP_TER_LINKS_FOLLOW + 1},
                                               {"refuse", HKP_TER_LINKS_REFUSE + 1}};
static const cyaml_strval_t bool_names[] = {{"false", 0}, {"true", 1}};

#define WORD(name, type, names)                                                                              \
    CYAML_FIELD_ENUM(#name, CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, type, name, names,                      \
                     CYAML_ARRAY_LEN(names))
#define BOOL(name, type) WORD(name, type, bool_names)
#define LIST(name, type, value, max)                                                                         \
    CYAML_FIELD_SEQUENCE(#name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, name, &(value), 0, max)
#define PATH(type) CYAML_FIELD_STRING_PTR("path", CYAML_FLAG_POINTER, type, path, 1, PATH_LEN_MAX)

static const cyaml_schema_value_t text_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 1, PATH_LEN_MAX)};

static const cyaml_schema_field_t file_fields[] = {PATH(struct file), WORD(method, struct file, method_names),
                                                   CYAML_FIELD_END};
static const cyaml_schema_value_t file_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file, file_fields)};

static const cyaml_schema_field_t rule_fields[] = {
    PATH(struct rule), WORD(method, struct rule, method_names), WORD(symlinks, struct rule, symlink_names),
    LIST(exclude, struct rule, text_value, EXCLUDES_MAX), CYAML_FIELD_END};
static const cyaml_schema_value_t rule_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct rule, rule_fields)};

static const cyaml_schema_field_t kernel_fields[] = {
    CYAML_FIELD_STRING_PTR("image", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct kernel, image, 1,
                           PATH_LEN_MAX),
    BOOL(cmdline, struct kernel), CYAML_FIELD_END};

static const cyaml_schema_field_t modules_fields[] = {LIST(allow, struct modules, text_value, MODULES_MAX),
                                                      CYAML_FIELD_END};

static const cyaml_schema_field_t fields[] = {
    WORD(method, struct wanted, method_names),
    WORD(symlinks, struct wanted, symlink_names),
    CYAML_FIELD_STRING_PTR("node_id", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct wanted, node_id, 32,
                           32),
    LIST(files, struct wanted, file_value, LIST_MAX),
    LIST(links, struct wanted, text_value, LIST_MAX),
    LIST(folders, struct wanted, rule_value, LIST_MAX),
    LIST(globs, struct wanted, rule_value, LIST_MAX),
    CYAML_FIELD_MAPPING("kernel", CYAML_FLAG_OPTIONAL, struct wanted, kernel, kernel_fields),
    CYAML_FIELD_MAPPING_PTR("modules", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct wanted, modules,
                            modules_fields),
    BOOL(own_binaries, struct wanted),
    BOOL(policy, struct wanted),
    BOOL(pcr10, struct wanted),
    CYAML_FIELD_END};

static const cyaml_schema_value_t schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct wanted, fields)};

/* ---- expansion ---- */

struct job {
    const struct wanted *w;
    const char *file, *text;
    char *error;
    struct cli_wanted *out;
    struct hkp_ter_diag diag;
};

/* What libter refused: where value stands in the file, or else the key. */
static int refused(struct job *j, const char *key, const char *value) {
    char why[512];
    const int error = j->diag.system_error;
    snprintf(why, sizeof why, "%.300s: %s%s%.60s", j->diag.path, j->diag.reason, error != 0 ? ": " : "",
             error != 0 ? strerror(error) : "");
    return cli_yaml_wrong_value(j->error, j->file, j->text, key, value, why);
}

static int note_empty(struct cli_wanted *out, const char *path) {
    size_t n = 0;
    while (out->empty != NULL && out->empty[n] != NULL) n++;
    char **more = realloc(out->empty, (n + 2) * sizeof *more);
    if (more == NULL) return -1;
    out->empty = more;
    more[n] = strdup(path);
    more[n + 1] = NULL;
    return more[n] != NULL ? 0 : -1;
}

static uint32_t method_of(const struct job *j, uint32_t own) {
    return own != 0 ? own : j->w->method != 0 ? j->w->method : HKP_TER_KIND_FILE;
}

typedef hkp_status adder(hkp_ter_expand *expand, const struct hkp_ter_expand_rule *rule, uint32_t *found,
                         struct hkp_ter_diag *diag);

static int add_rules(struct job *j, const struct rule *rules, unsigned n, adder *add) {
    for (unsigned i = 0; i < n; i++) {
        const uint32_t own = rules[i].symlinks != 0 ? rules[i].symlinks : j->w->symlinks;
        const struct hkp_ter_expand_rule rule = {.path = rules[i].path,
                                                 .exclude = (const char *const *)rules[i].exclude,
                                                 .n_exclude = rules[i].exclude_count,
                                                 .kind = method_of(j, rules[i].method),
                                                 .links = own != 0 ? own - 1 : HKP_TER_LINKS_RECORD};
        uint32_t found = 0;
        const hkp_status st = add(j->out->expand, &rule, &found, &j->diag);
        if (st != HKP_OK && st != HKP_E_NOTFOUND) return refused(j, "path", rules[i].path);
        if (found == 0 && note_empty(j->out, rules[i].path) != 0) return refused(j, "path", rules[i].path);
    }
    return 0;
}

static int add_named(struct job *j) {
    hkp_ter_expand *x = j->out->expand;
    for (unsigned i = 0; i < j->w->files_count; i++)
        if (hkp_ter_expand_add_path(x, j->w->files[i].path, method_of(j, j->w->files[i].method), &j->diag) !=
            HKP_OK)
            return refused(j, "path", j->w->files[i].path);
    for (unsigned i = 0; i < j->w->links_count; i++)
        if (hkp_ter_expand_add_path(x, j->w->links[i], HKP_TER_KIND_LINK, &j->diag) != HKP_OK)
            return refused(j, "links", j->w->links[i]);
    return 0;
}

static int add_kernel(struct job *j) {
    char running[300];
    struct utsname u;
    const char *image = j->w->kernel.image;
    if (image == NULL) return 0;
    if (strcmp(image, "running") == 0) {
        if (uname(&u) != 0)
            return cli_yaml_wrong(j->error, j->file, j->text, "image", 0, "the system has no release");
        snprintf(running, sizeof running, "/boot/vmlinuz-%s", u.release);
        image = running;
    }
    return hkp_ter_expand_add_path(j->out->expand, image, method_of(j, 0), &j->diag) == HKP_OK
               ? 0
               : refused(j, "image", j->w->kernel.image);
}

static int add_pseudo(struct job *j, const char *key, const char *path, int wanted) {
    if (!wanted) return 0;
    return hkp_ter_expand_add_path(j->out->expand, path, HKP_TER_KIND_PSEUDO, &j->diag) == HKP_OK
               ? 0
               : refused(j, key, NULL);
}

static int add_modules(struct job *j) {
    for (unsigned i = 0; j->w->modules != NULL && i < j->w->modules->allow_count; i++)
        if (hkp_ter_expand_add_module(j->out->expand, j->w->modules->allow[i], &j->diag) != HKP_OK)
            return refused(j, "allow", j->w->modules->allow[i]);
    return add_pseudo(j, "modules", "@modules", j->w->modules != NULL);
}

static int add_all(struct job *j) {
    const struct wanted *w = j->w;
    uint32_t found = 0;
    if (w->node_id != NULL && cli_unhex(w->node_id, j->out->spec.node_id, 16) != 0)
        return cli_yaml_wrong(j->error, j->file, j->text, "node_id", 0, "must be 32 hex digits");
    if (add_named(j) != 0 || add_kernel(j) != 0 || add_modules(j) != 0) return -1;
    if (add_pseudo(j, "cmdline", "@cmdline", w->kernel.cmdline) != 0 ||
        add_pseudo(j, "policy", "@policy", w->policy) != 0 || add_pseudo(j, "pcr10", "@pcr10", w->pcr10) != 0)
        return -1;
    if (w->own_binaries &&
        hkp_ter_expand_add_process(j->out->expand, method_of(j, 0), &found, &j->diag) != HKP_OK)
        return refused(j, "own_binaries", NULL);
    if (add_rules(j, w->folders, w->folders_count, hkp_ter_expand_add_folder) != 0) return -1;
    return add_rules(j, w->globs, w->globs_count, hkp_ter_expand_add_glob);
}

static int expand(struct job *j) {
    struct hkp_ter_expand_options o;
    struct hkp_ter_manifest_spec spec;
    hkp_ter_expand_options_init(&o, sizeof o);
    if (hkp_ter_expand_new(&j->out->expand, &o) != HKP_OK ||
        (add_all(j) == 0 && hkp_ter_expand_finish(j->out->expand, &spec) != HKP_OK)) {
        snprintf(j->error, 512, "%s: out of memory", j->file);
        return -1;
    }
    if (j->error[0] != 0) return -1;
    memcpy(spec.node_id, j->out->spec.node_id, 16);
    j->out->spec = spec;
    return 0;
}

void cli_manifest_free(struct cli_wanted *wanted) {
    for (size_t i = 0; wanted->empty != NULL && wanted->empty[i] != NULL; i++) free(wanted->empty[i]);
    free(wanted->empty);
    hkp_ter_expand_free(wanted->expand);
    memset(wanted, 0, sizeof *wanted);
}

int cli_manifest_load(const char *path, struct cli_wanted *wanted, char error[512]) {
    void *loaded = NULL;
    char *text = NULL;
    memset(wanted, 0, sizeof *wanted);
    if (cli_yaml_load(path, &schema, 0, &loaded, &text, error) != 0) return -1;
    error[0] = 0;
    if (loaded == NULL) snprintf(error, 512, "%s:1: the file sets nothing", path);
    struct job j = {.w = loaded, .file = path, .text = text, .error = error, .out = wanted};
    const int result = loaded == NULL ? -1 : expand(&j);
    cli_yaml_free(&schema, loaded);
    free(text);
    if (result != 0) cli_manifest_free(wanted);
    return result;
}
