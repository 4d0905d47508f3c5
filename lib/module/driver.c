// SPDX-License-Identifier: MIT
/* Reads descriptions of the events of drivers' channels from sysfs. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "module.h"

/* Description of an event of a driver's channel, with the strings that it refers to */
struct driver_desc {
	struct ksig_event_desc desc;
	struct ksig_field_desc fields[2];
	char name[2 * KSIG_NAME_MAX];
	char channel[KSIG_NAME_MAX];
	char description[128];
};

/* Reads an attribute of the channel, without the trailing newline. */
static int driver_read_attr(const char *channel, const char *attr, char *buf,
			    size_t size)
{
	char path[sizeof(CLASS) + KSIG_NAME_MAX + 32];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), CLASS "%s/%s", channel, attr);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = read(fd, buf, size - 1);
	close(fd);
	if (len < 0)
		return -EIO;
	buf[len] = '\0';
	if (len && buf[len - 1] == '\n')
		buf[len - 1] = '\0';
	return 0;
}

static struct driver_desc *driver_make_desc(const char *name, const char *channel,
					    int type, uint32_t event_size)
{
	char path[sizeof(DEV) + KSIG_NAME_MAX];
	struct ksig_info info = { };
	struct driver_desc *d;
	bool pids = false;
	int fd;

	/*
	 * Only KSIG_IOC_INFO reports whether subjects are pids. Try to open the channel for writing
	 * first, because that does not create a subscription. If the channel can't be opened at
	 * all, the check operation reports the error.
	 */
	snprintf(path, sizeof(path), DEV "%s", channel);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0) {
		pids = !ioctl(fd, KSIG_IOC_INFO, &info) && info.flags & KSIG_CHANNEL_PIDS;
		close(fd);
	}
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	snprintf(d->name, sizeof(d->name), "%s", name);
	snprintf(d->channel, sizeof(d->channel), "%s", channel);
	if (driver_read_attr(channel, "description", d->description,
			     sizeof(d->description)))
		*d->description = '\0';
	d->fields[0] = (struct ksig_field_desc) {
		.name = pids ? "pid" : "subject",
		.type = KSIG_FIELD_UNSIGNED,
		.offset = offsetof(struct ksig_event, subject),
		.size = 8,
		.unknown = KSIG_EVENT_NO_SUBJECT,
	};
	d->fields[1] = (struct ksig_field_desc) {
		.name = "value",
		.type = KSIG_FIELD_SIGNED,
		.offset = offsetof(struct ksig_event, value),
		.size = 8,
		.unknown = KSIG_EVENT_NO_VALUE,
	};
	d->desc = (struct ksig_event_desc) {
		.name = d->name,
		.description = d->description,
		.channel = d->channel,
		.type = type,
		.event_size = event_size,
		.pids = pids,
		.n_fields = ARRAY_SIZE(d->fields),
		.fields = d->fields,
	};
	return d;
}

int ksig_module_desc(const char *name, const struct ksig_sub_opts *opts,
		     struct ksig_event_desc **out, struct ksig_error *e)
{
	size_t len = strcspn(name, ".");
	const char *type = name + len + (name[len] == '.');
	char channel[KSIG_NAME_MAX], types[4096], size[16], *line, *c;
	struct driver_desc *d;
	int index = 0;
	size_t n;

	(void)opts;
	if (!len || len >= sizeof(channel) || strlen(name) >= sizeof(d->name))
		return -ENOENT;
	snprintf(channel, sizeof(channel), "%.*s", (int)len, name);
	if (driver_read_attr(channel, "types", types, sizeof(types)) ||
	    driver_read_attr(channel, "event_size", size, sizeof(size)))
		return -ENOENT;
	/*
	 * each line is the name of a type; if there are no lines, the channel has one unnamed type
	 */
	for (line = *type || !*types ? types : NULL; line; index++) {
		n = strcspn(line, "\n");
		if (n == strlen(type) && !strncmp(line, type, n))
			break;
		line = line[n] ? line + n + 1 : NULL;
	}
	if (!line && !*types)
		return ksig_fail(e, 1, ENOENT,
				 "no event '%s': the channel has a single event, with the channel's name",
				 name);
	if (!line) {
		for (c = types; *c; c++) {
			if (*c == '\n')
				*c = ' ';
		}
		return ksig_fail(e, 1, ENOENT,
				 "no event '%s': after the channel's name, give one of: %.255s",
				 name, types);
	}
	d = driver_make_desc(name, channel, index, strtoul(size, NULL, 10));
	if (!d)
		return ksig_fail(e, 0, ENOMEM, "out of memory");
	*out = &d->desc;
	return 0;
}

void ksig_module_desc_free(struct ksig_event_desc *d)
{
	/* @d is the first member */
	free((struct driver_desc *)d);
}
