// SPDX-License-Identifier: MIT
/*
 * net.route: changes of the routing tables of a network namespace. The tables may contain very many
 * routes, so they are not kept: each message is an event.
 */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "rtnl.h"

struct route_change {
	const struct nlmsghdr *nlh;
	const struct rtmsg *msg;
	const char *ifname;
};

static const struct rtattr *route_attr(const struct route_change *c, unsigned short type)
{
	return ksig_rtnl_attr(RTM_RTA(c->msg), NLMSG_PAYLOAD(c->nlh, sizeof(*c->msg)), type);
}

static uint32_t route_number(const struct route_change *c, unsigned short type,
			     uint32_t otherwise)
{
	const struct rtattr *a = route_attr(c, type);
	uint32_t n = otherwise;

	if (a && RTA_PAYLOAD(a) >= sizeof(n))
		memcpy(&n, RTA_DATA(a), sizeof(n));
	return n;
}

static void route_fill(struct ksig_native *user, struct ksig_event *ev, const void *arg)
{
	const struct route_change *c = arg;
	const struct rtattr *gateway = route_attr(c, RTA_GATEWAY);
	char text[INET6_ADDRSTRLEN];
	int family = c->msg->rtm_family;

	ev->value = c->msg->rtm_dst_len;
	if (!ev->subject)
		ev->flags |= KSIG_EVENT_NO_SUBJECT;
	ksig_native_set_text(user, ev, "action", c->nlh->nlmsg_type == RTM_DELROUTE ? "remove" :
			     c->nlh->nlmsg_flags & NLM_F_REPLACE ? "change" : "add");
	ksig_native_set_text(user, ev, "ifname", c->ifname);
	ksig_native_set_text(user, ev, "family", family == AF_INET ? "inet" : "inet6");
	ksig_native_set_text(user, ev, "address", c->msg->rtm_dst_len ?
			     ksig_rtnl_address(family, route_attr(c, RTA_DST), text) : "default");
	ksig_native_set_text(user, ev, "gateway", ksig_rtnl_address(family, gateway, text));
	ksig_native_set_number(user, ev, "table",
			       route_number(c, RTA_TABLE, c->msg->rtm_table));
}

void ksig_route_handle(struct ksig_native *n, const struct nlmsghdr *nlh)
{
	struct route_change change = { .nlh = nlh, .msg = NLMSG_DATA(nlh) };
	const struct rtmsg *msg = change.msg;
	uint32_t ifindex;

	if (nlh->nlmsg_len < NLMSG_LENGTH(sizeof(*msg)) ||
	    (msg->rtm_family != AF_INET && msg->rtm_family != AF_INET6) ||
	    msg->rtm_flags & RTM_F_CLONED)
		return;
	switch (msg->rtm_type) {
	/* the kernel itself adds these routes, for its addresses */
	case RTN_LOCAL:
	case RTN_BROADCAST:
	case RTN_ANYCAST:
	case RTN_MULTICAST:
		return;
	}
	ifindex = route_number(&change, RTA_OIF, 0);
	change.ifname = ksig_link_name(n->state, ifindex);
	ksig_rtnl_put(n, KSIG_NET_ROUTE, ifindex, route_fill, &change);
}
