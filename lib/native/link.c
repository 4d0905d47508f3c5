// SPDX-License-Identifier: MIT
/*
 * net.up and net.down: notifications from rtnetlink.
 *
 * A notification contains the state of an interface, which may be unchanged. An event is reported
 * only if IFF_LOWER_UP ("running and has a carrier") has changed. At the start of the subscription
 * and after messages were lost, a dump on a separate socket reads the state of all interfaces.
 * Notifications that are queued during the dump lead to the same final state.
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
/* Maximum number of attempts if interfaces are added or removed during a dump */
#define TRIES 20

/**
 * struct link - an interface
 * @ifindex: index of the interface
 * @up: running, with carrier
 * @seen: listed in the current dump
 * @name: name that was reported last
 */
struct link {
	unsigned int ifindex;
	bool up;
	bool seen;
	char name[IFNAMSIZ];
};

/**
 * struct link_state - the sockets, and all interfaces of their network namespace
 * @nl: socket for notifications
 * @dumps: socket for dumps; opened together with @nl, because the thread may have moved to another
 *	network namespace by the time of a later dump
 * @started: changes are reported as events; false during the first dump
 * @stale: a dump failed and must be repeated before notifications are read
 * @time_ns: time of the messages being handled
 * @links: the interfaces
 * @n_links: number of @links
 * @room: capacity of @links
 * @buf: buffer for one message
 */
struct link_state {
	struct ksig_netlink nl;
	struct ksig_netlink dumps;
	bool started;
	bool stale;
	uint64_t time_ns;
	struct link *links;
	size_t n_links;
	size_t room;
	_Alignas(struct nlmsghdr) char buf[MESSAGE_MOST];
};

static void link_remove(struct link_state *s, struct link *l)
{
	*l = s->links[--s->n_links];
}

static void link_set_up(struct ksig_native *n, struct link *l, bool up)
{
	uint32_t type = up ? KSIG_NET_UP : KSIG_NET_DOWN;
	const struct link_state *s = n->state;
	struct ksig_net_data *data;
	struct ksig_event *ev;

	if (l->up == up)
		return;
	l->up = up;
	if (!s->started || n->desc->type != type)
		return;
	ev = ksig_native_put(n, s->time_ns);
	if (!ev)
		return;
	data = (void *)ev->data;
	ev->subject = l->ifindex;
	ev->len = sizeof(*data);
	memcpy(data->ifname, l->name, sizeof(data->ifname));
}

/*
 * Handles messages of AF_UNSPEC only. With AF_BRIDGE, RTM_DELLINK reports that the interface has
 * left a bridge, not that it was removed.
 */
static int link_handle(struct ksig_native *n, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *info = NLMSG_DATA(nlh);
	bool exists = nlh->nlmsg_type == RTM_NEWLINK;
	int len = NLMSG_PAYLOAD(nlh, sizeof(*info));
	struct link_state *s = n->state;
	const struct rtattr *a;
	struct link *l;
	size_t i, size;

	if (!exists && nlh->nlmsg_type != RTM_DELLINK)
		return 0;
	if (nlh->nlmsg_len < NLMSG_LENGTH(sizeof(*info)) ||
	    info->ifi_family != AF_UNSPEC)
		return 0;
	for (i = 0; i < s->n_links; i++) {
		if (s->links[i].ifindex == (unsigned int)info->ifi_index)
			break;
	}
	if (i == s->n_links) {
		if (!exists)
			return 0;
		l = ksig_native_grow(s->links, s->n_links, &s->room, sizeof(*l));
		if (!l)
			return -ENOMEM;
		s->links = l;
		s->links[s->n_links++] = (struct link) { .ifindex = info->ifi_index };
	}
	l = &s->links[i];
	for (a = IFLA_RTA(info); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type != IFLA_IFNAME)
			continue;
		/* the name has at most IFNAMSIZ bytes, including its NUL */
		size = RTA_PAYLOAD(a);
		if (size > sizeof(l->name) - 1)
			size = sizeof(l->name) - 1;
		memset(l->name, 0, sizeof(l->name));
		memcpy(l->name, RTA_DATA(a), strnlen(RTA_DATA(a), size));
		break;
	}
	l->seen = true;
	link_set_up(n, l, exists && info->ifi_flags & IFF_LOWER_UP);
	if (!exists)
		link_remove(s, l);
	return 0;
}

/* --------------------------------------------------------------------- dumps */

/*
 * Handles a part of a dump.
 * Return: 1 if it was the last part; 0 if there are more; -EINTR if the dump must be repeated;
 * another -errno.
 */
static int link_handle_part(struct ksig_native *n, const void *buf, ssize_t len,
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
		err = link_handle(n, nlh);
		if (err)
			return err;
	}
	return 0;
}

/* Does not block, because the kernel creates each part when the previous one is read. */
static int link_dump_once(struct ksig_native *n)
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
	struct link_state *s = n->state;
	bool changed = false;
	uint64_t lost;
	ssize_t len;
	int err = 0;

	/* discard the rest of a dump that failed */
	do {
		len = ksig_netlink_read(&s->dumps, s->buf, sizeof(s->buf), &lost);
	} while (len > 0 || len == -ENOBUFS);
	if (len)
		return len;
	if (sendto(s->dumps.fd, &request, sizeof(request), 0,
		   (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	while (!err) {
		len = ksig_netlink_read(&s->dumps, s->buf, sizeof(s->buf), &lost);
		if (len <= 0)
			return len ? len : -EIO;
		err = link_handle_part(n, s->buf, len, &changed);
	}
	return err < 0 ? err : 0;
}

/* Updates all interfaces. An interface that is missing from the dump was removed, so it is down. */
static int link_dump(struct ksig_native *n)
{
	struct link_state *s = n->state;
	int err = -EINTR, tries;
	size_t i;

	s->time_ns = ksig_now();
	for (i = 0; i < s->n_links; i++)
		s->links[i].seen = false;
	for (tries = 0; err == -EINTR && tries < TRIES; tries++)
		err = link_dump_once(n);
	if (err)
		return err;
	for (i = 0; i < s->n_links;) {
		if (s->links[i].seen) {
			i++;
			continue;
		}
		link_set_up(n, &s->links[i], false);
		link_remove(s, &s->links[i]);
	}
	return 0;
}

/* ---------------------------------------------------------------- the source */

static int link_pull(struct ksig_native *n)
{
	struct link_state *s = n->state;
	const struct nlmsghdr *nlh;
	uint64_t lost;
	uint32_t i;
	ssize_t len;
	int err = s->stale ? link_dump(n) : 0;

	s->stale = err;
	/* limit the number of messages, because they may arrive faster than they are read */
	for (i = 0; i < n->len && ksig_native_room(n) && !err; i++) {
		len = ksig_netlink_read(&s->nl, s->buf, sizeof(s->buf), &lost);
		if (len == -ENOBUFS) {
			/*
			 * each lost message may have been a change; the dump shows the resulting
			 * state
			 */
			ksig_native_lose_upto(n, lost);
			err = link_dump(n);
			s->stale = err;
			continue;
		}
		if (len <= 0)
			return len;
		s->time_ns = s->nl.time_ns;
		for (nlh = (void *)s->buf; !err && NLMSG_OK(nlh, len);
		     nlh = NLMSG_NEXT(nlh, len))
			err = link_handle(n, nlh);
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
		err = link_dump(n);
	if (!err)
		err = ksig_native_watch(n, s->nl.fd, EPOLLIN);
	if (err) {
		link_close(n);
		return ksig_native_fail(e, err,
					"cannot list network interfaces (rtnetlink)");
	}
	s->started = true;
	return 0;
}

const struct ksig_native_source ksig_native_link = {
	.open = link_open,
	.close = link_close,
	.pull = link_pull,
};
