/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* HTP-13.6: which paths reach a disk at all. */
#include <hookprobe/htp/store.h>

#include "check.h"
#include "libhtp/files/file_names.h"

static int ok(const char *path) { return hkp_htp__file_path_ok(path, strlen(path)); }

static void names_of_people_are_names(void) {
    static const char *const good[] = {"",
                                       "a",
                                       "a/b/c",
                                       "...",
                                       ".bashrc",
                                       "..a",
                                       ".htp",
                                       ".htpx",
                                       "a b",
                                       "a:b",
                                       "~",
                                       "-rf",
                                       "\xC3\xA9t\xC3\xA9",
                                       "\xE2\x82\xAC",
                                       "\xF0\x9F\x98\x80",
                                       "\xF4\x8F\xBF\xBF",
                                       "\xED\x9F\xBF",
                                       "\xEE\x80\x80",
                                       "\xC2\x80"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        const int before = check_faults;
        CHECK(ok(good[i]));
        CHECK_NOTE(before, "%s", good[i]);
    }
}

static void names_that_lead_elsewhere_are_refused(void) {
    static const char *const bad[] = {"/",    "/a",    "a/",     "a//b",  ".",      "..",
                                      "a/..", "../a",  "a/../b", "./a",   "a/.",    "a\\b",
                                      "a\nb", "a\x1F", "\x7F",   ".htp-", ".htp-x", "a/.htp-0.part"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const int before = check_faults;
        CHECK(!ok(bad[i]));
        CHECK_NOTE(before, "%s", bad[i]);
    }
    CHECK(!hkp_htp__file_path_ok("a\0b", 3));
    CHECK(!hkp_htp__file_path_ok("\0", 1));
}

/* Overlong forms, halves of pairs, beyond the last character, cut off, and bytes that begin nothing. */
static void only_well_formed_text_is_a_name(void) {
    static const char *const bad[] = {"\xC0\xAE",
                                      "\xC1\xBF",
                                      "\xE0\x80\xAF",
                                      "\xE0\x9F\xBF",
                                      "\xF0\x80\x80\xAF",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xED\xA0\x80",
                                      "\xED\xBF\xBF",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xFF",
                                      "\x80",
                                      "a\xC3",
                                      "\xE2\x82",
                                      "\xF0\x9F\x98",
                                      "\xC3/\xA9",
                                      "\xE2\x28\xA1",
                                      "\xE2\x82\x28",
                                      "\xF0\x9F\x98\x28"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const int before = check_faults;
        CHECK(!ok(bad[i]));
        CHECK_NOTE(before, "case %zu", i);
    }
}

static void bounds_are_those_of_the_clause(void) {
    char path[1100];
    memset(path, 'a', sizeof path);
    CHECK(hkp_htp__file_path_ok(path, 255));
    CHECK(!hkp_htp__file_path_ok(path, 256));
    for (size_t i = 255; i < sizeof path; i += 256) path[i] = '/';
    CHECK(hkp_htp__file_path_ok(path, 1023));
    CHECK(!hkp_htp__file_path_ok(path, 1025)); /* its last part is one byte, its bytes are too many */
    for (size_t i = 0; i < 80; i++) path[i] = i % 2 ? '/' : 'a';
    CHECK(hkp_htp__file_path_ok(path, 63)); /* 32 parts */
    CHECK(!hkp_htp__file_path_ok(path, 65));
}

int main(void) {
    CASE(names_of_people_are_names);
    CASE(names_that_lead_elsewhere_are_refused);
    CASE(only_well_formed_text_is_a_name);
    CASE(bounds_are_those_of_the_clause);
    return check_done();
}
