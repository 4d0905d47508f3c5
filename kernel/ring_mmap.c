// SPDX-License-Identifier: GPL-2.0-only
/* Mappings of a ring. <ksig/uapi.h> describes the layout. */
#include <linux/mm.h>
#include <linux/personality.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#include "ring.h"

/* Count a new mapping. While @maps is not 0, the ring's memory can't be replaced. */
static int ksig_ring_map_begin(struct ksig_ring *ring, unsigned long pages,
			       bool first)
{
	unsigned long flags, most = 1;
	int err = 0;

	raw_spin_lock_irqsave(&ring->lock, flags);
	if (!first)
		most += PAGE_ALIGN((size_t)ring->mem.len * ring->event_size) >>
			PAGE_SHIFT;
	if (pages > most) {
		err = -EINVAL;
	} else if (ring->claimed) {
		err = -EBUSY;
	} else {
		/* from now on, the consumer's position is read from the consumer page */
		if (!ring->maps)
			WRITE_ONCE(ring->mem.consumer->head, ring->head);
		WRITE_ONCE(ring->maps, ring->maps + 1);
	}
	raw_spin_unlock_irqrestore(&ring->lock, flags);
	return err;
}

static void ksig_ring_map_end(struct ksig_ring *ring)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&ring->lock, flags);
	/* accept the last position that the mapping has stored */
	ksig_ring_head(ring);
	WRITE_ONCE(ring->maps, ring->maps - 1);
	raw_spin_unlock_irqrestore(&ring->lock, flags);
}

/* Called when munmap() of a middle part splits a mapping in two. */
static void ksig_ring_vma_open(struct vm_area_struct *vma)
{
	struct ksig_ring *ring = vma->vm_private_data;
	unsigned long flags;

	raw_spin_lock_irqsave(&ring->lock, flags);
	WRITE_ONCE(ring->maps, ring->maps + 1);
	raw_spin_unlock_irqrestore(&ring->lock, flags);
}

static void ksig_ring_vma_close(struct vm_area_struct *vma)
{
	ksig_ring_map_end(vma->vm_private_data);
}

static const struct vm_operations_struct ksig_ring_vm_ops = {
	.open = ksig_ring_vma_open,
	.close = ksig_ring_vma_close,
};

/**
 * ksig_ring_mmap() - map one of the two parts of the ring
 * @ring: the ring; must not be freed before vma->vm_file is released
 * @vma: the area to map
 *
 * Context: process; mmap_lock is held. Takes no lock under which user memory is
 * accessed.
 *
 * Return: 0; -EINVAL if the range is invalid or the mapping is private; -EACCES if the mapping
 * is executable, or the second part is mapped for writing; -EBUSY if records are delivered by
 * signal; -ENOMEM.
 */
int ksig_ring_mmap(struct ksig_ring *ring, struct vm_area_struct *vma)
{
	unsigned long at = vma->vm_start;
	bool first = !vma->vm_pgoff;
	void *page;
	int err;

	if (!(vma->vm_flags & VM_MAYSHARE) || vma->vm_pgoff > 1)
		return -EINVAL;
	if (!first && (vma->vm_flags & VM_WRITE))
		return -EACCES;
	if ((vma->vm_flags & VM_EXEC) &&
	    !(current->personality & READ_IMPLIES_EXEC))
		return -EACCES;

	err = ksig_ring_map_begin(ring, vma_pages(vma), first);
	if (err)
		return err;
	/*
	 * These flags are permanent. mprotect() can't restore the VM_MAY* flags.
	 * madvise() can't clear VM_IO, and can't clear VM_DONTCOPY while VM_IO is set.
	 */
	vm_flags_mod(vma, VM_IO | VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP,
		     VM_EXEC | VM_MAYEXEC | (first ? 0 : VM_MAYWRITE));
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
	page = first ? (void *)ring->mem.consumer : ring->mem.producer;
	err = vm_insert_page(vma, at, virt_to_page(page));
	/* the first part has only one page, so the loop ends immediately */
	page = ring->mem.records;
	for (at += PAGE_SIZE; !err && at < vma->vm_end; at += PAGE_SIZE) {
		err = vm_insert_page(vma, at, vmalloc_to_page(page));
		page += PAGE_SIZE;
	}
	if (err) {
		ksig_ring_map_end(ring);
		return err;
	}
	vma->vm_private_data = ring;
	vma->vm_ops = &ksig_ring_vm_ops;
	return 0;
}
