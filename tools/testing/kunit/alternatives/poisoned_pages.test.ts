// SPDX-License-Identifier: GPL-2.0
/*
 * Guest private memory as poisoned pages: what it could do, and what it could not.
 *
 * Port-only. The model is in poisoned_pages.ts; programs here are its VMMs.
 */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { EFAULT, EHWPOISON, EIO } from "#linux/errno.ts";
import {
	FOLL_HWPOISON, FOLL_WRITE, get_mm_counter, get_page, get_user_pages_fast,
	get_user_pages_unlocked, page_count, page_mapped, put_page, sync_mm_rss,
} from "#linux/mm.ts";
import { MM_ANONPAGES, type struct_page } from "#linux/mm_types.ts";
import { PageHWPoison, PageTransCompound, is_free_buddy_page, page_folio } from
	"#linux/page-flags.ts";
import { lock_page, unlock_page } from "#linux/pagemap.ts";
import { oops_count, warn_count } from "#linux/panic.ts";
import { kmsg_text, log_buf_clear } from "#linux/printk.ts";
import { try_to_migrate } from "#linux/rmap.ts";
import { num_poisoned_pages_read } from "#linux/swapops.ts";
import { memory_failure } from "#mm/memory-failure.ts";
import { remove_migration_ptes } from "#mm/migrate.ts";
import { drain_all_pages } from "#mm/page_alloc.ts";
import { syscall } from "#arch/x86/entry/syscall_64.ts";
import { memcpy_to_page } from "#asm/page.ts";
import {
	__NR_ftruncate, __NR_madvise, __NR_mmap, __NR_munmap, __NR_pread64, __NR_pwrite64,
} from "#uapi-asm/unistd_64.ts";
import { KVM_ENOSYS } from "#uapi/linux/kvm_para.ts";
import { user_load8, user_store8 } from "#hw/isa.ts";
import { tme_clear_on_free_check, tme_clear_page, tme_poison_line } from "#hw/tme.ts";
import { MAP_SHARED, boot_host, kernel, memfd, mmap, page_at, run_program, scratch, sigbus_of } from
	"#tools/testing/kunit/mce/host.ts";
import {
	KVM_HC_ENABLE_MEM_PROTECTED, KVM_HC_MEM_SHARE, KVM_NR_SHARED_RANGES, copy_from_guest,
	guest_read, guest_write, host_entry, kvm_create_vm, kvm_destroy_vm, kvm_emulate_hypercall,
	kvm_page_owner, kvm_pages_held, kvm_unpoison_unused, type struct_poison_vm,
} from "./poisoned_pages.ts";

const PAGE = 4096, HPAGE = 2 * 1024 * 1024;
const MAP_FIXED = 0x10, MADV_HUGEPAGE = 14;
/** BUS_MCEERR_AR at the first byte of a page of 4 KiB */
const KILLED = [4, 0, 12];

/** Runs @body as a program; its exceptions are the test's. */
function run(body: () => void): void {
	let thrown: unknown = null;
	const status = run_program(() => {
		try {
			body();
		} catch (e) {
			thrown = e;
		}
	});
	if (thrown !== null)
		throw thrown;
	expect([status, warn_count, oops_count]).toEqual([0, 0, 0]);
}

/** What @fn returns in the kernel. */
function k<T>(fn: () => T): T {
	const out: T[] = [];

	kernel(() => { out.push(fn()); });
	return out[0]!;
}

const hypercall = (vm: struct_poison_vm, nr: number, a0 = 0, a1 = 0): number =>
	k(() => kvm_emulate_hypercall(vm, nr, a0, a1));
const read = (vm: struct_poison_vm, gpa: number): number => k(() => guest_read(vm, gpa));
const write = (vm: struct_poison_vm, gpa: number, x: number): number =>
	k(() => guest_write(vm, gpa, x));
/** Page of the guest's gfn 0. */
const page0 = (vm: struct_poison_vm): struct_page => vm.ept.get(0)!;

/** A VM with @npages at @p from gfn 0 on. */
function new_vm(p: number, npages: number): struct_poison_vm {
	const vm = k(kvm_create_vm);

	vm.slots.push({ base_gfn: 0, npages, userspace_addr: p });
	return vm;
}

/** The same, after the guest has asked for protection. */
function protected_vm(p: number, npages: number): struct_poison_vm {
	const vm = new_vm(p, npages);

	expect(hypercall(vm, KVM_HC_ENABLE_MEM_PROTECTED)).toBe(0);
	return vm;
}

function file(npages: number): number {
	const fd = memfd();

	expect(syscall(__NR_ftruncate, fd, npages * PAGE)).toBe(0);
	return fd;
}

/* a free page may have poison, as nothing there knew of */
beforeAll(() => { boot_host("emca2=off", true, "clear_on_drop=0"); });
beforeEach(() => { log_buf_clear(); });
afterEach(() => {
	kvm_unpoison_unused();
	expect(kvm_pages_held()).toBe(0);
});

const backings: [string, (npages: number) => number][] = [
	["anonymous memory", (n) => mmap(n * PAGE)],
	["a file of tmpfs", (n) => mmap(n * PAGE, MAP_SHARED, file(n))],
];

describe.each(backings)("what it could do, with %s", (_name, memory) => {
	test("the process that touches it gets SIGBUS, and the guest is none the worse", () => {
		run(() => {
			const p = memory(2), vm = protected_vm(p, 2);
			user_store8(p, 1);
			expect(read(vm, 0)).toBe(1);
			expect(write(vm, 1, 2)).toBe(0);
			expect(sigbus_of(p, () => user_load8(p))).toEqual(KILLED);
			expect(sigbus_of(p, () => user_store8(p, 9))).toEqual(KILLED);
			expect([read(vm, 0), read(vm, 1)]).toEqual([1, 2]);
		});
	});
	test("system calls get EFAULT, get_user_pages() too, KVM its page", () => {
		run(() => {
			const p = memory(1), vm = protected_vm(p, 1), fd = file(1);
			write(vm, 0, 7);
			expect(syscall(__NR_pwrite64, fd, p, 8, 0)).toBe(-EFAULT);
			expect(syscall(__NR_pread64, fd, p, 8, 0)).toBe(-EFAULT);
			expect(k(() => get_user_pages_fast(p, 1, FOLL_WRITE, []))).toBe(-EFAULT);
			expect(k(() => get_user_pages_unlocked(p, 1, [], FOLL_WRITE |
				FOLL_HWPOISON))).toBe(-EHWPOISON);
			expect(k(() => copy_from_guest(vm, p))).toBe(7);
			expect(read(vm, 0)).toBe(7);
		});
	});
	test("a page is one VM's", () => {
		run(() => {
			const p = memory(1), vm = protected_vm(p, 1);
			write(vm, 0, 7);
			const page = page0(vm);
			for (const other of [protected_vm(p, 1), new_vm(p, 1)]) {
				expect(sigbus_of(p, () => read(other, 0))).toEqual(KILLED);
				expect(other.ept.size).toBe(0);
				expect(k(() => copy_from_guest(other, p))).toBe(-EFAULT);
			}
			expect(kvm_page_owner(page)).toBe(vm.id);
			expect(read(vm, 0)).toBe(7);
		});
	});
	test("what the guest shares is the host's again, with its content", () => {
		run(() => {
			const p = memory(2), vm = protected_vm(p, 2);
			write(vm, 0, 7);
			const page = page0(vm);
			expect(hypercall(vm, KVM_HC_MEM_SHARE, 0, 1)).toBe(0);
			expect(user_load8(p)).toBe(7);
			user_store8(p, 8);
			expect(page_at(p)).toBe(page);
			expect(read(vm, 0)).toBe(8);
			expect(page0(vm)).toBe(page);
			expect([PageHWPoison(page), kvm_page_owner(page)]).toEqual([false, null]);
			/* that was not about the other one */
			write(vm, PAGE, 1);
			expect(sigbus_of(p + PAGE, () => user_load8(p + PAGE))).toEqual(KILLED);
		});
	});
	test("a page that is really broken is not given to a guest", () => {
		run(() => {
			const p = memory(1), vm = protected_vm(p, 1);
			user_store8(p, 1);
			const page = page_at(p);
			expect(k(() => memory_failure(page.pfn, 0))).toBe(0);
			expect(sigbus_of(p, () => read(vm, 0))).toEqual(KILLED);
			expect(kvm_page_owner(page)).toBe(null);
			expect(kvm_pages_held()).toBe(0);
		});
	});
});

describe("what it could do, with pages that go", () => {
	test("unmapped, anonymous pages are sound and the allocator's", () => {
		run(() => {
			const p = mmap(2 * PAGE), vm = protected_vm(p, 2);
			write(vm, 0, 7);
			write(vm, PAGE, 7);
			const page = page0(vm);
			expect(k(() => host_entry(vm.mm, p))).toBe("hwpoison");
			expect(syscall(__NR_munmap, p, PAGE)).toBe(0);
			expect([...vm.ept.keys()]).toEqual([1]);
			expect([PageHWPoison(page), page_count(page)]).toEqual([false, 0]);
			expect([kvm_page_owner(page), kvm_pages_held()]).toEqual([null, 1]);
		});
	});
});

describe("what it could do, with a file", () => {
	test("neither read() nor another mapping gets at it", () => {
		run(() => {
			const fd = file(2), p = mmap(2 * PAGE, MAP_SHARED, fd);
			const other = mmap(2 * PAGE, MAP_SHARED, fd), vm = protected_vm(p, 2);
			user_store8(other, 1);
			write(vm, 0, 7);
			expect(sigbus_of(other, () => user_load8(other))).toEqual(KILLED);
			expect(syscall(__NR_pread64, fd, scratch, 8, 0)).toBe(-EIO);
			expect(syscall(__NR_pwrite64, fd, scratch, 8, 0)).toBe(-EIO);
			expect(syscall(__NR_pread64, fd, scratch, 8, PAGE)).toBe(8);
			const late = mmap(2 * PAGE, MAP_SHARED, fd);
			expect(sigbus_of(late, () => user_load8(late))).toEqual(KILLED);
			expect(read(vm, 0)).toBe(7);
		});
	});
});

describe("what it could not do: conversion", () => {
	test("shared is for good", () => {
		run(() => {
			const p = mmap(PAGE), vm = protected_vm(p, 1);
			write(vm, 0, 7);
			hypercall(vm, KVM_HC_MEM_SHARE, 0, 1);
			/* the first posting had a hypercall 14 for that */
			expect(hypercall(vm, 14, 0, 1)).toBe(-KVM_ENOSYS);
			expect(hypercall(vm, KVM_HC_ENABLE_MEM_PROTECTED)).toBe(0);
			expect(write(vm, 0, 8)).toBe(0);
			expect(user_load8(p)).toBe(8);
		});
	});
	test("there are 32 shared ranges, and one more is not even refused", () => {
		run(() => {
			const n = 2 * KVM_NR_SHARED_RANGES, p = mmap((n + 1) * PAGE);
			const vm = protected_vm(p, n + 1), last = p + n * PAGE;
			for (let gfn = 0; gfn < n; gfn += 2)
				hypercall(vm, KVM_HC_MEM_SHARE, gfn, 1);
			expect(vm.shared_ranges.length).toBe(32);
			user_store8(last, 1);
			expect(hypercall(vm, KVM_HC_MEM_SHARE, n, 1)).toBe(0);
			expect(vm.shared_ranges.length).toBe(32);
			expect(user_load8(last)).toBe(1);
			/* ... until the guest uses what it believes to share */
			expect(read(vm, n * PAGE)).toBe(1);
			expect(sigbus_of(last, () => user_load8(last))).toEqual(KILLED);
			/* two ranges that meet make room */
			hypercall(vm, KVM_HC_MEM_SHARE, 1, 1);
			expect(vm.shared_ranges.length).toBe(31);
			hypercall(vm, KVM_HC_MEM_SHARE, n, 1);
			write(vm, n * PAGE, 3);
			expect(user_load8(last)).toBe(3);
		});
	});
	test("nothing is private before the guest has touched it", () => {
		run(() => {
			const p = mmap(PAGE), vm = protected_vm(p, 1);
			user_store8(p, 9);
			expect(k(() => host_entry(vm.mm, p))).toBe("present");
			expect(read(vm, 0)).toBe(9);
			expect(k(() => host_entry(vm.mm, p))).toBe("hwpoison");
		});
	});
});

describe("what it could not do: memory management", () => {
	test("huge pages", () => {
		run(() => {
			const at = mmap(2 * HPAGE), p = Math.ceil(at / HPAGE) * HPAGE;
			expect(syscall(__NR_madvise, p, HPAGE, MADV_HUGEPAGE)).toBe(0);
			user_store8(p, 1);
			expect(PageTransCompound(page_at(p))).toBe(true);
			const vm = new_vm(p, HPAGE / PAGE);
			expect(read(vm, 0)).toBe(1);
			hypercall(vm, KVM_HC_ENABLE_MEM_PROTECTED);
			expect(sigbus_of(p, () => read(vm, 0))).toEqual(KILLED);
			expect(user_load8(p)).toBe(1);
		});
	});
	test("migration and swap: reverse mapping knows nothing of the entry", () => {
		run(() => {
			const p = mmap(2 * PAGE), vm = protected_vm(p, 1);
			user_store8(p + PAGE, 1);
			write(vm, 0, 7);
			const mine = page0(vm), hosts = page_at(p + PAGE);
			const entries = (page: struct_page, addr: number): string[] => k(() => {
				const seen: string[] = [];
				get_page(page);
				lock_page(page);
				try_to_migrate(page_folio(page), 0);
				seen.push(host_entry(vm.mm, addr));
				remove_migration_ptes(page_folio(page), page_folio(page), false);
				seen.push(host_entry(vm.mm, addr));
				unlock_page(page);
				put_page(page);
				return seen;
			});
			expect(entries(hosts, p + PAGE)).toEqual(["migration", "present"]);
			expect(page_mapped(mine)).toBe(false);
			expect(entries(mine, p)).toEqual(["hwpoison", "hwpoison"]);
		});
	});
	test("the process is not charged for what the guest has", () => {
		run(() => {
			const n = 16, p = mmap(n * PAGE), vm = protected_vm(p, n);
			const rss = (): number => k(() => {
				sync_mm_rss(vm.mm);
				return get_mm_counter(vm.mm, MM_ANONPAGES);
			});
			for (let i = 0; i < n; i++)
				user_store8(p + i * PAGE, 1);
			const before = rss(), bad = num_poisoned_pages_read();
			for (let i = 0; i < n; i++)
				read(vm, i * PAGE);
			expect(rss()).toBe(before - n);
			expect(kvm_pages_held()).toBe(n);
			/* nor are they bad pages, for /proc/meminfo */
			expect(num_poisoned_pages_read()).toBe(bad);
		});
	});
	test("who had the page before still has it", () => {
		run(() => {
			const p = mmap(PAGE), vm = protected_vm(p, 1), pages: struct_page[] = [];
			expect(k(() => get_user_pages_fast(p, 1, FOLL_WRITE, pages))).toBe(1);
			write(vm, 0, 7);
			expect(page0(vm)).toBe(pages[0]);
			k(() => memcpy_to_page(pages[0]!, 0, new Uint8Array([9]), 1));
			expect(read(vm, 0)).toBe(9);
			k(() => put_page(pages[0]!));
		});
	});
	test("one page may be at two places of a guest", () => {
		run(() => {
			const p = mmap(PAGE), vm = protected_vm(p, 1);
			vm.slots.push({ base_gfn: 100, npages: 1, userspace_addr: p });
			write(vm, 0, 7);
			expect(read(vm, 100 * PAGE)).toBe(7);
			expect(vm.ept.get(100)).toBe(page0(vm));
		});
	});
});

describe("what it could not do: files", () => {
	test("a VMM that maps its file anew has lost the guest's memory, KVM too", () => {
		run(() => {
			const fd = file(1), p = mmap(PAGE, MAP_SHARED, fd);
			const vm = protected_vm(p, 1);
			write(vm, 0, 7);
			const page = page0(vm);
			const flags = MAP_SHARED | MAP_FIXED;
			expect(syscall(__NR_mmap, p, PAGE, 3, flags, fd, 0)).toBe(p);
			expect(sigbus_of(p, () => read(vm, 0))).toEqual(KILLED);
			expect([PageHWPoison(page), kvm_page_owner(page)]).toEqual([true, vm.id]);
		});
	});
	test("the file is of no use after the VM, but for truncation", () => {
		run(() => {
			const fd = file(1), p = mmap(PAGE, MAP_SHARED, fd);
			const vm = protected_vm(p, 1);
			write(vm, 0, 7);
			const page = page0(vm);
			k(() => kvm_destroy_vm(vm));
			expect(PageHWPoison(page)).toBe(true);
			expect(syscall(__NR_pread64, fd, scratch, 8, 0)).toBe(-EIO);
			syscall(__NR_ftruncate, fd, 0);
			k(kvm_unpoison_unused);
			expect([PageHWPoison(page), page_count(page)]).toEqual([false, 0]);
			syscall(__NR_ftruncate, fd, PAGE);
			expect(syscall(__NR_pread64, fd, scratch, 8, 0)).toBe(8);
		});
	});
});

describe("what it could not do: tell poison from poison", () => {
	/** Whether the allocator would hand it out. */
	const is_free = (page: struct_page): boolean => k(() => {
		drain_all_pages(null);
		return is_free_buddy_page(page);
	});

	test("a stray access is reported as broken hardware", () => {
		run(() => {
			const p = mmap(PAGE), vm = protected_vm(p, 1);
			const bad = num_poisoned_pages_read();
			write(vm, 0, 7);
			expect(sigbus_of(p, () => user_load8(p))).toEqual(KILLED);
			expect(num_poisoned_pages_read()).toBe(bad);
		});
		expect(kmsg_text().join("\n")).toMatch(
			/MCE: Killing test:\d+ due to hardware memory corruption fault at/);
	});
	test("an error of ordinary memory is counted, and the page never used again", () => {
		run(() => {
			const p = mmap(PAGE), bad = num_poisoned_pages_read();
			user_store8(p, 1);
			const page = page_at(p);
			tme_poison_line(page.pfn * PAGE);
			expect(k(() => memory_failure(page.pfn, 0))).toBe(0);
			expect(num_poisoned_pages_read()).toBe(bad + 1);
			expect(syscall(__NR_munmap, p, PAGE)).toBe(0);
			expect([PageHWPoison(page), is_free(page)]).toEqual([true, false]);
		});
	});
	test("... of a guest's is not noticed, and the page is", () => {
		run(() => {
			const p = mmap(PAGE), vm = protected_vm(p, 1);
			const bad = num_poisoned_pages_read();
			write(vm, 0, 7);
			const page = page0(vm), hpa = page.pfn * PAGE;
			tme_poison_line(hpa);
			expect(k(() => memory_failure(page.pfn, 0))).toBe(-EHWPOISON);
			expect(num_poisoned_pages_read()).toBe(bad);
			k(() => kvm_destroy_vm(vm));
			expect([PageHWPoison(page), is_free(page)]).toEqual([false, true]);
			/* for the next one who gets it */
			expect(tme_clear_on_free_check(hpa)).toBe(true);
			tme_clear_page(hpa, 0);
		});
		expect(kmsg_text().join("\n")).toMatch(/already hardware poisoned/);
	});
});
