// SPDX-License-Identifier: MIT
/*
 * Receives the messages of rtnetlink. At the start of the subscription and after messages were
 * lost, dumps on a separate socket read the state of all interfaces and addresses. Notifications
 * that are queued during a dump lead to the same final state.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "rtnl.h"

/* Maximum number of attempts if interfaces or addresses are added or removed during a dump */
#define TRIES 20
/* How long to go on if that is not enough when a subscription is opened */
#define OPEN_NS 1000000000
#define DISCARDED_MOST 100000

/* ------------------------------------------------------------------- helpers */

const struct rtattr *ksig_rtnl_attr(const struct rtattr *a, int len, unsigned short type)
{
	for (; RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == type)
			return a;
	}
	return NULL;
}

const char *ksig_rtnl_address(int family, const struct rtattr *a, char *buf)
{
	size_t size = family == AF_INET ? 4 : 16;

	if (!a || RTA_PAYLOAD(a) < size)
		return NULL;
	return inet_ntop(family, RTA_DATA(a), buf, INET6_ADDRSTRLEN);
}

void ksig_rtnl_put(struct ksig_native *n, uint32_t type, unsigned int ifindex,
		   void (*fill)(struct ksig_native *user, struct ksig_event *ev,
				const void *arg), const void *arg)
{
	const struct ksig_rtnl *r = n->state;
	struct ksig_event *ev;
	unsigned int i;

	for (i = 0; !r->quiet && i < n->users->n; i++) {
		struct ksig_native *user = n->users->user[i];

		if (user->desc->type != type)
			continue;
		/*
		 * what a dump shows is not shown again, so it must fit; if it doesn't, it is
		 * counted
		 */
		if (r->dumping)
			ksig_native_reserve(user, 1);
		ev = ksig_native_put(user, r->time_ns);
		if (!ev)
			continue;
		ev->subject = ifindex;
		if (fill)
			fill(user, ev, arg);
	}
}

static int rtnl_handle(struct ksig_native *n, const struct nlmsghdr *nlh)
{
	const struct ksig_rtnl *r = n->state;

	switch (nlh->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return ksig_link_handle(n, nlh);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return r->has_addresses ? ksig_address_handle(n, nlh) : 0;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		ksig_route_handle(n, nlh);
	}
	return 0;
}

/* --------------------------------------------------------------------- dumps */

/*
 * Handles a part of a dump.
 * Return: 1 if it was the last part; 0 if there are more; -EINTR if the dump must be repeated;
 * another -errno.
 */
static int rtnl_handle_part(struct ksig_native *n, const void *buf, ssize_t len,
			    bool *changed)
{
	const struct nlmsghdr *nlh;
	int err;

	for (nlh = buf; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
		if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			*changed = true;
		/* NLMSG_DONE contains the result of the dump */
		if (nlh->nlmsg_type == NLMSG_DONE &&
		    nlh->nlmsg_len >= NLMSG_LENGTH(sizeof(int)) &&
		    *(const int *)NLMSG_DATA(nlh) < 0)
			return *(const int *)NLMSG_DATA(nlh);
		if (nlh->nlmsg_type == NLMSG_DONE)
			return *changed ? -EINTR : 1;
		if (nlh->nlmsg_type == NLMSG_ERROR)
			return nlh->nlmsg_len < NLMSG_LENGTH(sizeof(int)) ?
			       -EIO : *(const int *)NLMSG_DATA(nlh);
		err = rtnl_handle(n, nlh);
		if (err)
			return err;
	}
	return 0;
}

/* Discards all messages. Return: how many there were, or -errno. */
static int rtnl_discard(struct ksig_rtnl *r, struct ksig_netlink *nl)
{
	uint64_t lost;
	ssize_t len;
	int n = 0;

	while ((len = ksig_netlink_read(nl, r->buf, sizeof(r->buf), &lost)) > 0 ||
	       len == -ENOBUFS) {
		/* they may arrive faster than they are read */
		if (++n == DISCARDED_MOST)
			return n;
	}
	return len ? (int)len : n;
}

/* Does not block, because the kernel creates each part when the previous one is read. */
static int rtnl_dump_once(struct ksig_native *n, unsigned short type)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct {
		struct nlmsghdr nlh;
		/* the other requests have the address family at the same place, and need no more */
		struct ifinfomsg info;
	} request = {
		.nlh.nlmsg_len = sizeof(request),
		.nlh.nlmsg_type = type,
		.nlh.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
	};
	struct ksig_rtnl *r = n->state;
	bool changed = false;
	uint64_t lost;
	ssize_t len;
	int err;

	/* the rest of a dump that failed */
	err = rtnl_discard(r, &r->dumps);
	if (err < 0)
		return err;
	err = 0;
	if (sendto(r->dumps.fd, &request, sizeof(request), 0,
		   (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	while (!err) {
		len = ksig_netlink_read(&r->dumps, r->buf, sizeof(r->buf), &lost);
		if (len <= 0)
			return len ? len : -EIO;
		err = rtnl_handle_part(n, r->buf, len, &changed);
	}
	return err < 0 ? err : 0;
}

static int rtnl_dump_type(struct ksig_native *n, unsigned short type)
{
	int err = -EINTR, tries;

	for (tries = 0; err == -EINTR && tries < TRIES; tries++)
		err = rtnl_dump_once(n, type);
	/* the kernel had no memory for the dump, so it can be repeated */
	return err == -ENOBUFS || err == -EIO ? -ENOMEM : err;
}

/*
 * Updates all interfaces and addresses. What is missing from the dump was removed. All changes fit
 * in the queues, because the next dump would not show a change that was dropped.
 */
static int rtnl_dump(struct ksig_native *n)
{
	struct ksig_rtnl *r = n->state;
	size_t i;
	int err;

	r->time_ns = ksig_now();
	for (i = 0; i < r->n_links; i++)
		r->links[i].seen = false;
	for (i = 0; i < r->n_addresses; i++)
		r->addresses[i].seen = false;
	r->dumping = true;
	err = rtnl_dump_type(n, RTM_GETLINK);
	if (!err && r->has_addresses)
		err = rtnl_dump_type(n, RTM_GETADDR);
	if (!err) {
		/* addresses first: their events contain the interface's name */
		ksig_address_sweep(n);
		ksig_link_sweep(n);
	}
	r->dumping = false;
	return err;
}

/* As rtnl_dump(), for a subscription that is being opened, and can't try again later. */
static int rtnl_dump_first(struct ksig_native *n)
{
	const int64_t begin = ksig_now();
	int err;

	do {
		err = rtnl_dump(n);
	} while (err == -EINTR && (int64_t)ksig_now() - begin < OPEN_NS);
	return err;
}

/* ---------------------------------------------------------------- the source */

static int rtnl_pull(struct ksig_native *n)
{
	struct ksig_rtnl *r = n->state;
	const struct nlmsghdr *nlh;
	uint64_t lost;
	uint32_t i;
	ssize_t len;
	int err = r->stale ? rtnl_dump(n) : 0;

	r->stale = err;
	/* limit the number of messages, because they may arrive faster than they are read */
	for (i = 0; i < n->len && ksig_native_room(n) && !err; i++) {
		len = ksig_netlink_read(&r->nl, r->buf, sizeof(r->buf), &lost);
		if (len == -ENOBUFS) {
			/*
			 * each lost message may have been a change; the dump shows the resulting
			 * state
			 */
			ksig_native_lose_upto(n, lost);
			err = rtnl_dump(n);
			r->stale = err;
			continue;
		}
		if (len <= 0)
			return len;
		r->time_ns = r->nl.time_ns;
		for (nlh = (void *)r->buf; !err && NLMSG_OK(nlh, len);
		     nlh = NLMSG_NEXT(nlh, len))
			err = rtnl_handle(n, nlh);
		/* the message could not be stored, so the state has to be read again */
		r->stale |= err != 0;
	}
	return err ? err : ksig_native_pulled(n, i);
}

/*
 * Queues the initial state for all streams, from a new dump. Messages about earlier changes are
 * discarded. A message that arrives during the dump may be older than what the dump shows, so the
 * dump is repeated. If the messages don't end, the last ones are compared with the last dump.
 */
static int rtnl_initial(struct ksig_native *n)
{
	struct ksig_rtnl *r = n->state;
	struct pollfd pending = { .fd = r->nl.fd, .events = POLLIN };
	int err = 0, tries;
	unsigned int i;

	r->quiet = true;
	for (tries = 0; !err && tries < TRIES; tries++) {
		err = rtnl_discard(r, &r->nl);
		err = err < 0 ? err : rtnl_dump_first(n);
		if (!poll(&pending, 1, 0))
			break;
	}
	r->quiet = false;
	for (i = 0; !err && i < n->users->n; i++) {
		struct ksig_native *user = n->users->user[i];

		if (user->desc->type == KSIG_NET_UP || user->desc->type == KSIG_NET_DOWN)
			err = ksig_link_initial(user);
		else if (user->desc->type == KSIG_NET_ADDRESS)
			err = ksig_address_initial(user);
	}
	return err;
}

static void rtnl_close(struct ksig_native *n)
{
	struct ksig_rtnl *r = n->state;

	ksig_netlink_close(&r->nl);
	ksig_netlink_close(&r->dumps);
	free(r->links);
	free(r->addresses);
	free(r);
}

static int rtnl_open(struct ksig_native *n, struct ksig_stream *stream,
		     struct ksig_error *e)
{
	struct ksig_rtnl *r = calloc(1, sizeof(*r));
	int err;

	(void)stream;
	if (!r)
		return ksig_native_fail(e, -ENOMEM, "cannot set up rtnetlink");
	n->state = r;
	r->dumps.fd = -1;
	err = ksig_netlink_open(&r->nl, NETLINK_ROUTE, RTNLGRP_LINK, n->len);
	if (!err)
		err = ksig_netlink_open(&r->dumps, NETLINK_ROUTE, 0, n->len);
	if (!err)
		err = ksig_native_watch(n, r->nl.fd, EPOLLIN);
	if (!err)
		return 0;
	rtnl_close(n);
	return ksig_native_fail(e, err, "cannot watch network interfaces (rtnetlink)");
}

/*
 * Joins the multicast groups that the event needs, and reads the state that changes are compared
 * with.
 */
static int rtnl_join(struct ksig_native *n, struct ksig_error *e)
{
	struct ksig_rtnl *r = n->state;
	int err = 0;

	if (n->desc->type == KSIG_NET_ADDRESS) {
		err = ksig_netlink_join(&r->nl, RTNLGRP_IPV4_IFADDR);
		if (!err)
			err = ksig_netlink_join(&r->nl, RTNLGRP_IPV6_IFADDR);
		r->has_addresses = true;
	} else if (n->desc->type == KSIG_NET_ROUTE) {
		err = ksig_netlink_join(&r->nl, RTNLGRP_IPV4_ROUTE);
		if (!err)
			err = ksig_netlink_join(&r->nl, RTNLGRP_IPV6_ROUTE);
	}
	/* a dump reports the changes since the last one to the streams that have joined already */
	if (!err && (!n->users->n || n->desc->type == KSIG_NET_ADDRESS))
		err = rtnl_dump_first(n);
	return err ? ksig_native_fail(e, err, "cannot list network interfaces (rtnetlink)") : 0;
}

const struct ksig_native_source ksig_native_rtnl = {
	.shared = true,
	.open = rtnl_open,
	.join = rtnl_join,
	.initial = rtnl_initial,
	.close = rtnl_close,
	.pull = rtnl_pull,
};
