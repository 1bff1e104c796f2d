// SPDX-License-Identifier: GPL-2.0
/*
 * Without accessed and dirty bits (kvm_intel.eptad=N): a page grows old by losing its permissions,
 * and young again by a fault that needs no lock.
 *
 * Port-only.
 */
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { gfn_t, gpa_t } from "#asm-generic/types.ts";
import { EOPNOTSUPP } from "#linux/errno.ts";
import { kvm_age_gfn, kvm_test_age_gfn, struct_kvm_gfn_range } from
	"#linux/kvm_host.ts";
import { write_lock, write_unlock } from "#linux/spinlock.ts";
import { kvm_mmu_do_page_fault, RET_PF_FIXED, RET_PF_SPURIOUS } from
	"#arch/x86/kvm/mmu/mmu_internal.h.ts";
import { is_access_track_spte, is_writable_pte, kvm_ad_enabled } from
	"#arch/x86/kvm/mmu/spte.h.ts";
import { O_RDWR } from "#uapi/asm-generic/fcntl.ts";
import { KVM_CREATE_VM } from "#uapi/linux/kvm.ts";
import { errno } from "#tools/include/nolibc/arch.ts";
import { close, ioctl, open, write_file } from "#tools/include/nolibc/sys.ts";
import { anon, boot_kvm, FETCH, in_task, PAGE, PRESENT, state, USER, vm, WRITE } from
	"#tools/testing/kunit/kvm/mmu_env.ts";

let before = "";

beforeAll(() => {
	boot_kvm("intel", "kvm_intel.eptad=N kvm.nx_huge_pages=off");
});
beforeEach(() => {
	before = state();
});
afterEach(() => {
	expect(state()).toBe(before);
});

function range(m: vm, n: number): struct_kvm_gfn_range {
	const r = new struct_kvm_gfn_range();

	r.slot = m.slot_of(0);
	r.start = gfn_t(0);
	r.end = gfn_t(n);
	r.may_block = true;
	return r;
}

function age(m: vm, n: number): boolean {
	write_lock(m.kvm.mmu_lock);
	const young = kvm_age_gfn(m.kvm, range(m, n));
	write_unlock(m.kvm.mmu_lock);
	return young;
}

function young(m: vm, n: number): boolean {
	write_lock(m.kvm.mmu_lock);
	const r = kvm_test_age_gfn(m.kvm, range(m, n));
	write_unlock(m.kvm.mmu_lock);
	return r;
}

/** A fault that nobody may need mmu_lock for. */
function unlocked_fault(m: vm, gpa: number, error_code: number): number {
	return m.loaded(() => {
		write_lock(m.kvm.mmu_lock);
		const r = kvm_mmu_do_page_fault(m.vcpu, gpa_t(gpa), error_code, false);
		write_unlock(m.kvm.mmu_lock);
		return r;
	});
}

test("a VM needs the TDP MMU", () => in_task(() => {
	const kvm = open("/dev/kvm", O_RDWR);

	expect(write_file("/sys/module/kvm/parameters/tdp_mmu", "N")).toBe(0);
	expect(ioctl(kvm, KVM_CREATE_VM, 0)).toBe(-1);
	expect(errno()).toBe(EOPNOTSUPP);
	expect(write_file("/sys/module/kvm/parameters/tdp_mmu", "Y")).toBe(0);
	close(ioctl(kvm, KVM_CREATE_VM, 0));
	close(kvm);
}));

test("an old page is inaccessible, and a fault makes it young", () => in_task(() => {
	const m = new vm(), at = anon(4 * PAGE);

	expect(kvm_ad_enabled()).toBe(false);
	m.slot(0, at, 4 * PAGE);
	for (let i = 0; i < 4; i++)
		expect(m.fault(i * PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
	expect(young(m, 4)).toBe(true);
	expect(age(m, 4)).toBe(true);
	expect(young(m, 4)).toBe(false);
	expect(age(m, 4)).toBe(false);
	expect(is_access_track_spte(m.walk(PAGE).spte)).toBe(true);
	expect(unlocked_fault(m, PAGE, USER)).toBe(RET_PF_FIXED);
	expect(is_access_track_spte(m.walk(PAGE).spte)).toBe(false);
	/* a read gives no permission to write back */
	expect(is_writable_pte(m.walk(PAGE).spte)).toBe(false);
	expect(young(m, 1)).toBe(false);
	expect(young(m, 2)).toBe(true);
	expect(unlocked_fault(m, PAGE, PRESENT | WRITE | USER)).toBe(RET_PF_FIXED);
	expect(is_writable_pte(m.walk(PAGE).spte)).toBe(true);
	expect(unlocked_fault(m, 2 * PAGE, WRITE | USER)).toBe(RET_PF_FIXED);
	expect(is_writable_pte(m.walk(2 * PAGE).spte)).toBe(true);
	expect(unlocked_fault(m, 3 * PAGE, FETCH | USER)).toBe(RET_PF_FIXED);
	expect(unlocked_fault(m, 3 * PAGE, FETCH | USER)).toBe(RET_PF_SPURIOUS);
	expect(m.vcpu.stat.pf_fast).toBe(5);
	m.close();
}));
