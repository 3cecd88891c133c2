/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* May this workload start? All that D-AUD-5 asks for, from files: nothing that is absent is passed over. */
#include "work.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CERTIFICATES = 16, ORDERS = 16, SETS = 16 };

/* What a node would know; static, because it is large. */
struct work {
    struct cli_signer node;
    struct hkp_dsm_signer known[CERTIFICATES];
    size_t n_known;
    uint8_t list[CLI_CA_FILE_MAX];
    struct hkp_dsm_revocations revoked;
    uint8_t workload[CLI_WORK_MAX], assign[CLI_WORK_MAX];
    uint8_t order[HKP_DSM_ORDER_BODY_MAX + 1024];
    size_t workload_len, assign_len;
};

struct wanted {
    const char *node, *workload, *assign, *image, *list;
    const char *order[ORDERS], *certificate[CERTIFICATES], *set[SETS];
    size_t n_orders, n_certificates, n_sets;
    int json;
};

static hkp_status find(void *user, const uint8_t node_id[16], struct hkp_dsm_signer *out) {
    const struct work *w = user;
    for (size_t i = 0; i < w->n_known; i++)
        if (memcmp(w->known[i].certificate.node_id, node_id, 16) == 0) {
            *out = w->known[i];
            return HKP_OK;
        }
    return HKP_E_NOTFOUND;
}

static uint64_t revoked(void *user, const uint8_t node_id[16]) {
    const struct work *w = user;
    return w->revoked.number > 0 ? hkp_dsm_revocations_find(&w->revoked, node_id) : 0;
}

/* Its times are judged later, by what it signed. */
static int know(struct work *w, const uint8_t *bytes, size_t len, const char *path) {
    struct hkp_dsm_signer *s = &w->known[w->n_known];
    struct hkp_dsm_multi m;
    hkp_status st = hkp_dsm_multi_parse(bytes, len, &m);
    if (st == HKP_OK)
        st = hkp_dsm_multi_check(w->node.ca.genesis.chain_id, &m, HKP_DSM_KIND_CERTIFICATE,
                                 &w->node.ca.officers);
    if (st == HKP_OK) st = hkp_dsm_certificate_parse(bytes, len, &s->certificate);
    if (st != HKP_OK) return cli_ca_told(path, st, "is no certificate that the officers signed");
    hkp_dsm_object_id(s->id, w->node.ca.genesis.chain_id, HKP_DSM_KIND_CERTIFICATE, NULL, m.body.ptr,
                      m.body.len);
    w->n_known++;
    return CLI_OK;
}

static int read_known(struct work *w, const struct wanted *o) {
    uint8_t bytes[HKP_DSM_CERTIFICATE_MAX];
    size_t len = 0;
    int code = cli_signer_who(&w->node, o->node);
    for (size_t i = 0; code == CLI_OK && i < o->n_sets; i++) code = cli_ca_set(&w->node.ca, o->set[i]);
    for (size_t i = 0; code == CLI_OK && i < o->n_certificates; i++) {
        code = cli_ca_read(o->certificate[i], bytes, sizeof bytes, &len);
        if (code == CLI_OK) code = know(w, bytes, len, o->certificate[i]);
    }
    if (code == CLI_OK && w->n_known < CERTIFICATES)
        code = know(w, w->node.certificate_bytes, w->node.certificate_len, o->node);
    if (code != CLI_OK || o->list == NULL) return code;
    code = cli_ca_read(o->list, w->list, sizeof w->list, &len);
    if (code != CLI_OK) return code;
    const hkp_status st = hkp_dsm_revocations_check(w->list, len, w->node.ca.genesis.chain_id,
                                                    &w->node.ca.officers, 0, &w->revoked);
    return st == HKP_OK ? CLI_OK : cli_ca_told(o->list, st, "is no list that the officers signed");
}

static int read_objects(struct work *w, const struct wanted *o) {
    int code = cli_ca_read(o->workload, w->workload, sizeof w->workload, &w->workload_len);
    if (code == CLI_OK) code = cli_ca_read(o->assign, w->assign, sizeof w->assign, &w->assign_len);
    return code;
}

/* As the node does it: its control takes the orders, then is asked. */
static int judge(struct work *w, const struct wanted *o, hkp_status *verdict, struct hkp_dsm_start *start) {
    const struct hkp_dsm_directory directory = {.user = w, .find = find, .revoked = revoked};
    const struct hkp_dsm_view workload = {w->workload, w->workload_len}, assign = {w->assign, w->assign_len};
    const uint64_t now_s = cli_wall() / 1000000;
    struct hkp_dsm_control_options co;
    struct hkp_dsm_order order;
    hkp_dsm_control *control = NULL;
    uint8_t image[32];
    int code = cli_work_digest(o->image, image);
    if (code != CLI_OK) return code;
    hkp_dsm_control_options_init(&co, sizeof co);
    co.chain_id = w->node.ca.genesis.chain_id;
    co.node_id = w->node.certificate.node_id;
    co.tier = w->node.certificate.tier;
    co.directory = &directory;
    if (hkp_dsm_control_new(&control, &co) != HKP_OK) return cli_fail(CLI_SYSTEM, "out of memory");
    for (size_t i = 0; code == CLI_OK && i < o->n_orders; i++) {
        size_t len = 0;
        code = cli_ca_read(o->order[i], w->order, sizeof w->order, &len);
        if (code != CLI_OK) break;
        const hkp_status st =
            hkp_dsm_control_order(control, w->order, len, &w->node.ca.officers, now_s, &order);
        if (st != HKP_OK) code = cli_ca_told(o->order[i], st, "is no order that counts");
    }
    if (code == CLI_OK)
        *verdict = hkp_dsm_control_start(control, cli_mono(), now_s, &workload, &assign, image, start);
    hkp_dsm_control_free(control);
    return code;
}

static int verify(struct work *w, const struct wanted *o) {
    struct hkp_dsm_start start;
    hkp_status verdict = HKP_E_STATE;
    int code = read_known(w, o);
    if (code == CLI_OK) code = read_objects(w, o);
    if (code == CLI_OK) code = judge(w, o, &verdict, &start);
    if (code != CLI_OK) return code;
    json_t *told = json_pack("{s:b}", "starts", verdict == HKP_OK);
    if (verdict != HKP_OK) json_object_set_new(told, "error", json_string(cli_status_name(verdict)));
    if (verdict == HKP_OK) {
        json_object_set_new(told, "run", cli_ca_hex(start.run, 32));
        json_object_set_new(told, "workload", cli_ca_hex(start.object, 32));
        json_object_set_new(told, "until_s", json_integer((json_int_t)start.until_s));
    }
    cli_ca_tell(told, o->json);
    return verdict == HKP_OK ? CLI_OK : CLI_NO;
}

static int add(const char **list, size_t *n, size_t most, const char *option) {
    if (*n == most) return cli_fail(CLI_USAGE, "--%s: at most %zu", option, most);
    list[(*n)++] = optarg;
    return CLI_OK;
}

static int workload_verify(int argc, char **argv) {
    static const struct option own[] = {
        {"node", required_argument, NULL, 'n'},        {"workload", required_argument, NULL, 'w'},
        {"assign", required_argument, NULL, 'a'},      {"order", required_argument, NULL, 'O'},
        {"certificate", required_argument, NULL, 'c'}, {"set", required_argument, NULL, 's'},
        {"list", required_argument, NULL, 'l'},        {NULL, 0, NULL, 0}};
    static struct work w;
    static struct wanted o;
    int got, code = CLI_OK;
    if (sodium_init() < 0) return cli_fail(CLI_SYSTEM, "libsodium does not start");
    while (code == CLI_OK && (got = cli_option(&cli_workload_verify, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'n') o.node = optarg;
        if (got == 'w') o.workload = optarg;
        if (got == 'a') o.assign = optarg;
        if (got == 'l') o.list = optarg;
        if (got == 'O') code = add(o.order, &o.n_orders, ORDERS, "order");
        if (got == 'c') code = add(o.certificate, &o.n_certificates, CERTIFICATES - 1, "certificate");
        if (got == 's') code = add(o.set, &o.n_sets, SETS, "set");
        if (got == 'j') o.json = 1;
    }
    if (code != CLI_OK) return code;
    if (optind + 1 != argc || o.node == NULL || o.workload == NULL || o.assign == NULL)
        return cli_fail(CLI_USAGE,
                        "workload verify wants --node DIR, --workload FILE, --assign FILE and an IMAGE");
    o.image = argv[optind];
    return verify(&w, &o);
}

const struct cli_command cli_workload_verify = {
    .name = "workload verify",
    .summary = "say whether a workload may start on a node, and if not, why",
    .help = "usage: hookprobe workload verify --node DIR --workload FILE --assign FILE [--order FILE]...\n"
            "                                 [--certificate FILE]... [--list FILE] [--set FILE]... IMAGE "
            "[--json]\n\n"
            "Computes the digest of IMAGE and judges as the node would: signers, roles, revocation, windows, "
            "tier,\n"
            "image and order. What is absent counts as missing, not as right. Exit 1 if it may not start. "
            "Whether\n"
            "the assignment was used before only the node itself knows.\n\n"
            "  --node DIR          the node that is to run it: genesis and certificate of its folder\n"
            "  --order FILE        orders of the officers, in the order of their numbers\n"
            "  --certificate FILE  of the operator and the scheduler\n"
            "  --list FILE         the newest revocation list\n"
            "  --set FILE          sets of officers that followed the genesis, in order\n"
            "  --json              the verdict as one JSON object\n",
    .run = workload_verify,
};
