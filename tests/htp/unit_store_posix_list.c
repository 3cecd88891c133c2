/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * HTP-13.2 LIST: folders in pages, ascending by bytes. 5,000 entries by default; HKP_STORE_ENTRIES=<n> tries
 * others.
 */
#include "folder_store.h"

enum { PAGE = 100 };

struct names {
    char (*name)[256];
    unsigned count;
};

static int by_bytes(const void *a, const void *b) { return strcmp(a, b); }

/* Random names, of which some differ only behind a common beginning. */
static void fill(struct place *p, struct names *n, unsigned count) {
    uint64_t seed = check_seed();
    n->name = calloc(count, 256);
    n->count = count;
    CHECK_EQ(mkdir(at(p, "d"), 0755), 0);
    const int dir = open(at(p, "d"), O_RDONLY | O_DIRECTORY);
    for (unsigned i = 0; i < count; i++) {
        const size_t len = 1 + check_random(&seed) % (i % 50 == 0 ? 240 : 6);
        for (size_t j = 0; j < len; j++) n->name[i][j] = (char)('!' + check_random(&seed) % 13);
        if (n->name[i][0] == '.') n->name[i][0] = '0';
        for (char *slash; (slash = strchr(n->name[i], '/')) != NULL;) *slash = '~';
        snprintf(n->name[i] + len, 16, "%x", i); /* no two are the same */
        const int fd = openat(dir, n->name[i], O_WRONLY | O_CREAT | O_EXCL, 0600);
        CHECK(fd >= 0);
        if (i % 37 == 0) CHECK_EQ(write(fd, n->name[i], i % 5), i % 5);
        close(fd);
    }
    close(dir);
    qsort(n->name, count, 256, by_bytes);
}

static uint32_t list(struct place *p, const char *path, const void *after, size_t after_len, uint32_t max,
                     struct hkp_htp_file_entry *out, uint32_t *count, uint32_t *more) {
    return p->store.list(p->store.user, path, strlen(path), after, after_len, max, out, count, more);
}

static void pages_hold_all_names_once_in_order_in(struct place *p) {
    const char *wanted = getenv("HKP_STORE_ENTRIES");
    struct names n;
    struct hkp_htp_file_entry *page = calloc(PAGE, sizeof *page);
    uint8_t after[256];
    uint32_t after_len = 0, count, more = 1, seen = 0;
    fill(p, &n, wanted != NULL ? (unsigned)atoi(wanted) : 5000);
    const long live = p->mem.live;
    while (more) {
        CHECK_EQ(list(p, "d", after, after_len, PAGE, page, &count, &more), HKP_HTP_FILE_OK);
        CHECK(more ? count == PAGE : count > 0 && count <= PAGE);
        for (uint32_t i = 0; i < count && seen < n.count; i++, seen++) {
            CHECK_EQ(page[i].name_len, strlen(n.name[seen]));
            CHECK_MEM(page[i].name, n.name[seen], page[i].name_len);
            CHECK_EQ(page[i].info.kind, HKP_HTP_FILE_KIND_FILE);
        }
        if (count == 0) break;
        after_len = page[count - 1].name_len;
        memcpy(after, page[count - 1].name, after_len);
    }
    CHECK_EQ(seen, n.count);
    CHECK_EQ(p->mem.live, live); /* nothing is kept between pages */
    CHECK_EQ(list(p, "d", "\xFF", 1, PAGE, page, &count, &more), HKP_HTP_FILE_OK);
    CHECK_EQ(count, 0);
    CHECK_EQ(more, 0);
    free(n.name);
    free(page);
}

static void pages_hold_all_names_once_in_order(void) {
    struct place p;
    place_new(&p, 0);
    pages_hold_all_names_once_in_order_in(&p);
    place_free(&p);
}

static void names_that_cannot_be_asked_for_are_not_told_in(struct place *p) {
    static const char *const hidden[] = {"bad\xFF",
                                         "\xC0\xAE\xC0\xAE",
                                         "\xED\xA0\x80",
                                         "line\nbreak",
                                         "back\\slash",
                                         ".htp-",
                                         ".htp-00112233445566778899aabbccddeeff.part",
                                         "del\x7F"};
    struct hkp_htp_file_entry page[10];
    char longest[256], path[300];
    uint32_t count, more;
    memset(longest, 'z', 255);
    longest[255] = 0;
    CHECK_EQ(mkdir(at(p, "d"), 0755), 0);
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
        snprintf(path, sizeof path, "d/%s", hidden[i]);
        put_file(at(p, path), "x", 1);
    }
    snprintf(path, sizeof path, "d/%s", longest);
    put_file(at(p, path), "12345", 5);
    CHECK_EQ(link(at(p, path), at(p, "d/two")), 0);
    CHECK_EQ(mkfifo(at(p, "d/fifo"), 0600), 0);
    CHECK_EQ(symlink(longest, at(p, "d/link")), 0);
    CHECK_EQ(mkdir(at(p, "d/\xC3\xA9t\xC3\xA9"), 0755), 0);
    CHECK_EQ(list(p, "d", "", 0, 10, page, &count, &more), HKP_HTP_FILE_OK);
    CHECK_EQ(count, 3);
    CHECK_EQ(more, 0);
    CHECK_MEM(page[0].name, "two", 3);
    CHECK_EQ(page[1].name_len, 255);
    CHECK_MEM(page[1].name, longest, 255);
    CHECK_EQ(page[1].info.size, 5);
    CHECK_MEM(page[2].name, "\xC3\xA9t\xC3\xA9", 5);
    CHECK_EQ(page[2].info.kind, HKP_HTP_FILE_KIND_FOLDER);
    CHECK_EQ(list(p, "d", "", 0, 1, page, &count, &more), HKP_HTP_FILE_OK);
    CHECK_EQ(count, 1);
    CHECK_EQ(more, 1);
    CHECK_EQ(list(p, "d", longest, 255, 1, page, &count, &more), HKP_HTP_FILE_OK);
    CHECK_EQ(count, 1);
    CHECK_EQ(more, 0);
    CHECK_EQ(list(p, "d", "", 0, 0, page, &count, &more), HKP_HTP_FILE_INVALID_OPERATION);
    CHECK_EQ(list(p, "d/two", "", 0, 1, page, &count, &more), HKP_HTP_FILE_PERMISSION_DENIED);
    put_file(at(p, "d/one"), "", 0);
    CHECK_EQ(list(p, "d/one", "", 0, 1, page, &count, &more), HKP_HTP_FILE_INVALID_OPERATION);
    CHECK_EQ(list(p, "d/one/x", "", 0, 1, page, &count, &more), HKP_HTP_FILE_NOT_FOUND);
    CHECK_EQ(list(p, "none", "", 0, 1, page, &count, &more), HKP_HTP_FILE_NOT_FOUND);
    CHECK_EQ(list(p, "d/link", "", 0, 1, page, &count, &more), HKP_HTP_FILE_PERMISSION_DENIED);
    CHECK_EQ(list(p, "", "", 0, 10, page, &count, &more), HKP_HTP_FILE_OK);
    CHECK_EQ(count, 1);
}
IN_ALL_WAYS(names_that_cannot_be_asked_for_are_not_told);

int main(void) {
    CASE(pages_hold_all_names_once_in_order);
    CASE(names_that_cannot_be_asked_for_are_not_told);
    return check_done();
}
