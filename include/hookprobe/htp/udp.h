/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * libhtp, part: the UDP driver, the only part of the library that touches the system. The caller owns the
 * loop: wait until hkp_htp_udp_fd() is readable or hkp_htp_wake() has come, then hkp_htp_udp_pump(). A caller
 * that pumps without waiting polls. One that waits for nothing else calls hkp_htp_udp_step() alone.
 */
#ifndef HOOKPROBE_HTP_UDP_H
#define HOOKPROBE_HTP_UDP_H

#include <hookprobe/htp.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a driver did since it was opened, by all its sockets. */
struct hkp_htp_udp_stats {
    /** sizeof of the caller's struct, set before the call */
    uint32_t struct_size;
    /** zero */
    uint32_t reserved0;
    uint64_t datagrams_in;
    uint64_t datagrams_out;
    uint64_t bytes_in;
    uint64_t bytes_out;
    /** datagrams that the endpoint dropped; its own counters tell why */
    uint64_t refused;
    /** datagrams that the system did not take: unreachable, no route, or a full buffer of one of several
     * sockets; or their carrier has no socket */
    uint64_t send_errors;
    /** errors of reading, such as answers of ICMP */
    uint64_t recv_errors;
    /** calls of the system that moved datagrams */
    uint64_t recv_calls;
    uint64_t send_calls;
    /** runs that the system cut into datagrams, and joined datagrams that it gave */
    uint64_t runs_out;
    uint64_t runs_in;
    /** datagrams that were too long for the interface, as path MTU discovery finds out */
    uint64_t too_long;
    /** HKP_HTP_UDP_NO_* of the offloads that are not in use, at one socket at least: switched off, or not
     * there */
    uint32_t off;
    /** bytes that the system holds for receiving, as it tells, at the first socket */
    uint32_t receive_buffer;
};

/* Bits of hkp_htp_udp_options.off: for tests, and for systems whose offloads are broken. */
enum {
    /** one datagram a message out: no UDP_SEGMENT */
    HKP_HTP_UDP_NO_CUT = 1,
    /** one datagram a message in: no UDP_GRO */
    HKP_HTP_UDP_NO_JOIN = 2,
    /** one message a call: no recvmmsg, no sendmmsg */
    HKP_HTP_UDP_NO_BATCH = 4,
    /** the ECN field is neither read nor set */
    HKP_HTP_UDP_NO_ECN = 8
};

/** Options of a driver; zero means default for every member. Filled by hkp_htp_udp_options_init(). */
struct hkp_htp_udp_options {
    /** sizeof of the caller's struct */
    uint32_t struct_size;
    /** HKP_HTP_UDP_NO_* */
    uint32_t off;
    /** allocator; all NULL: malloc */
    struct hkp_mem mem;
    /** bytes asked of the system for each of its two buffers; default 4 MiB; it may give less */
    uint32_t socket_buffer;
    /** microseconds that the system may poll the device of an empty socket in a call; default 0: not at all
     */
    uint32_t busy_poll_us;
    /** sockets that share the address, one for each shard (option shard_count of the endpoint): the system
     * hands each datagram to the socket of its shard. They are opened in the order of shard_index, with the
     * same number here; default 0: alone */
    uint32_t shards;
    /** sockets that may be added by hkp_htp_udp_carrier_add(), 0..HKP_HTP_UDP_SOCKETS_MAX - 1; default 0 */
    uint32_t carriers;
    /** microseconds that hkp_htp_udp_step() asks its only socket again and again before it sleeps, up to
     * 1,000,000: a core for the time that waking up takes; default 0: it sleeps at once */
    uint32_t spin_us;
    /** sockets that the driver may open by itself for paths of SWARM, see hkp_htp_udp_event(); with carriers
     * at most HKP_HTP_UDP_SOCKETS_MAX - 1; default 0 */
    uint32_t swarm_sockets;
    /** zero */
    uint32_t reserved0;
};

enum {
    /** sockets of one driver */
    HKP_HTP_UDP_SOCKETS_MAX = 32
};

/** One socket of a driver. */
struct hkp_htp_udp_carrier {
    /** sizeof of the caller's struct, set before the call */
    uint32_t struct_size;
    /** HKP_HTP_UDP_NO_* that are not in use there */
    uint32_t off;
    /** address and port that it is bound to, and its carrier */
    struct hkp_htp_path local;
    uint64_t datagrams_in;
    uint64_t datagrams_out;
    uint64_t bytes_in;
    uint64_t bytes_out;
};

/** Non-blocking UDP sockets, one of each carrier, with their buffers. */
struct hkp_htp_udp;
typedef struct hkp_htp_udp hkp_htp_udp;

/**
 * Open a socket: non-blocking, never fragmented, with large buffers.
 *
 * @param out  receives the driver, which the caller owns; untouched on failure
 * @param bind_path  address and port to bind, borrowed; port 0: any; the address "::" takes IPv4 too; its
 * carrier is that of the paths that come in by the socket, and what is for it goes out by the socket
 * @param mem  allocator, copied; NULL: malloc
 *
 * @retval HKP_OK  open
 * @retval HKP_E_INVAL  an argument is NULL
 * @retval HKP_E_NOMEM  the allocator returned nothing
 * @retval HKP_E_IO  the system refused the socket or the address
 *
 * Cost: as hkp_htp_udp_open_with().
 * Source: HTP-9.7, README.md shape of libhtp/posix.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_udp_open(hkp_htp_udp **out, const struct hkp_htp_path *bind_path,
                                                 const struct hkp_mem *mem);

/**
 * Fill options with defaults.
 *
 * @param options  struct to fill; written
 * @param size  sizeof of the caller's struct
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-htp 0.1
 */
HKP_API void hkp_htp_udp_options_init(struct hkp_htp_udp_options *options, size_t size);

/**
 * Open a socket as hkp_htp_udp_open() does, with options.
 *
 * @param out  receives the driver, which the caller owns; untouched on failure
 * @param bind_path  address and port to bind, borrowed; port 0: any; the address "::" takes IPv4 too
 * @param options  copied; NULL: all defaults
 *
 * @retval HKP_OK  open
 * @retval HKP_E_INVAL  an argument is NULL or an option out of range
 * @retval HKP_E_NOMEM  the allocator returned nothing
 * @retval HKP_E_IO  the system refused the socket or the address
 * @retval HKP_E_UNSUPPORTED  the system cannot steer datagrams to shards
 *
 * Cost: all allocation of the driver, about 1.2 MiB, of which a quiet socket touches little.
 * Source: HTP-9.7, decisions 0340 and 0400.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_udp_open_with(hkp_htp_udp **out, const struct hkp_htp_path *bind_path,
                                                      const struct hkp_htp_udp_options *options);

/**
 * Open one more socket, as hkp_htp_udp_open_with() does and with the options given there: paths with its
 * carrier come in and go out by it.
 *
 * @param udp  driver; borrowed, changed
 * @param bind_path  address and port to bind, and the carrier, which no other socket of the driver has;
 * borrowed
 * @param interface  index of the interface that all goes by and comes from, as the system numbers them; 0:
 * whatever the system's routes say
 *
 * @retval HKP_OK  open
 * @retval HKP_E_INVAL  an argument is NULL, the carrier has a socket, or is 2^63 or more: those are the
 * driver's; nothing changed
 * @retval HKP_E_LIMIT  as many as option carriers says are open; nothing changed
 * @retval HKP_E_IO  the system refused the socket, the address or the interface; nothing changed
 * @retval HKP_E_UNSUPPORTED  the system cannot steer datagrams to shards; nothing changed
 *
 * Cost: no allocation; a few system calls.
 * Source: HTP-9.3, HTP-11.6, decision 0400.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_udp_carrier_add(hkp_htp_udp *udp,
                                                        const struct hkp_htp_path *bind_path,
                                                        uint32_t interface);

/**
 * Close an added socket. What the endpoint then sends by its carrier is counted as an error of sending.
 *
 * @param udp  driver; borrowed, changed
 * @param carrier  number given when it was added
 *
 * @retval HKP_OK  closed
 * @retval HKP_E_INVAL  udp is NULL
 * @retval HKP_E_NOTFOUND  no socket has that carrier; nothing changed
 * @retval HKP_E_STATE  it is the socket that the driver was opened with, or one that it opened by itself;
 * nothing changed
 *
 * Cost: one system call.
 * Source: HTP-9.3, decision 0400.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_udp_carrier_drop(hkp_htp_udp *udp, uint64_t carrier);

/**
 * Tell where a socket is bound, and what it did since it was opened.
 *
 * @param udp  driver; borrowed
 * @param carrier  number of the socket
 * @param out  struct with struct_size set; written
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  an argument is NULL or struct_size is too small
 * @retval HKP_E_NOTFOUND  no socket has that carrier
 * @retval HKP_E_IO  the system did not tell
 *
 * Cost: one system call.
 * Source: style 2.4.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_udp_carrier(const hkp_htp_udp *udp, uint64_t carrier,
                                                    struct hkp_htp_udp_carrier *out);

/**
 * Close the sockets and release the driver; what was not sent is lost.
 *
 * @param udp  driver or NULL; owned, gone afterwards
 *
 * Cost: one system call for each socket.
 * Source: style 2.4.
 * Since: hookprobe-htp 0.1
 */
HKP_API void hkp_htp_udp_close(hkp_htp_udp *udp);

/**
 * Descriptor to wait on; not to be read, written or closed. It is the same for all the driver's life: the
 * socket, or with option carriers an epoll descriptor that is readable when one of the sockets is.
 *
 * @param udp  driver; borrowed
 *
 * @return descriptor
 *
 * Cost: none.
 * Source: style 2.5.
 * Since: hookprobe-htp 0.1
 */
HKP_API int32_t hkp_htp_udp_fd(const hkp_htp_udp *udp);

/**
 * Whether the system took no more at the last pump, so that the caller should also wait for writable; never
 * so with option carriers.
 *
 * @param udp  driver; borrowed
 *
 * @return 1 if datagrams wait, else 0
 *
 * Cost: none.
 * Source: style 2.5.
 * Since: hookprobe-htp 0.1
 */
HKP_API int32_t hkp_htp_udp_blocked(const hkp_htp_udp *udp);

/**
 * Address and port that the socket is bound to which the driver was opened with.
 *
 * @param udp  driver; borrowed
 * @param out  receives the path; untouched on failure
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  an argument is NULL
 * @retval HKP_E_IO  the system did not tell
 *
 * Cost: one system call.
 * Source: style 2.5.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_udp_local(const hkp_htp_udp *udp, struct hkp_htp_path *out);

/**
 * Bring an endpoint and its sockets up to date: receive what is there (at most about 512 datagrams or 256
 * KiB), let time pass, send all that the endpoint wants to send. Pull hkp_htp_event() afterwards, then pump
 * again if anything was asked of the endpoint. Errors of the network are counted and never end anything.
 *
 * @param udp  driver; borrowed, changed
 * @param ep  endpoint; borrowed, changed
 * @param now  nanoseconds, monotonic; an earlier value than before counts as the latest one
 * @param wall_us  Unix microseconds of the wall clock
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  an argument is NULL
 *
 * Cost: no allocation; one system call for some hundred datagrams each way where the system cuts and joins
 * them, else for 32; with option carriers one more to ask which sockets have any.
 * Source: style 2.5.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_udp_pump(hkp_htp_udp *udp, hkp_htp_endpoint *ep, hkp_time now,
                                                 uint64_t wall_us);

/**
 * One turn of a loop that waits for nothing else: send what is due, wait for datagrams, take them. It reads
 * the clocks of the system (CLOCK_MONOTONIC, CLOCK_REALTIME), which all calls of the endpoint must then be
 * given. Pull hkp_htp_event() afterwards until there is none, then call again: what the events made and what
 * they left to answer goes out with the next call. While events wait it takes what is there and does not
 * sleep.
 *
 * @param udp  driver; borrowed, changed
 * @param ep  endpoint; borrowed, changed
 * @param until  nanoseconds, monotonic: the latest return; HKP_TIME_NEVER: when something came or is due
 *
 * @retval HKP_OK  done; perhaps nothing came, or a signal did
 * @retval HKP_E_INVAL  an argument is NULL
 *
 * Cost: no allocation; two system calls where one datagram goes and one comes.
 * Source: decision 0410.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_udp_step(hkp_htp_udp *udp, hkp_htp_endpoint *ep, hkp_time until);

/**
 * Hand an event to the driver, so that it opens and closes sockets for SWARM (option swarm_sockets): where a
 * path is wanted it opens a fresh port and adds the path, where paths are spare it drops those by its own
 * ports. Ports that no path needs any more are closed at a later pump. Fresh ports have address and interface
 * of the caller's sockets, in turn.
 *
 * @param udp  driver; borrowed, changed
 * @param ep  endpoint that the event was pulled from; borrowed, changed
 * @param now  nanoseconds, monotonic; an earlier value than before counts as the latest one
 * @param event  any event; borrowed; those that are not HKP_HTP_EVENT_PATH change nothing
 *
 * @retval HKP_OK  done, also if no socket was to be had: then the endpoint asks again
 * @retval HKP_E_INVAL  an argument is NULL
 *
 * Cost: no allocation; a few system calls for each socket.
 * Source: HTP-11.5, HTP-11.6, decision 0400.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_udp_event(hkp_htp_udp *udp, hkp_htp_endpoint *ep, hkp_time now,
                                                  const struct hkp_htp_event *event);

/**
 * Read the counters.
 *
 * @param udp  driver; borrowed
 * @param out  struct with struct_size set; written
 *
 * @retval HKP_OK  done
 * @retval HKP_E_INVAL  an argument is NULL or struct_size is too small
 *
 * Cost: none.
 * Source: style 2.4.
 * Since: hookprobe-htp 0.1
 */
HKP_API HKP_MUST_USE hkp_status hkp_htp_udp_stats(const hkp_htp_udp *udp, struct hkp_htp_udp_stats *out);

#ifdef __cplusplus
}
#endif

#endif
