/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KSIG_COMPAT_LINUX_MM_H
#define KSIG_COMPAT_LINUX_MM_H

#include <linux/version.h>
#include_next <linux/mm.h>

/* Since Linux 6.3, vm_flags must be changed through functions. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void ksig_vm_flags_mod(struct vm_area_struct *vma,
				     vm_flags_t set, vm_flags_t clear)
{
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
}

#define vm_flags_mod ksig_vm_flags_mod
#endif

#endif
