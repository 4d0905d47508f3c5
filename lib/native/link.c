// SPDX-License-Identifier: MIT
/*
 * net.up, net.down and net.rename: the interfaces of a network namespace.
 *
 * A message of rtnetlink contains the state of an interface, which may be unchanged. An event is
 * reported only if IFF_LOWER_UP ("running and has a carrier") or the name has changed.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "rtnl.h"

static struct ksig_link *link_find(const struct ksig_rtnl *r, unsigned int ifindex)
{
	size_t i;

	for (i = 0; i < r->n_links; i++) {
		if (r->links[i].ifindex == ifindex)
			return &r->links[i];
	}
	return NULL;
}

const char *ksig_link_name(const struct ksig_rtnl *r, unsigned int ifindex)
{
	const struct ksig_link *l = link_find(r, ifindex);

	return l ? l->name : NULL;
}

static void link_fill(struct ksig_native *user, struct ksig_event *ev, const void *arg)
{
	const struct ksig_link *l = arg;
	struct ksig_net_data *data = (void *)ev->data;

	(void)user;
	ev->len = sizeof(*data);
	memcpy(data->ifname, l->name, sizeof(data->ifname));
}

static void link_set_up(struct ksig_native *n, struct ksig_link *l, bool up)
{
	if (l->up == up)
		return;
	l->up = up;
	ksig_rtnl_put(n, up ? KSIG_NET_UP : KSIG_NET_DOWN, l->ifindex, link_fill, l);
}

static void rename_fill(struct ksig_native *user, struct ksig_event *ev, const void *arg)
{
	const struct ksig_rename_data *names = arg;

	(void)user;
	ev->len = sizeof(*names);
	memcpy(ev->data, names, sizeof(*names));
}

static void link_set_name(struct ksig_native *n, struct ksig_link *l,
			  const struct rtattr *name)
{
	struct ksig_rename_data names = { };
	/* the name has at most IFNAMSIZ bytes, including its NUL */
	size_t size = RTA_PAYLOAD(name);

	if (size > sizeof(names.ifname) - 1)
		size = sizeof(names.ifname) - 1;
	memcpy(names.ifname, RTA_DATA(name), strnlen(RTA_DATA(name), size));
	memcpy(names.old_ifname, l->name, sizeof(names.old_ifname));
	memcpy(l->name, names.ifname, sizeof(l->name));
	if (*names.old_ifname && strcmp(names.ifname, names.old_ifname))
		ksig_rtnl_put(n, KSIG_NET_RENAME, l->ifindex, rename_fill, &names);
}

/*
 * Handles messages of AF_UNSPEC only. With AF_BRIDGE, RTM_DELLINK reports that the interface has
 * left a bridge, not that it was removed.
 */
int ksig_link_handle(struct ksig_native *n, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *info = NLMSG_DATA(nlh);
	bool exists = nlh->nlmsg_type == RTM_NEWLINK;
	struct ksig_rtnl *r = n->state;
	const struct rtattr *name;
	struct ksig_link *l;

	if (nlh->nlmsg_len < NLMSG_LENGTH(sizeof(*info)) ||
	    info->ifi_family != AF_UNSPEC)
		return 0;
	l = link_find(r, info->ifi_index);
	if (!l && !exists)
		return 0;
	if (!l) {
		l = ksig_native_grow(r->links, r->n_links, &r->links_room, sizeof(*l));
		if (!l)
			return -ENOMEM;
		r->links = l;
		l += r->n_links++;
		*l = (struct ksig_link) { .ifindex = info->ifi_index };
	}
	l->seen = true;
	name = ksig_rtnl_attr(IFLA_RTA(info), NLMSG_PAYLOAD(nlh, sizeof(*info)), IFLA_IFNAME);
	if (name)
		link_set_name(n, l, name);
	link_set_up(n, l, exists && info->ifi_flags & IFF_LOWER_UP);
	if (!exists)
		*l = r->links[--r->n_links];
	return 0;
}

void ksig_link_sweep(struct ksig_native *n)
{
	struct ksig_rtnl *r = n->state;
	size_t i = 0;

	while (i < r->n_links) {
		if (r->links[i].seen) {
			i++;
			continue;
		}
		link_set_up(n, &r->links[i], false);
		r->links[i] = r->links[--r->n_links];
	}
}

int ksig_link_initial(struct ksig_native *user)
{
	bool up = user->desc->type == KSIG_NET_UP;
	const struct ksig_rtnl *r = user->state;
	struct ksig_event *ev;
	size_t i;

	if (ksig_native_reserve(user, r->n_links))
		return -ENOMEM;
	for (i = 0; i < r->n_links; i++) {
		if (r->links[i].up != up)
			continue;
		ev = ksig_native_put_initial(user, r->time_ns);
		ev->subject = r->links[i].ifindex;
		link_fill(user, ev, &r->links[i]);
	}
	return 0;
}
