/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The default store (README ruling 10): rows in SQLite, WAL mode, synchronous=FULL, one transaction for all
 * writes between two commits. Each row carries a checksum of itself, so that a flipped bit is told as damage
 * of that row and not handed to the node as truth.
 */
#include "libdsm/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "libter/bytes.h"

enum { SQL_PUT, SQL_GET, SQL_SCAN, SQL_DROP, SQL_BEGIN, SQL_COMMIT, SQL_COUNT };

static const char *const sql_text[SQL_COUNT] = {
    [SQL_PUT] = ("INSERT INTO rows(kind,key,value,sum) VALUES(?1,?2,?3,?4) "
                 "ON CONFLICT(kind,key) DO UPDATE SET value=excluded.value, sum=excluded.sum"),
    [SQL_GET] = "SELECT key,value,sum FROM rows WHERE kind=?1 AND key=?2",
    [SQL_SCAN] = "SELECT key,value,sum FROM rows WHERE kind=?1 AND key>=?2 AND key<=?3 ORDER BY key LIMIT ?4",
    [SQL_DROP] = "DELETE FROM rows WHERE kind=?1 AND key>=?2 AND key<?3",
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
};

struct hkp_dsm_store {
    sqlite3 *db;
    sqlite3_stmt *sql[SQL_COUNT];
    struct hkp_dsm__wal_file wal;
    int dir;
    int lock;
    /** 1: a transaction is open */
    int writing;
    /** ticket of the newest write, 0: none since the last commit */
    uint64_t ticket;
};

hkp_status hkp_dsm__store_fault(struct hkp_dsm_store_fault *fault, hkp_status status, const char *file,
                                const char *what, uint64_t offset) {
    if (fault != NULL) {
        memset(fault, 0, sizeof *fault);
        snprintf(fault->file, sizeof fault->file, "%s", file);
        snprintf(fault->what, sizeof fault->what, "%s", what);
        fault->offset = offset;
    }
    return status;
}

static hkp_status db_fault(const hkp_dsm_store *s, struct hkp_dsm_store_fault *fault) {
    return hkp_dsm__store_fault(fault, HKP_E_IO, DB_FILE, s->db != NULL ? sqlite3_errmsg(s->db) : "no memory",
                                UINT64_MAX);
}

static hkp_status db_exec(hkp_dsm_store *s, const char *text, struct hkp_dsm_store_fault *fault) {
    return sqlite3_exec(s->db, text, NULL, NULL, NULL) == SQLITE_OK ? HKP_OK : db_fault(s, fault);
}

/* One integer out of one row, or -1. */
static int64_t db_number(hkp_dsm_store *s, const char *text) {
    sqlite3_stmt *q = NULL;
    int64_t n = -1;
    if (sqlite3_prepare_v2(s->db, text, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
        n = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return n;
}

/* SQLite checks its pages; the first complaint names a page, which gives the offset. */
static hkp_status db_check(hkp_dsm_store *s, struct hkp_dsm_store_fault *fault) {
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &q, NULL) != SQLITE_OK) {
        sqlite3_finalize(q);
        return hkp_dsm__store_fault(fault, HKP_E_IO, DB_FILE, sqlite3_errmsg(s->db), 0);
    }
    hkp_status st = HKP_OK;
    int rc = sqlite3_step(q);
    const char *said = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(q, 0) : sqlite3_errmsg(s->db);
    if (rc != SQLITE_ROW || said == NULL || strcmp(said, "ok") != 0) {
        uint64_t offset = UINT64_MAX;
        const char *page = said != NULL ? strstr(said, "age ") : NULL;
        if (page != NULL) {
            unsigned long long number = strtoull(page + 4, NULL, 10);
            if (number > 0) offset = (number - 1) * (uint64_t)db_number(s, "PRAGMA page_size");
        }
        st = hkp_dsm__store_fault(fault, HKP_E_IO, DB_FILE, said != NULL ? said : "check failed", offset);
    }
    sqlite3_finalize(q);
    return st;
}

/* 63 bits of BLAKE2b over row, key and value: against bit rot, not against an attacker. */
int64_t hkp_dsm__row_sum(uint32_t row, const uint8_t *key, size_t key_len, const uint8_t *data,
                         size_t data_len) {
    uint8_t head[8], out[16];
    hkp_put_be32(head, row);
    hkp_put_be32(head + 4, (uint32_t)key_len);
    crypto_generichash_state h;
    crypto_generichash_init(&h, NULL, 0, sizeof out);
    crypto_generichash_update(&h, head, sizeof head);
    crypto_generichash_update(&h, key, key_len);
    crypto_generichash_update(&h, data, data_len);
    crypto_generichash_final(&h, out, sizeof out);
    return (int64_t)(hkp_be64(out) >> 1);
}

/* Each row against its sum, kind and key included: with another kind or key it would just not be found. */
static hkp_status db_sums(hkp_dsm_store *s, struct hkp_dsm_store_fault *fault) {
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(s->db, "SELECT kind,key,value,sum FROM rows", -1, &q, NULL);
    int right = rc == SQLITE_OK;
    char what[64] = "cannot be read";
    while (right && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        const int64_t kind = sqlite3_column_int64(q, 0);
        const uint8_t *key = sqlite3_column_blob(q, 1), *data = sqlite3_column_blob(q, 2);
        right = kind >= 0 && kind <= UINT32_MAX &&
                hkp_dsm__row_sum((uint32_t)kind, key, (size_t)sqlite3_column_bytes(q, 1), data,
                                 (size_t)sqlite3_column_bytes(q, 2)) == sqlite3_column_int64(q, 3);
    }
    if (!right && rc == SQLITE_ROW)
        snprintf(what, sizeof what, "a row of kind %lld differs from its checksum",
                 (long long)sqlite3_column_int64(q, 0));
    sqlite3_finalize(q);
    if (right && rc == SQLITE_DONE) return HKP_OK;
    return hkp_dsm__store_fault(fault, HKP_E_IO, DB_FILE, what, UINT64_MAX);
}

const char *const hkp_dsm__store_schema[STORE_TABLES] = {
    "CREATE TABLE info(name TEXT PRIMARY KEY, value) WITHOUT ROWID",
    "CREATE TABLE rows(kind INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, sum INTEGER NOT NULL,"
    " PRIMARY KEY(kind,key)) WITHOUT ROWID",
};

/* Both tables, each as it was written, or none yet: one that a flipped bit renamed must not be made anew. */
static hkp_status db_tables(hkp_dsm_store *s, struct hkp_dsm_store_fault *fault) {
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(s->db, "SELECT name, sql FROM sqlite_schema ORDER BY name", -1, &q, NULL);
    int n = 0, right = rc == SQLITE_OK;
    while (right && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(q, 0);
        const char *sql = (const char *)sqlite3_column_text(q, 1);
        right = n < STORE_TABLES && name != NULL && sql != NULL &&
                strcmp(sql, hkp_dsm__store_schema[n]) == 0 &&
                strncmp(sql + sizeof "CREATE TABLE", name, strlen(name)) == 0;
        n++;
    }
    sqlite3_finalize(q);
    if (right && rc == SQLITE_DONE && n == STORE_TABLES) return HKP_OK;
    if (!right || rc != SQLITE_DONE || n != 0)
        return hkp_dsm__store_fault(fault, HKP_E_IO, DB_FILE, "its tables are not those of a store", 0);
    hkp_status st = db_exec(s, "BEGIN IMMEDIATE", fault);
    for (int i = 0; st == HKP_OK && i < STORE_TABLES; i++) st = db_exec(s, hkp_dsm__store_schema[i], fault);
    return st == HKP_OK ? db_exec(s, "COMMIT", fault) : st;
}

static hkp_status db_open(hkp_dsm_store *s, const char *directory, int exists,
                          struct hkp_dsm_store_fault *fault) {
    size_t room = strlen(directory) + sizeof "/" DB_FILE;
    char *path = malloc(room);
    if (path == NULL) return HKP_E_NOMEM;
    snprintf(path, room, "%s/" DB_FILE, directory);
    int rc =
        sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    free(path);
    if (rc != SQLITE_OK) return db_fault(s, fault);
    hkp_status st = exists ? db_check(s, fault) : HKP_OK;
    if (st == HKP_OK)
        st = db_exec(s, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY;", fault);
    if (st == HKP_OK) st = db_tables(s, fault);
    if (st == HKP_OK && exists) st = db_sums(s, fault);
    for (int i = 0; st == HKP_OK && i < SQL_COUNT; i++)
        if (sqlite3_prepare_v3(s->db, sql_text[i], -1, SQLITE_PREPARE_PERSISTENT, &s->sql[i], NULL) !=
            SQLITE_OK)
            st = db_fault(s, fault);
    return st;
}

/* The row "installed" is written last, so a creation cut short is begun again and never taken for a loss. */
static hkp_status install(hkp_dsm_store *s, struct hkp_dsm_store_fault *fault) {
    int64_t installed = db_number(s, "SELECT count(*) FROM info WHERE name='installed'");
    int there = hkp_dsm__wal_file_exists(s->dir);
    if (installed == 1) {
        if (there) return HKP_OK;
        return hkp_dsm__store_fault(fault, HKP_E_IO, "consensus.wal", "missing beside its database (D-STO-7)",
                                    0);
    }
    if (installed != 0) return db_fault(s, fault);
    if (there) {
        struct hkp_dsm__wal_file old;
        hkp_status st = hkp_dsm__wal_file_open(&old, s->dir, fault);
        if (st != HKP_OK) return st;
        uint64_t count = old.count;
        hkp_dsm__wal_file_close(&old);
        if (count > 1)
            return hkp_dsm__store_fault(fault, HKP_E_IO, DB_FILE, "empty or missing beside its WAL", 0);
    } else {
        hkp_status st = hkp_dsm__wal_file_create(s->dir, fault);
        if (st != HKP_OK) return st;
    }
    return db_exec(s, "INSERT INTO info VALUES('installed', 1)", fault);
}

static hkp_status open_all(hkp_dsm_store *s, const char *directory, int32_t create,
                           struct hkp_dsm_store_fault *fault) {
    s->dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir < 0) return hkp_dsm__store_fault(fault, HKP_E_IO, ".", strerror(errno), UINT64_MAX);
    int exists = faccessat(s->dir, DB_FILE, F_OK, 0) == 0;
    if (!exists && !create && !hkp_dsm__wal_file_exists(s->dir)) return HKP_E_NOTFOUND;
    if (!exists && faccessat(s->dir, BAD_FILE, F_OK, 0) == 0)
        return hkp_dsm__store_fault(fault, HKP_E_IO, DB_FILE, "its repair was cut short", UINT64_MAX);
    s->lock = openat(s->dir, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock < 0) return hkp_dsm__store_fault(fault, HKP_E_IO, LOCK_FILE, strerror(errno), UINT64_MAX);
    if (flock(s->lock, LOCK_EX | LOCK_NB) != 0) return HKP_E_STATE;
    hkp_status st = db_open(s, directory, exists, fault);
    if (st == HKP_OK) st = install(s, fault);
    if (st == HKP_OK) st = hkp_dsm__wal_file_open(&s->wal, s->dir, fault);
    return st;
}

hkp_status hkp_dsm_store_open(hkp_dsm_store **out, const char *directory, int32_t create,
                              struct hkp_dsm_store_fault *fault) {
    hkp_dsm_store *s = calloc(1, sizeof *s);
    if (s == NULL) return HKP_E_NOMEM;
    s->dir = s->lock = s->wal.fd = -1;
    hkp_status st = open_all(s, directory, create, fault);
    if (st != HKP_OK) {
        hkp_dsm_store_close(s);
        return st;
    }
    *out = s;
    return HKP_OK;
}

void hkp_dsm_store_close(hkp_dsm_store *store) {
    if (store == NULL) return;
    for (int i = 0; i < SQL_COUNT; i++) sqlite3_finalize(store->sql[i]);
    sqlite3_close(store->db);
    hkp_dsm__wal_file_close(&store->wal);
    if (store->lock >= 0) close(store->lock);
    if (store->dir >= 0) close(store->dir);
    free(store);
}

/* sqlite3_bind_blob takes NULL for SQL's NULL, which the table refuses. */
static void bind(sqlite3_stmt *q, int at, const uint8_t *data, size_t len) {
    sqlite3_bind_blob64(q, at, len > 0 ? (const void *)data : (const void *)"", len, SQLITE_TRANSIENT);
}

static hkp_status run(sqlite3_stmt *q) {
    int rc = sqlite3_step(q);
    sqlite3_reset(q);
    sqlite3_clear_bindings(q);
    return rc == SQLITE_DONE ? HKP_OK : HKP_E_IO;
}

static hkp_status begin(hkp_dsm_store *s) {
    if (s->writing) return HKP_OK;
    hkp_status st = run(s->sql[SQL_BEGIN]);
    if (st == HKP_OK) s->writing = 1;
    return st;
}

static hkp_status write_row(hkp_dsm_store *s, const struct hkp_dsm_event *ev) {
    hkp_status st = begin(s);
    if (st != HKP_OK) return st;
    sqlite3_stmt *q = s->sql[ev->kind == HKP_DSM_EV_STORE_PUT ? SQL_PUT : SQL_DROP];
    sqlite3_bind_int64(q, 1, ev->row);
    bind(q, 2, ev->key, ev->key_len);
    if (ev->kind == HKP_DSM_EV_STORE_PUT) {
        bind(q, 3, ev->data, ev->data_len);
        sqlite3_bind_int64(q, 4, hkp_dsm__row_sum(ev->row, ev->key, ev->key_len, ev->data, ev->data_len));
    } else {
        bind(q, 3, ev->key_to, ev->key_to_len);
    }
    return run(q);
}

/* Answers rows until there are no more or the node has had enough. */
static hkp_status read_rows(hkp_dsm_store *s, hkp_dsm_node *node, hkp_time now,
                            const struct hkp_dsm_event *ev) {
    int scan = ev->kind == HKP_DSM_EV_STORE_SCAN;
    uint32_t row = ev->row;
    uint64_t ticket = ev->ticket;
    sqlite3_stmt *q = s->sql[scan ? SQL_SCAN : SQL_GET];
    sqlite3_bind_int64(q, 1, row);
    bind(q, 2, ev->key, ev->key_len);
    if (scan) {
        bind(q, 3, ev->key_to, ev->key_to_len);
        sqlite3_bind_int64(q, 4, ev->count);
    }
    hkp_status st = HKP_OK;
    int rc = SQLITE_ROW;
    while (st == HKP_OK && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        const uint8_t *key = sqlite3_column_blob(q, 0), *data = sqlite3_column_blob(q, 1);
        size_t key_len = (size_t)sqlite3_column_bytes(q, 0), data_len = (size_t)sqlite3_column_bytes(q, 1);
        if (hkp_dsm__row_sum(row, key, key_len, data, data_len) != sqlite3_column_int64(q, 2)) {
            if (hkp_dsm_lost(node, now, ticket, key, key_len) == HKP_E_STATE) break;
            continue;
        }
        if (hkp_dsm_read(node, now, ticket, key, key_len, data, data_len) != HKP_OK) break;
    }
    if (rc != SQLITE_DONE && rc != SQLITE_ROW) st = HKP_E_IO;
    sqlite3_reset(q);
    sqlite3_clear_bindings(q);
    return st;
}

static hkp_status read_wal(hkp_dsm_store *s, hkp_dsm_node *node, hkp_time now, uint64_t ticket) {
    for (uint64_t i = 0; i < s->wal.count + s->wal.n_waiting; i++) {
        uint8_t key[8], record[WAL_RECORD];
        hkp_status st = hkp_dsm__wal_file_read(&s->wal, i, record);
        if (st != HKP_OK) return st;
        hkp_put_be64(key, i);
        if (hkp_dsm_read(node, now, ticket, key, sizeof key, record, sizeof record) != HKP_OK) break;
    }
    return HKP_OK;
}

/* A store that failed tells the node at once: it makes no promise on top of a write that may be lost. */
static hkp_status failed(hkp_dsm_node *node, hkp_time now, uint64_t ticket, hkp_status st) {
    hkp_status told = hkp_dsm_stored(node, now, ticket, st);
    (void)told;
    return st;
}

hkp_status hkp_dsm_store_apply(hkp_dsm_store *store, hkp_dsm_node *node, hkp_time now,
                               const struct hkp_dsm_event *ev) {
    const uint64_t ticket = ev->ticket;
    hkp_status st = HKP_OK;
    switch (ev->kind) {
    case HKP_DSM_EV_STORE_WAL:
        if (ev->data_len != WAL_RECORD) return HKP_E_INVAL;
        st = hkp_dsm__wal_file_append(&store->wal, ev->data);
        break;
    case HKP_DSM_EV_STORE_PUT:
    case HKP_DSM_EV_STORE_DROP:
        st = write_row(store, ev);
        break;
    case HKP_DSM_EV_STORE_GET:
    case HKP_DSM_EV_STORE_SCAN: {
        st =
            ev->row == HKP_DSM_ROW_WAL ? read_wal(store, node, now, ticket) : read_rows(store, node, now, ev);
        hkp_status told = hkp_dsm_read_end(node, now, ticket, st);
        (void)told;
        return st;
    }
    default:
        return HKP_E_INVAL;
    }
    if (st != HKP_OK) return failed(node, now, ticket, st);
    store->ticket = ticket;
    return HKP_OK;
}

hkp_status hkp_dsm_store_commit(hkp_dsm_store *store, hkp_dsm_node *node, hkp_time now) {
    if (store->ticket == 0) return HKP_OK;
    uint64_t ticket = store->ticket;
    hkp_status st = HKP_OK;
    /* Rows first: a record of the WAL attests to rows that must outlive it (D-STO-1). */
    if (store->writing) {
        st = run(store->sql[SQL_COMMIT]);
        if (st == HKP_OK) store->writing = 0;
    }
    if (st == HKP_OK) st = hkp_dsm__wal_file_sync(&store->wal);
    store->ticket = 0;
    if (st != HKP_OK) return failed(node, now, ticket, st);
    return hkp_dsm_stored(node, now, ticket, HKP_OK);
}
