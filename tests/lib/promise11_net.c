// SPDX-License-Identifier: MIT
/*
 * Check the events of the network with all providers, in a separate network namespace. net.up and
 * net.down must report only changes of the state "running with a carrier".
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
	load_driver("veth", "");
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

static void expect_text(struct watch *w, struct expected x, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void expect_text(struct watch *w, struct expected x, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(x.fields, sizeof(x.fields), fmt, ap);
	va_end(ap);
	watch_expect(w, &x);
}

/* Check that a rename is reported, also of a link that is up, and that filters follow the name. */
static void renames(void)
{
	unsigned int lo = if_nametoindex("lo");
	struct watch renames = watch("net.rename"), down = watch("net.down:ifname=l1");
	const struct expected x = {
		.type = KSIG_NET_RENAME, .subject = lo, .len = sizeof(struct ksig_rename_data),
	};

	ip("set lo down");
	ip("set lo name l1");
	expect_text(&renames, x, "ifindex=%u ifname=l1 old_ifname=lo", lo);
	ip("set l1 up");
	ip("set l1 down");
	expect(&down, KSIG_NET_DOWN, lo, "l1");
	ip("set l1 name lo");
	expect_text(&renames, x, "ifindex=%u ifname=lo old_ifname=l1", lo);
	ip("set lo up");
	/* since Linux 6.2, a link that is up can be renamed */
	if (!try_ip("set lo name l1")) {
		expect_text(&renames, x, "ifindex=%u ifname=l1 old_ifname=lo", lo);
		ip("set l1 name lo");
		expect_text(&renames, x, "ifindex=%u ifname=lo old_ifname=l1", lo);
	}
	watch_silent(&renames);
	watch_close(&renames);
	watch_close(&down);
}

static void ip_other(const char *command)
{
	char line[160];

	snprintf(line, sizeof(line), "ip %s", command);
	CHECK_EQ(system(line), 0);
}

/* Check that an address is reported once, although the kernel repeats messages about it. */
static void addresses(void)
{
	unsigned int lo = if_nametoindex("lo");
	struct watch w = watch("net.address:address=10.*|fd00:*");
	struct expected x = {
		.type = KSIG_NET_ADDRESS, .subject = lo, .value = 24, .len = 72,
	};

	ip_other("addr add 10.1.2.3/24 dev lo");
	expect_text(&w, x, "action=add ifindex=%u ifname=lo address=10.1.2.3 prefix=24", lo);
	/* changes only the lifetime */
	ip_other("addr change 10.1.2.3/24 dev lo valid_lft 1000 preferred_lft 500");
	watch_silent(&w);
	ip_other("addr del 10.1.2.3/24 dev lo");
	expect_text(&w, x, "action=remove ifindex=%u ifname=lo address=10.1.2.3 prefix=24", lo);
	if (!access("/proc/net/if_inet6", F_OK)) {
		x.value = 64;
		ip_other("-6 addr add fd00::5/64 dev lo");
		expect_text(&w, x, "action=add ifindex=%u ifname=lo address=fd00::5 prefix=64", lo);
		ip_other("-6 addr del fd00::5/64 dev lo");
		expect_text(&w, x, "action=remove ifindex=%u ifname=lo address=fd00::5 prefix=64",
			    lo);
	}
	watch_silent(&w);
	watch_close(&w);
}

static void routes(void)
{
	unsigned int lo = if_nametoindex("lo");
	struct watch w = watch("net.route:address=10.[78].*");
	struct watch only_default = watch("net.route:address=default");
	struct expected x = {
		.type = KSIG_NET_ROUTE, .subject = lo, .value = 16, .len = 136,
	};
	struct expected none = x;

	ip_other("route add 10.7.0.0/16 dev lo");
	expect_text(&w, x, "action=add family=inet address=10.7.0.0 prefix=16 gateway=unknown ifindex=%u ifname=lo table=254",
		    lo);
	ip_other("route replace 10.7.0.0/16 dev lo mtu 1400");
	expect_text(&w, x, "action=change family=inet address=10.7.0.0 prefix=16 gateway=unknown ifindex=%u ifname=lo table=254",
		    lo);
	ip_other("route del 10.7.0.0/16 dev lo");
	expect_text(&w, x, "action=remove family=inet address=10.7.0.0 prefix=16 gateway=unknown ifindex=%u ifname=lo table=254",
		    lo);
	/* a route without an interface, in a table of its own */
	none.subject = 0;
	none.unknown[NATIVE] = KSIG_EVENT_NO_SUBJECT;
	ip_other("route add blackhole 10.8.0.0/16 table 77");
	expect_text(&w, none, "action=add family=inet address=10.8.0.0 prefix=16 gateway=unknown ifindex=unknown ifname=unknown table=77");
	watch_silent(&only_default);
	ip_other("route add 10.9.9.9 dev lo");
	x.value = 0;
	ip_other("route add default via 10.9.9.9 dev lo");
	expect_text(&only_default, x, "action=add family=inet address=default prefix=0 gateway=10.9.9.9 ifindex=%u ifname=lo table=254",
		    lo);
	watch_close(&w);
	watch_close(&only_default);
}

int main(void)
{
	unsigned int v0;

	if (getuid())
		skip("only root can create a network namespace on every system");
	OK(unshare(CLONE_NEWNET));
	own_namespace();
	renames();
	addresses();
	routes();
	make_veth();
	v0 = if_nametoindex("v0");
	up_and_down(v0);
	renamed_and_gone(v0);
	return 0;
}
