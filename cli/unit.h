/* SPDX-License-Identifier: MIT */
/* Tracks the main process of a systemd unit. */
#ifndef KSIG_UNIT_H
#define KSIG_UNIT_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A unit is tracked through the system bus. The service manager reports each change, so polling is
 * not necessary. A reply contains only a pid. Before using the pid, pin the process, call
 * ksig_unit_ask(), and check that the next reply contains the same pid.
 */
struct ksig_unit;

#ifdef KSIG_HAVE_SYSTEMD

/**
 * ksig_unit_open() - connect to the bus and read the main process of a unit
 * @name: name as accepted by systemctl(1); ".service" is appended if it has no suffix
 * @res: set to the unit, which has a main process
 *
 * Waits at most five seconds for the reply.
 *
 * Return: an exit code; on failure the error has been printed.
 */
int ksig_unit_open(const char *name, struct ksig_unit **res);
/* Passing NULL is a no-op. */
void ksig_unit_close(struct ksig_unit *u);

/**
 * ksig_unit_process() - handle messages from the bus without waiting
 * @u: the unit
 *
 * Reports a lost connection and restores it. Call this function until it returns false, then wait
 * as described by ksig_unit_poll().
 *
 * Return: whether ksig_unit_main_pid() has a new reply.
 */
bool ksig_unit_process(struct ksig_unit *u);

/**
 * ksig_unit_poll() - return what to wait for before calling ksig_unit_process()
 * @u: the unit
 * @p: set to the descriptor and its events; the descriptor is -1 if there is none
 *
 * Return: the latest time to call ksig_unit_process(), CLOCK_MONOTONIC in ns; INT64_MAX if there is
 * none.
 */
int64_t ksig_unit_poll(const struct ksig_unit *u, struct pollfd *p);

/* Waits as described by ksig_unit_poll(), or until the watch must end. */
void ksig_unit_wait(const struct ksig_unit *u);

/* Return: the pid in the last reply; 0 if the unit has no main process. */
pid_t ksig_unit_main_pid(const struct ksig_unit *u);
/* Queries the pid again. The next reply will be to this query. */
void ksig_unit_ask(struct ksig_unit *u);
/* Return: whether a reply is pending and the connection has not been reported as lost. */
bool ksig_unit_is_asking(const struct ksig_unit *u);

#else

#include "cli.h"

static inline int ksig_unit_open(const char *name, struct ksig_unit **res)
{
	(void)res;
	ksig_error("unit:%s is not available: built without libsystemd (use pidfile:PATH or a pid instead)",
		   name);
	return KSIG_NOT_HERE;
}

static inline void ksig_unit_close(struct ksig_unit *u)
{
	(void)u;
}

static inline bool ksig_unit_process(struct ksig_unit *u)
{
	(void)u;
	return false;
}

static inline int64_t ksig_unit_poll(const struct ksig_unit *u,
				     struct pollfd *p)
{
	(void)u;
	p->fd = -1;
	return INT64_MAX;
}

static inline void ksig_unit_wait(const struct ksig_unit *u)
{
	(void)u;
}

static inline pid_t ksig_unit_main_pid(const struct ksig_unit *u)
{
	(void)u;
	return 0;
}

static inline void ksig_unit_ask(struct ksig_unit *u)
{
	(void)u;
}

static inline bool ksig_unit_is_asking(const struct ksig_unit *u)
{
	(void)u;
	return false;
}

#endif /* KSIG_HAVE_SYSTEMD */

#endif /* KSIG_UNIT_H */
