// SPDX-License-Identifier: MIT
/*
 * net.address: the addresses of the interfaces of a network namespace. The kernel repeats messages,
 * for example when it extends the lifetime of an address. An event is reported only if the address
 * is new. While the kernel still checks whether another host uses an IPv6 address, the address
 * can't be used, so it does not count.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <string.h>
#include <sys/socket.h>

#include <arpa/inet.h>

#include "rtnl.h"

/**
 * struct address_change - a change to report
 * @a: the address
 * @action: "add" or "remove"
 * @ifname: name of the interface; NULL if unknown
 */
struct address_change {
	const struct ksig_address *a;
	const char *action;
	const char *ifname;
};

static void address_fill(struct ksig_native *user, struct ksig_event *ev, const void *arg)
{
	const struct address_change *c = arg;
	char text[INET6_ADDRSTRLEN];

	ev->value = c->a->prefix;
	ksig_native_set_text(user, ev, "action", c->action);
	ksig_native_set_text(user, ev, "ifname", c->ifname);
	ksig_native_set_text(user, ev, "address",
			     inet_ntop(c->a->family, c->a->bytes, text, sizeof(text)));
}

static void address_report(struct ksig_native *n, const struct ksig_address *a,
			   const char *action)
{
	struct address_change change = { .a = a, .action = action };
	const struct ksig_rtnl *r = n->state;

	if (r->quiet)
		return;
	change.ifname = ksig_link_name(r, a->ifindex);
	ksig_rtnl_put(n, KSIG_NET_ADDRESS, a->ifindex, address_fill, &change);
}

/* Reads an address from a message. Return: false if the message has none. */
static bool address_parse(const struct nlmsghdr *nlh, struct ksig_address *a, uint32_t *flags)
{
	const struct ifaddrmsg *msg = NLMSG_DATA(nlh);
	const struct rtattr *first = IFA_RTA(msg), *attr;
	int len = NLMSG_PAYLOAD(nlh, sizeof(*msg));
	size_t size = msg->ifa_family == AF_INET ? 4 : 16;

	if (nlh->nlmsg_len < NLMSG_LENGTH(sizeof(*msg)) ||
	    (msg->ifa_family != AF_INET && msg->ifa_family != AF_INET6))
		return false;
	*a = (struct ksig_address) {
		.ifindex = msg->ifa_index, .family = msg->ifa_family,
		.prefix = msg->ifa_prefixlen,
	};
	*flags = msg->ifa_flags;
	attr = ksig_rtnl_attr(first, len, IFA_FLAGS);
	if (attr && RTA_PAYLOAD(attr) >= sizeof(*flags))
		memcpy(flags, RTA_DATA(attr), sizeof(*flags));
	/* on a point-to-point link, IFA_ADDRESS is the address of the other end */
	attr = ksig_rtnl_attr(first, len, IFA_ADDRESS);
	if (!attr || RTA_PAYLOAD(attr) < size)
		return false;
	memcpy(a->peer, RTA_DATA(attr), size);
	attr = ksig_rtnl_attr(first, len, IFA_LOCAL);
	memcpy(a->bytes, attr && RTA_PAYLOAD(attr) >= size ? RTA_DATA(attr) : a->peer, size);
	return true;
}

int ksig_address_handle(struct ksig_native *n, const struct nlmsghdr *nlh)
{
	bool exists = nlh->nlmsg_type == RTM_NEWADDR;
	struct ksig_rtnl *r = n->state;
	struct ksig_address new, *a;
	uint32_t flags;
	size_t i;

	if (!address_parse(nlh, &new, &flags))
		return 0;
	if (flags & IFA_F_DADFAILED || (flags & IFA_F_TENTATIVE && !(flags & IFA_F_OPTIMISTIC)))
		exists = false;
	for (i = 0; i < r->n_addresses; i++) {
		a = &r->addresses[i];
		if (a->ifindex == new.ifindex && a->family == new.family &&
		    a->prefix == new.prefix &&
		    !memcmp(a->bytes, new.bytes, sizeof(new.bytes)) &&
		    !memcmp(a->peer, new.peer, sizeof(new.peer)))
			break;
	}
	if (i < r->n_addresses) {
		r->addresses[i].seen = true;
		if (exists)
			return 0;
		r->addresses[i] = r->addresses[--r->n_addresses];
		address_report(n, &new, "remove");
		return 0;
	}
	if (!exists)
		return 0;
	a = ksig_native_grow(r->addresses, r->n_addresses, &r->addresses_room, sizeof(*a));
	if (!a)
		return -ENOMEM;
	r->addresses = a;
	new.seen = true;
	a[r->n_addresses++] = new;
	address_report(n, &new, "add");
	return 0;
}

void ksig_address_sweep(struct ksig_native *n)
{
	struct ksig_rtnl *r = n->state;
	struct ksig_address gone;
	size_t i = 0;

	while (i < r->n_addresses) {
		if (r->addresses[i].seen) {
			i++;
			continue;
		}
		gone = r->addresses[i];
		r->addresses[i] = r->addresses[--r->n_addresses];
		address_report(n, &gone, "remove");
	}
}

int ksig_address_initial(struct ksig_native *user)
{
	const struct ksig_rtnl *r = user->state;
	struct address_change change = { .action = "add" };
	struct ksig_event *ev;
	size_t i;

	if (ksig_native_reserve(user, r->n_addresses))
		return -ENOMEM;
	for (i = 0; i < r->n_addresses; i++) {
		change.a = &r->addresses[i];
		change.ifname = ksig_link_name(r, change.a->ifindex);
		ev = ksig_native_put_initial(user, r->time_ns);
		ev->subject = change.a->ifindex;
		address_fill(user, ev, &change);
	}
	return 0;
}
