/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Replays a fuzz target as a unit test: every file of the corpus folder as it is, then seeded mutations of
 * them (HKP_FUZZ_RUNS, default 2000 or the fuzz_runs of the target). A fault is a crash, a failed assertion
 * or a sanitizer report.
 */
#include "check.h"

#include <dirent.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Mutations by default, of a target that says so: one whose runs take milliseconds wants fewer. */
extern const unsigned fuzz_runs __attribute__((weak));

#define FILES_MAX 4096
#define INPUT_MAX (1u << 20)

struct input {
    uint8_t *bytes;
    size_t len;
};

static struct input inputs[FILES_MAX];
static size_t n_inputs;
static const char *corpus;

static void read_corpus(void) {
    DIR *dir = opendir(corpus);
    struct dirent *entry;
    while (dir != NULL && n_inputs < FILES_MAX && (entry = readdir(dir)) != NULL) {
        char path[4096];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", corpus, entry->d_name);
        if (entry->d_name[0] == '.' || stat(path, &st) != 0 || !S_ISREG(st.st_mode)) continue;
        FILE *f = fopen(path, "rb");
        if (f == NULL) continue;
        struct input in = {.bytes = malloc((size_t)st.st_size + 1)};
        in.len = fread(in.bytes, 1, (size_t)st.st_size, f);
        fclose(f);
        inputs[n_inputs++] = in;
    }
    if (dir != NULL) closedir(dir);
}

/* A copy of exactly the input's size, so that a sanitizer sees every read past its end. */
static void run(const uint8_t *bytes, size_t len) {
    uint8_t *copy = malloc(len + (len == 0));
    memcpy(copy, bytes, len);
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
}

static void the_corpus_is_replayed(void) {
    CHECK(n_inputs > 0);
    for (size_t i = 0; i < n_inputs; i++) run(inputs[i].bytes, inputs[i].len);
}

static void mutations_of_the_corpus_do_no_harm(void) {
    const char *given = getenv("HKP_FUZZ_RUNS");
    uint64_t runs = given != NULL        ? strtoull(given, NULL, 0)
                    : &fuzz_runs != NULL ? fuzz_runs
                                         : 2000,
             rnd = check_seed();
    if (n_inputs == 0) return;
    for (uint64_t i = 0; i < runs; i++) {
        const struct input *from = &inputs[check_random(&rnd) % n_inputs];
        size_t len = from->len < INPUT_MAX ? from->len : INPUT_MAX;
        uint8_t *bytes = malloc(len + 64);
        memcpy(bytes, from->bytes, len);
        for (uint64_t edits = 1 + check_random(&rnd) % 4; edits > 0; edits--) {
            uint64_t r = check_random(&rnd);
            size_t at = len == 0 ? 0 : (size_t)(r >> 16) % len;
            if (len > 0 && r % 8 < 5)
                bytes[at] = (uint8_t)(r % 8 < 3 ? bytes[at] ^ (1u << (r >> 8) % 8) : r >> 8);
            if (len > 0 && r % 8 == 5) len = at;
            if (r % 8 == 6)
                for (uint64_t n = 1 + (r >> 8) % 8; n > 0 && len < from->len + 64 && len < INPUT_MAX + 64;
                     n--)
                    bytes[len++] = (uint8_t)check_random(&rnd);
            if (len > 8 && r % 8 == 7) memcpy(bytes + at % (len - 4), bytes + (r >> 40) % (len - 4), 4);
        }
        run(bytes, len);
        free(bytes);
    }
}

int main(int argc, char **argv) {
    corpus = argc > 1 ? argv[1] : ".";
    read_corpus();
    CASE(the_corpus_is_replayed);
    CASE(mutations_of_the_corpus_do_no_harm);
    for (size_t i = 0; i < n_inputs; i++) free(inputs[i].bytes);
    return check_done();
}
