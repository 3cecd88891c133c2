/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * HTP v1: sessions between two nodes over datagrams (docs/spec/htp.md). A state machine without I/O:
 *
 *     in    hkp_htp_recv(), and the calls that open, send and close
 *     out   hkp_htp_send() and hkp_htp_event(), each pulled until it has nothing more
 *     time  hkp_htp_wake() says when hkp_htp_tick() is next needed
 *
 * An endpoint holds many sessions and plays both roles, E (starts) and V (answers). A session is named by
 * a number that is never used again; a number that names nothing any more gives HKP_E_NOTFOUND.
 *
 * Threads: one endpoint is used by one thread at a time; different endpoints are independent. The
 * functions of struct hkp_htp_registry are called from inside the calls on it and must not call back.
 */
#ifndef HOOKPROBE_HTP_H
#define HOOKPROBE_HTP_H

#include <hookprobe/base.h>

/* Endpoints, sessions, messages. */
#include <hookprobe/htp/address.h>
#include <hookprobe/htp/constants.h>
#include <hookprobe/htp/endpoint.h>
#include <hookprobe/htp/events.h>
#include <hookprobe/htp/record.h>
#include <hookprobe/htp/session.h>
#include <hookprobe/htp/status.h>
#include <hookprobe/htp/stream.h>

#define HKP_HTP_VERSION_MAJOR 0
#define HKP_HTP_VERSION_MINOR 1
#define HKP_HTP_VERSION_PATCH 0
#define HKP_HTP_ABI 0

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Version of the library that is linked, as text.
 *
 * @return "MAJOR.MINOR.PATCH", NUL-terminated, static
 *
 * Cost: none.
 * Source: style 2.12 "Versions, symbols, ABI".
 * Since: hookprobe-htp 0.1
 */
HKP_API const char *hkp_htp_version(void);

#ifdef __cplusplus
}
#endif

/* What stands beside them. */
#include <hookprobe/htp/congestion.h>
#include <hookprobe/htp/file.h>
#include <hookprobe/htp/mode.h>
#include <hookprobe/htp/path.h>
#include <hookprobe/htp/registry.h>
#include <hookprobe/htp/run.h>
#include <hookprobe/htp/store.h>
#include <hookprobe/htp/store_posix.h>
#include <hookprobe/htp/trace.h>
#include <hookprobe/htp/trust.h>
#include <hookprobe/htp/udp.h>

#endif
