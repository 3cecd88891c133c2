/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Disks: rows, a WAL, what is not durable yet, and what a power cut leaves of it. */
#include "sim_inside.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libdsm/message/message.h"
#include "libter/bytes.h"

static int row_compare(const struct sim_row *r, uint32_t row, const uint8_t *key, size_t len) {
    if (r->row != row) return r->row < row ? -1 : 1;
    size_t common = r->key_len < len ? r->key_len : len;
    int c = common > 0 ? memcmp(r->key, key, common) : 0;
    return c != 0 ? c : r->key_len < len ? -1 : r->key_len > len;
}

/* First row that is not below. */
static size_t row_find(const struct sim_disk *d, uint32_t row, const uint8_t *key, size_t len) {
    size_t low = 0, high = d->count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (row_compare(&d->rows[mid], row, key, len) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void disk_apply(struct sim *s, uint32_t node, struct sim_write *w) {
    struct sim_disk *d = &s->nodes[node].disk;
    if (w->kind == HKP_DSM_EV_STORE_WAL) {
        d->wal = sim_grow(d->wal, &d->wal_cap, d->wal_count, 64);
        memcpy(d->wal[d->wal_count++], w->row.data, 64);
        if (!s->unwatched) sim_watch_durable(s, node, w->row.data);
        free(w->row.data);
        return;
    }
    size_t at = row_find(d, w->row.row, w->row.key, w->row.key_len);
    if (w->kind == HKP_DSM_EV_STORE_DROP) {
        size_t end = row_find(d, w->row.row, w->to, w->to_len);
        for (size_t i = at; i < end; i++) free(d->rows[i].data);
        if (end > at) {
            memmove(d->rows + at, d->rows + end, (d->count - end) * sizeof *d->rows);
            d->count -= end - at;
        }
        return;
    }
    if (at < d->count && row_compare(&d->rows[at], w->row.row, w->row.key, w->row.key_len) == 0) {
        free(d->rows[at].data);
        d->rows[at] = w->row;
        return;
    }
    d->rows = sim_grow(d->rows, &d->cap, d->count, sizeof *d->rows);
    memmove(d->rows + at + 1, d->rows + at, (d->count - at) * sizeof *d->rows);
    d->rows[at] = w->row;
    d->count++;
}

void sim_disk_queue(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev) {
    struct sim_disk *d = &s->nodes[i].disk;
    d->pending = sim_grow(d->pending, &d->pending_cap, d->n_pending, sizeof *d->pending);
    struct sim_write *w = &d->pending[d->n_pending++];
    memset(w, 0, sizeof *w);
    w->kind = ev->kind;
    w->ticket = ev->ticket;
    w->row.row = ev->row;
    w->row.key_len = ev->key_len;
    if (ev->key_len > 0) memcpy(w->row.key, ev->key, ev->key_len);
    w->to_len = ev->key_to_len;
    if (ev->key_to_len > 0) memcpy(w->to, ev->key_to, ev->key_to_len);
    if (ev->kind != HKP_DSM_EV_STORE_DROP) {
        w->row.data = sim_copy(ev->data, ev->data_len);
        w->row.len = ev->data_len;
    }
}

void sim_disk_commit(struct sim *s, uint32_t i) {
    struct sim_disk *d = &s->nodes[i].disk;
    uint64_t ticket = 0;
    for (size_t k = 0; k < d->committing; k++) {
        ticket = d->pending[k].ticket;
        disk_apply(s, i, &d->pending[k]);
    }
    memmove(d->pending, d->pending + d->committing, (d->n_pending - d->committing) * sizeof *d->pending);
    d->n_pending -= d->committing;
    d->committing = 0;
    d->commit_at = 0;
    if (ticket > 0 && hkp_dsm_stored(s->nodes[i].node, s->now, ticket, HKP_OK) != HKP_OK &&
        !s->nodes[i].spoilt) /* it said so and is dead */
        sim_fault(s, "stored refused");
}

static void rows_free(struct sim_disk *d) {
    for (size_t k = 0; k < d->count; k++) free(d->rows[k].data);
    free(d->rows);
    d->rows = NULL;
    d->count = d->cap = 0;
}

static void wal_free(struct sim_disk *d) {
    free(d->wal);
    d->wal = NULL;
    d->wal_count = d->wal_cap = 0;
}

void sim_disk_free(struct sim_disk *d) {
    if (d->truth != NULL) sim_disk_free(d->truth);
    free(d->truth);
    for (size_t k = 0; k < d->n_pending; k++) free(d->pending[k].row.data);
    free(d->pending);
    rows_free(d);
    wal_free(d);
    memset(d, 0, sizeof *d);
}

static void copy_rows(struct sim_disk *to, const struct sim_disk *from) {
    for (size_t i = 0; i < from->count; i++) {
        to->rows = sim_grow(to->rows, &to->cap, to->count, sizeof *to->rows);
        to->rows[to->count] = from->rows[i];
        to->rows[to->count++].data = sim_copy(from->rows[i].data, from->rows[i].len);
    }
}

static void copy_wal(struct sim_disk *to, const struct sim_disk *from) {
    for (size_t i = 0; i < from->wal_count; i++) {
        to->wal = sim_grow(to->wal, &to->wal_cap, to->wal_count, 64);
        memcpy(to->wal[to->wal_count++], from->wal[i], 64);
    }
}

void sim_copy_disk(struct sim *s, uint32_t from, uint32_t to) {
    copy_rows(&s->nodes[to].disk, &s->nodes[from].disk);
    copy_wal(&s->nodes[to].disk, &s->nodes[from].disk);
}

void sim_disk_lie(struct sim *s, uint32_t i, uint32_t lies) {
    struct sim_disk *d = &s->nodes[i].disk;
    if (d->truth != NULL) sim_disk_free(d->truth);
    free(d->truth);
    d->truth = NULL;
    d->lies = lies;
    if (lies == 0) return;
    d->truth = calloc(1, sizeof *d->truth);
    sim_must(d->truth != NULL, "no memory");
    copy_rows(d->truth, d);
    copy_wal(d->truth, d);
}

/* What the disk said to be durable and was not is gone. */
static void lies_end(struct sim_disk *d) {
    if (d->lies & SIM_LIES_ROWS) {
        rows_free(d);
        copy_rows(d, d->truth);
    }
    if (d->lies & SIM_LIES_WAL) {
        wal_free(d);
        copy_wal(d, d->truth);
    }
}

/* The store commits rows first, then writes their records (D-STO-1). */
static size_t cut_between(struct sim_disk *d) {
    size_t n = 0;
    for (size_t k = 0; k < d->n_pending; k++)
        if (d->pending[k].kind != HKP_DSM_EV_STORE_WAL)
            d->pending[n++] = d->pending[k];
        else
            free(d->pending[k].row.data);
    return d->n_pending = n;
}

void sim_disk_cut(struct sim *s, uint32_t i) {
    struct sim_disk *d = &s->nodes[i].disk;
    size_t keep = s->rows_outlive    ? cut_between(d)
                  : d->n_pending > 0 ? (size_t)sim_random(s, d->n_pending + 1)
                                     : 0;
    for (size_t k = 0; k < d->n_pending; k++) {
        struct sim_write *w = &d->pending[k];
        if (k == keep && w->kind == HKP_DSM_EV_STORE_WAL && sim_random(s, 2) == 0) { /* half of it */
            w->row.data[sim_random(s, 64)] ^= (uint8_t)(1 + sim_random(s, 255));
            d->wal = sim_grow(d->wal, &d->wal_cap, d->wal_count, 64);
            memcpy(d->wal[d->wal_count++], w->row.data, 64);
        }
        if (k < keep)
            disk_apply(s, i, w);
        else
            free(w->row.data);
    }
    d->n_pending = d->committing = 0;
    d->commit_at = 0;
    if (d->truth == NULL) return;
    lies_end(d);
    sim_disk_lie(s, i, 0);
}

int sim_disk_mend(struct sim_disk *d) {
    size_t n = 0;
    int torn = 0;
    if (d->wal_count == 0) return 1;
    if (hkp_dsm__wal_check(d->wal[0], d->wal_count * 64, &n, &torn) != HKP_OK) return 0;
    d->wal_count = n;
    return 1;
}

void sim_disk_put(struct sim *s, uint32_t i, uint32_t row, const uint8_t *key, size_t key_len,
                  const uint8_t *data, size_t len) {
    struct sim_write w = {.kind = HKP_DSM_EV_STORE_PUT, .row = {.row = row, .key_len = key_len, .len = len}};
    memcpy(w.row.key, key, key_len);
    w.row.data = sim_copy(data, len);
    disk_apply(s, i, &w);
}

void sim_disk_wipe(struct sim *s, uint32_t i) { sim_disk_free(&s->nodes[i].disk); }

int sim_disk_spoil(struct sim *s, uint32_t i, uint32_t row) {
    struct sim_disk *d = &s->nodes[i].disk;
    s->nodes[i].spoilt = 1;
    if (row == HKP_DSM_ROW_WAL) {
        if (d->wal_count < 2) return 0;
        d->wal[sim_random(s, d->wal_count - 1)][sim_random(s, 60)] ^= (uint8_t)(1 + sim_random(s, 255));
        return 1;
    }
    size_t first = row_find(d, row, NULL, 0), end = row_find(d, row + 1, NULL, 0);
    if (first == end) return 0;
    struct sim_row *r = &d->rows[first + sim_random(s, end - first)];
    if (r->len == 0) return 0;
    r->data[sim_random(s, r->len)] ^= (uint8_t)(1 + sim_random(s, 255));
    return 1;
}

void sim_disk_read(struct sim *s, uint32_t i, const struct hkp_dsm_event *given) {
    struct sim_node *me = &s->nodes[i];
    struct hkp_dsm_event ev = *given;
    uint8_t key[48], to[48];
    if (ev.key_len > 0) memcpy(key, ev.key, ev.key_len);
    if (ev.key_to_len > 0) memcpy(to, ev.key_to, ev.key_to_len);
    hkp_status st = HKP_OK;
    if (ev.row == HKP_DSM_ROW_WAL) {
        for (size_t k = 0; st == HKP_OK && k < me->disk.wal_count; k++) {
            hkp_put_be64(key, k);
            st = hkp_dsm_read(me->node, s->now, ev.ticket, key, 8, me->disk.wal[k], 64);
        }
    } else {
        size_t at = row_find(&me->disk, ev.row, key, ev.key_len);
        for (uint32_t n = 0; st == HKP_OK && at < me->disk.count; at++, n++) {
            const struct sim_row *r = &me->disk.rows[at];
            if (r->row != ev.row) break;
            if (ev.kind == HKP_DSM_EV_STORE_GET
                    ? row_compare(r, ev.row, key, ev.key_len) != 0
                    : row_compare(r, ev.row, to, ev.key_to_len) > 0 || n >= ev.count)
                break;
            st = r->damaged ? hkp_dsm_lost(me->node, s->now, ev.ticket, r->key, r->key_len)
                            : hkp_dsm_read(me->node, s->now, ev.ticket, r->key, r->key_len, r->data, r->len);
        }
    }
    if (st == HKP_OK) st = hkp_dsm_read_end(me->node, s->now, ev.ticket, HKP_OK);
    (void)st;
}
