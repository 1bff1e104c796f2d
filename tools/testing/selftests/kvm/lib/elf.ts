// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loads the test's image into a VM: one segment of text, one of data.
 *
 * Upstream: tools/testing/selftests/kvm/lib/elf.c, for the part after the headers were read.
 */
import { GUEST_TEXT_BASE, GUEST_TEXT_SIZE, guest_text_image } from "#hw/isa_guest.ts";
import { memset, poke } from "#tools/include/nolibc/nolibc.ts";
import { GUEST_DATA_BASE, GUEST_DATA_SIZE } from "../include/guest.ts";
import { addr_gva2hva, type struct_kvm_vm, vm_vaddr_alloc } from "../include/kvm_util_base.ts";
import { TEST_ASSERT } from "../include/test_util.ts";

function load_segment(vm: struct_kvm_vm, seg_vstart: number, seg_size: number,
	image: Uint8Array | null): void {
	const vaddr = vm_vaddr_alloc(vm, seg_size, seg_vstart);
	TEST_ASSERT(vaddr === seg_vstart, "Unable to allocate " +
		"virtual memory for segment at requested min addr,\n" +
		"  seg_vstart: 0x%lx\n" +
		"  vaddr: 0x%lx", seg_vstart, vaddr);
	/* its pages are in a row in guest memory, and so in the test's */
	const hva = addr_gva2hva(vm, vaddr);
	if (image === null) {
		memset(hva, 0, seg_size);
		return;
	}
	const bytes = new Uint8Array(seg_size);
	for (let at = 0; at < seg_size; at += image.length)
		bytes.set(image, at);
	poke(hva, bytes);
}

/** elf.c:kvm_vm_elf_load() */
export function kvm_vm_elf_load(vm: struct_kvm_vm): void {
	load_segment(vm, GUEST_TEXT_BASE, GUEST_TEXT_SIZE, guest_text_image());
	load_segment(vm, GUEST_DATA_BASE, GUEST_DATA_SIZE, null);
}
