// SPDX-License-Identifier: MIT
/*
 * Events that the kernel reports by uevents: one row in uevent_kinds[] each.
 *
 * A cpu that goes offline for the time of a suspend, or from within the kernel,
 * causes no uevent: only the module reports it.
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
/* The kernel's limit is 2048 and a path. */
#define UEVENT_MAX 8192
/* The inode of the initial user namespace, which the kernel keeps so. */
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
		else if (!strncmp(s, "DEVNAME=", 8))
			u->devname = s + 8;
		else if (!strncmp(s, "DRIVER=", 7))
			u->driver = s + 7;
		else if (!strncmp(s, "SYNTH_UUID=", 11))
			u->synthetic = true;
	}
}

static bool parse_cpu(const char *name, uint64_t *cpu)
{
	char *end;

	if (strncmp(name, "cpu", 3) || name[3] < '0' || name[3] > '9')
		return false;
	*cpu = strtoull(name + 3, &end, 10);
	return !*end;
}

/* The last part of its path in sysfs */
static const char *name_of(const struct uevent *u)
{
	const char *slash = strrchr(u->path, '/');

	return slash ? slash + 1 : u->path;
}

static bool is_cpu(const struct uevent *u)
{
	uint64_t cpu;

	return parse_cpu(name_of(u), &cpu);
}

static void fill_cpu(const struct ksig_native *n, const struct uevent *u,
		     struct ksig_event *ev)
{
	uint64_t cpu = 0;

	(void)n;
	parse_cpu(name_of(u), &cpu);
	ev->subject = cpu;
}

static void fill_kmod(const struct ksig_native *n, const struct uevent *u,
		      struct ksig_event *ev)
{
	struct ksig_kmod_data *kmod = (void *)ev->data;
	const char *name = name_of(u);

	(void)n;
	memcpy(kmod->name, name, strnlen(name, sizeof(kmod->name) - 1));
	ev->len = sizeof(*kmod);
}

/* Drivers, buses and caches have uevents, too; devices are below /devices. */
static bool is_device(const struct uevent *u)
{
	return !strncmp(u->path, "/devices/", 9);
}

static void fill_device(const struct ksig_native *n, const struct uevent *u,
			struct ksig_event *ev)
{
	char node[UEVENT_MAX + 1];

	ksig_native_set_text(n, ev, "subsystem", u->subsystem);
	ksig_native_set_text(n, ev, "name", name_of(u));
	ksig_native_set_text(n, ev, "driver", u->driver);
	if (!u->devname)
		return;
	snprintf(node, sizeof(node), "/dev/%s", u->devname);
	ksig_native_set_text(n, ev, "devnode", node);
}

/**
 * struct uevent_kind - which uevents are an event
 * @event: its name in catalog.c
 * @subsystem: SUBSYSTEM of the uevent; NULL: any
 * @action: ACTION of the uevent
 * @accept: further condition; NULL: none
 * @fill: sets the record's fields
 */
static const struct uevent_kind {
	const char *event;
	const char *subsystem;
	const char *action;
	bool (*accept)(const struct uevent *u);
	void (*fill)(const struct ksig_native *n, const struct uevent *u,
		     struct ksig_event *ev);
} uevent_kinds[] = {
	{ "cpu.online", "cpu", "online", is_cpu, fill_cpu },
	{ "cpu.offline", "cpu", "offline", is_cpu, fill_cpu },
	/* once its init function has succeeded */
	{ "kmod.load", "module", "add", NULL, fill_kmod },
	{ "kmod.unload", "module", "remove", NULL, fill_kmod },
	{ "device.add", NULL, "add", is_device, fill_device },
};

static const struct uevent_kind *find_kind(const char *event)
{
	size_t i = 0;

	while (strcmp(uevent_kinds[i].event, event))
		i++;
	return &uevent_kinds[i];
}

/*
 * A write to a file "uevent" in sysfs, as udev does at boot, causes a synthetic one:
 * nothing happened.
 */
static bool is_wanted(const struct uevent_kind *kind, const struct uevent *u)
{
	return u->action && u->path && u->subsystem && !u->synthetic &&
	       (!kind->subsystem || !strcmp(u->subsystem, kind->subsystem)) &&
	       !strcmp(u->action, kind->action) &&
	       (!kind->accept || kind->accept(u));
}

static void take_uevent(struct ksig_native *n, size_t len)
{
	struct uevent_state *s = n->state;
	struct ksig_event *ev;
	struct uevent u;

	s->buf[len] = '\0';
	parse(s->buf, len, &u);
	if (!is_wanted(s->kind, &u))
		return;
	ev = ksig_native_put(n, s->nl.time_ns);
	if (ev)
		s->kind->fill(n, &u, ev);
}

static int uevent_pull(struct ksig_native *n)
{
	struct uevent_state *s = n->state;
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
		take_uevent(n, len);
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
	int err = check_namespace(stream, e);

	if (err)
		return err;
	s = calloc(1, sizeof(*s));
	if (!s)
		return ksig_native_fail(e, -ENOMEM, "uevents");
	s->kind = find_kind(stream->desc->name);
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
