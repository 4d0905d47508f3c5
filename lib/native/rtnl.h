/* SPDX-License-Identifier: MIT */
/*
 * net.*: notifications from rtnetlink. All net.* events of a subscription share one socket, so that
 * they are reported in the order in which they happened.
 */
#ifndef KSIG_NATIVE_RTNL_H
#define KSIG_NATIVE_RTNL_H

#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdalign.h>

#include "native.h"

#define KSIG_RTNL_MESSAGE_MAX 32768

/**
 * struct ksig_link - an interface
 * @ifindex: index of the interface
 * @up: running, with carrier
 * @seen: listed in the current dump
 * @name: name that was reported last
 */
struct ksig_link {
	unsigned int ifindex;
	bool up;
	bool seen;
	char name[IFNAMSIZ];
};

/**
 * struct ksig_address - an address of an interface
 * @ifindex: index of the interface
 * @family: AF_INET or AF_INET6
 * @prefix: length of the prefix, in bits
 * @seen: listed in the current dump
 * @bytes: the address; the rest is 0
 * @peer: the address of the other end of a point-to-point link; otherwise as @bytes
 */
struct ksig_address {
	unsigned int ifindex;
	unsigned char family;
	unsigned char prefix;
	bool seen;
	unsigned char bytes[16];
	unsigned char peer[16];
};

/**
 * struct ksig_rtnl - the sockets, and the state of their network namespace
 * @nl: socket for notifications
 * @dumps: socket for dumps; opened together with @nl, because the thread may have moved to another
 *	network namespace by the time of a later dump
 * @quiet: changes are not reported as events, because they precede the subscription
 * @dumping: a dump is being handled
 * @stale: a dump failed and must be repeated before notifications are read
 * @has_addresses: @addresses is kept up to date
 * @time_ns: time of the messages being handled
 * @links: the interfaces
 * @n_links: number of @links
 * @links_room: capacity of @links
 * @addresses: the addresses
 * @n_addresses: number of @addresses
 * @addresses_room: capacity of @addresses
 * @buf: buffer for one message
 */
struct ksig_rtnl {
	struct ksig_netlink nl;
	struct ksig_netlink dumps;
	bool quiet;
	bool dumping;
	bool stale;
	bool has_addresses;
	uint64_t time_ns;
	struct ksig_link *links;
	size_t n_links;
	size_t links_room;
	struct ksig_address *addresses;
	size_t n_addresses;
	size_t addresses_room;
	alignas(struct nlmsghdr) char buf[KSIG_RTNL_MESSAGE_MAX];
};

/* ----------------------------------------------------------------- rtnl.c */

/* Return: the first attribute of type @type in @len bytes, beginning with @a; NULL if none. */
const struct rtattr *ksig_rtnl_attr(const struct rtattr *a, int len, unsigned short type);
/*
 * Adds an event about @ifindex for each stream of the event type @type, except while changes are
 * not reported. @fill fills in the record of a stream; it may be NULL.
 */
void ksig_rtnl_put(struct ksig_native *n, uint32_t type, unsigned int ifindex,
		   void (*fill)(struct ksig_native *user, struct ksig_event *ev,
				const void *arg), const void *arg);
/* Formats an address. @buf has INET6_ADDRSTRLEN bytes. Return: @buf; NULL if @a is NULL. */
const char *ksig_rtnl_address(int family, const struct rtattr *a, char *buf);

/* ----------------------------------------------------------------- link.c */

/* Handles a message about an interface. Return: 0 or -ENOMEM. */
int ksig_link_handle(struct ksig_native *n, const struct nlmsghdr *nlh);
/* Removes the interfaces that the last dump has not listed. */
void ksig_link_sweep(struct ksig_native *n);
/* Adds the initial state for a stream of net.up or net.down. Return: 0 or -ENOMEM. */
int ksig_link_initial(struct ksig_native *user);
/* Return: the name of the interface; NULL if it is unknown. */
const char *ksig_link_name(const struct ksig_rtnl *r, unsigned int ifindex);

/* -------------------------------------------------------------- address.c */

/* As for interfaces. */
int ksig_address_handle(struct ksig_native *n, const struct nlmsghdr *nlh);
void ksig_address_sweep(struct ksig_native *n);
int ksig_address_initial(struct ksig_native *user);

/* ---------------------------------------------------------------- route.c */

void ksig_route_handle(struct ksig_native *n, const struct nlmsghdr *nlh);

#endif /* KSIG_NATIVE_RTNL_H */
