// SPDX-License-Identifier: MIT
/* Check that poll(2), select(2) and epoll(7) wait for a subscription as for other files. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <unistd.h>

#include "clients.h"

/* ---------------------------------------------------------------- waiting */

/* More ways to wait, with the same arguments and result as by_poll(). */

static bool by_ppoll(int fd, int ms)
{
	struct timespec limit = { ms / 1000, ms % 1000 * 1000000 };
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLPRI | POLLRDHUP };
	sigset_t none;
	int n;

	sigemptyset(&none);
	n = OK(ppoll(&p, 1, ms < 0 ? NULL : &limit, &none));
	CHECK_EQ(p.revents, n ? POLLIN : 0);
	return n;
}

static bool by_select(int fd, int ms)
{
	struct timeval limit = { ms / 1000, ms % 1000 * 1000 };
	fd_set in, except;
	int n;

	FD_ZERO(&in);
	FD_SET(fd, &in);
	except = in;
	n = OK(select(fd + 1, &in, NULL, &except, ms < 0 ? NULL : &limit));
	CHECK_EQ(n, FD_ISSET(fd, &in));
	CHECK(!FD_ISSET(fd, &except));
	return n;
}

/* Returns an epoll instance that watches only @fd. */
static int epoll_on(int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };
	int ep = OK(epoll_create1(EPOLL_CLOEXEC));

	OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	return ep;
}

/* Waits for up to @ms milliseconds. Returns true if @ep reports its file as readable. */
static bool epoll_ready(int ep, int ms)
{
	struct epoll_event ev[2];
	int n = OK(epoll_wait(ep, ev, 2, ms));

	CHECK(n <= 1);
	if (n)
		CHECK_EQ(ev[0].events, EPOLLIN);
	return n;
}

static bool by_epoll_of(int fd, uint32_t events, int ms)
{
	int ep = epoll_on(fd, events);
	bool ready = epoll_ready(ep, ms);

	close(ep);
	return ready;
}

static bool by_epoll(int fd, int ms)
{
	return by_epoll_of(fd, EPOLLIN, ms);
}

static bool by_edge(int fd, int ms)
{
	return by_epoll_of(fd, EPOLLIN | EPOLLET, ms);
}

static bool by_nested_epoll(int fd, int ms)
{
	int inner = epoll_on(fd, EPOLLIN);
	bool ready = by_epoll(inner, ms);

	close(inner);
	return ready;
}

/* ---------------------------------------------------------- cases: waiting */

static const struct way {
	const char *name;
	bool (*readable)(int fd, int ms);
} ways[] = {
	{ "poll", by_poll },
	{ "ppoll", by_ppoll },
	{ "select", by_select },
	{ "epoll", by_epoll },
	{ "epoll, edge-triggered", by_edge },
	{ "nested epoll", by_nested_epoll },
};

struct waiter {
	const struct way *way;
	int fd;
};

static void wait_and_report(struct child *self, void *arg)
{
	struct waiter *w = arg;

	CHECK(w->way->readable(w->fd, -1));
	child_say(self);
}

static void check_way(const struct way *way)
{
	struct waiter w = { way, OK(kind->open()) };
	struct child c;

	printf("... %s\n", way->name);
	CHECK(!way->readable(w.fd, 0));
	c = child_start(wait_and_report, &w);
	wait_state(c.pid, 'S');
	kind->event(w.fd);
	wait_for_report(&c);
	child_join(&c);
	CHECK(way->readable(w.fd, 0));
	CHECK(way->readable(w.fd, 0));
	read_one(w.fd);
	CHECK(!way->readable(w.fd, 0));
	finish(w.fd);
}

static void test_wait(void)
{
	size_t i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		check_way(&ways[i]);
}

static void test_level(void)
{
	int fd = OK(kind->open()), ep = epoll_on(fd, EPOLLIN);

	CHECK(!epoll_ready(ep, 0));
	cause_event(fd);
	CHECK(epoll_ready(ep, 0));
	CHECK(epoll_ready(ep, 0));
	drain(fd);
	CHECK(!epoll_ready(ep, 0));
	cause_event(fd);
	CHECK(epoll_ready(ep, 0));
	drain(fd);
	close(ep);
	finish(fd);
}

static void test_edge(void)
{
	int fd = OK(kind->open()), ep = epoll_on(fd, EPOLLIN | EPOLLET);

	CHECK(!epoll_ready(ep, 0));
	cause_event(fd);
	CHECK(epoll_ready(ep, LIMIT));
	CHECK(!epoll_ready(ep, 0));
	/* another event arrives before the first is read */
	cause_event(fd);
	CHECK(epoll_ready(ep, LIMIT));
	CHECK(!epoll_ready(ep, 0));
	drain(fd);
	CHECK(!epoll_ready(ep, 0));
	/* the event is read before the first poll */
	cause_event(fd);
	drain(fd);
	CHECK(!epoll_ready(ep, 0));
	cause_event(fd);
	CHECK(epoll_ready(ep, LIMIT));
	drain(fd);
	close(ep);
	finish(fd);
}

static void test_oneshot(void)
{
	struct epoll_event again = { .events = EPOLLIN | EPOLLONESHOT };
	int fd = OK(kind->open()), ep = epoll_on(fd, EPOLLIN | EPOLLONESHOT);

	cause_event(fd);
	CHECK(epoll_ready(ep, LIMIT));
	CHECK(!epoll_ready(ep, 0));
	cause_event(fd);
	CHECK(!epoll_ready(ep, 0));
	OK(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &again));
	CHECK(epoll_ready(ep, 0));
	drain(fd);
	OK(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &again));
	CHECK(!epoll_ready(ep, 0));
	cause_event(fd);
	CHECK(epoll_ready(ep, LIMIT));
	drain(fd);
	close(ep);
	finish(fd);
}

/*
 * Check that an epoll instance reports a nested epoll instance for as long as the nested instance
 * is readable.
 */
static void check_nested(uint32_t inner_events)
{
	int fd = OK(kind->open()), inner = epoll_on(fd, EPOLLIN | inner_events);
	int outer = epoll_on(inner, EPOLLIN);

	CHECK(!epoll_ready(outer, 0));
	cause_event(fd);
	CHECK(epoll_ready(outer, LIMIT));
	CHECK(epoll_ready(outer, 0));
	CHECK(by_poll(inner, 0));
	CHECK(epoll_ready(inner, 0));
	CHECK_EQ(epoll_ready(outer, 0), !inner_events);
	drain(fd);
	CHECK(!epoll_ready(outer, 0));
	cause_event(fd);
	CHECK(epoll_ready(outer, LIMIT));
	drain(fd);
	CHECK(!epoll_ready(outer, 0));
	close(outer);
	close(inner);
	finish(fd);
}

static void test_nested(void)
{
	check_nested(0);
	check_nested(EPOLLET);
}

/* --------------------------------------------------------- cases: writing */

static bool writable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int n = OK(poll(&p, 1, 0));

	CHECK_EQ(p.revents, n ? POLLOUT : 0);
	return n;
}

static void test_writable(void)
{
	int fd = OK(kind->open());

	CHECK(writable(fd));
	/* the channel is also writable while an event is queued */
	cause_event(fd);
	CHECK(writable(fd));
	read_one(fd);
	finish(fd);
}

/*
 * Check that only a descriptor opened for writing is writable. Only /dev/ksig/test accepts writes.
 */
static void test_unwritable(void)
{
	int fd = OK(open("/dev/ksig/test", O_WRONLY | O_CLOEXEC));

	CHECK(writable(fd));
	close(fd);
	fd = OK(open("/dev/ksig/test", O_RDONLY | O_CLOEXEC));
	CHECK(!writable(fd));
	close(fd);
	fd = OK(chan_open("net", 0));
	CHECK(!writable(fd));
	close(fd);
}

/* ------------------------------------------------------------------- main */

static const struct test tests[] = {
	{ "waiting", TIMER | EVENT | KSIG, test_wait },
	{ "epoll, level-triggered", TIMER | EVENT | KSIG, test_level },
	{ "epoll, edge-triggered", TIMER | EVENT | KSIG, test_edge },
	{ "EPOLLONESHOT", TIMER | EVENT | KSIG, test_oneshot },
	{ "nested epoll", TIMER | EVENT | KSIG, test_nested },
	{ "POLLOUT", EVENT | KSIG, test_writable },
	{ "no POLLOUT", KSIG, test_unwritable },
};

int main(void)
{
	run_tests(tests, sizeof(tests) / sizeof(tests[0]));
	return 0;
}
