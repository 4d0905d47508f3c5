// SPDX-License-Identifier: MIT
/*
 * Check net.up and net.down with all providers, in a separate network namespace. Only a change of
 * the state "running with a carrier" must be reported.
 */
#define _GNU_SOURCE
#include <net/if.h>

#include "events.h"

static void expect(struct watch *w, uint32_t type, unsigned int ifindex,
		   const char *name)
{
	struct expected x = {
		.type = type, .subject = ifindex,
		.len = sizeof(struct ksig_net_data),
	};

	snprintf(x.fields, sizeof(x.fields), "ifindex=%u ifname=%s", ifindex,
		 name);
	watch_expect(w, &x);
}

static void make_veth(void)
{
	load_veth();
	ip("add v0 type veth");
}

/*
 * Check which changes of a veth link cause events, and that changes of its peer are filtered out.
 */
static void up_and_down(unsigned int v0)
{
	struct watch up = watch("net.up:ifname=v0");
	struct watch down = watch("net.down:ifname=v0");

	/* v0 is up, but has no carrier until its peer is up */
	ip("set v0 up");
	watch_silent(&up);
	ip("set veth0 up");
	expect(&up, KSIG_NET_UP, v0, "v0");
	ip("set v0 mtu 1400");
	ip("set v0 promisc on");
	watch_silent(&up);
	watch_silent(&down);
	/* the carrier is lost */
	ip("set veth0 down");
	expect(&down, KSIG_NET_DOWN, v0, "v0");
	ip("set veth0 up");
	expect(&up, KSIG_NET_UP, v0, "v0");
	/* the link is set down and up directly */
	ip("set v0 down");
	expect(&down, KSIG_NET_DOWN, v0, "v0");
	ip("set v0 up");
	expect(&up, KSIG_NET_UP, v0, "v0");
	watch_close(&up);
	watch_close(&down);
}

/*
 * Check that a later subscription doesn't report links that are already up, and that events contain
 * a link's current name.
 */
static void renamed_and_gone(unsigned int v0)
{
	struct watch up = watch("net.up:ifindex=%u", v0);
	struct watch down = watch("net.down:ifindex=%u", v0);

	watch_silent(&up);
	ip("set v0 down");
	expect(&down, KSIG_NET_DOWN, v0, "v0");
	ip("set v0 name w0");
	ip("set w0 up");
	expect(&up, KSIG_NET_UP, v0, "w0");
	ip("del w0");
	expect(&down, KSIG_NET_DOWN, v0, "w0");
	watch_close(&up);
	watch_close(&down);
}

/* Check that all links of this namespace are reported, and no links of another namespace. */
static void own_namespace(void)
{
	struct watch up = watch("net.up");

	ip("set lo up");
	expect(&up, KSIG_NET_UP, 1, "lo");
	if (!OK(fork())) {
		OK(unshare(CLONE_NEWNET));
		ip("set lo up");
		_exit(0);
	}
	OK(wait(NULL));
	watch_close(&up);
}

int main(void)
{
	unsigned int v0;

	if (getuid())
		skip("only root can create a network namespace on every system");
	OK(unshare(CLONE_NEWNET));
	own_namespace();
	make_veth();
	v0 = if_nametoindex("v0");
	up_and_down(v0);
	renamed_and_gone(v0);
	return 0;
}
