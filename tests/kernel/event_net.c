// SPDX-License-Identifier: MIT
/*
 * Check that only actual changes of a link's state cause events, and that a subscription reports
 * the links in the opener's network namespace.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ktest.h"

static void expect_link(int fd, uint32_t type, const char *name)
{
	union record r = expect_record(fd, type);

	if (strcmp(r.net.ifname, name))
		fail(__FILE__, __LINE__, "it is about %s, not %s",
		     r.net.ifname, name);
	CHECK_EQ(r.ev.subject, if_nametoindex(name));
	CHECK_EQ(r.ev.value, 0);
}

/* Checks that no event is queued. The next events read must be those that this function causes. */
static void expect_silence(int fd)
{
	ip("add w0 type dummy");
	ip("set w0 up");
	expect_link(fd, KSIG_NET_UP, "w0");
	ip("del w0");
	expect_record(fd, KSIG_NET_DOWN);
	check_identity(fd);
}

static void test_dummy(int fd)
{
	ip("add d0 type dummy");
	expect_silence(fd);
	ip("set d0 up");
	expect_link(fd, KSIG_NET_UP, "d0");
	/* other changes to the link cause no events */
	ip("set d0 mtu 1400");
	ip("set d0 promisc on");
	ip("set d0 down");
	expect_link(fd, KSIG_NET_DOWN, "d0");
	ip("set d0 up");
	expect_link(fd, KSIG_NET_UP, "d0");
	expect_silence(fd);
	ip("del d0");
	expect_record(fd, KSIG_NET_DOWN);
	expect_silence(fd);
}

/* Check that opening or closing a subscription doesn't report links that are already up. */
static void test_no_replays(int fd)
{
	int other = OK(chan_open("net", O_NONBLOCK));

	expect_silence(other);
	close(other);
	/* events caused by expect_silence() above */
	expect_record(fd, KSIG_NET_UP);
	expect_record(fd, KSIG_NET_DOWN);
	expect_silence(fd);
	close(fd);
	fd = OK(chan_open("net", O_NONBLOCK));
	expect_silence(fd);
	ip("del d0");
	expect_record(fd, KSIG_NET_DOWN);
	expect_silence(fd);
	close(fd);
}

/*
 * Check that a veth link is reported when its carrier changes. The link has a carrier only while
 * its peer is up.
 */
static void test_carrier(int fd)
{
	ip("add v0 type veth");
	ip("set v0 up");
	expect_silence(fd);
	ip("set veth0 up");
	expect_record(fd, KSIG_NET_UP);
	expect_record(fd, KSIG_NET_UP);
	ip("set veth0 down");
	expect_record(fd, KSIG_NET_DOWN);
	expect_link(fd, KSIG_NET_DOWN, "v0");
	ip("set veth0 up");
	expect_record(fd, KSIG_NET_UP);
	expect_record(fd, KSIG_NET_UP);
	/* deleting v0 also deletes its peer */
	ip("del v0");
	expect_record(fd, KSIG_NET_DOWN);
	expect_record(fd, KSIG_NET_DOWN);
	expect_silence(fd);
}

static void elsewhere(struct child *self, void *arg)
{
	int fd;

	(void)arg;
	OK(unshare(CLONE_NEWNET));
	fd = OK(chan_open("net", O_NONBLOCK));
	child_say(self);
	child_wait_go(self);	/* continue after links have changed in the other namespace */
	expect_silence(fd);
	ip("set lo up");
	expect_link(fd, KSIG_NET_UP, "lo");
	ip("add d1 type dummy");
	ip("set d1 up");
	expect_link(fd, KSIG_NET_UP, "d1");
	expect_silence(fd);
}

static void test_namespaces(int fd)
{
	struct child c = child_start(elsewhere, NULL);

	child_hear(&c);
	ip("add d0 type dummy");
	ip("set d0 up");
	expect_link(fd, KSIG_NET_UP, "d0");
	child_go(&c);
	child_join(&c);
	expect_silence(fd);
	ip("del d0");
	expect_record(fd, KSIG_NET_DOWN);
}

static void load(const char *module)
{
	char command[64];

	snprintf(command, sizeof(command), "/ksig/%s.ko", module);
	if (access(command, F_OK))
		return;	/* built in; if the module is missing, ip(8) fails */
	snprintf(command, sizeof(command), "insmod /ksig/%s.ko 2>/dev/null",
		 module);
	/* ignore errors: the module may already be loaded, and if it is missing, ip(8) fails */
	if (system(command))
		return;
}

int main(void)
{
	int fd;

	load("dummy");
	load("veth");
	fd = OK(chan_open("net", O_NONBLOCK));
	test_dummy(fd);
	test_carrier(fd);
	test_namespaces(fd);
	ip("add d0 type dummy");
	ip("set d0 up");
	expect_link(fd, KSIG_NET_UP, "d0");
	test_no_replays(fd);
	return 0;
}
