/* SPDX-License-Identifier: MIT */
/* fs.full and fs.free: when a file system counts as full. */
#ifndef KSIG_NATIVE_SPACE_H
#define KSIG_NATIVE_SPACE_H

#include <sys/statvfs.h>

#include "native.h"

/**
 * struct ksig_space_limit - an amount of free space
 * @percent: in hundredths of a percent of the file system; 0 if @bytes is used
 * @bytes: in bytes
 */
struct ksig_space_limit {
	uint64_t percent;
	uint64_t bytes;
};

/**
 * struct ksig_space_rule - settings of an event
 * @path: the setting "path"; NULL to watch all file systems
 * @path_column: column of the path in the event specification
 * @below: a file system is full if less is free
 * @above: it is no longer full if more is free
 * @exact: @above was set by the user, so it applies even if the file system is too small for it
 * @every_ns: fixed interval between two reads; 0 if it depends on the free space
 */
struct ksig_space_rule {
	const char *path;
	unsigned int path_column;
	struct ksig_space_limit below;
	struct ksig_space_limit above;
	bool exact;
	int64_t every_ns;
};

/* Parses the settings. Return: 0, or -errno with the reason in @e. */
int ksig_space_parse(struct ksig_space_rule *r, const struct ksig_spec *spec,
		     struct ksig_error *e);
/* Return: whether two rules are the same. */
bool ksig_space_same_rule(const struct ksig_space_rule *a, const struct ksig_space_rule *b);
/* Return: the free space without what is reserved for root, in bytes. */
uint64_t ksig_space_free(const struct statvfs *st);
/*
 * Applies the rule to a file system. @full: its last state, which is updated. Return: the time until
 * the next read, in ns.
 */
int64_t ksig_space_apply(const struct ksig_space_rule *r, const struct statvfs *st, bool *full);

#endif /* KSIG_NATIVE_SPACE_H */
