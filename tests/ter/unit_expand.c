/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* From what an operator writes to a manifest: expansion, drafts, signing (NZ1 2.4, decision 0108). */
#include "alloc.h"
#include "folder.h"

#include <hookprobe/ter.h>
#include <sodium.h>
#include <sys/mman.h>

static char dir[64];

static void in_dir(char dst[160], const char *name) { snprintf(dst, 160, "%s/%s", dir, name); }

static void put(const char *name) {
    char path[160];
    in_dir(path, name);
    file_put(path, name, strlen(name));
}

static void make_folder(const char *name) {
    char path[160];
    in_dir(path, name);
    CHECK(mkdir(path, 0755) == 0);
}

static void make_link(const char *name, const char *target) {
    char path[160];
    in_dir(path, name);
    CHECK(symlink(target, path) == 0);
}

static hkp_ter_expand *begin(uint32_t max_items, uint32_t max_depth, uint32_t max_visits) {
    struct hkp_ter_expand_options o;
    hkp_ter_expand *x = NULL;
    hkp_ter_expand_options_init(&o, sizeof o);
    o.max_items = max_items;
    o.max_depth = max_depth;
    o.max_visits = max_visits;
    CHECK_EQ(hkp_ter_expand_new(&x, &o), HKP_OK);
    return x;
}

/* The list is @manifest last of these: names in the folder, or whole paths, ascending; ':' and the kind
 * behind. */
static void check_list(hkp_ter_expand *x, const char *const *wanted, uint32_t n) {
    struct hkp_ter_manifest_spec spec;
    CHECK_EQ(hkp_ter_expand_finish(x, &spec), HKP_OK);
    CHECK_EQ(spec.n_items, n + 1);
    for (uint32_t i = 0; i < spec.n_items && i <= n; i++) {
        char path[160], kind = '4';
        if (i == n)
            strcpy(path, "@manifest");
        else {
            const char *colon = strrchr(wanted[i], ':');
            char name[64];
            snprintf(name, sizeof name, "%.*s", (int)(colon - wanted[i]), wanted[i]);
            kind = colon[1];
            if (name[0] == '/')
                snprintf(path, sizeof path, "%s", name);
            else
                in_dir(path, name);
        }
        CHECK_EQ(spec.items[i].path_len, strlen(path));
        if (spec.items[i].path_len == strlen(path)) CHECK_MEM(spec.items[i].path, path, strlen(path));
        CHECK_EQ(spec.items[i].kind, (uint32_t)(kind - '0'));
    }
    hkp_ter_expand_free(x);
}

#define N(list) (uint32_t)(sizeof(list) / sizeof(list)[0])

static void prepare(void) {
    static const char *const folders[] = {"t", "t/a", "t/a/deep", "t/b", "t/.hidden", "odd"};
    static const char *const files[] = {
        "t/one.conf",    "t/two.conf",     "t/two.bak",           "t/a/one.conf", "t/a/x",
        "t/a/deep/file", "t/b/three.conf", "t/.hidden/four.conf", "t/.five.conf"};
    for (size_t i = 0; i < N(folders); i++) make_folder(folders[i]);
    for (size_t i = 0; i < N(files); i++) put(files[i]);
    make_link("t/a/link", "x");
    make_link("t/b/gone", "nowhere");
    make_link("t/b/up", "..");
    char path[160];
    in_dir(path, "odd/pipe");
    CHECK(mkfifo(path, 0600) == 0);
    put("odd/file");
}

static struct hkp_ter_expand_rule rule_of(const char *path, uint32_t links) {
    return (struct hkp_ter_expand_rule){.path = path, .kind = HKP_TER_KIND_FILE, .links = links};
}

static void folders_are_walked_sorted_and_links_are_a_matter_of_the_rule(void) {
    char path[160];
    uint32_t found = 0;
    in_dir(path, "t");
    static const char *const all[] = {"t/.five.conf:1", "t/.hidden/four.conf:1", "t/a/deep/file:1",
                                      "t/a/link:3",     "t/a/one.conf:1",        "t/a/x:1",
                                      "t/b/gone:3",     "t/b/three.conf:1",      "t/b/up:3",
                                      "t/one.conf:1",   "t/two.bak:1",           "t/two.conf:1"};
    static const char *const followed[] = {"t/.five.conf:1", "t/.hidden/four.conf:1", "t/a/deep/file:1",
                                           "t/a/link:1",     "t/a/one.conf:1",        "t/a/x:1",
                                           "t/b/gone:3",     "t/b/three.conf:1",      "t/b/up:3",
                                           "t/one.conf:1",   "t/two.bak:1",           "t/two.conf:1"};
    hkp_ter_expand *x = begin(0, 0, 0);
    struct hkp_ter_expand_rule rule = rule_of(path, HKP_TER_LINKS_RECORD);
    CHECK_EQ(hkp_ter_expand_add_folder(x, &rule, &found, NULL), HKP_OK);
    CHECK_EQ(found, N(all));
    CHECK_EQ(hkp_ter_expand_add_folder(x, &rule, &found, NULL), HKP_OK); /* twice is once */
    check_list(x, all, N(all));
    x = begin(0, 0, 0);
    rule.links = HKP_TER_LINKS_FOLLOW; /* a link to a folder leads nowhere: no loop */
    CHECK_EQ(hkp_ter_expand_add_folder(x, &rule, &found, NULL), HKP_OK);
    check_list(x, followed, N(followed));
    struct hkp_ter_diag diag;
    x = begin(0, 0, 0);
    rule.links = HKP_TER_LINKS_REFUSE;
    found = 77;
    CHECK_EQ(hkp_ter_expand_add_folder(x, &rule, &found, &diag), HKP_E_STATE);
    CHECK_EQ(found, 77);
    CHECK(strstr(diag.path, "/t/") != NULL && strstr(diag.reason, "link") != NULL);
    hkp_ter_expand_free(x);
}

static void what_is_excluded_is_not_entered(void) {
    char path[160], whole[160];
    uint32_t found = 0;
    in_dir(path, "t");
    in_dir(whole, "t/b/*");
    const char *const exclude[] = {"*.bak", ".*", "deep", whole};
    static const char *const left[] = {"t/a/link:3", "t/a/one.conf:1", "t/a/x:1", "t/one.conf:1",
                                       "t/two.conf:1"};
    hkp_ter_expand *x = begin(0, 0, 0);
    struct hkp_ter_expand_rule rule = rule_of(path, HKP_TER_LINKS_RECORD);
    rule.exclude = exclude;
    rule.n_exclude = 4;
    CHECK_EQ(hkp_ter_expand_add_folder(x, &rule, &found, NULL), HKP_OK);
    check_list(x, left, N(left));
}

static void patterns_find_files_and_not_what_is_hidden(void) {
    char path[160];
    uint32_t found = 9;
    static const struct {
        const char *pattern;
        uint32_t n;
    } cases[] = {{"t/*.conf", 2},     {"t/*/*.conf", 2},   {"t/[ab]/one.conf", 1}, {"t/?ne.conf", 1},
                 {"t/.h*/*.conf", 1}, {"t/*/nothing", 0},  {"none/*", 0},          {"t/one.conf", 1},
                 {"t/*", 3},          {"t/b/up/*.bak", 1}, {"t/*/up/*.bak", 1},    {"t/b/[u]p/*.bak", 0},
                 {"t/a/deep", 0},     {"t/one.conf/*", 0}};
    for (size_t i = 0; i < N(cases); i++) {
        in_dir(path, cases[i].pattern);
        int before = check_faults;
        hkp_ter_expand *x = begin(0, 0, 0);
        struct hkp_ter_expand_rule rule = rule_of(path, HKP_TER_LINKS_RECORD);
        CHECK_EQ(hkp_ter_expand_add_glob(x, &rule, &found, NULL), HKP_OK);
        CHECK_EQ(found, cases[i].n);
        CHECK_NOTE(before, "%s", cases[i].pattern);
        hkp_ter_expand_free(x);
    }
}

static void devices_pipes_and_sockets_are_refused_and_never_opened(void) {
    char path[160], glob[160];
    uint32_t found = 0;
    struct hkp_ter_diag diag;
    hkp_ter_expand *x = begin(0, 0, 0);
    in_dir(path, "odd");
    in_dir(glob, "odd/p*");
    struct hkp_ter_expand_rule rule = rule_of(path, HKP_TER_LINKS_RECORD);
    alarm(10);
    CHECK_EQ(hkp_ter_expand_add_folder(x, &rule, &found, &diag), HKP_E_STATE);
    CHECK(strstr(diag.path, "odd/pipe") != NULL);
    rule.path = glob;
    CHECK_EQ(hkp_ter_expand_add_glob(x, &rule, &found, &diag), HKP_E_STATE);
    static const char *const exclude[] = {"pipe"};
    rule.path = path;
    rule.exclude = exclude;
    rule.n_exclude = 1;
    CHECK_EQ(hkp_ter_expand_add_folder(x, &rule, &found, &diag), HKP_OK);
    CHECK_EQ(found, 1);
    alarm(0);
    hkp_ter_expand_free(x);
}

static void every_bound_holds(void) {
    char path[160];
    uint32_t found = 0;
    struct hkp_ter_diag diag;
    in_dir(path, "t");
    struct hkp_ter_expand_rule rule = rule_of(path, HKP_TER_LINKS_RECORD);
    static const struct {
        uint32_t items, depth, visits;
        hkp_status folder;
    } cases[] = {
        {13, 3, 16, HKP_OK}, {12, 3, 16, HKP_E_LIMIT}, {13, 2, 16, HKP_E_LIMIT}, {13, 3, 15, HKP_E_LIMIT}};
    for (size_t i = 0; i < N(cases); i++) {
        hkp_ter_expand *x = begin(cases[i].items, cases[i].depth, cases[i].visits);
        CHECK_EQ(hkp_ter_expand_add_folder(x, &rule, &found, &diag), cases[i].folder);
        hkp_ter_expand_free(x);
    }
    hkp_ter_expand *x = NULL;
    struct hkp_ter_expand_options o;
    for (int k = 0; k < 3; k++) {
        hkp_ter_expand_options_init(&o, sizeof o);
        if (k == 0) o.max_items = HKP_TER_EXPAND_ITEMS + 1;
        if (k == 1) o.max_depth = HKP_TER_EXPAND_DEPTH + 1;
        if (k == 2) o.max_visits = HKP_TER_EXPAND_VISITS + 1;
        CHECK_EQ(hkp_ter_expand_new(&x, &o), HKP_E_INVAL);
    }
}

static void what_is_named_goes_before_what_is_found(void) {
    char path[160], one[160], two[160];
    uint32_t found = 0;
    struct hkp_ter_diag diag;
    in_dir(path, "t/*.conf");
    in_dir(one, "t/one.conf");
    in_dir(two, "t/two.conf");
    hkp_ter_expand *x = begin(0, 0, 0);
    struct hkp_ter_expand_rule rule = rule_of(path, HKP_TER_LINKS_RECORD);
    CHECK_EQ(hkp_ter_expand_add_glob(x, &rule, &found, NULL), HKP_OK);
    rule.kind = HKP_TER_KIND_VERITY; /* of two findings the first holds */
    CHECK_EQ(hkp_ter_expand_add_glob(x, &rule, &found, NULL), HKP_OK);
    CHECK_EQ(hkp_ter_expand_add_path(x, two, HKP_TER_KIND_VERITY, NULL), HKP_OK);
    CHECK_EQ(hkp_ter_expand_add_path(x, two, HKP_TER_KIND_VERITY, NULL), HKP_OK);
    CHECK_EQ(hkp_ter_expand_add_path(x, two, HKP_TER_KIND_FILE, &diag), HKP_E_STATE);
    CHECK(strcmp(diag.path, two) == 0);
    static const char *const list[] = {"t/one.conf:1", "t/two.conf:2"};
    check_list(x, list, 2);
}

static void paths_that_are_not_canonical_are_refused(void) {
    static const char *const wrong[] = {"",     "/",     "etc",   "//etc", "/etc/",    "/etc//x", "/./x",
                                        "/a/.", "/a/..", "/../a", "@cmd",  "@cmdline", "/a/../b", "~/x"};
    uint32_t found = 0;
    struct hkp_ter_diag diag;
    char longest[4200];
    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    hkp_ter_expand *x = begin(0, 0, 0);
    for (size_t i = 0; i < N(wrong); i++) {
        struct hkp_ter_expand_rule rule = rule_of(wrong[i], 0);
        CHECK_EQ(hkp_ter_expand_add_path(x, wrong[i], HKP_TER_KIND_FILE, &diag), HKP_E_INVAL);
        CHECK_EQ(hkp_ter_expand_add_folder(x, &rule, &found, &diag), HKP_E_INVAL);
        CHECK_EQ(hkp_ter_expand_add_glob(x, &rule, &found, &diag), HKP_E_INVAL);
    }
    longest[4096] = 0;
    CHECK_EQ(hkp_ter_expand_add_path(x, longest, HKP_TER_KIND_FILE, &diag), HKP_E_INVAL);
    longest[4095] = 0;
    CHECK_EQ(hkp_ter_expand_add_path(x, longest, HKP_TER_KIND_FILE, &diag), HKP_OK);
    CHECK_EQ(hkp_ter_expand_add_path(x, "@nothing", HKP_TER_KIND_PSEUDO, &diag), HKP_E_INVAL);
    CHECK_EQ(hkp_ter_expand_add_path(x, "/a", HKP_TER_KIND_PSEUDO, &diag), HKP_E_INVAL);
    CHECK_EQ(hkp_ter_expand_add_path(x, "/a", HKP_TER_KIND_ABSENT, &diag), HKP_E_INVAL);
    CHECK_EQ(hkp_ter_expand_add_module(x, "", &diag), HKP_E_INVAL);
    CHECK_EQ(hkp_ter_expand_add_module(x, "two words", &diag), HKP_E_INVAL);
    struct hkp_ter_expand_rule rule = rule_of("/etc", 3);
    CHECK_EQ(hkp_ter_expand_add_folder(x, &rule, &found, &diag), HKP_E_INVAL);
    rule = rule_of("/etc", 0);
    rule.kind = HKP_TER_KIND_LINK;
    CHECK_EQ(hkp_ter_expand_add_folder(x, &rule, &found, &diag), HKP_E_INVAL);
    in_dir(longest, "t/none");
    rule = rule_of(longest, 0);
    CHECK_EQ(hkp_ter_expand_add_folder(x, &rule, &found, &diag), HKP_E_NOTFOUND);
    hkp_ter_expand_free(x);
}

/* The program and what it has loaded; a library that was replaced on disk is no file any more. */
static void own_binaries_are_those_that_run(void) {
    struct hkp_ter_manifest_spec spec;
    struct hkp_ter_expand_options o;
    struct hkp_ter_diag diag;
    uint32_t found = 0;
    char self[256] = {0}, path[160];
    CHECK(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    hkp_ter_expand *x = begin(0, 0, 0);
    CHECK_EQ(hkp_ter_expand_add_process(x, HKP_TER_KIND_FILE, &found, &diag), HKP_OK);
    CHECK_EQ(hkp_ter_expand_finish(x, &spec), HKP_OK);
    int has_self = 0, has_sodium = 0;
    for (uint32_t i = 0; i < spec.n_items; i++) {
        has_self |=
            spec.items[i].path_len == strlen(self) && memcmp(spec.items[i].path, self, strlen(self)) == 0;
        has_sodium |= memmem(spec.items[i].path, spec.items[i].path_len, "libsodium", 9) != NULL;
    }
    CHECK(has_self);
    CHECK(has_sodium || spec.n_items == 2); /* or linked statically */
    hkp_ter_expand_free(x);

    make_folder("self");
    in_dir(path, "self/maps");
    hkp_ter_expand_options_init(&o, sizeof o);
    o.proc_path = dir;
    static const struct {
        const char *maps;
        hkp_status status;
        uint32_t found;
    } cases[] = {
        {"", HKP_OK, 0},
        {"1-2 r-xp 0 08:01 5    /usr/lib/a b.so\n3-4 r--p 0 08:01 6 /usr/lib/data\n", HKP_OK, 1},
        {"1-2 r-xp 0 00:00 0    [vdso]\n1-2 r-xp 0 00:00 0 \n1-2 r-x\nx\n", HKP_OK, 0},
        {"1-2 r-xp 0 08:01 5    /usr/lib/a.so (deleted)\n", HKP_E_STATE, 0},
        {"1-2 r-xp 0 08:01 5    /memfd:x (deleted)\n", HKP_E_STATE, 0},
        {"1-2 r-xp 0 08:01 5    /usr/lib/a\\012b\n", HKP_E_STATE, 0},
    };
    for (size_t i = 0; i < N(cases); i++) {
        file_put(path, cases[i].maps, strlen(cases[i].maps));
        CHECK_EQ(hkp_ter_expand_new(&x, &o), HKP_OK);
        found = 0;
        CHECK_EQ(hkp_ter_expand_add_process(x, HKP_TER_KIND_FILE, &found, &diag), cases[i].status);
        CHECK_EQ(found, cases[i].found);
        hkp_ter_expand_free(x);
    }
    CHECK(unlink(path) == 0);
    CHECK_EQ(hkp_ter_expand_new(&x, &o), HKP_OK);
    CHECK_EQ(hkp_ter_expand_add_process(x, HKP_TER_KIND_FILE, &found, &diag), HKP_E_IO);
    hkp_ter_expand_free(x);
}

static void every_allocation_of_an_expansion_may_fail(void) {
    char path[160];
    in_dir(path, "t");
    for (long budget = 0; budget < 200; budget++) {
        struct failing f = {.left = budget};
        struct hkp_ter_expand_options o;
        struct hkp_ter_manifest_spec spec;
        struct hkp_ter_expand_rule rule = rule_of(path, 0);
        hkp_ter_expand *x = NULL;
        uint32_t found = 0;
        hkp_ter_expand_options_init(&o, sizeof o);
        o.mem = failing_mem(&f);
        hkp_status st = hkp_ter_expand_new(&x, &o);
        if (st == HKP_OK) st = hkp_ter_expand_add_module(x, "ext4", NULL);
        if (st == HKP_OK) st = hkp_ter_expand_add_folder(x, &rule, &found, NULL);
        if (st == HKP_OK) st = hkp_ter_expand_add_process(x, HKP_TER_KIND_FILE, &found, NULL);
        if (st == HKP_OK) st = hkp_ter_expand_finish(x, &spec);
        hkp_ter_expand_free(x);
        CHECK_EQ(f.live, 0);
        if (st == HKP_OK) {
            CHECK(budget > 10);
            return;
        }
        CHECK_EQ(st, HKP_E_NOMEM);
    }
    CHECK(0 && "it never succeeded");
}

/* ---- drafts ---- */

static uint8_t public_key[32], secret[64], draft[4096], man[4096];
static const uint8_t node_id[16] = {1, 2, 3};

static size_t make_draft(void) {
    struct hkp_ter_manifest_spec spec;
    size_t len = 0;
    hkp_ter_expand *x = begin(0, 0, 0);
    CHECK_EQ(hkp_ter_expand_add_path(x, "/etc/passwd", HKP_TER_KIND_FILE, NULL), HKP_OK);
    CHECK_EQ(hkp_ter_expand_add_path(x, "@modules", HKP_TER_KIND_PSEUDO, NULL), HKP_OK);
    CHECK_EQ(hkp_ter_expand_add_module(x, "vfat", NULL), HKP_OK);
    CHECK_EQ(hkp_ter_expand_add_module(x, "ext4", NULL), HKP_OK);
    CHECK_EQ(hkp_ter_expand_add_module(x, "vfat", NULL), HKP_OK);
    CHECK_EQ(hkp_ter_expand_finish(x, &spec), HKP_OK);
    CHECK_EQ(hkp_ter_manifest_draft(&spec, draft, 100, &len), HKP_E_NOSPC);
    CHECK_EQ(hkp_ter_manifest_draft(&spec, draft, sizeof draft, &len), HKP_OK);
    hkp_ter_expand_free(x);
    return len;
}

static void no_node_takes_a_draft_but_what_is_made_of_it(void) {
    struct hkp_ter_manifest m;
    struct hkp_ter_name name;
    const uint8_t seed[32] = {9};
    uint8_t zero_key[32] = {0};
    size_t len = make_draft(), off = 0;
    crypto_sign_seed_keypair(public_key, secret, seed);
    CHECK_EQ(hkp_ter_manifest_check(&m, draft, len, node_id, public_key, 1, NULL), HKP_E_TER_MAN_SIGNER);
    CHECK_EQ(hkp_ter_manifest_check(&m, draft, len, node_id, zero_key, 1, NULL), HKP_E_TER_MAN_SIGNER);
    CHECK_EQ(hkp_ter_manifest_parse(&m, draft, len), HKP_OK);
    CHECK_EQ(m.n_items, 3);
    CHECK_EQ(m.n_allow, 2);
    CHECK_EQ(hkp_ter_manifest_allow_next(&m, &off, &name), HKP_OK);
    CHECK(name.len == 4 && memcmp(name.text, "ext4", 4) == 0);
    CHECK_EQ(hkp_ter_manifest_allow_next(&m, &off, &name), HKP_OK);
    CHECK(name.len == 4 && memcmp(name.text, "vfat", 4) == 0);
    CHECK_EQ(hkp_ter_manifest_allow_next(&m, &off, &name), HKP_E_NOTFOUND);

    CHECK_EQ(hkp_ter_manifest_sign(draft, len, 5, node_id, secret, man, len - 1), HKP_E_NOSPC);
    CHECK_EQ(hkp_ter_manifest_sign(draft, len, 5, node_id, secret, man, len), HKP_OK);
    CHECK_EQ(hkp_ter_manifest_check(&m, man, len, node_id, public_key, 1, NULL), HKP_OK);
    CHECK_EQ(m.policy_ver, 5);
    CHECK_MEM(m.node_id, node_id, 16);
    const uint8_t other[16] = {4};
    CHECK_EQ(hkp_ter_manifest_check(&m, man, len, other, public_key, 1, NULL), HKP_E_TER_MAN_NODE);
    uint8_t again[4096];
    CHECK_EQ(hkp_ter_manifest_sign(man, len, 6, NULL, secret, again, len), HKP_OK);
    CHECK_EQ(hkp_ter_manifest_check(&m, again, len, node_id, public_key, 1, NULL), HKP_OK);
    CHECK_EQ(m.policy_ver, 6);
}

/* The same bytes as from hkp_ter_manifest_build(), which the vectors check. */
static void signing_a_draft_is_building_at_once(void) {
    struct hkp_ter_item items[2] = {{.path = (const uint8_t *)"/a", .path_len = 2, .kind = HKP_TER_KIND_FILE},
                                    {.path = (const uint8_t *)"@manifest", .path_len = 9, .kind = 4}};
    struct hkp_ter_manifest_spec spec = {.items = items, .n_items = 2, .policy_ver = 3};
    uint8_t built[512], from_draft[512];
    size_t len = 0, draft_len = 0;
    memcpy(spec.node_id, node_id, 16);
    CHECK_EQ(hkp_ter_manifest_build(&spec, secret, built, sizeof built, &len), HKP_OK);
    CHECK_EQ(hkp_ter_manifest_draft(&spec, draft, sizeof draft, &draft_len), HKP_OK);
    CHECK_EQ(draft_len, len);
    CHECK_EQ(hkp_ter_manifest_sign(draft, draft_len, 3, NULL, secret, from_draft, sizeof from_draft), HKP_OK);
    CHECK_MEM(from_draft, built, len);
}

/* Any single damage is found by parse, or leaves something that parse may take and check does not. */
static void a_damaged_draft_is_refused_before_it_is_signed(void) {
    struct hkp_ter_manifest m;
    size_t len = make_draft();
    for (size_t i = 0; i < len; i++) {
        draft[i] ^= 0x41;
        memset(man, 0xEE, sizeof man);
        hkp_status st = hkp_ter_manifest_sign(draft, len, 1, NULL, secret, man, sizeof man);
        CHECK_EQ(st, hkp_ter_manifest_parse(&m, draft, len));
        if (st != HKP_OK) CHECK(man[0] == 0xEE && man[len - 1] == 0xEE);
        if (st == HKP_OK) CHECK_EQ(hkp_ter_manifest_parse(&m, man, len), HKP_OK);
        draft[i] ^= 0x41;
    }
    for (size_t n = 0; n < len; n++) CHECK(hkp_ter_manifest_parse(&m, draft, n) != HKP_OK);
}

int main(void) {
    folder_make(dir);
    prepare();
    CASE(folders_are_walked_sorted_and_links_are_a_matter_of_the_rule);
    CASE(what_is_excluded_is_not_entered);
    CASE(patterns_find_files_and_not_what_is_hidden);
    CASE(devices_pipes_and_sockets_are_refused_and_never_opened);
    CASE(every_bound_holds);
    CASE(what_is_named_goes_before_what_is_found);
    CASE(paths_that_are_not_canonical_are_refused);
    CASE(own_binaries_are_those_that_run);
    CASE(every_allocation_of_an_expansion_may_fail);
    CASE(no_node_takes_a_draft_but_what_is_made_of_it);
    CASE(signing_a_draft_is_building_at_once);
    CASE(a_damaged_draft_is_refused_before_it_is_signed);
    folder_remove(dir);
    return check_done();
}
