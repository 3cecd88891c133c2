/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * tpm.quote: one quote as a handshake wants it, on swtpm: the line opened, storage and attestation key
 * loaded, quoted, all flushed, the line closed, by way of the worker. Against Esys_Quote alone, with the line
 * held open and the key loaded, on a swtpm of its own.
 */
#include "bench.h"

#include <hookprobe/ter.h>

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

struct swtpm {
    char folder[64], tcti[128];
    pid_t pid;
};

struct fixture {
    struct swtpm ours, theirs;
    hkp_ter_tpm *tpm;
    struct hkp_ter_tpm_result ak;
    TSS2_TCTI_CONTEXT *tcti;
    ESYS_CONTEXT *esys;
    ESYS_TR key;
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void end_swtpm(struct swtpm *s) {
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    nftw(s->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void start_swtpm(struct swtpm *s) {
    char state[128], server[128], control[128], path[128];
    strcpy(s->folder, "/tmp/hkp-XXXXXX");
    bench_need(mkdtemp(s->folder) != NULL, "no folder");
    snprintf(state, sizeof state, "dir=%s", s->folder);
    snprintf(server, sizeof server, "type=unixio,path=%s/s", s->folder);
    snprintf(control, sizeof control, "type=unixio,path=%s/s.ctrl", s->folder);
    snprintf(path, sizeof path, "%s/s", s->folder);
    snprintf(s->tcti, sizeof s->tcti, "swtpm:path=%s/s", s->folder);
    s->pid = fork();
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int null = open("/dev/null", O_RDWR);
        dup2(null, 1);
        dup2(null, 2);
        execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state, "--server", server, "--ctrl",
               control, "--flags", "not-need-init,startup-clear", "--seccomp", "action=none", (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 500 && access(path, F_OK) != 0; i++) {
        usleep(10000);
        if (waitpid(s->pid, NULL, WNOHANG) != s->pid) continue;
        fprintf(stderr, "bench: tpm.quote is left out, it wants the program swtpm\n");
        exit(0);
    }
}

static void quote(void *user, uint64_t times) {
    struct fixture *f = user;
    const uint8_t extra[32] = {1};
    for (uint64_t i = 0; i < times; i++) {
        struct hkp_ter_tpm_result r;
        const struct hkp_ter_tpm_job job = {.struct_size = sizeof job,
                                            .op = HKP_TER_TPM_QUOTE,
                                            .pcr_mask = HKP_TER_PCR_MASK_SEAL,
                                            .blob = f->ak.bytes,
                                            .blob_len = f->ak.len,
                                            .data = extra,
                                            .data_len = sizeof extra};
        bench_need(hkp_ter_tpm_run(f->tpm, &job, &r) == HKP_OK, "no quote");
    }
}

static void bare_quote(void *user, uint64_t times) {
    struct fixture *f = user;
    const TPM2B_DATA extra = {.size = 32, .buffer = {1}};
    const TPMT_SIG_SCHEME scheme = {.scheme = TPM2_ALG_NULL};
    TPML_PCR_SELECTION pcrs = {.count = 1};
    pcrs.pcrSelections[0] =
        (TPMS_PCR_SELECTION){.hash = TPM2_ALG_SHA256, .sizeofSelect = 3, .pcrSelect = {0x95}};
    for (uint64_t i = 0; i < times; i++) {
        TPM2B_ATTEST *attest = NULL;
        TPMT_SIGNATURE *signature = NULL;
        bench_need(Esys_Quote(f->esys, f->key, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &extra, &scheme,
                              &pcrs, &attest, &signature) == TSS2_RC_SUCCESS,
                   "no quote of ESAPI");
        Esys_Free(attest);
        Esys_Free(signature);
    }
}

/* A restricted P-256 signing key, as a primary: the same kind of key as ours. */
static void open_theirs(struct fixture *f) {
    const TPM2B_SENSITIVE_CREATE nothing = {0};
    const TPM2B_DATA no_data = {0};
    const TPML_PCR_SELECTION no_pcr = {0};
    TPM2B_PUBLIC area = {0};
    TPMT_PUBLIC *a = &area.publicArea;
    a->type = TPM2_ALG_ECC;
    a->nameAlg = TPM2_ALG_SHA256;
    a->objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                          TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT;
    a->parameters.eccDetail.symmetric.algorithm = TPM2_ALG_NULL;
    a->parameters.eccDetail.scheme.scheme = TPM2_ALG_ECDSA;
    a->parameters.eccDetail.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
    a->parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
    a->parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
    bench_need(Tss2_TctiLdr_Initialize(f->theirs.tcti, &f->tcti) == TSS2_RC_SUCCESS &&
                   Esys_Initialize(&f->esys, f->tcti, NULL) == TSS2_RC_SUCCESS &&
                   Esys_CreatePrimary(f->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                                      &nothing, &area, &no_data, &no_pcr, &f->key, NULL, NULL, NULL,
                                      NULL) == TSS2_RC_SUCCESS,
               "ESAPI does not start");
}

int main(int argc, char **argv) {
    static struct fixture f;
    struct hkp_ter_tpm_options o;
    const struct hkp_ter_tpm_job job = {.struct_size = sizeof job, .op = HKP_TER_TPM_AK_CREATE};
    bench_begin(argc, argv);
    if (!bench_wanted("tpm.quote")) return 0;
    start_swtpm(&f.ours);
    start_swtpm(&f.theirs);
    hkp_ter_tpm_options_init(&o, sizeof o);
    o.tcti = f.ours.tcti;
    bench_need(hkp_ter_tpm_new(&f.tpm, &o) == HKP_OK && hkp_ter_tpm_run(f.tpm, &job, &f.ak) == HKP_OK,
               "no attestation key");
    open_theirs(&f);
    bench_time("tpm.quote", "ms", 1e3, quote, &f, "Esys_Quote", bare_quote);
    Esys_Finalize(&f.esys);
    Tss2_TctiLdr_Finalize(&f.tcti);
    hkp_ter_tpm_free(f.tpm);
    end_swtpm(&f.ours);
    end_swtpm(&f.theirs);
    return 0;
}
