/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * The object: slots that jobs pass through, and the one thread that does them. The lock covers the slots'
 * states and the numbers; a slot that runs belongs to the worker.
 */
#include "libter/options.h"
#include "libter/tpm/tpm.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { OPTIONS_V0 = sizeof(struct hkp_ter_tpm_options) };
enum { FREE, WAITING, RUNNING, DONE };

struct slot {
    int state;
    hkp_time deadline;
    struct hkp_ter__tpm_work work;
    struct hkp_ter_tpm_result result;
};

struct hkp_ter_tpm {
    struct hkp_mem mem;
    size_t size;
    struct hkp_ter__tpm_address address;
    uint32_t parent, n_slots;
    hkp_time timeout;
    /** readable: a result is ready; the worker is to end */
    int ready_fd, cancel_fd;
    pthread_mutex_t lock;
    pthread_cond_t change;
    pthread_t thread;
    int started, ending;
    uint64_t last_id;
    /** of the worker alone */
    int dirty;
    struct hkp_ter__tpm_line line;
    struct slot slots[];
};

void hkp_ter_tpm_options_init(struct hkp_ter_tpm_options *opt, size_t struct_size) {
    hkp_options_init(opt, struct_size);
}

/* ---- The worker ---- */

/* The oldest slot in a state; NULL: none. */
static struct slot *oldest(struct hkp_ter_tpm *tpm, int state) {
    struct slot *found = NULL;
    for (uint32_t i = 0; i < tpm->n_slots; i++) {
        struct slot *s = &tpm->slots[i];
        if (s->state == state && (found == NULL || s->result.id < found->result.id)) found = s;
    }
    return found;
}

static void do_slot(struct hkp_ter_tpm *tpm, struct slot *s) {
    tpm->line.address = &tpm->address;
    tpm->line.cancel_fd = tpm->cancel_fd;
    tpm->line.deadline = s->deadline;
    if (hkp_ter__tpm_now() >= s->deadline)
        s->result.status = HKP_E_TER_TPM_TIMEOUT;
    else
        hkp_ter__tpm_do(&s->work, &tpm->line, tpm->parent, &tpm->dirty, &s->result);
    sodium_memzero(&s->work, sizeof s->work);
}

static void tell_ready(struct hkp_ter_tpm *tpm) {
    const uint64_t one = 1;
    ssize_t n;
    do n = write(tpm->ready_fd, &one, sizeof one);
    while (n < 0 && errno == EINTR);
}

static void *worker(void *user) {
    struct hkp_ter_tpm *tpm = (struct hkp_ter_tpm *)user;
    pthread_mutex_lock(&tpm->lock);
    while (!tpm->ending) {
        struct slot *s = oldest(tpm, WAITING);
        if (s == NULL) {
            pthread_cond_wait(&tpm->change, &tpm->lock);
            continue;
        }
        s->state = RUNNING;
        pthread_mutex_unlock(&tpm->lock);
        do_slot(tpm, s);
        pthread_mutex_lock(&tpm->lock);
        s->state = DONE;
        tell_ready(tpm);
        pthread_cond_broadcast(&tpm->change);
    }
    pthread_mutex_unlock(&tpm->lock);
    return NULL;
}

/* Signals are the host's: none is delivered to our thread. */
static hkp_status start(struct hkp_ter_tpm *tpm) {
    sigset_t all, before;
    if (tpm->started) return HKP_OK;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&tpm->thread, NULL, worker, tpm);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) return HKP_E_IO;
    (void)pthread_setname_np(tpm->thread, "hookprobe-tpm");
    tpm->started = 1;
    return HKP_OK;
}

/* ---- The object ---- */

static hkp_status open_parts(struct hkp_ter_tpm *tpm) {
    tpm->ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    tpm->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    hkp_ter__tpm_line_init(&tpm->line);
    const int locked = pthread_mutex_init(&tpm->lock, NULL) == 0;
    if (locked && pthread_cond_init(&tpm->change, NULL) == 0) {
        if (tpm->ready_fd >= 0 && tpm->cancel_fd >= 0) return HKP_OK;
        pthread_cond_destroy(&tpm->change);
    }
    if (locked) pthread_mutex_destroy(&tpm->lock);
    if (tpm->ready_fd >= 0) close(tpm->ready_fd);
    if (tpm->cancel_fd >= 0) close(tpm->cancel_fd);
    return HKP_E_IO;
}

hkp_status hkp_ter_tpm_new(hkp_ter_tpm **out, const struct hkp_ter_tpm_options *opt) {
    struct hkp_ter_tpm_options o;
    struct hkp_ter__tpm_address address;
    hkp_status st = hkp_options_import(&o, sizeof o, OPTIONS_V0, opt);
    if (st == HKP_OK) st = hkp_mem_import(&o.mem);
    if (st != HKP_OK) return st;
    if (o.jobs == 0) o.jobs = HKP_TER_TPM_JOBS;
    if (o.timeout_ms == 0) o.timeout_ms = HKP_TER_TPM_TIMEOUT_MS;
    if (o.jobs > HKP_TER_TPM_JOBS_MAX || o.timeout_ms > HKP_TER_TPM_TIMEOUT_MS_MAX ||
        (o.parent != 0 && o.parent >> 24 != 0x81) ||
        !hkp_ter__tpm_address(&address, o.tcti != NULL ? o.tcti : "device:/dev/tpmrm0"))
        return HKP_E_INVAL;
    if (sodium_init() < 0) return HKP_E_IO;
    const size_t size = sizeof(struct hkp_ter_tpm) + o.jobs * sizeof(struct slot);
    struct hkp_ter_tpm *tpm = hkp_mem_alloc(&o.mem, size);
    if (tpm == NULL) return HKP_E_NOMEM;
    tpm->mem = o.mem;
    tpm->size = size;
    tpm->address = address;
    tpm->parent = o.parent;
    tpm->n_slots = o.jobs;
    tpm->timeout = (hkp_time)o.timeout_ms * 1000000U;
    st = open_parts(tpm);
    if (st != HKP_OK) {
        hkp_mem_free(&o.mem, tpm, size);
        return st;
    }
    *out = tpm;
    return HKP_OK;
}

void hkp_ter_tpm_free(hkp_ter_tpm *tpm) {
    const uint64_t one = 1;
    if (tpm == NULL) return;
    if (tpm->started) {
        ssize_t n;
        do n = write(tpm->cancel_fd, &one, sizeof one);
        while (n < 0 && errno == EINTR);
        pthread_mutex_lock(&tpm->lock);
        tpm->ending = 1;
        pthread_cond_broadcast(&tpm->change);
        pthread_mutex_unlock(&tpm->lock);
        pthread_join(tpm->thread, NULL);
    }
    pthread_cond_destroy(&tpm->change);
    pthread_mutex_destroy(&tpm->lock);
    close(tpm->ready_fd);
    close(tpm->cancel_fd);
    const struct hkp_mem mem = tpm->mem;
    const size_t size = tpm->size;
    sodium_memzero(tpm, size);
    hkp_mem_free(&mem, tpm, size);
}

int32_t hkp_ter_tpm_fd(const hkp_ter_tpm *tpm) { return tpm->ready_fd; }

/* ---- Jobs ---- */

static int nv_right(const struct hkp_ter_tpm_job *job) {
    return job->nv_index >= HKP_TER_TPM_NV_MIN && job->nv_index <= HKP_TER_TPM_NV_MAX;
}

static int job_right(const struct hkp_ter_tpm_job *job) {
    if (job->struct_size != sizeof *job || job->pcr_mask >> HKP_TER_PCRS != 0 ||
        job->blob_len > HKP_TER_TPM_BLOB_MAX || job->data_len > HKP_TER_CREDENTIAL_MAX ||
        (job->blob == NULL && job->blob_len > 0) || (job->data == NULL && job->data_len > 0))
        return 0;
    switch (job->op) {
    case HKP_TER_TPM_INFO:
    case HKP_TER_TPM_AK_CREATE:
    case HKP_TER_TPM_PCR_READ:
    case HKP_TER_TPM_EK_READ:
        return 1;
    case HKP_TER_TPM_QUOTE:
        return job->blob_len > 0 && job->data_len == 32;
    case HKP_TER_TPM_SEAL:
        return job->data_len >= 1 && job->data_len <= HKP_TER_SEAL_MAX;
    case HKP_TER_TPM_UNSEAL:
        return job->blob_len > 0 && job->data_len == HKP_TER_PCA_SIZE;
    case HKP_TER_TPM_NV_OPEN:
    case HKP_TER_TPM_NV_READ:
    case HKP_TER_TPM_NV_INCREMENT:
        return nv_right(job);
    case HKP_TER_TPM_ACTIVATE:
        return job->blob_len > 0 && job->data_len > 0;
    default:
        return 0;
    }
}

static void fill_slot(struct hkp_ter_tpm *tpm, struct slot *s, const struct hkp_ter_tpm_job *job) {
    memset(s, 0, sizeof *s);
    s->work.op = job->op;
    s->work.pcr_mask = job->pcr_mask;
    s->work.nv_index = job->nv_index;
    s->work.blob_len = (uint32_t)job->blob_len;
    s->work.data_len = (uint32_t)job->data_len;
    if (job->blob_len > 0) memcpy(s->work.blob, job->blob, job->blob_len);
    if (job->data_len > 0) memcpy(s->work.data, job->data, job->data_len);
    memcpy(s->work.pca_key, job->pca_key, sizeof s->work.pca_key);
    s->result.id = ++tpm->last_id;
    s->result.op = job->op;
    s->deadline = hkp_ter__tpm_now() + tpm->timeout;
    s->state = WAITING;
}

hkp_status hkp_ter_tpm_submit(hkp_ter_tpm *tpm, const struct hkp_ter_tpm_job *job, uint64_t *id) {
    if (!job_right(job)) return HKP_E_INVAL;
    hkp_status st = start(tpm);
    if (st != HKP_OK) return st;
    pthread_mutex_lock(&tpm->lock);
    struct slot *s = oldest(tpm, FREE);
    if (s != NULL) {
        fill_slot(tpm, s, job);
        if (id != NULL) *id = s->result.id;
        pthread_cond_broadcast(&tpm->change);
    } else {
        st = HKP_E_LIMIT;
    }
    pthread_mutex_unlock(&tpm->lock);
    return st;
}

/* Hands a finished slot out; the descriptor falls silent with the last. The lock is held. */
static void take(struct hkp_ter_tpm *tpm, struct slot *s, struct hkp_ter_tpm_result *result) {
    uint64_t count;
    *result = s->result;
    sodium_memzero(s, sizeof *s);
    if (oldest(tpm, DONE) == NULL) {
        ssize_t n;
        do n = read(tpm->ready_fd, &count, sizeof count);
        while (n < 0 && errno == EINTR);
    }
}

hkp_status hkp_ter_tpm_collect(hkp_ter_tpm *tpm, struct hkp_ter_tpm_result *result) {
    pthread_mutex_lock(&tpm->lock);
    struct slot *s = oldest(tpm, DONE);
    if (s != NULL) take(tpm, s, result);
    pthread_mutex_unlock(&tpm->lock);
    return s != NULL ? HKP_OK : HKP_E_NOTFOUND;
}

hkp_status hkp_ter_tpm_run(hkp_ter_tpm *tpm, const struct hkp_ter_tpm_job *job,
                           struct hkp_ter_tpm_result *result) {
    uint64_t id = 0;
    hkp_status st = hkp_ter_tpm_submit(tpm, job, &id);
    if (st != HKP_OK) return st;
    pthread_mutex_lock(&tpm->lock);
    for (uint32_t i = 0; i < tpm->n_slots;) {
        struct slot *s = &tpm->slots[i];
        if (s->state == FREE || s->result.id != id) {
            i++;
        } else if (s->state != DONE) {
            pthread_cond_wait(&tpm->change, &tpm->lock); /* ends: every job has a deadline */
        } else {
            take(tpm, s, result);
            break;
        }
    }
    pthread_mutex_unlock(&tpm->lock);
    return result->status;
}
