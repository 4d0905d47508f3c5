// SPDX-License-Identifier: GPL-2.0-only
/* /dev/ksig/net: a network interface becomes usable or unusable. */
#include <linux/hash.h>
#include <linux/hashtable.h>
#include <linux/netdevice.h>
#include <linux/notifier.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "events.h"

/*
 * The interfaces that are up and have a carrier. The notifier is called for all kinds of changes,
 * but only those that change this table are reported. Protected by RTNL, which is held during all
 * notifier calls.
 */
struct ksig_link {
	struct hlist_node node;
	const struct net_device *dev;
};

static DEFINE_HASHTABLE(ksig_links, 6);

static void ksig_link_remove(struct ksig_link *link)
{
	hash_del(&link->node);
	kfree(link);
}

static void ksig_net_emit(u32 type, const struct net_device *dev)
{
	struct ksig_net_data data;
	const struct ksig_notice n = {
		.type = type,
		.len = sizeof(data),
		.subject = dev->ifindex,
		.net = dev_net(dev),
		.data = &data,
	};

	strscpy_pad(data.ifname, dev->name, sizeof(data.ifname));
	ksig_emit_notice(ksig_net.chan, &n);
}

static void ksig_link_compare(const struct net_device *dev, bool up)
{
	struct ksig_link *link;

	/* link is NULL after the loop if the interface is not in the table */
	hash_for_each_possible(ksig_links, link, node, (unsigned long)dev) {
		if (link->dev == dev)
			break;
	}
	if (up && !link) {
		link = kmalloc_obj(*link, GFP_KERNEL | __GFP_NOFAIL);
		link->dev = dev;
		hash_add(ksig_links, &link->node, (unsigned long)dev);
		ksig_net_emit(KSIG_NET_UP, dev);
	} else if (!up && link) {
		ksig_link_remove(link);
		ksig_net_emit(KSIG_NET_DOWN, dev);
	}
}

/* Context: process; RTNL is held. */
static int ksig_on_netdev(struct notifier_block *nb, unsigned long event,
			  void *ptr)
{
	const struct net_device *dev = netdev_notifier_info_to_dev(ptr);

	ASSERT_RTNL();
	switch (event) {
	case NETDEV_UP:
	case NETDEV_DOWN:
	case NETDEV_CHANGE:
		ksig_link_compare(dev, netif_running(dev) &&
				       netif_carrier_ok(dev));
		break;
	case NETDEV_UNREGISTER:
		/* also called when the interface moves to another namespace */
		ksig_link_compare(dev, false);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block ksig_netdev_notifier = {
	.notifier_call = ksig_on_netdev,
};

static int ksig_net_start(void *ctx)
{
	/*
	 * During registration, the kernel calls the notifier with NETDEV_UP for every
	 * interface that is up. During unregistration, it calls the notifier with
	 * NETDEV_DOWN for these interfaces. The channel has no subscriptions at these
	 * times, so the calls are not reported as events.
	 */
	return register_netdevice_notifier(&ksig_netdev_notifier);
}

static void ksig_net_stop(void *ctx)
{
	struct hlist_node *next;
	struct ksig_link *link;
	int i;

	unregister_netdevice_notifier(&ksig_netdev_notifier);
	hash_for_each_safe(ksig_links, i, next, link, node)
		ksig_link_remove(link);
}

static const char *const ksig_net_types[] = { "up", "down", NULL };

struct ksig_builtin ksig_net = {
	.desc = {
		.name = "net",
		.description = "a network interface goes up (with a carrier) or down",
		.types = ksig_net_types,
		.mode = 0640,
		.start = ksig_net_start,
		.stop = ksig_net_stop,
	},
};
