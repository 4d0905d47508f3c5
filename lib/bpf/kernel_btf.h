/* SPDX-License-Identifier: MIT */
/* The part of the kernel's BTF that our BPF programs need. */
#ifndef KSIG_KERNEL_BTF_H
#define KSIG_KERNEL_BTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Copies the structures, unions, enumerations and typedefs of these names, and
 * what lies in them, out of the BTF of the running kernel. All pointers become
 * pointers to void, except those to function prototypes that a typedef names.
 * @names is sorted by strcmp().
 *
 * @preemptible: do probes of tracepoints run with preemption on? True since Linux
 * 7.0, where SRCU protects them: what that is done with is in the BTF.
 *
 * Return: 0, and @data is to be freed with free(); -ENOENT if the kernel has no
 * BTF or /sys is not mounted; -EINVAL if its BTF is of an unknown form; -ENOMEM.
 */
int ksig_kernel_btf_trim(const char *const *names, size_t n_names,
			 void **data, uint32_t *size, bool *preemptible);

#endif /* KSIG_KERNEL_BTF_H */
