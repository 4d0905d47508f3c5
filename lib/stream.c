// SPDX-License-Identifier: MIT
/*
 * Opens a stream: parses the specification, chooses a provider, and prepares the work that the
 * library does itself.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "provider.h"

/*
 * Looks up the field that is used as the signal's value, and opens the cgroup hierarchy if the
 * event needs it.
 */
static int stream_prepare(struct ksig_stream *stream, struct ksig_error *e)
{
	const char *key = stream->opts->value_field;
	const struct ksig_cond *c;
	unsigned int i;

	/* for a tracepoint, the provider stores the selected field as the record's value */
	if (key && strncmp(stream->desc->name, "trace.", 6)) {
		stream->value = ksig_desc_field(stream->desc, key);
		if (!stream->value)
			return ksig_fail(e, 0, EINVAL, "%s has no field '%s'",
					 stream->spec.name, key);
		if (stream->value->type == KSIG_FIELD_STRING)
			return ksig_fail(e, 0, EINVAL,
					 "'%s' is a string: the value must be a number",
					 key);
	}
	if (!stream->desc->cgroup)
		return 0;
	stream->cgroups = ksig_cgroups_open();
	/* without cgroup2 a condition on the path would never be true */
	for (i = 0; !stream->cgroups && i < stream->spec.n_conds; i++) {
		c = &stream->spec.conds[i];
		if (c->field && c->field->added)
			return ksig_fail(e, c->column, EOPNOTSUPP,
					 "'%s' is unknown without cgroup2: as root, mount -t cgroup2 none /sys/fs/cgroup",
					 c->key);
	}
	return 0;
}

bool ksig_stream_wants_initial(const struct ksig_stream *stream)
{
	/* process.exit has an initial state only if the filter names one process */
	return stream->opts->flags & KSIG_SUB_INITIAL && stream->desc->state &&
	       (!stream->desc->pids || ksig_spec_named_process(&stream->spec, stream->desc));
}

int ksig_stream_open(struct ksig_stream *stream, const char *event,
		     const struct ksig_sub_opts *opts, struct ksig_error *e)
{
	const struct ksig_cond *c;
	int subject = -1, err;

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
		err = stream_prepare(stream, e);
	if (err)
		return err;
	/*
	 * Open the pidfd before the provider pins the process that has this pid. If the pid is
	 * reused in between, the pidfd then reports that the original process has exited.
	 */
	c = ksig_spec_named_process(&stream->spec, stream->desc);
	if (c)
		subject = ksig_process_open(c->number, 0, NULL);
	if (subject >= 0)
		stream->subject_fd = subject;
	stream->gone = subject == -ESRCH && ksig_stream_wants_initial(stream);
	err = ksig_choose_open(stream, e);
	/* the process exited while the provider was being opened */
	if (err == -ESRCH && subject >= 0 && ksig_stream_wants_initial(stream) && !stream->own_desc) {
		close(stream->subject_fd);
		stream->subject_fd = -1;
		stream->gone = true;
		err = ksig_choose_open(stream, e);
	}
	if (err || !c || stream->gone)
		return err;
	/* if the provider has failed, its message is more specific than the following ones */
	if (subject == -ESRCH || subject == -EINVAL)
		return ksig_fail(e, c->text_column, ESRCH, "process %s has just exited",
				 c->text);
	if (subject < 0)
		return ksig_fail(e, c->text_column, -subject, "process %s: %s",
				 c->text, strerror(-subject));
	/* if the provider watches the process itself, no second descriptor is needed */
	if (stream->ends_itself) {
		close(stream->subject_fd);
		stream->subject_fd = -1;
	}
	return 0;
}

void ksig_stream_close(struct ksig_stream *stream)
{
	ksig_status_close(stream);
	if (stream->subject_fd >= 0)
		close(stream->subject_fd);
	ksig_cgroups_close(stream->cgroups);
	if (stream->fd >= 0)
		stream->provider->close(stream);
	if (stream->own_desc)
		stream->provider->desc_free(stream->own_desc);
	ksig_spec_free(&stream->spec);
}
