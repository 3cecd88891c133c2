/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * Many nodes that gossip: the real views and trees of libdsm, a virtual clock, a network between. Sessions
 * are reliable and in order as HTP's are: what the network loses comes later, after RESEND_MS for each loss.
 * Time is in milliseconds; a hop takes HOP_MS, or a time around it. Nothing is called but by a message or at
 * the time it asked for, so 100,000 nodes are a matter of minutes.
 */
#ifndef HKP_TESTS_GOSSIP_WORLD_H
#define HKP_TESTS_GOSSIP_WORLD_H

#include "libdsm/gossip/tree.h"
#include "libdsm/gossip/view.h"

enum { GOSSIP_HOP_MS = 50, GOSSIP_ITEMS = 64, GOSSIP_LINKS = 12 };

struct gossip_options {
    uint32_t nodes, groups;
    /** the last ones have seats, and all know them from the beginning */
    uint32_t validators;
    /** of 1000 messages */
    uint32_t loss;
    /** a hop takes HOP_MS plus or minus so many percent */
    uint32_t jitter;
    /** ids that a tree holds for each purpose, a power of two; 0: GOSSIP_ITEMS */
    uint32_t ids;
    uint64_t seed;
};

struct gossip_node {
    struct hkp_dsm__view view;
    struct hkp_dsm__tree tree;
    void *memory;
    struct hkp_dsm__contact self;
    /** node number of each link, + 1; 0: free */
    uint32_t links[GOSSIP_LINKS];
    /** items that it holds; 1: dead */
    uint64_t held;
    uint32_t dead;
    /** when it is to be called, and its neighbours in the list of that millisecond, + 1; 0: in no list */
    uint32_t timed, next, prev;
    uint64_t due_ms;
};

struct gossip_world {
    struct gossip_options o;
    struct gossip_node *nodes;
    struct hkp_dsm__pool pool;
    void *pool_memory, *pool_tags;
    struct gossip_bucket *wheel;
    struct gossip_message *spare;
    /** when the newest message of one node to another comes, by hash: sessions keep the order */
    struct gossip_pair {
        uint64_t pair, due_ms;
    } * pairs;
    uint32_t pair_mask;
    uint64_t now_ms, random, digest, events;
    /** of the whole run: messages, those with an item, bytes as they would be on the wire, without HTP's */
    uint64_t messages, pushes, bytes;
    /** of each item: nodes that have it, when the last got it, when it began, its size */
    struct {
        uint64_t have, last_ms, first_ms;
        uint32_t size;
    } items[GOSSIP_ITEMS];
    /** set by gossip_attack(): these nodes answer shuffles and joins with each other only */
    uint32_t liars;
};

struct gossip_world *gossip_new(const struct gossip_options *o);
void gossip_free(struct gossip_world *w);
/** All nodes join, one each so many ms, by a node that is there. */
void gossip_join_all(struct gossip_world *w, uint32_t every_ms);
void gossip_run(struct gossip_world *w, uint64_t ms);
/** A node makes item number n. */
void gossip_publish(struct gossip_world *w, uint32_t node, uint32_t n, uint32_t size);
void gossip_kill(struct gossip_world *w, uint32_t node);
/** Living nodes, and those that the first of them reaches by links. */
uint32_t gossip_alive(const struct gossip_world *w);
uint32_t gossip_reached(const struct gossip_world *w);
uint64_t gossip_random(struct gossip_world *w);
uint32_t gossip_degree(const struct gossip_world *w, uint32_t node);
int gossip_number(const struct gossip_world *w, const uint8_t node_id[16]);

#endif
