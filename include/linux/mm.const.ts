// SPDX-License-Identifier: GPL-2.0
/*
 * Flags of VMAs, faults and get_user_pages().
 *
 * Upstream: include/linux/mm.h, and the fault flags of include/linux/mm_types.h.
 */

/* vm_flags: 32 bits; combine with | and compare with &, never with < or === on the top bit */
export const VM_NONE		= 0x00000000;
export const VM_READ		= 0x00000001;
export const VM_WRITE		= 0x00000002;
export const VM_EXEC		= 0x00000004;
export const VM_SHARED		= 0x00000008;
export const VM_MAYREAD		= 0x00000010;
export const VM_MAYWRITE	= 0x00000020;
export const VM_MAYEXEC		= 0x00000040;
export const VM_MAYSHARE	= 0x00000080;
export const VM_GROWSDOWN	= 0x00000100;
export const VM_UFFD_MISSING	= 0;
export const VM_PFNMAP		= 0x00000400;
export const VM_UFFD_WP		= 0;
export const VM_LOCKED		= 0x00002000;
export const VM_IO		= 0x00004000;
export const VM_SEQ_READ	= 0x00008000;
export const VM_RAND_READ	= 0x00010000;
export const VM_DONTCOPY	= 0x00020000;
export const VM_DONTEXPAND	= 0x00040000;
export const VM_LOCKONFAULT	= 0x00080000;
export const VM_ACCOUNT		= 0x00100000;
export const VM_NORESERVE	= 0x00200000;
export const VM_HUGETLB		= 0x00400000;
export const VM_SYNC		= 0x00800000;
export const VM_ARCH_1		= 0x01000000;
export const VM_WIPEONFORK	= 0x02000000;
export const VM_DONTDUMP	= 0x04000000;
export const VM_SOFTDIRTY	= 0;
export const VM_MIXEDMAP	= 0x10000000;
export const VM_HUGEPAGE	= 0x20000000;
export const VM_NOHUGEPAGE	= 0x40000000;
export const VM_PAT		= VM_ARCH_1;
export const VM_GROWSUP		= VM_NONE;
export const VM_UFFD_MINOR	= VM_NONE;
export const VM_ARCH_CLEAR	= VM_NONE;

export const VM_STACK_INCOMPLETE_SETUP	= VM_RAND_READ | VM_SEQ_READ;
export const VM_DATA_FLAGS_NON_EXEC	= VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE |
					  VM_MAYEXEC;
export const VM_DATA_FLAGS_EXEC		= VM_READ | VM_WRITE | VM_EXEC | VM_MAYREAD | VM_MAYWRITE |
					  VM_MAYEXEC;
export const VM_DATA_DEFAULT_FLAGS	= VM_DATA_FLAGS_NON_EXEC;
export const VM_STACK_DEFAULT_FLAGS	= VM_DATA_DEFAULT_FLAGS;
export const VM_STACK			= VM_GROWSDOWN;
export const VM_STACK_FLAGS		= VM_STACK | VM_STACK_DEFAULT_FLAGS | VM_ACCOUNT;
export const VM_ACCESS_FLAGS		= VM_READ | VM_WRITE | VM_EXEC;
export const VM_SPECIAL			= VM_IO | VM_DONTEXPAND | VM_PFNMAP | VM_MIXEDMAP;
export const VM_NO_KHUGEPAGED		= VM_SPECIAL | VM_HUGETLB;
export const VM_INIT_DEF_MASK		= VM_NOHUGEPAGE;
export const VM_LOCKED_CLEAR_MASK	= ~(VM_LOCKED | VM_LOCKONFAULT);
export const VM_FLAGS_CLEAR		= VM_ARCH_CLEAR;

/* what a fault is about */
export const FAULT_FLAG_WRITE		= 1 << 0;
export const FAULT_FLAG_MKWRITE		= 1 << 1;
export const FAULT_FLAG_ALLOW_RETRY	= 1 << 2;
export const FAULT_FLAG_RETRY_NOWAIT	= 1 << 3;
export const FAULT_FLAG_KILLABLE	= 1 << 4;
export const FAULT_FLAG_TRIED		= 1 << 5;
export const FAULT_FLAG_USER		= 1 << 6;
export const FAULT_FLAG_REMOTE		= 1 << 7;
export const FAULT_FLAG_INSTRUCTION	= 1 << 8;
export const FAULT_FLAG_INTERRUPTIBLE	= 1 << 9;
export const FAULT_FLAG_UNSHARE		= 1 << 10;
export const FAULT_FLAG_ORIG_PTE_VALID	= 1 << 11;
export const FAULT_FLAG_DEFAULT		= FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE |
					  FAULT_FLAG_INTERRUPTIBLE;

/* what came of it */
export const VM_FAULT_OOM		= 0x000001;
export const VM_FAULT_SIGBUS		= 0x000002;
export const VM_FAULT_MAJOR		= 0x000004;
export const VM_FAULT_WRITE		= 0x000008;
export const VM_FAULT_HWPOISON		= 0x000010;
export const VM_FAULT_HWPOISON_LARGE	= 0x000020;
export const VM_FAULT_SIGSEGV		= 0x000040;
export const VM_FAULT_NOPAGE		= 0x000100;
export const VM_FAULT_LOCKED		= 0x000200;
export const VM_FAULT_RETRY		= 0x000400;
export const VM_FAULT_FALLBACK		= 0x000800;
export const VM_FAULT_DONE_COW		= 0x001000;
export const VM_FAULT_NEEDDSYNC		= 0x002000;
export const VM_FAULT_COMPLETED		= 0x004000;
export const VM_FAULT_HINDEX_MASK	= 0x0f0000;
export const VM_FAULT_ERROR		= VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV |
					  VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE |
					  VM_FAULT_FALLBACK;

/** The index of the size of a poisoned huge page, in VM_FAULT_HINDEX_MASK. */
export function VM_FAULT_SET_HINDEX(x: number): number {
	return x << 16;
}

export function VM_FAULT_GET_HINDEX(x: number): number {
	return (x >> 16) & 0xf;
}

export const PE_SIZE_PTE	= 0;
export const PE_SIZE_PMD	= 1;
export const PE_SIZE_PUD	= 2;

/** The reference count of a small page rises by this much for each FOLL_PIN. */
export const GUP_PIN_COUNTING_BIAS	= 1 << 10;

export const FOLL_WRITE		= 0x01;
export const FOLL_TOUCH		= 0x02;
export const FOLL_GET		= 0x04;
export const FOLL_DUMP		= 0x08;
export const FOLL_FORCE		= 0x10;
export const FOLL_NOWAIT	= 0x20;
export const FOLL_NOFAULT	= 0x80;
export const FOLL_HWPOISON	= 0x100;
export const FOLL_NUMA		= 0x200;
export const FOLL_MIGRATION	= 0x400;
export const FOLL_TRIED		= 0x800;
export const FOLL_REMOTE	= 0x2000;
export const FOLL_ANON		= 0x8000;
export const FOLL_LONGTERM	= 0x10000;
export const FOLL_SPLIT_PMD	= 0x20000;
export const FOLL_PIN		= 0x40000;
export const FOLL_FAST_ONLY	= 0x80000;

export const MM_CP_TRY_CHANGE_WRITABLE	= 1 << 0;
export const MM_CP_PROT_NUMA		= 1 << 1;

export const ZAP_FLAG_DROP_MARKER	= 1 << 0;

/** Mappings a process may have: what fits the section count of a core dump. */
export const DEFAULT_MAX_MAP_COUNT	= 65535 - 5;

/* memory_failure(): what it is to do */
export const MF_COUNT_INCREASED		= 1 << 0;
export const MF_ACTION_REQUIRED		= 1 << 1;
export const MF_MUST_KILL		= 1 << 2;
export const MF_SOFT_OFFLINE		= 1 << 3;
export const MF_UNPOISON		= 1 << 4;
export const MF_SW_SIMULATED		= 1 << 5;
export const MF_NO_RETRY		= 1 << 6;

/* ... and what came of it */
export const MF_IGNORED			= 0;
export const MF_FAILED			= 1;
export const MF_DELAYED			= 2;
export const MF_RECOVERED		= 3;
