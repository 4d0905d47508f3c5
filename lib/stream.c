// SPDX-License-Identifier: MIT
/*
 * Opening a stream: what one specification asks for, which provider serves it, and what
 * the library has to look at itself.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "provider.h"

/*
 * Opened before the provider pins the process that then has the number: whatever
 * happens in between, this one reports the end. Return: 0, or why it could not be.
 */
static int open_subject(struct ksig_stream *stream)
{
	const struct ksig_cond *c = ksig_spec_named_process(&stream->spec,
							    stream->desc);
	int fd = c ? ksig_process_open(c->number, 0, NULL) : -1;

	if (c && fd < 0)
		return fd;
	stream->subject_fd = fd;
	return 0;
}

/*
 * @err: open_subject()'s. The provider, which was asked since, may have said better. One
 * that watches the process itself needs no other descriptor.
 */
static int check_subject(struct ksig_stream *stream, int err,
			 struct ksig_error *e)
{
	const struct ksig_cond *c = ksig_spec_named_process(&stream->spec,
							    stream->desc);

	if (!err && stream->ends_itself && stream->subject_fd >= 0) {
		close(stream->subject_fd);
		stream->subject_fd = -1;
	}
	if (!err)
		return 0;
	if (err != -ESRCH && err != -EINVAL)
		return ksig_fail(e, c->text_column, -err, "process %s: %s",
				 c->text, strerror(-err));
	return ksig_fail(e, c->text_column, ESRCH, "process %s has just exited",
			 c->text);
}

/* A tracepoint's provider puts the value into the record itself. */
static int resolve_value(struct ksig_stream *stream, struct ksig_error *e)
{
	const char *key = stream->opts->value_field;

	if (!key || !strncmp(stream->desc->name, "trace.", 6))
		return 0;
	stream->value = ksig_desc_field(stream->desc, key);
	if (!stream->value)
		return ksig_fail(e, 0, EINVAL, "%s has no field '%s'",
				 stream->spec.name, key);
	if (stream->value->type == KSIG_FIELD_STRING)
		return ksig_fail(e, 0, EINVAL,
				 "'%s' is a string: the value must be a number",
				 key);
	return 0;
}

/* Without cgroup2 a condition on the path would never be met. */
static int open_cgroups(struct ksig_stream *stream, struct ksig_error *e)
{
	const struct ksig_cond *c;
	unsigned int i;

	if (!stream->desc->cgroup)
		return 0;
	stream->cgroups = ksig_cgroups_open();
	for (i = 0; !stream->cgroups && i < stream->spec.n_conds; i++) {
		c = &stream->spec.conds[i];
		if (c->field && c->field->added)
			return ksig_fail(e, c->column, EOPNOTSUPP,
					 "'%s' is unknown without cgroup2: as root, mount -t cgroup2 none /sys/fs/cgroup",
					 c->key);
	}
	return 0;
}

int ksig_stream_open(struct ksig_stream *stream, const char *event,
		     const struct ksig_sub_opts *opts, struct ksig_error *e)
{
	int subject_err, err;

	stream->opts = opts;
	stream->fd = -1;
	stream->subject_fd = -1;
	stream->status_fd = -1;
	err = ksig_spec_parse(event, &stream->spec, e);
	if (!err)
		err = ksig_choose_desc(stream, e);
	if (!err)
		err = ksig_spec_resolve(&stream->spec, stream->desc, e);
	if (!err)
		err = resolve_value(stream, e);
	if (!err)
		err = open_cgroups(stream, e);
	if (err)
		return err;
	subject_err = open_subject(stream);
	err = ksig_choose_open(stream, e);
	return err ? err : check_subject(stream, subject_err, e);
}

void ksig_stream_close(struct ksig_stream *stream)
{
	ksig_status_close(stream);
	if (stream->subject_fd >= 0)
		close(stream->subject_fd);
	free(stream->next);
	ksig_cgroups_close(stream->cgroups);
	if (stream->fd >= 0)
		stream->provider->close(stream);
	if (stream->own_desc)
		stream->provider->desc_free(stream->own_desc);
	ksig_spec_free(&stream->spec);
}
