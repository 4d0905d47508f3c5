// SPDX-License-Identifier: MIT
/*
 * power.ac and power.battery: whether the machine is powered by an external power supply or by its
 * batteries. After each uevent of a power supply, /sys/class/power_supply is read again.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "uevent.h"

#define CLASS "/sys/class/power_supply"

/**
 * struct supply_power - what powers the machine
 * @battery: its batteries do
 * @source: the external power supply, or one of the batteries; "" if there is none
 */
struct supply_power {
	bool battery;
	char source[64];
};

/**
 * struct supply_state - what all streams share
 * @nl: the socket
 * @last: what powered the machine when that was read last
 * @stale: it must be read again
 * @buf: buffer for one message
 */
struct supply_state {
	struct ksig_netlink nl;
	struct supply_power last;
	bool stale;
	char buf[KSIG_UEVENT_MAX + 1];
};

/* Reads a file of a power supply. @word: "" if it can't be read */
static void supply_read_file(const char *supply, const char *file, char word[32])
{
	char path[sizeof(CLASS) + 2 * NAME_MAX + 64];
	ssize_t len = -1;
	int fd;

	snprintf(path, sizeof(path), CLASS "/%s/%s", supply, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, word, 31);
		close(fd);
	}
	word[len < 0 ? 0 : len] = '\0';
	word[strcspn(word, "\n")] = '\0';
}

/*
 * Return: whether the supply belongs to a USB port through which the machine supplies power. The
 * supply and the ports of the Type-C class have the same parent. Each has a file power_role:
 * "[source] sink" if the port supplies power.
 */
static bool supply_is_source(const char *supply)
{
	char ports[sizeof(CLASS) + NAME_MAX + 32], file[NAME_MAX + 64], role[32];
	bool source = false, sink = false;
	struct dirent *d;
	DIR *dir;

	snprintf(ports, sizeof(ports), CLASS "/%s/device/typec", supply);
	dir = opendir(ports);
	while (dir && (d = readdir(dir))) {
		snprintf(file, sizeof(file), "device/typec/%s/power_role", d->d_name);
		supply_read_file(supply, file, role);
		source |= strstr(role, "[source]") != NULL;
		sink |= strstr(role, "[sink]") != NULL;
	}
	if (dir)
		closedir(dir);
	return source && !sink;
}

/*
 * Finds out what powers the machine: a power supply that is online; or its batteries, if one of
 * them is discharging and no power supply is online.
 * Return: 0 or -errno.
 */
static int supply_read(struct supply_power *now)
{
	char type[32], scope[32], word[32], battery[64] = "", online[64] = "";
	bool discharging = false;
	DIR *dir = opendir(CLASS);
	struct dirent *d;

	*now = (struct supply_power) { };
	/* the kernel has no such class */
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((d = readdir(dir))) {
		supply_read_file(d->d_name, "type", type);
		supply_read_file(d->d_name, "scope", scope);
		/* the supply of a device, such as a mouse */
		if (*d->d_name == '.' || !strcmp(scope, "Device"))
			continue;
		if (!strcmp(type, "Battery") || !strcmp(type, "UPS")) {
			supply_read_file(d->d_name, "present", word);
			if (!strcmp(word, "0"))
				continue;
			supply_read_file(d->d_name, "status", word);
			discharging |= !strcmp(word, "Discharging");
			snprintf(battery, sizeof(battery), "%.63s", d->d_name);
			continue;
		}
		supply_read_file(d->d_name, "online", word);
		if (*word && strcmp(word, "0") && !supply_is_source(d->d_name))
			snprintf(online, sizeof(online), "%.63s", d->d_name);
	}
	closedir(dir);
	/* an online supply counts even if it is too weak and a battery discharges */
	now->battery = discharging && !*online;
	strcpy(now->source, now->battery ? battery : online);
	return 0;
}

/* Return: whether the stream reports this state. */
static bool supply_concerns(const struct ksig_native *user, const struct supply_power *now)
{
	return now->battery == (user->desc->type == KSIG_POWER_BATTERY);
}

static int supply_pull(struct ksig_native *n)
{
	struct supply_state *s = n->state;
	struct supply_power now;
	struct ksig_native *user;
	struct ksig_event *ev;
	struct ksig_uevent u;
	uint64_t lost;
	unsigned int i;
	ssize_t len;
	int err;

	/* limit the number of messages, because they may arrive faster than they are read */
	for (i = 0; i < n->len; i++) {
		len = ksig_netlink_read(&s->nl, s->buf, KSIG_UEVENT_MAX, &lost);
		if (len < 0 && len != -ENOBUFS)
			return len;
		if (!len)
			break;
		s->buf[len > 0 ? len : 0] = '\0';
		ksig_uevent_parse(s->buf, len > 0 ? len : 0, &u);
		s->stale |= len < 0 || (u.subsystem && !strcmp(u.subsystem, "power_supply"));
	}
	if (!s->stale)
		return 0;
	err = supply_read(&now);
	if (err)
		return err;
	s->stale = false;
	for (i = 0; i < n->users->n && now.battery != s->last.battery; i++) {
		user = n->users->user[i];
		if (!supply_concerns(user, &now))
			continue;
		ev = ksig_native_put(user, ksig_now());
		if (ev)
			ksig_native_set_text(user, ev, "source", now.source);
	}
	s->last = now;
	return 0;
}

static int supply_initial(struct ksig_native *n)
{
	struct supply_state *s = n->state;
	struct ksig_native *user;
	unsigned int i;
	int err = supply_read(&s->last);

	for (i = 0; i < n->users->n && !err; i++) {
		user = n->users->user[i];
		if (!supply_concerns(user, &s->last))
			continue;
		err = ksig_native_reserve(user, 1);
		if (!err)
			ksig_native_set_text(user, ksig_native_put_initial(user, ksig_now()),
					     "source", s->last.source);
	}
	return err;
}

static void supply_close(struct ksig_native *n)
{
	struct supply_state *s = n->state;

	ksig_netlink_close(&s->nl);
	free(s);
}

static int supply_open(struct ksig_native *n, struct ksig_stream *stream, struct ksig_error *e)
{
	struct supply_state *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return ksig_native_fail(e, -ENOMEM, "power supplies");
	err = ksig_uevent_listen(&s->nl, n, stream, e);
	if (err) {
		free(s);
		return err;
	}
	n->state = s;
	/* changes from now on cause a message, so read the state afterwards */
	err = supply_read(&s->last);
	if (!err)
		return 0;
	supply_close(n);
	return ksig_native_fail(e, err, CLASS);
}

const struct ksig_native_source ksig_native_supply = {
	.shared = true,
	.open = supply_open,
	.initial = supply_initial,
	.close = supply_close,
	.pull = supply_pull,
};
