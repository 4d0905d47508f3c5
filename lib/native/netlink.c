// SPDX-License-Identifier: MIT
/*
 * Netlink sockets that receive the kernel's multicast messages and count dropped messages. No
 * netlink library is used, because only a few functions are needed. libmnl does not count dropped
 * messages, and Debian has no static version of it.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "native.h"

/* Estimated buffer space per message; uevents are larger than most messages. */
#define MESSAGE_ROOM 2304

int ksig_netlink_open(struct ksig_netlink *nl, int protocol,
		      unsigned int group, unsigned int queue_len)
{
	struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = group ? 1U << (group - 1) : 0,
	};
	/* large enough for as many messages as the queue has records, or as large as permitted */
	int room = queue_len * MESSAGE_ROOM / 2, have = 0, err;
	socklen_t len = sizeof(have);

	*nl = (struct ksig_netlink) {
		.fd = -1,
	};
	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			protocol);
	if (nl->fd < 0)
		return -errno;
	if (getsockopt(nl->fd, SOL_SOCKET, SO_RCVBUF, &have, &len) || have / 2 < room) {
		if (setsockopt(nl->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
			setsockopt(nl->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	}
	if (!bind(nl->fd, (struct sockaddr *)&address, sizeof(address)))
		return 0;
	err = -errno;
	ksig_netlink_close(nl);
	return err;
}

int ksig_netlink_join(struct ksig_netlink *nl, unsigned int group)
{
	return setsockopt(nl->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
			  sizeof(group)) ? -errno : 0;
}

void ksig_netlink_close(struct ksig_netlink *nl)
{
	if (nl->fd >= 0)
		close(nl->fd);
	nl->fd = -1;
}

/*
 * The kernel returns ENOBUFS before the messages that are still in the socket, although these
 * messages are older than the missing ones. Once the buffer is full, the kernel adds no messages
 * until all have been read. A message that arrives between that point and this check is assumed to
 * precede the gap.
 */
static uint32_t netlink_count_gap(struct ksig_netlink *nl, bool empty)
{
	uint32_t info[SK_MEMINFO_VARS] = { };
	socklen_t len = sizeof(info);
	uint32_t lost = 0;

	if (!getsockopt(nl->fd, SOL_SOCKET, SO_MEMINFO, info, &len) &&
	    len > SK_MEMINFO_DROPS * sizeof(*info)) {
		if (!empty && info[SK_MEMINFO_RMEM_ALLOC])
			return 0;
		lost = info[SK_MEMINFO_DROPS] - nl->drops;
	}
	/*
	 * the kernel reports the error before it updates the counter, so at least one message is
	 * missing
	 */
	if (!lost)
		lost = 1;
	nl->drops += lost;
	nl->gap = false;
	return lost;
}

/*
 * Receives a message from the kernel.
 * Return: the length of the message; -EAGAIN if there is none; another -errno.
 */
static ssize_t netlink_receive(struct ksig_netlink *nl, void *buf, size_t size)
{
	struct sockaddr_nl from;
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct msghdr msg = { .msg_name = &from, .msg_iov = &iov };
	bool from_kernel;
	ssize_t n;

	msg.msg_iovlen = 1;
	/*
	 * Processes that are privileged in their own user namespace can also send to a group. Their
	 * messages have the sender's port as the source address; messages from the kernel have port
	 * 0.
	 */
	do {
		msg.msg_namelen = sizeof(from);
		n = recvmsg(nl->fd, &msg, MSG_DONTWAIT);
		from_kernel = n > 0 && msg.msg_namelen == sizeof(from) &&
			      from.nl_family == AF_NETLINK && !from.nl_pid;
	} while (n >= 0 ? !from_kernel : errno == EINTR);
	if (n < 0)
		return -errno;
	return msg.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
}

ssize_t ksig_netlink_read(struct ksig_netlink *nl, void *buf, size_t size,
			  uint64_t *lost)
{
	uint64_t now;
	ssize_t n;

	*lost = nl->gap ? netlink_count_gap(nl, false) : 0;
	if (*lost)
		return -ENOBUFS;
	n = netlink_receive(nl, buf, size);
	if (n == -ENOBUFS) {
		nl->gap = true;
		n = netlink_receive(nl, buf, size);
	}
	if (n == -EAGAIN && nl->gap) {
		*lost = netlink_count_gap(nl, true);
		return -ENOBUFS;
	}
	if (n == -EMSGSIZE) {
		*lost = 1;
		return -ENOBUFS;
	}
	if (n > 0) {
		/* netlink messages contain no time */
		now = ksig_now();
		nl->time_ns = now > nl->time_ns ? now : nl->time_ns + 1;
	}
	return n == -EAGAIN ? 0 : n;
}
