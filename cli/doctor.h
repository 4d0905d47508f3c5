/* SPDX-License-Identifier: MIT */
/* Interface between the trials of ksig doctor and the command that runs them. */
#ifndef KSIG_DOCTOR_H
#define KSIG_DOCTOR_H

#include <stddef.h>

enum ksig_finding_state { KSIG_FOUND_WORKS, KSIG_FOUND_NOT_HERE, KSIG_FOUND_BROKEN };

/**
 * struct ksig_finding - result of a trial
 * @state: outcome, see above
 * @err: errno, or 0
 * @provider: provider that was used; "" if there is none
 * @text: what was observed, or why the trial did not succeed
 */
struct ksig_finding {
	enum ksig_finding_state state;
	int err;
	char provider[16];
	char text[1024];
};

_Static_assert(sizeof(struct ksig_finding) <= 4096, "a pipe takes it at once");

/**
 * struct ksig_path - a path by which an event or a signal can reach a process
 * @name: name of the path, as in ksig-doctor(1)
 * @provider: provider that the path belongs to; NULL if there is none
 * @event: event to subscribe to; %d stands for a pid
 * @way: KSIG_SENT_BY_*, for paths that send a signal
 * @try: runs the trial and fills in the finding
 */
struct ksig_path {
	const char *name;
	const char *provider;
	const char *event;
	int way;
	void (*try)(const struct ksig_path *p, struct ksig_finding *f);
};

void ksig_found(struct ksig_finding *f, enum ksig_finding_state state, int err,
		const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Returns the path at @index, starting with 0; NULL after the last one. */
const struct ksig_path *ksig_doctor_path(size_t index);
/* Subscribes to p->event with the provider that would be chosen by default. */
void ksig_try_event(const struct ksig_path *p, struct ksig_finding *f);

#endif /* KSIG_DOCTOR_H */
