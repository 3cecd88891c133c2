/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* HTP-13 from folder to folder: transfers between two endpoints whose stores are on a disk. */
#include "files_pair.h"

#include "folder_store.h"

enum { FILES = 100, ALL = 127 };

static struct files_pair *folders_new(struct place p[2], uint32_t off) {
    struct files_pair *fp = fp_new_quietly();
    for (int i = 0; i < 2; i++) {
        struct fp_side *s = &fp->side[i];
        struct hkp_htp_files_options o;
        place_new(&p[i], off);
        hkp_htp_files_options_init(&o, sizeof o);
        s->interface = p[i].store;
        o.store = &s->interface;
        o.mem = failing_mem(&s->heap);
        memcpy(o.node_id, fp_id(fp, i), 16);
        CHECK_EQ(hkp_htp_files_new(&s->files, s->ep, &o), HKP_OK);
        fp_grant(fp, i, ALL);
    }
    fp_connect(fp);
    return fp;
}

static void folders_free(struct files_pair *fp, struct place p[2]) {
    fp_free(fp);
    for (int i = 0; i < 2; i++) place_free(&p[i]);
}

/* More than may be open at a time, so that they queue, and are committed in groups. */
static void put_many(struct files_pair *fp, struct place p[2], uint8_t *const content[FILES]) {
    char names[FILES][32];
    for (int i = 0; i < FILES; i++) {
        snprintf(names[i], sizeof names[i], "f%d.log", i);
        put_file(at(&p[0], names[i]), content[i], 4096);
        char to[40];
        snprintf(to, sizeof to, "in/%d/%s", i % 3, names[i]);
        struct hkp_htp_file_request r = fp_request(fp, 0, HKP_HTP_FILE_CREATE, to, names[i]);
        r.flags = HKP_HTP_FILE_CREATE_DIRS;
        (void)fp_start(fp, 0, &r);
    }
    fp_until(fp, 0, FILES);
    for (int i = 0; i < FILES; i++) {
        char to[40];
        CHECK_EQ(fp->side[0].ends[i].code, HKP_HTP_FILE_OK);
        snprintf(to, sizeof to, "in/%d/f%d.log", i % 3, i);
        CHECK(holds(at(&p[1], to), content[i], 4096));
    }
}

static void many_files_go_from_folder_to_folder_and_back(void) {
    for (int way = 0; way < WAYS_COUNT; way++) {
        struct place p[2];
        uint8_t *content[FILES];
        struct files_pair *fp = folders_new(p, WAYS[way]);
        for (int i = 0; i < FILES; i++) content[i] = fp_bytes(4096, (uint64_t)i);
        put_many(fp, p, content);
        CHECK_EQ(fp_get(fp, "in/1/f1.log", "again.log", 0), HKP_HTP_FILE_OK);
        CHECK(holds(at(&p[0], "again.log"), content[1], 4096));
        CHECK_EQ(fp_put(fp, "in/1/f1.log", "f2.log", 0), HKP_HTP_FILE_ALREADY_EXISTS);
        CHECK_EQ(fp_put(fp, "in/1/f1.log", "f2.log", HKP_HTP_FILE_OVERWRITE), HKP_HTP_FILE_OK);
        CHECK(holds(at(&p[1], "in/1/f1.log"), content[2], 4096));
        struct hkp_htp_file_request r = fp_request(fp, 0, HKP_HTP_FILE_DELETE, "in", NULL);
        r.flags = HKP_HTP_FILE_RECURSIVE;
        CHECK_EQ(fp_do(fp, 0, &r), HKP_HTP_FILE_OK);
        CHECK(!is_there(at(&p[1], "in")));
        CHECK_EQ(own_entries(p[0].root) + own_entries(p[1].root), 0);
        for (int i = 0; i < FILES; i++) free(content[i]);
        folders_free(fp, p);
    }
}

static void what_is_appended_by_two_is_all_there(void) {
    struct place p[2];
    struct files_pair *fp = folders_new(p, 0);
    put_file(at(&p[1], "f.log"), "old", 3);
    put_file(at(&p[0], "one.log"), "one", 3);
    put_file(at(&p[0], "two.log"), "two", 3);
    static const char *const from[] = {"one.log", "two.log"};
    for (int i = 0; i < 2; i++) {
        struct hkp_htp_file_request r = fp_request(fp, 0, HKP_HTP_FILE_UPDATE, "f.log", from[i]);
        r.flags = HKP_HTP_FILE_APPEND | HKP_HTP_FILE_VERIFY_HASH;
        (void)fp_start(fp, 0, &r);
    }
    fp_until(fp, 0, 2);
    for (int i = 0; i < 2; i++) CHECK_EQ(fp->side[0].ends[i].code, HKP_HTP_FILE_OK);
    CHECK(holds(at(&p[1], "f.log"), "oldonetwo", 9) || holds(at(&p[1], "f.log"), "oldtwoone", 9));
    folders_free(fp, p);
}

/* What lies outside is neither read nor written, whatever the peer asks for. */
static void links_in_a_folder_lead_no_peer_out(void) {
    struct place p[2];
    char secret[300];
    struct files_pair *fp = folders_new(p, 0);
    snprintf(secret, sizeof secret, "%s/f.log", p[1].outside);
    put_file(secret, "secret", 6);
    put_file(at(&p[0], "mine.log"), "mine", 4);
    CHECK_EQ(symlink(secret, at(&p[1], "file.log")), 0);
    CHECK_EQ(symlink(p[1].outside, at(&p[1], "out")), 0);
    CHECK_EQ(link(secret, at(&p[1], "hard.log")), 0);
    static const char *const paths[] = {"file.log", "out/f.log", "hard.log"};
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(fp_get(fp, paths[i], "got.log", 0), HKP_HTP_FILE_PERMISSION_DENIED);
        CHECK_EQ(fp_put(fp, paths[i], "mine.log", HKP_HTP_FILE_OVERWRITE), HKP_HTP_FILE_PERMISSION_DENIED);
        struct hkp_htp_file_request r = fp_request(fp, 0, HKP_HTP_FILE_DELETE, paths[i], NULL);
        CHECK_EQ(fp_do(fp, 0, &r), HKP_HTP_FILE_PERMISSION_DENIED);
    }
    CHECK(holds(secret, "secret", 6));
    CHECK(!is_there(at(&p[0], "got.log")));
    folders_free(fp, p);
}

int main(void) {
    CASE(many_files_go_from_folder_to_folder_and_back);
    CASE(what_is_appended_by_two_is_all_there);
    CASE(links_in_a_folder_lead_no_peer_out);
    return check_done();
}
