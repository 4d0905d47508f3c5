// SPDX-License-Identifier: MIT
/*
 * cpu.online, cpu.offline, kmod.load and kmod.unload: the kernel's uevents.
 *
 * A cpu that goes for the time of a suspend, or from within the kernel, causes
 * none: that is known to the module only.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <linux/nsfs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "native.h"

#define UEVENT_GROUP_KERNEL 1
/* The kernel's limit is 2048 and a path. */
#define UEVENT_MAX 8192
/* The inode of the initial user namespace, which the kernel keeps so. */
#define INITIAL_USER_NS 0xEFFFFFFDU

struct uevent {
	const char *action;
	const char *path;
	const char *subsystem;
	bool synthetic;
};

struct uevent_state {
	struct ksig_netlink nl;
	/* of what to tell */
	const char *subsystem;
	const char *action;
	char buf[UEVENT_MAX + 1];
};

static const struct {
	const char *event;
	const char *subsystem;
	const char *action;
} wanted[] = {
	{ "cpu.online", "cpu", "online" },
	{ "cpu.offline", "cpu", "offline" },
	/* once its init function has succeeded */
	{ "kmod.load", "module", "add" },
	{ "kmod.unload", "module", "remove" },
};

/* "ACTION@PATH" and "KEY=VALUE" strings, each with its NUL */
static void parse(char *buf, size_t n, struct uevent *u)
{
	const char *s, *end = buf + n;

	*u = (struct uevent) { };
	for (s = buf; s < end; s += strlen(s) + 1) {
		if (!strncmp(s, "ACTION=", 7))
			u->action = s + 7;
		else if (!strncmp(s, "DEVPATH=", 8))
			u->path = s + 8;
		else if (!strncmp(s, "SUBSYSTEM=", 10))
			u->subsystem = s + 10;
		else if (!strncmp(s, "SYNTH_UUID=", 11))
			u->synthetic = true;
	}
}

/* Somebody wrote to a file "uevent", as udev does at boot: nothing happened. */
static bool is_wanted(const struct uevent_state *s, const struct uevent *u)
{
	return u->action && u->path && u->subsystem && !u->synthetic &&
	       !strcmp(u->subsystem, s->subsystem) &&
	       !strcmp(u->action, s->action);
}

static bool parse_cpu(const char *name, uint64_t *cpu)
{
	char *end;

	if (strncmp(name, "cpu", 3) || name[3] < '0' || name[3] > '9')
		return false;
	*cpu = strtoull(name + 3, &end, 10);
	return !*end;
}

static void tell(struct ksig_native *n, const struct uevent *u)
{
	const char *name = strrchr(u->path, '/');
	const struct uevent_state *s = n->state;
	struct ksig_kmod_data *kmod;
	struct ksig_event *ev;
	uint64_t cpu = 0;

	name = name ? name + 1 : u->path;
	if (!strcmp(u->subsystem, "cpu") && !parse_cpu(name, &cpu))
		return;
	ev = ksig_native_put(n, s->nl.time_ns);
	if (!ev)
		return;
	if (!strcmp(u->subsystem, "cpu")) {
		ev->subject = cpu;
		return;
	}
	kmod = (void *)ev->data;
	memcpy(kmod->name, name, strnlen(name, sizeof(kmod->name) - 1));
	ev->len = sizeof(*kmod);
}

static int uevent_pull(struct ksig_native *n)
{
	struct uevent_state *s = n->state;
	struct uevent u;
	uint64_t lost;
	uint32_t i;
	ssize_t len;

	/* no more at once than an empty queue holds: a storm has no end */
	for (i = 0; i < n->len && ksig_native_room(n); i++) {
		len = ksig_netlink_read(&s->nl, s->buf, UEVENT_MAX, &lost);
		if (len == -ENOBUFS) {
			/* each may have been one of ours */
			ksig_native_lose_upto(n, lost);
			continue;
		}
		if (len <= 0)
			return len;
		s->buf[len] = '\0';
		parse(s->buf, len, &u);
		if (is_wanted(s, &u))
			tell(n, &u);
	}
	return 0;
}

/*
 * A network namespace hears of uevents only if the initial user namespace owns
 * it. Another one's owner can be seen from within it: 1 it hears; 0 it doesn't;
 * or -errno: it belongs to a user namespace that isn't visible from here.
 */
static int hears_uevents(void)
{
	int net, user, err;
	struct stat st;

	net = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (net < 0)
		return -errno;
	user = ioctl(net, NS_GET_USERNS);
	err = user < 0 ? -errno : 0;
	close(net);
	if (err)
		return err;
	err = fstat(user, &st) ? -errno : st.st_ino == INITIAL_USER_NS;
	close(user);
	return err;
}

static int check_namespace(struct ksig_stream *stream, struct ksig_error *e)
{
	int hears = hears_uevents();

	if (!hears)
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "the kernel sends no uevents to a network namespace that a user namespace owns: run ksig in the host's (nsenter --net)");
	if (hears < 0 && stream->opts->log)
		stream->opts->log(stream->opts->log_ctx,
			      "cannot determine in this user namespace whether uevents reach this network namespace");
	return 0;
}

static int uevent_open(struct ksig_native *n, struct ksig_stream *stream,
		       struct ksig_error *e)
{
	struct uevent_state *s;
	size_t i = 0;
	int err = check_namespace(stream, e);

	if (err)
		return err;
	s = calloc(1, sizeof(*s));
	if (!s)
		return ksig_native_fail(e, -ENOMEM, "uevents");
	while (strcmp(wanted[i].event, stream->desc->name))
		i++;
	s->subsystem = wanted[i].subsystem;
	s->action = wanted[i].action;
	err = ksig_netlink_open(&s->nl, NETLINK_KOBJECT_UEVENT,
				UEVENT_GROUP_KERNEL, n->len);
	if (!err)
		err = ksig_native_watch(n, s->nl.fd, EPOLLIN);
	if (err) {
		ksig_netlink_close(&s->nl);
		free(s);
		return ksig_native_fail(e, err, "uevents (a netlink socket)");
	}
	n->state = s;
	return 0;
}

static void uevent_close(struct ksig_native *n)
{
	struct uevent_state *s = n->state;

	ksig_netlink_close(&s->nl);
	free(s);
}

const struct ksig_native_source ksig_native_uevent = {
	.open = uevent_open,
	.close = uevent_close,
	.pull = uevent_pull,
};
