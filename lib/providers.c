// SPDX-License-Identifier: MIT
/* Lists the built-in providers, in order of preference. */
#include <errno.h>
#include <string.h>

#include "provider.h"

static const struct ksig_provider *const providers[] = {
	&ksig_provider_module,
#ifdef KSIG_HAVE_BPF
	&ksig_provider_bpf,
#endif
#ifdef KSIG_HAVE_NATIVE
	&ksig_provider_native,
#endif
};

static const char *const all_providers[] = { "module", "bpf", "native" };

const struct ksig_provider *ksig_provider_at(unsigned int index)
{
	return index < ARRAY_SIZE(providers) ? providers[index] : NULL;
}

int ksig_provider_check_name(const char *name, struct ksig_error *e)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(providers); i++) {
		if (!strcmp(providers[i]->name, name))
			return 0;
	}
	for (i = 0; i < ARRAY_SIZE(all_providers); i++) {
		if (!strcmp(all_providers[i], name))
			return ksig_fail(e, 0, EOPNOTSUPP,
					 "this build has no provider '%s'",
					 name);
	}
	return ksig_fail(e, 0, EINVAL,
			 "unknown provider '%s': expected module, bpf or native",
			 name);
}
