// SPDX-License-Identifier: MIT
/*
 * Sockets that hear the kernel's multicasts, and know how much they missed.
 * No library: this is all that ksig needs of netlink, libmnl neither counts
 * what was dropped nor comes as an archive for static programs in Debian.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "native.h"

/* What a message takes of a receive buffer; an uevent's takes more than most. */
#define MESSAGE_ROOM 2304

/* Room for as much as the queue will hold, or as near to it as we may. */
static void set_room(int fd, unsigned int queue_len)
{
	int have = 0, room = queue_len * MESSAGE_ROOM / 2;
	socklen_t len = sizeof(have);

	if (!getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &have, &len) &&
	    have / 2 >= room)
		return;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
}

int ksig_netlink_open(struct ksig_netlink *nl, int protocol,
		      unsigned int group, unsigned int queue_len)
{
	struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = group ? 1U << (group - 1) : 0,
	};
	int err;

	*nl = (struct ksig_netlink) {
		.fd = -1,
		.protocol = group ? protocol : -1,
		.position = ksig_order_begin(protocol),
	};
	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			protocol);
	if (nl->fd < 0)
		return -errno;
	set_room(nl->fd, queue_len);
	if (!bind(nl->fd, (struct sockaddr *)&address, sizeof(address)))
		return 0;
	err = -errno;
	ksig_netlink_close(nl);
	return err;
}

void ksig_netlink_close(struct ksig_netlink *nl)
{
	if (nl->fd >= 0)
		close(nl->fd);
	nl->fd = -1;
}

/*
 * ENOBUFS comes before what the socket still holds, but the gap is behind it:
 * once there was no room the kernel adds nothing until all has been read. A
 * message that comes in between is taken to be before the gap.
 */
static uint32_t count_gap(struct ksig_netlink *nl, bool empty)
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
	/* the kernel tells before it counts: one there is in any case */
	if (!lost)
		lost = 1;
	nl->drops += lost;
	nl->gap = false;
	return lost;
}

/*
 * A process that is privileged in its own namespace can send to a group, too. Its messages
 * have its address; those of the kernel have port 0.
 */
static bool from_kernel(const struct sockaddr_nl *from, const struct msghdr *msg)
{
	return msg->msg_namelen == sizeof(*from) &&
	       from->nl_family == AF_NETLINK && !from->nl_pid;
}

/* As recvmsg(2), of the kernel's: -EAGAIN there is none */
static ssize_t receive(struct ksig_netlink *nl, void *buf, size_t size)
{
	struct sockaddr_nl from;
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct msghdr msg = { .msg_name = &from, .msg_iov = &iov };
	ssize_t n;

	msg.msg_iovlen = 1;
	do {
		msg.msg_namelen = sizeof(from);
		n = recvmsg(nl->fd, &msg, MSG_DONTWAIT);
	} while (n >= 0 ? !n || !from_kernel(&from, &msg) : errno == EINTR);
	if (n < 0)
		return -errno;
	return msg.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
}

ssize_t ksig_netlink_read(struct ksig_netlink *nl, void *buf, size_t size,
			  uint64_t *lost)
{
	ssize_t n;

	*lost = nl->gap ? count_gap(nl, false) : 0;
	if (*lost)
		return -ENOBUFS;
	n = receive(nl, buf, size);
	if (n == -ENOBUFS) {
		nl->gap = true;
		n = receive(nl, buf, size);
	}
	if (n == -EAGAIN && nl->gap) {
		*lost = count_gap(nl, true);
		return -ENOBUFS;
	}
	if (n == -EMSGSIZE) {
		*lost = 1;
		return -ENOBUFS;
	}
	if (n > 0)
		nl->time_ns = ksig_order_time(nl->protocol, &nl->position, buf,
					      n);
	return n == -EAGAIN ? 0 : n;
}
