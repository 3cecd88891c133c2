/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The first byte is the lane. Of an accepted message every list is read to its end without a fault. */
#include "libdsm/message/message.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_list(struct hkp_dsm__list *list) {
    for (size_t i = 0; i < list->n; i++) (void)hkp_dsm_cbor_skip(&list->at, NULL);
    if (list->at.status != HKP_OK) abort();
}

static void read_item(const struct hkp_dsm__item *item, uint32_t lane) {
    uint8_t id[16];
    hkp_dsm__item_message_id(item, (const uint8_t[32]){0}, id);
    if (hkp_dsm__item_lane(item) != lane) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct hkp_dsm__message m;
    if (size < 1 || hkp_dsm__message_parse(data[0] % 6, data + 1, size - 1, &m) != HKP_OK) return 0;
    if (m.lane >= HKP_DSM__LANES) abort();
    if (m.op == HKP_DSM__OP_MSG_PUSH) read_item(&m.item, m.lane);
    for (size_t i = 0; m.op == HKP_DSM__OP_MSG_ITEMS && i < m.list.n; i++) {
        struct hkp_dsm__item item;
        hkp_dsm__next_item(&m.list, &item);
    }
    if (m.op == HKP_DSM__OP_MSG_ITEMS) return m.list.at.status != HKP_OK ? abort(), 0 : 0;
    if (m.list.n > 0) read_list(&m.list);
    if (m.list2.n > 0) read_list(&m.list2);
    return 0;
}
