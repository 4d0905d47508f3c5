// SPDX-License-Identifier: MIT
/*
 * Events that the kernel reports by uevents. Each event has a row in uevent_kinds[].
 *
 * There is no uevent if a CPU goes offline during suspend or is taken offline by kernel code. Only
 * the module reports these events.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "native.h"

#define UEVENT_GROUP_KERNEL 1
/* The limit in the kernel is 2,048 bytes plus a path. */
#define UEVENT_MAX 8192
/* Inode number of the initial user namespace, which is fixed in the kernel */
#define INITIAL_USER_NS 0xEFFFFFFDU

struct uevent {
	const char *action;
	const char *path;
	const char *subsystem;
	const char *devname;
	const char *driver;
	bool synthetic;
};

struct uevent_state {
	struct ksig_netlink nl;
	const struct uevent_kind *kind;
	char buf[UEVENT_MAX + 1];
};

/* Parses a message: "ACTION@PATH", then "KEY=VALUE" strings, each terminated by a NUL. */
static void uevent_parse(char *buf, size_t n, struct uevent *u)
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
		else if (!strncmp(s, "DEVNAME=", 8))
			u->devname = s + 8;
		else if (!strncmp(s, "DRIVER=", 7))
			u->driver = s + 7;
		else if (!strncmp(s, "SYNTH_UUID=", 11))
			u->synthetic = true;
	}
}

static bool uevent_parse_cpu(const char *name, uint64_t *cpu)
{
	char *end;

	if (strncmp(name, "cpu", 3) || name[3] < '0' || name[3] > '9')
		return false;
	*cpu = strtoull(name + 3, &end, 10);
	return !*end;
}

/* Return: the last component of the device's path in sysfs. */
static const char *uevent_name(const struct uevent *u)
{
	const char *slash = strrchr(u->path, '/');

	return slash ? slash + 1 : u->path;
}

static bool uevent_is_cpu(const struct uevent *u)
{
	uint64_t cpu;

	return uevent_parse_cpu(uevent_name(u), &cpu);
}

static void uevent_fill_cpu(const struct ksig_native *n, const struct uevent *u,
		     struct ksig_event *ev)
{
	uint64_t cpu = 0;

	(void)n;
	uevent_parse_cpu(uevent_name(u), &cpu);
	ev->subject = cpu;
}

static void uevent_fill_kmod(const struct ksig_native *n, const struct uevent *u,
		      struct ksig_event *ev)
{
	struct ksig_kmod_data *kmod = (void *)ev->data;
	const char *name = uevent_name(u);

	(void)n;
	memcpy(kmod->name, name, strnlen(name, sizeof(kmod->name) - 1));
	ev->len = sizeof(*kmod);
}

/*
 * Drivers, buses and caches also send uevents, but only the paths of devices begin with /devices.
 */
static bool uevent_is_device(const struct uevent *u)
{
	return !strncmp(u->path, "/devices/", 9);
}

static void uevent_fill_device(const struct ksig_native *n, const struct uevent *u,
			struct ksig_event *ev)
{
	char node[UEVENT_MAX + 1];

	ksig_native_set_text(n, ev, "subsystem", u->subsystem);
	ksig_native_set_text(n, ev, "name", uevent_name(u));
	ksig_native_set_text(n, ev, "driver", u->driver);
	if (!u->devname)
		return;
	snprintf(node, sizeof(node), "/dev/%s", u->devname);
	ksig_native_set_text(n, ev, "devnode", node);
}

/**
 * struct uevent_kind - maps uevents to an event
 * @event: name of the event in catalog.c
 * @subsystem: SUBSYSTEM of the uevent; NULL for any
 * @action: ACTION of the uevent
 * @accept: further condition; NULL if there is none
 * @fill: fills in the fields of the record
 */
static const struct uevent_kind {
	const char *event;
	const char *subsystem;
	const char *action;
	bool (*accept)(const struct uevent *u);
	void (*fill)(const struct ksig_native *n, const struct uevent *u,
		     struct ksig_event *ev);
} uevent_kinds[] = {
	{ "cpu.online", "cpu", "online", uevent_is_cpu, uevent_fill_cpu },
	{ "cpu.offline", "cpu", "offline", uevent_is_cpu, uevent_fill_cpu },
	/* sent after the init function of the module has succeeded */
	{ "kmod.load", "module", "add", NULL, uevent_fill_kmod },
	{ "kmod.unload", "module", "remove", NULL, uevent_fill_kmod },
	{ "device.add", NULL, "add", uevent_is_device, uevent_fill_device },
};

static void uevent_handle(struct ksig_native *n, size_t len)
{
	struct uevent_state *s = n->state;
	const struct uevent_kind *kind = s->kind;
	struct ksig_event *ev;
	struct uevent u;

	s->buf[len] = '\0';
	uevent_parse(s->buf, len, &u);
	/* synthetic uevents are caused by writing to "uevent" in sysfs, as udev does at boot */
	if (!u.action || !u.path || !u.subsystem || u.synthetic ||
	    (kind->subsystem && strcmp(u.subsystem, kind->subsystem)) ||
	    strcmp(u.action, kind->action) || (kind->accept && !kind->accept(&u)))
		return;
	ev = ksig_native_put(n, s->nl.time_ns);
	if (ev)
		kind->fill(n, &u, ev);
}

static int uevent_pull(struct ksig_native *n)
{
	struct uevent_state *s = n->state;
	uint64_t lost;
	uint32_t i;
	ssize_t len;

	/* limit the number of messages, because they may arrive faster than they are read */
	for (i = 0; i < n->len && ksig_native_room(n); i++) {
		len = ksig_netlink_read(&s->nl, s->buf, UEVENT_MAX, &lost);
		if (len == -ENOBUFS) {
			/* each lost message may have been an event of this subscription */
			ksig_native_lose_upto(n, lost);
			continue;
		}
		if (len <= 0)
			return len;
		uevent_handle(n, len);
	}
	return 0;
}

/*
 * Checks that uevents reach this network namespace. The kernel sends uevents only to network
 * namespaces that are owned by the initial user namespace. From another user namespace, the owner
 * may not be visible.
 */
static int uevent_check_namespace(struct ksig_stream *stream, struct ksig_error *e)
{
	int net = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int user = net < 0 ? -1 : ioctl(net, NS_GET_USERNS);
	struct stat st;
	bool known = user >= 0 && !fstat(user, &st);

	if (user >= 0)
		close(user);
	if (net >= 0)
		close(net);
	if (known && st.st_ino != INITIAL_USER_NS)
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "the kernel sends no uevents to network namespaces owned by a non-initial user namespace: run ksig in the host's network namespace (nsenter --net)");
	if (!known && stream->opts->log)
		stream->opts->log(stream->opts->log_ctx,
			      "cannot determine in this user namespace whether uevents reach this network namespace");
	return 0;
}

static int uevent_open(struct ksig_native *n, struct ksig_stream *stream,
		       struct ksig_error *e)
{
	const char *event = stream->desc->name;
	struct uevent_state *s;
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(uevent_kinds); i++) {
		if (!strcmp(uevent_kinds[i].event, event))
			break;
	}
	if (i == ARRAY_SIZE(uevent_kinds))
		return ksig_fail(e, 0, EINVAL,
				 "%s has no row in uevent_kinds[] (a bug in ksig)", event);
	err = uevent_check_namespace(stream, e);
	if (err)
		return err;
	s = calloc(1, sizeof(*s));
	if (!s)
		return ksig_native_fail(e, -ENOMEM, "uevents");
	s->kind = &uevent_kinds[i];
	err = ksig_netlink_open(&s->nl, NETLINK_KOBJECT_UEVENT,
				UEVENT_GROUP_KERNEL, n->len);
	if (!err)
		err = ksig_native_watch(n, s->nl.fd, EPOLLIN);
	if (err) {
		ksig_netlink_close(&s->nl);
		free(s);
		return ksig_native_fail(e, err, "cannot receive uevents (netlink)");
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
