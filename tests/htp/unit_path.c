/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Addresses as text: what is read, what is refused, and that writing gives the one form back. */
#include <hookprobe/htp.h>

#include "check.h"

static void texts_become_paths_and_back(void) {
    static const struct {
        const char *text, *canonical;
    } good[] = {
        {"127.0.0.1:8144", "127.0.0.1:8144"},
        {"0.0.0.0:0", "0.0.0.0:0"},
        {"255.255.255.255:65535", "255.255.255.255:65535"},
        {"[::]:1", "[::]:1"},
        {"[::1]:8144", "[::1]:8144"},
        {"[1::]:8144", "[1::]:8144"},
        {"[2001:DB8:0:0:1:0:0:1]:5", "[2001:db8::1:0:0:1]:5"},
        {"[2001:db8:0:1:1:1:1:1]:5", "[2001:db8:0:1:1:1:1:1]:5"},
        {"[1:2:3:4:5:6:7:8]:9", "[1:2:3:4:5:6:7:8]:9"},
        {"[::ffff:192.0.2.7]:40000", "192.0.2.7:40000"},
        {"[64:ff9b::192.0.2.1]:1", "[64:ff9b::c000:201]:1"},
        {"[fe80::1%3]:8144", "[fe80::1%3]:8144"},
        {"[1:2:3:4:5:6:7::]:1", "[1:2:3:4:5:6:7:0]:1"},
        {"[1:0:0:2:0:0:0:3]:1", "[1:0:0:2::3]:1"},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int before = check_faults;
        struct hkp_htp_path path;
        char text[HKP_HTP_PATH_TEXT_MAX];
        CHECK_EQ(hkp_htp_path_parse(good[i].text, &path), HKP_OK);
        CHECK_EQ(hkp_htp_path_format(&path, text, sizeof text), HKP_OK);
        CHECK(strcmp(text, good[i].canonical) == 0);
        CHECK_EQ(hkp_htp_path_format(&path, text, strlen(good[i].canonical)), HKP_E_NOSPC);
        CHECK_NOTE(before, "%s -> %s", good[i].text, text);
    }
}

static void bytes_are_those_of_the_text(void) {
    struct hkp_htp_path path;
    CHECK_EQ(hkp_htp_path_parse("192.0.2.7:40000", &path), HKP_OK);
    static const uint8_t v4[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 7};
    CHECK_MEM(path.addr, v4, 16);
    CHECK_EQ(path.port, 40000);
    CHECK_EQ(hkp_htp_path_parse("[2001:db8::a:b%7]:1", &path), HKP_OK);
    static const uint8_t v6[16] = {0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xA, 0, 0xB};
    CHECK_MEM(path.addr, v6, 16);
    CHECK_EQ(path.scope, 7);
}

static void other_texts_are_refused_and_write_nothing(void) {
    static const char *const bad[] = {"",
                                      ":",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      "127.0.0.1:65536",
                                      "127.0.0.1:-1",
                                      "127.0.0.1:1 ",
                                      " 127.0.0.1:1",
                                      "256.0.0.1:1",
                                      "1.2.3:1",
                                      "1.2.3.4.5:1",
                                      "01.2.3.4:1",
                                      "1..2.3:1",
                                      "127.0.0.1:01",
                                      "::1:8144",
                                      "[::1]",
                                      "[::1]8144",
                                      "[::1:8144",
                                      "[:1]:1",
                                      "[1:]:1",
                                      "[:::]:1",
                                      "[1::2::3]:1",
                                      "[1:2:3:4:5:6:7]:1",
                                      "[1:2:3:4:5:6:7:8:9]:1",
                                      "[1:2:3:4:5:6:7:8::]:1",
                                      "[12345::]:1",
                                      "[g::]:1",
                                      "[::1.2.3]:1",
                                      "[::1.2.3.4.5]:1",
                                      "[1:2:3:4:5:6:7:1.2.3.4]:1",
                                      "[fe80::1%]:1",
                                      "[fe80::1%eth0]:1",
                                      "[fe80::1%4294967296]:1",
                                      "host:1",
                                      "[]:1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int before = check_faults;
        struct hkp_htp_path path, untouched;
        memset(&path, 0xEE, sizeof path);
        memset(&untouched, 0xEE, sizeof untouched);
        CHECK_EQ(hkp_htp_path_parse(bad[i], &path), HKP_E_INVAL);
        CHECK_MEM(&path, &untouched, sizeof path);
        CHECK_NOTE(before, "%s", bad[i]);
    }
}

int main(void) {
    CASE(texts_become_paths_and_back);
    CASE(bytes_are_those_of_the_text);
    CASE(other_texts_are_refused_and_write_nothing);
    return check_done();
}
