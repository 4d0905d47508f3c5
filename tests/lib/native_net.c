// SPDX-License-Identifier: MIT
/*
 * Test net.up and net.down through rtnetlink, beyond the cases in promise11_net.c. After messages
 * are lost, the library must recover the state of each interface. The test runs as root and as
 * another user.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define PROVIDER "native"
#include "subtest.h"

static void map(const char *path, unsigned int id)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "0 %u 1", id);
	int fd = OK(open(path, O_WRONLY | O_CLOEXEC));

	CHECK_EQ(write(fd, text, n), n);
	close(fd);
}

/*
 * Enters a new network namespace. An unprivileged user also enters a user namespace, in which it is
 * root.
 */
static void enter(bool nobody)
{
	int fd;

	if (!nobody && !getuid()) {
		OK(unshare(CLONE_NEWNET));
		return;
	}
	if (!getuid())
		OK(setresuid(65534, 65534, 65534));
	/* make the process own its files in /proc again */
	OK(prctl(PR_SET_DUMPABLE, 1));
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		skip("no user namespaces here: %m");
	fd = open("/proc/self/setgroups", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		CHECK_EQ(write(fd, "deny", 4), 4);
		close(fd);
	}
	map("/proc/self/uid_map", 65534);
}

/*
 * Checks that no event is queued. The next events read must be those that this function causes. The
 * interface lo is down before and after.
 */
static void expect_silence(struct ksig_sub *up, struct ksig_sub *down)
{
	ip("set lo up");
	CHECK_EQ(sub_take(up)->subject, if_nametoindex("lo"));
	ip("set lo down");
	CHECK_EQ(sub_take(down)->subject, if_nametoindex("lo"));
}

/*
 * Check that removing a link from a bridge causes no event, although the message about it resembles
 * the message about a deleted interface.
 */
static void bridge(void)
{
	struct ksig_sub *up, *down;

	/* "br" would be an abbreviation of "broadcast" */
	if (try_ip("add kbr type bridge")) {
		printf(": cannot create a bridge\n");
		return;
	}
	ip("add vp type veth peer name vq");
	ip("set vp up");
	ip("set vq up");
	up = sub_open("net.up", NULL);
	down = sub_open("net.down", NULL);
	ip("set vp master kbr");
	ip("set vp nomaster");
	expect_silence(up, down);
	ip("del vp");
	ip("del kbr");
	ksig_sub_close(up);
	ksig_sub_close(down);
}

/* Causes more messages than the socket's buffer can hold. */
static void flood(const char *name)
{
	struct ifreq req = { };
	int fd = OK(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), i;

	strcpy(req.ifr_name, name);
	for (i = 0; i < 3000; i++) {
		req.ifr_mtu = 1000 + i % 400;
		OK(ioctl(fd, SIOCSIFMTU, &req));
	}
	close(fd);
}

static bool may_have_lost(const struct ksig_event *ev)
{
	CHECK_EQ(ev->lost_before, 0);
	return ev->flags & KSIG_EVENT_LOST_UPTO;
}

static void lost_messages(void)
{
	struct ksig_sub *up, *down;
	const struct ksig_event *ev;
	struct ksig_sub_stats st;

	ip("add vc type veth peer name vd");
	ip("add vx type veth peer name vy");
	ip("set vx up");
	ip("set vy up");
	up = sub_open("net.up", SUB_OPTS(.queue_len = 16));
	down = sub_open("net.down", SUB_OPTS(.queue_len = 16));
	flood("vc");
	/* the messages about these changes are lost */
	ip("set vc up");
	ip("set vd up");
	ip("del vx");
	ev = sub_take(up);
	CHECK(may_have_lost(ev));
	CHECK_EQ(ev->seq, 1);
	/*
	 * no event was lost, because the flood was about the MTU and the other changes were
	 * recovered; but the library can't know what it missed
	 */
	CHECK(sub_lost_upto(up) > 0);
	printf(": net.up: up to %llu events lost, and resumed\n",
	       (unsigned long long)sub_lost_upto(up));
	ev = sub_take(up);
	CHECK(!may_have_lost(ev));
	ev = sub_take(down);
	CHECK(may_have_lost(ev));
	ev = sub_take(down);
	expect_silence(up, down);
	st = sub_stats(up);
	CHECK_EQ(st.delivered, 3);
	CHECK_EQ(st.offered, 3);
	CHECK_EQ(st.lost, 0);
	/* later events are reported normally */
	ip("set vc down");
	sub_take(down);
	sub_take(down);
	ip("del vc");
	ksig_sub_close(up);
	ksig_sub_close(down);
}

/*
 * Check that no change is lost if a dump of the interfaces contains more changes than fit in the
 * queue, because the dump is the only source from which they are known.
 */
static void many_changes(void)
{
	struct ksig_sub *up;
	struct ksig_sub_stats st;
	const struct ksig_event *ev;
	int i;

	for (i = 0; i < 10; i++)
		ip("add n%d type veth peer name m%d", i, i);
	up = sub_open("net.up", SUB_OPTS(.queue_len = 16));
	flood("n0");
	for (i = 0; i < 10; i++) {
		ip("set n%d up", i);
		ip("set m%d up", i);
	}
	for (i = 0; i < 20; i++) {
		ev = sub_take(up);
		CHECK_EQ(may_have_lost(ev), i == 0);
	}
	CHECK(sub_empty(up));
	st = sub_stats(up);
	CHECK_EQ(st.delivered, 20);
	CHECK_EQ(st.lost, 0);
	ksig_sub_close(up);
}

/* The same for objects that are new, so that their number isn't known before the dump. */
static void many_new(void)
{
	struct ksig_sub *sub = sub_open("net.address:address=127.7.*", SUB_OPTS(.queue_len = 16));
	char line[64];
	int i;

	flood("n0");
	for (i = 1; i <= 40; i++) {
		snprintf(line, sizeof(line), "ip addr add 127.7.0.%d/24 dev lo", i);
		CHECK_EQ(system(line), 0);
	}
	for (i = 0; i < 40; i++)
		sub_take(sub);
	CHECK(sub_lost_upto(sub) > 0);
	CHECK(sub_empty(sub));
	CHECK_EQ(sub_stats(sub).lost, 0);
	ksig_sub_close(sub);
}

static void body(struct child *self, void *nobody)
{
	(void)self;
	enter(nobody);
	bridge();
	lost_messages();
	many_changes();
	many_new();
}

int main(void)
{
	int step = 0, status;
	pid_t pid;

	if (system("ip -V >/dev/null 2>&1"))
		skip("iproute2 is not installed");
	for (; step < 2; step++) {
		fflush(stdout);
		pid = OK(fork());
		if (!pid) {
			body(NULL, step ? "" : NULL);
			exit(0);
		}
		OK(waitpid(pid, &status, 0));
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	}
	return 0;
}
