/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe ter manifest show and diff. */
#include "manifest.h"

#include <hookprobe/neuro.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_public(const char *path, uint8_t key[32]) {
    size_t len = 0;
    const hkp_status st = hkp_ter_file_read(path, 0, key, 32, &len);
    return st == HKP_OK && len == 32 ? CLI_OK
                                     : cli_fail(CLI_SYSTEM, "%s: is no public key of 32 bytes", path);
}

/* ---- show ---- */

static const char *signature_of(const struct cli_man *man, const uint8_t *key) {
    static const uint8_t nobody[16];
    struct hkp_ter_manifest checked;
    if (memcmp(man->view.signer, nobody, 16) == 0) return "none: a draft";
    if (key == NULL) return "not checked";
    return hkp_ter_manifest_check(&checked, man->bytes, man->view.len, man->view.node_id, key, 1, NULL) ==
                   HKP_OK
               ? "right"
               : "wrong";
}

static void show_json(const struct cli_man *man, const char *signature) {
    char node[33], signer[33], digest[65];
    struct hkp_ter_item item;
    struct hkp_ter_name name;
    json_t *items = json_array(), *allow = json_array();
    size_t off = 0;
    cli_hex(man->view.node_id, 16, node);
    cli_hex(man->view.signer, 16, signer);
    cli_hex(man->view.digest, 32, digest);
    while (hkp_ter_manifest_next(&man->view, &off, &item) == HKP_OK) {
        json_t *one = cli_path_json(item.path, item.path_len);
        json_object_set_new(one, "kind", json_string(cli_kind_name(item.kind)));
        json_array_append_new(items, one);
    }
    for (off = 0; hkp_ter_manifest_allow_next(&man->view, &off, &name) == HKP_OK;)
        json_array_append_new(allow, json_stringn((const char *)name.text, name.len));
    cli_print_json(json_pack("{s:I,s:s,s:s,s:s,s:s,s:o,s:o}", "policy_ver", (json_int_t)man->view.policy_ver,
                             "node_id", node, "signer", signer, "signature", signature, "digest", digest,
                             "items", items, "allow", allow),
                   0);
}

static void show_text(const char *path, const struct cli_man *man, const char *signature) {
    char node[33], signer[33], digest[65];
    struct hkp_ter_item item;
    struct hkp_ter_name name;
    size_t off = 0;
    cli_hex(man->view.node_id, 16, node);
    cli_hex(man->view.signer, 16, signer);
    cli_hex(man->view.digest, 32, digest);
    printf("%s: policy %u, node %s, %u items, %u allowed modules\nsignature %s, signer %s\nsha256 %s\n", path,
           man->view.policy_ver, strspn(node, "0") == 32 ? "any" : node, man->view.n_items, man->view.n_allow,
           signature, signer, digest);
    while (hkp_ter_manifest_next(&man->view, &off, &item) == HKP_OK) {
        printf("  %-10s ", cli_kind_name(item.kind));
        cli_print_path(item.path, item.path_len);
        putchar('\n');
    }
    for (off = 0; hkp_ter_manifest_allow_next(&man->view, &off, &name) == HKP_OK;)
        printf("  allow      %.*s\n", (int)name.len, (const char *)name.text);
}

static int show(int argc, char **argv) {
    static const struct option own[] = {{"public", required_argument, NULL, 'k'}, {NULL, 0, NULL, 0}};
    struct cli_man man;
    const char *public_path = NULL;
    uint8_t key[32];
    int got, json = 0;
    while ((got = cli_option(&cli_manifest_show, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'k') public_path = optarg;
        if (got == 'j') json = 1;
    }
    if (argc - optind != 1) return cli_fail(CLI_USAGE, "ter manifest show wants one file");
    int code = public_path != NULL ? read_public(public_path, key) : CLI_OK;
    if (code == CLI_OK) code = cli_man_read(argv[optind], &man);
    if (code != CLI_OK) return code;
    const char *signature = signature_of(&man, public_path != NULL ? key : NULL);
    if (json)
        show_json(&man, signature);
    else
        show_text(argv[optind], &man, signature);
    cli_man_free(&man);
    return public_path != NULL && strcmp(signature, "right") != 0 ? CLI_NO : CLI_OK;
}

/* ---- diff ---- */

/* What differs, as lines or as an array. */
struct differences {
    json_t *list;
    int json;
    uint32_t n;
};

static void differ(struct differences *d, const char *what, const uint8_t *path, size_t len, const char *from,
                   const char *to) {
    d->n++;
    if (d->json) {
        json_t *one = cli_path_json(path, len);
        json_object_set_new(one, "what", json_string(what));
        if (from != NULL) json_object_set_new(one, "from", json_string(from));
        if (to != NULL) json_object_set_new(one, "to", json_string(to));
        json_array_append_new(d->list, one);
        return;
    }
    printf("%-11s ", what);
    cli_print_path(path, len);
    if (from != NULL || to != NULL)
        printf("  (%s%s%s)", from != NULL ? from : "", from != NULL && to != NULL ? " -> " : "",
               to != NULL ? to : "");
    putchar('\n');
}

static int order_of(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len) {
    const int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static void diff_items(struct differences *d, const struct hkp_ter_manifest *old,
                       const struct hkp_ter_manifest *new) {
    struct hkp_ter_item a, b;
    size_t at = 0, bt = 0;
    hkp_status has_a = hkp_ter_manifest_next(old, &at, &a), has_b = hkp_ter_manifest_next(new, &bt, &b);
    while (has_a == HKP_OK || has_b == HKP_OK) {
        const int order = has_a != HKP_OK   ? 1
                          : has_b != HKP_OK ? -1
                                            : order_of(a.path, a.path_len, b.path, b.path_len);
        if (order < 0) differ(d, "removed", a.path, a.path_len, cli_kind_name(a.kind), NULL);
        if (order > 0) differ(d, "added", b.path, b.path_len, NULL, cli_kind_name(b.kind));
        if (order == 0 && a.kind != b.kind)
            differ(d, "method", a.path, a.path_len, cli_kind_name(a.kind), cli_kind_name(b.kind));
        if (order <= 0) has_a = hkp_ter_manifest_next(old, &at, &a);
        if (order >= 0) has_b = hkp_ter_manifest_next(new, &bt, &b);
    }
}

static void diff_allowed(struct differences *d, const struct hkp_ter_manifest *old,
                         const struct hkp_ter_manifest *new) {
    struct hkp_ter_name a, b;
    size_t at = 0, bt = 0;
    hkp_status has_a = hkp_ter_manifest_allow_next(old, &at, &a),
               has_b = hkp_ter_manifest_allow_next(new, &bt, &b);
    while (has_a == HKP_OK || has_b == HKP_OK) {
        const int order = has_a != HKP_OK ? 1 : has_b != HKP_OK ? -1 : order_of(a.text, a.len, b.text, b.len);
        if (order < 0) differ(d, "disallowed", a.text, a.len, NULL, NULL);
        if (order > 0) differ(d, "allowed", b.text, b.len, NULL, NULL);
        if (order <= 0) has_a = hkp_ter_manifest_allow_next(old, &at, &a);
        if (order >= 0) has_b = hkp_ter_manifest_allow_next(new, &bt, &b);
    }
}

static int diff_manifests(struct differences *d, const struct cli_man *old, const char *path) {
    struct cli_man new;
    const int code = cli_man_read(path, &new);
    if (code != CLI_OK) return code;
    diff_items(d, &old->view, &new.view);
    diff_allowed(d, &old->view, &new.view);
    if (memcmp(old->view.node_id, new.view.node_id, 16) != 0) {
        char from[33], to[33];
        cli_hex(old->view.node_id, 16, from);
        cli_hex(new.view.node_id, 16, to);
        differ(d, "node", (const uint8_t *)"@manifest", 9, from, to);
    }
    cli_man_free(&new);
    return CLI_OK;
}

/* Each item of this machine against what was measured before, or only against being there. */
static void diff_measured(struct differences *d, const struct cli_measured *before,
                          const struct cli_measured *now) {
    for (uint32_t i = 0; i < now->n; i++) {
        const struct hkp_ter_item *b = &now->items[i], *a = before != NULL ? &before->items[i] : NULL;
        const uint32_t was = a != NULL ? a->kind : now->demanded[i];
        if (was != b->kind) {
            const int worse = b->kind == HKP_TER_KIND_ABSENT || b->kind == HKP_TER_KIND_UNREADABLE;
            differ(d, worse ? cli_kind_name(b->kind) : "appeared", b->path, b->path_len, cli_kind_name(was),
                   cli_kind_name(b->kind));
        } else if (a != NULL && memcmp(a->digest, b->digest, 32) != 0) {
            differ(d, "changed", b->path, b->path_len, NULL, NULL);
        }
    }
}

struct live {
    const char *measured, *rebase, *public_path, *policy;
};

/* R of this machine against the reference that an RBA1 put in force. */
static int diff_reference(struct differences *d, const struct live *l, const struct cli_man *man,
                          const struct cli_measured *now) {
    uint8_t key[32], bytes[HKP_TER_RBA_SIZE + 1];
    struct hkp_neuro_rba rba;
    size_t len = 0;
    const int code = read_public(l->public_path, key);
    if (code != CLI_OK) return code;
    hkp_status st = hkp_ter_file_read(l->rebase, 0, bytes, sizeof bytes, &len);
    if (st != HKP_OK) return cli_fail(CLI_SYSTEM, "%s: cannot be read: %s", l->rebase, cli_status_name(st));
    st = hkp_neuro_rba_check(&rba, bytes, len, len >= 24 ? bytes + 8 : man->view.node_id, key, 1);
    if (st != HKP_OK) return cli_fail(CLI_DAMAGED, "%s: %s", l->rebase, cli_status_name(st));
    if (memcmp(rba.root, now->root, 32) != 0) {
        char from[65], to[65];
        cli_hex(rba.root, 32, from);
        cli_hex(now->root, 32, to);
        differ(d, "reference", (const uint8_t *)"R", 1, from, to);
    }
    return CLI_OK;
}

static int diff_live(struct differences *d, const struct live *l, const struct cli_man *man) {
    struct cli_measured before, now;
    int code = l->measured != NULL ? cli_measured_read(l->measured, &man->view, &before) : CLI_OK;
    if (code != CLI_OK) return code;
    code = cli_measure(&man->view, l->policy, &now);
    if (code == CLI_OK) {
        diff_measured(d, l->measured != NULL ? &before : NULL, &now);
        if (l->rebase != NULL) code = diff_reference(d, l, man, &now);
        cli_measured_free(&now);
    }
    if (l->measured != NULL) cli_measured_free(&before);
    return code;
}

static int diff(int argc, char **argv) {
    static const struct option own[] = {
        {"live", no_argument, NULL, 'l'},         {"measured", required_argument, NULL, 'm'},
        {"rebase", required_argument, NULL, 'r'}, {"public", required_argument, NULL, 'k'},
        {"policy", required_argument, NULL, 'p'}, {NULL, 0, NULL, 0}};
    struct differences d = {.n = 0};
    struct live l = {0};
    struct cli_man man;
    int got, live = 0;
    while ((got = cli_option(&cli_manifest_diff, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'l') live = 1;
        if (got == 'm') l.measured = optarg;
        if (got == 'r') l.rebase = optarg;
        if (got == 'k') l.public_path = optarg;
        if (got == 'p') l.policy = optarg;
        if (got == 'j') d.json = 1;
    }
    if (argc - optind != (live ? 1 : 2))
        return cli_fail(CLI_USAGE, "ter manifest diff wants two manifests, or one and --live");
    if (!live && (l.measured != NULL || l.rebase != NULL || l.policy != NULL))
        return cli_fail(CLI_USAGE, "--measured, --rebase and --policy belong to --live");
    if ((l.rebase != NULL) != (l.public_path != NULL))
        return cli_fail(CLI_USAGE, "--rebase and --public belong together");
    int code = cli_man_read(argv[optind], &man);
    if (code != CLI_OK) return code;
    d.list = json_array();
    code = live ? diff_live(&d, &l, &man) : diff_manifests(&d, &man, argv[optind + 1]);
    cli_man_free(&man);
    if (code == CLI_OK && d.json) cli_print_json(json_pack("{s:O}", "differences", d.list), 0);
    json_decref(d.list);
    return code != CLI_OK ? code : d.n > 0 ? CLI_NO : CLI_OK;
}

const struct cli_command cli_manifest_show = {
    .name = "ter manifest show",
    .summary = "what a manifest demands, and who signed it",
    .help =
        "usage: hookprobe ter manifest show [--public FILE] [--json] MANIFEST\n\n"
        "Prints a manifest or a draft. What it says counts only if its signature is right.\n\n"
        "  --public FILE  policy key (policy.pub of a node, 32 bytes): check the signature, exit 1 if wrong\n"
        "  --json         one JSON object\n",
    .run = show,
};

const struct cli_command cli_manifest_diff = {
    .name = "ter manifest diff",
    .summary = "two manifests, or a manifest and this machine",
    .help =
        "usage: hookprobe ter manifest diff OLD NEW [--json]\n"
        "       hookprobe ter manifest diff MANIFEST --live [--measured FILE] [--rebase FILE --public FILE] "
        "[--policy FILE] [--json]\n\n"
        "Two manifests: items that were added, removed, or get another method; allowed modules; the node.\n"
        "This machine: items that are absent or unreadable; with --measured (what \"build\" wrote) also "
        "what\n"
        "changed or appeared; with --rebase whether R is that of the reference. A manifest alone holds no "
        "digests.\n\n"
        "  --public FILE  policy key that signed the rebase, 32 bytes\n"
        "  --policy FILE  the active policy, whose digest is @policy\n"
        "  --json         one JSON object\n\n"
        "Exit code 1 if anything differs.\n",
    .run = diff,
};
