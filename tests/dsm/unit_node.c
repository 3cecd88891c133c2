/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* One node against peers that are played by the test, with their true keys: what a liar could send. */
#include <hookprobe/dsm.h>

#include "alloc.h"
#include "check.h"
#include "libdsm/message/message.h"
#include "libter/bytes.h"
#include "sim.h"

static struct sim_mesh mesh;
static struct hkp_dsm_genesis genesis;
static struct hkp_dsm__valset set;
static uint8_t perm[HKP_DSM_MEMBERS_MAX];
static uint64_t random_state = 11;

/* The node under test and what it did. */
static hkp_dsm_node *node;
static uint32_t me;
static hkp_time now;
static uint64_t wal_rows, votes[6], certs;
static uint64_t vote_view;
/* requests for the header of this digest */
static uint64_t asked;
static uint8_t asked_for[32];
/* certs and headers in answers */
static uint64_t answered_certs, answered_headers;
/* of the store: NULL, or the one record of its WAL */
static const uint8_t *recorded;

static int32_t fill(void *user, uint8_t *dst, size_t len) {
    uint64_t *state = user;
    for (size_t i = 0; i < len; i++) dst[i] = (uint8_t)check_random(state);
    return 0;
}

static void options(struct hkp_dsm_node_options *o) {
    hkp_dsm_node_options_init(o, sizeof *o);
    o->rng = (struct hkp_rng){.user = &random_state, .fill = fill};
    o->genesis = mesh.genesis;
    o->genesis_len = mesh.genesis_len;
    o->certificate = mesh.certificate[me];
    o->certificate_len = mesh.certificate_len[me];
    o->secret = mesh.secret[me];
    o->pool_bytes = (size_t)8 << 20;
    o->heads_max = 16;
    o->peers_max = 8;
}

static uint64_t wall_us(void) { return mesh.time_s * 1000000 + now / 1000; }

/* Everything becomes durable at once; votes are counted by kind. */
static void drain(void) {
    struct hkp_dsm_event ev;
    uint64_t ticket = 0;
    for (int round = 0; round < 8; round++) {
        while (hkp_dsm_event(node, &ev) == HKP_OK) {
            if (ev.kind == HKP_DSM_EV_STORE_WAL) wal_rows++;
            if (ev.kind == HKP_DSM_EV_STORE_GET || ev.kind == HKP_DSM_EV_STORE_SCAN) {
                uint64_t read = ev.ticket;
                uint8_t first[8] = {0};
                if (ev.row == HKP_DSM_ROW_WAL && recorded != NULL)
                    CHECK_EQ(hkp_dsm_read(node, now, read, first, 8, recorded, 64), HKP_OK);
                CHECK_EQ(hkp_dsm_read_end(node, now, read, HKP_OK), HKP_OK);
            } else if (ev.kind <= HKP_DSM_EV_STORE_DROP) {
                ticket = ev.ticket;
            }
        }
        if (ticket > 0) CHECK_EQ(hkp_dsm_stored(node, now, ticket, HKP_OK), HKP_OK);
        ticket = 0;
    }
    uint8_t peer[16];
    uint32_t lane;
    const uint8_t *msg;
    size_t len;
    while (hkp_dsm_send(node, peer, &lane, &msg, &len) == HKP_OK) {
        struct hkp_dsm__message m;
        struct hkp_dsm_envelope env;
        struct hkp_dsm__vote v;
        CHECK_EQ(hkp_dsm__message_parse(lane, msg, len, &m), HKP_OK);
        certs += m.op == HKP_DSM__OP_MSG_CERT;
        if (m.op == HKP_DSM__OP_MSG_SYNC_RESP) {
            answered_certs += m.list.n;
            answered_headers += m.list2.n;
        }
        for (size_t i = 0; m.op == HKP_DSM__OP_MSG_SYNC_REQ && i < m.list2.n; i++)
            asked += memcmp(hkp_dsm__next_fixed(&m.list2, 32), asked_for, 32) == 0;
        if (m.op != HKP_DSM__OP_MSG_VOTE) continue;
        CHECK_EQ(hkp_dsm_envelope_parse(m.envelope.ptr, m.envelope.len, 0x38, &env), HKP_OK);
        CHECK_EQ(hkp_dsm__vote_parse(env.kind, env.body.ptr, env.body.len, &v), HKP_OK);
        votes[v.kind]++;
        vote_view = v.view;
    }
}

static uint8_t buffer[1 << 20];

static hkp_status deliver(uint32_t from, const struct hkp_dsm_cbor_writer *w) {
    hkp_status st = hkp_dsm_recv(node, now, wall_us(), mesh.node_id[from], 0, w->out, w->len);
    drain();
    return st;
}

static struct hkp_dsm_cbor_writer writer(void) {
    return (struct hkp_dsm_cbor_writer){.out = buffer, .cap = sizeof buffer};
}

/* Index in the mesh of the member that has a seat. */
static uint32_t member(uint32_t seat) {
    uint32_t i = 0;
    while (memcmp(mesh.node_id[i], set.seats[seat].node_id, 16) != 0) i++;
    return i;
}

static void answer_promises(uint32_t from) {
    struct hkp_dsm_cbor_writer w = writer();
    hkp_dsm__put_promises(&w, 0, 0);
    hkp_dsm_cbor_put_array(&w, 0);
    CHECK_EQ(deliver(from, &w), HKP_OK);
}

static void begin(uint32_t who) {
    me = who;
    now = 1000000000;
    wal_rows = 0;
    memset(votes, 0, sizeof votes);
    struct hkp_dsm_node_options o;
    options(&o);
    CHECK_EQ(hkp_dsm_node_new(&node, &o, now), HKP_OK);
    CHECK_EQ(hkp_dsm_node_start(node, now, wall_us()), HKP_OK);
    wal_rows = 1; /* an installed store has one */
    drain();
    for (uint32_t i = 0; i < mesh.n; i++)
        if (i != me) CHECK_EQ(hkp_dsm_peer_up(node, now, mesh.node_id[i], HKP_DSM_LANES_ALL), HKP_OK);
    drain();
}

/* CERT of a view by three members, the node under test not among them. */
static void send_cert(uint32_t kind, uint64_t view, const uint8_t *digest) {
    struct hkp_dsm__vote vote = {.kind = kind, .view = view};
    if (digest != NULL) memcpy(vote.digest, digest, 32);
    static uint8_t signatures[8][64];
    const uint8_t *list[8] = {0};
    for (uint32_t seat = 0; seat < set.n; seat++) {
        uint32_t i = member(seat);
        if (i == me) continue;
        uint8_t envelope[HKP_DSM__VOTE_MAX];
        size_t len = 0;
        struct hkp_dsm_envelope e;
        struct hkp_dsm__vote parsed;
        CHECK_EQ(hkp_dsm__vote_make(genesis.chain_id, &vote, mesh.node_id[i], mesh.secret[i], envelope,
                                    sizeof envelope, &len),
                 HKP_OK);
        CHECK_EQ(hkp_dsm__vote_open(&set, envelope, len, &e, &parsed), HKP_OK);
        memcpy(signatures[seat], e.signature, 64);
        list[seat] = signatures[seat];
    }
    uint8_t cert[1024];
    struct hkp_dsm_view bytes = {.ptr = cert};
    CHECK_EQ(hkp_dsm__cert_build(&set, &vote, list, cert, sizeof cert, &bytes.len), HKP_OK);
    struct hkp_dsm_cbor_writer w = writer();
    hkp_dsm__put_single(&w, HKP_DSM__OP_MSG_CERT, &bytes);
    CHECK_EQ(deliver(member(perm[0]) == me ? member(perm[1]) : member(perm[0]), &w), HKP_OK);
}

/* What the next headers stand on, NULL: the genesis; 1: their bodies are not theirs, 2: and name a node that
 * nobody knows, 3: and fill most of what the node keeps for headers without certs; the newest header. */
static const uint8_t *on;
static uint64_t on_view;
static int false_body;
enum { FALSE_HEADS = 12000 };
static uint8_t header[HKP_DSM__HEADER_MAX];
static size_t header_len;
static const uint8_t empty_body[3] = {0x82, 0x80, 0x80};

/* An empty header of a member; every view up to that of its parent has one, too. */
static void make_header(uint64_t view, uint32_t seat, uint64_t time_ms, uint8_t digest[32]) {
    struct hkp_dsm__body parsed;
    CHECK_EQ(hkp_dsm__body_parse(empty_body, sizeof empty_body, &parsed), HKP_OK);
    struct hkp_dsm__header h = {.view = view, .time_ms = time_ms, .proposer = seat};
    struct hkp_dsm__merkle empty = {0};
    memcpy(h.parent, on != NULL ? on : genesis.chain_id, 32);
    h.parent_view = on != NULL ? on_view : 0;
    h.height = h.parent_view + 1;
    h.n_blocks = false_body == 3 ? FALSE_HEADS : false_body ? 3 : 0;
    hkp_dsm__merkle_root(&empty, h.heads_root);
    hkp_dsm__merkle_root(&empty, h.blocks_root);
    hkp_dsm__ops_root(&parsed, h.ops_root);
    CHECK_EQ(hkp_dsm__header_build(&h, header, sizeof header, &header_len), HKP_OK);
    hkp_dsm__header_digest(digest, genesis.chain_id, header, header_len);
}

/* Rightly signed. */
static hkp_status send_proposal(uint64_t view, uint32_t seat, uint64_t time_ms, uint8_t digest[32]) {
    static uint8_t other_body[1 << 20];
    static struct hkp_dsm__head heads[FALSE_HEADS];
    uint8_t envelope[1200];
    struct hkp_dsm_view env = {.ptr = envelope}, body_view = {empty_body, sizeof empty_body};
    size_t n_heads = false_body == 3 ? sizeof heads / sizeof heads[0] : 1;
    for (size_t k = 0; k < n_heads; k++) {
        heads[k] = (struct hkp_dsm__head){.seq = 3, .id = {7}};
        memcpy(heads[k].node_id, mesh.node_id[0], 16);
        if (false_body >= 2) memset(heads[k].node_id, 0x5A, 16);
        if (false_body == 3) hkp_put_be32(heads[k].node_id, (uint32_t)k);
    }
    if (false_body) {
        body_view.ptr = other_body;
        CHECK_EQ(hkp_dsm__body_build(heads, n_heads, NULL, 0, other_body, sizeof other_body, &body_view.len),
                 HKP_OK);
    }
    uint32_t i = member(seat);
    make_header(view, seat, time_ms, digest);
    CHECK_EQ(hkp_dsm_envelope_sign(genesis.chain_id, HKP_DSM_KIND_PROPOSE, mesh.node_id[i], mesh.secret[i],
                                   header, header_len, envelope, sizeof envelope, &env.len),
             HKP_OK);
    struct hkp_dsm_cbor_writer w = writer();
    hkp_dsm__put_propose(&w, &env, &body_view, 0);
    return deliver(i == me ? member((seat + 1) % set.n) : i, &w);
}

/* A node that does not lead the first four views' leader seats given: any but them. */
static uint32_t not_leading(uint64_t view) { return member((perm[view % set.n] + 1U) % set.n); }

static uint64_t genesis_ms(void) { return mesh.time_s * 1000; }

static void no_promise_before_the_others_told_theirs(void) {
    uint8_t digest[32];
    begin(not_leading(1));
    CHECK_EQ(send_proposal(1, perm[1], genesis_ms() + 1, digest), HKP_OK);
    CHECK_EQ(votes[HKP_DSM_KIND_NOTAR], 0);
    for (uint32_t i = 0, told = 0; i < mesh.n && told < 2; i++)
        if (i != me) {
            CHECK_EQ(votes[HKP_DSM_KIND_NOTAR], 0);
            answer_promises(i);
            told++;
        }
    CHECK_EQ(votes[HKP_DSM_KIND_NOTAR], 3);
    hkp_dsm_node_free(node);
}

static void begin_promising(uint32_t who) {
    begin(who);
    for (uint32_t i = 0, told = 0; i < mesh.n && told < 2; i++)
        if (i != me) {
            answer_promises(i);
            told++;
        }
}

/* Validity (c): every view between parent and proposal has its CERT_0. */
static void a_proposal_over_a_view_that_was_not_nullified_gets_no_vote(void) {
    uint8_t digest[32];
    begin_promising(not_leading(3));
    send_cert(HKP_DSM_KIND_NULL, 2, NULL); /* the node is in view 3 and has not seen the end of view 1 */
    CHECK_EQ(send_proposal(3, perm[3], genesis_ms() + 1, digest), HKP_OK);
    CHECK_EQ(votes[HKP_DSM_KIND_NOTAR], 0);
    send_cert(HKP_DSM_KIND_NULL, 1, NULL);
    CHECK_EQ(votes[HKP_DSM_KIND_NOTAR], 3);
    CHECK_EQ(vote_view, 3);
    hkp_dsm_node_free(node);
}

static void only_the_leader_of_a_view_is_heard(void) {
    uint8_t digest[32];
    begin_promising(not_leading(1));
    CHECK_EQ(send_proposal(1, (perm[1] + 2U) % set.n, genesis_ms() + 1, digest), HKP_E_DSM_SIGNER);
    CHECK_EQ(send_proposal(1, perm[1], genesis_ms() + 120000, digest), HKP_OK); /* validity (h) */
    CHECK_EQ(votes[HKP_DSM_KIND_NOTAR], 0);
    hkp_dsm_node_free(node);
}

/* Heads of nodes that no certificate shows make no authors: a leader may name any it likes. */
static void a_proposal_makes_nobody_known(void) {
    uint8_t digest[32];
    struct hkp_dsm_node_status before = {.struct_size = sizeof before}, after = before;
    begin_promising(not_leading(1));
    CHECK_EQ(hkp_dsm_node_status(node, &before), HKP_OK);
    false_body = 2;
    CHECK_EQ(send_proposal(1, perm[1], genesis_ms() + 1, digest), HKP_OK);
    false_body = 0;
    CHECK_EQ(hkp_dsm_node_status(node, &after), HKP_OK);
    CHECK_EQ(after.authors, before.authors);
    CHECK_EQ(votes[HKP_DSM_KIND_NOTAR], 0);
    hkp_dsm_node_free(node);
}

static void one_vote_for_two_proposals_and_the_leader_is_accused(void) {
    uint8_t first[32], second[32];
    begin_promising(not_leading(1));
    CHECK_EQ(send_proposal(1, perm[1], genesis_ms() + 1, first), HKP_OK);
    CHECK_EQ(send_proposal(1, perm[1], genesis_ms() + 500, second), HKP_OK);
    CHECK_EQ(votes[HKP_DSM_KIND_NOTAR], 3);
    struct hkp_dsm_node_status s = {.struct_size = sizeof s};
    CHECK_EQ(hkp_dsm_node_status(node, &s), HKP_OK);
    CHECK_EQ(s.evidence, 1);
    hkp_dsm_node_free(node);
}

/* R3 and R4: FINAL only where NULL was never sent. */
static void after_null_there_is_no_final(void) {
    uint8_t digest[32];
    begin_promising(not_leading(1));
    uint64_t seq = 0;
    CHECK_EQ(hkp_dsm_submit(node, now, wall_us(), 1, (const uint8_t *)"work", 4, NULL, &seq), HKP_OK);
    for (int i = 0; i < 40 && votes[HKP_DSM_KIND_NULL] == 0; i++) {
        now += 100000000;
        CHECK_EQ(hkp_dsm_tick(node, now, wall_us()), HKP_OK);
        drain();
    }
    CHECK(votes[HKP_DSM_KIND_NULL] > 0);
    CHECK_EQ(vote_view, 1);
    CHECK_EQ(send_proposal(1, perm[1], genesis_ms() + 1, digest), HKP_OK);
    CHECK_EQ(votes[HKP_DSM_KIND_NOTAR], 3); /* R2 allows that */
    send_cert(HKP_DSM_KIND_NOTAR, 1, digest);
    CHECK_EQ(votes[HKP_DSM_KIND_FINAL], 0);
    hkp_dsm_node_free(node);
}

/* R4: the cert that FINAL was sent for may be lost, the promise is not. */
static void after_a_recorded_final_there_is_no_null(void) {
    struct hkp_dsm__wal_record final = {.kind = HKP_DSM_KIND_FINAL, .view = 1, .digest = {1}};
    uint8_t record[64];
    hkp_dsm__wal_encode(&final, record);
    recorded = record;
    begin_promising(not_leading(1));
    recorded = NULL;
    uint64_t seq = 0;
    CHECK_EQ(hkp_dsm_submit(node, now, wall_us(), 1, (const uint8_t *)"work", 4, NULL, &seq), HKP_OK);
    for (int i = 0; i < 100; i++) {
        now += 100000000;
        CHECK_EQ(hkp_dsm_tick(node, now, wall_us()), HKP_OK);
        drain();
    }
    CHECK(votes[HKP_DSM_KIND_FINAL] > 0); /* repeated */
    CHECK_EQ(votes[HKP_DSM_KIND_NULL], 0);
    hkp_dsm_node_free(node);
}

/* The newest header and its body, as an answer. */
static void answer_header(uint32_t from) {
    struct hkp_dsm_view h = {header, header_len}, b = {empty_body, sizeof empty_body};
    struct hkp_dsm_cbor_writer w = writer();
    hkp_dsm__put_sync_resp(&w, 0);
    hkp_dsm_cbor_put_array(&w, 1);
    hkp_dsm__put_pair(&w, &h, &b);
    CHECK_EQ(deliver(from, &w), HKP_OK);
}

static uint64_t final_height(void) {
    struct hkp_dsm_node_status s = {.struct_size = sizeof s};
    CHECK_EQ(hkp_dsm_node_status(node, &s), HKP_OK);
    return s.final_height;
}

/* Validity (b). */
static void a_child_of_a_header_without_its_cert_gets_no_vote(void) {
    uint8_t parent[32], digest[32];
    begin_promising(not_leading(2));
    CHECK_EQ(send_proposal(1, perm[1], genesis_ms() + 1, parent), HKP_OK);
    send_cert(HKP_DSM_KIND_NULL, 1, NULL);
    uint64_t before = votes[HKP_DSM_KIND_NOTAR];
    on = parent;
    on_view = 1;
    CHECK_EQ(send_proposal(2, perm[2], genesis_ms() + 2, digest), HKP_OK);
    CHECK_EQ(votes[HKP_DSM_KIND_NOTAR], before);
    send_cert(HKP_DSM_KIND_NOTAR, 1, parent);
    CHECK_EQ(votes[HKP_DSM_KIND_NOTAR], before + 3);
    on = NULL;
    hkp_dsm_node_free(node);
}

/* The leader sent the header with a body of blocks that nobody made; the others got the right one. */
static void blocks_of_a_false_body_are_not_waited_for(void) {
    uint8_t digest[32];
    begin_promising(not_leading(1));
    false_body = 1;
    CHECK_EQ(send_proposal(1, perm[1], genesis_ms() + 1, digest), HKP_OK);
    false_body = 0;
    CHECK_EQ(votes[HKP_DSM_KIND_NOTAR], 0);
    send_cert(HKP_DSM_KIND_FINAL, 1, digest);
    CHECK_EQ(final_height(), 0);
    answer_header((me + 1) % mesh.n);
    CHECK_EQ(final_height(), 1);
    hkp_dsm_node_free(node);
}

static void a_false_body_of_a_notarised_header_is_replaced(void) {
    uint8_t parent[32], digest[32];
    begin_promising(not_leading(2));
    false_body = 1;
    CHECK_EQ(send_proposal(1, perm[1], genesis_ms() + 1, parent), HKP_OK);
    false_body = 0;
    uint8_t right[HKP_DSM__HEADER_MAX];
    size_t len = header_len;
    memcpy(right, header, len);
    send_cert(HKP_DSM_KIND_NOTAR, 1, parent);
    on = parent;
    on_view = 1;
    CHECK_EQ(send_proposal(2, perm[2], genesis_ms() + 2, digest), HKP_OK);
    on = NULL;
    CHECK_EQ(votes[HKP_DSM_KIND_NOTAR], 0);
    memcpy(header, right, len);
    header_len = len;
    answer_header((me + 1) % mesh.n);
    CHECK_EQ(votes[HKP_DSM_KIND_NOTAR], 3);
    CHECK_EQ(vote_view, 2);
    /* and who signed it is still accused of another one */
    CHECK_EQ(send_proposal(1, perm[1], genesis_ms() + 500, digest), HKP_OK);
    struct hkp_dsm_node_status s = {.struct_size = sizeof s};
    CHECK_EQ(hkp_dsm_node_status(node, &s), HKP_OK);
    CHECK_EQ(s.evidence, 1);
    hkp_dsm_node_free(node);
}

/* R8: an answer that is lost is asked for again also where nothing but a header below the proposal's parent
 * names what is missing. */
static void a_header_below_a_known_one_is_asked_for_until_it_comes(void) {
    uint8_t first[32], second[32], third[32], kept[HKP_DSM__HEADER_MAX];
    begin_promising(not_leading(3));
    make_header(1, perm[1], genesis_ms() + 1, first);
    const size_t kept_len = header_len;
    memcpy(kept, header, kept_len);
    on = first;
    on_view = 1;
    make_header(2, perm[2], genesis_ms() + 2, second);
    memcpy(asked_for, first, 32);
    asked = 0;
    send_cert(HKP_DSM_KIND_NOTAR, 2, second);
    answer_header((me + 1) % mesh.n);
    on = second;
    on_view = 2;
    CHECK_EQ(send_proposal(3, perm[3], genesis_ms() + 3, third), HKP_OK);
    on = NULL;
    CHECK_EQ(asked, 1); /* and this is lost */
    for (int i = 0; i < 50; i++) {
        now += 100000000;
        CHECK_EQ(hkp_dsm_tick(node, now, wall_us()), HKP_OK);
        drain();
    }
    CHECK(asked > 2);
    CHECK_EQ(votes[HKP_DSM_KIND_NOTAR], 0);
    memcpy(header, kept, kept_len);
    header_len = kept_len;
    answer_header((me + 1) % mesh.n);
    CHECK_EQ(votes[HKP_DSM_KIND_NOTAR], 3);
    CHECK_EQ(vote_view, 3);
    hkp_dsm_node_free(node);
}

/* R9 */
static void promises_of_the_view_are_sent_again(void) {
    uint8_t digest[32];
    begin_promising(not_leading(1));
    CHECK_EQ(send_proposal(1, perm[1], genesis_ms() + 1, digest), HKP_OK);
    CHECK_EQ(votes[HKP_DSM_KIND_NOTAR], 3);
    for (int i = 0; i < 50; i++) {
        now += 100000000;
        CHECK_EQ(hkp_dsm_tick(node, now, wall_us()), HKP_OK);
        drain();
    }
    CHECK(votes[HKP_DSM_KIND_NOTAR] >= 9);
    hkp_dsm_node_free(node);
}

static void send_vote(uint32_t from, uint32_t kind, uint64_t view, const uint8_t digest[32]) {
    struct hkp_dsm__vote vote = {.kind = kind, .view = view};
    uint8_t envelope[HKP_DSM__VOTE_MAX];
    struct hkp_dsm_view bytes = {.ptr = envelope};
    memcpy(vote.digest, digest, 32);
    CHECK_EQ(hkp_dsm__vote_make(genesis.chain_id, &vote, mesh.node_id[from], mesh.secret[from], envelope,
                                sizeof envelope, &bytes.len),
             HKP_OK);
    struct hkp_dsm_cbor_writer w = writer();
    hkp_dsm__put_single(&w, HKP_DSM__OP_MSG_VOTE, &bytes);
    const hkp_status st = deliver(from, &w);
    CHECK(st == HKP_OK || st == HKP_E_DSM_OLD || st == HKP_E_DSM_DUPLICATE);
}

/* R9: votes that crossed the cert say nothing; one that comes long after it does, and so does one of two views
 * below. Who showed that it is in this view repeats what it said before, and gets nothing. */
static void who_is_behind_is_told_the_certs(void) {
    uint8_t first[32], second[32];
    const uint32_t late = (not_leading(1) + 1) % mesh.n, later = (late + 1) % mesh.n;
    begin_promising(not_leading(1));
    CHECK_EQ(send_proposal(1, perm[1], genesis_ms() + 1, first), HKP_OK);
    send_cert(HKP_DSM_KIND_NOTAR, 1, first);
    certs = 0;
    send_vote(late, HKP_DSM_KIND_NOTAR, 1, first);
    send_vote(later, HKP_DSM_KIND_FINAL, 1, first);
    CHECK_EQ(certs, 0);
    now += 250000000; /* D */
    send_vote(later, HKP_DSM_KIND_FINAL, 1, first);
    CHECK_EQ(certs, 0);
    send_vote(late, HKP_DSM_KIND_NOTAR, 1, first);
    CHECK_EQ(certs, 1);
    send_vote(late, HKP_DSM_KIND_NOTAR, 1, first);
    CHECK_EQ(certs, 1);
    now += 4 * 250000000ULL; /* T_r: it sends again by itself */
    CHECK_EQ(hkp_dsm_tick(node, now, wall_us()), HKP_OK);
    drain();
    on = first;
    on_view = 1;
    CHECK_EQ(send_proposal(2, perm[2], genesis_ms() + 2, second), HKP_OK);
    on = NULL;
    send_cert(HKP_DSM_KIND_NOTAR, 2, second);
    certs = 0;
    send_vote(later, HKP_DSM_KIND_NOTAR, 1, first); /* whose FINAL said that it is in 2 */
    CHECK_EQ(certs, 0);
    send_vote(late, HKP_DSM_KIND_NOTAR, 1, first);
    CHECK_EQ(certs, 1);
    now += 250000000;
    send_vote(later, HKP_DSM_KIND_FINAL, 2, second);
    send_vote(later, HKP_DSM_KIND_NOTAR, 1, first);
    send_vote(later, HKP_DSM_KIND_NOTAR, 2, second);
    CHECK_EQ(certs, 1);
    hkp_dsm_node_free(node);
}

/* R3 and R4 from memory of a start before: NULL forbids FINAL, and NOTAR forbids nothing that ends the view.
 */
static void after_a_recorded_null_there_is_no_final(void) {
    struct hkp_dsm__wal_record null = {.kind = HKP_DSM_KIND_NULL, .view = 1};
    uint8_t record[64], digest[32];
    hkp_dsm__wal_encode(&null, record);
    recorded = record;
    begin_promising(not_leading(1));
    recorded = NULL;
    CHECK_EQ(send_proposal(1, perm[1], genesis_ms() + 1, digest), HKP_OK);
    send_cert(HKP_DSM_KIND_NOTAR, 1, digest);
    CHECK(votes[HKP_DSM_KIND_NULL] > 0);
    CHECK_EQ(votes[HKP_DSM_KIND_FINAL], 0);
    hkp_dsm_node_free(node);
}

static void a_recorded_notar_does_not_stop_the_view(void) {
    struct hkp_dsm__wal_record notar = {.kind = HKP_DSM_KIND_NOTAR, .view = 1, .digest = {1}};
    uint8_t record[64];
    uint64_t seq = 0;
    hkp_dsm__wal_encode(&notar, record);
    recorded = record;
    begin_promising(not_leading(1));
    recorded = NULL;
    CHECK_EQ(hkp_dsm_submit(node, now, wall_us(), 1, (const uint8_t *)"work", 4, NULL, &seq), HKP_OK);
    for (int i = 0; i < 100; i++) {
        now += 100000000;
        CHECK_EQ(hkp_dsm_tick(node, now, wall_us()), HKP_OK);
        drain();
    }
    CHECK(votes[HKP_DSM_KIND_NULL] > 0);
    hkp_dsm_node_free(node);
}

/* D 13: one header of each view; more than there are places came, and the one to be voted for is still here.
 */
static void headers_of_views_to_come_push_out_none(void) {
    uint8_t digest[32];
    uint64_t later = 2;
    begin(not_leading(1));
    while (perm[later % set.n] == perm[1] || member(perm[later % set.n]) == me) later++;
    CHECK_EQ(send_proposal(1, perm[1], genesis_ms() + 1, digest), HKP_OK);
    for (uint64_t i = 1; i <= 300; i++)
        CHECK_EQ(send_proposal(later, perm[later % set.n], genesis_ms() + i, digest), HKP_OK);
    CHECK_EQ(votes[HKP_DSM_KIND_NOTAR], 0);
    for (uint32_t i = 0, told = 0; i < mesh.n && told < 2; i++)
        if (i != me) {
            answer_promises(i);
            told++;
        }
    CHECK_EQ(votes[HKP_DSM_KIND_NOTAR], 3);
    hkp_dsm_node_free(node);
}

static void a_notarised_header_gets_final(void) {
    uint8_t digest[32];
    begin_promising(not_leading(1));
    CHECK_EQ(send_proposal(1, perm[1], genesis_ms() + 1, digest), HKP_OK);
    send_cert(HKP_DSM_KIND_NOTAR, 1, digest);
    CHECK_EQ(votes[HKP_DSM_KIND_FINAL], 3);
    send_cert(HKP_DSM_KIND_FINAL, 1, digest);
    struct hkp_dsm_node_status s = {.struct_size = sizeof s};
    CHECK_EQ(hkp_dsm_node_status(node, &s), HKP_OK);
    CHECK_EQ(s.final_height, 1);
    CHECK_MEM(s.final_digest, digest, 32);
    hkp_dsm_node_free(node);
}

/* 1: the node holds this header. */
static int holds(const uint8_t digest[32]) {
    answered_headers = 0;
    struct hkp_dsm_cbor_writer w = writer();
    hkp_dsm__put_sync_req(&w, 0, 0, 0, 1);
    hkp_dsm_cbor_put_bytes(&w, digest, 32);
    CHECK_EQ(deliver((me + 1) % mesh.n, &w), HKP_OK);
    return answered_headers == 1;
}

/* R8: whoever leads a view to come may say what it likes of the ones below. */
static void ancestors_that_a_leader_invents_are_not_taken(void) {
    uint8_t ancestor[32], parent[32], digest[32], kept[HKP_DSM__HEADER_MAX];
    begin_promising(not_leading(9));
    make_header(7, perm[7 % set.n], genesis_ms() + 1, ancestor);
    const size_t kept_len = header_len;
    memcpy(kept, header, kept_len);
    on = ancestor;
    on_view = 7;
    CHECK_EQ(send_proposal(8, perm[8 % set.n], genesis_ms() + 2, parent), HKP_OK);
    on = parent;
    on_view = 8;
    CHECK_EQ(send_proposal(9, perm[9 % set.n], genesis_ms() + 3, digest), HKP_OK);
    on = NULL;
    memcpy(header, kept, kept_len);
    header_len = kept_len;
    answer_header(member(perm[9 % set.n]));
    CHECK(holds(digest));
    CHECK(!holds(ancestor));
    send_cert(HKP_DSM_KIND_NOTAR, 9, digest); /* now q members say the same */
    answer_header((me + 1) % mesh.n);
    CHECK(holds(ancestor));
    hkp_dsm_node_free(node);
}

/* R8: nobody can judge the heads of a body before its ancestors are here, but each brings a block. */
static void a_body_of_more_heads_than_blocks_is_not_kept(void) {
    static uint8_t body[256];
    uint8_t digest[32];
    struct hkp_dsm__head head = {.node_id = {7}, .seq = 1};
    struct hkp_dsm_view h = {header, 0}, b = {body, 0};
    begin_promising(not_leading(1));
    make_header(1, perm[1], genesis_ms() + 1, digest);
    h.len = header_len;
    CHECK_EQ(hkp_dsm__body_build(&head, 1, NULL, 0, body, sizeof body, &b.len), HKP_OK);
    send_cert(HKP_DSM_KIND_NOTAR, 1, digest);
    struct hkp_dsm_cbor_writer w = writer();
    hkp_dsm__put_sync_resp(&w, 0);
    hkp_dsm_cbor_put_array(&w, 1);
    hkp_dsm__put_pair(&w, &h, &b);
    CHECK_EQ(deliver((me + 1) % mesh.n, &w), HKP_OK);
    CHECK(!holds(digest));
    answer_header((me + 1) % mesh.n);
    CHECK(holds(digest));
    hkp_dsm_node_free(node);
}

/* D 13: of what no cert names the view at hand has the first place, the next ones follow; who had to give way
 * may come again. */
static void headers_without_certs_share_their_part_of_the_pool(void) {
    uint8_t near[32], far[32];
    uint64_t view = 4, later = 30;
    begin_promising(not_leading(1));
    while (member(perm[view % set.n]) == me) view++;
    while (member(perm[later % set.n]) == me) later++;
    false_body = 3;
    CHECK_EQ(send_proposal(later, perm[later % set.n], genesis_ms() + 1, far), HKP_OK);
    CHECK(holds(far));
    CHECK_EQ(send_proposal(view, perm[view % set.n], genesis_ms() + 1, near), HKP_OK);
    CHECK(holds(near));
    CHECK(!holds(far));
    CHECK_EQ(send_proposal(later, perm[later % set.n], genesis_ms() + 1, far), HKP_E_DSM_RATE);
    CHECK(holds(near));
    send_cert(HKP_DSM_KIND_NULL, later - 1, NULL);
    CHECK_EQ(send_proposal(later, perm[later % set.n], genesis_ms() + 1, far), HKP_OK);
    false_body = 0;
    CHECK(holds(far));
    CHECK(!holds(near));
    hkp_dsm_node_free(node);
}

/* Validity (b) and (c) over more views than certs are in memory, learned from both ends. */
static void certs_of_views_that_left_memory_count(void) {
    enum { LAST = 1100, SLOTS = 1024 };
    uint8_t first[32], digest[32];
    begin_promising(not_leading(LAST + 1));
    make_header(1, perm[1], genesis_ms() + 1, first);
    send_cert(HKP_DSM_KIND_NULL, LAST, NULL);
    send_cert(HKP_DSM_KIND_NULL, SLOTS + 1, NULL);
    send_cert(HKP_DSM_KIND_NOTAR, 1, first);
    answer_header((me + 1) % mesh.n);
    CHECK(holds(first));
    on = first;
    on_view = 1;
    CHECK_EQ(send_proposal(LAST + 1, perm[(LAST + 1) % set.n], genesis_ms() + 2, digest), HKP_OK);
    on = NULL;
    const uint64_t before = votes[HKP_DSM_KIND_NOTAR];
    for (uint64_t view = 2; view < LAST; view++) {
        CHECK_EQ(votes[HKP_DSM_KIND_NOTAR], before);
        if (view != SLOTS + 1) send_cert(HKP_DSM_KIND_NULL, view, NULL);
    }
    CHECK_EQ(votes[HKP_DSM_KIND_NOTAR], before + 3);
    CHECK_EQ(vote_view, LAST + 1);
    hkp_dsm_node_free(node);
}

/* D-SMX-7: anybody may ask, and the last number of all has none behind it. */
static void a_question_about_the_last_view_of_all_is_answered(void) {
    begin_promising(not_leading(1));
    send_cert(HKP_DSM_KIND_NULL, 1, NULL);
    for (uint64_t below = 0; below < 70; below += 23) {
        struct hkp_dsm_cbor_writer w = writer();
        hkp_dsm__put_sync_req(&w, 0, UINT64_MAX - below, UINT64_MAX, 0);
        CHECK_EQ(deliver((me + 1) % mesh.n, &w), HKP_OK);
    }
    answered_certs = 0;
    struct hkp_dsm_cbor_writer w = writer();
    hkp_dsm__put_sync_req(&w, 0, 1, UINT64_MAX, 0);
    CHECK_EQ(deliver((me + 1) % mesh.n, &w), HKP_OK);
    CHECK_EQ(answered_certs, 1);
    hkp_dsm_node_free(node);
}

static void what_does_not_parse_or_belongs_to_no_open_lane_changes_nothing(void) {
    begin_promising(not_leading(1));
    struct hkp_dsm_node_status before = {.struct_size = sizeof before}, after = before;
    CHECK_EQ(hkp_dsm_node_status(node, &before), HKP_OK);
    uint64_t state = check_seed();
    for (int i = 0; i < 3000; i++) {
        uint8_t junk[64];
        size_t len = 1 + check_random(&state) % sizeof junk;
        for (size_t k = 0; k < len; k++) junk[k] = (uint8_t)check_random(&state);
        hkp_status st = hkp_dsm_recv(node, now, wall_us(), mesh.node_id[(me + 1) % mesh.n],
                                     (uint32_t)check_random(&state) % 6, junk, len);
        CHECK(st < 0);
    }
    CHECK_EQ(hkp_dsm_node_status(node, &after), HKP_OK);
    CHECK_EQ(after.refused, before.refused + 3000);
    after.refused = before.refused;
    after.received = before.received;
    CHECK_MEM(&after, &before, sizeof before);
    CHECK_EQ(hkp_dsm_peer_lanes(node, now, mesh.node_id[(me + 1) % mesh.n], 0), HKP_OK);
    uint8_t have[] = {0x83, 0x18, 0x1e, 0x00, 0x80};
    CHECK(hkp_dsm_recv(node, now, wall_us(), mesh.node_id[(me + 1) % mesh.n], 3, have, sizeof have) ==
          HKP_E_DSM_LANE);
    hkp_dsm_node_free(node);
}

static void options_are_judged_before_anything_is_made(void) {
    struct hkp_dsm_node_options o;
    hkp_dsm_node *none = NULL;
    me = 0;
    options(&o);
    o.rng.fill = NULL;
    CHECK_EQ(hkp_dsm_node_new(&none, &o, 0), HKP_E_INVAL);
    options(&o);
    o.pool_bytes = 100;
    CHECK_EQ(hkp_dsm_node_new(&none, &o, 0), HKP_E_INVAL);
    options(&o);
    o.secret = mesh.secret[1];
    CHECK_EQ(hkp_dsm_node_new(&none, &o, 0), HKP_E_DSM_NODE_ID);
    options(&o);
    o.genesis_len--;
    CHECK(hkp_dsm_node_new(&none, &o, 0) < 0);
    CHECK(none == NULL);
}

static void every_allocation_may_fail(void) {
    for (int budget = 0;; budget++) {
        struct failing f = {.left = budget};
        struct hkp_dsm_node_options o;
        me = 0;
        options(&o);
        o.mem = failing_mem(&f);
        hkp_dsm_node *n = NULL;
        hkp_status st = hkp_dsm_node_new(&n, &o, 0);
        if (st == HKP_OK) {
            CHECK(budget > 0);
            hkp_dsm_node_free(n);
            CHECK_EQ(f.live, 0);
            return;
        }
        CHECK_EQ(st, HKP_E_NOMEM);
        CHECK(n == NULL);
        CHECK_EQ(f.live, 0);
    }
}

int main(void) {
    sim_mesh_make(&mesh, 4, HKP_DSM_ROLE_VALIDATOR | HKP_DSM_ROLE_EDGE);
    if (hkp_dsm_genesis_parse(mesh.genesis, mesh.genesis_len, &genesis) != HKP_OK ||
        hkp_dsm__valset_parse(genesis.valset_body.ptr, genesis.valset_body.len, &set) != HKP_OK)
        return 1;
    hkp_dsm__leaders(&set, genesis.chain_id, perm);
    CASE(no_promise_before_the_others_told_theirs);
    CASE(a_proposal_over_a_view_that_was_not_nullified_gets_no_vote);
    CASE(only_the_leader_of_a_view_is_heard);
    CASE(a_proposal_makes_nobody_known);
    CASE(one_vote_for_two_proposals_and_the_leader_is_accused);
    CASE(after_null_there_is_no_final);
    CASE(after_a_recorded_final_there_is_no_null);
    CASE(after_a_recorded_null_there_is_no_final);
    CASE(a_recorded_notar_does_not_stop_the_view);
    CASE(a_child_of_a_header_without_its_cert_gets_no_vote);
    CASE(blocks_of_a_false_body_are_not_waited_for);
    CASE(a_false_body_of_a_notarised_header_is_replaced);
    CASE(a_header_below_a_known_one_is_asked_for_until_it_comes);
    CASE(promises_of_the_view_are_sent_again);
    CASE(who_is_behind_is_told_the_certs);
    CASE(headers_of_views_to_come_push_out_none);
    CASE(a_notarised_header_gets_final);
    CASE(ancestors_that_a_leader_invents_are_not_taken);
    CASE(a_body_of_more_heads_than_blocks_is_not_kept);
    CASE(headers_without_certs_share_their_part_of_the_pool);
    CASE(certs_of_views_that_left_memory_count);
    CASE(a_question_about_the_last_view_of_all_is_answered);
    CASE(what_does_not_parse_or_belongs_to_no_open_lane_changes_nothing);
    CASE(options_are_judged_before_anything_is_made);
    CASE(every_allocation_may_fail);
    return check_done();
}
