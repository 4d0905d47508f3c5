// SPDX-License-Identifier: MIT
/*
 * net.up and net.down: rtnetlink's notifications.
 *
 * They say how an interface is, again and again; the events are the changes of
 * "running, and has a carrier" (IFF_LOWER_UP). How it was when the subscription
 * began, or after messages were lost, a dump tells. That is by a socket of its
 * own: what it says and the notifications that wait then both end in the state
 * that the interface has.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "native.h"

#define MESSAGE_MOST 32768
/* A dump during which interfaces come or go is begun again, so many times. */
#define TRIES 20

/**
 * struct link - an interface
 * @ifindex: its number
 * @up: running, with carrier
 * @seen: in the current dump
 * @name: the last that we heard of
 */
struct link {
	unsigned int ifindex;
	bool up;
	bool seen;
	char name[IFNAMSIZ];
};

/**
 * struct link_state - the socket, and all interfaces of its namespace
 * @nl: hears of changes
 * @dumps: asks how all are. From the beginning, for a thread's network namespace
 *	may be another one by the time that it is needed
 * @tell: changes are events; not so while the first dump is read
 * @stale: a dump has failed: it is to be read again first
 * @time_ns: of what is read
 * @links: @n_links of them
 * @room: so many would fit
 */
struct link_state {
	struct ksig_netlink nl;
	struct ksig_netlink dumps;
	bool tell;
	bool stale;
	uint64_t time_ns;
	struct link *links;
	size_t n_links;
	size_t room;
	_Alignas(struct nlmsghdr) char buf[MESSAGE_MOST];
};

static struct link *find_link(struct link_state *s, unsigned int ifindex)
{
	size_t i;

	for (i = 0; i < s->n_links; i++) {
		if (s->links[i].ifindex == ifindex)
			return &s->links[i];
	}
	return NULL;
}

static struct link *add_link(struct link_state *s, unsigned int ifindex)
{
	struct link *l = ksig_native_grow(s->links, s->n_links, &s->room,
					  sizeof(*l));

	if (!l)
		return NULL;
	s->links = l;
	l = &s->links[s->n_links++];
	*l = (struct link) { .ifindex = ifindex };
	return l;
}

static void remove_link(struct link_state *s, struct link *l)
{
	*l = s->links[--s->n_links];
}

static void tell(struct ksig_native *n, const struct link *l)
{
	const struct link_state *s = n->state;
	struct ksig_event *ev = ksig_native_put(n, s->time_ns);
	struct ksig_net_data *data;

	if (!ev)
		return;
	data = (void *)ev->data;
	ev->subject = l->ifindex;
	ev->len = sizeof(*data);
	memcpy(data->ifname, l->name, sizeof(data->ifname));
}

static void set_up(struct ksig_native *n, struct link *l, bool up)
{
	struct link_state *s = n->state;
	uint32_t type = up ? KSIG_NET_UP : KSIG_NET_DOWN;

	if (l->up == up)
		return;
	l->up = up;
	if (s->tell && n->desc->type == type)
		tell(n, l);
}

/* A name is at most IFNAMSIZ bytes with its NUL. */
static void take_name(struct link *l, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *info = NLMSG_DATA(nlh);
	int len = NLMSG_PAYLOAD(nlh, sizeof(*info));
	const struct rtattr *a;
	size_t size;

	for (a = IFLA_RTA(info); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type != IFLA_IFNAME)
			continue;
		size = RTA_PAYLOAD(a);
		if (size > sizeof(l->name) - 1)
			size = sizeof(l->name) - 1;
		memset(l->name, 0, sizeof(l->name));
		memcpy(l->name, RTA_DATA(a), strnlen(RTA_DATA(a), size));
		return;
	}
}

/*
 * Of AF_UNSPEC: with AF_BRIDGE a RTM_DELLINK says that the interface has left a
 * bridge, and not that it is gone.
 */
static int take_link(struct ksig_native *n, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *info = NLMSG_DATA(nlh);
	struct link_state *s = n->state;
	struct link *l;

	if (nlh->nlmsg_len < NLMSG_LENGTH(sizeof(*info)) ||
	    info->ifi_family != AF_UNSPEC)
		return 0;
	l = find_link(s, info->ifi_index);
	if (!l && nlh->nlmsg_type == RTM_NEWLINK)
		l = add_link(s, info->ifi_index);
	if (!l)
		return nlh->nlmsg_type == RTM_NEWLINK ? -ENOMEM : 0;
	take_name(l, nlh);
	l->seen = true;
	if (nlh->nlmsg_type == RTM_NEWLINK) {
		set_up(n, l, info->ifi_flags & IFF_LOWER_UP);
		return 0;
	}
	set_up(n, l, false);
	remove_link(s, l);
	return 0;
}

/* --------------------------------------------------------------------- dumps */

static int ask(const struct ksig_netlink *nl)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct {
		struct nlmsghdr nlh;
		struct ifinfomsg info;
	} request = {
		.nlh.nlmsg_len = sizeof(request),
		.nlh.nlmsg_type = RTM_GETLINK,
		.nlh.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
	};

	return sendto(nl->fd, &request, sizeof(request), 0,
		      (struct sockaddr *)&kernel, sizeof(kernel)) < 0 ?
	       -errno : 0;
}

/* 1: that was all; 0: there is more; or -errno, and -EINTR: begin again */
static int take_part(struct ksig_native *n, const void *buf, ssize_t len,
		     bool *torn)
{
	const struct nlmsghdr *nlh;
	int err;

	for (nlh = buf; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
		if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			*torn = true;
		/* it carries how the dump went */
		if (nlh->nlmsg_type == NLMSG_DONE &&
		    nlh->nlmsg_len >= NLMSG_LENGTH(sizeof(int)) &&
		    *(const int *)NLMSG_DATA(nlh) < 0)
			return *(const int *)NLMSG_DATA(nlh);
		if (nlh->nlmsg_type == NLMSG_DONE)
			return *torn ? -EINTR : 1;
		if (nlh->nlmsg_type == NLMSG_ERROR)
			return nlh->nlmsg_len < NLMSG_LENGTH(sizeof(int)) ?
			       -EIO : *(const int *)NLMSG_DATA(nlh);
		if (nlh->nlmsg_type != RTM_NEWLINK)
			continue;
		err = take_link(n, nlh);
		if (err)
			return err;
	}
	return 0;
}

/* The kernel makes a part when the one before is read: there is no waiting. */
static int dump_once(struct ksig_native *n)
{
	struct link_state *s = n->state;
	bool torn = false;
	uint64_t lost;
	ssize_t len;
	int err;

	/* what a dump that has failed has left there */
	do {
		len = ksig_netlink_read(&s->dumps, s->buf, sizeof(s->buf), &lost);
	} while (len > 0 || len == -ENOBUFS);
	err = len ? (int)len : ask(&s->dumps);
	while (!err) {
		len = ksig_netlink_read(&s->dumps, s->buf, sizeof(s->buf), &lost);
		err = len > 0 ? take_part(n, s->buf, len, &torn) :
		      len ? (int)len : -EIO;
	}
	return err < 0 ? err : 0;
}

/* What isn't in it any more is gone, and so is down. */
static int dump(struct ksig_native *n)
{
	struct link_state *s = n->state;
	int err = -EINTR, tries;
	size_t i;

	s->time_ns = ksig_now();
	for (i = 0; i < s->n_links; i++)
		s->links[i].seen = false;
	for (tries = 0; err == -EINTR && tries < TRIES; tries++)
		err = dump_once(n);
	if (err)
		return err;
	for (i = 0; i < s->n_links;) {
		if (s->links[i].seen) {
			i++;
			continue;
		}
		set_up(n, &s->links[i], false);
		remove_link(s, &s->links[i]);
	}
	return 0;
}

/* ---------------------------------------------------------------- the source */

static int take_all(struct ksig_native *n, const void *buf, ssize_t len)
{
	const struct nlmsghdr *nlh;
	int err = 0;

	for (nlh = buf; !err && NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
		if (nlh->nlmsg_type == RTM_NEWLINK ||
		    nlh->nlmsg_type == RTM_DELLINK)
			err = take_link(n, nlh);
	}
	return err;
}

static int link_pull(struct ksig_native *n)
{
	struct link_state *s = n->state;
	uint64_t lost;
	uint32_t i;
	ssize_t len;
	int err = s->stale ? dump(n) : 0;

	s->stale = err;
	/* no more at once than an empty queue holds: a storm has no end */
	for (i = 0; i < n->len && ksig_native_room(n) && !err; i++) {
		len = ksig_netlink_read(&s->nl, s->buf, sizeof(s->buf), &lost);
		if (!len)
			break;
		if (len == -ENOBUFS) {
			/* each may have been a change: what is left of them */
			ksig_native_lose_upto(n, lost);
			err = dump(n);
			s->stale = err;
		} else {
			s->time_ns = s->nl.time_ns;
			err = len < 0 ? len : take_all(n, s->buf, len);
		}
	}
	return err;
}

static void link_close(struct ksig_native *n)
{
	struct link_state *s = n->state;

	ksig_netlink_close(&s->nl);
	ksig_netlink_close(&s->dumps);
	free(s->links);
	free(s);
}

static int link_open(struct ksig_native *n, struct ksig_stream *stream,
		     struct ksig_error *e)
{
	struct link_state *s = calloc(1, sizeof(*s));
	int err;

	(void)stream;
	if (!s)
		return ksig_native_fail(e, -ENOMEM, "rtnetlink");
	n->state = s;
	s->dumps.fd = -1;
	err = ksig_netlink_open(&s->nl, NETLINK_ROUTE, RTNLGRP_LINK, n->len);
	if (!err)
		err = ksig_netlink_open(&s->dumps, NETLINK_ROUTE, 0, n->len);
	if (!err)
		err = dump(n);
	if (!err)
		err = ksig_native_watch(n, s->nl.fd, EPOLLIN);
	if (err) {
		link_close(n);
		return ksig_native_fail(e, err,
					"the list of network interfaces (rtnetlink)");
	}
	s->tell = true;
	return 0;
}

const struct ksig_native_source ksig_native_link = {
	.open = link_open,
	.close = link_close,
	.pull = link_pull,
};
