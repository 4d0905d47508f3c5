/* SPDX-License-Identifier: MIT */
/* The main process of a systemd unit, and when it changes. */
#ifndef KSIG_UNIT_H
#define KSIG_UNIT_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A unit is followed through the system bus: the service manager reports each
 * change, so nothing is asked periodically. An answer is only a number. Before it
 * is used, pin the process, call ksig_unit_ask() and compare the next answer.
 */
struct ksig_unit;

#ifdef KSIG_HAVE_SYSTEMD

/**
 * ksig_unit_open() - connect to the bus and find a unit's main process
 * @name: as systemctl(1) accepts it; ".service" is added if it has no suffix
 * @res: the unit; it has a main process
 *
 * Waits for the answer, for at most five seconds.
 *
 * Return: an exit code; if it is not 0, the error has been printed.
 */
int ksig_unit_open(const char *name, struct ksig_unit **res);
/* Passing NULL is a no-op. */
void ksig_unit_close(struct ksig_unit *u);

/**
 * ksig_unit_process() - handle what the bus has sent; never waits
 * @u: the unit
 *
 * A lost connection is reported and made again.
 * Call it until it returns false, then wait as ksig_unit_poll() says.
 *
 * Return: whether there is a new answer for ksig_unit_main_pid().
 */
bool ksig_unit_process(struct ksig_unit *u);

/**
 * ksig_unit_poll() - how to wait for ksig_unit_process() to be called
 * @u: the unit
 * @p: set to the descriptor, -1 if there is none, and its events
 *
 * Return: when to call it at the latest, CLOCK_MONOTONIC in ns; INT64_MAX: never
 */
int64_t ksig_unit_poll(const struct ksig_unit *u, struct pollfd *p);

/* Waits for that, or until the watch is to end. */
void ksig_unit_wait(const struct ksig_unit *u);

/* The last answer; 0: the unit has no main process */
pid_t ksig_unit_main_pid(const struct ksig_unit *u);
/* The next answer is to a question that is asked now. */
void ksig_unit_ask(struct ksig_unit *u);
/* Whether an answer is expected, and the last one did not fail to come. */
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
