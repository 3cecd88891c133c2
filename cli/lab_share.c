/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* hookprobe lab cipher --share: parties that do not trust each other make one key (LAB-6.2). */
#include "lab_cipher.h"
#include "lab_room.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { ATTEMPTS_MAX = 8, MS = 1000000 };

/* What came of all attempts. */
struct outcome {
    uint32_t n, attempts;
    int same;
    uint8_t key[32], secrets[HKP_NEURO_LAB_PARTIES_MAX][32];
};

static int honest(const struct cli_member *m) { return !m->out && m->cheat == CLI_CHEAT_NONE; }

static hkp_status begin(struct cli_room *room, uint32_t attempt) {
    uint8_t session[32], secret[32], blind[32];
    uint32_t n = 0;
    hkp_status st = HKP_OK;
    randombytes_buf(session, sizeof session);
    for (uint32_t i = 0; i < room->n; i++)
        if (!room->members[i].out) room->members[i].place = n++;
    for (uint32_t i = 0; i < room->n && st == HKP_OK; i++) {
        struct cli_member *m = &room->members[i];
        if (m->out) continue;
        randombytes_buf(secret, sizeof secret);
        randombytes_buf(blind, sizeof blind);
        st = hkp_neuro_lab_party_begin(&m->party, session, n, m->place, attempt, secret, blind);
    }
    sodium_memzero(secret, sizeof secret);
    sodium_memzero(blind, sizeof blind);
    return st;
}

/* Those who wait for the earliest thing have waited long enough; 0: nobody waits. */
static int expire(struct cli_room *room) {
    uint32_t least = HKP_NEURO_LAB_DONE;
    for (uint32_t i = 0; i < room->n; i++)
        if (!room->members[i].out && room->members[i].party.stage < least)
            least = room->members[i].party.stage;
    for (uint32_t i = 0; i < room->n && least < HKP_NEURO_LAB_DONE; i++)
        if (!room->members[i].out && room->members[i].party.stage == least)
            (void)hkp_neuro_lab_party_expire(&room->members[i].party);
    return least < HKP_NEURO_LAB_DONE;
}

/* Until everybody has a key or none. */
static void converse(struct cli_room *room, hkp_time wait) {
    do (void)cli_room_carry(room, wait);
    while (!room->failed && expire(room));
}

/* The same key at all honest parties; 0: one has none, or another. */
static int collect(struct cli_room *room, struct outcome *out) {
    uint8_t key[32];
    out->n = 0;
    for (uint32_t i = 0; i < room->n; i++) {
        struct cli_member *m = &room->members[i];
        if (!honest(m)) continue;
        memcpy(out->secrets, m->party.share.secret, sizeof out->secrets);
        const uint32_t parties = m->party.share.n;
        if (hkp_neuro_lab_party_key(&m->party, key) != HKP_OK) return 0;
        if (out->n != 0 && sodium_memcmp(key, out->key, sizeof key) != 0) return 0;
        memcpy(out->key, key, sizeof key);
        out->n = parties;
    }
    sodium_memzero(key, sizeof key);
    return out->n != 0;
}

/* Each party counts what it saw itself; who was counted thrice by all others is out. */
static uint32_t count(struct cli_room *room) {
    uint32_t named = 0;
    for (uint32_t i = 0; i < room->n; i++) {
        struct cli_member *m = &room->members[i];
        for (uint32_t p = 0; honest(m) && p < m->party.share.n; p++) {
            const struct cli_member *who = cli_room_at(room, p);
            if ((m->party.named >> p & 1) == 0 || who == NULL) continue;
            named |= 1U << who->index;
            (void)!hkp_neuro_lab_share_aborted(&m->aborts, who->index);
        }
    }
    for (uint32_t k = 0; k < room->n; k++) {
        int all = !room->members[k].out;
        for (uint32_t i = 0; i < room->n; i++)
            if (i != k && !room->members[i].out)
                all &= room->members[i].aborts.count[k] >= HKP_NEURO_LAB_ABORTS_MAX;
        room->members[k].out |= all;
    }
    return named;
}

/* " 1 3", or "" */
static const char *words(uint32_t bits, char text[64]) {
    size_t at = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < HKP_NEURO_LAB_PARTIES_MAX; i++)
        if ((bits >> i & 1) != 0) at += (size_t)snprintf(text + at, 64 - at, " %u", i);
    return text;
}

static json_t *places(uint32_t bits) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < HKP_NEURO_LAB_PARTIES_MAX; i++)
        if ((bits >> i & 1) != 0) json_array_append_new(list, json_integer(i));
    return list;
}

static uint32_t out_of(const struct cli_room *room) {
    uint32_t bits = 0;
    for (uint32_t i = 0; i < room->n; i++) bits |= (uint32_t)(room->members[i].out != 0) << i;
    return bits;
}

static int attempt(const struct cli_lab *o, struct cli_room *room, struct outcome *out) {
    const uint64_t bytes = room->bytes;
    if (begin(room, out->attempts) != HKP_OK) return cli_fail(CLI_NO, "too few parties are left");
    converse(room, o->wait_ms * MS);
    if (room->failed) return cli_fail(CLI_SYSTEM, "a session ended");
    hkp_status fault = HKP_OK;
    uint32_t named = 0;
    for (uint32_t i = 0; i < room->n; i++)
        if (honest(&room->members[i]) && fault != HKP_E_NEURO_LAB_COMMIT)
            fault =
                room->members[i].party.stage == HKP_NEURO_LAB_ENDED ? room->members[i].party.fault : fault;
    if (fault == HKP_OK)
        out->same = collect(room, out);
    else
        named = count(room);
    out->attempts++;
    char who[64];
    const char *why = fault == HKP_OK ? "ok" : cli_status_name(fault);
    cli_lab_line(o->json,
                 json_pack("{s:i,s:b,s:s,s:o,s:o,s:I}", "attempt", (int)out->attempts, "same_key", out->same,
                           "result", why, "named", places(named), "excluded", places(out_of(room)), "bytes",
                           (json_int_t)(room->bytes - bytes)),
                 "attempt %u: %s%s%s%s", out->attempts,
                 out->same ? "all have one key" : "ended without a key: ", out->same ? "" : why,
                 named == 0 ? "" : ", named:", words(named, who));
    return CLI_OK;
}

int cli_lab_share(const struct cli_lab *o) {
    struct cli_room room;
    struct outcome out = {0};
    const uint32_t n = (uint32_t)o->share;
    int code = cli_room_open(&room, n);
    if (code == CLI_OK) room.members[n - 1].cheat = o->cheat;
    while (code == CLI_OK && !out.same && out.attempts < ATTEMPTS_MAX) {
        code = attempt(o, &room, &out);
        if (o->cheat == CLI_CHEAT_TWO && out.attempts == HKP_NEURO_LAB_ABORTS_MAX)
            break; /* nobody can be named */
    }
    if (!out.same) out.n = n;
    if (code == CLI_OK) {
        const uint32_t gone = out_of(&room);
        char who[64];
        cli_lab_line(o->json,
                     json_pack("{s:s,s:i,s:b,s:i,s:i,s:o,s:I,s:I}", "what", "shared key", "parties",
                               (int)out.n, "same_key", out.same, "attempts", (int)out.attempts, "sessions",
                               (int)(n * (n - 1) / 2), "excluded", places(gone), "messages",
                               (json_int_t)room.messages, "bytes", (json_int_t)room.bytes),
                     "%u parties, %u HTP sessions: the same key: %s; %llu messages, %llu bytes%s%s", out.n,
                     n * (n - 1) / 2, out.same ? "yes" : "NO", (unsigned long long)room.messages,
                     (unsigned long long)room.bytes, gone != 0 ? "; excluded:" : "", words(gone, who));
        if (!out.same) code = CLI_NO;
    }
    cli_room_close(&room);
    if (code == CLI_OK && o->average != 0)
        code = cli_lab_average(o, out.key, out.n, (const uint8_t(*)[32])out.secrets);
    sodium_memzero(&out, sizeof out);
    return code;
}
