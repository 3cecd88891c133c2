/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What an officer may sign (D-CA-3 to D-CA-6), and its signature, which its record must know first. */
#include "libdsm/beside/officer.h"

#include "libdsm/bls/bls.h"
#include "libdsm/objects/fields.h"
#include "libter/bytes.h"
#include "libter/options.h"

#include <sodium.h>

enum { SKEW_S = 300, CERTIFICATE_LIFE_S = 90 * 86400, NUMBERS_SKIPPED_MAX = 1024 };

void hkp_dsm_token_digest(uint8_t digest[32], const uint8_t chain_id[32], const uint8_t *token, size_t len) {
    const struct hkp_dsm_view parts[] = {{chain_id, 32}, {token, len}};
    hkp_dsm__hash(digest, "token", parts, 2);
}

/* ---- What a body promises (D-CA-4) ----------------------------------------------------------------------
 */

static hkp_status promised_by_certificate(const struct hkp_dsm_view *body, struct hkp_dsm_promise *p) {
    struct hkp_dsm_certificate c;
    const hkp_status st = hkp_dsm__certificate_body(body, &c);
    if (st != HKP_OK) return st;
    memcpy(p->subject, c.node_id, 16);
    p->number = c.serial;
    p->not_after_s = c.not_after_s;
    return HKP_OK;
}

static hkp_status promised_by_list(const struct hkp_dsm_view *body, struct hkp_dsm_promise *p) {
    struct hkp_dsm_revocations l;
    const hkp_status st = hkp_dsm_revocations_parse(body->ptr, body->len, &l);
    if (st == HKP_OK) p->number = l.number;
    return st;
}

static hkp_status promised_by_set(const struct hkp_dsm_view *body, struct hkp_dsm_promise *p) {
    struct hkp_dsm_ca_set set;
    const hkp_status st = hkp_dsm_ca_set_parse(body->ptr, body->len, &set);
    if (st == HKP_OK) p->number = set.version;
    return st;
}

static hkp_status promised_by_order(const struct hkp_dsm_view *body, struct hkp_dsm_promise *p) {
    struct hkp_dsm_order o;
    const hkp_status st = hkp_dsm__order_body(body, &o);
    if (st != HKP_OK) return st;
    hkp_put_be64(p->subject + 8, o.scope);
    p->number = o.number;
    return HKP_OK;
}

static hkp_status promise_of(const uint8_t chain_id[32], uint64_t kind, const struct hkp_dsm_view *body,
                             struct hkp_dsm_promise *promise) {
    struct hkp_dsm_promise p = {.kind = (uint32_t)kind};
    hkp_status st = HKP_E_DSM_KIND;
    if (kind == HKP_DSM_KIND_CERTIFICATE) st = promised_by_certificate(body, &p);
    if (kind == HKP_DSM_KIND_REVOCATION_LIST) st = promised_by_list(body, &p);
    if (kind == HKP_DSM_KIND_CA_SET) st = promised_by_set(body, &p);
    if (kind == HKP_DSM_KIND_RESTART) st = hkp_dsm__restart_epoch(body, &p.number);
    if (kind == HKP_DSM_KIND_ORDER) st = promised_by_order(body, &p);
    if (st != HKP_OK) return st;
    hkp_dsm_object_id(p.id, chain_id, p.kind, NULL, body->ptr, body->len);
    *promise = p;
    return HKP_OK;
}

/* ---- Certificates (D-CA-3, D-CA-5) ----------------------------------------------------------------------
 */

static int same_option(uint8_t has, const uint8_t *a, uint8_t had, const uint8_t *b, size_t len) {
    return has == had && (!has || memcmp(a, b, len) == 0);
}

static int same_bls(const struct hkp_dsm_certificate *c, const struct hkp_dsm_request *q) {
    if (c->bls_key.len == 0) return 1; /* may be left out */
    return q->has_bls && memcmp(c->bls_key.ptr, q->bls_key, 48) == 0 &&
           memcmp(c->bls_proof.ptr, q->bls_proof, 96) == 0;
}

/* Nothing that the node did not ask for; fewer roles and a lower tier are the officers' choice. */
static int fits_request(const struct hkp_dsm_certificate *c, const struct hkp_dsm_request *q) {
    return memcmp(c->key, q->key, 32) == 0 && memcmp(c->node_id, q->node_id, 16) == 0 &&
           same_option(c->has_static_key, c->static_key, q->has_static_key, q->static_key, 32) &&
           same_option(c->has_ak, c->ak, q->has_ak, q->ak, HKP_DSM_AK_BYTES) &&
           memcmp(c->enroll_id, q->enroll_id, 32) == 0 && (c->roles & ~q->roles) == 0 && c->tier <= q->tier &&
           c->neuro_gen == q->neuro_gen && same_bls(c, q);
}

/* D-QC-3: no BLS key without possession; an officer that cannot look at it agrees to none. */
static hkp_status judge_bls(const struct hkp_dsm_certificate *c) {
    return c->bls_key.len == 0 ? HKP_OK : hkp_dsm__bls_possessed(c->bls_key.ptr, c->bls_proof.ptr);
}

static hkp_status times_fit(const struct hkp_dsm_certificate *c, uint64_t now_s) {
    const uint64_t apart = c->not_before_s > now_s ? c->not_before_s - now_s : now_s - c->not_before_s;
    return apart <= HKP_DSM_ISSUE_WINDOW_S && c->not_after_s > now_s ? HKP_OK : HKP_E_DSM_VALIDITY;
}

static hkp_status judge_token(const struct hkp_dsm_record *record, const struct hkp_dsm_matter *m,
                              const struct hkp_dsm_request *q, struct hkp_dsm_promise *p) {
    if (m->token.len < HKP_DSM_TOKEN_MIN || m->token.len > HKP_DSM_TOKEN_MAX) return HKP_E_DSM_ATTEST;
    hkp_dsm_token_digest(p->token, record->chain_id, m->token.ptr, m->token.len);
    p->has_token = 1;
    return memcmp(p->token, q->token_digest, 32) == 0 ? HKP_OK : HKP_E_DSM_ATTEST;
}

/* D-CA-5. The request is signed by the key in it, and that key is the one that was certified. */
static hkp_status judge_renewal(const struct hkp_dsm_record *record, const struct hkp_dsm_matter *m,
                                const struct hkp_dsm_certificate *c, uint64_t revoked) {
    struct hkp_dsm_multi multi;
    struct hkp_dsm_certificate old;
    if (m->certificate.len == 0) return HKP_E_DSM_ATTEST;
    hkp_status st = hkp_dsm_multi_parse(m->certificate.ptr, m->certificate.len, &multi);
    if (st == HKP_OK)
        st = hkp_dsm_multi_check(record->chain_id, &multi, HKP_DSM_KIND_CERTIFICATE, m->officers);
    if (st == HKP_OK) st = hkp_dsm__certificate_body(&multi.body, &old);
    if (st != HKP_OK) return st;
    if (memcmp(old.node_id, c->node_id, 16) != 0) return HKP_E_DSM_TARGET;
    if (m->now_s > old.not_after_s && m->now_s - old.not_after_s > HKP_DSM_RENEWAL_S)
        return HKP_E_DSM_EXPIRED;
    if (old.serial <= revoked) return HKP_E_DSM_REVOKED;
    if (c->serial <= old.serial) return HKP_E_DSM_STALE;
    const int widens = (c->roles & ~old.roles) != 0 || c->tier > old.tier || c->group != old.group ||
                       c->neuro_gen != old.neuro_gen;
    return widens ? HKP_E_DSM_ROLE : HKP_OK;
}

static hkp_status judge_certificate(const struct hkp_dsm_record *record, const struct hkp_dsm_matter *m,
                                    const struct hkp_dsm_revocations *list, struct hkp_dsm_promise *p) {
    struct hkp_dsm_certificate c;
    struct hkp_dsm_request q;
    const hkp_status read = hkp_dsm__certificate_body(&m->body, &c);
    if (read != HKP_OK) return read;
    hkp_status st = hkp_dsm_request_check(m->request.ptr, m->request.len, record->chain_id, &q);
    if (st == HKP_OK && !fits_request(&c, &q)) st = HKP_E_DSM_TARGET;
    if (st == HKP_OK) st = times_fit(&c, m->now_s);
    if (st == HKP_OK) st = judge_bls(&c);
    if (st != HKP_OK) return st;
    const uint64_t revoked = hkp_dsm_revocations_find(list, c.node_id);
    if (c.serial <= revoked) return HKP_E_DSM_REVOKED;
    return m->token.len > 0 ? judge_token(record, m, &q, p) : judge_renewal(record, m, &c, revoked);
}

/* ---- Revocation lists (D-CA-6) --------------------------------------------------------------------------
 */

/* D-CA-6: 35 days after the node's last certificate expired. One that this officer did not sign may have been
 * issued until the revocation, for 90 days. */
static int may_be_dropped(const struct hkp_dsm_record *record, const struct hkp_dsm_revocation *e,
                          uint64_t now_s) {
    struct hkp_dsm_promise last;
    const uint64_t wait = HKP_DSM_LISTED_S, unknown = wait + CERTIFICATE_LIFE_S;
    if (e->serial == HKP_DSM_SERIAL_BARRED && !hkp_dsm__record_barred(record, e->node_id)) return 0;
    if (now_s < unknown || e->time_s > now_s - unknown) return 0;
    return hkp_dsm_record_find(record, HKP_DSM_KIND_CERTIFICATE, e->node_id, &last) != HKP_OK ||
           last.not_after_s <= now_s - wait;
}

/* Dated now: what is new is in force for as long as what it revokes may be (may_be_dropped). */
static int is_of_today(const struct hkp_dsm_revocation *e, uint64_t now_s) {
    return e->time_s <= now_s + SKEW_S && e->time_s + HKP_DSM_ISSUE_WINDOW_S >= now_s;
}

/* Every node that was listed stays so, with no lower serial, or may be dropped; what changed is dated now. */
static hkp_status compare_entries(const struct hkp_dsm_record *record, struct hkp_dsm_revocations old,
                                  struct hkp_dsm_revocations new, uint64_t now_s) {
    struct hkp_dsm_revocation was, is;
    int has_old = hkp_dsm_revocations_next(&old, &was) == HKP_OK;
    int has_new = hkp_dsm_revocations_next(&new, &is) == HKP_OK;
    while (has_old || has_new) {
        const int order = !has_new ? -1 : !has_old ? 1 : memcmp(was.node_id, is.node_id, 16);
        if (order < 0 && !may_be_dropped(record, &was, now_s)) return HKP_E_DSM_REVOKED;
        if (order == 0 && (is.serial < was.serial || is.time_s < was.time_s)) return HKP_E_DSM_REVOKED;
        const int same = order == 0 && is.serial == was.serial && is.time_s == was.time_s;
        if (order >= 0 && !same && !is_of_today(&is, now_s)) return HKP_E_DSM_VALIDITY;
        if (order <= 0) has_old = hkp_dsm_revocations_next(&old, &was) == HKP_OK;
        if (order >= 0) has_new = hkp_dsm_revocations_next(&new, &is) == HKP_OK;
    }
    return HKP_OK;
}

/* Key 5 names the newest complete list, and the number is free: those between that nobody completed are left
 * out. Too many at once are not, or one bad officer would have the last number there is (decision 0630). */
static hkp_status follows(const struct hkp_dsm_record *record, const struct hkp_dsm_revocations *held,
                          const struct hkp_dsm_revocations *l) {
    static const uint8_t of_all[16];
    struct hkp_dsm_promise p;
    uint64_t newest = held->number;
    if (l->number <= held->number) return HKP_E_DSM_STALE;
    if (memcmp(l->previous, held->id, 32) != 0)
        return l->number - 1 == held->number ? HKP_E_DSM_PREV : HKP_E_DSM_GAP;
    if (hkp_dsm_record_find(record, HKP_DSM_KIND_REVOCATION_LIST, of_all, &p) == HKP_OK && p.number > newest)
        newest = p.number;
    return l->number <= newest || l->number - newest <= NUMBERS_SKIPPED_MAX ? HKP_OK : HKP_E_DSM_GAP;
}

static hkp_status judge_list(const struct hkp_dsm_record *record, const struct hkp_dsm_matter *m,
                             const struct hkp_dsm_revocations *held) {
    struct hkp_dsm_revocations l;
    hkp_status st = hkp_dsm_revocations_parse(m->body.ptr, m->body.len, &l);
    if (st != HKP_OK) return st;
    if (l.this_update_s > m->now_s + SKEW_S || l.next_update_s <= m->now_s) return HKP_E_DSM_VALIDITY;
    st = follows(record, held, &l);
    return st == HKP_OK ? compare_entries(record, *held, l, m->now_s) : st;
}

static hkp_status judge_set(const struct hkp_dsm_matter *m, const struct hkp_dsm_promise *p) {
    return p->number == m->set->version + 1 ? HKP_OK : HKP_E_DSM_STALE;
}

hkp_status hkp_dsm_officer_judge(const struct hkp_dsm_record *record, const struct hkp_dsm_matter *matter,
                                 struct hkp_dsm_promise *promise) {
    struct hkp_dsm_matter m;
    struct hkp_dsm_revocations held = {.number = 0};
    struct hkp_dsm_promise p;
    hkp_status st = hkp_options_import(&m, sizeof m, sizeof m, matter);
    if (st != HKP_OK) return st;
    if (m.body.ptr == NULL || m.set == NULL || m.officers == NULL) return HKP_E_INVAL;
    if (m.kind == HKP_DSM_KIND_CERTIFICATE && m.request.ptr == NULL) return HKP_E_INVAL;
    if (!hkp_dsm__multi_is_known(m.kind)) return HKP_E_DSM_KIND;
    if (m.body.len > hkp_dsm__multi_body_max(m.kind)) return HKP_E_DSM_TOO_BIG;
    st = promise_of(record->chain_id, m.kind, &m.body, &p);
    if (st == HKP_OK && m.list.len > 0)
        st = hkp_dsm_revocations_check(m.list.ptr, m.list.len, record->chain_id, m.officers, 0, &held);
    if (st == HKP_OK && m.kind == HKP_DSM_KIND_CERTIFICATE) st = judge_certificate(record, &m, &held, &p);
    if (st == HKP_OK && m.kind == HKP_DSM_KIND_REVOCATION_LIST) st = judge_list(record, &m, &held);
    if (st == HKP_OK && m.kind == HKP_DSM_KIND_CA_SET) st = judge_set(&m, &p);
    if (st == HKP_OK) *promise = p;
    return st;
}

/* ---- Signatures -----------------------------------------------------------------------------------------
 */

/* Position of a key in a set, n_keys if it is none of its. */
static uint32_t index_of(const struct hkp_dsm_ca_set *set, const uint8_t key[32]) {
    uint32_t i = 0;
    while (i < set->n_keys && memcmp(set->keys[i], key, 32) != 0) i++;
    return i;
}

/* The signatures that an object has, each of them; how many there must be is not asked. */
static hkp_status check_given(const uint8_t chain_id[32], const struct hkp_dsm_ca_set *set,
                              const struct hkp_dsm_multi *multi, uint8_t *scratch, size_t scratch_len) {
    struct hkp_dsm_ca_set some = *set;
    const struct hkp_dsm_officers officers = {&some, 1, scratch, scratch_len};
    some.threshold = 1;
    if (multi->n_signatures == 0) return HKP_OK;
    return hkp_dsm_multi_check(chain_id, multi, (uint32_t)multi->kind, &officers);
}

hkp_status hkp_dsm_officer_seen(const struct hkp_dsm_record *record, const struct hkp_dsm_officers *officers,
                                const struct hkp_dsm_multi *multi) {
    const struct hkp_dsm_ca_set *set = hkp_dsm__officers_find(officers, multi->ca_version);
    const uint32_t own = set != NULL ? index_of(set, record->officer) : 0;
    uint8_t id[32];
    if (set == NULL || own == set->n_keys || !hkp_dsm__multi_is_known(multi->kind)) return HKP_OK;
    for (size_t i = 0; i < multi->n_signatures; i++) {
        if (multi->index[i] != own) continue;
        struct hkp_dsm_multi alone = *multi;
        alone.n_signatures = 1;
        alone.index[0] = own;
        alone.signature[0] = multi->signature[i];
        const hkp_status st =
            check_given(record->chain_id, set, &alone, officers->scratch, officers->scratch_len);
        if (st == HKP_E_NOSPC) return st;
        if (st != HKP_OK) continue; /* somebody wrote our number beside bytes of its own */
        hkp_dsm_object_id(id, record->chain_id, (uint32_t)multi->kind, NULL, multi->body.ptr,
                          multi->body.len);
        if (!hkp_dsm__record_holds(record, id)) return HKP_E_DSM_WAL_CORRUPT;
    }
    return HKP_OK;
}

/* The own signature at its place among the others. */
static hkp_status insert(struct hkp_dsm_multi *m, uint32_t own, const uint8_t *signature) {
    size_t at = 0;
    while (at < m->n_signatures && m->index[at] < own) at++;
    if (at < m->n_signatures && m->index[at] == own) return HKP_E_DSM_DUPLICATE;
    for (size_t i = m->n_signatures; i > at; i--) {
        m->index[i] = m->index[i - 1];
        m->signature[i] = m->signature[i - 1];
    }
    m->index[at] = own;
    m->signature[at] = signature;
    m->n_signatures++;
    return HKP_OK;
}

static hkp_status is_promised(const struct hkp_dsm_record *record, const struct hkp_dsm_multi *multi) {
    struct hkp_dsm_promise now, recorded;
    const hkp_status st = promise_of(record->chain_id, multi->kind, &multi->body, &now);
    if (st != HKP_OK) return st;
    if (hkp_dsm_record_find(record, now.kind, now.subject, &recorded) != HKP_OK) return HKP_E_STATE;
    return memcmp(recorded.id, now.id, 32) == 0 ? HKP_OK : HKP_E_STATE;
}

hkp_status hkp_dsm_officer_sign(const struct hkp_dsm_record *record, const struct hkp_dsm_ca_set *set,
                                const struct hkp_dsm_multi *multi, const uint8_t secret[64], uint8_t *scratch,
                                size_t scratch_len, uint8_t *dst, size_t cap, size_t *len) {
    struct hkp_dsm_multi m = *multi;
    const uint8_t *key = secret + 32; /* libsodium keeps the public key behind the seed */
    const uint32_t own = index_of(set, key);
    uint8_t signature[64];
    if (record->is_lost) return HKP_E_DSM_WAL_CORRUPT;
    if (memcmp(key, record->officer, 32) != 0 || own == set->n_keys) return HKP_E_DSM_SIGNER;
    if (m.ca_version != set->version) return HKP_E_DSM_CA_VERSION;
    hkp_status st = is_promised(record, &m);
    if (st == HKP_OK) st = check_given(record->chain_id, set, &m, scratch, scratch_len);
    if (st == HKP_OK && m.n_signatures >= set->threshold) st = HKP_E_LIMIT;
    if (st == HKP_OK) st = insert(&m, own, signature);
    if (st != HKP_OK) return st;
    st = hkp_dsm_multi_sign(signature, record->chain_id, (uint32_t)m.kind, m.ca_version, secret, m.body.ptr,
                            m.body.len, scratch, scratch_len);
    return st == HKP_OK ? hkp_dsm_multi_build(&m, dst, cap, len) : st;
}
