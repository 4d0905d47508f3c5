// SPDX-License-Identifier: MIT
/*
 * Events that the kernel reports by uevents. Each event has a row in uevent_kinds[].
 *
 * There is no uevent if a CPU goes offline during suspend or is taken offline by kernel code. Only
 * the module reports these events.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/netlink.h>
#include <linux/nsfs.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "uevent.h"

#define UEVENT_GROUP_KERNEL 1
/* Maximum number of attempts to read the initial state if messages are lost */
#define TRIES 20
/*
 * An object appears in sysfs before its uevent is sent: a disk not before its partitions have been
 * read. After this time, the uevent is no longer expected.
 */
#define ANNOUNCED_NS 60000000000

/**
 * struct uevent_state - the socket, shared by the streams of a subscription
 * @nl: the socket
 * @present: the objects of each family that were present when the lists were read; used if the
 *	present state was requested, until their uevents have certainly been read
 * @listed_upto: number of the last uevent before the lists had been read
 * @listed_at: time at which they had been read, CLOCK_MONOTONIC
 * @buf: buffer for one message
 */
struct uevent_state {
	struct ksig_netlink nl;
	struct ksig_present present[KSIG_UEVENT_FAMILIES];
	uint64_t listed_upto;
	int64_t listed_at;
	char buf[KSIG_UEVENT_MAX + 1];
};

/* Sets *@value to the text after KEY=, unless it is set already. */
static void uevent_take(const char *s, const char *key, const char **value)
{
	size_t len = strlen(key);

	if (!*value && !strncmp(s, key, len))
		*value = s + len;
}

void ksig_uevent_parse(const char *buf, size_t n, struct ksig_uevent *u)
{
	const char *s, *end = buf + n, *seqnum = NULL, *synthetic = NULL;

	*u = (struct ksig_uevent) { };
	for (s = buf; s < end; s += strlen(s) + 1) {
		uevent_take(s, "ACTION=", &u->action);
		uevent_take(s, "DEVPATH=", &u->path);
		uevent_take(s, "DEVPATH_OLD=", &u->old_path);
		uevent_take(s, "SUBSYSTEM=", &u->subsystem);
		uevent_take(s, "DEVNAME=", &u->devname);
		uevent_take(s, "DRIVER=", &u->driver);
		uevent_take(s, "SEQNUM=", &seqnum);
		uevent_take(s, "SYNTH_UUID=", &synthetic);
	}
	/* "ACTION@PATH" comes first, except in a message from present.c */
	u->keys = strncmp(buf, "ACTION=", 7) ? buf + strlen(buf) + 1 : buf;
	u->keys_len = u->keys < end ? end - u->keys : 0;
	u->seqnum = seqnum ? strtoull(seqnum, NULL, 10) : 0;
	u->synthetic = synthetic;
}

static bool uevent_parse_cpu(const char *name, uint64_t *cpu)
{
	char *end;

	if (strncmp(name, "cpu", 3) || name[3] < '0' || name[3] > '9')
		return false;
	*cpu = strtoull(name + 3, &end, 10);
	return !*end;
}

const char *ksig_uevent_name(const struct ksig_uevent *u)
{
	const char *slash = strrchr(u->path, '/');

	return slash ? slash + 1 : u->path;
}

static bool uevent_is_cpu(const struct ksig_uevent *u)
{
	uint64_t cpu;

	return uevent_parse_cpu(ksig_uevent_name(u), &cpu);
}

static void uevent_fill_cpu(const struct ksig_native *n, const struct ksig_uevent *u,
		     struct ksig_event *ev)
{
	uint64_t cpu = 0;

	(void)n;
	uevent_parse_cpu(ksig_uevent_name(u), &cpu);
	ev->subject = cpu;
}

static void uevent_fill_kmod(const struct ksig_native *n, const struct ksig_uevent *u,
		      struct ksig_event *ev)
{
	struct ksig_kmod_data *kmod = (void *)ev->data;
	const char *name = ksig_uevent_name(u);

	(void)n;
	memcpy(kmod->name, name, strnlen(name, sizeof(kmod->name) - 1));
	ev->len = sizeof(*kmod);
}

/*
 * Drivers, buses and caches also send uevents, but their paths don't begin with /devices. The
 * queues of a network device do; they are not devices either.
 */
static bool uevent_is_device(const struct ksig_uevent *u)
{
	return !strncmp(u->path, "/devices/", 9) && strcmp(u->subsystem, "queues");
}

static void uevent_fill_device(const struct ksig_native *n, const struct ksig_uevent *u,
			struct ksig_event *ev)
{
	char node[KSIG_UEVENT_MAX + 1], *to = (char *)ev + n->desc->keys_offset;
	size_t used = 0, len;
	const char *s;

	ksig_native_set_text(n, ev, "subsystem", u->subsystem);
	ksig_native_set_text(n, ev, "name", ksig_uevent_name(u));
	ksig_native_set_text(n, ev, "driver", u->driver);
	/* the list ends with an empty string, and a key that doesn't fit is left out */
	for (s = u->keys; s < u->keys + u->keys_len; s += len) {
		len = strlen(s) + 1;
		if (used + len >= n->desc->keys_size)
			continue;
		memcpy(to + used, s, len);
		used += len;
	}
	if (!u->devname)
		return;
	snprintf(node, sizeof(node), "/dev/%s", u->devname);
	ksig_native_set_text(n, ev, "devnode", node);
}

/**
 * struct uevent_kind - maps uevents to an event
 * @event: name of the event in catalog.c
 * @family: family of objects whose presence the uevent changes
 * @present: the object is present after the uevent
 * @subsystem: SUBSYSTEM of the uevent; NULL for any
 * @action: ACTION of the uevent
 * @accept: further condition; NULL if there is none
 * @fill: fills in the fields of the record
 */
static const struct uevent_kind {
	const char *event;
	enum ksig_uevent_family family;
	bool present;
	const char *subsystem;
	const char *action;
	bool (*accept)(const struct ksig_uevent *u);
	void (*fill)(const struct ksig_native *n, const struct ksig_uevent *u,
		     struct ksig_event *ev);
} uevent_kinds[] = {
	{ "cpu.online", KSIG_UEVENT_CPU, true, "cpu", "online", uevent_is_cpu,
	  uevent_fill_cpu },
	{ "cpu.offline", KSIG_UEVENT_CPU, false, "cpu", "offline", uevent_is_cpu,
	  uevent_fill_cpu },
	/* sent after the init function of the module has succeeded */
	{ "kmod.load", KSIG_UEVENT_KMOD, true, "module", "add", NULL, uevent_fill_kmod },
	{ "kmod.unload", KSIG_UEVENT_KMOD, false, "module", "remove", NULL,
	  uevent_fill_kmod },
	{ "device.add", KSIG_UEVENT_DEVICE, true, NULL, "add", uevent_is_device,
	  uevent_fill_device },
	{ "device.remove", KSIG_UEVENT_DEVICE, false, NULL, "remove", uevent_is_device,
	  uevent_fill_device },
	{ "device.change", KSIG_UEVENT_OTHER, false, NULL, "change", uevent_is_device,
	  uevent_fill_device },
};

/* Return: the kind of the event; NULL if it has no row in the table. */
static const struct uevent_kind *uevent_kind_of(const char *event)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(uevent_kinds); i++) {
		if (!strcmp(uevent_kinds[i].event, event))
			return &uevent_kinds[i];
	}
	return NULL;
}

static void uevent_put(struct ksig_native *n, const struct uevent_kind *kind,
		       const struct ksig_uevent *u)
{
	const struct uevent_state *s = n->state;
	struct ksig_native *user;
	struct ksig_event *ev;
	unsigned int i;

	for (i = 0; i < n->users->n; i++) {
		user = n->users->user[i];
		if (uevent_kind_of(user->desc->name) != kind)
			continue;
		ev = ksig_native_put(user, s->nl.time_ns);
		if (ev)
			kind->fill(user, u, ev);
	}
}

/*
 * Decides whether a message is about a change of the initial state that was listed. If it is not,
 * the list contains the change already: the uevent was sent before the list was read, or the object
 * appeared in sysfs before its uevent was sent.
 */
static int uevent_changes(struct uevent_state *s, const struct uevent_kind *kind,
			  const struct ksig_uevent *u, size_t len)
{
	struct ksig_present *listed = &s->present[kind->family];
	bool changed;

	if (!listed->known)
		return true;
	/*
	 * a cpu's uevents follow the change; other objects' "remove" precedes the removal from
	 * sysfs
	 */
	if (u->seqnum <= s->listed_upto || kind->family == KSIG_UEVENT_CPU)
		return ksig_present_set(listed, kind->present, u->path, s->buf, len);
	changed = !kind->present || !ksig_present_has(listed, u->path);
	/* the next uevent about an object with this path is about another change */
	ksig_present_set(listed, false, u->path, NULL, 0);
	return changed;
}

/* Handles the message in the buffer. @quiet: only note which objects are present. */
static void uevent_handle(struct ksig_native *n, size_t len, bool quiet)
{
	struct uevent_state *s = n->state;
	const struct uevent_kind *kind;
	struct ksig_uevent u;
	int i;

	s->buf[len] = '\0';
	ksig_uevent_parse(s->buf, len, &u);
	if (!u.action || !u.path || !u.subsystem || u.synthetic)
		return;
	/* after a rename, the old path and the paths below it can be reused */
	for (i = 0; u.old_path && i < KSIG_UEVENT_FAMILIES; i++)
		ksig_present_remove_below(&s->present[i], u.old_path);
	for (kind = uevent_kinds; kind < uevent_kinds + ARRAY_SIZE(uevent_kinds); kind++) {
		if ((kind->subsystem && strcmp(u.subsystem, kind->subsystem)) ||
		    strcmp(u.action, kind->action) || (kind->accept && !kind->accept(&u)))
			continue;
		/* out of memory counts as a change, which is better reported twice than missed */
		if (uevent_changes(s, kind, &u, len) && !quiet)
			uevent_put(n, kind, &u);
	}
}

/* ------------------------------------------------------------ the initial state */

/**
 * struct uevent_walk - a walk over objects
 * @user: add records about the initial state to this stream
 * @time_ns: time of these records
 * @not_in: skip the objects in this set; NULL if none
 * @err: 0 or -errno
 */
struct uevent_walk {
	struct ksig_native *user;
	uint64_t time_ns;
	struct ksig_present *not_in;
	int err;
};

static void uevent_walk(const void *node, VISIT visit, void *arg)
{
	const struct ksig_present_item *item = *(struct ksig_present_item *const *)node;
	struct uevent_walk *w = arg;
	struct ksig_uevent u;

	if (w->err || (visit != postorder && visit != leaf) ||
	    (w->not_in && ksig_present_has(w->not_in, item->path)))
		return;
	w->err = ksig_native_reserve(w->user, 1);
	if (w->err)
		return;
	ksig_uevent_parse(item->message, item->len, &u);
	uevent_kind_of(w->user->desc->name)->fill(w->user, &u,
		ksig_native_put_initial(w->user, w->time_ns));
}

/* Adds a record for each cpu that exists but is not online. */
static void uevent_put_offline(struct uevent_walk *w)
{
	struct uevent_state *s = w->user->state;
	struct ksig_present all = { };

	w->err = ksig_present_cpus(&all, "present");
	w->not_in = &s->present[KSIG_UEVENT_CPU];
	twalk_r(all.tree, uevent_walk, w);
	w->not_in = NULL;
	ksig_present_free(&all);
}

static uint64_t uevent_seqnum(void)
{
	FILE *f = fopen("/sys/kernel/uevent_seqnum", "re");
	uint64_t n = 0;

	if (f && fscanf(f, "%" SCNu64, &n) != 1)
		n = 0;
	if (f)
		fclose(f);
	return n;
}

/* Lists the objects that are present now, for the families whose state is requested. */
static int uevent_list(struct uevent_state *s)
{
	int family, err;

	for (family = KSIG_UEVENT_OTHER + 1; family < KSIG_UEVENT_FAMILIES; family++) {
		ksig_present_free(&s->present[family]);
		err = s->present[family].known ?
		      ksig_present_read(&s->present[family], family) : 0;
		if (err)
			return err;
	}
	return 0;
}

/*
 * Reads which objects are present now, for the families whose state is requested. Then reads the
 * messages that were sent before. An object that was listed may have been about to be removed.
 * Return: 0; the length of the next message, which is in the buffer; -ENOBUFS if messages were
 * lost; another -errno.
 */
static ssize_t uevent_read_present(struct ksig_native *n)
{
	struct uevent_state *s = n->state;
	uint64_t before = s->listed_upto + 1, lost;
	struct ksig_uevent u;
	int err, tries;
	ssize_t len;

	/* an object that is renamed while the directories are read may be missed, so try again */
	for (tries = 0; tries < 4 && s->listed_upto != before; tries++) {
		before = uevent_seqnum();
		err = uevent_list(s);
		if (err)
			return err;
		s->listed_upto = uevent_seqnum();
	}
	s->listed_at = ksig_now();
	for (;;) {
		len = ksig_netlink_read(&s->nl, s->buf, KSIG_UEVENT_MAX, &lost);
		if (len <= 0)
			return len;
		s->buf[len] = '\0';
		ksig_uevent_parse(s->buf, len, &u);
		if (u.seqnum > before)
			return len;
		uevent_handle(n, len, true);
	}
}

static int uevent_initial(struct ksig_native *n)
{
	struct uevent_state *s = n->state;
	const struct uevent_kind *kind;
	struct uevent_walk w = { };
	ssize_t len = -ENOBUFS;
	unsigned int i;
	int tries;

	for (i = 0; i < n->users->n; i++)
		s->present[uevent_kind_of(n->users->user[i]->desc->name)->family].known = true;
	s->present[KSIG_UEVENT_OTHER].known = false;
	for (tries = 0; len == -ENOBUFS && tries < TRIES; tries++)
		len = uevent_read_present(n);
	if (len < 0)
		return len;
	w.time_ns = ksig_now();
	for (i = 0; !w.err && i < n->users->n; i++) {
		w.user = n->users->user[i];
		kind = uevent_kind_of(w.user->desc->name);
		if (kind->present)
			twalk_r(s->present[kind->family].tree, uevent_walk, &w);
		else if (kind->family == KSIG_UEVENT_CPU)
			uevent_put_offline(&w);
		/* room for the message in the buffer, which is later */
		if (!w.err)
			w.err = ksig_native_reserve(w.user, 1);
	}
	s->nl.time_ns = ksig_now();
	if (s->nl.time_ns <= w.time_ns)
		s->nl.time_ns = w.time_ns + 1;
	if (!w.err && len)
		uevent_handle(n, len, false);
	return w.err;
}

/*
 * Forgets the lists once the uevents about the listed objects have been read, or if they may have
 * been lost.
 */
static void uevent_forget(struct uevent_state *s)
{
	int family;

	for (family = 0; family < KSIG_UEVENT_FAMILIES; family++) {
		ksig_present_free(&s->present[family]);
		s->present[family].known = false;
	}
	s->listed_at = 0;
}

/* ---------------------------------------------------------------- the source */

static int uevent_pull(struct ksig_native *n)
{
	struct uevent_state *s = n->state;
	int64_t now = s->listed_at ? ksig_now() : 0;
	uint64_t lost;
	uint32_t i;
	ssize_t len;

	/* limit the number of messages, because they may arrive faster than they are read */
	for (i = 0; i < n->len && ksig_native_room(n); i++) {
		len = ksig_netlink_read(&s->nl, s->buf, KSIG_UEVENT_MAX, &lost);
		if (len == -ENOBUFS) {
			/* each lost message may have been an event of this subscription */
			ksig_native_lose_upto(n, lost);
			uevent_forget(s);
			continue;
		}
		if (!len && s->listed_at && now - s->listed_at > ANNOUNCED_NS)
			uevent_forget(s);
		if (len <= 0)
			return len;
		uevent_handle(n, len, false);
	}
	return ksig_native_pulled(n, i);
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
	if (known && st.st_ino != KSIG_INITIAL_USER_NS)
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "the kernel sends no uevents to network namespaces owned by a non-initial user namespace: run ksig in the host's network namespace (nsenter --net)");
	if (!known && stream->opts->log)
		stream->opts->log(stream->opts->log_ctx,
			      "cannot determine in this user namespace whether uevents reach this network namespace");
	return 0;
}

int ksig_uevent_listen(struct ksig_netlink *nl, struct ksig_native *n, struct ksig_stream *stream,
		       struct ksig_error *e)
{
	int err = uevent_check_namespace(stream, e);

	if (err)
		return err;
	err = ksig_netlink_open(nl, NETLINK_KOBJECT_UEVENT, UEVENT_GROUP_KERNEL, n->len);
	if (!err)
		err = ksig_native_watch(n, nl->fd, EPOLLIN);
	if (!err)
		return 0;
	ksig_netlink_close(nl);
	return ksig_native_fail(e, err, "cannot receive uevents (netlink)");
}

static int uevent_open(struct ksig_native *n, struct ksig_stream *stream,
		       struct ksig_error *e)
{
	struct uevent_state *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return ksig_native_fail(e, -ENOMEM, "uevents");
	err = ksig_uevent_listen(&s->nl, n, stream, e);
	if (err)
		free(s);
	else
		n->state = s;
	return err;
}

static int uevent_join(struct ksig_native *n, struct ksig_error *e)
{
	if (uevent_kind_of(n->desc->name))
		return 0;
	return ksig_fail(e, 0, EINVAL, "%s has no row in uevent_kinds[] (a bug in ksig)",
			 n->desc->name);
}

static void uevent_close(struct ksig_native *n)
{
	struct uevent_state *s = n->state;

	ksig_netlink_close(&s->nl);
	uevent_forget(s);
	free(s);
}

const struct ksig_native_source ksig_native_uevent = {
	.shared = true,
	.open = uevent_open,
	.join = uevent_join,
	.initial = uevent_initial,
	.close = uevent_close,
	.pull = uevent_pull,
};
