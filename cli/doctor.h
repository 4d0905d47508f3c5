/* SPDX-License-Identifier: MIT */
/* What ksig doctor tries, for the command that runs and reports it. */
#ifndef KSIG_DOCTOR_H
#define KSIG_DOCTOR_H

#include <stddef.h>

enum ksig_finding_state { KSIG_FOUND_WORKS, KSIG_FOUND_NOT_HERE, KSIG_FOUND_BROKEN };

/**
 * struct ksig_finding - what came of a trial
 * @state: see above
 * @err: errno, or 0
 * @provider: which provided it; "": none
 * @text: what was seen, or why not
 */
struct ksig_finding {
	enum ksig_finding_state state;
	int err;
	char provider[16];
	char text[1024];
};

_Static_assert(sizeof(struct ksig_finding) <= 4096, "a pipe takes it at once");

/**
 * struct ksig_path - a way that an event or a signal can come
 * @name: as in ksig-doctor(1)
 * @provider: which it belongs to; NULL: none
 * @event: what is subscribed to; %d: a process
 * @way: KSIG_SENT_BY_*, of those that send
 * @try: fills in what is found
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

/* In order, from 0; NULL: no more */
const struct ksig_path *ksig_doctor_path(size_t index);
/* Subscribe to p->event with the provider that would be chosen. */
void ksig_try_event(const struct ksig_path *p, struct ksig_finding *f);

#endif /* KSIG_DOCTOR_H */
